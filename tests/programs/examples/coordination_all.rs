//! Waits for everybody; some may not come.

use lt_sdk::coordination::Meeting;
use lt_sdk::metrics::{Counter, Trend, Unit};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Users up to this id stay away, and sleep instead
    #[setting(default = 0)]
    absent: u64,
    /// How long they sleep
    #[setting(default = "1s")]
    absence: Duration,
    /// How long the others wait
    #[setting(default = "10s")]
    timeout: Duration,
}

struct Guest {
    options: Options,
    users: u64,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn init(run: &RunInfo) -> Result<Vec<u8>> {
        Ok(run.users.to_string().into_bytes())
    }

    fn join(_user: &User, options: Options, state: &[u8]) -> Result<Self> {
        let users = std::str::from_utf8(state)?.parse()?;
        Ok(Self { options, users })
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.options;
        if user::id() <= options.absent {
            timing::sleep(options.absence);
            return Ok(());
        }
        let start = timing::now();
        let group = Meeting::all("start")?.join(b"", options.timeout)?;
        Trend::open_unit("waited", Unit::Time)?.add_duration(start.elapsed())?;
        Trend::open("group_size")?.add(group.size() as f64)?;
        Counter::open("met")?.add(1)?;
        check!("everybody is here", group.size() as u64 == self.users);
        check!(
            "whoever stays away is not",
            group.members().all(|member| member.user > options.absent)
        );
        Ok(())
    }
}
