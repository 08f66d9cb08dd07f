//! What frames say of themselves.

use super::head_of;
use crate::rtmp::{Codec, FrameKind};

fn head(kind: FrameKind, bytes: &[u8]) -> (String, bool, bool) {
    let head = head_of(kind, 7, bytes.len() as u32, bytes);
    assert_eq!((head.timestamp, head.size), (7, bytes.len() as u32));
    (
        head.codec.name().into_owned(),
        head.key_frame,
        head.codec_header,
    )
}

#[track_caller]
fn check_video(bytes: &[u8], codec: &str, key_frame: bool, codec_header: bool) {
    assert_eq!(
        head(FrameKind::Video, bytes),
        (codec.to_owned(), key_frame, codec_header)
    );
}

#[track_caller]
fn check_audio(bytes: &[u8], codec: &str, codec_header: bool) {
    assert_eq!(
        head(FrameKind::Audio, bytes),
        (codec.to_owned(), false, codec_header)
    );
}

#[test]
fn flv_video() {
    check_video(b"\x17\x00\0\0\0\x01", "avc", false, true);
    check_video(b"\x17\x01\0\0\0\x01", "avc", true, false);
    check_video(b"\x27\x01\0\0\0\x01", "avc", false, false);
    // The end of the sequence, as ffmpeg sends it.
    check_video(b"\x17\x02\0\0\0", "avc", false, true);
    check_video(b"\x1c\x00\0\0\0", "hevc", false, true);
    check_video(b"\x1c\x01\0\0\0", "hevc", true, false);
    check_video(b"\x12\x00", "h263", true, false);
    check_video(b"\x22\x00", "h263", false, false);
    check_video(b"\x44", "vp6", true, false);
    // A command to players.
    check_video(b"\x57\x00", "avc", false, true);
    check_video(b"\x19", "video-9", true, false);
    check_video(b"", "", false, true);
}

#[test]
fn flv_audio() {
    check_audio(b"\xaf\x00\x12\x10", "aac", true);
    check_audio(b"\xaf\x01\x21", "aac", false);
    check_audio(b"\x2f\x00", "mp3", false);
    check_audio(b"\xb2", "speex", false);
    check_audio(b"\xd2", "audio-13", false);
    check_audio(b"", "", true);
}

#[test]
fn enhanced_video() {
    check_video(b"\x90hvc1", "hvc1", false, true);
    check_video(b"\x91hvc1\0\0\0", "hvc1", true, false);
    check_video(b"\xa3av01", "av01", false, false);
    check_video(b"\x92hvc1", "hvc1", false, true);
    check_video(b"\xd4hvc1", "hvc1", false, true);
    check_video(b"\x95av01", "av01", false, true);
    // A command has no FourCC.
    check_video(b"\xd1\x00", "", false, true);
    // Several tracks: coded frames of one, and of many with a codec each.
    check_video(b"\x96\x01hvc1\x00", "hvc1", true, false);
    check_video(b"\x96\x20vp09\x00", "vp09", false, true);
    // Modified, once with a size of one byte, once with one of two.
    check_video(b"\x97\x02abc\x01hvc1", "hvc1", true, false);
    check_video(b"\x97\x00a\x07\x00b\x03hvc1", "hvc1", true, false);
    check_video(b"\x97\xff\x00\x01ab\x01hvc1", "hvc1", true, false);
    // Cut off.
    check_video(b"\x91hv", "", true, false);
    check_video(b"\x97\x10", "", false, true);
    check_video(b"\x96", "", false, true);
    check_video(b"\x91\0\0\0\0", "\\x00\\x00\\x00\\x00", true, false);
}

#[test]
fn enhanced_audio() {
    check_audio(b"\x90Opus", "Opus", true);
    check_audio(b"\x91Opus\x01", "Opus", false);
    check_audio(b"\x94Opus", "Opus", true);
    check_audio(b"\x95\x01fLaC\x00", "fLaC", false);
    check_audio(b"\x97\x00a\x01mp4a", "mp4a", false);
}

#[test]
fn data_has_no_codec() {
    assert_eq!(
        head(FrameKind::Data, b"\x02"),
        (String::new(), false, false)
    );
    assert_eq!(Codec::None.name(), "");
}

#[test]
fn frames_are_known_again_by_their_size_and_first_bytes() {
    let print = |size, bytes: &[u8]| head_of(FrameKind::Video, 0, size, bytes).fingerprint;
    let bytes = [0x17; 100];
    let mut other = bytes;
    other[63] = 0;
    assert_eq!(print(100, &bytes), print(100, &bytes[..64]));
    assert_ne!(print(100, &bytes), print(101, &bytes));
    assert_ne!(print(100, &bytes), print(100, &other));
    let later = head_of(FrameKind::Video, 5000, 100, &bytes);
    assert_eq!(later.fingerprint, print(100, &bytes));
}
