//! Servers that say yes, each in its way.

use super::*;
use crate::peer::local;

#[test]
fn a_server_says_yes_and_hears_how_this_side_sends() {
    local(async {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let log = heard.clone();
        let tried = attempt(move |_, mut server: Server| {
            let log = log.clone();
            async move {
                let values = server.connect_command().await;
                log.borrow_mut().push(format!("{values:?}"));
                let greeting = [
                    command::window_ack_size(5_000_000),
                    command::peer_bandwidth(5_000_000, 2),
                    command::set_chunk_size(4000),
                ];
                server.say(&greeting).await;
                server.encoder.set_chunk_size(4000);
                server.say(&[success()]).await;
                for _ in 0..2 {
                    let message = server.hear().await;
                    log.borrow_mut().push(format!("{message:?}"));
                }
                server.stream.shutdown().await.unwrap();
            }
        })
        .await;
        let mut established = tried.outcome.unwrap();
        let connected = &established.connected;
        assert_eq!(connected.status.code, "NetConnection.Connect.Success");
        assert_eq!(connected.status.description, "Connection succeeded.");
        assert_eq!(connected.server_version, "FMS/3,0,1,123");
        assert_eq!(connected.tls_version, "");
        assert_eq!(connected.timings, tried.attempt.timings);
        assert_eq!(established.window, 5_000_000);
        assert_eq!(established.next_transaction, 2.0);
        assert_eq!(established.app, "live");
        let address = connected.remote;
        assert_eq!(established.tc_url, format!("rtmp://{address}/live"));
        // The server goes when it has heard all.
        let end = established.stream.read_to_end(&mut established.rest).await;
        end.unwrap();
        let heard = heard.borrow();
        for field in [
            r#"("app", Text("live"))"#.to_owned(),
            r#"("flashVer", Text("LNX 9,0,124,2"))"#.to_owned(),
            format!(r#"("tcUrl", Text("rtmp://{address}/live"))"#),
            r#"("objectEncoding", Number(0.0))"#.to_owned(),
        ] {
            assert!(heard[0].contains(&field), "{field} in {}", heard[0]);
        }
        assert_eq!(heard[1], "Some(WindowAckSize(2500000))");
        assert_eq!(heard[2], "Some(ChunkSize(4096))");
    });
}

#[test]
fn a_request_has_its_own_fields() {
    local(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = seen.clone();
        let peer = serve(move |_, mut server| {
            let log = log.clone();
            async move {
                *log.borrow_mut() = server.connect_command().await;
                server.say(&[success()]).await;
                // 128 bytes a chunk need no word.
                assert!(matches!(
                    server.hear().await,
                    Some(Incoming::WindowAckSize(_))
                ));
                assert_eq!(server.hear().await, None);
                log.borrow_mut().push(text("alone"));
            }
        })
        .await;
        let ask = ConnectRequest {
            app: Some("vod/_definst_".to_owned()),
            tc_url: Some("rtmp://elsewhere/vod".to_owned()),
            fields: vec![
                ("flashVer".to_owned(), text("mine")),
                ("pageUrl".to_owned(), text("http://page")),
            ],
            arguments: vec![text("first"), Value::Number(2.0)],
            chunk_bytes: 128,
            ..live(&peer)
        };
        let established = try_with(&client(), ask).await.outcome.unwrap();
        drop(established);
        while seen.borrow().len() < 4 {
            tokio::task::yield_now().await;
        }
        let seen = seen.borrow();
        let field = |name: &str| seen[0].field(name).and_then(Value::text);
        assert_eq!(field("app"), Some("vod/_definst_"));
        assert_eq!(field("tcUrl"), Some("rtmp://elsewhere/vod"));
        assert_eq!(field("flashVer"), Some("mine"));
        assert_eq!(field("pageUrl"), Some("http://page"));
        let names = seen[0].fields().unwrap().iter();
        assert_eq!(names.filter(|(name, _)| name == "flashVer").count(), 1);
        assert_eq!(
            seen[1..],
            [text("first"), Value::Number(2.0), text("alone")]
        );
    });
}

