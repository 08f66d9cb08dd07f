use super::*;
use crate::websocket::{InboxOptions, Overflow};

fn keeping(messages_max: usize, bytes_max: usize, overflow: Overflow) -> PlayRequest {
    let mut request = play_request("cam");
    request.options.payload = true;
    request.options.frames = Some(InboxOptions {
        messages_max,
        bytes_max,
        overflow,
    });
    request
}

#[test]
fn a_stall_of_ten_seconds_is_told_with_its_lag() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            let began = Instant::now();
            let at = async |server: &mut Server, ms: u32, timestamp: u32| {
                let when = began + MILLISECOND * ms;
                tokio::time::sleep_until(when).await;
                server.video(timestamp).await;
            };
            for index in 0..50 {
                at(&mut server, index * 40, index * 40).await;
            }
            // Held up for ten seconds; then what was meant to be sent comes at once.
            for index in 50..300 {
                at(&mut server, 11_960, index * 40).await;
            }
            for index in 300..400 {
                at(&mut server, index * 40, index * 40).await;
            }
            server.end().await;
        })
        .await;
        let (player, log) = client.play();
        poll_fn(|cx| player.poll_media(Duration::from_millis(15_960), cx)).await;
        log.check(&[
            "started",
            "first byte 0",
            "first frame 0",
            "stalled",
            "resumed 10000 10000",
        ]);
        let statistics = player.statistics();
        assert_eq!((statistics.stalls, statistics.discontinuities), (1, 0));
        assert!(!statistics.stalled && !statistics.lagged);
        assert!(statistics.lag < MILLISECOND * 10, "{statistics:?}");
        assert_eq!(log.received.get().video, 400);
        assert_eq!(
            happenings(&player),
            [
                "NetStream.Play.Start",
                "FirstFrame",
                "Stalled",
                "Lagged",
                "Resumed(10s)",
                "CaughtUp"
            ]
        );
        // Lag, each second: up to ten of them behind.
        let seconds = log.seconds.take();
        let most = seconds.iter().map(|(lag, _)| lag.as_millis()).max();
        assert!((9_000..=10_000).contains(&most.unwrap()), "{seconds:?}");
        client.close().await;
    });
}

#[test]
fn time_stamps_that_stand_or_go_back_are_told_and_counted() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            for timestamp in [5000, 5040, 5080, 1000, 1040, 1040, 0, 40] {
                server.video(timestamp).await;
                tokio::time::sleep(MILLISECOND * 40).await;
            }
            server.end().await;
        })
        .await;
        let (player, log) = client.play();
        started(&player).await.unwrap();
        tokio::time::sleep(MILLISECOND * 321).await;
        assert!(log.has("discontinuity -4080"));
        assert!(log.has("discontinuity -1040"));
        let statistics = player.statistics();
        assert_eq!(statistics.discontinuities, 2);
        assert_eq!(statistics.video_frames, 8);
        assert!(statistics.media_time <= MILLISECOND * 320);
        client.close().await;
    });
}

#[test]
fn time_stamps_may_wrap() {
    // Of 24 bits, where a stamp takes four bytes more; and of 32.
    for wrap in [0x0100_0000_u32, 0] {
        local_paused(async move {
            let client = pair(move |mut server| async move {
                server.play().await;
                for index in 0..20 {
                    server
                        .video(wrap.wrapping_sub(400).wrapping_add(index * 40))
                        .await;
                    tokio::time::sleep(MILLISECOND * 40).await;
                }
                server.end().await;
            })
            .await;
            let (player, log) = client.play();
            poll_fn(|cx| player.poll_media(MILLISECOND * 760, cx)).await;
            assert_eq!(player.statistics().discontinuities, 0);
            assert!(!log.has("discontinuity"));
            client.close().await;
        });
    }
}

