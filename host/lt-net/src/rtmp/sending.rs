//! What a publisher sends next: tags of the user's in their order, and those of an asset when they are due. No I/O: times are
//! given, and what is due is handed to whoever writes it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::flv::Asset;
use super::pacing::Pacing;
use super::publisher::{UNSENT_BYTES_MAX, UNSENT_MESSAGES_MAX};
use super::stamps::Stamps;
use super::{
    AssetOptions, BroadcastStatistics, Counted, FrameHead, FrameKind, STAMP_FIELD, STAMP_HANDLER,
    Stamping, Value, message,
};

/// How often the time of sending is put into the stream.
const STAMP_EVERY: Duration = Duration::from_secs(1);
/// Capacity that an emptied queue keeps.
const KEPT_CAPACITY: usize = 16;

/// What the user gave to send.
#[derive(Debug)]
pub(super) enum Outgoing {
    Tag {
        kind: FrameKind,
        timestamp: u32,
        data: Box<[u8]>,
    },
    Metadata(Vec<(String, Value)>),
    /// A data message, encoded.
    Data(Box<[u8]>),
}

impl Outgoing {
    fn bytes(&self) -> usize {
        match self {
            Self::Tag { data, .. } | Self::Data(data) => data.len(),
            // Few and small, and bounded where they are taken in.
            Self::Metadata(fields) => fields.len() * 16,
        }
    }
}

/// A message that is to be written now.
pub(super) struct Ready<'a> {
    pub(super) payload: &'a [u8],
    pub(super) sent: Sent,
}

/// What is remembered of a message until the kernel has it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) kind: FrameKind,
    pub(super) timestamp: u32,
    pub(super) size: usize,
    /// When it was to be with the kernel; frames of assets only.
    pub(super) due: Option<Instant>,
    /// What players may know it again by.
    pub(super) head: Option<Box<FrameHead>>,
}

/// What is to be sent, and what was.
#[derive(Debug)]
pub(super) struct Sending {
    stamping: Stamping,
    /// When the server said yes.
    began: Option<Instant>,
    queue: VecDeque<Outgoing>,
    queued_bytes: usize,
    /// Written and not with the kernel yet.
    written_bytes: usize,
    asset: Option<Box<(Arc<Asset>, AssetOptions)>>,
    pacing: Option<Box<Pacing>>,
    /// Rounds of the asset that was given up.
    rounds: u32,
    /// Whether the asset was given up before its end.
    is_cut: bool,
    metadata: Vec<(String, Value)>,
    next_stamp: Option<Instant>,
    /// Time stamp of the last frame that was written, and when.
    last: Option<(u32, Instant)>,
    /// Time stamp of the last frame that the kernel has.
    last_sent: Option<u32>,
    media_ms: u64,
    bytes: u64,
    frames: u64,
    late: Duration,
    /// Since the observer was told.
    counted: Counted,
    /// Whether somebody waits for the asset's end.
    pub(super) is_awaited: bool,
}

impl Sending {
    pub(super) fn new(stamping: Stamping) -> Self {
        Self {
            stamping,
            began: None,
            queue: VecDeque::new(),
            queued_bytes: 0,
            written_bytes: 0,
            asset: None,
            pacing: None,
            rounds: 0,
            is_cut: false,
            metadata: Vec::new(),
            next_stamp: None,
            last: None,
            last_sent: None,
            media_ms: 0,
            bytes: 0,
            frames: 0,
            late: Duration::ZERO,
            counted: Counted::default(),
            is_awaited: false,
        }
    }

