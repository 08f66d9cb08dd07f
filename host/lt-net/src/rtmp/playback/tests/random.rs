//! Random streams against a model that knows what was sent.

use super::*;

/// A sequence that is the same in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % below
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.roll(to - from)
    }
}

/// A frame on its way.
struct Sent {
    /// Where it is in the media, from the first frame: what the player should find out.
    media: u64,
    arrives: u64,
    head: FrameHead,
}

/// What happens to a stream in its life.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weather {
    /// Nothing comes, then all of it at once.
    Held,
    /// Nothing comes, then it goes on from there: behind for ever.
    Delayed,
    /// Nothing comes, and what would have is lost.
    Lost,
    /// Stamps go on from somewhere else.
    Jumped,
}

const WEATHER: [Weather; 4] = [
    Weather::Held,
    Weather::Delayed,
    Weather::Lost,
    Weather::Jumped,
];

struct Day {
    frames: Vec<Sent>,
    jumps: u64,
    /// Whether its server keeps 24 bits.
    bits: u32,
    weather: Vec<Weather>,
}

/// Audio and video of some minutes, apart from each other by up to 300 ms, in all weather.
fn day(dice: &mut Dice) -> Day {
    let bits = [24, 32][dice.roll(2) as usize];
    let mask = u32::MAX >> (32 - bits);
    // Some begin just before stamps wrap.
    let near = u64::from(mask) + 1 - dice.roll(200_000);
    let base = [dice.roll(u64::from(mask)), near, 0][dice.roll(3) as usize];
    let (apart, audio_step) = (dice.roll(300), dice.between(20, 30));
    let mut frames: Vec<(u64, FrameKind)> = (0..dice.between(1000, 4000))
        .map(|index| (index * 40, FrameKind::Video))
        .collect();
    let end = frames.len() as u64 * 40;
    frames.extend((0..end / audio_step).map(|index| (index * audio_step, FrameKind::Audio)));
    // In the order in which they are sent: audio behind what is shown with it.
    let order = |(media, kind): &(u64, FrameKind)| match kind {
        FrameKind::Audio => media + apart,
        _ => *media,
    };
    frames.sort_by_key(order);
    let mut sent: Vec<Sent> = Vec::new();
    let (mut delay, mut offset, mut jumps) = (dice.between(100, 3000), 0_u64, 0);
    let mut until: Option<(Weather, u64)> = None;
    let mut next = dice.between(4000, 20_000);
    let mut weather = Vec::new();
    for frame in &frames {
        let (media, kind) = *frame;
        let now = order(frame);
        if now >= next && until.is_none() {
            let kind = WEATHER[dice.roll(4) as usize];
            weather.push(kind);
            until = Some((kind, now + dice.between(600, 20_000)));
            next = now + dice.between(25_000, 60_000);
            if kind == Weather::Jumped {
                // Far enough to be neither jitter nor what was lost, and not over the wrap of 24 bits.
                offset += [
                    dice.between(100_000, 4_000_000),
                    u64::from(mask) + 1 - dice.between(1000, 90_000),
                ][dice.roll(2) as usize];
                (until, jumps) = (None, jumps + 1);
            }
        }
        let mut arrives = now + delay + dice.roll(15);
        if let Some((kind, end)) = until {
            if now < end {
                match kind {
                    Weather::Lost => continue,
                    Weather::Held => arrives = end + delay,
                    Weather::Delayed => {
                        delay += end - now;
                        arrives = now + delay;
                        until = None;
                    }
                    Weather::Jumped => {}
                }
            } else {
                until = None;
            }
        }
        let latest = sent.last().map_or(0, |sent| sent.arrives);
        let stamp = (base + media + offset) & u64::from(mask);
        let head = FrameHead {
            kind,
            ..video(u32::try_from(stamp).unwrap())
        };
        sent.push(Sent {
            media,
            arrives: arrives.max(latest),
            head,
        });
    }
    Day {
        frames: sent,
        jumps,
        bits,
        weather,
    }
}

/// A track may come later than the other by as much as they are apart: so much may a jump be worth more or less.
const JUMP_WORTH: u64 = 400;

#[test]
fn media_time_and_lag_are_those_of_what_was_sent() {
    let mut kinds = [0; 4];
    for seed in 0..100 {
        let day = day(&mut Dice(seed));
        let case = format!("seed {seed}, {} bits, {:?}", day.bits, day.weather);
        for kind in &day.weather {
            kinds[*kind as usize] += 1;
        }
        let mut probe = Probe::new();
        let began = day.frames[0].arrives;
        let mut furthest = 0;
        for sent in &day.frames {
            probe.wait(sent.arrives);
            probe.frame(sent.arrives, &sent.head);
            furthest = furthest.max(sent.media);
            let statistics = probe.statistics(sent.arrives);
            let off = statistics.media_time.abs_diff(ms(furthest));
            let bound = 5 + JUMP_WORTH * u64::from(statistics.discontinuities);
            assert!(off <= ms(bound), "{case}: {off:?} at {}", sent.arrives);
            assert_eq!(statistics.elapsed, ms(sent.arrives - began));
            let lag = ms((sent.arrives - began).saturating_sub(furthest));
            let off = statistics.lag.abs_diff(lag);
            assert!(off <= ms(bound), "{case}: lag off by {off:?}");
        }
        let end = day.frames.last().unwrap().arrives;
        assert_eq!(
            u64::from(probe.statistics(end).discontinuities),
            day.jumps,
            "{case}"
        );
    }
    assert!(kinds.iter().all(|times| *times > 25), "{kinds:?}");
}

