//! A real server in bad weather: it restarts under its users, throws them out, takes nothing; and they come back.

use std::time::Duration;

use lt_tests::ffmpeg::{self, Clip};
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::peers::{Gate, RtmpPeer};
use lt_tests::process::wait_until;

use super::{all_ended, at, endings, fuzzy, told, with_video};

/// Time for what two processes do in their own time.
const LIMIT: Duration = Duration::from_secs(60);
const USERS: usize = 20;

/// Players or publishers who come back after the server went away like this; their streams ended in one of these ways.
fn restart(what: &str, go_away: impl FnOnce(&mut NginxRtmp), lost_by: &[&str]) {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(mut nginx) = NginxRtmp::start() else {
        return;
    };
    let mut running = with_video(&nginx.url("live"), "rtmp_reconnect", &video)
        .set("what", what)
        .arguments("--duration 300s --graceful-stop 30s --cores 2 --users")
        .argument(USERS.to_string())
        .within(Duration::from_secs(150))
        .start();
    let there = |nginx: &NginxRtmp| {
        if what == "play" {
            nginx
                .stream("live", "stream")
                .map_or(0, |found| found.players)
                == USERS
        } else {
            let found = |user| nginx.stream("live", &format!("stream-{user}"));
            (1..=USERS).all(|user| found(user).is_some_and(|found| found.is_published))
        }
    };
    wait_until("all users to be there", LIMIT, || there(&nginx));
    go_away(&mut nginx);
    assert!(!running.has_ended());
    nginx.start_again();
    wait_until("all users to be back", LIMIT, || there(&nginx));
    assert!(!running.has_ended());
    running.interrupt();
    let ran = running.finish().expect_code(105);
    let summary = ran.summary();
    assert_eq!(summary.failures_in_all(), 0, "{ran}");
    assert_eq!(summary.count("lost"), USERS as u64, "{ran}");
    assert!(summary.count("connected") >= 2 * USERS as u64, "{ran}");
    let ended = endings(&ran);
    let lost: usize = ended
        .iter()
        .filter(|([_, ending, _], _)| lost_by.contains(&ending.as_str()))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(lost, USERS, "{ended:?}\n{ran}");
}

#[test]
fn heavy_a_server_that_crashes_under_its_players() {
    restart("play", NginxRtmp::kill, &["disconnected", "reset"]);
}

#[test]
fn heavy_a_server_that_is_restarted_under_its_publishers() {
    restart("publish", NginxRtmp::stop, &["disconnected", "reset"]);
}

#[test]
fn a_publisher_who_is_thrown_out_comes_back() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let running = with_video(&nginx.url("live"), "rtmp_reconnect", &video)
        .set("what", "publish")
        .arguments("--duration 300s --graceful-stop 10s")
        .start();
    for _ in 0..3 {
        nginx.await_publisher("live", "stream-1");
        nginx.drop_publisher("live", "stream-1");
        nginx.await_stream("its end", "live", "stream-1", |found| found.is_none());
    }
    nginx.await_publisher("live", "stream-1");
    running.interrupt();
    let ran = running.finish().expect_code(105);
    assert_eq!(ran.summary().count("lost"), 3, "{ran}");
    assert_eq!(ran.summary().failures_in_all(), 0, "{ran}");
}

#[test]
fn players_are_told_of_publishers_who_come_and_go() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let mut running = at(&nginx.url("notify"), "rtmp_play")
        .set("time", "60s")
        .set("live", true)
        .arguments("--duration 100s --graceful-stop 100ms")
        .start();
    nginx.await_players("notify", "stream", 1);
    for round in 1..=2 {
        let publisher = ffmpeg::publish(&video, &nginx.stream_url("notify", "stream"));
        nginx.await_publisher("notify", "stream");
        wait_until("the word that it begins", LIMIT, || {
            let said = running.wait_for_text("event=");
            assert!(!said.is_empty());
            nginx
                .stream("notify", "stream")
                .is_some_and(|found| found.bytes_out > 10_000)
        });
        drop(publisher);
        nginx.await_stream("its end", "notify", "stream", |found| {
            found.is_some_and(|found| !found.is_published)
        });
        assert!(!running.has_ended(), "round {round}");
    }
    running.interrupt();
    let ran = running.finish().expect_code(105);
    let said = told(&ran, "event");
    // A user may tell ten lines a second, and no more.
    for (event, least) in [
        ("NetStream.Play.Start", 2),
        ("NetStream.Play.PublishNotify", 2),
        ("NetStream.Play.UnpublishNotify", 1),
    ] {
        let count = said.iter().filter(|found| *found == event).count();
        assert!(count >= least, "{event}: {said:?}\n{ran}");
    }
    // It was one stream all the time.
    assert_eq!(ran.summary().count("rtmp_connections"), 1, "{ran}");
    assert_eq!(endings(&ran), all_ended(1, "play", "by-us", ""), "{ran}");
}

#[test]
fn players_whose_connection_breaks() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let publisher = ffmpeg::publish(&video, &nginx.stream_url("live", "stream"));
    nginx.await_publisher("live", "stream");
    for (reset, ending, error_code) in [(false, "disconnected", "1221"), (true, "reset", "1220")] {
        let gate = Gate::to(nginx.port());
        let url = format!("rtmp://127.0.0.1:{}/live", gate.port());
        let running = at(&url, "rtmp_play")
            .set("time", "30s")
            .arguments("--users 5")
            .start();
        nginx.await_players("live", "stream", 5);
        std::thread::sleep(Duration::from_millis(500));
        let ended = if reset { gate.reset() } else { gate.cut() };
        assert_eq!(ended, 5);
        let ran = running.finish().expect_clean();
        let expected = all_ended(5, "play", ending, error_code);
        assert_eq!(endings(&ran), expected, "{ran}");
        nginx.await_players("live", "stream", 0);
    }
    drop(publisher);
}

#[test]
fn a_peer_that_takes_nothing() {
    let Some(video) = (Clip {
        video_kbps: 8000,
        ..Clip::default()
    })
    .make() else {
        return;
    };
    let peer = RtmpPeer::start(|wire| {
        wire.accept_publisher();
        std::thread::sleep(Duration::from_secs(40));
    });
    let ran = fuzzy(&peer, "publish")
        .argument("--asset")
        .argument(format!("video={}", video.display()))
        .set("unsent-max", "2s")
        .set("patience", "30s")
        .finish()
        .expect_clean();
    assert_eq!(
        endings(&ran),
        all_ended(1, "publish", "unsent", "2109"),
        "{ran}"
    );
}
