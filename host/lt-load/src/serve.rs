//! The life of a user of an arrival rate: build, join, then an iteration whenever one is due and it is its turn.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use lt_metrics::{TagsId, builtin};

use crate::drive::{is_over, judge, leave, mend, once, prepared, ready, renew};
use crate::moves::Away;
use crate::phase::Phase;
use crate::roster::End;
use crate::shift::Shift;
use crate::stop::StopFlag;
use crate::vu::{Place, Vu, VuFactory};

/// A user that takes arrivals, as those who hand them out see it.
///
/// A core's count of idle users may fall before the user is taken from the queue (an arrival is on its way from another
/// core), so the queue holds at least as many as the count says.
pub(crate) struct Server {
    flag: Rc<StopFlag>,
    /// Whether it waits in the queue. One that has gone stays there, and is passed over.
    idle: Cell<bool>,
    /// The arrival it was given: when that was due.
    work: Cell<Option<Duration>>,
    /// Whether it is one too many.
    surplus: Cell<bool>,
}

impl Server {
    pub(crate) fn is_idle(&self) -> bool {
        self.idle.get()
    }

    /// End an idle user that is one too many: it has given its place back already.
    pub(crate) fn dismiss(&self) {
        self.surplus.set(true);
        self.flag.ask();
    }
}

impl Shift {
    /// A user that was made in the background is idle, or has ended.
    pub(crate) fn made(&self, position: u64) {
        if self.making.get() == Some(position) {
            self.making.set(None);
        }
    }

    /// Give an arrival to the user that has been idle longest; it was reserved. `false` if it has gone meanwhile.
    pub(crate) fn assign(&self, due: Duration) -> bool {
        loop {
            let Some(server) = self.idle.borrow_mut().pop_front() else {
                return false;
            };
            if server.idle.replace(false) {
                server.work.set(Some(due));
                server.flag.wake();
                return true;
            }
        }
    }

    /// So many iterations are due and nobody is there to start them.
    #[expect(
        clippy::cast_precision_loss,
        reason = "far below 2^53: years at the highest rate"
    )]
    pub(crate) fn drop_iterations(&self, tags: TagsId, count: u64) {
        if count == 0 {
            return;
        }
        self.counters().drop_iterations(count);
        self.recorder
            .borrow_mut()
            .record(builtin::DROPPED_ITERATIONS, tags, count as f64);
    }
}

/// A user's presence in the queue; leaves it in order however the user ends.
struct Standby {
    shift: Rc<Shift>,
    server: Rc<Server>,
    tags: TagsId,
}

impl Standby {
    fn offer(&self) {
        self.server.idle.set(true);
        let mut idle = self.shift.idle.borrow_mut();
        idle.push_back(self.server.clone());
        self.shift.team.offer(self.shift.core);
    }

    /// Leave the queue for a while; not if the others would not suffice, or if an arrival is on its way for which this user may be
    /// needed.
    fn withdraw(&self) -> Option<Away<'_>> {
        let (team, core) = (&self.shift.team, self.shift.core);
        let others_idle = team.idle(core).saturating_sub(1);
        if !self.server.is_idle() || !self.shift.moves.may_leave(others_idle) || !team.reserve(core)
        {
            return None;
        }
        self.server.idle.set(false);
        let mut idle = self.shift.idle.borrow_mut();
        idle.retain(|server| !Rc::ptr_eq(server, &self.server));
        Some(self.shift.moves.leave())
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        if self.server.idle.replace(false) {
            // If this fails, an arrival is on its way for which one user fewer is there: another takes it, or it is dropped.
            let _reserved = self.shift.team.reserve(self.shift.core);
        }
        if self.server.work.take().is_some() {
            self.shift.drop_iterations(self.tags, 1);
        }
    }
}

