//! Asks for more than there is, and for what makes no sense; at a server that echoes. Each is an error that the user can go on from.
//! The largest message takes more memory than a user has by default: it needs `--memory-limit 64MiB`.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Error as SocketError, Every, Inbox, Key, Pattern, Watch, WebSocket};
use lt_test_programs::Peer;

struct Guest(Peer);

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn is_invalid<T>(result: &websocket::Result<T>) -> bool {
    matches!(result, Err(SocketError::InvalidRequest(_)))
}

fn is_too_many<T>(result: &websocket::Result<T>) -> bool {
    matches!(result, Err(SocketError::TooMany(_)))
}

fn is_too_large<T>(result: &websocket::Result<T>) -> bool {
    matches!(result, Err(SocketError::TooLarge(_)))
}

fn requests(url: &str) -> Result<()> {
    let request = || WebSocket::request(url);
    for (what, wrong) in [
        ("no URL", WebSocket::request("nowhere")),
        ("another scheme", WebSocket::request("ftp://127.0.0.1/")),
        ("a header of two lines", request().header("x", "a\r\nb: c")),
        (
            "a header of the handshake",
            request().header("sec-websocket-key", "x"),
        ),
        ("a subprotocol of two words", request().subprotocol("a b")),
        ("fragments of nothing", request().fragment_bytes(0)),
        ("too long messages", request().message_bytes_max(17 << 20)),
        (
            "too large an inbox",
            request().inbox(Inbox::new().bytes(17 << 20)),
        ),
    ] {
        ensure!(is_invalid(&wrong.connect()), "{what} was taken");
    }
    Ok(())
}

fn sockets(url: &str) -> Result<()> {
    let mut open = Vec::new();
    let refused = loop {
        match websocket::connect(url) {
            Ok(socket) => open.push(socket),
            Err(error) => break Err::<(), _>(error),
        }
        ensure!(open.len() <= 64, "a user has {} sockets", open.len());
    };
    ensure!(
        open.len() == 64 && is_too_many(&refused),
        "{} sockets",
        open.len()
    );
    open.pop();
    websocket::connect(url)?;
    Ok(())
}

fn watches(socket: &WebSocket) -> Result<()> {
    let any = || Watch::new(Pattern::any());
    for (what, wrong) in [
        ("a bracket", Watch::new(Pattern::regex("("))),
        ("a bracket as an id", any().delivery(Key::regex("("))),
        ("no pointer", Watch::new(Pattern::json("type", "a"))),
        ("no pointer to an id", any().delivery(Key::pointer("id"))),
    ] {
        ensure!(is_invalid(&socket.watch(wrong)), "{what} was taken");
    }
    let mut held = (0..16)
        .map(|_| socket.watch(any()))
        .collect::<Result<Vec<_>, _>>()?;
    ensure!(is_too_many(&socket.watch(any())), "a 17th watch");
    held.pop();
    held.push(socket.watch(any())?);
    Ok(())
}

fn heartbeats(socket: &WebSocket) -> Result<()> {
    let beat = |interval: Duration| socket.send_text_every(interval, "beat");
    ensure!(is_invalid(&beat(MILLISECOND)), "each millisecond");
    ensure!(
        is_invalid(&socket.ping_every(MILLISECOND, None)),
        "each millisecond"
    );
    let mut held = (0..4).map(|_| beat(HOUR)).collect::<Result<Vec<_>, _>>()?;
    ensure!(is_too_many(&beat(HOUR)), "a fifth heartbeat");
    held.pop();
    held.push(beat(HOUR)?);
    let first = socket.ping_every(HOUR, None)?;
    let second = socket.ping_every(Every::new(HOUR).first(Duration::ZERO), None)?;
    timing::sleep(Duration::from_millis(100));
    check!(
        "the second took its place",
        (first.sent(), second.sent()) == (0, 1)
    );
    Ok(())
}

fn sizes(socket: &WebSocket) -> Result<()> {
    ensure!(is_too_large(&socket.send_ping([0; 126])), "a long ping");
    ensure!(is_too_large(&socket.send_pong([0; 126])), "a long pong");
    socket.send_ping([0; 125])?;
    let large = vec![0_u8; (16 << 20) + 1];
    ensure!(is_too_large(&socket.send_binary(large)), "17 MiB");
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        ensure!(is_invalid(&socket.close_with(code, "")), "code {code}");
    }
    let long = "x".repeat(124);
    ensure!(is_invalid(&socket.close_with(1000, &long)), "a long reason");
    ensure!(
        is_invalid(&socket.close_within(None, "why", None)),
        "a reason without a code"
    );
    socket.send_text("still open")?;
    let echo = socket.receive_matching(&Pattern::contains("still"), Duration::from_secs(10))?;
    ensure!(echo.text() == Some("still open"), "it is not");
    socket.close_with(4999, &long[1..])?;
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        requests(&self.0.url)?;
        sockets(&self.0.url)?;
        let socket = websocket::connect(&self.0.url)?;
        watches(&socket)?;
        heartbeats(&socket)?;
        sizes(&socket)?;
        check!("every limit holds", true);
        Ok(())
    }
}
