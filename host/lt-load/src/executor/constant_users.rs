//! `constant-users`: a fixed number of users, each iterating again and again.

use std::time::Duration;

use lt_spec::profile::Climb;
use lt_spec::spec::ConstantUsers;

use super::closed::{Closed, Plan, Vacancy};
use crate::roster::Roster;
use crate::vu::VuFactory;

/// Users start one interarrival apart.
pub(super) async fn run<F: VuFactory>(roster: &mut Roster<F>, load: &ConstantUsers) {
    let climb = Climb {
        at: Duration::ZERO,
        from: 0,
        to: load.users,
        interarrival: load.pace.interarrival,
    };
    let plan = Plan::Climb(climb, 0);
    Closed::new(roster, plan, Vacancy::Ends).run().await;
}
