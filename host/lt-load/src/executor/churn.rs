//! `churn`: a constant number of users at a time; each that ends is replaced by a new identity.

use std::time::Duration;

use lt_spec::profile::Climb;
use lt_spec::spec::Churn;

use super::closed::{Closed, Plan, Vacancy};
use crate::roster::Roster;
use crate::vu::VuFactory;

/// Users start one interval apart, and one interval after the end of the user they replace. Positions go on counting, so a
/// new user has a new id.
pub(super) async fn run<F: VuFactory>(roster: &mut Roster<F>, load: &Churn) {
    let climb = Climb {
        at: Duration::ZERO,
        from: 0,
        to: load.users,
        interarrival: load.interval,
    };
    let vacancy = Vacancy::Renewed {
        after: load.interval,
        iterations: load.iterations,
    };
    Closed::new(roster, Plan::Climb(climb, 0), vacancy)
        .run()
        .await;
}
