//! Makes every mistake there is with metrics, and wants each told.

use lt_sdk::metrics::{Counter, Error as MetricError, Gauge, Trend, Unit};
use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn iterate(&mut self) -> Result<()> {
        for name in ["", "with blank", "with-dash", &"x".repeat(129)] {
            let opened = Counter::open(name);
            ensure!(
                matches!(opened, Err(MetricError::InvalidName(_))),
                "{name:?}: {opened:?}"
            );
        }
        let builtin = Counter::open("http_req_duration");
        ensure!(
            matches!(builtin, Err(MetricError::KindMismatch(_))),
            "a built-in: {builtin:?}"
        );
        Counter::open("mine")?;
        let other_kind = Gauge::open("mine");
        ensure!(
            matches!(other_kind, Err(MetricError::KindMismatch(_))),
            "other kind: {other_kind:?}"
        );
        let other_unit = Counter::open_unit("mine", Unit::Data);
        ensure!(
            matches!(other_unit, Err(MetricError::KindMismatch(_))),
            "other unit: {other_unit:?}"
        );
        let trend = Trend::open("numbers")?;
        for value in [f64::NAN, f64::INFINITY] {
            let added = trend.add(value);
            ensure!(
                matches!(added, Err(MetricError::InvalidValue(_))),
                "{added:?}"
            );
        }
        let too_many =
            (0..100_000).find_map(|number| Counter::open(&format!("one_of_many_{number}")).err());
        ensure!(
            too_many == Some(MetricError::TooManyMetrics),
            "without end: {too_many:?}"
        );
        Ok(())
    }
}
