//! What a user's store holds.
//!
//! Deny by default: a user has no files, sockets, environment or arguments; HTTP, WebSockets, XMPP and RTMP only if its core gave it
//! a client; memory, CPU, handles, requests, groups and log lines each have a bound (`lt_spec::limits`).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lt_coordination::{Entries, Membership};
use lt_load::{StopFlag, VuId};
use lt_metrics::TagsId;
use lt_spec::limits::{HOSTCALL_BYTES_MAX, USER_LOG_LINES_PER_SECOND};
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::UpdateDeadline;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::core::{Core, GroupId};
use crate::enrolment::{Bed, Presence, lock};
use crate::io_link::IoLink;
use crate::limits::{HANDLES_MAX, MemoryLimiter};
use crate::meter::{Meter, Verdict};
use crate::pinned::Pinned;
use crate::trace::Trace;
use crate::wasi::{LastWords, deny_all};

/// Why the host ended a guest call: the root cause of the trap, found again by type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ended {
    /// The guest ran too long without waiting.
    #[error("used its CPU budget without waiting for anything")]
    Cpu,
    /// The guest asked for what it may not have.
    #[error("{0} is not available here")]
    Denied(&'static str),
}

/// One user's identity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    /// Its id.
    pub(crate) id: VuId,
    /// Its position in its scenario, counted from 0 in the order in which the load wants its users.
    pub(crate) position: u64,
    /// Whether it has no account yet.
    pub(crate) is_new: bool,
    /// Its role, as an index into the scenario's roles.
    pub(crate) role: u16,
    /// Seed of its random numbers.
    pub(crate) seed: u64,
}

/// A user's presence among the others, and its mailbox.
pub(crate) type Mailbox = Rc<RefCell<Box<dyn Membership>>>;

/// How many records a user took of each feeder. It is the user's and not its body's: one that is rebuilt does not get the same
/// records again.
pub(crate) type Taken = Rc<RefCell<Vec<(Arc<str>, u64)>>>;

/// How a trace tells the user from those of other scenarios. Who has no id is there for `init` and `terminate`.
fn traced_name(core: &Core, who: Identity) -> Arc<str> {
    let name = &core.run.spec.name;
    match (core.run.common.spec.scenarios.len(), who.id.0) {
        (..2, _) => Arc::from(""),
        (_, 0) => Arc::from(name.as_str()),
        (_, id) => Arc::from(format!("{name} {id}")),
    }
}

/// The data of one store.
pub(crate) struct UserCtx {
    /// Told of every call. First, so that what is cut off when the user ends is told before it is gone.
    pub(crate) trace: Trace,
    core: Pinned<Rc<Core>>,
    meter: Pinned<Rc<Meter>>,
    io: Option<Pinned<Rc<IoLink>>>,
    pub(crate) who: Identity,
    stop: Option<Pinned<Rc<StopFlag>>>,
    /// Whether the scenario's steady condition holds for this user.
    steady: bool,
    /// The user's presence among the others, if there is any and its scenario has begun.
    mailbox: Option<Pinned<Mailbox>>,
    /// Where it finds that once the scenario has begun.
    bed: Option<Bed>,
    taken: Pinned<Taken>,
    pub(crate) iteration: u64,
    pub(crate) stop_self: bool,
    /// Whether the user is in `leave`.
    pub(crate) leaving: bool,
    pub(crate) groups: Vec<(GroupId, Instant)>,
    pub(crate) log_budget: LogBudget,
    /// Bytes of bodies that the user's responses keep.
    pub(crate) bodies_bytes: usize,
    pub(crate) limits: MemoryLimiter,
    pub(crate) last_words: LastWords,
    /// Audiences that the user is present in.
    pub(crate) entries: Entries,
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
}

impl UserCtx {
    /// A context for a user of this core.
    pub(crate) fn new(
        core: Rc<Core>,
        meter: Rc<Meter>,
        io: Option<Rc<IoLink>>,
        who: Identity,
        stop: Option<Rc<StopFlag>>,
        taken: Taken,
    ) -> Self {
        let (wasi, last_words) = deny_all(who.id.0, who.seed);
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Self {
            trace: Trace::new(core.run.common.tracer.as_ref(), || traced_name(&core, who)),
            limits: MemoryLimiter::new(core.run.common.spec.user_limits.memory_bytes),
            core: Pinned::new(core),
            meter: Pinned::new(meter),
            io: io.map(Pinned::new),
            who,
            stop: stop.map(Pinned::new),
            steady: false,
            mailbox: None,
            bed: None,
            taken: Pinned::new(taken),
            iteration: 0,
            stop_self: false,
            leaving: false,
            groups: Vec::new(),
            log_budget: LogBudget::default(),
            bodies_bytes: 0,
            last_words,
            entries: Entries::default(),
            table,
            wasi,
        }
    }

