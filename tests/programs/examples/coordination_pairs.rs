//! Meets in pairs and exchanges messages, each of which says who writes, to whom, in which pair, and the how manieth it is.

use lt_sdk::coordination::{Group, Meeting};
use lt_sdk::metrics::{Counter, Trend, Unit};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Messages that each of a pair writes
    #[setting(default = 10)]
    messages: u32,
    /// How long to wait for a partner, and for an answer
    #[setting(default = "10s")]
    timeout: Duration,
}

struct Guest(Options);

impl Guest {
    /// The one who came first writes first.
    fn exchange(&self, pair: &Group) -> Result<()> {
        let (me, partner) = (pair.me().user, pair.partner().context("alone")?.user);
        let say = |from: u64, to: u64, number: u32| {
            format!("{from} to {to} in {}: {number}", pair.number())
        };
        let received = Counter::open("messages")?;
        for number in 0..self.0.messages {
            if pair.position() == 0 {
                coordination::send(partner, say(me, partner, number))?;
            }
            let message = coordination::receive(self.0.timeout)?;
            received.add(1)?;
            let expected = say(partner, me, number);
            let fits = message.sender == partner && message.text() == Some(&expected);
            if !check!("the partner agrees, and messages keep their order", fits) {
                bail!("expected {expected:?}, got {:?}", message.text());
            }
            if pair.position() == 1 {
                coordination::send(partner, say(me, partner, number))?;
            }
        }
        Ok(())
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let name = user::id().to_string();
        let pair = Meeting::pairs("couples")?.join(&name, self.0.timeout)?;
        Counter::open("met")?.add(1)?;
        let partner = pair.partner().context("alone")?;
        check!("two meet", pair.size() == 2);
        check!("the partner is somebody else", partner.user != user::id());
        check!(
            "everyone brought their id",
            pair.members()
                .all(|member| member.text() == Some(&member.user.to_string()))
        );
        let start = timing::now();
        self.exchange(&pair)?;
        Trend::open_unit("exchange_time", Unit::Time)?.add_duration(start.elapsed())?;
        Ok(())
    }
}
