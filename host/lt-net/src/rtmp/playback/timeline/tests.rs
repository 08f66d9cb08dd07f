use super::*;
use crate::rtmp::Codec;

/// A stream whose frames come when one says.
#[derive(Default)]
struct Stream {
    timeline: Timeline,
    now: i64,
    last: Option<i64>,
    paused: i64,
}

impl Stream {
    fn frame(&mut self, kind: FrameKind, stamp: u32) -> Option<i64> {
        let gone = self.now - self.last.unwrap_or(self.now);
        self.last = Some(self.now);
        let moment = Moment {
            elapsed: self.now,
            gone,
            paused: std::mem::take(&mut self.paused),
        };
        self.timeline.take(&head(kind, stamp), moment)
    }

    /// Video of 25 frames a second for so long, in real time. Returns the jumps.
    fn video(&mut self, from: u32, millis: u32) -> Vec<i64> {
        self.play(FrameKind::Video, from, millis, 40)
    }

    fn play(&mut self, kind: FrameKind, from: u32, millis: u32, interval: u32) -> Vec<i64> {
        let steps = 0..millis / interval;
        let jumps = steps.filter_map(|step| {
            self.now += i64::from(interval);
            self.frame(kind, from.wrapping_add(step * interval))
        });
        jumps.collect()
    }

    fn media(&self) -> i64 {
        self.timeline.media()
    }
}

fn head(kind: FrameKind, timestamp: u32) -> FrameHead {
    FrameHead {
        kind,
        timestamp,
        size: 100,
        key_frame: false,
        codec_header: false,
        codec: Codec::Video(7),
        fingerprint: 0,
    }
}

use FrameKind::{Audio, Video};

const NONE: [i64; 0] = [];

#[test]
fn the_first_frame_is_the_begin() {
    for from in [0, 7, 5_000_000, u32::MAX - 10] {
        let mut stream = Stream::default();
        assert_eq!(stream.video(from, 40), NONE);
        assert_eq!(stream.media(), 0);
        assert_eq!(stream.video(from.wrapping_add(40), 960), NONE);
        assert_eq!(stream.media(), 960, "{from}");
    }
}

#[test]
fn stamps_wrap_at_32_bits_and_at_24() {
    for (end, mask) in [(1_u64 << 32, u32::MAX), (1 << 24, (1 << 24) - 1)] {
        for lead in [1, 40, 500, 4990] {
            let from = u32::try_from(end - lead).unwrap();
            let mut stream = Stream::default();
            for step in 0..500 {
                stream.now += 20;
                let kind = if step % 2 == 0 { Video } else { Audio };
                // Audio lies 300 ms behind, so that it wraps later.
                let behind = if kind == Audio { 300 } else { 0 };
                let stamp = from.wrapping_add(step * 20).wrapping_sub(behind) & mask;
                assert_eq!(stream.frame(kind, stamp), None, "{lead} {step}");
            }
            assert_eq!(stream.media(), 498 * 20);
        }
    }
}

#[test]
fn a_stream_of_years_goes_on() {
    let mut stream = Stream::default();
    // 60 days, a frame each hour.
    for hour in 0..24 * 60_u32 {
        stream.now = i64::from(hour) * 3_600_000;
        let stamp = hour.wrapping_mul(3_600_000);
        assert_eq!(stream.frame(Audio, stamp), None, "{hour}");
        assert_eq!(stream.media(), stream.now);
    }
}

#[test]
fn audio_and_video_may_lie_apart() {
    let mut stream = Stream::default();
    for step in 0..1000_u32 {
        stream.now += 20;
        let kind = if step % 2 == 0 { Video } else { Audio };
        // Audio swings between 900 ms behind and 900 ms ahead, slowly.
        let swing = if kind == Audio { step % 200 * 9 } else { 900 };
        let swing = if step % 400 < 200 {
            swing
        } else {
            1800 - swing
        };
        let stamp = 5000 + step * 20 + swing;
        if kind == Audio || swing == 900 {
            assert_eq!(stream.frame(kind, stamp), None, "{step}");
        }
    }
    let media = stream.media();
    assert!((19_000..21_000).contains(&media), "{media}");
}

#[test]
fn jitter_of_a_track_is_no_jump() {
    let mut stream = Stream::default();
    stream.video(1000, 1000);
    let media = stream.media();
    for back in [1, 40, 99] {
        assert_eq!(stream.frame(Video, 1960 - back), None);
        assert_eq!(stream.media(), media);
    }
    assert_eq!(stream.frame(Video, 1960 - 101), Some(-2));
}

#[test]
fn a_publisher_that_starts_over_goes_on() {
    let mut stream = Stream::default();
    assert_eq!(stream.video(100_000, 10_000), NONE);
    assert_eq!(stream.media(), 9960);
    assert_eq!(stream.video(0, 10_000), [-109_960]);
    // The first frame after the jump counts as one interval.
    assert_eq!(stream.media(), 19_960);
}

