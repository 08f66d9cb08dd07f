use super::*;

mod random;

/// A player on a clock of its own, and all that it told with the time at which it did.
struct Probe {
    playback: Playback,
    asked: Instant,
    told: Vec<(u64, Change)>,
}

impl Probe {
    fn new() -> Self {
        Self::with(Duration::from_millis(500), Duration::from_secs(3))
    }

    fn with(stall_after: Duration, lag_after: Duration) -> Self {
        let asked = Instant::now();
        let options = PlayOptions {
            timeout: Duration::MAX,
            stall_after,
            lag_after,
            silence_max: None,
            frames: None,
            payload: false,
        };
        Self {
            playback: Playback::new(&options, asked),
            asked,
            told: Vec::new(),
        }
    }

    fn instant(&self, at: u64) -> Instant {
        self.asked + Duration::from_millis(at)
    }

    fn call(&mut self, at: u64, what: impl FnOnce(&mut Playback, Instant, &mut dyn FnMut(Change))) {
        let now = self.instant(at);
        let told = &mut self.told;
        what(&mut self.playback, now, &mut |change| {
            told.push((at, change))
        });
    }

    fn frame(&mut self, at: u64, head: &FrameHead) {
        self.call(at, |playback, now, mut out| {
            playback.frame(head, now, &mut out)
        });
    }

    fn timer(&mut self, at: u64) {
        self.call(at, |playback, now, mut out| playback.timer(now, &mut out));
    }

    /// All timers up to then, each in its time.
    fn wait(&mut self, until: u64) {
        while let Some(next) = self.playback.next() {
            let at = u64::try_from((next - self.asked).as_millis()).unwrap();
            if at > until {
                break;
            }
            self.timer(at);
            assert_ne!(self.playback.next(), Some(next), "a timer that fires again");
        }
    }

    /// Video of 25 frames a second over this time, by its own stamps.
    fn video(&mut self, times: std::ops::Range<u64>, stamp: u64) {
        for (index, at) in times.step_by(40).enumerate() {
            self.wait(at);
            self.frame(
                at,
                &video(u32::try_from(stamp).unwrap() + index as u32 * 40),
            );
        }
    }

    fn take(&mut self) -> Vec<(u64, Change)> {
        std::mem::take(&mut self.told)
    }

    /// What was told but seconds.
    fn events(&mut self) -> Vec<(u64, Change)> {
        let mut told = self.take();
        told.retain(|(_, change)| !matches!(change, Change::Second { .. }));
        told
    }

