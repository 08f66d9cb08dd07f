//! What users of one process share: cursors and the store.

use std::collections::BTreeMap;
use std::future::ready;
use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use lt_spec::limits::{
    DATA_FILES_MAX, STORE_BYTES_MAX, STORE_ENTRY_OVERHEAD_BYTES, STORE_KEY_BYTES_MAX,
    STORE_VALUE_BYTES_MAX,
};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::state_file::StateFile;
use crate::{Answer, DataError, DataProblem, Shared};

/// Parts of the store with a lock each: several times the cores of a machine, so that two users rarely want the same.
const SHARDS: usize = 64;

type Shard = FxHashMap<Arc<str>, Bytes>;

/// [`Shared`] for the users of one process. With a state file, the store begins with what the file holds, and
/// [`save`](Self::save) writes it back; the cursors begin at 0 in each run.
#[derive(Debug)]
pub struct LocalShared {
    cursors: RwLock<FxHashMap<Box<str>, AtomicU64>>,
    shards: Box<[Mutex<Shard>]>,
    /// Bytes of all entries, counted as [`cost`] does.
    bytes: AtomicUsize,
    bytes_max: usize,
    /// Changes of the store since it was opened.
    changes: AtomicU64,
    /// How many of them the state file has.
    saved: AtomicU64,
    /// Held while the file is written.
    file: Mutex<Option<StateFile>>,
}

impl LocalShared {
    /// A store: empty, or with what the state file of an earlier run holds. A file that does not exist yet is no fault, as long
    /// as it could be written.
    ///
    /// # Errors
    /// The file is none of ours, another run has it open, it holds more than a store may, or could not be written at the end of
    /// the run.
    pub fn open(state_file: Option<&Path>) -> Result<Arc<Self>, DataProblem> {
        Self::with_bytes_max(state_file, STORE_BYTES_MAX).map(Arc::new)
    }

    fn with_bytes_max(state_file: Option<&Path>, bytes_max: usize) -> Result<Self, DataProblem> {
        let mut shared = Self {
            cursors: RwLock::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            bytes: AtomicUsize::new(0),
            bytes_max,
            changes: AtomicU64::new(0),
            saved: AtomicU64::new(0),
            file: Mutex::new(None),
        };
        let Some(path) = state_file else {
            return Ok(shared);
        };
        let (file, entries) = StateFile::open(path)?;
        for (key, value) in entries {
            let stored = shared.set(&key, value, When::Always);
            stored.map_err(|error| file.problem(&key, &error))?;
        }
        *shared.changes.get_mut() = 0;
        *shared
            .file
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(shared)
    }

    /// Write the store to its state file: whole or not at all, readable by its owner only. Without a state file, or without a
    /// change since the last time, nothing is written. What users change meanwhile may be in the file or not.
    ///
    /// # Errors
    /// What the file system says; the file is as it was before.
    pub fn save(&self) -> io::Result<()> {
        let file = lock(&self.file);
        let Some(file) = file.as_ref() else {
            return Ok(());
        };
        if !self.dirty() {
            return Ok(());
        }
        // Read before the entries: a change in between is saved, and counts as not saved.
        let changes = self.changes.load(Ordering::Acquire);
        // Sorted, so that two files can be compared. Neither keys nor values are copied.
        let mut entries = BTreeMap::new();
        for shard in &self.shards {
            let shard = lock(shard);
            entries.extend(
                shard
                    .iter()
                    .map(|(key, value)| (Arc::clone(key), value.clone())),
            );
        }
        file.write(&entries)?;
        self.saved.store(changes, Ordering::Release);
        Ok(())
    }

    /// Whether the store has changed since it was opened or last saved.
    #[must_use]
    pub fn dirty(&self) -> bool {
        self.changes.load(Ordering::Acquire) != self.saved.load(Ordering::Acquire)
    }

