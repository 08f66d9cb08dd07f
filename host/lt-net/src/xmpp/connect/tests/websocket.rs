use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::*;
use crate::error::NetError;
use crate::peer::{local_paused, read_head};

/// A server's end of a WebSocket.
struct Frames(WebSocketStream<TcpStream>);

impl Frames {
    #[expect(
        clippy::result_large_err,
        reason = "the callback's type is tungstenite's"
    )]
    async fn accept(stream: TcpStream) -> Self {
        let accepted = tokio_tungstenite::accept_hdr_async(
            stream,
            |request: &Request, mut answer: Response| {
                assert_eq!(request.headers()["sec-websocket-protocol"], "xmpp");
                let fields = answer.headers_mut();
                fields.insert("sec-websocket-protocol", "xmpp".parse().unwrap());
                Ok(answer)
            },
        );
        Self(accepted.await.unwrap())
    }

    async fn see(&mut self) -> String {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Close(_) => return "closed".to_owned(),
                _ => {}
            }
        }
    }

    async fn say(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    async fn open(&mut self, features: &str) {
        let open = self.see().await;
        assert_eq!(attribute_of(&open, "to"), "example.org");
        assert!(
            open.starts_with("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'"),
            "{open}"
        );
        self.say("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='example.org' id='1' version='1.0'/>").await;
        self.say(format!("<stream:features xmlns:stream='http://etherx.jabber.org/streams'>{features}</stream:features>")).await;
    }
}

async fn over<F: Future<Output = ()> + 'static>(
    mut asked: ConnectRequest,
    script: impl Fn(Server) -> F + 'static,
) -> Tried {
    let (done, server) = oneshot::channel();
    let done = RefCell::new(Some(done));
    let peer = Peer::start(move |_, stream| {
        let (script, done) = (script(Server::new(stream)), done.take().unwrap());
        async move {
            script.await;
            let _ = done.send(());
        }
    })
    .await;
    asked.transport = Transport::WebSocket(format!("ws://{}/xmpp", peer.address));
    asked.security = Security::StartTls;
    let mut attempt = Attempt::default();
    let outcome = client().establish(asked, None, &mut attempt).await;
    let tried = Tried { attempt, outcome };
    if let Ok(established) = &tried.outcome {
        assert!(established.channel.is_websocket());
    }
    server.await.expect("the server's script failed");
    tried
}

#[test]
fn a_stream_goes_over_a_websocket() {
    local(async {
        let mut asked = request();
        asked.steps.extend([Step::Carbons, Step::Presence]);
        let tried = over(asked, |server| async move {
            let mut frames = Frames::accept(server.stream).await;
            frames.open(PLAIN).await;
            assert!(frames.see().await.starts_with("<auth "));
            frames.say(SUCCESS).await;
            frames.open(BIND).await;
            for _ in 0..2 {
                let iq = frames.see().await;
                assert!(iq.starts_with("<iq xmlns='jabber:client' "), "{iq}");
                let id = attribute_of(&iq, "id");
                let answer = if iq.contains("<bind ") {
                    bound(id, ORCHARD)
                } else {
                    format!("<iq type='result' id='{id}'/>")
                };
                frames
                    .say(answer.replace("<iq ", "<iq xmlns='jabber:client' "))
                    .await;
            }
            let presence = frames.see().await;
            assert!(
                presence.starts_with("<presence xmlns='jabber:client' "),
                "{presence}"
            );
            frames
                .say(format!(
                    "<presence xmlns='jabber:client' from='{ORCHARD}'/>"
                ))
                .await;
        })
        .await;
        let steps = tried.steps();
        assert!(
            steps.ends_with(&[
                "websocket",
                "stream",
                "features",
                "sasl",
                "restart",
                "bind",
                "carbons",
                "presence"
            ]),
            "{steps:?}"
        );
        assert!(tried.attempt.bytes_sent > 300 && tried.attempt.bytes_received > 300);
        let connected = tried.established().connected;
        assert_eq!(
            (connected.jid.as_str(), connected.tls_version),
            (ORCHARD, "")
        );
    });
}

