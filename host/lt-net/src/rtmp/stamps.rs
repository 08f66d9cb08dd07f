//! When what was published was sent, so that a player of the same process can tell how long it took: a server that passes on nothing but
//! audio and video still passes those on as they are.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxBuildHasher;
use tokio::time::Instant;

use super::{FrameHead, FrameKind};

/// Frames that are remembered: of a thousand publishers with a key frame every second those of 100 s, which no live stream takes, in some
/// 10 MB. The oldest make room.
const FRAMES_MAX: usize = 100_000;
/// Of audio one frame in so many counts, picked by its bytes: of AAC about one in a second. Picked by time stamps, a server that counts
/// anew would have players look for others than were remembered.
const AUDIO_ONE_IN: u64 = 32;
/// Of the times that one stream sent a frame, so many are looked at, from the last: an asset that goes round repeats its frames, and no
/// player of a live stream is so many rounds behind.
const ROUNDS_MAX: usize = 64;
/// Where more streams than this sent a frame, nothing but the name tells them apart: they began their rounds at the same time stamp.
const STREAMS_MAX: usize = 16;

/// What all publishers of the process have sent of late.
#[derive(Debug, Default)]
pub struct Stamps {
    remembered: Mutex<Remembered>,
}

/// A frame that one stream sent: its fingerprint, a hash of the stream's name, and the how manieth of all that were sent it was. In one order,
/// so that what a stream sent, and who sent a frame, is found without looking at what others did.
type Key = (u64, u64, u64);

#[derive(Debug, Default)]
struct Remembered {
    /// Time stamp, and when it was sent.
    frames: BTreeMap<Key, (u32, Instant)>,
    /// Fingerprints and streams, oldest first.
    order: VecDeque<(u64, u64)>,
    /// Frames that were forgotten: the how manieth the oldest is.
    forgotten: u64,
}

impl Stamps {
    /// Whether a frame is one of those that are remembered: key frames, and some of audio for streams that have nothing else. Both sides come to the
    /// same answer by the frame alone.
    pub(crate) fn wants(head: &FrameHead) -> bool {
        match head.kind {
            FrameKind::Video => head.key_frame && !head.codec_header,
            FrameKind::Audio => !head.codec_header && head.fingerprint.is_multiple_of(AUDIO_ONE_IN),
            FrameKind::Data => false,
        }
    }

    /// A frame is with the kernel now. The stream's name may have a query, which says nothing here.
    pub(crate) fn sent(&self, stream: &str, head: &FrameHead, at: Instant) {
        let stream = name_hash(stream);
        // What a panic left behind is whole enough: a frame that cannot be forgotten is one too many.
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.order.len() >= FRAMES_MAX {
            remembered.forget_oldest();
        }
        let number = remembered.forgotten + remembered.order.len() as u64;
        remembered.order.push_back((head.fingerprint, stream));
        let key = (head.fingerprint, stream, number);
        remembered.frames.insert(key, (head.timestamp, at));
    }

    /// When a frame that came was sent, if that is beyond doubt: by a stream of the same name, else by the only one that gave it the same time stamp,
    /// else by the only one that sent it. Of the times that a stream sent it, the one with the same time stamp counts, else the latest.
    pub(crate) fn seen(&self, stream: &str, head: &FrameHead) -> Option<Instant> {
        let stream = name_hash(stream);
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = remembered.of(stream, head) {
            return Some(found.exact.unwrap_or(found.latest));
        }
        let mut others = remembered.senders(head.fingerprint);
        let founds: Vec<_> = others
            .by_ref()
            .take(STREAMS_MAX)
            .filter_map(|other| remembered.of(other, head))
            .collect();
        if others.next().is_some() {
            return None;
        }
        let mut exact = founds.iter().filter_map(|found| found.exact);
        match (exact.next(), exact.next(), founds.as_slice()) {
            (Some(at), None, _) => Some(at),
            (None, _, [only]) => Some(only.latest),
            _ => None,
        }
    }
}

/// When a stream sent a frame.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// With the time stamp that it came with, the last time.
    exact: Option<Instant>,
    latest: Instant,
}

impl Remembered {
    /// When this stream sent a frame.
    fn of(&self, stream: u64, head: &FrameHead) -> Option<Found> {
        let (first, last) = (
            (head.fingerprint, stream, 0),
            (head.fingerprint, stream, u64::MAX),
        );
        let newest = || self.frames.range(first..=last).rev().map(|(_, sent)| *sent);
        let (_, latest) = newest().next()?;
        let mut rounds = newest().take(ROUNDS_MAX);
        let exact = rounds.find(|(timestamp, _)| *timestamp == head.timestamp);
        Some(Found {
            exact: exact.map(|(_, at)| at),
            latest,
        })
    }

    /// The streams that sent a frame, each once.
    fn senders(&self, fingerprint: u64) -> impl Iterator<Item = u64> {
        let first_from = move |stream: u64| {
            let mut from = self
                .frames
                .range((fingerprint, stream, 0)..=(fingerprint, u64::MAX, u64::MAX));
            from.next().map(|((_, stream, _), _)| *stream)
        };
        std::iter::successors(first_from(0), move |stream| {
            first_from(stream.checked_add(1)?)
        })
    }

    fn forget_oldest(&mut self) {
        let Some((fingerprint, stream)) = self.order.pop_front() else {
            return;
        };
        self.frames.remove(&(fingerprint, stream, self.forgotten));
        self.forgotten += 1;
    }
}

/// Of a stream's name without its query, in which publishers and players have their own tokens.
fn name_hash(stream: &str) -> u64 {
    let name = stream.split_once('?').map_or(stream, |(name, _)| name);
    FxBuildHasher.hash_one(name)
}

#[cfg(test)]
#[path = "stamps_tests.rs"]
mod tests;
