//! How a stream plays, as a function of what came when: media time, lag, stalls, jumps, bitrate. Nothing here reads a clock.

mod timeline;

use std::time::Duration;

use tokio::time::Instant;

use self::timeline::{Moment, Timeline};
use super::{Codec, FrameHead, FrameKind, PlayOptions, PlaybackStatistics};

const SECOND: Duration = Duration::from_secs(1);
/// Stamps are whole milliseconds, so a lag is past its bound when it is so by one.
const MILLISECOND: Duration = Duration::from_millis(1);
/// By so much less than `lag_after` a stream has caught up at once; by less than that at the end of the second. A lag that is just about
/// `lag_after` rises between frames and falls with each: that would be news with every frame.
const CAUGHT_UP_BY: Duration = Duration::from_millis(100);
/// Who wants to know of shorter stalls wants each frame at once.
const FLOWING_STALL_MIN: Duration = Duration::from_millis(300);
/// Codecs that are remembered of a stream: it has two, and few more in its life. What sends others all the time is to cost no memory.
const CODECS_MAX: usize = 16;

/// What happened, for who plays to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The first byte of media came, so long after the command.
    FirstByte(Duration),
    /// The first whole frame.
    FirstFrame(Duration),
    /// The first whole key frame.
    FirstKeyFrame(Duration),
    /// No media came for `stall_after`.
    Stalled,
    /// That is over, or the stream is.
    Resumed {
        /// Since the last media before it.
        gap: Duration,
        /// How far the stream was behind just before it was over.
        lag: Duration,
    },
    /// Behind by more than `lag_after`.
    Lagged,
    /// No longer.
    CaughtUp,
    /// Stamps jumped by so many milliseconds.
    Discontinuity(i64),
    /// A second is over.
    Second {
        /// How far the stream was behind at its end.
        lag: Duration,
        /// Bits of audio and video that came in it.
        bits: u64,
    },
}

/// One stream that is played.
///
/// Its clock runs from the command and stands still in pauses, so that nothing else here knows of them. What is due is told in its order and
/// for its own moment, however late somebody looks: a timer that is late, or a frame that comes before it, makes no difference.
#[derive(Debug)]
pub(crate) struct Playback {
    stall_after: Duration,
    lag_after: Duration,
    asked: Instant,
    /// How long it was paused, without the pause that is under way.
    paused: Duration,
    /// Where the clock stands: in a pause, and after the end.
    stands: Option<Duration>,
    is_over: bool,
    /// The last moment that was looked at. What came before it, by its stamp of arrival, counts as if it came then.
    latest: Duration,
    /// When the first frame came.
    began: Option<Duration>,
    /// When the last one came.
    last: Duration,
    /// Of pauses that have ended since.
    pause_since: Duration,
    timeline: Timeline,
    /// Whole seconds that are over since the first frame.
    seconds: u32,
    bits: u64,
    bitrate: u64,
    is_stalled: bool,
    is_lagged: bool,
    stalls: u32,
    stall_time: Duration,
    discontinuities: u32,
    bytes: u64,
    video_frames: u64,
    key_frames: u64,
    audio_frames: u64,
    first_byte: Option<Duration>,
    first_frame: Option<Duration>,
    first_key_frame: Option<Duration>,
    codecs: Vec<Codec>,
}

impl Playback {
    /// Nothing has come yet of what was asked for then.
    pub(crate) fn new(options: &PlayOptions, asked: Instant) -> Self {
        Self {
            stall_after: options.stall_after,
            lag_after: options.lag_after,
            asked,
            paused: Duration::ZERO,
            stands: None,
            is_over: false,
            latest: Duration::ZERO,
            began: None,
            last: Duration::ZERO,
            pause_since: Duration::ZERO,
            timeline: Timeline::default(),
            seconds: 0,
            bits: 0,
            bitrate: 0,
            is_stalled: false,
            is_lagged: false,
            stalls: 0,
            stall_time: Duration::ZERO,
            discontinuities: 0,
            bytes: 0,
            video_frames: 0,
            key_frames: 0,
            audio_frames: 0,
            first_byte: None,
            first_frame: None,
            first_key_frame: None,
            codecs: Vec::new(),
        }
    }

    /// Bytes of media came, whole or not.
    pub(crate) fn begun(&mut self, now: Instant, out: &mut impl FnMut(Change)) {
        if self.first_byte.is_none() && !self.is_over {
            let took = now.saturating_duration_since(self.asked);
            self.first_byte = Some(took);
            out(Change::FirstByte(took));
        }
    }

