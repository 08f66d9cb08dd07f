//! The routes `/ws/…`, with tungstenite as the client, and with bytes that no client sends.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

pub(super) type Client = WebSocketStream<TcpStream>;

/// A request of RFC 6455, section 1.2, whose answer is known.
const UPGRADE: &str = "upgrade: websocket\r\nconnection: keep-alive, Upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(super) async fn connect_with(
    address: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<(Client, Option<String>), Error> {
    let mut request = format!("ws://{address}{path}").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, response) = client_async(request, stream).await?;
    let protocol = response.headers().get("sec-websocket-protocol");
    let protocol = protocol.map(|value| value.to_str().unwrap().to_owned());
    Ok((client, protocol))
}

pub(super) async fn connect(address: SocketAddr, path: &str) -> Client {
    connect_with(address, path, &[]).await.unwrap().0
}

pub(super) async fn say(client: &mut Client, text: impl Into<String>) {
    client.send(Message::text(text.into())).await.unwrap();
}

/// The next JSON that comes.
pub(super) async fn hear(client: &mut Client) -> Value {
    let message = client.next().await.unwrap().unwrap();
    serde_json::from_str(&message.into_text().unwrap()).unwrap()
}

/// The next JSON of this type; others are passed over.
pub(super) async fn hear_type(client: &mut Client, wanted: &str) -> Value {
    loop {
        let value = hear(client).await;
        if value["type"] == wanted {
            return value["payload"].clone();
        }
    }
}

