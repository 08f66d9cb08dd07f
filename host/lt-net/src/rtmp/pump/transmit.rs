//! What a pump sends.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use super::lane::{Flow, Lane, Progress};
use super::{Pump, State};
use crate::rtmp::command::{CSID_AUDIO, CSID_DATA, CSID_VIDEO, type_id};
use crate::rtmp::publisher::Publisher;
use crate::rtmp::sending::Ready;
use crate::rtmp::{Close, FrameKind};

/// Bytes that are made ready ahead of the kernel, but for the last message: when one is with the kernel is to be told truly.
const WRITE_BYTES: usize = 64 << 10;

impl Pump {
    /// Write until nothing is due or the kernel takes nothing more.
    pub(super) fn write(&mut self, cx: &mut Context<'_>) {
        if self.state == State::Done {
            return;
        }
        let mut any_written = false;
        while self.broken.is_none() {
            self.fill();
            if self.out.is_empty() {
                break;
            }
            match Pin::new(&mut self.stream).poll_write(cx, self.out.rest()) {
                Poll::Ready(Ok(0)) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    any_written = true;
                    self.is_unflushed = true;
                    self.out.written(written);
                    self.account();
                }
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => break,
            }
        }
        if self.broken.is_some() {
            self.out.clear();
            self.is_unflushed = false;
        } else if self.is_unflushed {
            // Over TLS it is not with the kernel before.
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.is_unflushed = false,
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => {}
            }
        }
        if any_written {
            self.hurry();
        }
        self.note_progress(any_written);
        self.end_stopped();
    }

    /// While a stream starts the server says one small thing after the other, each held back until the one before is acknowledged.
    pub(super) fn hurry(&self) {
        if self.lanes.iter().any(Lane::is_starting) {
            self.stream.quick_ack();
        }
    }

    /// Whether the kernel has all that was encoded.
    pub(super) fn is_all_out(&self) -> bool {
        self.out.is_empty() && !self.is_unflushed
    }

    /// Since when the peer takes nothing.
    fn note_progress(&mut self, any_written: bool) {
        if self.is_all_out() {
            self.stuck_since = None;
        } else if any_written || self.stuck_since.is_none() {
            self.stuck_since = Some(Instant::now());
        }
    }

    /// Encode what is due, as far as that may be ahead of the kernel.
    fn fill(&mut self) {
        let count = self.lanes.len();
        for _ in 0..count {
            if self.out.len() >= WRITE_BYTES {
                return;
            }
            let index = self.turn % count;
            self.turn = index + 1;
            self.fill_from(index);
        }
    }

    fn fill_from(&mut self, index: usize) {
        let Some(lane) = self.lanes.get(index) else {
            return;
        };
        let Flow::Publish(publisher) = &lane.flow else {
            return;
        };
        if !matches!(lane.progress, Progress::Live | Progress::Stopping { .. }) {
            return;
        }
        let (key, stream_id) = (lane.key, lane.stream_id);
        let publisher = publisher.clone();
        let mut sending = publisher.sending.borrow_mut();
        let Some(next) = sending.next(self.arrived) else {
            drop(sending);
            self.finish(index, &publisher);
            return;
        };
        // Without anything that is due the clock is not looked at.
        let now = Instant::now();
        while next <= now && self.out.len() < WRITE_BYTES {
            let (encoder, out) = (&mut self.encoder, &mut self.out);
            let mut write = |ready: Ready<'_>| {
                let (csid, type_id) = match ready.sent.kind {
                    FrameKind::Audio => (CSID_AUDIO, type_id::AUDIO),
                    FrameKind::Video => (CSID_VIDEO, type_id::VIDEO),
                    FrameKind::Data => (CSID_DATA, type_id::DATA),
                };
                let (time, payload) = (ready.sent.timestamp, ready.payload);
                encoder.message(out.bytes(), csid, time, type_id, stream_id, payload);
                out.note(key, ready.sent);
            };
            if !sending.write_next(now, &mut write) {
                break;
            }
        }
        drop(sending);
        self.finish(index, &publisher);
    }

    /// The last words of a stream that is to stop, when all that it had to send is encoded.
    fn finish(&mut self, index: usize, publisher: &Rc<Publisher>) {
        let is_stopping = self
            .lanes
            .get(index)
            .is_some_and(|lane| matches!(lane.progress, Progress::Stopping { .. }));
        if is_stopping && publisher.sending.borrow().is_queue_empty() {
            self.say_last_words(index, true);
        }
    }

    /// Some bytes are with the kernel: so are the messages that end in them.
    fn account(&mut self) {
        let now = Instant::now();
        while let Some((key, sent)) = self.out.take_sent() {
            let lane = self.lanes.iter().find(|lane| lane.key == key);
            let Some(publisher) = lane.and_then(|lane| lane.publisher()) else {
                continue;
            };
            if let Some(late) = publisher.sending.borrow_mut().sent(&sent, now) {
                publisher.stream.observer.paced(late);
            }
            if let Some(head) = &sent.head {
                publisher.stamps.sent(&publisher.request.name, head, now);
            }
            publisher.wake_for_room();
        }
    }

    /// What was to stop has stopped when its last words are with the kernel, or it is time.
    fn end_stopped(&mut self) {
        let is_all_out = self.is_all_out();
        for lane in &self.lanes {
            if let Progress::Stopping { until, is_said } = lane.progress {
                let now = Instant::now();
                if (is_said && is_all_out) || until <= now || self.broken.is_some() {
                    lane.end(Close::by_us(), now);
                }
            }
        }
        self.drop_ended();
    }
}