    /// A whole message of media or data came.
    pub(crate) fn frame(&mut self, head: &FrameHead, now: Instant, out: &mut impl FnMut(Change)) {
        if self.is_over {
            return;
        }
        self.bytes += u64::from(head.size);
        // Some servers begin with empty messages of time zero, which are no media.
        if head.kind == FrameKind::Data || head.size == 0 {
            return;
        }
        self.begun(now, out);
        self.settle(now, out);
        self.bits += u64::from(head.size) * 8;
        self.see(head.codec);
        if !head.codec_header {
            self.media(head, now, out);
        }
    }

    /// What is due by now: to be called at [`Playback::next`], or later.
    pub(crate) fn timer(&mut self, now: Instant, out: &mut impl FnMut(Change)) {
        self.settle(now, out);
    }

    /// Whether all that is told once has been told, and media comes: then it does not matter when, within a tenth of a second.
    pub(crate) fn is_flowing(&self) -> bool {
        let has_begun = self.first_key_frame.is_some() || self.video_frames == 0;
        has_begun
            && self.seconds > 0
            && self.stands.is_none()
            && !self.is_stalled
            && self.stall_after >= FLOWING_STALL_MIN
    }

    /// When something is due although nothing comes.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.stands.is_some() {
            return None;
        }
        let (at, _) = self.due()?;
        self.asked.checked_add(self.paused + at)
    }

    /// The stream is paused, or goes on.
    pub(crate) fn pause(&mut self, paused: bool, now: Instant, out: &mut impl FnMut(Change)) {
        self.settle(now, out);
        if paused {
            self.stands.get_or_insert(self.latest);
        } else if !self.is_over
            && let Some(stood) = self.stands.take()
        {
            let running = now.saturating_duration_since(self.asked);
            let paused = running.saturating_sub(stood);
            self.pause_since += paused.saturating_sub(self.paused);
            self.paused = paused;
        }
    }

    /// The stream is somewhere else now: media time and elapsed time begin anew with the next frame.
    pub(crate) fn seek(&mut self, now: Instant, out: &mut impl FnMut(Change)) {
        self.settle(now, out);
        self.resume(out);
        if std::mem::take(&mut self.is_lagged) {
            out(Change::CaughtUp);
        }
        self.began = None;
        self.timeline = Timeline::default();
        self.seconds = 0;
        self.bits = 0;
    }

    /// The stream is over: nothing changes any more.
    pub(crate) fn end(&mut self, now: Instant, out: &mut impl FnMut(Change)) {
        self.settle(now, out);
        self.resume(out);
        self.stands.get_or_insert(self.latest);
        self.is_over = true;
    }

    /// Media received.
    pub(crate) fn media_time(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.timeline.media()).unwrap_or_default())
    }

    /// How it stands. What is due and not told yet is in it.
    pub(crate) fn statistics(&self, now: Instant) -> PlaybackStatistics {
        let at = self.clock(now);
        let elapsed = self.began.map_or(Duration::ZERO, |began| at - began);
        let lag = self.lag(at);
        let is_stalled = !self.is_over
            && (self.is_stalled || self.stall_at() <= Some(at))
            && self.began.is_some();
        let stall = if is_stalled {
            at - self.last
        } else {
            Duration::ZERO
        };
        // No second goes by in a pause, whose rate nothing else would bring down.
        let is_paused = self.stands.is_some() && !self.is_over;
        let bitrate = if is_paused { 0 } else { self.bitrate };
        PlaybackStatistics {
            bytes: self.bytes,
            video_frames: self.video_frames,
            key_frames: self.key_frames,
            audio_frames: self.audio_frames,
            media_time: self.media_time(),
            elapsed,
            lag,
            lagged: lag > self.lag_after,
            stalled: is_stalled,
            stalls: self.stalls + u32::from(is_stalled && !self.is_stalled),
            stall_time: self.stall_time + stall,
            discontinuities: self.discontinuities,
            bitrate,
            first_byte: self.first_byte,
            first_frame: self.first_frame,
            first_key_frame: self.first_key_frame,
            end_to_end: None,
            codecs: self.codecs.clone(),
            waiting: 0,
            dropped: 0,
        }
    }

    /// The clock: since the command, without pauses. It does not go back.
    fn clock(&self, now: Instant) -> Duration {
        let running = now.saturating_duration_since(self.asked);
        let at = self
            .stands
            .unwrap_or_else(|| running.saturating_sub(self.paused));
        at.max(self.latest)
    }

    /// How far media time is behind, then.
    fn lag(&self, at: Duration) -> Duration {
        self.began.map_or(Duration::ZERO, |began| {
            at.saturating_sub(began).saturating_sub(self.media_time())
        })
    }

    /// When the lack of media is a stall, if it is none yet.
    fn stall_at(&self) -> Option<Duration> {
        (self.began.is_some() && !self.is_stalled)
            .then(|| self.last.saturating_add(self.stall_after))
    }

    /// What is due next.
    fn due(&self) -> Option<(Duration, Due)> {
        let began = self.began?;
        let second = began + SECOND * (self.seconds + 1);
        let lagged = (began + self.media_time() + MILLISECOND).saturating_add(self.lag_after);
        let lagged = (!self.is_lagged).then_some((lagged, Due::Lagged));
        let stalled = self.stall_at().map(|at| (at, Due::Stalled));
        [Some((second, Due::Second)), stalled, lagged]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// Tell all that was due until now, each for its moment.
    fn settle(&mut self, now: Instant, out: &mut impl FnMut(Change)) {
        self.latest = self.clock(now);
        while let Some((at, due)) = self.due()
            && at <= self.latest
            && !self.is_over
        {
            match due {
                Due::Stalled => {
                    self.is_stalled = true;
                    self.stalls += 1;
                    out(Change::Stalled);
                }
                Due::Lagged => {
                    self.is_lagged = true;
                    out(Change::Lagged);
                }
                Due::Second => self.second(at, out),
            }
        }
    }

    fn second(&mut self, at: Duration, out: &mut impl FnMut(Change)) {
        let lag = self.lag(at);
        let bits = std::mem::take(&mut self.bits);
        self.seconds += 1;
        self.bitrate = bits;
        out(Change::Second { lag, bits });
        self.catch_up(lag <= self.lag_after, out);
    }

    fn catch_up(&mut self, has_caught_up: bool, out: &mut impl FnMut(Change)) {
        if self.is_lagged && has_caught_up {
            self.is_lagged = false;
            out(Change::CaughtUp);
        }
    }

    /// A stall is over, if there is one.
    fn resume(&mut self, out: &mut impl FnMut(Change)) {
        if std::mem::take(&mut self.is_stalled) {
            let gap = self.latest - self.last;
            self.stall_time += gap;
            let lag = self.lag(self.latest);
            out(Change::Resumed { gap, lag });
        }
    }

    /// A frame came, and all that was due before it has been told.
    fn media(&mut self, head: &FrameHead, now: Instant, out: &mut impl FnMut(Change)) {
        self.resume(out);
        let took = now.saturating_duration_since(self.asked);
        if self.first_frame.is_none() {
            self.first_frame = Some(took);
            out(Change::FirstFrame(took));
        }
        match head.kind {
            FrameKind::Video => self.video_frames += 1,
            FrameKind::Audio | FrameKind::Data => self.audio_frames += 1,
        }
        if head.key_frame {
            self.key_frames += 1;
            if self.first_key_frame.is_none() {
                self.first_key_frame = Some(took);
                out(Change::FirstKeyFrame(took));
            }
        }
        let at = self.latest;
        let began = *self.began.get_or_insert_with(|| {
            self.last = at;
            at
        });
        let moment = Moment {
            elapsed: millis(at - began),
            gone: millis(at - self.last),
            paused: millis(std::mem::take(&mut self.pause_since)),
        };
        self.last = at;
        if let Some(jumped) = self.timeline.take(head, moment) {
            self.discontinuities += 1;
            out(Change::Discontinuity(jumped));
        }
        let margin = CAUGHT_UP_BY.min(self.lag_after / 2);
        self.catch_up(self.lag(at) + margin <= self.lag_after, out);
    }

    fn see(&mut self, codec: Codec) {
        let is_known = codec == Codec::None || self.codecs.contains(&codec);
        if !is_known && self.codecs.len() < CODECS_MAX {
            self.codecs.push(codec);
        }
    }
}

/// What can be due.
#[derive(Clone, Copy, Debug)]
enum Due {
    Second,
    Stalled,
    Lagged,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
