//! Some users are lost, and others go on.
#![allow(clippy::panic, reason = "that is what this guest is for")]

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Users up to this id are lost
    #[setting(default = 1)]
    lost: u64,
    /// In what way
    #[setting(default = "panic", allowed("panic", "fail", "join", "stop"))]
    how: String,
    /// In the iteration with this number
    #[setting(default = 0)]
    iteration: u64,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(user: &User, options: Options) -> Result<Self> {
        Counter::open("joined")?.add(1)?;
        if options.how == "join" && user.id <= options.lost {
            bail!("it does not get in");
        }
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let Options {
            lost,
            how,
            iteration,
        } = &self.0;
        let me = user::id().to_string();
        Counter::open("begun")?.add_tagged(1, &[("user", &me)])?;
        timing::sleep(Duration::from_millis(10));
        if user::id() <= *lost && it.number == *iteration {
            match how.as_str() {
                "panic" => panic!("it is lost"),
                "fail" => bail!("it failed"),
                "stop" => return Err(Error::stop_user("it had enough")),
                _ => {}
            }
        }
        Counter::open("ended")?.add(1)?;
        Ok(())
    }

    fn leave(self) -> Result<()> {
        Ok(Counter::open("left")?.add(1)?)
    }
}