#[test]
fn a_step_of_the_users_own_is_in_the_streams_namespace() {
    local(async {
        let mut asked = request();
        asked.steps.push(Step::Custom(Rc::new(CustomStep {
            name: "mine".to_owned(),
            send: " <iq type='get' id='q1'/> ".to_owned(),
            r#await: None,
            restart: false,
        })));
        let tried = over(asked, |server| async move {
            let mut frames = Frames::accept(server.stream).await;
            frames.open(PLAIN).await;
            frames.see().await;
            frames.say(SUCCESS).await;
            frames.open(BIND).await;
            let id = attribute_of(&frames.see().await, "id").to_owned();
            let answer = bound(&id, ORCHARD).replace("<iq ", "<iq xmlns='jabber:client' ");
            frames.say(answer).await;
            assert_eq!(
                frames.see().await,
                "<iq xmlns='jabber:client' type='get' id='q1'/>"
            );
        })
        .await;
        assert_eq!(tried.steps().last(), Some(&"mine"));
        tried.established();
    });
}

#[test]
fn an_upgrade_that_is_refused_is_told_with_its_status() {
    local(async {
        let tried = over(request(), |mut server| async move {
            read_head(&mut server.stream).await.unwrap();
            server
                .say("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                .await;
        })
        .await;
        assert_eq!(tried.failed(), Some("websocket"));
        assert_eq!(tried.error(), XmppError::UpgradeRefused(404));
    });
}

#[test]
fn a_websocket_without_the_subprotocol_is_no_xmpp() {
    local(async {
        let tried = over(request(), |server| async move {
            let mut stream = tokio_tungstenite::accept_async(server.stream)
                .await
                .unwrap();
            // This side leaves without a word.
            assert!(!matches!(stream.next().await, Some(Ok(Message::Text(_)))));
        })
        .await;
        assert_eq!(tried.failed(), Some("websocket"));
        let error = tried.error();
        assert!(matches!(error, XmppError::Protocol(_)), "{error:?}");
    });
}

#[test]
fn failing_ends_the_stream_before_the_websocket() {
    local(async {
        let tried = over(request(), |server| async move {
            let mut frames = Frames::accept(server.stream).await;
            frames.open(PLAIN).await;
            frames.see().await;
            frames
                .say(
                    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>",
                )
                .await;
            assert_eq!(
                frames.see().await,
                "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
            );
            assert_eq!(frames.see().await, "closed");
        })
        .await;
        assert_eq!(tried.error().condition(), Some("not-authorized"));
    });
}

#[test]
fn faults_in_frames_are_faults_of_the_stream() {
    local(async {
        let large = "x".repeat(300 << 10);
        for (frame, condition) in [
            (Message::text("<a></b>"), "not-well-formed"),
            (Message::text("<a/><b/>"), "bad-format"),
            (Message::binary(vec![1]), "bad-format"),
            (Message::text(format!("<a>{large}</a>")), "policy-violation"),
        ] {
            let tried = over(request(), move |server| {
                let frame = frame.clone();
                async move {
                    let mut frames = Frames::accept(server.stream).await;
                    frames.see().await;
                    let _ = frames.0.send(frame).await;
                    if condition == "policy-violation" {
                        // The frame is too long for a message of this size: the WebSocket ends.
                        return;
                    }
                    let error = frames.see().await;
                    assert!(error.contains(&format!("<{condition} ")), "{error}");
                    assert!(error.starts_with("<stream:error xmlns:stream="), "{error}");
                    assert!(frames.see().await.starts_with("<close "));
                }
            })
            .await;
            assert_eq!(tried.failed(), Some("stream"));
            match tried.error() {
                XmppError::TooLarge(_) => assert_eq!(condition, "policy-violation"),
                XmppError::Protocol(_) => assert_ne!(condition, "policy-violation"),
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn another_host_is_told_as_over_tcp() {
    local(async {
        let tried = over(request(), |server| async move {
            let mut frames = Frames::accept(server.stream).await;
            frames.see().await;
            frames.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://other.example/x'/>").await;
            frames.see().await;
        })
        .await;
        let condition = Condition {
            condition: "see-other-host".to_owned(),
            text: "wss://other.example/x".to_owned(),
        };
        assert_eq!(tried.error(), XmppError::Stream(condition));
    });
}

#[test]
fn the_end_and_silence_are_told_and_bounded() {
    local_paused(async {
        let tried = over(request(), |server| async move {
            Frames::accept(server.stream).await.see().await;
        })
        .await;
        assert_eq!(tried.failed(), Some("stream"));
        assert_eq!(tried.error(), XmppError::Net(NetError::ConnectionClosed));
        let tried = over(request(), |mut server| async move {
            read_head(&mut server.stream).await.unwrap();
            server.rest().await;
        })
        .await;
        assert_eq!(tried.failed(), Some("websocket"));
        assert_eq!(tried.attempt.total, Duration::from_secs(30));
        assert_eq!(
            tried.error(),
            XmppError::StepTimeout("websocket".to_owned())
        );
    });
}
