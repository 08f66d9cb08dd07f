//! The ends of users: those who are asked to end, those who fail, those who are cut off. None leaves a stream behind.

use std::time::Duration;

use lt_tests::ffmpeg::Clip;
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::peers::RtmpPeer;
use lt_tests::peers::rtmp::commands;
use lt_tests::process::wait_until;

use super::{
    all, at, connects, count_by, endings, expect_checked, fuzzy, streams, told, with_video,
};

/// Time for what the server sees in its own time.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn whoever_waits_is_woken_when_the_run_ends() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    for what in ["event", "frame", "media", "asset"] {
        let ran = with_video(&nginx.url("live"), "rtmp_stopping", &video)
            .set("what", what)
            .arguments("--users 4 --duration 1s --graceful-stop 10s")
            .finish()
            .expect_clean();
        assert_eq!(told(&ran, "case"), ["stopping"; 4], "{what}\n{ran}");
        assert!(ran.took() < Duration::from_secs(9), "{what}\n{ran}");
        for user in 1..=4 {
            let stream = format!("stream-{user}");
            nginx.await_stream("nobody", "live", &stream, |found| found.is_none());
        }
    }
}

#[test]
fn no_stream_outlives_its_user() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    for (how, class) in [("fails", "failure"), ("panics", "panic"), ("spins", "cpu")] {
        let Some(nginx) = NginxRtmp::start() else {
            return;
        };
        let ran = with_video(&nginx.url("live"), "rtmp_failing", &video)
            .set("how", how)
            .arguments("--users 4 --repeat-num 3 --cores 2 --cpu-limit 100ms")
            .finish()
            .expect_code(0);
        let summary = ran.summary();
        assert!(summary.failures(class) >= 4, "{how}\n{ran}");
        let ended = count_by(&ran.rows(), "rtmp_stream_duration", ["direction", "ending"]);
        let opened = summary.count("rtmp_connections");
        assert!(opened >= 8, "{how}\n{ran}");
        for direction in ["publish", "play"] {
            let by_us = ended.get(&[direction, "by-us"].map(str::to_owned));
            assert_eq!(
                by_us,
                Some(&(opened as usize / 2)),
                "{how}: {ended:?}\n{ran}"
            );
        }
        for user in 1..=4 {
            let stream = format!("stream-{user}");
            nginx.await_stream("nobody", "live", &stream, |found| found.is_none());
        }
    }
}

#[test]
fn a_user_who_ends_in_mid_start_is_counted_as_such() {
    // In the connect, and in the start of a stream.
    for (what, connected) in [("connect", false), ("play", true)] {
        let peer = RtmpPeer::start(move |wire| {
            if connected {
                wire.accept();
                wire.await_stream("play");
            } else {
                wire.await_connect();
            }
            wire.read_to_end();
        });
        let running = fuzzy(&peer, what)
            .arguments("--users 3 --duration 1s --graceful-stop 500ms")
            .start();
        let ran = running.finish();
        let counted = if connected {
            streams(&ran)
        } else {
            connects(&ran)
        };
        assert_eq!(counted, all(3, "2120"), "{what}\n{ran}");
    }
}

#[test]
fn ctrl_c_ends_streams_in_good_order() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let running = with_video(&nginx.url("live"), "rtmp_pair", &video)
        .set("time", "100s")
        .arguments("--users 4 --duration 100s --graceful-stop 1s")
        .start();
    for user in 1..=4 {
        nginx.await_players("live", &format!("stream-{user}"), 1);
    }
    running.interrupt();
    let ran = running.finish().expect_code(105);
    let ended = endings(&ran);
    for direction in ["publish", "play"] {
        let of = [direction, "by-us", ""].map(str::to_owned);
        assert_eq!(ended.get(&of), Some(&4), "{ended:?}\n{ran}");
    }
    for user in 1..=4 {
        let stream = format!("stream-{user}");
        nginx.await_stream("nobody", "live", &stream, |found| found.is_none());
    }
}

#[test]
fn a_second_ctrl_c_ends_the_run_at_once() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let mut running = with_video(&nginx.url("live"), "rtmp_pair", &video)
        .set("time", "100s")
        .arguments("--users 2 --duration 100s --graceful-stop 60s")
        .start();
    nginx.await_players("live", "stream-1", 1);
    running.interrupt();
    std::thread::sleep(Duration::from_millis(500));
    running.interrupt();
    wait_until("its end", LIMIT, || running.has_ended());
    let ran = running.finish().expect_code(105);
    assert!(ran.has_results(), "{ran}");
}

#[test]
fn what_is_stopped_is_said_to_the_server() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let publishing = RtmpPeer::start(|wire| {
        if wire.accept_publisher().is_some() {
            wire.read_to_end();
        }
    });
    let ran = with_video(&publishing.url("live"), "rtmp_publish", &video)
        .set("time", "300ms")
        .finish()
        .expect_clean();
    let names = commands(&publishing.await_ended(1)[0]);
    for (name, count) in [("FCUnpublish", 1), ("deleteStream", 1)] {
        let found = names.iter().filter(|found| *found == name).count();
        assert_eq!(found, count, "{name}: {names:?}\n{ran}");
    }
    let playing = RtmpPeer::start(|wire| {
        if wire.accept_player().is_some() {
            wire.frames(0, 3);
            wire.read_to_end();
        }
    });
    let ran = at(&playing.url("live"), "rtmp_play")
        .set("time", "300ms")
        .finish()
        .expect_clean();
    let names = commands(&playing.await_ended(1)[0]);
    assert_eq!(
        names.iter().filter(|name| *name == "deleteStream").count(),
        1,
        "{names:?}\n{ran}"
    );
}

#[test]
fn a_user_may_have_so_many_and_no_more() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = with_video(&nginx.url("live"), "rtmp_limits", &video).finish();
    expect_checked(ran);
}
