//! Sessions against a server that writes by hand.

mod answers;
mod ending;
mod management;
mod requests;
mod room;
mod steps;
mod timing;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};

use super::*;
use crate::dial::tcp::{self, Stream};
use crate::peer::{Peer, local, local_paused};
use crate::websocket::InboxOptions;
use crate::xmpp::framer::Event;
use crate::xmpp::session::Setup;
use crate::xmpp::sm::SmState;
use crate::xmpp::{
    Connected, Handlers, Intake, Item, Opened, Request, StanzaKind, Unsent, Verdict, XmppError,
    check_element,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const OWN: &str = "alice@example.org/desk";
const END: &str = "</stream:stream>";

/// What the pump said.
#[derive(Default)]
struct Log {
    /// One line for each call but those about bytes.
    lines: RefCell<Vec<String>>,
    bytes: Cell<(u64, u64)>,
    ended: RefCell<Vec<Close>>,
    #[expect(clippy::type_complexity, reason = "a test's own")]
    watch: Option<Box<dyn Fn(&Stanza) -> Verdict>>,
}

impl Log {
    fn add(&self, line: String) {
        assert!(self.ended.borrow().is_empty(), "{line} after the end");
        self.lines.borrow_mut().push(line);
    }

    /// The lines that begin so.
    fn of(&self, start: &str) -> Vec<String> {
        let lines = self.lines.borrow();
        let lines = lines.iter().filter_map(|line| line.strip_prefix(start));
        lines.map(str::to_owned).collect()
    }
}

impl Observer for Rc<Log> {
    fn received(&self, kind: StanzaKind) {
        self.add(format!("received {}", kind.as_str()));
    }

    fn watched(&self, stanza: &Stanza) -> Verdict {
        self.add(format!("watched {}", stanza.name()));
        let watch = self.watch.as_ref();
        watch.map_or_else(Verdict::default, |watch| watch(stanza))
    }

    fn sent(&self, counts: [u32; StanzaKind::COUNT]) {
        for kind in StanzaKind::ALL {
            for _ in 0..counts[kind.index()] {
                self.add(format!("sent {}", kind.as_str()));
            }
        }
    }

    fn dropped(&self, stanzas: u64) {
        self.add(format!("dropped {stanzas}"));
    }

    fn unexpected(&self, what: &'static str, stanza: &Stanza) {
        self.add(format!("unexpected {what} {}", stanza.name()));
    }

    fn answered(&self, namespace: &str, _: Duration, error: Option<&XmppError>) {
        let error = error.map_or(String::new(), |error| format!(": {error}"));
        self.add(format!("answered {namespace}{error}"));
    }

    fn error(&self, condition: &str) {
        self.add(format!("error {condition}"));
    }

    fn bytes(&self, sent: u64, received: u64) {
        let before = self.bytes.get();
        self.bytes.set((before.0 + sent, before.1 + received));
    }

    fn ended(&self, close: &Close, _: Duration) {
        self.ended.borrow_mut().push(close.clone());
    }
}

/// How a session is set up.
struct Settings {
    handlers: Handlers,
    intake: Intake,
    inbox: InboxOptions,
    sm: Option<SmState>,
    early: Vec<Stanza>,
    features: Vec<String>,
    stanza_bytes_max: usize,
    log: Log,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            handlers: Handlers::default(),
            intake: Intake::default(),
            inbox: InboxOptions::default(),
            sm: None,
            early: Vec::new(),
            features: vec!["urn:xmpp:sm:3".to_owned()],
            stanza_bytes_max: 10_000,
            log: Log::default(),
        }
    }
}

/// A session, what its pump said, and the pump.
struct Client {
    session: Rc<Session>,
    log: Rc<Log>,
    pump: JoinHandle<()>,
    /// Says that the server's script came to its end; it is silent if that failed.
    server: oneshot::Receiver<()>,
}

/// A session with usual settings, and a server that does what the script says.
async fn pair<F: Future<Output = ()> + 'static>(script: impl Fn(Server) -> F + 'static) -> Client {
    pair_with(Settings::default(), script).await
}

async fn pair_with<F: Future<Output = ()> + 'static>(
    mut settings: Settings,
    script: impl Fn(Server) -> F + 'static,
) -> Client {
    let log = Rc::new(std::mem::take(&mut settings.log));
    let (Opened { session, pump }, server) = opened(settings, script).await;
    let pump = spawn_local(pump.run(log.clone()));
    Client {
        session,
        log,
        pump,
        server,
    }
}

