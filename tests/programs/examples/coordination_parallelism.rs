//! Counts how many users hold a place at a time.
#![allow(clippy::mem_forget, clippy::panic, reason = "ways to lose a place")]

use lt_sdk::coordination::Throttle;
use lt_sdk::metrics::{Counter, Gauge};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Places
    #[setting(default = 3)]
    places: u32,
    /// How long a place is held
    #[setting(default = "20ms")]
    hold: Duration,
    /// How it is given back; `leave` never gives it back but by ending, `panic` by being lost
    #[setting(
        default = "permit",
        allowed("permit", "release", "drop", "leave", "panic")
    )]
    how: String,
}

struct Guest(Options);

/// The number of holders after one more came, or went.
fn holders(change: i64) -> Result<()> {
    let text = data::update("holders", |old| {
        let old: i64 = old
            .and_then(|old| std::str::from_utf8(old).ok()?.parse().ok())
            .unwrap_or(0);
        (old + change).to_string().into_bytes()
    })?;
    let now: u32 = std::str::from_utf8(&text)?.parse()?;
    Gauge::open("holders")?.add(f64::from(now))?;
    Ok(())
}

impl Guest {
    fn hold(&self) -> Result<()> {
        Counter::open("held")?.add(1)?;
        holders(1)?;
        timing::sleep(self.0.hold);
        holders(-1)
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let throttle = Throttle::parallelism("places", self.0.places)?;
        match self.0.how.as_str() {
            "permit" => {
                let _permit = throttle.permit()?;
                self.hold()
            }
            "release" => {
                throttle.wait()?;
                self.hold()?;
                throttle.release();
                // A place that is not held cannot be given back twice.
                throttle.release();
                Ok(())
            }
            "drop" => {
                throttle.wait()?;
                let held = self.hold();
                drop(throttle);
                held
            }
            "leave" => {
                throttle.wait()?;
                user::stop_self();
                let held = self.hold();
                // Kept until the user's sandbox ends.
                std::mem::forget(throttle);
                held
            }
            _ => {
                throttle.wait()?;
                self.hold()?;
                panic!("the place goes with the user");
            }
        }
    }
}
