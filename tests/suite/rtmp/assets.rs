//! Assets that are no FLV, or half of one: an error with the place, and a user who goes on.

use lt_tests::LtHost;
use lt_tests::ffmpeg::Clip;
use lt_tests::nginx_rtmp::NginxRtmp;

use super::{at, told};

/// Publish these bytes; the words that explain why it cannot be done.
#[track_caller]
fn refused(url: &str, what: &str, bytes: &[u8], words: &str) {
    let host = at(url, "rtmp_publish")
        .argument("--asset")
        .argument("video=video.flv")
        .arguments("--iterations 2");
    host.file("video.flv", bytes);
    let ran = host.finish().expect_clean().expect_text(words);
    assert_eq!(told(&ran, "case"), ["asset"; 2], "{what}\n{ran}");
    assert_eq!(ran.summary().count("not_published"), 2, "{what}\n{ran}");
}

#[test]
fn what_is_no_flv_file_is_said_so() {
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let Some(video) = Clip::default().make() else {
        return;
    };
    let url = nginx.url("live");
    let whole = std::fs::read(video).unwrap();
    refused(&url, "nothing", b"", "empty");
    refused(&url, "another file", b"RIFF____AVI LIST", "FLV");
    refused(&url, "half a header", &whole[..7], "cut off");
    refused(
        &url,
        "a header alone",
        &whole[..13],
        "no audio and no video",
    );
    for cut in [whole.len() / 2, whole.len() - 1, whole.len() - 5] {
        refused(&url, "cut off", &whole[..cut], "cut off at byte");
    }
    // The lengths of tags lead nowhere.
    let mut wrong = whole.clone();
    wrong[14..17].copy_from_slice(&[0xff; 3]);
    refused(
        &url,
        "a tag longer than the file",
        &wrong,
        "cut off at byte",
    );
    // An honest one goes on.
    let host = at(&url, "rtmp_publish")
        .argument("--asset")
        .argument("video=video.flv")
        .set("rounds", 1);
    host.file("video.flv", &whole);
    let ran = host.finish().expect_clean();
    assert_eq!(ran.summary().count("published"), 1, "{ran}");
}

#[test]
fn a_missing_file_ends_the_run_before_it_starts() {
    let ran = LtHost::run("rtmp_publish")
        .set("url", "rtmp://127.0.0.1:1/live")
        .arguments("--asset video=nowhere.flv")
        .finish()
        .expect_code(104)
        .expect_text("nowhere.flv");
    assert!(!ran.has_results(), "{ran}");
    // Nor may it be left out.
    let ran = LtHost::run("rtmp_publish")
        .set("url", "rtmp://127.0.0.1:1/live")
        .finish()
        .expect_code(104);
    drop(ran.expect_text("video"));
}