/// A session whose pump nobody drives yet, and what says that the server's script came to its end.
async fn opened<F: Future<Output = ()> + 'static>(
    settings: Settings,
    script: impl Fn(Server) -> F + 'static,
) -> (Opened, oneshot::Receiver<()>) {
    let (done, server) = oneshot::channel();
    let done = RefCell::new(Some(done));
    let peer = Peer::start(move |_, stream| {
        let seen = String::new();
        let (script, done) = (script(Server { stream, seen }), done.take().unwrap());
        async move {
            script.await;
            // A test may have ended without asking.
            let _ = done.send(());
        }
    })
    .await;
    let wire = tcp::connect(&[peer.address], None).await.unwrap();
    let mut channel = Channel::over(Stream::Plain(wire), settings.stanza_bytes_max);
    channel.open_stream("example.org", None);
    assert!(matches!(channel.next().await.unwrap(), Event::Open(_)));
    (over(channel, peer.address, settings), server)
}

/// A session over a stream that was begun.
fn over(channel: Channel, remote: std::net::SocketAddr, settings: Settings) -> Opened {
    let connected = Connected {
        jid: OWN.to_owned(),
        mechanism: "PLAIN",
        tls_version: "",
        remote,
        resumed: false,
        features: settings.features,
        steps: Vec::new(),
        total: SECOND,
    };
    let setup = Setup {
        handlers: settings.handlers,
        intake: settings.intake,
        inbox: settings.inbox,
        sm: settings.sm,
        early: settings.early,
        domain: "example.org".to_owned(),
    };
    Session::open(channel, connected, setup)
}

impl Client {
    /// Send an element.
    fn send(&self, xml: &str) {
        assert_eq!(self.session.try_send(item(xml)), Ok(()));
    }

    /// The next stanza's text.
    async fn receive(&self) -> String {
        poll_fn(|cx| self.session.poll_receive(cx)).await;
        let stanza = self.session.try_receive(None);
        stanza.map_or(String::new(), |stanza| stanza.xml().to_owned())
    }

    /// The texts of the stanzas that wait.
    fn waiting(&self) -> Vec<String> {
        let stanzas = self.session.drain(usize::MAX);
        stanzas
            .iter()
            .map(|stanza| stanza.xml().to_owned())
            .collect()
    }

    fn request(&self, xml: &str) -> Rc<Request> {
        let outgoing = check_element(xml).unwrap();
        self.session
            .try_request(xml.into(), &outgoing, MINUTE)
            .unwrap()
    }

    /// The end, which the pump tells once and then ends itself.
    async fn closed(self) -> Close {
        let close = poll_fn(|cx| self.session.poll_closed(cx)).await;
        assert_eq!(self.session.closed(), Some(close.clone()));
        assert_eq!(
            self.session.try_send(item("<late/>")),
            Err(Unsent::Closed(close.clone()))
        );
        self.pump.await.unwrap();
        assert_eq!(*self.log.ended.borrow(), std::slice::from_ref(&close));
        self.server.await.expect("the server's script failed");
        close
    }

    /// Nobody wants it any more.
    async fn leave(self) {
        self.session.abandon();
        assert_eq!(self.closed().await.ending, Ending::ByUs);
    }
}

fn item(xml: &str) -> Item {
    let kind = check_element(xml).unwrap().kind;
    let xml = xml.into();
    Item::Stanza { xml, kind }
}

async fn answer(request: &Request) -> Result<String, XmppError> {
    let answer = poll_fn(|cx| request.poll(cx)).await;
    answer.map(|stanza| stanza.xml().to_owned())
}

/// A server's end of a stream.
struct Server {
    stream: TcpStream,
    /// What came and was not asked for yet.
    seen: String,
}

impl Server {
    /// Answer the stream's header.
    async fn begin(mut self) -> Self {
        let header = self.see("version='1.0'>").await;
        assert!(header.contains("to='example.org'"), "{header}");
        self.send(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' id='1' from='example.org' version='1.0'>",
        )
        .await;
        self
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// All up to this, which comes.
    async fn see(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(end) {
                let rest = self.seen.split_off(at + end.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let mut bytes = [0; 10_000];
            let length = self.stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "the end, after {:?}", self.seen);
            self.seen
                .push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
    }

    /// Exactly this comes next.
    async fn expect(&mut self, text: &str) {
        assert_eq!(self.see(text).await, text);
    }

    /// All that comes until the end of the connection.
    async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        self.seen.push_str(std::str::from_utf8(&rest).unwrap());
        self.seen
    }

    /// The client ends the stream next, and waits for nothing.
    async fn left(mut self) {
        self.expect(END).await;
        assert_eq!(self.rest().await, "");
    }
}
