use super::*;

/// What comes of a player whose server does this once it plays.
async fn played<F: Future<Output = Server> + 'static>(
    script: impl Fn(Server) -> F + Clone + 'static,
) -> (Close, Rc<Log>, PlaybackStatistics) {
    let client = pair(move |mut server| {
        let script = script.clone();
        async move {
            server.play().await;
            drop(script(server).await);
        }
    })
    .await;
    let (player, log) = client.play();
    let close = ended(&player).await;
    assert_eq!(client.closed().await, close);
    (close, log, player.statistics())
}

#[test]
fn a_reset_in_mid_stream_is_told() {
    local_paused(async {
        let (close, log, _) = played(|mut server| async move {
            server.video(0).await;
            tokio::time::sleep(SECOND).await;
            server.stream.set_zero_linger().unwrap();
            server
        })
        .await;
        assert_eq!(close.ending, Ending::Reset);
        assert!(log.has("first frame"));
        assert!(log.has("ended reset"));
    });
}

#[test]
fn an_end_within_a_message_is_told() {
    local_paused(async {
        let (close, log, statistics) = played(|mut server| async move {
            let mut out = Vec::new();
            let payload = vec![0x27; 1000];
            let encoder = &mut server.encoder;
            encoder.message(&mut out, CSID_VIDEO, 0, type_id::VIDEO, STREAM, &payload);
            server.write(&out[..600]).await;
            tokio::time::sleep(SECOND).await;
            server
        })
        .await;
        assert_eq!(close.ending, Ending::Disconnected);
        assert_eq!(statistics.video_frames, 0);
        log.check(&["started", "first byte 0", "ended disconnected -"]);
    });
}

#[test]
fn a_chunk_size_that_cannot_be_is_told() {
    for size in [0_u32, 0x8000_0000] {
        local_paused(async move {
            let (close, log, _) = played(move |mut server| async move {
                server.say(command::set_chunk_size(size)).await;
                server.video(0).await;
                tokio::time::sleep(SECOND).await;
                server
            })
            .await;
            assert_eq!(close.ending, Ending::ProtocolError);
            assert!(log.has("ended protocol-error"));
        });
    }
}

#[test]
fn a_chunk_size_that_was_not_said_breaks_what_follows() {
    local_paused(async {
        let (close, _, _) = played(|mut server| async move {
            // Chunks of 500 bytes where 128 were agreed on: what follows is read as headers.
            server.encoder.set_chunk_size(500);
            for index in 0..200 {
                let payload = [0x27; 1000];
                let mut out = Vec::new();
                let encoder = &mut server.encoder;
                encoder.message(
                    &mut out,
                    CSID_VIDEO,
                    index,
                    type_id::VIDEO,
                    STREAM,
                    &payload,
                );
                // The client is gone at some point.
                if server.stream.write_all(&out).await.is_err() {
                    break;
                }
            }
            settle().await;
            server
        })
        .await;
        assert_eq!(close.ending, Ending::ProtocolError);
    });
}

#[test]
fn chunk_sizes_may_change_and_chunks_be_interleaved() {
    local_paused(async {
        let (_, _, statistics) = played(|mut server| async move {
            for size in [1, 65_536, 200] {
                server.say(command::set_chunk_size(size)).await;
                server.encoder.set_chunk_size(size);
                server.video(size).await;
            }
            // Two messages, chunk by chunk in turn.
            let (mut one, mut two) = (Vec::new(), Vec::new());
            let (video, audio) = (vec![1; 600], vec![0xaf; 600]);
            let encoder = &mut server.encoder;
            encoder.message(&mut one, 70, 0, type_id::VIDEO, STREAM, &video);
            encoder.message(&mut two, 400, 0, type_id::AUDIO, STREAM, &audio);
            // Basic headers of two and three bytes, message headers of eleven; then continuations.
            let cut = |bytes: &[u8], basic: usize| {
                let (first, rest) = bytes.split_at(basic + 11 + 200);
                let mut pieces = vec![first.to_vec()];
                pieces.extend(rest.chunks(basic + 200).map(<[u8]>::to_vec));
                pieces
            };
            for (one, two) in cut(&one, 2).iter().zip(&cut(&two, 3)) {
                server.write(one).await;
                server.write(two).await;
            }
            server
        })
        .await;
        assert_eq!((statistics.video_frames, statistics.audio_frames), (4, 1));
    });
}