    /// Number of entries of the store.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether the store has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn next(&self, feeder: &str) -> Result<u64, DataError> {
        let cursors = self.cursors.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(cursor) = cursors.get(feeder) {
            return Ok(cursor.fetch_add(1, Ordering::Relaxed));
        }
        drop(cursors);
        let mut cursors = self.cursors.write().unwrap_or_else(PoisonError::into_inner);
        if cursors.len() >= DATA_FILES_MAX && !cursors.contains_key(feeder) {
            return Err(DataError::Other(format!(
                "more than {DATA_FILES_MAX} feeders"
            )));
        }
        let cursor = cursors.entry(feeder.into()).or_default();
        Ok(cursor.fetch_add(1, Ordering::Relaxed))
    }

    fn get(&self, key: &str) -> Result<Option<Bytes>, DataError> {
        check_key(key)?;
        Ok(self.shard(key).get(key).cloned())
    }

    /// Set a key's value, if its present one allows it; whether it did.
    fn set(&self, key: &str, value: Bytes, when: When) -> Result<bool, DataError> {
        check_key(key)?;
        if value.len() > STORE_VALUE_BYTES_MAX {
            return Err(DataError::TooLarge(STORE_VALUE_BYTES_MAX as u64));
        }
        let mut shard = self.shard(key);
        let present = shard.get_mut(key);
        if let When::ItIs(expected) = when
            && expected.as_ref() != present.as_deref()
        {
            return Ok(false);
        }
        let before = present.as_ref().map_or(0, |present| cost(key, present));
        self.resize(before, cost(key, &value))?;
        match present {
            Some(present) => *present = value,
            None => {
                shard.insert(key.into(), value);
            }
        }
        self.changes.fetch_add(1, Ordering::Release);
        Ok(true)
    }

    fn take(&self, key: &str) -> Result<bool, DataError> {
        check_key(key)?;
        let mut shard = self.shard(key);
        let Some(value) = shard.remove(key) else {
            return Ok(false);
        };
        self.bytes.fetch_sub(cost(key, &value), Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Release);
        Ok(true)
    }

    /// Count an entry that grows or shrinks from `before` to `after` bytes.
    fn resize(&self, before: usize, after: usize) -> Result<(), DataError> {
        let resized = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
                let bytes = bytes.saturating_sub(before).saturating_add(after);
                (bytes <= self.bytes_max || after <= before).then_some(bytes)
            });
        resized.map(|_| ()).map_err(|_| DataError::StoreFull)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an index modulo the number of shards, which is not 0"
    )]
    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        // The upper half: the maps inside use the lower bits of the same hash.
        let hash = FxBuildHasher.hash_one(key) >> 32;
        lock(&self.shards[hash as usize % self.shards.len()])
    }
}

impl Shared for LocalShared {
    fn advance(&self, feeder: &str) -> Answer<u64> {
        Box::pin(ready(self.next(feeder)))
    }

    fn load(&self, key: &str) -> Answer<Option<Bytes>> {
        Box::pin(ready(self.get(key)))
    }

    fn store(&self, key: &str, value: Bytes) -> Answer<()> {
        Box::pin(ready(self.set(key, value, When::Always).map(|_| ())))
    }

    fn compare_and_store(&self, key: &str, expected: Option<Bytes>, value: Bytes) -> Answer<bool> {
        Box::pin(ready(self.set(key, value, When::ItIs(expected))))
    }

    fn remove(&self, key: &str) -> Answer<bool> {
        Box::pin(ready(self.take(key)))
    }
}

/// On what setting a value depends.
enum When {
    Always,
    /// The key has this value, or none.
    ItIs(Option<Bytes>),
}

/// The bytes that an entry counts.
const fn cost(key: &str, value: &Bytes) -> usize {
    key.len() + value.len() + STORE_ENTRY_OVERHEAD_BYTES
}

fn check_key(key: &str) -> Result<(), DataError> {
    if key.is_empty() {
        return Err(DataError::InvalidName("the key is empty".to_owned()));
    }
    if key.len() > STORE_KEY_BYTES_MAX {
        return Err(DataError::InvalidName(format!(
            "the key is longer than {STORE_KEY_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

/// Nothing panics while it holds one of our locks, and what they guard is whole between any two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
