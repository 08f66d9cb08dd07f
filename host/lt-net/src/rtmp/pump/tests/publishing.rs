use super::*;

/// A second of it: metadata, a sequence header, a key frame, audio between frames of video.
fn asset() -> Arc<Asset> {
    let mut metadata = Vec::new();
    Value::Text("onMetaData".to_owned()).encode(&mut metadata);
    Value::Map(vec![("width".to_owned(), Value::Number(320.0))]).encode(&mut metadata);
    flv(&[
        (18, 0, metadata),
        (9, 0, vec![0x17, 0, 0, 0, 0, 1]),
        (9, 0, key_frame(1)),
        (8, 20, vec![0xaf, 1, 2]),
        (9, 400, video(3)),
        (9, 800, video(4)),
    ])
}

/// Time stamps, kinds and contents of an asset's tags, in their order.
fn contents(asset: &Asset) -> Vec<(FrameKind, Vec<u8>)> {
    let tags = asset.tags().iter();
    tags.map(|tag| (tag.kind(), asset.payload(tag).to_vec()))
        .collect()
}

#[test]
fn an_asset_is_paced_round_after_round_without_a_seam() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.expect("releaseStream").await;
            let told = server.expect("FCPublish").await;
            assert_eq!(told.values[1], Value::Text("cam".to_owned()));
            server.create().await;
            let told = server.expect("publish").await;
            assert_eq!(told.stream_id, STREAM);
            assert_eq!(told.values[2], Value::Text("live".to_owned()));
            server.status("NetStream.Publish.Start").await;
            let Some(Incoming::Data {
                handler, values, ..
            }) = server.next().await
            else {
                panic!("metadata go first");
            };
            assert_eq!(handler, "@setDataFrame");
            assert_eq!(values[0], Value::Text("onMetaData".to_owned()));
            assert_eq!(values[1].field("width"), Some(&Value::Number(320.0)));
            let began = Instant::now();
            let expected = contents(&asset());
            for round in 0..2 {
                for ((kind, content), timestamp) in expected.iter().zip([0, 0, 20, 400, 800]) {
                    let (head, payload) = server.frame().await.unwrap();
                    assert_eq!((&head.kind, &payload), (kind, content));
                    let timestamp = timestamp + round * 1200;
                    assert_eq!(head.timestamp, timestamp);
                    // Tokio's timers are a millisecond late at most, and never early.
                    let at = began.elapsed().as_millis();
                    assert!(
                        (0..=2).contains(&(at as i64 - i64::from(timestamp))),
                        "{at}"
                    );
                }
            }
            server.expect("FCUnpublish").await;
            let told = server.expect("deleteStream").await;
            assert_eq!(told.values[1], Value::Number(1.0));
            server.end().await;
        })
        .await;
        let (publisher, log) = client.publish();
        published(&publisher).await.unwrap();
        assert!(poll_now(|cx| publisher.poll_asset_done(cx)).is_ready());
        let rounds = Some(2);
        let options = AssetOptions {
            rounds,
            ..AssetOptions::default()
        };
        publisher.publish_asset(asset(), options).unwrap();
        poll_fn(|cx| publisher.poll_asset_done(cx)).await.unwrap();
        let statistics = publisher.statistics();
        assert_eq!((statistics.rounds, statistics.frames), (2, 11));
        assert_eq!(statistics.media_time, Duration::from_millis(2000));
        assert_eq!(statistics.unsent_bytes, 0);
        assert!(statistics.elapsed >= Duration::from_millis(2000));
        assert_eq!(log.late.borrow().len(), 10);
        assert!(log.late.borrow().iter().all(|late| *late < MILLISECOND * 3));
        publisher.begin_stop();
        poll_fn(|cx| publisher.poll_stopped(cx)).await;
        let sent = log.sent.get();
        assert_eq!((sent.audio, sent.video, sent.data), (2, 8, 1));
        assert_eq!(sent.bytes, statistics.bytes);
        client.close().await;
    });
}

