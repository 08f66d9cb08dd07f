//! Several streams of one connection, one behind the other and beside each other.

use super::*;
use crate::websocket::{InboxOptions, Overflow};

/// A frame of video on a stream of this number.
async fn video_on(server: &mut Server, stream_id: u32, timestamp: u32, content: &[u8]) {
    let mut out = Vec::new();
    let encoder = &mut server.encoder;
    encoder.message(
        &mut out,
        CSID_VIDEO,
        timestamp,
        type_id::VIDEO,
        stream_id,
        content,
    );
    server.write(&out).await;
}

/// Streams that servers number, as most do, play one after the other.
async fn play_both(server: &mut Server) {
    for number in [1, 2] {
        server.stream_id = number;
        server.create().await;
        server.expect("play").await;
        server.status("NetStream.Play.Start").await;
    }
}

fn keeping() -> PlayRequest {
    let mut request = play_request("cam");
    request.options.payload = true;
    request.options.frames = Some(InboxOptions {
        messages_max: 10,
        bytes_max: 1 << 20,
        overflow: Overflow::DropOldest,
    });
    request
}

#[test]
fn media_on_a_number_that_nobody_was_given_is_the_only_players() {
    // `ffmpeg -listen` sends on 0.
    for number in [0, 7] {
        local_paused(async move {
            let client = pair(move |mut server| async move {
                server.play().await;
                video_on(&mut server, number, 0, &key_frame(1)).await;
                server.end().await;
            })
            .await;
            let (player, _) = client.play_with(keeping());
            poll_fn(|cx| player.poll_receive(cx)).await;
            assert_eq!(*player.try_receive().unwrap().data, *key_frame(1));
            client.close().await;
        });
    }
}

#[test]
fn what_still_comes_for_a_stream_that_has_ended_is_no_others() {
    local_paused(async {
        let client = pair(|mut server| async move {
            play_both(&mut server).await;
            server.video(0).await;
            server.until("deleteStream").await;
            video_on(&mut server, 1, 500_000, &video(1)).await;
            server
                .status_on(1, "NetStream.Play.StreamNotFound", "error")
                .await;
            server.say(command::user_control(1, &[1])).await;
            server.video(40).await;
            server.end().await;
        })
        .await;
        let (one, _) = client.play_with(play_request("one"));
        started(&one).await.unwrap();
        let (two, log) = client.play_with(play_request("two"));
        started(&two).await.unwrap();
        settle().await;
        one.begin_stop();
        ended(&one).await;
        settle().await;
        let statistics = two.statistics();
        assert_eq!(
            (statistics.video_frames, statistics.discontinuities),
            (2, 0)
        );
        assert_eq!(two.closed(), None);
        assert_eq!(happenings(&two), ["NetStream.Play.Start", "FirstFrame"]);
        log.check(&["started", "first byte 0", "first frame 0"]);
        client.close().await;
    });
}

#[test]
fn a_late_frame_of_the_stream_before_starts_none() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.create().await;
            server.expect("play").await;
            server.status("NetStream.Play.Start").await;
            let told = server.until("createStream").await;
            server.result(&told, Value::Number(2.0)).await;
            video_on(&mut server, 1, 500_000, &key_frame(1)).await;
            server.until("play").await;
            video_on(&mut server, 1, 500_040, &key_frame(1)).await;
            server
                .status_on(2, "NetStream.Play.StreamNotFound", "error")
                .await;
            server.end().await;
        })
        .await;
        let (one, _) = client.play_with(play_request("one"));
        started(&one).await.unwrap();
        one.begin_stop();
        ended(&one).await;
        let (two, log) = client.play_with(play_request("two"));
        assert_eq!(started(&two).await.unwrap_err().code(), 2101);
        assert!(!log.has("first"), "{log:?}");
        client.close().await;
    });
}

#[test]
fn a_publisher_outlives_the_word_on_another() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for number in [1, 2] {
                server.stream_id = number;
                server.create().await;
                server.until("publish").await;
                server.status("NetStream.Publish.Start").await;
            }
            server.until("deleteStream").await;
            server
                .status_on(1, "NetStream.Unpublish.Success", "status")
                .await;
            server.end().await;
        })
        .await;
        let (one, _) = client.publish_with(publish_request("one"));
        published(&one).await.unwrap();
        let (two, log) = client.publish_with(publish_request("two"));
        published(&two).await.unwrap();
        one.begin_stop();
        poll_fn(|cx| one.poll_stopped(cx)).await;
        tokio::time::sleep(SECOND).await;
        assert_eq!(two.closed(), None);
        log.check(&["started"]);
        client.close().await;
    });
}

#[test]
fn a_server_that_has_one_number_has_one_stream_at_a_time() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.publish().await;
            server.create().await;
            // Whose stream is there already is not to be deleted.
            server.create().await;
            let told = server.told().await.unwrap();
            assert_eq!(told.name, "FCUnpublish");
            assert_eq!(
                server.expect("deleteStream").await.values[1],
                Value::Number(1.0)
            );
            server.play().await;
            server.end().await;
        })
        .await;
        let (publisher, _) = client.publish();
        published(&publisher).await.unwrap();
        let (player, log) = client.play_with(play_request("other"));
        let refused = started(&player).await.unwrap_err();
        assert_eq!(refused.code(), 2101);
        assert!(refused.to_string().contains("one stream a connection"));
        assert_eq!(log.said.borrow().len(), 1);
        let (given_up, _) = client.play_with(play_request("other"));
        settle().await;
        given_up.abandon();
        tokio::time::sleep(SECOND).await;
        assert_eq!(publisher.closed(), None);
        // When the first has gone there is room for another.
        publisher.abandon();
        let (player, _) = client.play();
        started(&player).await.unwrap();
        client.close().await;
    });
}

