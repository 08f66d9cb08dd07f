//! When what was published was sent, so that a player of the same process can tell how long it took: a server that passes on nothing but
//! audio and video still passes those on as they are.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use rustc_hash::{FxBuildHasher, FxHashMap};
use tokio::time::Instant;

use super::{FrameHead, FrameKind};

/// Frames that are remembered: of a thousand publishers with a key frame every second those of 100 s, which no live stream takes, in some
/// 8 MB. The oldest make room.
const FRAMES_MAX: usize = 100_000;
/// Of audio one frame in so many counts, picked by its bytes: of AAC about one in a second. Picked by time stamps, a server that counts
/// anew would have players look for others than were remembered.
const AUDIO_ONE_IN: u64 = 32;

/// What all publishers of the process have sent of late.
#[derive(Debug, Default)]
pub struct Stamps {
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// By fingerprint; by whom, and when.
    frames: FxHashMap<u64, Vec<Sender>>,
    /// Fingerprints and streams, oldest first.
    order: VecDeque<(u64, u64)>,
}

/// One stream that sent a frame, with the times of all times it did: an asset that goes round repeats its frames.
#[derive(Debug)]
struct Sender {
    /// Hash of its name.
    stream: u64,
    /// Time stamps and times, oldest first; never empty.
    sent: VecDeque<(u32, Instant)>,
}

impl Sender {
    fn with_timestamp(&self, timestamp: u32) -> Option<Instant> {
        let mut newest = self.sent.iter().rev();
        let found = newest.find(|(stamp, _)| *stamp == timestamp)?;
        Some(found.1)
    }

    fn latest(&self) -> Option<Instant> {
        self.sent.back().map(|(_, at)| *at)
    }
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
        let frame = (head.timestamp, at);
        // What a panic left behind is whole: each change is made at once.
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.order.len() >= FRAMES_MAX {
            remembered.forget_oldest();
        }
        remembered.order.push_back((head.fingerprint, stream));
        let senders = remembered.frames.entry(head.fingerprint).or_default();
        if let Some(sender) = senders.iter_mut().find(|sender| sender.stream == stream) {
            sender.sent.push_back(frame);
        } else {
            let sent = VecDeque::from([frame]);
            senders.push(Sender { stream, sent });
        }
    }

    /// When a frame that came was sent, if that is beyond doubt: by a stream of the same name, else by one that gave it the same time stamp, else by
    /// the only one that sent it. Of the times that a stream sent it, the one with the same time stamp counts, else the latest.
    pub(crate) fn seen(&self, stream: &str, head: &FrameHead) -> Option<Instant> {
        let stream = name_hash(stream);
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let senders = remembered.frames.get(&head.fingerprint)?;
        if let Some(sender) = senders.iter().find(|sender| sender.stream == stream) {
            return sender
                .with_timestamp(head.timestamp)
                .or_else(|| sender.latest());
        }
        let mut exact = senders
            .iter()
            .filter_map(|sender| sender.with_timestamp(head.timestamp));
        match (exact.next(), exact.next(), senders.as_slice()) {
            (Some(at), None, _) => Some(at),
            (None, _, [only]) => only.latest(),
            _ => None,
        }
    }
}

impl Remembered {
    fn forget_oldest(&mut self) {
        let Some((fingerprint, stream)) = self.order.pop_front() else {
            return;
        };
        let Some(senders) = self.frames.get_mut(&fingerprint) else {
            return;
        };
        senders.retain_mut(|sender| {
            if sender.stream == stream {
                sender.sent.pop_front();
            }
            !sender.sent.is_empty()
        });
        if senders.is_empty() {
            self.frames.remove(&fingerprint);
        }
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
