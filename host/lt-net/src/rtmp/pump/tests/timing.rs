use super::*;

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            // Reads nothing more until the client is gone.
            tokio::time::sleep(SECOND * 100).await;
        })
        .await;
        let request = PublishRequest {
            unsent_max: SECOND * 7,
            ..publish_request("cam")
        };
        let (publisher, log) = client.publish_with(request);
        published(&publisher).await.unwrap();
        let mut timestamp = 0;
        let full = loop {
            let tag = vec![0x27; 64 << 10].into_boxed_slice();
            match publisher.try_send_tag(FrameKind::Video, timestamp, tag) {
                Ok(()) => settle().await,
                Err(unsent) => break unsent,
            }
            timestamp += 1;
            let unsent = publisher.statistics().unsent_bytes;
            assert!(unsent <= UNSENT_BYTES_MAX, "{unsent}");
        };
        assert!(matches!(full, Unsent::Full(tag) if tag.len() == 64 << 10));
        let large = publisher.send_data("x", vec![Value::Text("x".repeat(UNSENT_BYTES_MAX / 2))]);
        assert!(matches!(large, Err(RtmpError::TooLarge(_))));
        let stuck = Instant::now();
        poll_fn(|cx| publisher.poll_room(cx)).await;
        let close = publisher.closed().unwrap();
        assert_eq!(close.ending, Ending::Unsent);
        let took = stuck.elapsed();
        assert!((SECOND * 6..SECOND * 8).contains(&took), "{took:?}");
        assert!(log.has("ended unsent"));
        assert_eq!(client.closed().await.ending, Ending::Unsent);
    });
}

#[test]
fn a_slow_peer_makes_room_in_time() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            for _ in 0..200 {
                tokio::time::sleep(MILLISECOND * 100).await;
                server.frame().await.unwrap();
            }
            server.end().await;
        })
        .await;
        // The kernel takes its own time to make room, which the test's clock does not wait for.
        let request = PublishRequest {
            unsent_max: SECOND * 1_000_000,
            ..publish_request("cam")
        };
        let (publisher, _) = client.publish_with(request);
        published(&publisher).await.unwrap();
        for timestamp in 0..200 {
            let mut tag = vec![0x27; 64 << 10].into_boxed_slice();
            loop {
                match publisher.try_send_tag(FrameKind::Video, timestamp, tag) {
                    Ok(()) => break,
                    Err(Unsent::Full(back)) => tag = back,
                    Err(other) => panic!("{other:?}"),
                }
                poll_fn(|cx| publisher.poll_room(cx)).await;
            }
        }
        while publisher.statistics().unsent_bytes > 0 {
            tokio::time::sleep(MILLISECOND * 100).await;
        }
        publisher.begin_stop();
        assert_eq!(
            poll_fn(|cx| publisher.poll_stopped(cx)).await,
            Close::by_us()
        );
        client.close().await;
    });
}

#[test]
fn silence_ends_a_player_and_leaves_the_connection() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.video(0).await;
            tokio::time::sleep(SECOND * 9).await;
            server.video(40).await;
            server.expect("deleteStream").await;
            server.play().await;
            server.end().await;
        })
        .await;
        let mut request = play_request("cam");
        request.options.silence_max = Some(SECOND * 10);
        let began = Instant::now();
        let (player, log) = client.play_with(request);
        let close = ended(&player).await;
        assert_eq!(close.ending, Ending::Silence);
        let took = began.elapsed();
        assert!((SECOND * 19..SECOND * 20).contains(&took), "{took:?}");
        assert!(log.has("ended silence"));
        let (player, _) = client.play();
        started(&player).await.unwrap();
        client.close().await;
    });
}

#[test]
fn half_of_the_peers_window_is_acknowledged() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.say(command::window_ack_size(10_000)).await;
            for index in 0..60 {
                server.video(index).await;
                settle().await;
            }
            let mut sums = Vec::new();
            loop {
                match server.next().await.unwrap() {
                    Incoming::Acknowledgement(sum) => sums.push(sum),
                    Incoming::Command { name, .. } if name == "deleteStream" => break,
                    _ => {}
                }
            }
            assert_eq!(sums.len(), 1, "{sums:?}");
            assert!((5_000..5_500).contains(&sums[0]), "{sums:?}");
            server.end().await;
        })
        .await;
        let (player, _) = client.play();
        started(&player).await.unwrap();
        tokio::time::sleep(SECOND).await;
        player.begin_stop();
        ended(&player).await;
        client.close().await;
    });
}

#[test]
fn pings_are_answered_and_windows_announced() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.say(command::user_control(6, &[0xdead_beef])).await;
            assert_eq!(
                server.next().await,
                Some(Incoming::PingResponse(0xdead_beef))
            );
            // The first is what was announced while connecting.
            for bytes in [OWN_WINDOW, 5_000_000] {
                server.say(command::peer_bandwidth(bytes, 2)).await;
            }
            assert_eq!(
                server.next().await,
                Some(Incoming::WindowAckSize(5_000_000))
            );
            server.end().await;
        })
        .await;
        tokio::time::sleep(SECOND * 3600).await;
        assert_eq!(client.connection.closed(), None);
        client.close().await;
    });
}

#[test]
fn answers_to_a_peer_that_takes_none_have_a_bound() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for index in 0..200_000 {
                let mut out = Vec::new();
                let ping = command::user_control(6, &[index]);
                for _ in 0..10 {
                    ping.write(&mut server.encoder, &mut out, 0);
                }
                server.write(&out).await;
                if index % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            server.stream.set_zero_linger().unwrap();
        })
        .await;
        assert_eq!(client.closed().await.ending, Ending::Reset);
    });
}

#[test]
fn closing_waits_two_seconds_for_a_peer_that_takes_nothing() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            tokio::time::sleep(SECOND * 10).await;
        })
        .await;
        let (publisher, _) = client.publish();
        published(&publisher).await.unwrap();
        while let Ok(()) = publisher.try_send_tag(FrameKind::Video, 0, vec![0; 100_000].into()) {
            settle().await;
        }
        let began = Instant::now();
        client.connection.begin_close();
        assert_eq!(
            poll_fn(|cx| publisher.poll_stopped(cx)).await,
            Close::by_us()
        );
        let took = began.elapsed();
        assert!((SECOND * 2..SECOND * 3).contains(&took), "{took:?}");
        assert_eq!(client.closed().await, Close::by_us());
    });
}

#[test]
fn a_large_frame_over_a_slow_line_is_no_silence() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.video(0).await;
            let (mut out, frame) = (Vec::new(), video(1).repeat(120));
            server
                .encoder
                .message(&mut out, CSID_VIDEO, 40, type_id::VIDEO, STREAM, &frame);
            for piece in out.chunks(1000) {
                server.write(piece).await;
                tokio::time::sleep(SECOND / 2).await;
            }
            server.end().await;
        })
        .await;
        let mut request = play_request("cam");
        request.options.silence_max = Some(SECOND * 2);
        let began = Instant::now();
        let (player, _) = client.play_with(request);
        let close = ended(&player).await;
        assert_eq!(close.ending, Ending::Silence);
        assert_eq!(player.statistics().video_frames, 2);
        let took = began.elapsed();
        assert!(took >= SECOND * 8, "{took:?}");
        client.close().await;
    });
}