#[test]
fn unknown_messages_are_passed_over() {
    local_paused(async {
        let (close, log, statistics) = played(|mut server| async move {
            for type_id in [0_u8, 7, 16, 19, 21, 99, 255] {
                let payload = vec![type_id; 300];
                server
                    .say(Message {
                        csid: 9,
                        type_id,
                        stream_id: STREAM,
                        payload,
                    })
                    .await;
            }
            server.say(command::user_control(31, &[1])).await;
            server
                .say(command::command(0, "onBWDone", 0.0, &[Value::Null]))
                .await;
            server
                .say(command::command(STREAM, "onWhatever", 9.0, &[]))
                .await;
            server
                .say(command::data(STREAM, "|RtmpSampleAccess", &[]))
                .await;
            server.video(0).await;
            server
        })
        .await;
        assert_eq!(close.ending, Ending::Disconnected);
        assert_eq!(statistics.video_frames, 1);
        assert!(!log.has("error"));
    });
}

#[test]
fn what_the_server_says_of_the_connection_is_its_end() {
    for (level, ending) in [("status", Ending::ByPeer), ("error", Ending::Refused)] {
        local_paused(async move {
            let (close, log, _) = played(move |mut server| async move {
                let code = "NetConnection.Connect.Closed";
                server.status_on(0, code, level).await;
                tokio::time::sleep(SECOND).await;
                server
            })
            .await;
            assert_eq!(
                (close.ending, close.code.as_str()),
                (ending, "NetConnection.Connect.Closed")
            );
            assert_eq!(close.reason, "so it is");
            assert!(log.has(&format!("ended {}", ending.as_str())));
        });
    }
}

#[test]
fn errors_that_are_no_streams_are_the_connections() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server
                .status_on(0, "NetConnection.Call.BadVersion", "error")
                .await;
            server.status_on(0, "", "error").await;
            server
                .status_on(0, "NetConnection.Call.Whatever", "warning")
                .await;
            server.end().await;
        })
        .await;
        settle().await;
        let log = client.log.clone();
        client.close().await;
        log.check(&[
            "error NetConnection.Call.BadVersion",
            "error ",
            "ended by-us",
        ]);
    });
}

#[test]
fn a_pump_that_is_dropped_leaves_nobody_waiting() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.end().await;
        })
        .await;
        let (player, log) = client.play();
        started(&player).await.unwrap();
        let call = client.connection.call("x", Vec::new()).unwrap();
        let (late, _) = client.publish();
        client.pump.abort();
        let close = poll_fn(|cx| client.connection.poll_closed(cx)).await;
        assert_eq!(close.ending, Ending::Failed);
        assert_eq!(ended(&player).await, close);
        assert_eq!(
            poll_fn(|cx| call.poll(cx)).await,
            Err(RtmpError::Closed(close.clone()))
        );
        assert_eq!(published(&late).await, Err(RtmpError::Closed(close)));
        assert!(log.has("ended failed"));
    });
}

#[test]
fn what_was_read_while_connecting_counts() {
    local_paused(async {
        let peer = Peer::start(|_, stream| Server::over(stream).end()).await;
        let wire = tcp::connect(&[peer.address], None).await.unwrap();
        let mut rest = Vec::new();
        let status = [Value::Null, info("NetConnection.Connect.Closed", "status")];
        command::command(0, "onStatus", 0.0, &status).write(&mut Encoder::new(), &mut rest, 0);
        let established = Established {
            rest,
            ..established(wire, Arc::default())
        };
        let Opened { connection, pump } = Connection::open(established);
        spawn_local(pump.run(Rc::new(Log::default())));
        let close = poll_fn(|cx| connection.poll_closed(cx)).await;
        assert_eq!(close.ending, Ending::ByPeer);
    });
}