#[test]
fn a_taken_key_leaves_the_connection_for_another() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.create().await;
            server.expect("publish").await;
            server.error("NetStream.Publish.BadName").await;
            // The name is somebody else's: nothing is said of it.
            server.expect("deleteStream").await;
            server.publish().await;
            server.end().await;
        })
        .await;
        let (publisher, log) = client.publish();
        let error = published(&publisher).await.unwrap_err();
        assert_eq!(error.code(), 2101);
        log.check(&[
            "error NetStream.Publish.BadName",
            "not started: refused: NetStream.Publish.BadName so it is",
        ]);
        let closed = publisher.publish_asset(asset(), AssetOptions::default());
        assert!(matches!(closed, Err(RtmpError::Closed(_))));
        let (publisher, _) = client.publish();
        published(&publisher).await.unwrap();
        client.close().await;
    });
}

#[test]
fn the_server_ends_a_stream() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for (code, level) in [
                ("NetStream.Unpublish.Success", "status"),
                ("NetStream.Publish.Denied", "error"),
            ] {
                server.publish().await;
                server.status_on(STREAM, code, level).await;
            }
            server.end().await;
        })
        .await;
        for ending in [Ending::ByPeer, Ending::Refused] {
            let (publisher, log) = client.publish();
            published(&publisher).await.unwrap();
            let close = poll_fn(|cx| publisher.poll_stopped(cx)).await;
            assert_eq!(close.ending, ending);
            assert!(log.has(&format!("ended {}", ending.as_str())));
            let waited = poll_fn(|cx| publisher.poll_room(cx));
            waited.await;
        }
        client.close().await;
    });
}

#[test]
fn tags_of_the_users_go_out_as_they_are_and_before_the_last_words() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            let mut seen = Vec::new();
            loop {
                match server.next().await.unwrap() {
                    Incoming::Frame { head, payload, .. } => {
                        seen.push((head.kind, head.timestamp, payload.unwrap().len()));
                    }
                    Incoming::Data {
                        handler, values, ..
                    } => {
                        assert_eq!(values.last(), Some(&Value::Number(7.0)));
                        seen.push((FrameKind::Data, 0, handler.len()));
                    }
                    Incoming::Command { name, .. } => {
                        assert_eq!(name, "FCUnpublish");
                        break;
                    }
                    _ => {}
                }
            }
            let (audio, video, data) = (FrameKind::Audio, FrameKind::Video, FrameKind::Data);
            assert_eq!(
                seen,
                [
                    (audio, 50, 3),
                    // Back, which is the scenario's affair.
                    (video, 10, 70_000),
                    (video, u32::MAX, 0),
                    (data, 0, 5),
                    (data, 0, 6)
                ]
            );
            server.expect("deleteStream").await;
            server.end().await;
        })
        .await;
        let (publisher, log) = client.publish();
        published(&publisher).await.unwrap();
        let send = |kind, timestamp, length: usize| {
            let data = vec![0x27; length].into();
            publisher.try_send_tag(kind, timestamp, data).unwrap();
        };
        send(FrameKind::Audio, 50, 3);
        send(FrameKind::Video, 10, 70_000);
        send(FrameKind::Video, u32::MAX, 0);
        publisher
            .send_data("onCue", vec![Value::Number(7.0)])
            .unwrap();
        publisher
            .send_data("onCue2", vec![Value::Number(7.0)])
            .unwrap();
        assert_eq!(publisher.statistics().frames, 0);
        publisher.begin_stop();
        let refused = publisher.try_send_tag(FrameKind::Audio, 0, Box::default());
        assert_eq!(refused, Err(Unsent::Closed(Close::by_us())));
        assert_eq!(
            poll_fn(|cx| publisher.poll_stopped(cx)).await,
            Close::by_us()
        );
        assert_eq!(publisher.statistics().frames, 5);
        log.check(&["started", "ended by-us -"]);
        client.close().await;
    });
}

