//! The simplest load: every user asks for one URL again and again.

use lt_sdk::prelude::*;

/// What `--set` can change.
#[derive(Settings)]
struct Target {
    /// What to ask for
    #[setting(default = "http://127.0.0.1:8080/hello")]
    url: String,
    /// Pause after each request
    #[setting(default = "0s")]
    think_time: Duration,
}

/// A user that knows nothing but its target.
struct Visitor {
    target: Target,
}

#[lt_sdk::scenario]
impl Scenario for Visitor {
    type Settings = Target;

    fn join(_user: &User, target: Target) -> Result<Self> {
        Ok(Self { target })
    }

    fn iterate(&mut self) -> Result<()> {
        let response = http::get(&self.target.url).send()?;
        check!("status is 200", response.status() == 200);
        if !self.target.think_time.is_zero() {
            timing::sleep(self.target.think_time);
        }
        Ok(())
    }
}