#[test]
fn nobody_is_woken_before_there_is_so_much_media() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            for index in 0..51 {
                server.video(index * 40).await;
                tokio::time::sleep(MILLISECOND * 40).await;
            }
            server.end().await;
        })
        .await;
        let (player, _) = client.play();
        started(&player).await.unwrap();
        while player.try_event().is_none() {
            settle().await;
        }
        tokio::time::sleep(MILLISECOND * 10).await;
        // A task of its own: the test itself is polled with any other.
        let waiting = spawn_local(async move {
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                player.poll_media(SECOND * 2, cx)
            })
            .await;
            assert_eq!(player.statistics().media_time, SECOND * 2);
            polls
        });
        assert_eq!(waiting.await.unwrap(), 2);
        client.close().await;
    });
}

#[test]
fn frames_are_kept_for_whoever_asks_for_them() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.send(FrameKind::Video, 0, &key_frame(9)).await;
            // More than one chunk, more than one read.
            server.send(FrameKind::Audio, 21, &[0xaf; 100_000]).await;
            let values = [Value::Number(1.0)];
            server.say(command::data(STREAM, "onCue", &values)).await;
            server.end().await;
        })
        .await;
        let (player, log) = client.play_with(keeping(100, 1 << 20, Overflow::DropOldest));
        let mut frames = Vec::new();
        while frames.len() < 3 {
            poll_fn(|cx| player.poll_receive(cx)).await;
            frames.extend(std::iter::from_fn(|| player.try_receive()));
        }
        assert_eq!(*frames[0].data, key_frame(9));
        assert!(frames[0].head.key_frame);
        assert_eq!(
            (frames[1].head.kind, frames[1].data.len()),
            (FrameKind::Audio, 100_000)
        );
        assert_eq!(frames[2].head.kind, FrameKind::Data);
        assert_eq!(
            frames[2].data.len(),
            usize::try_from(frames[2].head.size).unwrap()
        );
        settle().await;
        let received = log.received.get();
        assert_eq!((received.audio, received.video, received.data), (1, 1, 1));
        client.close().await;
    });
}

#[test]
fn a_full_inbox_stops_reading_and_goes_on_where_it_was() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            for index in 0..1000 {
                server.send(FrameKind::Audio, index, &[1; 1000]).await;
            }
            server.end().await;
        })
        .await;
        let (player, log) = client.play_with(keeping(10, 1 << 20, Overflow::Pause));
        for index in 0..1000 {
            poll_fn(|cx| player.poll_receive(cx)).await;
            assert!(player.statistics().waiting <= 10);
            assert_eq!(player.try_receive().unwrap().head.timestamp, index);
        }
        settle().await;
        assert_eq!(log.received.get().audio, 1000);
        assert_eq!(player.statistics().dropped, 0);
        client.close().await;
    });
}

#[test]
fn what_has_no_room_is_dropped_or_the_end() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for _ in 0..2 {
                server.play().await;
                for index in 0..5 {
                    server.send(FrameKind::Audio, index, &[1; 1000]).await;
                }
                server.until("deleteStream").await;
            }
            server.end().await;
        })
        .await;
        let (player, log) = client.play_with(keeping(3, 1 << 20, Overflow::DropOldest));
        started(&player).await.unwrap();
        tokio::time::sleep(SECOND / 10).await;
        let statistics = player.statistics();
        assert_eq!((statistics.waiting, statistics.dropped), (3, 2));
        assert_eq!(player.try_receive().unwrap().head.timestamp, 2);
        assert!(log.has("dropped"));
        player.begin_stop();
        ended(&player).await;
        let (player, log) = client.play_with(keeping(3, 1 << 20, Overflow::Close));
        let close = ended(&player).await;
        assert_eq!(close.ending, Ending::InboxOverflow);
        assert!(log.has("ended inbox-overflow"));
        assert_eq!(std::iter::from_fn(|| player.try_receive()).count(), 3);
        client.close().await;
    });
}

#[test]
fn a_stall_that_the_end_ends_is_told_too() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.video(0).await;
            server.video(40).await;
            tokio::time::sleep(SECOND * 5).await;
        })
        .await;
        let (player, log) = client.play();
        let close = ended(&player).await;
        assert_eq!(close.ending, Ending::Disconnected);
        assert!(log.has("stalled"));
        assert!(log.has("resumed 5"));
        assert!(log.has("ended disconnected"));
        assert_eq!(client.closed().await.ending, Ending::Disconnected);
    });
}