#[test]
fn what_replaces_an_asset_goes_on_from_it() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            let mut last = 0;
            while let Some((head, _)) = server.frame().await {
                assert!(head.timestamp >= last, "{} behind {last}", head.timestamp);
                last = head.timestamp;
            }
            // Half a second of the one, a pause of a minute, and some of the other.
            assert!((61_000..62_000).contains(&last), "{last}");
        })
        .await;
        let (publisher, _) = client.publish();
        published(&publisher).await.unwrap();
        let once = AssetOptions {
            rounds: Some(1),
            ..AssetOptions::default()
        };
        publisher.publish_asset(asset(), once).unwrap();
        tokio::time::sleep(SECOND / 2).await;
        publisher.publish_asset(asset(), once).unwrap();
        poll_fn(|cx| publisher.poll_asset_done(cx)).await.unwrap();
        tokio::time::sleep(SECOND * 59).await;
        publisher.publish_asset(asset(), once).unwrap();
        poll_fn(|cx| publisher.poll_asset_done(cx)).await.unwrap();
        client.close().await;
    });
}

#[test]
fn players_of_the_process_know_when_it_was_sent() {
    // A server that passes on everything, one that drops data, and one that keeps a copy of the metadata.
    for (stamping, relays_data) in [
        (Stamping::DataMessage, true),
        (Stamping::DataMessage, false),
        (Stamping::Metadata, true),
        (Stamping::None, true),
    ] {
        local_paused(async move {
            let stamps: Arc<Stamps> = Arc::default();
            let client = pair_with(stamps, move |mut server| async move {
                server.publish().await;
                server.stream_id = 2;
                server.play().await;
                while let Some(incoming) = server.next().await {
                    match incoming {
                        Incoming::Frame { head, payload, .. } => {
                            let payload = payload.unwrap();
                            server.send(head.kind, head.timestamp, &payload).await;
                        }
                        Incoming::Data {
                            handler, values, ..
                        } if relays_data => {
                            server.say(command::data(2, &handler, &values)).await;
                        }
                        _ => {}
                    }
                }
            })
            .await;
            let request = PublishRequest {
                stamping,
                ..publish_request("cam?key=secret")
            };
            let (publisher, _) = client.publish_with(request);
            published(&publisher).await.unwrap();
            let (player, log) = client.play();
            started(&player).await.unwrap();
            publisher
                .publish_asset(asset(), AssetOptions::default())
                .unwrap();
            tokio::time::sleep(SECOND * 12 / 10 * 4 + SECOND / 10).await;
            let seen = log.end_to_end.get();
            match stamping {
                // The first key frame may be an old one.
                Stamping::DataMessage if !relays_data => assert_eq!(seen, 4),
                Stamping::None => assert_eq!(seen, 0),
                // Metadata that come before the media may be old too; the second stamp comes with the second key frame.
                Stamping::Metadata => assert!((3..=4).contains(&seen), "{seen}"),
                Stamping::DataMessage => assert!((4..=5).contains(&seen), "{seen}"),
            }
            let end_to_end = player.statistics().end_to_end;
            assert_eq!(end_to_end.is_some(), stamping != Stamping::None);
            // What stamps in metadata change is no news.
            let metadata = happenings(&player);
            let metadata = metadata.iter().filter(|what| what.contains("metadata"));
            assert_eq!(metadata.count(), usize::from(relays_data));
            client.close().await;
        });
    }
}

#[test]
fn a_publisher_that_is_dropped_says_its_last_words() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            server.until("FCUnpublish").await;
            server.expect("deleteStream").await;
            server.end().await;
        })
        .await;
        let (publisher, log) = client.publish();
        published(&publisher).await.unwrap();
        publisher
            .publish_asset(asset(), AssetOptions::default())
            .unwrap();
        tokio::time::sleep(SECOND * 3).await;
        publisher.abandon();
        poll_fn(|cx| publisher.poll_stopped(cx)).await;
        log.check(&["started", "ended by-us -"]);
        assert_eq!(publisher.statistics().unsent_bytes, 0);
        client.close().await;
    });
}

