//! What is published is what is played, byte for byte, with servers and players that are not ours.

use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lt_tests::TempDir;
use lt_tests::ffmpeg::{self, Clip};
use lt_tests::flv::{self, Tag};
use lt_tests::nginx_rtmp::{NginxRtmp, Options};
use lt_tests::peers::closed_port;
use lt_tests::peers::rtmp::{commands, kind};
use lt_tests::peers::{RtmpPeer, rtmp::Amf};

use super::{all_ended, at, endings, expect_checked, number, told, with_video};

#[test]
fn ffmpeg_and_rtmpdump_play_what_is_published() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    if !ffmpeg::has_rtmpdump() {
        return;
    }
    let running = with_video(&nginx.url("key"), "rtmp_publish", &video)
        .arguments("--duration 100s --graceful-stop 10s")
        .start();
    nginx.await_publisher("key", "stream");
    let url = nginx.stream_url("key", "stream");
    let directory = TempDir::new();
    let dumped = directory.path().join("dump.flv");
    let dump = ffmpeg::rtmpdump(&url, &dumped);
    // Longer than the clip: over the place where it begins anew.
    ffmpeg::play(&url, Duration::from_secs(6)).expect_no_error();
    let size = std::fs::metadata(&video).unwrap().len();
    let received = dump.finish(size + size / 2);
    let compared = flv::expect_run(&flv::read(&video), &received);
    assert!(compared > 200, "{compared} frames were compared");
    running.interrupt();
    let ran = running.finish().expect_code(105);
    assert_eq!(ran.summary().failures_in_all(), 0, "{ran}");
    assert_eq!(endings(&ran), all_ended(1, "publish", "by-us", ""), "{ran}");
}

#[test]
fn what_ffmpeg_publishes_is_played() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    for chunk_bytes in [128, 4096] {
        let options = Options {
            chunk_bytes,
            ..Options::default()
        };
        let Some(nginx) = NginxRtmp::start_with(&options) else {
            return;
        };
        let publisher = ffmpeg::publish(&video, &nginx.stream_url("live", "stream"));
        nginx.await_publisher("live", "stream");
        let ran = with_video(&nginx.url("live"), "rtmp_bytes", &video).finish();
        let ran = expect_checked(ran);
        assert!(number(&ran, "compared") >= 200, "{ran}");
        assert_eq!(endings(&ran), all_ended(1, "play", "by-us", ""), "{ran}");
        drop(publisher);
    }
}

#[test]
fn a_listening_ffmpeg_takes_all_of_it() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let port = closed_port();
    let directory = TempDir::new();
    let taken = directory.path().join("taken.flv");
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let server = ffmpeg::listen(&format!("{url}/stream"), port, &taken);
    let ran = with_video(&url, "rtmp_publish", &video)
        .set("rounds", 1)
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("published"), 1, "{ran}");
    let ended = server.finish(Duration::from_secs(40));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (sent, received) = (flv::read(&video), flv::read(&taken));
    let compared = flv::expect_run(&sent, &received);
    assert_eq!(compared, flv::frames(&sent).len(), "{ran}");
}

#[test]
fn a_serving_ffmpeg_is_played() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let port = closed_port();
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let server = ffmpeg::serve(&video, &format!("{url}/stream"), port);
    let ran = with_video(&url, "rtmp_bytes", &video).finish();
    let ran = expect_checked(ran);
    assert!(number(&ran, "compared") >= 200, "{ran}");
    drop(server);
}

#[test]
fn rounds_follow_one_another_without_a_jump() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = with_video(&nginx.url("record"), "rtmp_publish", &video)
        .set("rounds", 3)
        .finish()
        .expect_clean();
    assert_eq!(number(&ran, "rounds"), 3, "{ran}");
    nginx.await_stream("nobody", "record", "stream", |found| found.is_none());
    let (sent, recorded) = (flv::read(&video), flv::read(&nginx.recorded("stream")));
    let compared = flv::expect_run(&sent, &recorded);
    assert_eq!(compared, 3 * flv::frames(&sent).len(), "{ran}");
    for kind in [flv::AUDIO, flv::VIDEO] {
        let frames = flv::frames(&recorded);
        let stamps: Vec<u32> = frames
            .iter()
            .filter(|tag| tag.kind == kind)
            .map(|tag| tag.timestamp)
            .collect();
        let steps = stamps.windows(2).map(|two| two[1].wrapping_sub(two[0]));
        let longest = steps.max().unwrap();
        assert!(longest <= 100, "a step of {longest} ms: {stamps:?}");
    }
}

#[test]
fn what_is_ahead_of_its_time_is_sent_at_once() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = with_video(&nginx.url("live"), "rtmp_publish", &video)
        .set("rounds", 1)
        .set("ahead", "3s")
        .finish()
        .expect_clean();
    // Four seconds of media in one.
    assert!(number(&ran, "media_ms") >= 3500, "{ran}");
    assert!(number(&ran, "elapsed_ms") < 3500, "{ran}");
}