    /// Make the store: limits, budget and epochs set.
    pub(crate) fn into_store(self, engine: &wasmtime::Engine) -> Store<Self> {
        let mut store = Store::new(engine, self);
        store.limiter(|ctx| &mut ctx.limits);
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|cx| match cx.data().meter.get().on_epoch() {
            Verdict::Continue => Ok(UpdateDeadline::Continue(1)),
            Verdict::Yield => Ok(UpdateDeadline::Yield(1)),
            Verdict::Exceeded => Err(Ended::Cpu.into()),
        });
        store
    }

    /// Whether the user is asked to end soon.
    pub(crate) fn should_stop(&self) -> bool {
        let asked = self
            .stop
            .as_ref()
            .is_some_and(|stop| stop.get().should_stop());
        asked || self.stop_self
    }

    /// The same for a wait that a user may well begin in `leave`, where it has long been asked to end.
    pub(crate) fn stop_flag_before_leave(&self) -> Option<Rc<StopFlag>> {
        self.stop_flag().filter(|_| !self.leaving)
    }

    /// What tells the user that it is to end; `init` and `terminate` have nothing of the kind.
    pub(crate) fn stop_flag(&self) -> Option<Rc<StopFlag>> {
        self.stop.as_ref().map(|stop| stop.get().clone())
    }

    /// The user was built: it is among the others from now on, or once its scenario has begun.
    pub(crate) fn enroll(&mut self) {
        let core = self.core();
        let user = core.user_ref(self.who);
        let others = &*core.run.common.coordination;
        match core.run.enrolment.built(others, user) {
            Presence::Awake(membership) => self.is_among(membership),
            Presence::Asleep(bed) => self.bed = Some(bed),
        }
    }

    /// The user joins: its scenario has begun.
    pub(crate) fn wake_up(&mut self) {
        let Some(bed) = self.bed.take() else { return };
        let run = &self.core().run;
        run.enrolment.begin(&*run.common.coordination);
        let membership = lock(&bed).take();
        if let Some(membership) = membership {
            self.is_among(membership);
        }
    }

    fn is_among(&mut self, membership: Box<dyn Membership>) {
        self.mailbox = Some(Pinned::new(Rc::new(RefCell::new(membership))));
    }

    /// The user's mailbox; `init` and `terminate` have none.
    pub(crate) fn mailbox(&self) -> Option<Mailbox> {
        self.mailbox.as_ref().map(|mailbox| mailbox.get().clone())
    }

    /// How many records the user took of each feeder.
    pub(crate) fn taken(&self) -> &Taken {
        self.taken.get()
    }

    /// Say whether the scenario's steady condition holds for this user.
    pub(crate) fn set_steady(&mut self, steady: bool) {
        if steady == self.steady {
            return;
        }
        self.steady = steady;
        let users = &self.core().run.steady_users;
        if steady {
            users.fetch_add(1, Ordering::Relaxed);
        } else {
            users.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The core this user lives on.
    pub(crate) fn core(&self) -> &Rc<Core> {
        self.core.get()
    }

    /// The user's I/O task, for this interface.
    pub(crate) fn io(&self, interface: &'static str) -> Result<Rc<IoLink>, Ended> {
        self.io
            .as_ref()
            .map(|io| io.get().clone())
            .ok_or(Ended::Denied(interface))
    }

    /// The group the user is in.
    pub(crate) fn group(&self) -> GroupId {
        self.groups
            .last()
            .map_or(GroupId::ROOT, |(group, _)| *group)
    }

    /// Tags of the user's samples: scenario, role and group.
    pub(crate) fn tags(&self) -> TagsId {
        self.core().tags_of_group(self.who.role, self.group())
    }
}

impl Drop for UserCtx {
    fn drop(&mut self) {
        // A user that is gone is not steady.
        self.set_steady(false);
    }
}

/// How many more log lines the user may write in this second.
#[derive(Debug, Default)]
pub(crate) struct LogBudget {
    window: Option<Instant>,
    written: u32,
}

impl LogBudget {
    /// Take one line; `false` if this second's are used up.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let fresh = self
            .window
            .is_none_or(|start| now - start >= Duration::from_secs(1));
        if fresh {
            self.window = Some(now);
            self.written = 0;
        }
        self.written += 1;
        self.written <= USER_LOG_LINES_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_capped_each_second() {
        let mut budget = LogBudget::default();
        let start = Instant::now();
        let kept = (0..100).filter(|_| budget.take(start)).count();
        assert_eq!(kept, USER_LOG_LINES_PER_SECOND as usize);
        assert!(budget.take(start + Duration::from_secs(1)));
    }
}