#[test]
fn stalls_are_the_gaps_between_frames() {
    for seed in 0..50 {
        let day = day(&mut Dice(seed));
        let mut probe = Probe::new();
        for sent in &day.frames {
            probe.wait(sent.arrives);
            probe.frame(sent.arrives, &sent.head);
        }
        let pairs = day.frames.windows(2);
        let gaps: Vec<_> = pairs
            .map(|pair| pair[1].arrives - pair[0].arrives)
            .filter(|gap| *gap >= 500)
            .collect();
        let end = day.frames.last().unwrap().arrives;
        let statistics = probe.statistics(end);
        assert_eq!(statistics.stalls as usize, gaps.len(), "seed {seed}");
        assert_eq!(statistics.stall_time, ms(gaps.iter().sum()));
        let told: Vec<_> = probe
            .take()
            .into_iter()
            .filter_map(|(_, change)| match change {
                Change::Resumed { gap, .. } => Some(gap.as_millis() as u64),
                _ => None,
            })
            .collect();
        assert_eq!(told, gaps, "seed {seed}");
    }
}

/// With timers in time, with timers at random, and without any.
#[test]
fn when_somebody_looks_makes_no_difference() {
    for seed in 0..50 {
        let mut dice = Dice(seed);
        let day = day(&mut dice);
        let mut probes = [Probe::new(), Probe::new(), Probe::new()];
        let mut now = 0;
        for sent in &day.frames {
            probes[0].wait(sent.arrives);
            while dice.roll(3) == 0 && now < sent.arrives {
                now = dice.between(now, sent.arrives);
                probes[1].timer(now);
            }
            now = sent.arrives;
            for probe in &mut probes {
                probe.frame(now, &sent.head);
            }
        }
        let [timed, some, none] = probes.map(|mut probe| {
            probe.call(now + 5000, |playback, now, mut out| {
                playback.end(now, &mut out)
            });
            let told: Vec<_> = probe.take().into_iter().map(|(_, change)| change).collect();
            (told, probe.statistics(now + 9000))
        });
        assert!(timed.0.len() > 40);
        assert_eq!(timed, some, "seed {seed}");
        assert_eq!(timed, none, "seed {seed}");
    }
}

/// Pauses at random times, of recordings that wait and of live streams that do not.
#[test]
fn pauses_leave_no_trace() {
    for seed in 0..50 {
        let mut dice = Dice(seed);
        let is_live = dice.roll(2) == 0;
        let mut probe = Probe::new();
        let (mut now, mut stamp, mut played) = (0, dice.roll(1 << 32), 0_u64);
        for step in 0..2000 {
            probe.wait(now);
            let timestamp = stamp as u32;
            probe.frame(
                now,
                &if step % 2 == 0 {
                    video(timestamp)
                } else {
                    audio(timestamp)
                },
            );
            if dice.roll(200) == 0 {
                let at = now + dice.roll(20);
                probe.call(at, |playback, now, mut out| {
                    playback.pause(true, now, &mut out)
                });
                let pause = dice.between(200, 60_000);
                let until = at + pause;
                probe.wait(until);
                probe.call(until, |playback, now, mut out| {
                    playback.pause(false, now, &mut out)
                });
                now += pause;
                stamp += if is_live { pause } else { 0 };
            }
            (now, stamp, played) = (now + 20, stamp + 20, played + 20);
        }
        let statistics = probe.statistics(now);
        assert_eq!(statistics.media_time, ms(played - 20), "seed {seed}");
        assert_eq!((statistics.elapsed, statistics.lag), (ms(played), ms(20)));
        assert_eq!((statistics.stalls, statistics.discontinuities), (0, 0));
    }
}

/// Whatever stamps come: no panic, time goes forward, lag is the difference, and each second is told.
#[test]
fn any_stamps_at_all_are_borne() {
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let mut probe = Probe::new();
        let (mut now, mut stamp, mut media) = (0, 0_u32, ms(0));
        for _ in 0..500 {
            now += [0, 1, 40, dice.roll(5000)][dice.roll(4) as usize];
            stamp = match dice.roll(6) {
                0 => dice.roll(1 << 32) as u32,
                1 => 0,
                2 => stamp.wrapping_sub(dice.roll(3000) as u32),
                3 => (stamp.wrapping_add(dice.roll(3000) as u32)) & 0xff_ffff,
                _ => stamp.wrapping_add(40),
            };
            let head = if dice.roll(2) == 0 {
                video(stamp)
            } else {
                audio(stamp)
            };
            match dice.roll(40) {
                0 => probe.call(now, |playback, now, mut out| {
                    playback.pause(true, now, &mut out)
                }),
                1 | 2 => probe.call(now, |playback, now, mut out| {
                    playback.pause(false, now, &mut out)
                }),
                3 => {
                    probe.call(now, |playback, now, mut out| playback.seek(now, &mut out));
                    media = ms(0);
                }
                4 => probe.timer(now),
                _ => probe.frame(now, &head),
            }
            let statistics = probe.statistics(now);
            assert!(statistics.media_time >= media);
            media = statistics.media_time;
            assert_eq!(statistics.lag, statistics.elapsed.saturating_sub(media));
        }
    }
}
