//! Asks for more than there is, and for what makes no sense. Each is an error that the user can go on from.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{
    self, Account, Every, Filter, Inbox, Key, Session, Step, StreamManagement, Watch,
};
use lt_test_programs::xmpp::{Server, is_case};

struct Guest(Server);

const HOUR: Duration = Duration::from_secs(3600);

fn is_invalid<T>(result: &xmpp::Result<T>) -> bool {
    is_case(result, "invalid-request")
}

fn accounts(good: &Account) -> Result<()> {
    for (what, wrong) in [
        ("no domain", Account::new("user@", "x")),
        ("no JID", Account::new("a b@c@d", "x")),
        ("no port", good.clone().address("127.0.0.1:99999")),
        ("no WebSocket", good.clone().websocket("ftp://127.0.0.1/")),
        ("no time", good.clone().timeout(Duration::ZERO)),
        (
            "no time for a step",
            good.clone().step_timeout(Duration::ZERO),
        ),
        ("no mechanism", good.clone().mechanisms([])),
        ("too long stanzas", good.clone().stanza_bytes_max(17 << 20)),
        (
            "too large an inbox",
            good.clone().inbox(Inbox::new().bytes(17 << 20)),
        ),
        ("no local address", good.clone().source_address("here")),
        ("no certificates", good.clone().authorities("none")),
        ("no identity", good.clone().identity("none", "none")),
        ("a bracket", good.clone().intake(Filter::any().regex("("))),
        (
            "no JID to filter by",
            good.clone().intake(Filter::any().from("a@b@c")),
        ),
        (
            "asking after no stanza",
            good.clone()
                .stream_management(StreamManagement::new().ask_every(0)),
        ),
        (
            "a bind before the stream",
            good.clone().steps([Step::bind(), Step::stream()]),
        ),
    ] {
        let result = wrong.connect();
        ensure!(
            is_invalid(&result),
            "{what} was taken: {:?}",
            result.err().map(|error| error.to_string())
        );
    }
    Ok(())
}

fn sessions(good: &Account) -> Result<()> {
    let mut open = Vec::new();
    let refused = loop {
        match good.connect() {
            Ok(session) => open.push(session),
            Err(error) => break Err::<(), _>(error),
        }
        ensure!(open.len() <= 64, "a user has {} sessions", open.len());
    };
    ensure!(
        open.len() == 64 && is_case(&refused, "too-many"),
        "{} sessions",
        open.len()
    );
    open.pop();
    good.connect()?;
    Ok(())
}

fn stanzas(session: &Session) -> Result<()> {
    for (what, wrong) in [
        ("nothing", ""),
        ("text", "hello"),
        ("half an element", "<message>"),
        ("two elements", "<presence/><presence/>"),
        ("an end", "</stream:stream>"),
        ("a wrong end", "<a></b>"),
        ("an unknown prefix", "<x:message/>"),
        ("an entity", "<message>&bomb;</message>"),
        ("a declaration", "<!DOCTYPE a><message/>"),
        ("an attribute twice", "<message a='1' a='2'/>"),
    ] {
        ensure!(is_invalid(&session.send_xml(wrong)), "{what} was taken");
    }
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    ensure!(is_invalid(&session.send_xml(deep)), "10 000 levels");
    let large = format!("<message>{}</message>", "x".repeat(1 << 20));
    ensure!(is_case(&session.send_xml(&large), "too-large"), "1 MiB");
    ensure!(
        is_case(&session.send_raw(&large), "too-large"),
        "1 MiB as it is"
    );
    ensure!(
        is_invalid(&session.request_xml("<message type='get'/>")),
        "no iq"
    );
    ensure!(
        is_invalid(&session.request_xml("<iq type='result'/>")),
        "no request"
    );
    for (what, wrong) in [
        ("a long expression", Filter::any().regex("x".repeat(5000))),
        ("a bracket", Filter::any().regex("(")),
    ] {
        let result = session.receive(wrong, Duration::ZERO);
        ensure!(is_invalid(&result), "{what} was taken");
    }
    ensure!(is_invalid(&session.perform(Step::bind())), "binding again");
    Ok(())
}

fn watches(session: &Session) -> Result<()> {
    let any = || Watch::new(Filter::any());
    for (what, wrong) in [
        ("a bracket", Watch::new(Filter::any().regex("("))),
        ("a bracket in a key", any().delivery(Key::id().regex("("))),
        ("no path", any().delivery(Key::path("{"))),
        ("no element", any().reply("<message>")),
    ] {
        ensure!(is_invalid(&session.watch(wrong)), "{what} was taken");
    }
    let mut held = (0..16)
        .map(|_| session.watch(any()))
        .collect::<xmpp::Result<Vec<_>>>()?;
    ensure!(is_case(&session.watch(any()), "too-many"), "a 17th watch");
    held.pop();
    held.push(session.watch(any())?);
    Ok(())
}

fn clocks(session: &Session) -> Result<()> {
    let often = Duration::from_millis(1);
    ensure!(
        is_invalid(&session.send_every(often, "<presence/>")),
        "each millisecond"
    );
    ensure!(
        is_invalid(&session.send_every(HOUR, "<presence>")),
        "no element"
    );
    ensure!(is_invalid(&session.ping_every(often)), "each millisecond");
    let mut held = (0..4)
        .map(|_| session.send_every(HOUR, "<presence/>"))
        .collect::<xmpp::Result<Vec<_>>>()?;
    ensure!(
        is_case(&session.send_every(HOUR, "<presence/>"), "too-many"),
        "a fifth"
    );
    held.pop();
    held.push(session.keep_alive_every(HOUR)?);
    let first = session.ping_every(HOUR)?;
    let second = session.ping_every(Every::new(HOUR).first(Duration::ZERO))?;
    timing::sleep(Duration::from_millis(100));
    ensure!(
        (first.sent(), second.sent()) == (0, 1),
        "the second did not take its place"
    );
    Ok(())
}

/// At most 100 requests wait at a time: to nobody who would answer.
fn requests(session: &Session, silent: &Session) -> Result<()> {
    let ask = || session.start_request(&xmpp::ping(silent.jid()));
    let mut held = (0..100).map(|_| ask()).collect::<xmpp::Result<Vec<_>>>()?;
    ensure!(is_case(&ask(), "too-many"), "a 101st request");
    held.pop();
    held.push(ask()?);
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let good = self.0.account()?;
        accounts(&good)?;
        sessions(&good)?;
        let session = good.connect()?;
        let silent = good.clone().handlers(xmpp::Handlers::none()).connect()?;
        stanzas(&session)?;
        watches(&session)?;
        clocks(&session)?;
        requests(&session, &silent)?;
        ensure!(
            is_case(&session.acknowledge(), "not-offered"),
            "acknowledged without stream management"
        );
        session.request(&xmpp::ping(&self.0.domain))?;
        check!("every limit holds, and the session too", true);
        Ok(())
    }
}
