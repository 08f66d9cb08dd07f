//! Load shapes: one file each. Those whose users iterate by themselves stand on [`closed`], those that keep a rate on [`open`].

use lt_spec::spec::Load;

use crate::roster::Roster;
use crate::vu::VuFactory;

mod churn;
mod closed;
mod constant_arrival_rate;
mod constant_users;
mod open;
mod per_user_iterations;
mod ramping_arrival_rate;
mod ramping_users;
mod renewals;
mod shared_iterations;

/// Start this core's users as the load wants them; returns when all have ended.
pub(crate) async fn run<F: VuFactory>(roster: &mut Roster<F>) {
    let team = roster.shift.team.clone();
    match &team.scenario.load {
        Load::ConstantUsers(load) => constant_users::run(roster, load).await,
        Load::RampingUsers(load) => ramping_users::run(roster, load).await,
        Load::PerUserIterations(load) => per_user_iterations::run(roster, load).await,
        Load::SharedIterations(load) => shared_iterations::run(roster, load).await,
        Load::ConstantArrivalRate(load) => constant_arrival_rate::run(roster, load).await,
        Load::RampingArrivalRate(load) => ramping_arrival_rate::run(roster, load).await,
        Load::Churn(load) => churn::run(roster, load).await,
    }
}