    fn statistics(&self, at: u64) -> PlaybackStatistics {
        self.playback.statistics(self.instant(at))
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn video(timestamp: u32) -> FrameHead {
    FrameHead {
        kind: FrameKind::Video,
        timestamp,
        size: 1000,
        key_frame: false,
        codec_header: false,
        codec: Codec::Video(7),
        fingerprint: 0,
    }
}

fn key(timestamp: u32) -> FrameHead {
    FrameHead {
        key_frame: true,
        ..video(timestamp)
    }
}

fn header(timestamp: u32) -> FrameHead {
    FrameHead {
        codec_header: true,
        size: 40,
        ..video(timestamp)
    }
}

fn audio(timestamp: u32) -> FrameHead {
    FrameHead {
        kind: FrameKind::Audio,
        codec: Codec::Audio(10),
        size: 100,
        ..video(timestamp)
    }
}

#[test]
fn the_first_byte_frame_and_key_frame_are_told_once() {
    let mut probe = Probe::new();
    probe.call(100, |playback, now, mut out| playback.begun(now, &mut out));
    // Neither a header nor what is empty is a frame, wherever its stamp is.
    probe.frame(110, &header(77));
    probe.frame(
        111,
        &FrameHead {
            size: 0,
            ..audio(0)
        },
    );
    probe.frame(
        112,
        &FrameHead {
            kind: FrameKind::Data,
            ..video(0)
        },
    );
    assert_eq!(probe.playback.next(), None);
    assert_eq!(probe.statistics(5000).elapsed, ms(0));
    probe.frame(120, &audio(50_000));
    probe.frame(150, &key(50_040));
    probe.frame(190, &key(50_080));
    let told = [
        (100, Change::FirstByte(ms(100))),
        (120, Change::FirstFrame(ms(120))),
        (150, Change::FirstKeyFrame(ms(150))),
    ];
    assert_eq!(probe.take(), told);
    let statistics = probe.statistics(190);
    let counted = (
        statistics.bytes,
        statistics.video_frames,
        statistics.key_frames,
        statistics.audio_frames,
    );
    assert_eq!(counted, (40 + 1000 + 100 + 2000, 2, 2, 1));
    assert_eq!(statistics.codecs, [Codec::Video(7), Codec::Audio(10)]);
    assert_eq!(
        (statistics.media_time, statistics.elapsed),
        (ms(80), ms(70))
    );
    assert_eq!((statistics.lag, statistics.stalled), (ms(0), false));
    let firsts = (
        statistics.first_byte,
        statistics.first_frame,
        statistics.first_key_frame,
    );
    assert_eq!(firsts, (Some(ms(100)), Some(ms(120)), Some(ms(150))));
}

#[test]
fn each_second_says_how_far_behind_and_how_much_came() {
    let mut probe = Probe::new();
    probe.video(1000..4000, 0);
    probe.wait(4000);
    let seconds = probe.take();
    let seconds: Vec<_> = seconds.into_iter().skip(2).collect();
    let second = |at| {
        // The frame that comes at the very end of a second is the next one's.
        let (lag, bits) = (ms(40), 25 * 8000);
        (at, Change::Second { lag, bits })
    };
    assert_eq!(seconds, [second(2000), second(3000), second(4000)]);
    assert_eq!(probe.statistics(4000).bitrate, 25 * 8000);
}

/// What the product's figures hang on: a player is behind by as much as nothing came, to the millisecond.
#[test]
fn the_lag_at_the_end_of_a_stall_is_the_stall() {
    for stall in [460, 1000, 2000, 5000, 10_000, 60_000] {
        let mut probe = Probe::new();
        probe.video(0..5000, 700);
        probe.events();
        // The frame that would come at 5000 comes later by the stall.
        let end = 5000 + stall;
        probe.wait(end);
        let before = probe.statistics(end);
        assert_eq!(before.lag, ms(40 + stall));
        assert!(before.stalled);
        probe.frame(end, &video(5700));
        let mut expected = vec![
            (5460, Change::Stalled),
            (
                end,
                Change::Resumed {
                    gap: ms(40 + stall),
                    lag: ms(40 + stall),
                },
            ),
        ];
        if stall > 2960 {
            expected.insert(1, (4960 + 3001, Change::Lagged));
        }
        assert_eq!(probe.events(), expected, "{stall}");
        let after = probe.statistics(end);
        assert_eq!(
            (after.lag, after.stalled, after.stalls),
            (ms(stall), false, 1)
        );
        assert_eq!(
            (after.lagged, after.stall_time),
            (stall > 3000, ms(40 + stall))
        );
        // What goes on in real time stays behind.
        probe.video(end + 40..end + 5000, 5740);
        probe.wait(end + 5000);
        let lags: Vec<_> = probe
            .take()
            .into_iter()
            .filter_map(|(_, change)| match change {
                Change::Second { lag, .. } => Some(lag),
                _ => None,
            })
            .collect();
        assert!(
            lags.iter()
                .all(|lag| *lag >= ms(stall) && *lag <= ms(stall + 40)),
            "{lags:?}"
        );
    }
}

#[test]
fn what_comes_at_once_after_a_stall_catches_up() {
    let mut probe = Probe::new();
    probe.video(0..4000, 0);
    probe.wait(10_000);
    probe.events();
    for step in 0..150 {
        probe.frame(10_000, &video(4000 + step * 40));
    }
    let gap = ms(10_000 - 3960);
    assert_eq!(
        probe.events(),
        [
            (10_000, Change::Resumed { gap, lag: gap }),
            (10_000, Change::CaughtUp),
        ]
    );
    let statistics = probe.statistics(10_000);
    assert_eq!((statistics.media_time, statistics.lag), (ms(9960), ms(40)));
    assert_eq!(statistics.discontinuities, 0);
}

#[test]
fn what_comes_ahead_to_begin_with_shortens_the_lag() {
    let mut probe = Probe::new();
    for step in 0..=50 {
        probe.frame(100, &video(step * 40));
    }
    assert_eq!(probe.statistics(100).lag, ms(0));
    probe.wait(3100);
    assert_eq!(probe.statistics(3100).lag, ms(1000));
    assert!(!probe.statistics(5100).lagged);
    assert!(probe.statistics(5101).lagged);
}

#[test]
fn a_late_timer_tells_the_same_as_one_in_time() {
    let mut probe = Probe::new();
    probe.video(0..2000, 0);
    let mut late = Probe::new();
    for at in (0..2000).step_by(40) {
        late.frame(at, &video(u32::try_from(at).unwrap()));
    }
    probe.wait(9000);
    probe.frame(9000, &video(2000));
    late.frame(9000, &video(2000));
    let told = |probe: &mut Probe| -> Vec<Change> {
        let told = probe.take();
        told.into_iter().map(|(_, change)| change).collect()
    };
    let changes = told(&mut late);
    assert_eq!(changes.len(), 2 + 9 + 3);
    assert_eq!(told(&mut probe), changes);
}

#[test]
fn statistics_know_what_no_timer_has_told() {
    let mut probe = Probe::new();
    probe.video(0..1000, 0);
    let at = |at| {
        let statistics = probe.statistics(at);
        (
            statistics.stalled,
            statistics.stalls,
            statistics.stall_time,
            statistics.lagged,
        )
    };
    assert_eq!(at(1459), (false, 0, ms(0), false));
    assert_eq!(at(1460), (true, 1, ms(500), false));
    assert_eq!(at(5000), (true, 1, ms(4040), true));
}

#[test]
fn nothing_that_never_began_stalls() {
    let mut probe = Probe::new();
    probe.wait(60_000);
    probe.timer(60_000);
    let statistics = probe.statistics(60_000);
    assert_eq!((statistics.stalled, statistics.lag), (false, ms(0)));
    probe.call(60_000, |playback, now, mut out| playback.end(now, &mut out));
    assert_eq!(probe.take(), []);
}

#[test]
fn the_end_ends_a_stall_and_stops_the_clock() {
    let mut probe = Probe::new();
    probe.video(0..1000, 0);
    probe.events();
    probe.call(5000, |playback, now, mut out| playback.end(now, &mut out));
    let gap = ms(4040);
    assert_eq!(
        probe.events(),
        [
            (5000, Change::Stalled),
            (5000, Change::Lagged),
            (5000, Change::Resumed { gap, lag: gap }),
        ]
    );
    let ended = probe.statistics(5000);
    assert_eq!(
        (ended.stalled, ended.stall_time, ended.lag),
        (false, gap, gap)
    );
    assert_eq!(probe.statistics(99_000), ended);
    assert_eq!(probe.playback.next(), None);
    probe.frame(99_000, &video(1000));
    probe.timer(99_000);
    probe.call(99_000, |playback, now, mut out| {
        playback.begun(now, &mut out)
    });
    assert_eq!((probe.take(), probe.statistics(99_000)), (vec![], ended));
}

#[test]
fn a_pause_is_neither_a_stall_nor_a_lag() {
    for live in [false, true] {
        let mut probe = Probe::new();
        probe.video(0..2000, 0);
        probe.call(2000, |playback, now, mut out| {
            playback.pause(true, now, &mut out)
        });
        assert_eq!(probe.playback.next(), None);
        probe.timer(20_000);
        let paused = probe.statistics(20_000);
        assert_eq!(
            (paused.elapsed, paused.lag, paused.stalled),
            (ms(2000), ms(40), false)
        );
        assert_eq!(paused.bitrate, 0);
        // One that was on its way.
        probe.frame(20_000, &video(2000));
        probe.call(32_000, |playback, now, mut out| {
            playback.pause(false, now, &mut out)
        });
        probe.events();
        let next = if live { 32_040 } else { 2040 };
        probe.video(32_040..36_000, next);
        probe.wait(36_000);
        assert_eq!(probe.events(), [], "{live}");
        let statistics = probe.statistics(36_000);
        assert_eq!(
            (statistics.media_time, statistics.elapsed),
            (ms(5960), ms(6000))
        );
        assert_eq!((statistics.lag, statistics.stalls), (ms(40), 0));
        assert_eq!(statistics.bitrate, 25 * 8000);
    }
}

#[test]
fn a_stall_goes_on_behind_a_pause() {
    let mut probe = Probe::new();
    probe.video(0..1000, 0);
    probe.wait(2000);
    probe.call(2000, |playback, now, mut out| {
        playback.pause(true, now, &mut out)
    });
    // Twice is once.
    probe.call(3000, |playback, now, mut out| {
        playback.pause(true, now, &mut out)
    });
    probe.call(12_000, |playback, now, mut out| {
        playback.pause(false, now, &mut out)
    });
    probe.call(12_500, |playback, now, mut out| {
        playback.pause(false, now, &mut out)
    });
    probe.events();
    probe.frame(13_000, &video(1000));
    let gap = ms(1040 + 1000);
    assert_eq!(
        probe.events(),
        [(13_000, Change::Resumed { gap, lag: gap })]
    );
}

#[test]
fn a_seek_begins_anew() {
    let mut probe = Probe::new();
    probe.video(0..1000, 0);
    probe.wait(6000);
    probe.events();
    probe.call(6000, |playback, now, mut out| playback.seek(now, &mut out));
    let gap = ms(5040);
    assert_eq!(
        probe.events(),
        [
            (6000, Change::Resumed { gap, lag: gap }),
            (6000, Change::CaughtUp),
        ]
    );
    probe.wait(9000);
    let statistics = probe.statistics(9000);
    assert_eq!((statistics.elapsed, statistics.media_time), (ms(0), ms(0)));
    probe.video(9000..10_000, 600_000);
    let statistics = probe.statistics(10_000);
    assert_eq!(
        (statistics.elapsed, statistics.media_time),
        (ms(1000), ms(960))
    );
    assert_eq!((statistics.discontinuities, statistics.stalls), (0, 1));
    assert_eq!(probe.events(), []);
}

#[test]
fn a_lag_about_its_bound_is_news_once_a_second() {
    let mut probe = Probe::new();
    probe.video(0..1000, 0);
    probe.wait(3980);
    // 2 980 ms late: behind by 2 980 ms with each frame, by 3 020 ms before the next.
    probe.video(3980..14_000, 1000);
    let events = probe.events();
    let lagged = events
        .iter()
        .filter(|(_, change)| *change == Change::Lagged);
    let lagged = lagged.count();
    assert!((1..=12).contains(&lagged), "{events:?}");
}

#[test]
fn no_bound_is_too_large_or_too_small() {
    let mut never = Probe::with(Duration::MAX, Duration::MAX);
    never.video(0..1000, 0);
    never.wait(100_000);
    assert_eq!(never.events().len(), 2);
    let mut always = Probe::with(ms(50), ms(0));
    always.video(0..1000, 0);
    always.wait(1000);
    assert!(always.events().contains(&(1, Change::Lagged)));
}

#[test]
fn what_arrived_before_the_last_look_counts_as_then() {
    let mut probe = Probe::new();
    probe.video(0..1000, 0);
    probe.timer(1470);
    // Its stamp of arrival says that it came before the stall.
    probe.frame(1400, &video(1000));
    let gap = ms(510);
    assert_eq!(
        probe.events()[2..],
        [
            (1470, Change::Stalled),
            (1400, Change::Resumed { gap, lag: gap })
        ]
    );
}

#[test]
fn many_codecs_cost_no_memory() {
    let mut probe = Probe::new();
    for index in 0..1000_u32 {
        let codec = Codec::FourCc(index.to_be_bytes());
        probe.frame(
            u64::from(index),
            &FrameHead {
                codec,
                ..video(index)
            },
        );
    }
    assert_eq!(probe.statistics(1000).codecs.len(), CODECS_MAX);
}
