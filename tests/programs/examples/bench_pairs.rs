//! Meets in pairs and exchanges messages, for the bench: who finishes says so, and who does not is lost.

use lt_sdk::coordination::Meeting;
use lt_sdk::metrics::{Counter, Trend, Unit};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Messages that each of a pair writes
    #[setting(default = 10)]
    messages: u32,
    /// How long to wait for a partner, and for an answer
    #[setting(default = "1m")]
    timeout: Duration,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    /// Who came first writes first; each answers what it got.
    fn iterate(&mut self) -> Result<()> {
        let pair = Meeting::pairs("pairs")?.join([], self.0.timeout)?;
        let partner = pair.partner().context("alone")?.user;
        let start = timing::now();
        for number in 0..self.0.messages {
            if pair.position() == 0 {
                coordination::send(partner, number.to_le_bytes())?;
            }
            let message = coordination::receive(self.0.timeout)?;
            ensure!(
                message.sender == partner,
                "a stranger wrote: {}",
                message.sender
            );
            ensure!(
                message.content == number.to_le_bytes(),
                "message {number} is {:?}",
                message.content
            );
            if pair.position() != 0 {
                coordination::send(partner, number.to_le_bytes())?;
            }
        }
        Trend::open_unit("exchange_time", Unit::Time)?.add_duration(start.elapsed())?;
        Counter::open("finished")?.add(1)?;
        Ok(())
    }
}
