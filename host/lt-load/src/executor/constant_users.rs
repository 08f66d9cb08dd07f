//! `constant-users`: a fixed number of users, each iterating again and again.

use std::rc::Rc;

use lt_metrics::TagsId;
use lt_spec::spec::ConstantUsers;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep_until;

use crate::drive::drive;
use crate::pacer::{user_start, users_of_core};
use crate::phase::Phase;
use crate::shift::Shift;
use crate::vu::{VuFactory, VuId};

/// Users spawned before others get their turn: building one takes some 50 µs, so a batch is 3 ms.
const SPAWN_BATCH: usize = 64;

/// Start this core's users when they are due; returns when all are started or the run ends.
///
/// `tags` are those of a task that panicked. Users that are due at the very start are built before the clock starts, as k6 does; the others at their time.
pub(crate) async fn start_users<F: VuFactory>(
    shift: &Rc<Shift>,
    factory: &Rc<F>,
    shape: &ConstantUsers,
    tasks: &mut JoinSet<()>,
    tags: TagsId,
) {
    let plan = &shift.plan;
    let mut spawned = 0;
    for index in users_of_core(plan.users, plan.core, plan.cores) {
        let due = user_start(index, shape.interarrival);
        if !due.is_zero() {
            let Some(clock) = shift.clock_started().await else {
                return;
            };
            let Some(at) = clock.checked_add(due) else {
                return;
            };
            tokio::select! {
                () = sleep_until(at) => {}
                () = shift.reached(Phase::Draining) => return,
            }
        }
        let (shift_of_user, factory) = (shift.clone(), factory.clone());
        let id = VuId(plan.first_user + index);
        shift.counters.spawned();
        tasks.spawn_local(async move { drive(&shift_of_user, &*factory, id, due).await });
        while let Some(ended) = tasks.try_join_next() {
            shift.reap(ended, tags);
        }
        spawned += 1;
        if spawned % SPAWN_BATCH == 0 {
            yield_now().await;
        }
    }
}
