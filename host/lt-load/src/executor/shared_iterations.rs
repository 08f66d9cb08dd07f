//! `shared-iterations`: a number of iterations that users share: whoever is free takes the next.

use std::time::Duration;

use lt_spec::profile::Climb;
use lt_spec::spec::SharedIterations;

use super::closed::{Closed, Plan, Vacancy};
use crate::roster::Roster;
use crate::vu::VuFactory;

/// Users start one interarrival apart; all end with the budget of the team.
pub(super) async fn run<F: VuFactory>(roster: &mut Roster<F>, load: &SharedIterations) {
    let climb = Climb {
        at: Duration::ZERO,
        from: 0,
        to: load.users,
        interarrival: load.pace.interarrival,
    };
    let plan = Plan::Climb(climb, 0);
    Closed::new(roster, plan, Vacancy::Ends).run().await;
}
