//! Who is present in one audience, and what was sent to it that somebody has not received: pure; the shell around it
//! (`audience.rs`) has the locks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::time::Instant;

use crate::ledger::{Members, Owed, Roll};

/// How long it is known when somebody entered: what is marked as sent was sent at most so long ago, or is taken for sent then.
const ENTRIES_KEPT: Duration = Duration::from_secs(1);
/// Things that are put up with before those that nobody misses are looked for.
const SETTLED_MIN: usize = 64;

/// Who is present. Members are sorted and shared with what was sent to them, so that sending copies them only after a change.
#[derive(Debug)]
pub(crate) struct Presence {
    members: Members,
    /// When users entered lately, the latest last.
    entries: VecDeque<(Instant, u64)>,
    /// Those who are not present any more, but of whom nobody has said what becomes of what was sent to them.
    undecided: FxHashSet<u64>,
    owed: Vec<Owed>,
    /// As many things as are kept before settled ones are dropped.
    owed_max: usize,
}

impl Presence {
    /// Nobody is present.
    pub(crate) fn new() -> Self {
        Self {
            members: Members::default(),
            entries: VecDeque::new(),
            undecided: FxHashSet::default(),
            owed: Vec::new(),
            owed_max: SETTLED_MIN,
        }
    }

    /// Whether this user is present.
    pub(crate) fn contains(&self, user: u64) -> bool {
        self.members.binary_search(&user).is_ok()
    }

    /// This user is present from now on. Returns whether it was not before.
    pub(crate) fn enter(&mut self, user: u64) -> bool {
        self.undecided.remove(&user);
        let Err(index) = self.members.binary_search(&user) else {
            return false;
        };
        Arc::make_mut(&mut self.members).insert(index, user);
        let now = Instant::now();
        while let Some((at, _)) = self.entries.front()
            && now.saturating_duration_since(*at) > ENTRIES_KEPT
        {
            self.entries.pop_front();
        }
        self.entries.push_back((now, user));
        true
    }

    /// This user is not present any more. Returns whether it was.
    pub(crate) fn leave(&mut self, user: u64) -> bool {
        let Ok(index) = self.members.binary_search(&user) else {
            return false;
        };
        Arc::make_mut(&mut self.members).remove(index);
        true
    }

    /// What was sent to this user is to be settled later.
    pub(crate) fn postpone(&mut self, user: u64) {
        self.undecided.insert(user);
    }

    /// What was sent to this user is settled now. Returns whether that was postponed.
    pub(crate) fn settle(&mut self, user: u64) -> bool {
        self.undecided.remove(&user)
    }

    /// Everyone present since this moment, but this user: who entered while it was being sent did not see it.
    pub(crate) fn roll(&self, but: Option<u64>, since: Instant) -> Roll {
        let mut roll = Roll::new(Arc::clone(&self.members), but);
        let later = self.entries.iter().rev();
        for (_, user) in later.take_while(|(at, _)| *at > since) {
            roll.release(*user);
        }
        roll
    }

    /// Something was sent. A little work now and then drops what everybody has, in proportion to what was sent.
    pub(crate) fn sent(&mut self, owed: Owed) {
        if !owed.is_open() {
            return;
        }
        self.owed.push(owed);
        if self.owed.len() > self.owed_max {
            self.owed.retain(Owed::is_open);
            self.owed_max = 2 * self.owed.len() + SETTLED_MIN;
        }
    }

    /// What somebody has not received yet; what everybody has is dropped.
    pub(crate) fn owed(&mut self) -> &[Owed] {
        self.owed.retain(Owed::is_open);
        &self.owed
    }
}