/// Tags as Enhanced RTMP has them, of several codecs, over the end of 24 bits, beside those that are as old as FLV.
fn unusual() -> Vec<Tag> {
    let tag = |kind, timestamp, head: &[u8], bytes: usize| {
        let mut data = head.to_vec();
        data.extend((0..bytes).map(|place| (place * 7 + timestamp as usize) as u8));
        Tag {
            kind,
            timestamp,
            data,
        }
    };
    let mut tags = Vec::new();
    let mut timestamp = 0xff_ff00;
    for round in 0..20_usize {
        timestamp += 40;
        let packet = u8::from(round > 0);
        let frame = if round.is_multiple_of(5) { 0x90 } else { 0xa0 };
        for four in [b"hvc1", b"av01", b"vp09"] {
            let head = [&[frame | packet][..], four, &[0, 0, 0]].concat();
            tags.push(tag(flv::VIDEO, timestamp, &head, 100 + 900 * round));
        }
        let head = [&[0x90 | packet][..], b"Opus"].concat();
        tags.push(tag(flv::AUDIO, timestamp, &head, 60 + round));
        // H.263 and MP3.
        tags.push(tag(flv::VIDEO, timestamp, &[0x22], 300));
        tags.push(tag(flv::AUDIO, timestamp, &[0x2f], 200));
    }
    tags
}

/// A server that hands what its first client publishes to its second, as it is. (nginx-rtmp drops what Enhanced RTMP calls a frame: it takes
/// the type for a priority.)
fn relay() -> RtmpPeer {
    let (sender, receiver) = channel();
    let receiver = Mutex::new(receiver);
    RtmpPeer::start(move |wire| {
        if wire.connection == 0 {
            wire.accept_publisher();
            while let Some(message) = wire.read() {
                if matches!(message.kind, kind::AUDIO | kind::VIDEO) {
                    let _nobody = sender.send(message);
                }
            }
            return;
        }
        wire.accept_player();
        let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(message) = receiver.recv_timeout(Duration::from_secs(3)) {
            if !wire.media(message.kind, message.timestamp, &message.payload) {
                break;
            }
        }
    })
}

#[test]
fn raw_tags_pass_byte_for_byte() {
    let peer = relay();
    let host = at(&peer.url("live"), "rtmp_tags")
        .argument("--asset")
        .argument("tags=tags.flv");
    host.file("tags.flv", flv::file(&unusual()));
    let ran = expect_checked(host.finish());
    assert_eq!(number(&ran, "passed"), 120, "{ran}");
    let codecs = told(&ran, "codecs");
    for codec in ["hvc1", "av01", "vp09", "Opus"] {
        assert!(codecs[0].contains(codec), "{codec}: {codecs:?}\n{ran}");
    }
}

#[test]
fn what_is_said_to_a_server_is_what_it_hears() {
    let peer = RtmpPeer::start(|wire| {
        let Some(connect) = wire.accept() else { return };
        let object = &connect.values[0];
        assert_eq!(object.field("app").and_then(Amf::as_text), Some("live"));
        assert_eq!(
            object.field("swfUrl").and_then(Amf::as_text),
            Some("http://player.test/a.swf")
        );
        assert_eq!(object.field("level").and_then(Amf::as_number), Some(3.0));
        assert_eq!(connect.values.get(1), Some(&Amf::text("extra")));
        let Some(sum) = wire.await_command("sum") else {
            return;
        };
        let summands = sum.values.iter().filter_map(Amf::as_number);
        let total = Amf::Number(summands.sum());
        wire.answer(sum.transaction, &[Amf::Null, total]);
        let Some(list) = wire.await_command("list") else {
            return;
        };
        let object = Amf::Object(vec![("b".to_owned(), Amf::text("c"))]);
        wire.answer(list.transaction, &[Amf::Null, object]);
        let Some(refuse) = wire.await_command("refuse") else {
            return;
        };
        let no = Amf::information("error", "App.No", "because");
        wire.refuse(refuse.transaction, no);
        let Some(publish) = wire.await_stream("publish") else {
            return;
        };
        assert_eq!(publish.values.get(1), Some(&Amf::text("stream?key=1")));
        wire.status("status", "NetStream.Publish.Start", "go");
        wire.read_to_end();
    });
    let ran = at(&peer.url("live"), "rtmp_commands").finish();
    let ran = expect_checked(ran);
    assert_eq!(told(&ran, "case"), ["refused"], "{ran}");
    assert_eq!(told(&ran, "code"), ["App.No"], "{ran}");
    let seen = &peer.await_ended(1)[0];
    let names = commands(seen);
    for name in ["createStream", "publish", "FCUnpublish", "deleteStream"] {
        assert!(names.contains(&name.to_owned()), "{name}: {names:?}\n{ran}");
    }
    let data: Vec<Vec<Amf>> = seen
        .iter()
        .filter(|message| message.kind == kind::DATA)
        .map(|message| Amf::decode(&message.payload))
        .collect();
    assert_eq!(
        data[0][..2],
        [Amf::text("@setDataFrame"), Amf::text("onMetaData")]
    );
    assert_eq!(
        data[0][2].field("width"),
        Some(&Amf::Number(640.0)),
        "{data:?}"
    );
    let cue = Amf::Object(vec![("name".to_owned(), Amf::text("x"))]);
    assert!(
        data.contains(&vec![Amf::text("onCuePoint"), cue, Amf::Null]),
        "{data:?}"
    );
}

#[test]
fn async_code_waits_for_several_streams() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = with_video(&nginx.url("live"), "rtmp_async", &video).finish();
    let ran = expect_checked(ran);
    assert_eq!(ran.summary().count("rtmp_connections"), 3, "{ran}");
}
