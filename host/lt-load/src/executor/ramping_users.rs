//! `ramping-users`: a number of users that follows stages (k6's `ramping-vus`).

use lt_spec::profile::Ramp;
use lt_spec::spec::RampingUsers;

use super::closed::{Closed, Plan, Vacancy};
use crate::roster::Roster;
use crate::vu::VuFactory;

/// Users start and stop one by one, as the stages want; the last to start is the first to stop. One that is not wanted any
/// more may end its iteration within the graceful ramp-down, and goes on if it is wanted again before that.
pub(super) async fn run<F: VuFactory>(roster: &mut Roster<F>, load: &RampingUsers) {
    let plan = Plan::Ramp(Box::new(Ramp::new(load)));
    let closed = Closed::new(roster, plan, Vacancy::Waits);
    closed.graceful(load.graceful_ramp_down).run().await;
}
