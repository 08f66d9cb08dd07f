//! What each part decides, without a clock, and what users see, with a paused one.

mod audience;
mod delivery;
mod entry;
mod gathering;
mod ledger;
mod line;
mod mailbox;
mod meeting;
mod pace;
mod threads;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use crate::{Budget, Coordination, Local, LocalOptions, Population, Throttle, Turn, UserRef};

/// Coordination of users of whom nothing is known.
fn local() -> Arc<Local> {
    of(Population::default())
}

fn of(population: Population) -> Arc<Local> {
    Local::new(LocalOptions {
        seed: 1,
        delivery_timeout: Duration::from_secs(60),
        population,
    })
}

fn user(id: u64, role: &str) -> UserRef {
    UserRef {
        id,
        role: role.into(),
    }
}

fn rate(count: u64, interval: Duration) -> Budget {
    Budget::Rate { count, interval }
}

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

async fn throttle(budget: Budget) -> Arc<dyn Throttle> {
    local().open_throttle("t", budget).await.unwrap()
}

async fn ready(turn: &mut Box<dyn Turn>) {
    std::future::poll_fn(|cx| turn.poll_ready(cx)).await;
}

/// Wait for a turn and take it.
async fn pass(throttle: &Arc<dyn Throttle>) {
    let mut turn = throttle.queue().unwrap();
    ready(&mut turn).await;
    turn.take().unwrap();
}

/// Whether a turn has come, without waiting.
fn has_come(turn: &mut Box<dyn Turn>) -> bool {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    turn.poll_ready(&mut cx).is_ready()
}

/// Numbers that look random and are the same in each run.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}
