//! User 1 ends itself, or the run, in its third iteration.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct How {
    /// How it ends
    #[setting(allowed("stop-self", "stop-user", "abort-run"))]
    how: String,
}

struct Guest(How);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = How;

    fn join(_user: &User, how: How) -> Result<Self> {
        Ok(Self(how))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        timing::sleep(Duration::from_millis(10));
        if user::id() > 1 || it.number < 2 {
            return Ok(());
        }
        metrics::Counter::open("third_iterations")?.add(1)?;
        match self.0.how.as_str() {
            "stop-self" => {
                user::stop_self();
                ensure!(user::should_stop(), "a user that stops itself should stop");
                Ok(())
            }
            "stop-user" => Err(Error::stop_user("I am done")),
            _ => Err(Error::abort_run("we are done")),
        }
    }

    fn leave(self) -> Result<()> {
        metrics::Counter::open("left")?.add(1)?;
        Ok(())
    }
}
