//! Waits in all ways there are, and holds the host to its promise never to wake early.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

/// A wait of the tests.
const WAIT: Duration = Duration::from_millis(30);

#[lt_sdk::scenario]
impl Scenario for Guest {
    async fn iterate(&mut self) -> Result<()> {
        let start = timing::now();
        timing::sleep(WAIT);
        ensure!(start.elapsed() >= WAIT, "sleep woke early");
        let until = timing::now() + WAIT;
        timing::sleep_until(until);
        ensure!(timing::now() >= until, "sleep-until woke early");
        timing::sleep_until(start);
        let start = timing::now();
        timing::sleep_async(WAIT).await;
        ensure!(start.elapsed() >= WAIT, "the pollable was ready early");

        let start = timing::now();
        join!(
            timing::sleep_async(WAIT),
            timing::sleep_async(2 * WAIT),
            timing::sleep_async(3 * WAIT)
        );
        ensure!(start.elapsed() >= 3 * WAIT, "joined sleeps woke early");
        let first = select! {
            () = timing::sleep_async(100 * WAIT) => "long",
            () = timing::sleep_async(WAIT) => "short",
        };
        ensure!(first == "short", "the {first} sleep ended first");
        let late = futures::timeout(timing::sleep_async(100 * WAIT), WAIT).await;
        ensure!(late.is_err(), "the time did not run out");

        timing::sleep(Duration::ZERO);
        ensure!(
            timing::resolution() > Duration::ZERO,
            "time is never that fine"
        );
        // 2020-01-01: a clock before that is not set.
        ensure!(
            timing::wall_clock() > Duration::from_secs(1_577_836_800),
            "the wall clock is wrong"
        );
        Ok(())
    }
}
