//! The users of one core: their tasks, how to reach each, and how each ended.

use std::rc::Rc;
use std::time::Duration;

use lt_metrics::TagsId;
use tokio::task::{AbortHandle, JoinSet};

use crate::drive::drive;
use crate::serve::serve;
use crate::shift::Shift;
use crate::stop::StopFlag;
use crate::vu::{Place, VuFactory, VuId};

/// Users spawned before others get their turn: building one takes some 50 µs, so a batch is 3 ms.
pub(crate) const SPAWN_BATCH: u64 = 64;

/// How a user's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was asked to, or the scenario ended.
    Asked,
    /// There were more users of an arrival rate than there may be; it has given its place back.
    Surplus,
    /// By itself: it said so, or was retired.
    Own,
    /// It had its iterations.
    Done,
    /// It could not be built, or not join.
    Unprepared,
    /// By force: it was dropped, or its task panicked.
    Dropped,
}

/// A user that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone {
    pub(crate) slot: u64,
    pub(crate) end: End,
}

/// How to reach a living user.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) flag: Rc<StopFlag>,
    abort: AbortHandle,
}

impl Handle {
    /// End the user: gracefully, or where it stands.
    pub(crate) fn end(&self, force: bool) {
        self.flag.ask();
        if force {
            self.flag.obey();
            self.abort.abort();
        }
    }
}

/// One life in the books, from the making of its task to its end, however that comes.
struct Entry {
    shift: Rc<Shift>,
    id: VuId,
    gone: Gone,
}

impl Entry {
    /// The life has come to its end in order.
    fn close(mut self, end: End) {
        self.gone.end = end;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shift.team.discharge(self.id);
        // The handle holds the task, whose future this is a part of: it must not go while the map is borrowed.
        let handle = self.shift.users.borrow_mut().remove(&self.gone.slot);
        self.shift.gone.borrow_mut().push_back(self.gone);
        drop(handle);
    }
}

/// The users of one core.
pub(crate) struct Roster<F> {
    pub(crate) shift: Rc<Shift>,
    factory: Rc<F>,
    pub(crate) tags: TagsId,
    tasks: JoinSet<()>,
}

impl<F: VuFactory> Roster<F> {
    pub(crate) fn new(shift: Rc<Shift>, factory: Rc<F>, tags: TagsId) -> Self {
        Self {
            shift,
            factory,
            tags,
            tasks: JoinSet::new(),
        }
    }

    /// Start a user that iterates by itself, `limit` times at most. It is due at `due`. No user lives in the slot. Nobody starts
    /// once another load has taken this one's place.
    pub(crate) fn start(&mut self, slot: u64, position: u64, due: Duration, limit: Option<u64>) {
        let Some((place, entry)) = self.enter(slot, position) else {
            return;
        };
        let flag = place.stop.clone();
        let (shift, factory) = (self.shift.clone(), self.factory.clone());
        let abort = self.tasks.spawn_local(async move {
            entry.close(drive(&shift, &*factory, place, due, limit).await);
        });
        self.keep(slot, Handle { flag, abort });
    }

    /// Start a user that waits for arrivals. One made before the start is counted as built once it is idle.
    pub(crate) fn start_server(&mut self, position: u64) {
        let Some((place, entry)) = self.enter(position, position) else {
            return;
        };
        let flag = place.stop.clone();
        let (shift, factory) = (self.shift.clone(), self.factory.clone());
        let tags = self.tags;
        let abort = self.tasks.spawn_local(async move {
            entry.close(serve(&shift, &*factory, place, tags).await);
        });
        self.keep(position, Handle { flag, abort });
    }

    fn enter(&self, slot: u64, position: u64) -> Option<(Place, Entry)> {
        let shift = &self.shift;
        let position = shift.team.take_up(position)?;
        let (id, is_new) = shift.team.ids.of(position);
        let id = VuId(id);
        shift.team.enlist(id, shift.core, slot);
        let place = Place {
            position,
            id,
            is_new,
            stop: StopFlag::new(shift.watch.clone()),
        };
        let end = End::Dropped;
        let entry = Entry {
            shift: shift.clone(),
            id,
            gone: Gone { slot, end },
        };
        Some((place, entry))
    }

    fn keep(&self, slot: u64, handle: Handle) {
        self.shift.users.borrow_mut().insert(slot, handle);
    }

    /// Wait until a user has ended; for ever if there is none.
    pub(crate) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            Some(ended) => {
                if ended.is_err_and(|error| error.is_panic()) {
                    self.shift.record_panic(self.tags);
                }
            }
            None => std::future::pending().await,
        }
    }

    /// Wait until all users have ended.
    pub(crate) async fn all_ended(&mut self) {
        while !self.is_empty() {
            self.ended().await;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Drop all users where they stand.
    pub(crate) async fn drop_all(&mut self) {
        self.tasks.abort_all();
        self.all_ended().await;
    }
}
