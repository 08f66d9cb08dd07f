//! Media time out of time stamps: where a frame lies in what was received, whatever its stamp does.
//!
//! A stamp has 32 bits and wraps (RTMP specification, 5.3.1), with some servers at 24; audio and video come interleaved, each a
//! little before or behind the other; publishers start over at zero, and servers leave out what a slow player has not taken. So a
//! stamp counts by its distance from one that was placed before, and a distance that cannot be is a jump: what lies behind it is
//! placed as if it followed at once.

use crate::rtmp::{FrameHead, FrameKind};

/// So far back within a track is jitter of whoever stamped, in milliseconds; `record playback` of `wit/rtmp.wit`.
const BACK_MAX: i64 = 100;
/// So far ahead of the time that went by is no jump, in milliseconds; the same record.
const AHEAD_MAX: i64 = 1000;
/// How far apart audio and video may lie where the second of them appears, in milliseconds: a server that sends what it has kept of a live
/// stream may send some seconds of one before the other.
const APART_MAX: i64 = 10_000;
/// Where stamps wrap that are kept in the 24 bits of a chunk's header.
const WRAP_24: i64 = 1 << 24;

/// A stamp with its place in media time, both in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Anchor {
    stamp: u32,
    media: i64,
}

impl Anchor {
    /// Where another stamp lies, if nothing has jumped in between: the nearest way round.
    fn place(self, stamp: u32) -> i64 {
        self.media + i64::from(stamp.wrapping_sub(self.stamp).cast_signed())
    }

    /// The same, also over the end of 24 bits, if it is then where it may be.
    fn place_within(self, stamp: u32, within: impl Fn(i64) -> bool) -> Option<i64> {
        let place = self.place(stamp);
        if within(place) {
            return Some(place);
        }
        if i64::from(stamp.max(self.stamp)) >= WRAP_24 {
            return None;
        }
        [place + WRAP_24, place - WRAP_24]
            .into_iter()
            .find(|place| within(*place))
    }
}

/// Audio or video.
#[derive(Clone, Copy, Debug)]
struct Track {
    last: Anchor,
    furthest: i64,
    /// From one frame to the next, as it was last: what a jump is worth.
    interval: i64,
}

/// Media time of a frame, and by how much its stamp has jumped, if it has.
type Placed = (i64, Option<i64>);

/// What is known when a frame comes, in milliseconds without pauses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Since the first frame.
    pub(super) elapsed: i64,
    /// Since the last frame, of either kind.
    pub(super) gone: i64,
    /// Of a pause that has ended since the last frame.
    pub(super) paused: i64,
}

/// The media of one stream, from its first frame on.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    audio: Option<Track>,
    video: Option<Track>,
    furthest: i64,
    /// By which stamps are placed now, and were before the last jump: after a jump of one track the other follows, and a single
    /// stamp that is wrong is followed by right ones.
    current: Anchor,
    previous: Option<Anchor>,
    /// How far media was ahead of the clock at most: what a server sends at once to begin with makes the stream's live edge
    /// lie there.
    lead_max: i64,
}

impl Timeline {
    /// Media received, in milliseconds: up to the furthest stamp.
    pub(super) fn media(&self) -> i64 {
        self.furthest
    }

    /// Take in a frame. Returns by how much stamps have jumped, if they have.
    pub(super) fn take(&mut self, head: &FrameHead, moment: Moment) -> Option<i64> {
        let stamp = head.timestamp;
        let (mine, other) = match head.kind {
            FrameKind::Audio => (self.audio, self.video),
            FrameKind::Video => (self.video, self.audio),
            FrameKind::Data => return None,
        };
        if mine.is_none() && other.is_none() {
            self.current = Anchor { stamp, media: 0 };
        }
        let mine = if moment.paused > 0 {
            self.go_on_after_pause(mine, stamp, moment);
            self.track(head.kind)
        } else {
            mine
        };
        let place = self.place(mine, stamp, moment);
        let (media, jumped) = place.unwrap_or_else(|| self.jump(mine, stamp, moment));
        self.settle(head.kind, Anchor { stamp, media }, jumped.is_some());
        self.lead_max = self.lead_max.max(self.furthest - moment.elapsed);
        jumped
    }