#[test]
fn the_answer_is_found_however_it_is_split_and_what_follows_is_kept() {
    for chunk in [1, 2, 7, 100, 10_000] {
        local(async move {
            let peer = Peer::start(move |_, mut stream| async move {
                let mut c0c1 = [0; 1 + BLOCK_BYTES];
                stream.read_exact(&mut c0c1).await.unwrap();
                let mut all = vec![3];
                all.extend_from_slice(&[9; BLOCK_BYTES]);
                all.extend_from_slice(&c0c1[1..]);
                let mut encoder = Encoder::new();
                for message in [success(), command::user_control(0, &[1])] {
                    message.write(&mut encoder, &mut all, 0);
                }
                for piece in all.chunks(chunk) {
                    stream.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                let _ = stream.read_to_end(&mut Vec::new()).await;
            })
            .await;
            let tried = try_with(&client(), live(&peer)).await;
            let mut established = tried.outcome.unwrap();
            let message = loop {
                let mut rest = established.rest.as_slice();
                if let Some(message) = established.reader.next(&mut rest).unwrap() {
                    break message;
                }
                established.rest.clear();
                let read = established.stream.read_buf(&mut established.rest).await;
                assert_ne!(read.unwrap(), 0);
            };
            assert_eq!(message, Incoming::StreamBegin(1), "pieces of {chunk}");
        });
    }
}

#[test]
fn what_is_not_the_answer_is_let_go_and_pings_and_windows_are_served() {
    local(async {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let log = heard.clone();
        let tried = attempt(move |_, mut server: Server| {
            let log = log.clone();
            async move {
                server.connect_command().await;
                let unknown = |type_id, csid| Message {
                    csid,
                    type_id,
                    stream_id: 0,
                    payload: vec![0xff; 300],
                };
                let named = |name: &str, transaction| {
                    command::command(0, name, transaction, &[Value::Null])
                };
                let before = [
                    unknown(99, 10),
                    // A shared object.
                    unknown(19, 11),
                    unknown(0, 12),
                    named("onBWDone", 0.0),
                    // Some other answer.
                    named("_result", 7.0),
                    command::data(0, "|RtmpSampleAccess", &[Value::Boolean(true)]),
                    command::user_control(31, &[1]),
                    command::user_control(6, &[4711]),
                    command::window_ack_size(1000),
                    unknown(99, 10),
                    unknown(99, 10),
                ];
                server.say(&before).await;
                for _ in 0..2 {
                    let message = server.hear().await.unwrap();
                    log.borrow_mut().push(message);
                }
                server.say(&[success()]).await;
                while server.hear().await.is_some() {}
            }
        })
        .await;
        let established = tried.outcome.unwrap();
        assert_eq!(established.window, 1000);
        let heard = heard.borrow();
        assert_eq!(heard[0], Incoming::PingResponse(4711));
        let Incoming::Acknowledgement(bytes) = heard[1] else {
            panic!("{heard:?}");
        };
        assert!(bytes >= 500, "{bytes}");
        // Behind the first there may have been another half of a window.
        let acknowledged = established.acknowledged;
        assert!((u64::from(bytes)..=established.reader.received()).contains(&acknowledged));
    });
}

#[test]
fn times_and_bytes_are_told() {
    local(async {
        let tried = attempt(|_, server| server.accept()).await;
        let timings = tried.attempt.timings;
        assert!(!timings.handshaking.is_zero());
        assert!(!timings.commanding.is_zero());
        assert_eq!((timings.resolving, timings.tls), Default::default());
        let parts = timings.connecting + timings.handshaking + timings.commanding;
        assert!(parts <= timings.total, "{timings:?}");
        let handshake = 1 + 2 * BLOCK_BYTES as u64;
        assert!(tried.attempt.bytes_sent > handshake + 100);
        assert!(tried.attempt.bytes_received > handshake + 100);
        assert!(tried.outcome.is_ok());
    });
}
