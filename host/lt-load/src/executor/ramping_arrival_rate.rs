//! `ramping-arrival-rate`: iterations start at a rate that follows stages.

use lt_spec::spec::RampingArrivalRate;

use super::open::Open;
use crate::roster::Roster;
use crate::vu::VuFactory;

/// The n-th iteration starts when the rate says, if any user is idle then.
pub(super) async fn run<F: VuFactory>(roster: &mut Roster<F>, load: &RampingArrivalRate) {
    Open::new(roster, load.users).run().await;
}
