//! Asks for certain messages, and finds the others where they were; at a server that echoes.

use lt_sdk::json::Value;
use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Error as SocketError, Message, Pattern, WebSocket};
use lt_test_programs::Peer;

struct Guest(Peer);

const LIMIT: Duration = Duration::from_secs(10);
const WHILE: Duration = Duration::from_millis(20);

fn text(message: &Message) -> &str {
    message.text().unwrap_or("no text")
}

/// Each kind of pattern finds its own, in whatever order they came.
fn patterns(socket: &WebSocket) -> Result<()> {
    for text in [
        r#"{"type":"chat","n":1}"#,
        r#"{"type":"news","n":2.50,"to":{"a/b":["x","y"]}}"#,
        "plain text 17",
        r#"{"type":"chat","n":3,"last":true}"#,
    ] {
        socket.send_text(text)?;
    }
    socket.send_binary(b"\xffbytes")?;
    let find = |pattern: Pattern| socket.receive_matching(&pattern, LIMIT);
    let bytes = find(Pattern::contains("bytes"))?;
    ensure!(bytes.binary() == Some(b"\xffbytes"), "not the bytes");
    let plain = find(Pattern::regex("[0-9]+$"))?;
    ensure!(text(&plain) == "plain text 17", "not the number");
    let news = find(Pattern::json("/n", "2.50"))?;
    ensure!(
        news.json::<Value>()?["type"].as_str() == Some("news"),
        "not the news"
    );
    let last = find(Pattern::json("/last", "true"))?;
    ensure!(
        last.json::<Value>()?["n"].as_u64() == Some(3),
        "not the last"
    );
    let chat = find(Pattern::json("/type", "chat"))?;
    ensure!(
        chat.json::<Value>()?["n"].as_u64() == Some(1),
        "not the first"
    );
    ensure!(socket.try_receive()?.is_none(), "one too many");
    socket.send_text(r#"{"to":{"a/b":["x","y"]}}"#)?;
    find(Pattern::json("/to/a~1b/1", "y"))?;
    Ok(())
}

/// What is not asked for stays, in its order.
fn order(socket: &WebSocket) -> Result<()> {
    for number in 0..10 {
        socket.send_text(number.to_string())?;
    }
    socket.receive_matching(&Pattern::contains("9"), LIMIT)?;
    socket.receive_matching(&Pattern::contains("4"), LIMIT)?;
    ensure!(text(&socket.receive(LIMIT)?) == "0", "not the oldest");
    ensure!(socket.statistics().waiting == 7, "another number waits");
    let some = socket.drain_at_most(3);
    ensure!(
        some.iter().map(text).eq(["1", "2", "3"]),
        "in another order"
    );
    let rest = socket.drain();
    ensure!(
        rest.iter().map(text).eq(["5", "6", "7", "8"]),
        "in another order"
    );
    ensure!(socket.drain().is_empty(), "one too many");
    Ok(())
}

/// Nothing comes, and the time is that given.
fn nothing(socket: &WebSocket) -> Result<()> {
    let began = timing::now();
    let waited = socket.receive(WHILE);
    ensure!(
        matches!(waited, Err(SocketError::Timeout)) && began.elapsed() >= WHILE,
        "it did not wait"
    );
    let waited = socket.receive_matching(&Pattern::any(), WHILE);
    ensure!(
        matches!(waited, Err(SocketError::Timeout)),
        "something came"
    );
    let wrong = socket.receive_matching(&Pattern::regex("("), WHILE);
    ensure!(
        matches!(wrong, Err(SocketError::InvalidRequest(_))),
        "( is no expression"
    );
    let wrong = socket.receive_matching(&Pattern::json("type", "chat"), WHILE);
    ensure!(
        matches!(wrong, Err(SocketError::InvalidRequest(_))),
        "a pointer begins with a stroke"
    );
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        let socket = websocket::connect(&self.0.url)?;
        patterns(&socket)?;
        order(&socket)?;
        nothing(&socket)?;
        socket.close()?;
        check!("everything was found", true);
        Ok(())
    }
}
