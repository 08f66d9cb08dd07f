//! Servers that say no, or nothing, or something else.

use super::*;
use crate::peer::{local, local_paused};

/// A server that sends these bytes when it has seen the first of a client's, and then does nothing.
async fn sends(bytes: Vec<u8>) -> Peer {
    Peer::start(move |_, mut stream| {
        let bytes = bytes.clone();
        async move {
            stream.read_exact(&mut [0; 1 + BLOCK_BYTES]).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await
}

#[test]
fn an_unknown_application_is_refused_with_the_servers_words() {
    local(async {
        let tried = attempt(|_, server| server.reject("[ Server.Reject ] : no app `live`")).await;
        assert!(!tried.attempt.timings.commanding.is_zero());
        let status = tried.refused();
        assert_eq!(status.code, "NetConnection.Connect.Rejected");
        assert_eq!(status.level, "error");
        assert_eq!(status.description, "[ Server.Reject ] : no app `live`");
    });
}

#[test]
fn a_no_is_a_no_however_it_is_said() {
    let invalid_app = || {
        let code = "NetConnection.Connect.InvalidApp";
        Value::Object(information("error", code, "no"))
    };
    let without_level = || {
        let code = "NetConnection.Connect.Rejected";
        Value::Object(information("", code, "no"))
    };
    for message in [
        command::command(0, "_error", 1.0, &[Value::Null, invalid_app()]),
        command::command(0, "_error", 0.0, &[invalid_app()]),
        command::command(0, "_result", 1.0, &[Value::Null, invalid_app()]),
        command::command(0, "_result", 1.0, &[Value::Null, without_level()]),
        command::command(0, "onStatus", 0.0, &[Value::Null, invalid_app()]),
    ] {
        local(async move {
            let said = message.clone();
            let tried = attempt(move |_, mut server: Server| {
                let message = message.clone();
                async move {
                    server.connect_command().await;
                    server.say(&[message]).await;
                }
            })
            .await;
            assert_eq!(tried.refused().description, "no", "{said:?}");
        });
    }
    // And an error that says nothing is one.
    local(async {
        let tried = attempt(|_, mut server: Server| async move {
            server.connect_command().await;
            server.say(&[command::command(0, "_error", 1.0, &[])]).await;
        })
        .await;
        assert_eq!(tried.refused(), Status::default());
    });
}

#[test]
fn a_server_may_leave_without_a_word() {
    local(async {
        let tried = attempt(|_, mut server: Server| async move {
            server.connect_command().await;
        })
        .await;
        let attempt = tried.check_error("connection-closed", "");
        assert!(!attempt.timings.handshaking.is_zero());
        assert!(!attempt.timings.commanding.is_zero());
    });
}

#[test]
fn a_reset_is_told_wherever_it_comes() {
    local(async {
        let in_handshake = Peer::start(|_, mut stream| async move {
            stream.read_exact(&mut [0; 1 + BLOCK_BYTES]).await.unwrap();
            stream.write_all(&[3; 100]).await.unwrap();
            stream.set_zero_linger().unwrap();
        })
        .await;
        let tried = try_with(&client(), live(&in_handshake)).await;
        let attempt = tried.check_error("connection-reset", "");
        assert!(attempt.timings.handshaking.is_zero());
        assert!(attempt.timings.commanding.is_zero());
        let tried = self::attempt(|_, mut server: Server| async move {
            server.connect_command().await;
            server.stream.set_zero_linger().unwrap();
        })
        .await;
        tried.check_error("connection-reset", "");
    });
}

#[test]
fn half_a_handshake_ends_with_the_connection_or_the_time() {
    for length in [0, 1, 100, 1 + BLOCK_BYTES, 2 * BLOCK_BYTES] {
        let half = [vec![3], vec![7; 2 * BLOCK_BYTES - 1]].concat()[..length].to_vec();
        let silent = half.clone();
        local_paused(async move {
            let peer = sends(silent).await;
            let attempt = try_with(&client(), live(&peer)).await;
            let attempt = attempt.check_error("timeout", "");
            assert!(attempt.timings.handshaking.is_zero(), "{length} bytes");
            assert!(attempt.timings.total >= Duration::from_secs(30));
        });
        local(async move {
            let peer = Peer::start(move |_, mut stream| {
                let half = half.clone();
                async move {
                    stream.read_exact(&mut [0; 1 + BLOCK_BYTES]).await.unwrap();
                    stream.write_all(&half).await.unwrap();
                    // C2 is read, so that the end is an orderly one.
                    if half.len() > BLOCK_BYTES {
                        stream.read_exact(&mut [0; BLOCK_BYTES]).await.unwrap();
                    }
                }
            })
            .await;
            let tried = try_with(&client(), live(&peer)).await;
            tried.check_error("connection-closed", "");
        });
    }
}

#[test]
fn what_is_no_handshake_is_told() {
    for (bytes, text) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP/1.1 400"),
        (b"\x15\x03\x01\x00\x02\x02\x16", r"\x15\x03\x01"),
        (b"SSH-2.0-x\r\n", "SSH-2.0-x"),
        (b"\x06", "version 6 instead of 3"),
        (b"\x00", "version 0"),
    ] {
        local(async move {
            let peer = sends(bytes.to_vec()).await;
            let tried = try_with(&client(), live(&peer)).await;
            assert_eq!(tried.attempt.bytes_received, bytes.len() as u64);
            tried.check_error("handshake", text);
        });
    }
}

#[test]
fn garbage_behind_the_handshake_is_no_rtmp() {
    let zero_chunks = {
        let mut out = Vec::new();
        command::set_chunk_size(0).write(&mut Encoder::new(), &mut out, 0);
        out
    };
    // A header that leaves out what was never said.
    for garbage in [vec![0xc3; 64], zero_chunks] {
        local(async move {
            let tried = attempt(move |_, mut server: Server| {
                let garbage = garbage.clone();
                async move {
                    server.connect_command().await;
                    server.stream.write_all(&garbage).await.unwrap();
                    while server.hear().await.is_some() {}
                }
            })
            .await;
            tried.check_error("protocol", "");
        });
    }
}

#[test]
fn silence_behind_the_handshake_ends_with_the_time() {
    local_paused(async {
        let peer = serve(|_, mut server: Server| async move {
            server.connect_command().await;
            while server.hear().await.is_some() {}
        })
        .await;
        let tried = try_with(&client(), live(&peer)).await;
        let attempt = tried.check_error("timeout", "");
        let timings = attempt.timings;
        assert!(timings.commanding >= Duration::from_secs(29), "{timings:?}");
        assert!(timings.total >= timings.commanding);
    });
}

#[test]
fn a_server_that_never_stops_talking_is_left() {
    local(async {
        let tried = attempt(|_, mut server: Server| async move {
            server.connect_command().await;
            let talk = vec![command::user_control(0, &[1]); 100];
            let bytes = server.encoded(&talk);
            while server.stream.write_all(&bytes).await.is_ok() {}
        })
        .await;
        tried.check_error("protocol", "no answer to `connect`");
    });
}

#[test]
fn mistakes_in_a_request_are_found_before_anything_is_attempted() {
    local(async {
        let peer = sends(Vec::new()).await;
        let good = || live(&peer);
        let field = |name: &str| vec![(name.to_owned(), Value::Null)];
        let cases: [(ConnectRequest, &str); 9] = [
            (request("http://h/live"), "url"),
            (
                ConnectRequest {
                    timeout: Duration::ZERO,
                    ..good()
                },
                "timeout",
            ),
            (
                ConnectRequest {
                    chunk_bytes: 127,
                    ..good()
                },
                "chunk-bytes",
            ),
            (
                ConnectRequest {
                    chunk_bytes: 65_537,
                    ..good()
                },
                "chunk-bytes",
            ),
            (
                ConnectRequest {
                    fields: field(""),
                    ..good()
                },
                "fields",
            ),
            (
                ConnectRequest {
                    fields: field("app"),
                    ..good()
                },
                "fields",
            ),
            (
                ConnectRequest {
                    fields: field(&"x".repeat(70_000)),
                    ..good()
                },
                "fields",
            ),
            (
                ConnectRequest {
                    app: Some("x".repeat(70_000)),
                    ..good()
                },
                "app",
            ),
            (
                ConnectRequest {
                    tc_url: Some("x".repeat(70_000)),
                    ..good()
                },
                "tc-url",
            ),
        ];
        for (request, text) in cases {
            let tried = try_with(&client(), request).await;
            let attempt = tried.check_error("invalid-request", text);
            assert_eq!(attempt.timings, Default::default());
        }
        assert_eq!(peer.accepted(), 0);
    });
}
