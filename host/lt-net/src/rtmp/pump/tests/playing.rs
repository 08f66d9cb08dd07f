use super::*;

#[test]
fn a_stream_is_played_and_stopped() {
    local_paused(async {
        let client = pair(|mut server| async move {
            let told = server.expect("createStream").await;
            assert_eq!((told.stream_id, told.transaction), (0, 2.0));
            server.result(&told, Value::Number(7.0)).await;
            let told = server.expect("play").await;
            assert_eq!(told.stream_id, 7);
            let name = Value::Text("cam?token=x".to_owned());
            // Milliseconds, as all who are spoken to have it: live, or else recorded.
            let values = [Value::Null, name, Value::Number(-2000.0)];
            assert_eq!(told.values, values);
            // Set buffer length: an event that only servers know.
            assert_eq!(server.next().await, Some(Incoming::UserOther(3)));
            server.status_on(7, "NetStream.Play.Reset", "status").await;
            server.status_on(7, "NetStream.Play.Start", "status").await;
            let told = server.expect("deleteStream").await;
            assert_eq!(told.values, [Value::Null, Value::Number(7.0)]);
            server.end().await;
        })
        .await;
        let (player, log) = client.play_with(play_request("cam?token=x"));
        assert!(started(&player).await.is_ok());
        assert_eq!(
            happenings(&player),
            ["NetStream.Play.Reset", "NetStream.Play.Start"]
        );
        assert_eq!(player.closed(), None);
        player.begin_stop();
        assert_eq!(player.pause(true), Err(RtmpError::Closed(Close::by_us())));
        assert_eq!(ended(&player).await, Close::by_us());
        assert_eq!(happenings(&player), ["ended by-us"]);
        log.check(&["started", "ended by-us -"]);
        client.close().await;
    });
}

#[test]
fn what_is_asked_for_is_said() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for (start, length) in [(-1000.0, None), (1500.0, Some(Value::Number(60_000.0)))] {
                server.create().await;
                let told = server.until("play").await;
                assert_eq!(told.values[2], Value::Number(start));
                assert_eq!(told.values.get(3), length.as_ref());
                server.status("NetStream.Play.Start").await;
                server.stream_id = 2;
            }
            server.end().await;
        })
        .await;
        let mut request = play_request("cam");
        request.start = PlayStart::Live;
        let (live, _) = client.play_with(request.clone());
        started(&live).await.unwrap();
        request.start = PlayStart::Recorded(Duration::from_millis(1500));
        request.length = Some(SECOND * 60);
        let (recorded, _) = client.play_with(request);
        started(&recorded).await.unwrap();
        client.close().await;
        assert_eq!(live.closed(), Some(Close::by_us()));
        assert_eq!(recorded.closed(), Some(Close::by_us()));
    });
}

#[test]
fn a_stream_that_is_not_there_leaves_the_connection_for_another() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.create().await;
            server.expect("play").await;
            server.error("NetStream.Play.StreamNotFound").await;
            server.expect("deleteStream").await;
            server.play().await;
            server.end().await;
        })
        .await;
        let (player, log) = client.play_with(play_request("gone"));
        let error = started(&player).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (2101, "refused"));
        assert_eq!(ended(&player).await.code, "NetStream.Play.StreamNotFound");
        log.check(&[
            "error NetStream.Play.StreamNotFound",
            "not started: refused: NetStream.Play.StreamNotFound so it is",
        ]);
        let (player, _) = client.play();
        started(&player).await.unwrap();
        client.close().await;
    });
}

