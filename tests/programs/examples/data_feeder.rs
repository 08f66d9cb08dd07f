//! Takes records from the feeder `accounts`, and tells by a check's name who got which.

use lt_sdk::data::{Error as DataError, Feeder, Order};
use lt_sdk::metrics::{Counter, Gauge};
use lt_sdk::prelude::*;
use lt_sdk::serde::Deserialize;

#[derive(Settings)]
struct Options {
    /// In which order; `none` leaves it to the run
    #[setting(
        default = "none",
        allowed("none", "sequential", "circular", "random", "unique", "disjoint")
    )]
    order: String,
    /// Records taken in one iteration
    #[setting(default = 1)]
    takes: u32,
    /// Whether each iteration ends in a panic, so that the user is rebuilt
    #[setting(default = false)]
    breaks: bool,
}

/// A record: any file with these fields will do.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct Account {
    name: String,
    age: Option<u32>,
}

struct Guest {
    takes: u32,
    breaks: bool,
    accounts: Feeder,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.feeder("accounts", "who may log in", &["name", "age"])
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        let accounts = match options.order.as_str() {
            "sequential" => Feeder::open_in_order("accounts", Order::Sequential)?,
            "circular" => Feeder::open_in_order("accounts", Order::Circular)?,
            "random" => Feeder::open_in_order("accounts", Order::Random)?,
            "unique" => Feeder::open_in_order("accounts", Order::Unique)?,
            "disjoint" => Feeder::open_in_order("accounts", Order::Disjoint)?,
            _ => Feeder::open("accounts")?,
        };
        Gauge::open("records")?.add(accounts.size() as f64)?;
        check!(
            "it has the fields",
            ["name", "age"]
                .iter()
                .all(|field| accounts.fields().iter().any(|found| found == field))
        );
        let Options { takes, breaks, .. } = options;
        Ok(Self {
            takes,
            breaks,
            accounts,
        })
    }

    fn iterate(&mut self) -> Result<()> {
        let last = self.accounts.size().saturating_sub(1);
        let before = self.accounts.at(last)?;
        for _ in 0..self.takes {
            let record = match self.accounts.next() {
                Err(DataError::Exhausted) => {
                    Counter::open("exhausted")?.add(1)?;
                    user::stop_self();
                    return Ok(());
                }
                record => record?,
            };
            let account: Account = record.deserialize()?;
            ensure!(record.require("name")? == account.name, "two names");
            let (me, name) = (user::id(), account.name.as_str());
            Counter::open("taken")?.add_tagged(1, &[("record", name)])?;
            Counter::open("years")?.add(account.age.unwrap_or(0))?;
            check!(&format!("user {me} got {name}"), true);
        }
        check!(
            "looking at a record does not take it",
            self.accounts.at(last)? == before
        );
        check!(
            "there are no more than there are",
            self.accounts.at(last + 1) == Err(DataError::Exhausted)
        );
        check!(
            "a feeder that was not given is an error",
            matches!(Feeder::open("nothing"), Err(DataError::NoSuch(_)))
        );
        assert!(!self.breaks, "as asked");
        Ok(())
    }
}
