//! Streams that a server does not take or does not have: typed, counted by the server's own code, and the user goes on.

use lt_tests::ffmpeg::{self, Clip};
use lt_tests::nginx_rtmp::{NginxRtmp, Options};
use lt_tests::peers::http::{Then, respond};
use lt_tests::peers::rtmp::Amf;
use lt_tests::peers::{HttpPeer, RtmpPeer};
use lt_tests::results::sums_by;

use super::{all, all_ended, at, endings, fuzzy, streams, told, with_video};

#[test]
fn a_key_that_is_taken() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let publisher = ffmpeg::publish(&video, &nginx.stream_url("live", "stream"));
    nginx.await_publisher("live", "stream");
    let ran = with_video(&nginx.url("live"), "rtmp_publish", &video)
        .arguments("--iterations 2")
        .finish()
        .expect_clean();
    assert_eq!(told(&ran, "case"), ["refused"; 2], "{ran}");
    assert_eq!(
        told(&ran, "code"),
        ["NetStream.Publish.BadName"; 2],
        "{ran}"
    );
    assert_eq!(streams(&ran), all(2, "2101"), "{ran}");
    let codes = sums_by(&ran.rows(), "rtmp_errors", "code");
    assert_eq!(codes["NetStream.Publish.BadName"], 2, "{ran}");
    // The connection was none the worse.
    assert_eq!(ran.summary().count("rtmp_connections"), 2, "{ran}");
    drop(publisher);
}

#[test]
fn a_stream_that_nobody_publishes() {
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = at(&nginx.url("strict"), "rtmp_play")
        .arguments("--iterations 2")
        .finish();
    let ran = ran.expect_clean();
    assert_eq!(told(&ran, "case"), ["refused"; 2], "{ran}");
    assert_eq!(
        told(&ran, "code"),
        ["NetStream.Play.StreamNotFound"; 2],
        "{ran}"
    );
    assert_eq!(streams(&ran), all(2, "2101"), "{ran}");
    // Elsewhere one may wait for somebody to begin: nothing has failed, and nothing came.
    let ran = at(&nginx.url("live"), "rtmp_play")
        .set("time", "1s")
        .finish();
    let ran = ran.expect_clean();
    assert_eq!(told(&ran, "video"), ["0"], "{ran}");
    assert_eq!(told(&ran, "stalls"), ["0"], "{ran}");
    assert_eq!(told(&ran, "healthy"), ["false"], "{ran}");
    assert_eq!(endings(&ran), all_ended(1, "play", "by-us", ""), "{ran}");
}

#[test]
fn whoever_may_not_is_shut_out() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    // The service that nginx asks wants a key, which comes to it from the stream's name.
    let service = HttpPeer::start(|seen, stream| {
        let form = String::from_utf8_lossy(&seen.body).into_owned();
        let status = if form.contains("key=right") { 200 } else { 403 };
        respond(stream, status, &[], b"");
        Then::Keep
    });
    let options = Options {
        callback: Some(service.url("")),
        ..Options::default()
    };
    let Some(nginx) = NginxRtmp::start_with(&options) else {
        return;
    };
    for (key, published) in [("wrong", 0), ("right", 1)] {
        let ran = with_video(&nginx.url("guarded"), "rtmp_publish", &video)
            .set("stream", format!("stream?key={key}"))
            .set("time", "500ms")
            .finish()
            .expect_clean();
        assert_eq!(ran.summary().count("published"), published, "{key}\n{ran}");
        if published == 0 {
            // nginx closes the connection without a word.
            let cases = told(&ran, "case");
            assert!(cases == ["closed"] || cases == ["network"], "{ran}");
            assert_eq!(streams(&ran), all(1, "1221"), "{ran}");
        }
    }
    let asked = service.seen_at("/publish");
    assert_eq!(asked.len(), 2);
    // Nobody may play, with whatever key.
    let ran = at(&nginx.url("guarded"), "rtmp_play")
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("not_watched"), 1, "{ran}");
    assert_eq!(service.seen_at("/play").len(), 1, "{ran}");
}

#[test]
fn errors_at_every_step_of_a_start() {
    type Script = fn(&mut lt_tests::peers::RtmpWire);
    let create: Script = |wire| {
        wire.accept();
        if let Some(create) = wire.await_command("createStream") {
            let no = Amf::information("error", "NetStream.Failed", "no more streams");
            wire.refuse(create.transaction, no);
        }
        wire.read_to_end();
    };
    let play: Script = |wire| {
        wire.accept();
        wire.await_stream("play");
        wire.status("error", "NetStream.Play.Failed", "not today");
        wire.read_to_end();
    };
    let publish: Script = |wire| {
        wire.accept();
        wire.await_stream("publish");
        wire.status("error", "NetStream.Publish.Denied", "not you");
        wire.read_to_end();
    };
    for (what, code, script) in [
        ("play", "NetStream.Failed", create),
        ("publish", "NetStream.Failed", create),
        ("play", "NetStream.Play.Failed", play),
        ("publish", "NetStream.Publish.Denied", publish),
    ] {
        let peer = RtmpPeer::start(script);
        let ran = fuzzy(&peer, what)
            .arguments("--iterations 2")
            .finish()
            .expect_clean();
        assert_eq!(told(&ran, "case"), ["refused"; 2], "{code}\n{ran}");
        assert_eq!(told(&ran, "code"), [code; 2], "{ran}");
        assert_eq!(streams(&ran), all(2, "2101"), "{code}\n{ran}");
    }
}

#[test]
fn a_start_that_is_not_answered() {
    for what in ["play", "publish"] {
        let peer = RtmpPeer::start(move |wire| {
            wire.accept();
            wire.await_stream(what);
            wire.read_to_end();
        });
        let ran = fuzzy(&peer, what)
            .set("timeout", "1s")
            .arguments("--iterations 2")
            .finish()
            .expect_clean();
        assert_eq!(told(&ran, "case"), ["timeout"; 2], "{what}\n{ran}");
        assert_eq!(streams(&ran), all(2, "1050"), "{what}\n{ran}");
    }
}

#[test]
fn an_error_ends_a_stream_under_way() {
    let peer = RtmpPeer::start(|wire| {
        if wire.accept_player().is_some() {
            wire.frames(0, 5);
            wire.status("error", "NetStream.Play.Failed", "the source is gone");
        }
        wire.read_to_end();
    });
    let ran = fuzzy(&peer, "play")
        .arguments("--iterations 2")
        .finish()
        .expect_clean();
    assert_eq!(
        endings(&ran),
        all_ended(2, "play", "refused", "2101"),
        "{ran}"
    );
    assert_eq!(told(&ran, "end_code")[0], "NetStream.Play.Failed", "{ran}");
    assert_eq!(told(&ran, "video")[0], "5", "{ran}");
    let failed = ran.summary().value("rtmp_stream_failed", "rate");
    assert_eq!(failed, Some(1.0), "{ran}");
}