#[test]
fn errors_of_commands_are_the_streams() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for name in ["createStream", "play"] {
                if name == "play" {
                    server.create().await;
                }
                let told = server.until(name).await;
                let values = [Value::Null, info("NetStream.Failed", "error")];
                let error = command::command(0, "_error", told.transaction, &values);
                server.say(error).await;
            }
            // A number that is none.
            let told = server.until("createStream").await;
            server.result(&told, Value::Text("one".to_owned())).await;
            server.end().await;
        })
        .await;
        for _ in 0..2 {
            let (player, log) = client.play();
            assert_eq!(started(&player).await.unwrap_err().code(), 2101);
            assert!(log.has("error NetStream.Failed"));
        }
        let (player, _) = client.play();
        assert_eq!(started(&player).await.unwrap_err().code(), 2104);
        client.close().await;
    });
}

#[test]
fn media_are_as_good_as_a_yes() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.create().await;
            server.expect("play").await;
            server.video(0).await;
            server.end().await;
        })
        .await;
        let (player, log) = client.play();
        started(&player).await.unwrap();
        log.check(&["started", "first byte 0", "first frame 0"]);
        client.close().await;
    });
}

#[test]
fn a_start_that_takes_too_long_is_given_up() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.expect("createStream").await;
            // Of the second the number comes when nobody wants it any more.
            let told = server.expect("createStream").await;
            tokio::time::sleep(SECOND * 12).await;
            server.result(&told, Value::Number(5.0)).await;
            let told = server.expect("deleteStream").await;
            assert_eq!(told.values[1], Value::Number(5.0));
            // And the third has one, but no yes.
            server.create().await;
            server.expect("play").await;
            server.expect("deleteStream").await;
            server.end().await;
        })
        .await;
        let mut request = play_request("cam");
        request.options.timeout = SECOND * 10;
        for _ in 0..3 {
            let asked = Instant::now();
            let (player, log) = client.play_with(request.clone());
            let error = started(&player).await.unwrap_err();
            assert_eq!(error, RtmpError::Timeout);
            let took = asked.elapsed();
            assert!((SECOND * 10..SECOND * 11).contains(&took), "{took:?}");
            log.check(&["not started: out of time"]);
            tokio::time::sleep(SECOND * 5).await;
        }
        client.close().await;
    });
}

#[test]
fn a_user_that_is_gone_in_mid_start_leaves_nothing_behind() {
    local_paused(async {
        let client = pair(|mut server| async move {
            let told = server.expect("createStream").await;
            tokio::time::sleep(SECOND).await;
            server.result(&told, Value::Number(3.0)).await;
            let told = server.expect("deleteStream").await;
            assert_eq!(told.values[1], Value::Number(3.0));
            server.create().await;
            server.expect("play").await;
            server.expect("deleteStream").await;
            server.end().await;
        })
        .await;
        for wait in [0, 5] {
            let (player, log) = client.play();
            tokio::time::sleep(SECOND * wait).await;
            settle().await;
            player.abandon();
            assert_eq!(ended(&player).await, Close::by_us());
            log.check(&["not started: ended: by-us "]);
            tokio::time::sleep(SECOND * 5).await;
        }
        assert_eq!(client.connection.places.get(), 0);
        client.close().await;
    });
}

#[test]
fn a_connection_has_room_for_so_many_streams() {
    local_paused(async {
        let client = pair(|server| server.end()).await;
        let players: Vec<_> = (0..STREAMS_MAX).map(|_| client.play()).collect();
        let refused = |client: &Client| {
            let log = Rc::new(Log::default());
            let error = client.connection.play(play_request("cam"), log.clone());
            assert!(matches!(error.unwrap_err(), RtmpError::TooMany(_)));
            log.check(&[]);
        };
        refused(&client);
        settle().await;
        refused(&client);
        players[3].0.abandon();
        settle().await;
        let (last, _) = client.play();
        refused(&client);
        let name = "x".repeat(NAME_BYTES_MAX + 1);
        last.abandon();
        settle().await;
        let error = client
            .connection
            .play(play_request(&name), Rc::new(Log::default()));
        assert_eq!(error.unwrap_err().code(), 1020);
        client.close().await;
    });
}

