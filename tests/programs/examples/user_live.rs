//! Does as its live settings say, as soon as they say it.

use lt_sdk::metrics::{Counter, Gauge};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// A number that is shown
    #[setting(default = 1, min = 0, max = 1000)]
    pace: Live<u32>,
    /// A text that is counted
    #[setting(default = "calm", allowed("calm", "busy"))]
    mood: Live<String>,
    /// Length of an iteration
    #[setting(default = "20ms")]
    pause: Duration,
}

struct Guest {
    options: Options,
    revision: u64,
    known: (u32, String),
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        let revision = user::settings_revision();
        let known = (options.pace.get()?, options.mood.get()?);
        Ok(Self {
            options,
            revision,
            known,
        })
    }

    fn iterate(&mut self) -> Result<()> {
        let revision = user::settings_revision();
        let now = (self.options.pace.get()?, self.options.mood.get()?);
        if now != self.known {
            Counter::open("changes")?.add(1)?;
        }
        // The revision was read first: it may be older than the values, never newer.
        check!(
            "values change with the revision",
            now == self.known || user::settings_revision() != self.revision
        );
        check!(
            "the value is what the host says",
            user::setting("pace") == Some(now.0.to_string())
                || user::settings_revision() != revision
        );
        Gauge::open("pace")?.add(f64::from(now.0))?;
        Counter::open(&now.1)?.add(1)?;
        (self.revision, self.known) = (revision, now);
        timing::sleep(self.options.pause);
        Ok(())
    }
}
