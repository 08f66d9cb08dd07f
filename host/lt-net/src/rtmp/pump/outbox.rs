//! What is to be written, and what it will have sent.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;

use crate::rtmp::sending::Sent;

/// Capacity that the shared buffer keeps: what a large frame made it grow to is given back.
const KEPT_BUFFER_BYTES: usize = 1 << 20;
/// Capacity that an emptied ledger keeps.
const KEPT_CAPACITY: usize = 64;

thread_local! {
    /// Shared by all connections of a thread: only what a write leaves over is a connection's own.
    static WRITE_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that are to be written, and the messages that they are.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// So many of them are written.
    done: usize,
    /// Bytes that were written before those.
    before: u64,
    is_shared: bool,
    /// Messages of streams, by where they end.
    ledger: VecDeque<(u64, u32, Sent)>,
}

impl Outbox {
    /// Take the thread's buffer for one poll, unless something is left over.
    pub(super) fn borrow_buffer(&mut self) {
        if self.bytes.is_empty() && !self.is_shared {
            self.bytes = WRITE_BUFFER.take();
            self.bytes.clear();
            self.is_shared = true;
        }
    }

    /// Give it back; what is left over is copied.
    pub(super) fn return_buffer(&mut self) {
        if self.is_shared {
            let left = self.rest().to_vec();
            let mut buffer = mem::replace(&mut self.bytes, left);
            self.before += self.done as u64;
            self.done = 0;
            self.is_shared = false;
            buffer.clear();
            buffer.shrink_to(KEPT_BUFFER_BYTES);
            WRITE_BUFFER.replace(buffer);
        } else if self.bytes.is_empty() {
            self.bytes = Vec::new();
        } else if self.done > self.len() {
            // Of what a slow peer never takes all of, what it has taken is let go: at most as much is moved as was written since.
            self.before += self.done as u64;
            self.bytes.drain(..self.done);
            self.done = 0;
            self.bytes.shrink_to(KEPT_BUFFER_BYTES);
        }
        if self.ledger.is_empty() && self.ledger.capacity() > KEPT_CAPACITY {
            self.ledger = VecDeque::new();
        }
    }

    /// Append to these.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What is appended up to here is this message of this lane.
    pub(super) fn note(&mut self, lane: u32, sent: Sent) {
        let end = self.before + self.bytes.len() as u64;
        self.ledger.push_back((end, lane, sent));
    }

    /// What is not written yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done >= self.bytes.len()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.done.min(self.bytes.len())
    }

    /// So many bytes more are written.
    pub(super) fn written(&mut self, length: usize) {
        self.done += length;
        if self.is_empty() {
            self.before += self.bytes.len() as u64;
            self.done = 0;
            self.bytes.clear();
        }
    }

    /// The next message of a stream that is written as a whole.
    pub(super) fn take_sent(&mut self) -> Option<(u32, Sent)> {
        let written = self.before + self.done as u64;
        self.ledger
            .pop_front_if(|(end, ..)| *end <= written)
            .map(|(_, lane, sent)| (lane, sent))
    }

    /// Nothing more is written.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.done = 0;
        self.ledger = VecDeque::new();
    }
}