#[test]
fn a_publisher_that_leaves_may_come_back() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.video(0).await;
            server.status("NetStream.Play.UnpublishNotify").await;
            server.say(command::user_control(1, &[STREAM])).await;
            server.status("NetStream.Play.Stop").await;
            server.status("NetStream.Play.Start").await;
            server.video(0).await;
            let values = [info("NetStream.Play.Complete", "status")];
            server
                .say(command::data(STREAM, "onPlayStatus", &values))
                .await;
            server.end().await;
        })
        .await;
        let (player, log) = client.play();
        let close = ended(&player).await;
        assert_eq!(close.ending, Ending::ByPeer);
        assert_eq!(close.code, "NetStream.Play.Complete");
        assert_eq!(
            happenings(&player),
            [
                "NetStream.Play.Start",
                "FirstFrame",
                "NetStream.Play.UnpublishNotify",
                "StreamEOF",
                "NetStream.Play.Stop",
                "NetStream.Play.Start",
                "NetStream.Play.Complete",
                "ended by-peer"
            ]
        );
        assert!(log.has("ended by-peer NetStream.Play.Complete"));
        client.close().await;
    });
}

#[test]
fn what_is_recorded_ends_when_it_stops() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.create().await;
            server.until("play").await;
            server.say(command::user_control(4, &[STREAM])).await;
            server.status("NetStream.Play.Start").await;
            server.status("NetStream.Play.Stop").await;
            server.end().await;
        })
        .await;
        let (player, _) = client.play();
        started(&player).await.unwrap();
        assert_eq!(ended(&player).await.ending, Ending::ByPeer);
        client.close().await;
    });
}

#[test]
fn the_server_pauses_and_seeks_when_it_is_asked() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.play().await;
            server.video(1000).await;
            server.video(1040).await;
            let told = server.expect("pause").await;
            assert_eq!(told.stream_id, STREAM);
            let values = [Value::Null, Value::Boolean(true), Value::Number(40.0)];
            assert_eq!(told.values, values);
            server.status("NetStream.Pause.Notify").await;
            let told = server.expect("pause").await;
            assert_eq!(told.values[1], Value::Boolean(false));
            server.status("NetStream.Unpause.Notify").await;
            server.video(1080).await;
            let told = server.expect("seek").await;
            assert_eq!(told.values[1], Value::Number(9000.0));
            server.say(command::user_control(1, &[STREAM])).await;
            server.status("NetStream.Seek.Notify").await;
            server.video(9000).await;
            server.expect("seek").await;
            server.error("NetStream.Seek.InvalidTime").await;
            let told = server.expect("pause").await;
            let values = [Value::Null, info("NetStream.Pause.Failed", "error")];
            let error = command::command(0, "_error", told.transaction, &values);
            server.say(error).await;
            server.end().await;
        })
        .await;
        let (player, log) = client.play();
        started(&player).await.unwrap();
        settle().await;
        let answer = || poll_fn(|cx| player.poll_answer(cx));
        player.pause(true).unwrap();
        answer().await.unwrap();
        tokio::time::sleep(SECOND * 60).await;
        let statistics = player.statistics();
        assert!(statistics.elapsed < SECOND, "{statistics:?}");
        assert!(!statistics.stalled && !statistics.lagged);
        player.pause(false).unwrap();
        answer().await.unwrap();
        settle().await;
        player.seek(SECOND * 9).unwrap();
        answer().await.unwrap();
        settle().await;
        assert!(!log.has("stalled") && !log.has("discontinuity"));
        player.seek(SECOND * 99).unwrap();
        assert_eq!(answer().await.unwrap_err().code(), 2101);
        player.pause(true).unwrap();
        assert_eq!(answer().await.unwrap_err().code(), 2101);
        assert_eq!(player.closed(), None);
        player.pause(true).unwrap();
        client.connection.begin_close();
        assert_eq!(answer().await, Err(RtmpError::Closed(Close::by_us())));
        client.closed().await;
    });
}