    fn track(&self, kind: FrameKind) -> Option<Track> {
        match kind {
            FrameKind::Audio => self.audio,
            FrameKind::Video => self.video,
            FrameKind::Data => None,
        }
    }

    /// Where a frame lies, if that is near: where its track goes on, where the other track has jumped to before it, or where the stream was
    /// before it jumped; and in the last case how far that is.
    fn place(&self, mine: Option<Track>, stamp: u32, moment: Moment) -> Option<Placed> {
        let expected = self.furthest + moment.gone;
        let ahead = expected + AHEAD_MAX;
        let Some(track) = mine else {
            let near = |place| (self.furthest - APART_MAX..=ahead).contains(&place);
            return Some((self.current.place_within(stamp, near)?, None));
        };
        let possible = |place| (track.furthest - BACK_MAX..=ahead).contains(&place);
        let followed = |place| (self.furthest - AHEAD_MAX..=ahead).contains(&place);
        let claimed = track.last.place(stamp);
        let elsewhere = |anchor: &Anchor| (anchor.place(stamp) - claimed) % WRAP_24 != 0;
        let own = track.last.place_within(stamp, possible);
        let current = Some(self.current).filter(elsewhere);
        let current = current.and_then(|anchor| anchor.place_within(stamp, followed));
        let previous = self.previous.filter(elsewhere);
        let previous = previous.and_then(|anchor| anchor.place_within(stamp, followed));
        let unjumped = own.into_iter().chain(current).map(|place| (place, None));
        let returned = previous.map(|place| (place, Some(claimed - track.last.media)));
        unjumped.chain(returned).min_by_key(|(place, _)| {
            let behind = self.furthest - place;
            behind.max(place - expected).max(0)
        })
    }

    /// A frame that is not near what came before: where it is placed, and how far it jumped.
    fn jump(&self, mine: Option<Track>, stamp: u32, moment: Moment) -> Placed {
        let last = mine.map_or(self.current, |track| track.last);
        let claimed = last.place(stamp);
        let is_live = claimed - moment.elapsed <= self.lead_max + AHEAD_MAX;
        let media = if claimed > self.furthest && is_live {
            // Something is missing, and the stream goes on where it would be without.
            claimed
        } else {
            mine.map_or(self.furthest, |track| track.furthest + track.interval)
        };
        (media, Some(claimed - last.media))
    }

    /// After a pause a recording goes on where it stood, and a live stream where it is now: the nearer counts, and what went by in the
    /// pause is left out.
    fn go_on_after_pause(&mut self, mine: Option<Track>, stamp: u32, moment: Moment) {
        let expected = self.furthest + moment.gone;
        let place = mine.map_or(self.current, |track| track.last).place(stamp);
        let is_live = (place - moment.paused - expected).abs() < (place - expected).abs();
        if !is_live {
            return;
        }
        let tracks = [self.audio.as_mut(), self.video.as_mut()];
        let lasts = tracks.into_iter().flatten().map(|track| &mut track.last);
        for anchor in lasts.chain([&mut self.current]).chain(&mut self.previous) {
            anchor.media -= moment.paused;
        }
    }

    fn settle(&mut self, kind: FrameKind, at: Anchor, has_jumped: bool) {
        if has_jumped {
            self.previous = Some(self.current);
            self.current = at;
        } else if (self.current.place(at.stamp) - at.media) % WRAP_24 == 0 {
            self.current = at;
        }
        let slot = match kind {
            FrameKind::Audio => &mut self.audio,
            FrameKind::Video => &mut self.video,
            FrameKind::Data => return,
        };
        let (furthest, interval) = slot.map_or((at.media, 0), |track| {
            let step = at.media - track.last.media;
            let is_usual = (1..=AHEAD_MAX).contains(&step);
            let interval = if is_usual { step } else { track.interval };
            (track.furthest.max(at.media), interval)
        });
        *slot = Some(Track {
            last: at,
            furthest,
            interval,
        });
        self.furthest = self.furthest.max(at.media);
    }
}

#[cfg(test)]
mod tests;