#[test]
fn both_tracks_jump_and_it_is_told_once() {
    for jump in [-50_000, 70_000_000, 1_600_000_000] {
        let mut stream = Stream::default();
        let mut jumps = Vec::new();
        for step in 0..500 {
            stream.now += 20;
            let kind = if step % 2 == 0 { Video } else { Audio };
            let behind = if kind == Audio { 200 } else { 0 };
            let offset = if step < 250 + behind / 10 { 0 } else { jump };
            let stamp = 60_000 + i64::from(step) * 20 - i64::from(behind) + offset;
            jumps.extend(stream.frame(kind, u32::try_from(stamp).unwrap()));
        }
        assert_eq!(jumps, [jump + 40]);
        let media = stream.media();
        assert!(
            (9960 - 240..=9960 + 240).contains(&media),
            "{jump}: {media}"
        );
    }
}

#[test]
fn a_single_wrong_stamp_does_no_harm() {
    for wrong in [0, 3_000_000_000] {
        let mut stream = Stream::default();
        stream.video(70_000, 5000);
        // Even where the stream is behind by as much as it seems to jump.
        stream.now += 200_000;
        stream.play(Audio, 75_000, 500, 20);
        let media = stream.media();
        let jump = stream.frame(Video, wrong).unwrap();
        let back = stream.video(75_500, 1000);
        assert_eq!(back.len(), 1);
        assert_eq!(jump.signum(), -back[0].signum());
        assert_eq!(stream.media(), media + 20 + 960);
    }
}

#[test]
fn what_a_server_left_out_of_a_live_stream_counts() {
    let mut stream = Stream::default();
    stream.video(0, 5000);
    // Nothing for ten seconds, and the stream goes on where it is by then.
    stream.now += 10_000;
    assert_eq!(stream.video(15_000, 5000), NONE);
    assert_eq!(stream.media(), 19_960);
    // The server sends what it had kept, late, and leaves out the rest once it has enough of that.
    stream.now += 8000;
    assert_eq!(stream.video(20_000, 2000), NONE);
    assert_eq!(stream.media(), 21_960);
    assert_eq!(stream.video(30_000, 1000), [8040]);
    assert_eq!(stream.media(), 30_960);
    assert!((stream.now - stream.media()).abs() <= 100);
}

#[test]
fn what_jumps_further_than_the_clock_is_left_out() {
    let mut stream = Stream::default();
    stream.video(0, 5000);
    stream.now += 10_000;
    assert_eq!(stream.video(60_000, 5000), [55_040]);
    assert_eq!(stream.media(), 4960 + 40 + 4960);
}

#[test]
fn media_that_comes_at_once_is_no_jump() {
    let mut stream = Stream::default();
    for step in 0..250 {
        assert_eq!(stream.frame(Video, step * 40), None);
    }
    assert_eq!(stream.media(), 9960);
    // The live edge is where the first seconds led: so far ahead is not too far.
    stream.now = 30_000;
    assert_eq!(stream.frame(Video, 10_000), None);
    assert_eq!(stream.frame(Video, 40_000), Some(30_000));
    assert_eq!(stream.media(), 40_000);
}

#[test]
fn a_track_of_another_time_is_placed_and_told() {
    let mut stream = Stream::default();
    assert_eq!(stream.frame(Audio, 0), None);
    assert_eq!(stream.frame(Video, 8_000_000), Some(8_000_000));
    assert_eq!(stream.frame(Audio, 8_000_023), None);
    assert_eq!(stream.media(), 23);
    // Some seconds apart is what a server has that sends one track first.
    let mut stream = Stream::default();
    stream.play(Video, 10_000, 4000, 40);
    assert_eq!(stream.frame(Audio, 10_000), None);
    assert_eq!(stream.media(), 3960);
}

#[test]
fn after_a_pause_a_recording_goes_on_and_live_is_live() {
    for (next, jumped) in [(5000, None), (25_000, None), (90_000, Some(65_040))] {
        let mut stream = Stream::default();
        stream.video(0, 5000);
        stream.frame(Audio, 4900);
        stream.paused = 20_000;
        stream.now += 40;
        assert_eq!(
            stream.frame(Video, next),
            jumped.map(|jump: i64| jump + 20_000),
            "{next}"
        );
        assert_eq!(stream.frame(Audio, next), None);
        assert_eq!(stream.media(), 5000);
    }
}

#[test]
fn data_has_no_place() {
    let mut stream = Stream::default();
    assert_eq!(stream.frame(FrameKind::Data, 77), None);
    stream.video(5000, 400);
    assert_eq!(stream.media(), 360);
}
