//! Feeds a metric of every kind, checks and groups.
#![expect(clippy::mem_forget, reason = "a group that nobody ends")]

use lt_sdk::metrics::{Counter, Gauge, Kind, Rate, Trend, Unit};
use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        base.metric("orders", "Orders placed", Kind::Counter, Unit::None)
            .metric(
                "time_to_pay",
                "From cart to receipt",
                Kind::Trend,
                Unit::Time,
            )
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let kind = if it.number.is_multiple_of(2) {
            "even"
        } else {
            "odd"
        };
        Counter::open("orders")?.add_tagged(2, &[("kind", kind)])?;
        Gauge::open("queue_length")?.add(7.0)?;
        Rate::open("in_stock")?.add(it.number.is_multiple_of(4))?;
        Trend::open_unit("time_to_pay", Unit::Time)?.add_duration(Duration::from_millis(250))?;
        Trend::open_unit("picture_size", Unit::Data)?.add(2048.0)?;
        check!("always", true);
        check!("every second", it.number.is_multiple_of(2));
        group("outer", || {
            check!("in a group", true);
            group("inner", || timing::sleep(Duration::from_millis(5)));
        });
        // Left open: the host closes it.
        std::mem::forget(Group::start("open end"));
        Ok(())
    }
}
