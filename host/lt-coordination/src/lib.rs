//! Users who meet: budgets they share, groups they form, messages they pass, deliveries they measure.
//!
//! [`Coordination`] is what the rest of the host knows; [`Local`] serves it inside one process. Another implementation may
//! serve it for many hosts, so nothing here assumes that all users are in this process: what may need an answer from
//! elsewhere returns an [`Answer`].
//!
//! Each part is a pure value that decides and a thin shell that has the lock, the clock and the wakers:
//!
//! | part | decides | shell |
//! |---|---|---|
//! | throttles | `pace` (when turns fall due), `line` (who goes) | `throttle` |
//! | meetings | `plan` (what can be), `gathering` (who meets) | `meeting` |
//! | mailboxes | – | `mailbox` |
//! | deliveries | `ledger` | `delivery` |
//! | audiences | `presence` (who is to receive) | `audience`, `entry` (the handles of one user) |
//!
//! Locks are held for moments, never across a wait, and nobody is woken while one is held.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod api;
mod audience;
mod delivery;
mod entry;
mod gathering;
mod ledger;
mod line;
mod local;
mod mailbox;
mod meeting;
mod pace;
mod plan;
mod presence;
mod throttle;
mod weight;

#[cfg(test)]
mod tests;

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::Waker;

use rustc_hash::FxBuildHasher;

pub use api::*;
pub use entry::{Entries, Entry};
pub use local::{Local, LocalOptions};

/// Parts into which a table is cut so that cores seldom want the same lock: a few times the cores of a large machine.
const SHARDS: usize = 64;

/// Take a lock. What a panic left behind is used as it is: every change under a lock is complete in itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Take a lock for reading.
fn read<T>(table: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    table.read().unwrap_or_else(PoisonError::into_inner)
}

/// Take a lock for writing.
fn write<T>(table: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    table.write().unwrap_or_else(PoisonError::into_inner)
}

/// The part that a key belongs to.
fn shard<'a, T>(shards: &'a [T; SHARDS], key: &(impl Hash + ?Sized)) -> &'a T {
    use std::hash::BuildHasher;
    // Bits that the shard's own table does not use: the lower ones place the key there, the upper seven tag it.
    let index = (FxBuildHasher.hash_one(key) >> 50) as usize % SHARDS;
    let [first, ..] = shards;
    shards.get(index).unwrap_or(first)
}

/// Remember whom to wake. Hands out the waker that it replaces, to be dropped where no lock is held.
fn remember(slot: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match slot {
        Some(known) if known.will_wake(waker) => None,
        _ => slot.replace(waker.clone()),
    }
}

/// Wake everybody. No lock is held.
fn wake_all(wakers: impl IntoIterator<Item = Option<Waker>>) {
    for waker in wakers.into_iter().flatten() {
        waker.wake();
    }
}
