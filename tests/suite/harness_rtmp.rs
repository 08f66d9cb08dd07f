//! The tests' own tools for RTMP: nginx, ffmpeg and rtmpdump agree with each other before lt-host is held to them.

use std::time::Duration;

use lt_tests::TempDir;
use lt_tests::ffmpeg::{self, Clip};
use lt_tests::flv;
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::peers::http::ask;
use lt_tests::peers::rtmp::{Amf, commands, kind};
use lt_tests::peers::streaming::{self, Fault, Step};
use lt_tests::peers::{Gate, RtmpPeer, StreamingPeer};

#[test]
fn clips_are_made_once_and_are_what_was_asked_for() {
    let clip = Clip {
        seconds: 3,
        video_kbps: 400,
        ..Clip::default()
    };
    let Some(file) = clip.make() else { return };
    assert_eq!(clip.make(), Some(file.clone()));
    let tags = flv::read(&file);
    assert_eq!(tags[0].kind, flv::SCRIPT);
    let video = tags.iter().filter(|tag| tag.kind == flv::VIDEO);
    let frames = video.filter(|tag| !tag.is_codec_header() && tag.data.len() > 5);
    assert_eq!(frames.count(), 75);
    let keys: Vec<u32> = tags
        .iter()
        .filter(|tag| tag.is_key_frame())
        .map(|tag| tag.timestamp)
        .collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    let bytes: usize = tags.iter().map(|tag| tag.data.len()).sum();
    let kbps = bytes * 8 / 3000;
    assert!((400..520).contains(&kbps), "{kbps} kbit/s");
}

#[test]
fn ffmpeg_publishes_nginx_counts_ffmpeg_plays_and_rtmpdump_records() {
    let Some(file) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    if !ffmpeg::has_rtmpdump() {
        return;
    }
    assert_eq!(nginx.stream("key", "a"), None);
    let publisher = ffmpeg::publish(&file, &nginx.stream_url("key", "a"));
    nginx.await_publisher("key", "a");
    let directory = TempDir::new();
    let dumped = directory.path().join("dump.flv");
    let dump = ffmpeg::rtmpdump(&nginx.stream_url("key", "a"), &dumped);
    let player = ffmpeg::play(&nginx.stream_url("key", "a"), Duration::from_secs(3));
    nginx.await_players("key", "a", 2);
    player.expect_no_error();
    let size = std::fs::metadata(&file).unwrap().len();
    let compared = flv::expect_run(&flv::read(&file), &dump.finish(size));
    assert!(compared > 100, "{compared} frames were compared");
    nginx.await_players("key", "a", 0);
    nginx.drop_publisher("key", "a");
    nginx.await_stream("nobody", "key", "a", |found| found.is_none());
    drop(publisher);
}

#[test]
fn ffmpeg_listens() {
    let Some(file) = Clip::default().make() else {
        return;
    };
    let port = lt_tests::peers::closed_port();
    let url = format!("rtmp://127.0.0.1:{port}/live/a");
    let directory = TempDir::new();
    let taken = directory.path().join("taken.flv");
    let server = ffmpeg::listen(&url, port, &taken);
    let publisher = ffmpeg::publish_rounds(&file, &url, Some(1));
    let ended = publisher.finish(Duration::from_secs(40));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = server.finish(Duration::from_secs(40));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (sent, received) = (flv::read(&file), flv::read(&taken));
    assert_eq!(flv::expect_run(&sent, &received), flv::frames(&sent).len());
}

#[test]
fn a_scripted_server_is_understood_by_ffmpeg_also_through_a_gate() {
    let Some(file) = Clip::default().make() else {
        return;
    };
    let tags = flv::read(&file);
    let peer = RtmpPeer::start(move |wire| {
        let Some(play) = wire.accept_player() else {
            return;
        };
        assert_eq!(play.values.get(1).and_then(Amf::as_text), Some("a"));
        let sent = tags
            .iter()
            .filter(|tag| tag.is_media())
            .all(|tag| wire.tag(tag));
        assert!(sent);
        wire.status("status", "NetStream.Play.Stop", "over");
    });
    let gate = Gate::to(peer.port());
    gate.delay(Duration::from_millis(50));
    let url = format!("rtmp://127.0.0.1:{}/live/a", gate.port());
    ffmpeg::play(&url, Duration::from_secs(3)).expect_no_error();
    let ended = peer.await_ended(1);
    let names = commands(&ended[0]);
    assert!(names.starts_with(&["connect".to_owned()]), "{names:?}");
    assert!(names.contains(&"play".to_owned()), "{names:?}");
}

#[test]
fn a_scripted_server_takes_what_ffmpeg_publishes() {
    let Some(file) = Clip::default().make() else {
        return;
    };
    let peer = RtmpPeer::start(|wire| {
        if wire.accept_publisher().is_some() {
            wire.read_to_end();
        }
    });
    let publisher = ffmpeg::publish_rounds(&file, &format!("{}/a", peer.url("live")), Some(1));
    let ended = publisher.finish(Duration::from_secs(40));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let received: Vec<flv::Tag> = peer.await_ended(1)[0]
        .iter()
        .filter(|message| matches!(message.kind, kind::AUDIO | kind::VIDEO))
        .map(|message| flv::Tag {
            kind: message.kind,
            timestamp: message.timestamp,
            data: message.payload.clone(),
        })
        .collect();
    let sent = flv::read(&file);
    assert_eq!(flv::expect_run(&sent, &received), flv::frames(&sent).len());
}

#[test]
fn the_streaming_service_counts_checks_and_fails_as_told() {
    let peer = StreamingPeer::start(streaming::Options {
        polls: 2,
        base: "rtmp://127.0.0.1:1/live/_definst_".to_owned(),
        known_fans: 2,
        password: "secret".to_owned(),
    });
    let smil = ask(peer.port(), "GET", "/redirect/live/star");
    assert!(
        smil.contains("base=\"rtmp://127.0.0.1:1/live/_definst_\""),
        "{smil}"
    );
    assert_eq!(peer.served(Step::Redirect), 1);
    // No token.
    for (method, path, step) in [
        ("GET", "/api/v1/influencers/1", Step::Poll),
        ("POST", "/api/v1/influencers/1/stream_alerts", Step::Alert),
        (
            "GET",
            "/api/v1/influencers/general?page=1",
            Step::Marketplace,
        ),
        ("POST", "/streams/1/watchers", Step::Join),
    ] {
        let answer = ask(peer.port(), method, path);
        assert!(answer.starts_with("HTTP/1.1 401"), "{path}: {answer}");
        assert_eq!(peer.refused(step), 1, "{path}");
    }
    peer.fail(Step::Redirect, Fault::Status(503), Some(1));
    for status in ["503", "200"] {
        let answer = ask(peer.port(), "GET", "/redirect/live/star");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    assert_eq!((peer.accounts(), peer.watchers()), (2, (0, 0)));
}