#[test]
fn a_connection_that_is_dropped_says_the_last_words_of_its_streams() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            server.stream_id = 2;
            server.play().await;
            server.until("FCUnpublish").await;
            server.expect("deleteStream").await;
            server.expect("deleteStream").await;
            server.end().await;
        })
        .await;
        let (publisher, _) = client.publish();
        published(&publisher).await.unwrap();
        let (player, log) = client.play();
        started(&player).await.unwrap();
        client.connection.abandon();
        assert_eq!(ended(&player).await, Close::by_us());
        log.check(&["started", "ended by-us -"]);
        assert_eq!(client.closed().await, Close::by_us());
        assert_eq!(publisher.closed(), Some(Close::by_us()));
    });
}

/// A key frame, two frames, and a minute without one.
fn long_asset() -> Arc<Asset> {
    flv(&[
        (9, 0, key_frame(1)),
        (9, 400, video(3)),
        (9, 60_000, video(4)),
    ])
}

#[test]
fn an_asset_that_is_cut_off_is_not_done() {
    let rounds = |rounds| AssetOptions {
        rounds,
        ..AssetOptions::default()
    };
    for stops in [false, true] {
        local_paused(async move {
            let client = pair(move |mut server| async move {
                server.publish().await;
                server.frame().await;
                server.frame().await;
                if stops {
                    server.end().await;
                }
            })
            .await;
            let (publisher, _) = client.publish();
            published(&publisher).await.unwrap();
            publisher.publish_asset(long_asset(), rounds(None)).unwrap();
            let done = poll_fn(|cx| {
                if stops && publisher.statistics().frames == 2 {
                    publisher.begin_stop();
                }
                publisher.poll_asset_done(cx)
            });
            let ticks = async {
                loop {
                    settle().await;
                }
            };
            let close = tokio::select! {
                biased;
                done = done => done.unwrap_err(),
                () = ticks => unreachable!(),
            };
            let ending = if stops {
                Ending::ByUs
            } else {
                Ending::Disconnected
            };
            assert_eq!(close.ending, ending);
            assert_eq!(publisher.closed(), Some(close));
        });
    }
}

#[test]
fn what_was_done_stays_done() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            server.end().await;
        })
        .await;
        let (publisher, _) = client.publish();
        published(&publisher).await.unwrap();
        let twice = AssetOptions {
            rounds: Some(2),
            ..AssetOptions::default()
        };
        publisher.publish_asset(asset(), twice).unwrap();
        poll_fn(|cx| publisher.poll_asset_done(cx)).await.unwrap();
        publisher.begin_stop();
        poll_fn(|cx| publisher.poll_stopped(cx)).await;
        assert_eq!(publisher.statistics().rounds, 2);
        assert!(matches!(
            poll_now(|cx| publisher.poll_asset_done(cx)),
            Poll::Ready(Ok(()))
        ));
        let (other, _) = client.publish();
        other.abandon();
        // Nothing was sent, and nothing will be.
        let none = poll_fn(|cx| other.poll_stopped(cx)).await;
        let waited = poll_now(|cx| other.poll_asset_done(cx));
        assert_eq!(waited, Poll::Ready(Err(none)));
        client.close().await;
    });
}

#[test]
fn what_a_slow_peer_has_taken_costs_no_memory() {
    let mut out = super::super::outbox::Outbox::default();
    for _ in 0..1000 {
        out.borrow_buffer();
        while out.len() < 64 << 10 {
            out.bytes().extend_from_slice(&[0; 4096]);
        }
        out.written(32 << 10);
        out.return_buffer();
    }
    assert_eq!(out.len(), 32 << 10);
    assert!(out.bytes().capacity() <= 256 << 10);
}