    /// Bytes that are to be sent and are not with the kernel yet.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.queued_bytes + self.written_bytes
    }

    /// Whether so many bytes more are taken.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let unsent = self.unsent_bytes();
        let is_alone = unsent == 0 && self.queue.is_empty();
        is_alone || (self.queue.len() < UNSENT_MESSAGES_MAX && unsent + bytes <= UNSENT_BYTES_MAX)
    }

    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.queued_bytes += outgoing.bytes();
        self.queue.push_back(outgoing);
    }

    /// Publish this from now on.
    pub(super) fn publish(&mut self, asset: Arc<Asset>, options: AssetOptions) {
        self.asset = Some(Box::new((asset, options)));
        self.is_cut = false;
    }

    /// Whether an asset was sent as often as asked, and the kernel has all of it. That stays so when the stream ends.
    pub(super) fn is_asset_done(&self) -> bool {
        let is_done = self.pacing.as_ref().is_some_and(|pacing| pacing.is_done());
        self.asset.is_none() && is_done && self.written_bytes == 0
    }

    /// Whether there is nothing to wait for: no asset was given.
    pub(super) fn has_no_asset(&self) -> bool {
        self.asset.is_none() && self.pacing.is_none() && !self.is_cut
    }

    /// The server said yes.
    pub(super) fn begin(&mut self, now: Instant) {
        self.began.get_or_insert(now);
    }

    /// No more of the asset: what the user gave to send is all that goes.
    pub(super) fn stop_asset(&mut self) {
        let pacing = self.pacing.take_if(|pacing| !pacing.is_done());
        self.is_cut |= pacing.is_some() || self.asset.take().is_some();
        self.rounds = pacing.map_or(self.rounds, |pacing| pacing.rounds());
    }

    /// Nothing more goes.
    pub(super) fn clear(&mut self) {
        self.stop_asset();
        self.queue = VecDeque::new();
        self.queued_bytes = 0;
    }

    /// Whether nothing waits but what an asset has for later.
    pub(super) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When there is something to write.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        if !self.queue.is_empty() || self.asset.is_some() {
            return Some(now);
        }
        self.pacing.as_ref().and_then(|pacing| pacing.next())
    }

    /// Hand over the next message that is due, with the stamp before it if it is time for one. Returns whether there was one.
    pub(super) fn write_next(&mut self, now: Instant, write: &mut impl FnMut(Ready<'_>)) -> bool {
        if let Some(outgoing) = self.queue.pop_front() {
            self.queued_bytes -= outgoing.bytes();
            self.write_outgoing(outgoing, now, write);
            if self.queue.is_empty() && self.queue.capacity() > KEPT_CAPACITY {
                self.queue = VecDeque::new();
            }
            return true;
        }
        if let Some(asset) = self.asset.take() {
            let (asset, options) = *asset;
            self.begin_asset(asset, options, now, write);
        }
        let Some(pacing) = &mut self.pacing else {
            return false;
        };
        let Some(due) = pacing.due(now) else {
            return false;
        };
        let asset = pacing.asset().clone();
        let Some(tag) = asset.tags().get(due.index) else {
            return true;
        };
        let payload = asset.payload(tag);
        let sent = Sent {
            kind: tag.kind(),
            timestamp: due.timestamp,
            size: payload.len(),
            due: Some(due.when),
            head: self.head(tag.kind(), due.timestamp, payload),
        };
        if !tag.is_codec_header() {
            self.stamp(due.timestamp, now, write);
        }
        self.write(Ready { payload, sent }, now, write);
        true
    }

    fn begin_asset(
        &mut self,
        asset: Arc<Asset>,
        options: AssetOptions,
        now: Instant,
        write: &mut impl FnMut(Ready<'_>),
    ) {
        let timestamp = self.next_timestamp(now);
        if let Some(fields) = asset.metadata() {
            self.metadata = fields.to_vec();
            self.write_metadata(timestamp, now, write);
        }
        self.pacing = Some(Box::new(Pacing::new(asset, options, now, timestamp)));
    }

    /// Where time stamps go on: a live stream's clock does not stand still while nothing is sent.
    fn next_timestamp(&self, now: Instant) -> u32 {
        let after_asset = self.pacing.as_ref().map(|pacing| pacing.next_timestamp());
        let by_clock = self.last.map(|(timestamp, at)| {
            let passed = now.saturating_duration_since(at).as_millis();
            // Milliseconds of 32 bits wrap, as time stamps do.
            #[expect(clippy::cast_possible_truncation, reason = "time stamps wrap")]
            let passed = passed as u32;
            timestamp.wrapping_add(passed.max(1))
        });
        match (after_asset, by_clock) {
            (Some(a), Some(b)) if is_behind(a, b) => b,
            (Some(a), _) => a,
            (None, Some(b)) => b,
            (None, None) => 0,
        }
    }

    fn write_outgoing(
        &mut self,
        outgoing: Outgoing,
        now: Instant,
        write: &mut impl FnMut(Ready<'_>),
    ) {
        let last = self.last.map_or(0, |(timestamp, _)| timestamp);
        match outgoing {
            Outgoing::Tag {
                kind,
                timestamp,
                data,
            } => {
                let head = self.head(kind, timestamp, &data);
                if kind != FrameKind::Data {
                    self.stamp(timestamp, now, write);
                }
                let sent = Sent {
                    kind,
                    timestamp,
                    size: data.len(),
                    due: None,
                    head,
                };
                let payload = &data;
                self.write(Ready { payload, sent }, now, write);
            }
            Outgoing::Metadata(fields) => {
                self.metadata = fields;
                self.write_metadata(last, now, write);
            }
            Outgoing::Data(data) => self.write_data(&data, last, now, write),
        }
    }

    /// Put the time into the stream, if it is time for that.
    fn stamp(&mut self, timestamp: u32, now: Instant, write: &mut impl FnMut(Ready<'_>)) {
        if self.stamping == Stamping::None || self.next_stamp.is_some_and(|next| now < next) {
            return;
        }
        match self.stamping {
            Stamping::None => {}
            Stamping::DataMessage => {
                self.next_stamp = Some(now + STAMP_EVERY);
                let mut payload = Vec::new();
                Value::Text(STAMP_HANDLER.to_owned()).encode(&mut payload);
                Value::Number(wall_ms()).encode(&mut payload);
                self.write_data(&payload, timestamp, now, write);
            }
            Stamping::Metadata => self.write_metadata(timestamp, now, write),
        }
    }

    fn write_metadata(&mut self, timestamp: u32, now: Instant, write: &mut impl FnMut(Ready<'_>)) {
        let mut fields = self.metadata.clone();
        if self.stamping == Stamping::Metadata {
            self.next_stamp = Some(now + STAMP_EVERY);
            fields.retain(|(name, _)| name != STAMP_FIELD);
            fields.push((STAMP_FIELD.to_owned(), Value::Number(wall_ms())));
        }
        let mut payload = Vec::new();
        for text in ["@setDataFrame", "onMetaData"] {
            Value::Text(text.to_owned()).encode(&mut payload);
        }
        Value::Map(fields).encode(&mut payload);
        self.write_data(&payload, timestamp, now, write);
    }

    fn write_data(
        &mut self,
        payload: &[u8],
        timestamp: u32,
        now: Instant,
        write: &mut impl FnMut(Ready<'_>),
    ) {
        let sent = Sent {
            kind: FrameKind::Data,
            timestamp,
            size: payload.len(),
            due: None,
            head: None,
        };
        self.write(Ready { payload, sent }, now, write);
    }

    fn write(&mut self, ready: Ready<'_>, now: Instant, write: &mut impl FnMut(Ready<'_>)) {
        self.written_bytes += ready.sent.size;
        if ready.sent.kind != FrameKind::Data {
            self.last = Some((ready.sent.timestamp, now));
        }
        write(ready);
    }

    /// What players of this process may know the frame again by.
    fn head(&self, kind: FrameKind, timestamp: u32, payload: &[u8]) -> Option<Box<FrameHead>> {
        if self.stamping == Stamping::None || kind == FrameKind::Data {
            return None;
        }
        let size = u32::try_from(payload.len()).ok()?;
        let head = message::head_of(kind, timestamp, size, payload);
        Stamps::wants(&head).then(|| Box::new(head))
    }

    /// The kernel has it. Returns how late that is, of an asset's frame.
    pub(super) fn sent(&mut self, sent: &Sent, now: Instant) -> Option<Duration> {
        self.written_bytes = self.written_bytes.saturating_sub(sent.size);
        let size = sent.size as u64;
        self.bytes += size;
        self.frames += 1;
        self.counted.bytes += size;
        match sent.kind {
            FrameKind::Audio => self.counted.audio += 1,
            FrameKind::Video => self.counted.video += 1,
            FrameKind::Data => self.counted.data += 1,
        }
        if sent.kind != FrameKind::Data {
            let before = self.last_sent.replace(sent.timestamp);
            let step = before.map_or(0, |before| sent.timestamp.wrapping_sub(before));
            // What goes back, as audio behind video does, adds nothing and takes nothing.
            if step < 1 << 31 {
                self.media_ms += u64::from(step);
            } else {
                self.last_sent = before;
            }
        }
        let late = sent.due.map(|due| now.saturating_duration_since(due));
        self.late = late.unwrap_or(self.late);
        late
    }

    /// What was sent since this was asked last.
    pub(super) fn take_counted(&mut self) -> Option<Counted> {
        let counted = std::mem::take(&mut self.counted);
        (counted != Counted::default()).then_some(counted)
    }

    pub(super) fn statistics(&self, now: Instant) -> BroadcastStatistics {
        // What does not go at all is later than what went.
        let next = self.pacing.as_ref().and_then(|pacing| pacing.next());
        let waits = next.map_or(Duration::ZERO, |next| now.saturating_duration_since(next));
        BroadcastStatistics {
            bytes: self.bytes,
            frames: self.frames,
            media_time: Duration::from_millis(self.media_ms),
            elapsed: self
                .began
                .map_or(Duration::ZERO, |began| now.saturating_duration_since(began)),
            rounds: self
                .pacing
                .as_ref()
                .map_or(self.rounds, |pacing| pacing.rounds()),
            late: self.late.max(waits),
            unsent_bytes: self.unsent_bytes(),
        }
    }
}

/// Whether `a` is earlier than `b`, with time stamps that wrap.
fn is_behind(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 31
}

/// Milliseconds since 1970.
fn wall_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64() * 1000.0
}
