//! Recorded streams: pause, go on, seek, and their end.

use std::time::Duration;

use lt_tests::ffmpeg::Clip;
use lt_tests::nginx_rtmp::NginxRtmp;

use super::{all_ended, at, endings, expect_checked, number, told};

#[test]
fn pauses_and_seeks_are_neither_stalls_nor_lag() {
    let clip = Clip {
        seconds: 8,
        ..Clip::default()
    };
    let Some(video) = clip.make() else { return };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    nginx.put("clip.flv", &video);
    let ran = at(&nginx.url("vod"), "rtmp_recorded")
        .set("stream", "clip.flv")
        .finish();
    let ran = expect_checked(ran);
    assert!(number(&ran, "paused_media_ms") < 500, "{ran}");
    assert_eq!(number(&ran, "paused_lag_ms"), 0, "{ran}");
    assert_eq!(endings(&ran), all_ended(1, "play", "by-peer", ""), "{ran}");
    // Eight seconds of video, and of them less than one twice; but it took no eight seconds.
    assert!(ran.took() < Duration::from_secs(30), "{ran}");
    assert_eq!(ran.summary().count("rtmp_stalls"), 0, "{ran}");
}

#[test]
fn a_recorded_stream_ends_well() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    nginx.put("clip.flv", &video);
    let ran = at(&nginx.url("vod"), "rtmp_play")
        .set("stream", "clip.flv")
        .set("time", "30s")
        .finish()
        .expect_clean();
    assert_eq!(endings(&ran), all_ended(1, "play", "by-peer", ""), "{ran}");
    assert_eq!(told(&ran, "video"), ["100"], "{ran}");
    assert_eq!(told(&ran, "codecs"), ["avc,aac"], "{ran}");
    let failed = ran.summary().value("rtmp_stream_failed", "rate");
    assert_eq!(failed, Some(0.0), "{ran}");
    // One that is not there.
    let ran = at(&nginx.url("vod"), "rtmp_play")
        .set("stream", "nothing.flv")
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("not_watched"), 1, "{ran}");
}
