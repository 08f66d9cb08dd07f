//! One virtual user of {{name}}. lt-host runs as many copies of it as you ask for, each in a sandbox of its own.

use lt_sdk::prelude::*;

/// Each field is a setting: `lt-host run … --set base-url=http://127.0.0.1:8080`.
/// Its doc comment is what `lt-host describe` says of it.
#[derive(Settings)]
struct Options {
    /// Where the server is
    #[setting(default = "http://127.0.0.1:8080")]
    base_url: String,
    /// Shortest pause between two pages
    #[setting(default = "1s")]
    pause_min: Duration,
    /// Longest pause between two pages
    #[setting(default = "3s")]
    pause_max: Duration,
}

/// One user: what it keeps from one iteration to the next. Keep it small, there will be many.
struct Visitor {
    options: Options,
    hello: String,
}

#[lt_sdk::scenario]
impl Scenario for Visitor {
    type Settings = Options;

    /// Once for each user, before its first iteration. `user` has its id, role and seed.
    fn join(user: &User, options: Options) -> Result<Self> {
        log::debug!("user {} joins", user.id);
        let hello = format!("{}/hello", options.base_url);
        Ok(Self { options, hello })
    }

    /// What a user does, again and again until the run ends. An error fails the iteration, and the user goes on.
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        // Every request is timed by the host; `name` groups requests in the summary.
        let response = http::get(&self.hello).name("hello").send()?;

        // A failed check is counted and does not end the iteration.
        check!(response, {
            "status is 200" => |r| r.status() == 200,
            "says something" => |r| r.body_length() > 0,
        });

        // People look at a page before they go on. A run with the same `--seed` waits the same times.
        timing::sleep(it.rng().think_time(self.options.pause_min..self.options.pause_max));
        Ok(())
    }
}