#[test]
fn a_place_is_free_when_its_stream_is_dropped() {
    local_paused(async {
        let client = pair(|server| server.end()).await;
        let asked = |client: &Client| {
            let log = Rc::new(Log::default());
            client.connection.play(play_request("cam"), log)
        };
        let mut players: Vec<_> = (0..STREAMS_MAX).map(|_| asked(&client).unwrap()).collect();
        for is_running in [false, true] {
            if is_running {
                settle().await;
            }
            assert!(matches!(asked(&client), Err(RtmpError::TooMany(_))));
            players[0].abandon();
            players[1].begin_stop();
            players[0].abandon();
            players[0] = asked(&client).unwrap();
            players[1] = asked(&client).unwrap();
            assert!(matches!(asked(&client), Err(RtmpError::TooMany(_))));
        }
        // Who never lets the pump run is stopped all the same.
        let mut count = 0;
        while let Ok(player) = asked(&client).or_else(|_| {
            players.pop().unwrap().abandon();
            asked(&client)
        }) {
            player.abandon();
            count += 1;
            assert!(count < 100);
        }
        client.close().await;
    });
}

#[test]
fn nothing_has_no_name() {
    local_paused(async {
        let client = pair(|server| server.end()).await;
        let connection = &client.connection;
        let log = Rc::new(Log::default());
        let played = connection.play(play_request(""), log.clone());
        assert_eq!(played.unwrap_err().code(), 1020);
        let published = connection.publish(publish_request(""), log.clone());
        assert_eq!(published.unwrap_err().code(), 1020);
        let called = connection.call("", Vec::new());
        assert_eq!(called.unwrap_err().code(), 1020);
        log.check(&[]);
        client.close().await;
    });
}

#[test]
fn a_stream_that_was_dropped_before_it_was_begun_is_not_asked_for() {
    local_paused(async {
        let client = pair(|mut server| async move {
            let told = server.expect("createStream").await;
            assert_eq!(told.transaction, 2.0);
            server.result(&told, Value::Number(1.0)).await;
            let told = server.expect("play").await;
            assert_eq!(told.values[1], Value::Text("cam".to_owned()));
            server.end().await;
        })
        .await;
        let (dropped, log) = client.play_with(play_request("dropped"));
        dropped.abandon();
        let (_player, _) = client.play();
        assert_eq!(ended(&dropped).await, Close::by_us());
        log.check(&["not started: ended: by-us "]);
        settle().await;
        client.close().await;
    });
}

#[test]
fn publishers_share_a_slow_peers_room() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for number in [1, 2] {
                server.stream_id = number;
                server.create().await;
                server.until("publish").await;
                server.status("NetStream.Publish.Start").await;
            }
            let mut bytes = vec![0; 100_000];
            for _ in 0..400 {
                tokio::time::sleep(MILLISECOND * 10).await;
                let taken = server.stream.read(&mut bytes).await.unwrap();
                assert!(taken > 0);
            }
        })
        .await;
        let (one, _) = client.publish_with(publish_request("one"));
        published(&one).await.unwrap();
        let (two, _) = client.publish_with(publish_request("two"));
        published(&two).await.unwrap();
        // More than is taken: 50 MB a second.
        let large: Vec<_> = (0..50)
            .map(|frame| (9, frame * 20, video(1).repeat(10_000)))
            .collect();
        let start = |publisher: &Publisher, asset: Arc<Asset>| {
            let options = AssetOptions::default();
            publisher.publish_asset(asset, options).unwrap();
        };
        start(&one, flv(&large));
        tokio::time::sleep(SECOND).await;
        start(&two, asset_of_small_frames());
        tokio::time::sleep(SECOND * 2).await;
        let (one, two) = (one.statistics(), two.statistics());
        assert!(one.late > SECOND, "{one:?}");
        assert!(two.frames > 5, "{two:?}");
    });
}

fn asset_of_small_frames() -> Arc<Asset> {
    let frames: Vec<_> = (0..25).map(|frame| (9, frame * 40, video(1))).collect();
    flv(&frames)
}

#[test]
fn closing_does_not_wait_for_a_quiet_server() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.end().await;
        })
        .await;
        let (player, _) = client.play();
        started(&player).await.unwrap();
        tokio::time::sleep(SECOND * 5).await;
        let began = Instant::now();
        let (beside, _) = client.play_with(play_request("beside"));
        client.close().await;
        assert!(began.elapsed() < SECOND / 10, "{:?}", began.elapsed());
        assert_eq!(player.closed(), Some(Close::by_us()));
        assert_eq!(beside.closed(), Some(Close::by_us()));
    });
}

#[test]
fn questions_push_out_no_call() {
    local_paused(async {
        const QUESTIONS: u32 = 70;
        let client = pair(|mut server| async move {
            server.play().await;
            let call = server.until("slow").await;
            for number in 0..QUESTIONS {
                server.until("pause").await;
                let codes = ["NetStream.Pause.Notify", "NetStream.Unpause.Notify"];
                server.status(codes[number as usize % 2]).await;
            }
            server.result(&call, Value::Number(1.0)).await;
            server.end().await;
        })
        .await;
        let (player, _) = client.play();
        started(&player).await.unwrap();
        let call = client.connection.call("slow", Vec::new()).unwrap();
        settle().await;
        for number in 0..QUESTIONS {
            player.pause(number % 2 == 0).unwrap();
            poll_fn(|cx| player.poll_answer(cx)).await.unwrap();
        }
        let answer = poll_fn(|cx| call.poll(cx)).await.unwrap();
        assert_eq!(answer, [Value::Null, Value::Number(1.0)]);
        client.close().await;
    });
}
