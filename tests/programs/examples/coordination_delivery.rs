//! Marks messages as sent and received, as they should be and not.

use lt_sdk::coordination::{
    mark_received, mark_received_at, mark_sent, mark_sent_at, mark_sent_to,
};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// What becomes of a message
    #[setting(
        default = "received",
        allowed("received", "timed", "duplicate", "lost", "partly", "early", "unsent")
    )]
    fate: String,
}

struct Guest(Options);

/// Between sending and receiving, by the marks of `timed`.
const TOOK: Duration = Duration::from_millis(250);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let id = format!("{}-{}", user::id(), it.number);
        match self.0.fate.as_str() {
            "received" => {
                mark_sent(&id)?;
                timing::sleep(Duration::from_millis(5));
                let took = mark_received(&id)?.context("the time to delivery is not known")?;
                check!("the time is that between", took >= Duration::from_millis(5));
            }
            "timed" => {
                mark_sent_at(&id, 1, it.actual_start)?;
                let took = mark_received_at(&id, it.actual_start + TOOK)?;
                check!("the time is that of the marks", took == Some(TOOK));
            }
            "duplicate" => {
                mark_sent(&id)?;
                mark_received(&id)?;
                mark_received(&id)?;
                mark_received(&id)?;
            }
            "lost" => mark_sent(&id)?,
            // Three should have got it, and one did.
            "partly" => {
                mark_sent_to(&id, 3)?;
                mark_received(&id)?;
            }
            "early" => {
                let took = mark_received(&id)?;
                check!("the time is not known yet", took.is_none());
                mark_sent_at(&id, 1, it.intended_start)?;
            }
            _ => drop(mark_received(&id)?),
        }
        Ok(())
    }
}