/// Take one user of an arrival rate through its life. It joins as soon as it is built, before the start if it is made
/// before the start: a rate needs users that are ready. `tags` are those of dropped iterations.
pub(crate) async fn serve<F: VuFactory>(
    shift: &Rc<Shift>,
    factory: &F,
    place: Place,
    tags: TagsId,
) -> End {
    let (id, position, flag) = (place.id, place.position, place.stop.clone());
    let counted = shift.counters().building();
    let built = factory.build(place).await;
    let Some(mut vu) = ready(shift, id, built) else {
        return End::Unprepared;
    };
    let _active = shift.counters().enter();
    let joined = vu.join().await;
    let Ok(()) = prepared(shift, joined) else {
        return End::Unprepared;
    };
    shift.team.note_joined();
    let standby = Standby {
        shift: shift.clone(),
        server: Rc::new(Server {
            flag: flag.clone(),
            idle: Cell::new(false),
            work: Cell::new(None),
            surplus: Cell::new(false),
        }),
        tags,
    };
    standby.offer();
    drop(counted);
    shift.made(position);
    let mut end = take_arrivals(shift, &standby, &mut vu).await;
    if standby.server.surplus.get() {
        // Whatever became of an arrival that it was given after it was dismissed.
        end = End::Surplus;
    }
    flag.obey();
    drop(standby);
    leave(shift, &mut vu).await;
    end
}

/// Start what is due when it is this user's turn, until it ends.
async fn take_arrivals<V: Vu>(shift: &Rc<Shift>, standby: &Standby, vu: &mut V) -> End {
    let server = &standby.server;
    let mut number = 0;
    let mut has_failed = false;
    let mut is_overdue = false;
    loop {
        let due = match next_arrival(shift, standby, vu, &mut has_failed).await {
            Ok(due) => due,
            Err(end) => return end,
        };
        let outcome = once(shift, vu, number, shift.instant_of(due)).await;
        if let Some(end) = judge(shift, outcome, &mut has_failed) {
            return end;
        }
        number += 1;
        if is_over(shift, &server.flag) {
            return End::Asked;
        }
        // An outdated user is renewed now. If nobody else is idle it may take one more arrival before.
        let is_outdated = vu.is_outdated();
        let may_go = || is_overdue || shift.moves.may_leave(shift.team.idle(shift.core));
        let goes = is_outdated && may_go();
        is_overdue = is_outdated && !goes;
        // Both now, not when the next is due: a user that must be rebuilt is not idle.
        let ended = if goes {
            let _away = shift.moves.leave();
            shift.moves.turn().await;
            renew(shift, vu, &mut has_failed).await
        } else {
            mend(shift, vu, &mut has_failed).await
        };
        if let Some(end) = ended {
            return end;
        }
        if shift.team.release_surplus(shift.users_max()) {
            return End::Surplus;
        }
        standby.offer();
        // An iteration that never waits must not starve its neighbours.
        tokio::task::coop::consume_budget().await;
    }
}

/// Wait for an arrival, being renewed meanwhile if that is due; or how the user is to end. What it was given before the end came,
/// it starts.
async fn next_arrival<V: Vu>(
    shift: &Shift,
    standby: &Standby,
    vu: &mut V,
    has_failed: &mut bool,
) -> Result<Duration, End> {
    let server = &standby.server;
    let mut was_called = false;
    loop {
        let is_called = std::mem::take(&mut was_called);
        let is_asked = server.flag.is_asked() || shift.phase() >= Phase::Draining;
        let work = server.work.take();
        if is_called && (is_asked || work.is_some()) {
            shift.moves.call();
        }
        if let Some(due) = work {
            return Ok(due);
        }
        if is_asked && server.surplus.get() {
            return Err(End::Surplus);
        }
        if is_asked {
            return Err(End::Asked);
        }
        let is_outdated = vu.is_outdated();
        if is_outdated && let Some(_away) = standby.withdraw() {
            shift.moves.turn().await;
            if let Some(end) = renew(shift, vu, has_failed).await {
                return Err(end);
            }
            if shift.team.release_surplus(shift.users_max()) {
                return Err(End::Surplus);
            }
            standby.offer();
            continue;
        }
        tokio::select! {
            () = server.flag.changed() => {}
            () = shift.moves.called(), if is_outdated => was_called = true,
        }
    }
}
