//! Every function, with everything that the contract gives it, blocking.

use lt_sdk::prelude::*;
use lt_sdk::settings::{Kind, SettingValue};

#[derive(Settings)]
struct Options {
    /// Where
    #[setting(default = "http://127.0.0.1:8080")]
    base_url: String,
    /// How long
    #[setting(default = "1m30s", min = "1s", max = "1h")]
    pause: Duration,
    /// How many
    #[setting(default = -3, min = -10, max = 10)]
    count: i8,
    /// How much
    #[setting(default = 1.5)]
    rate: Live<f64>,
    /// Which
    #[setting(default = "card", allowed("card", "invoice"), name = "pay-by")]
    payment: String,
    #[setting(default = true, live)]
    flag: bool,
    login: Option<String>,
    limit: Option<u32>,
    /// Of our own
    #[setting(default = "red")]
    colour: Colour,
    #[setting(secret)]
    password: String,
}

enum Colour {
    Red,
    Blue,
}

impl SettingValue for Colour {
    const KIND: Kind = Kind::Text;
    const ALLOWED: &'static [&'static str] = &["red", "blue"];

    fn parse(text: &str) -> Option<Self> {
        match text {
            "red" => Some(Self::Red),
            "blue" => Some(Self::Blue),
            _ => None,
        }
    }
}

struct Everything {
    options: Options,
    state: Vec<u8>,
}

#[lt_sdk::scenario]
impl Scenario for Everything {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.doc("Everything").role("reader", "reads", Share::Weight(3))
    }

    fn init(run: &RunInfo, settings: &Options) -> Result<Vec<u8>> {
        ensure!(run.users > 0, "no users for {}", settings.base_url);
        Ok(run.id.clone().into_bytes())
    }

    fn join(user: &User, options: Options, state: &[u8]) -> Result<Self> {
        let _ = (user.id, &options.login, options.limit, options.flag, &options.payment, &options.password);
        Ok(Self { options, state: state.to_vec() })
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        if it.number > 3 {
            return Err(Error::stop_user("enough"));
        }
        let _ = (self.options.rate.get()?, self.options.pause, self.options.count, self.state.len());
        match self.options.colour {
            Colour::Red => bail!("red"),
            Colour::Blue => Ok(()),
        }
    }

    fn leave(self) -> Result<()> {
        Ok(drop(self.state))
    }

    fn terminate(state: &[u8]) -> Result<()> {
        ensure!(!state.is_empty(), "nothing to clean up");
        Ok(())
    }
}

fn main() {
    let names: Vec<_> = Options::declarations().into_iter().map(|setting| setting.name).collect();
    let expected = ["base-url", "pause", "count", "rate", "pay-by", "flag", "login", "limit", "colour", "password"];
    assert_eq!(names, expected);
    let count = &Options::declarations()[2];
    assert_eq!(count.default.as_deref(), Some("-3"));
    assert_eq!((count.minimum.as_deref(), count.maximum.as_deref()), (Some("-10"), Some("10")));
    assert_eq!(count.doc, "How many");
    assert_eq!(Options::declarations()[8].allowed, ["red", "blue"]);
}
