//! What users make the host hold together: bytes of messages that nobody has read yet, and of what was brought to meetings.
//!
//! Each of these is bounded by itself, but the number of users is not small: full mailboxes of all would be more than any
//! machine has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// The bytes that a run may hold at a time, and how many it holds. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Scales {
    held: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl Scales {
    /// Nothing is held yet.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            held: Arc::default(),
            bytes_max,
        }
    }

    /// Most bytes that may be held.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Hold so many bytes until the weight is dropped; `None` if that would be too much.
    pub(crate) fn take(&self, bytes: usize) -> Option<Weight> {
        let room = |held: usize| {
            let held = held.checked_add(bytes)?;
            (held <= self.bytes_max).then_some(held)
        };
        let taken = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        taken.ok()?;
        Some(Weight {
            held: Arc::clone(&self.held),
            bytes,
        })
    }

    /// The same content, held until its last copy is dropped, since copies share the bytes; `None` if that would be too much.
    pub(crate) fn hold(&self, content: Bytes) -> Option<Bytes> {
        if content.is_empty() {
            return Some(content);
        }
        let weight = self.take(content.len())?;
        Some(Bytes::from_owner(Held {
            content,
            _weight: weight,
        }))
    }
}

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub(crate) struct Weight {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Content with its weight.
struct Held {
    content: Bytes,
    _weight: Weight,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}