/// The code and reason with which the server closes; what comes before is passed over.
pub(super) async fn closed(client: &mut Client) -> (u16, String) {
    loop {
        if let Message::Close(frame) = client.next().await.unwrap().unwrap() {
            let frame = frame.unwrap();
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

fn chat(message: &str) -> String {
    json!({ "type": "chat", "payload": { "message": message } }).to_string()
}

/// Ask for the counters until they are as wanted.
async fn stats_until(address: SocketAddr, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let stats = get(address, "/ws/stats").await.json();
        if wanted(&stats) {
            return stats;
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn an_upgrade_is_answered_as_the_rfc_has_it() {
    with_server(|address| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A masked text "Hello" (RFC 6455, section 5.7) in the same segment: it is not lost.
        let mut bytes = format!("GET /ws/echo HTTP/1.1\r\nhost: t\r\n{UPGRADE}\r\n").into_bytes();
        bytes.extend([
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ]);
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"Hello") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
        let answer = parse(&answer);
        assert_eq!(answer.status, 101);
        assert_eq!(
            answer.header("sec-websocket-accept"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(answer.header("sec-websocket-protocol"), None);
        assert_eq!(answer.body, [&[0x81, 0x05][..], b"Hello"].concat());
    });
}

#[test]
fn what_is_no_upgrade_is_refused() {
    with_server(|address| async move {
        for path in ["/ws/echo", "/ws/chat/lobby"] {
            let refused = get(address, path).await;
            assert_eq!(
                (refused.status, refused.header("upgrade")),
                (426, Some("websocket"))
            );
            assert_eq!(refused.header("sec-websocket-version"), Some("13"));
        }
        let with = async |method: &str, path: &str, headers: String| {
            // Without the "connection: close" of the others, which would be a second one.
            ask(address, method, path, &headers, "").await.status
        };
        let old = UPGRADE.replace("13", "8");
        assert_eq!(with("GET", "/ws/echo", old).await, 426);
        let unclear = UPGRADE.replace("keep-alive, Upgrade", "keep-alive");
        assert_eq!(with("GET", "/ws/echo", unclear).await, 426);
        let short = UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhl");
        assert_eq!(with("GET", "/ws/echo", short).await, 400);
        assert_eq!(with("POST", "/ws/echo", UPGRADE.into()).await, 405);
        assert_eq!(with("GET", "/ws/nothing", UPGRADE.into()).await, 404);
        for bad in [
            "/ws/chat/",
            "/ws/chat/a/b",
            "/ws/chat/a?presence=some",
            &format!("/ws/chat/{}", "x".repeat(101)),
            &format!("/ws/chat/a?name={}", "x".repeat(101)),
        ] {
            assert_eq!(with("GET", bad, UPGRADE.into()).await, 400, "{bad}");
        }
        let stats = get(address, "/ws/stats").await.json();
        assert_eq!(stats["opened"], 0);
    });
}

#[test]
fn echo_sends_back_what_comes_in_its_order() {
    with_server(|address| async move {
        let offered = [("sec-websocket-protocol", "other, echo")];
        let (mut client, protocol) = connect_with(address, "/ws/echo", &offered).await.unwrap();
        assert_eq!(protocol.as_deref(), Some("echo"));
        let ping = Message::Ping(Bytes::from_static(b"7"));
        let large = Message::binary(vec![7; 3 << 20]);
        for (sent, wanted) in [
            (Message::text("grüße"), Message::text("grüße")),
            (Message::text(""), Message::text("")),
            (ping, Message::Pong(Bytes::from_static(b"7"))),
            (large.clone(), large),
        ] {
            client.send(sent).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), wanted);
        }
        let (mut sender, mut receiver) = client.split();
        let sending = async {
            for number in 0..5000 {
                sender
                    .send(Message::text(format!("{number:01000}")))
                    .await
                    .unwrap();
            }
        };
        let receiving = async {
            for number in 0..5000 {
                let message = receiver.next().await.unwrap().unwrap();
                assert_eq!(message, Message::text(format!("{number:01000}")));
            }
        };
        tokio::join!(sending, receiving);
        let mut client = sender.reunite(receiver).unwrap();
        client.close(None).await.unwrap();
        while let Some(message) = client.next().await {
            assert_eq!(message.unwrap(), Message::Close(None));
        }
        let stats = stats_until(address, |stats| stats["open"] == 0).await;
        assert_eq!((&stats["opened"], &stats["slow"]), (&json!(1), &json!(0)));
        assert_eq!(
            (&stats["received"], &stats["sent"]),
            (&json!(5003), &json!(5003))
        );
    });
}

#[test]
fn what_is_said_goes_to_all_in_the_room_as_it_is() {
    with_threads(2, |address| async move {
        let mut room = Vec::new();
        for _ in 0..5 {
            room.push(connect(address, "/ws/chat/one?presence=off").await);
        }
        let mut elsewhere = connect(address, "/ws/chat/two?presence=off").await;
        // Each is in once it is answered.
        for client in room.iter_mut().chain([&mut elsewhere]) {
            say(client, "?").await;
            assert_eq!(
                hear_type(client, "error").await["error_code"],
                "bad-message"
            );
        }
        say(&mut room[0], "\"heartbeat\"").await;
        let spoken = r#"{"type":"chat", "payload":{"message":"<b>","id":7}}"#;
        say(&mut room[0], spoken).await;
        for client in &mut room {
            assert_eq!(client.next().await.unwrap().unwrap(), Message::text(spoken));
        }
        say(&mut elsewhere, chat("alone")).await;
        assert_eq!(hear(&mut elsewhere).await["payload"]["message"], "alone");
        assert_eq!(get(address, "/ws/stats").await.json()["rooms"], 2);
        drop((room, elsewhere));
        stats_until(address, |stats| stats["rooms"] == 0 && stats["open"] == 0).await;
    });
}

#[test]
fn presence_is_a_count_or_a_list_or_nothing() {
    with_server(|address| async move {
        let mut ann = connect(address, "/ws/chat/r?presence=full&name=ann").await;
        assert_eq!(
            hear_type(&mut ann, "presence").await,
            json!({ "count": 1, "members": ["ann"] })
        );
        let mut bob = connect(address, "/ws/chat/r?name=bob").await;
        assert_eq!(hear_type(&mut bob, "presence").await, json!({ "count": 2 }));
        let mut off = connect(address, "/ws/chat/r?presence=off").await;
        say(&mut off, chat("here")).await;
        assert_eq!(hear(&mut off).await["type"], "chat");
        let full = json!({ "count": 3, "members": ["ann", "bob", "guest-3"] });
        while hear_type(&mut ann, "presence").await != full {}
        while hear_type(&mut bob, "presence").await["count"] != 3 {}
        drop(bob);
        while hear_type(&mut ann, "presence").await["members"] != json!(["ann", "guest-3"]) {}
    });
}

#[test]
fn many_comings_are_told_a_few_times() {
    with_server(|address| async move {
        let mut first = connect(address, "/ws/chat/r").await;
        let mut others = Vec::new();
        for _ in 0..200 {
            others.push(connect(address, "/ws/chat/r").await);
        }
        let mut told = 0;
        while hear_type(&mut first, "presence").await["count"] != 201 {
            told += 1;
        }
        // One each 250 ms, however long 200 connections take: each at its own coming would be 200.
        assert!(told < 100, "{told}");
    });
}

#[test]
fn messages_that_make_no_sense_are_told() {
    with_server(|address| async move {
        let mut client = connect(address, "/ws/chat/r?presence=off").await;
        for (bad, why) in [
            ("{", "Invalid JSON"),
            ("[]", "Type not understood"),
            (r#"{"type":"shout"}"#, "Type not understood"),
            (r#"{"type":"chat","payload":{}}"#, "Chat without a message"),
        ] {
            say(&mut client, bad).await;
            assert_eq!(hear_type(&mut client, "error").await["error"], why, "{bad}");
        }
        client.send(Message::binary(vec![1])).await.unwrap();
        assert_eq!(
            hear_type(&mut client, "error").await["error"],
            "Only texts are understood"
        );
    });
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_why() {
    with_server(|address| async move {
        let mut client = connect(address, "/ws/chat/r").await;
        say(&mut client, "x".repeat((64 << 10) + 1)).await;
        assert_eq!(
            closed(&mut client).await,
            (1009, "the message is too long".into())
        );
        for (bytes, code) in [
            // A text that is not masked; one that is not UTF-8; a frame of a reserved kind.
            (&[0x81, 0x01, b'x'][..], 1002_u16),
            (&[0x81, 0x81, 0, 0, 0, 0, 0xff][..], 1007),
            (&[0x83, 0x80, 0, 0, 0, 0][..], 1002),
        ] {
            let mut client = connect(address, "/ws/echo").await;
            client.get_mut().write_all(bytes).await.unwrap();
            assert_eq!(closed(&mut client).await.0, code, "{bytes:?}");
            // And then the end, without a reset.
            assert_eq!(client.get_mut().read(&mut [0]).await.unwrap(), 0);
        }
        // A client that vanishes in the middle of a frame leaves nothing behind.
        let mut client = connect(address, "/ws/echo").await;
        client.get_mut().write_all(&[0x81]).await.unwrap();
        drop(client);
        stats_until(address, |stats| stats["open"] == 0).await;
    });
}

#[test]
fn a_client_that_does_not_read_is_dropped_and_counted() {
    with_server(|address| async move {
        let slow = connect(address, "/ws/chat/r?presence=off").await;
        let mut talker = connect(address, "/ws/chat/r?presence=off").await;
        let long = chat(&"x".repeat(60 << 10));
        // More than may wait for one client, and than the kernel takes for it.
        let mut sent = 0;
        while get(address, "/ws/stats").await.json()["slow"] == 0 {
            for _ in 0..20 {
                say(&mut talker, &*long).await;
                assert_eq!(hear(&mut talker).await["type"], "chat");
                sent += 1;
            }
            assert!(sent < 10_000, "nobody is too slow");
        }
        // The others do not notice.
        say(&mut talker, chat("still here")).await;
        assert_eq!(hear(&mut talker).await["payload"]["message"], "still here");
        let mut slow = slow;
        let mut received = 0;
        while let Some(Ok(Message::Text(_))) = slow.next().await {
            received += 1;
        }
        assert!(received < sent, "{received} of {sent}");
    });
}

#[test]
fn a_close_frame_is_answered_with_its_code() {
    with_server(|address| async move {
        let mut client = connect(address, "/ws/chat/r?presence=off").await;
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: CloseCode::Library(4001),
            reason: "bye".into(),
        };
        client.close(Some(frame)).await.unwrap();
        assert_eq!(closed(&mut client).await, (4001, "bye".into()));
        assert!(client.next().await.is_none());
        stats_until(address, |stats| stats["open"] == 0 && stats["rooms"] == 0).await;
    });
}
