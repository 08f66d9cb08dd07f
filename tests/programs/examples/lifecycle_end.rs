//! Tells a server when it begins and when it is over, whatever happens between.
#![allow(clippy::panic, reason = "one of the things that happen")]

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// The server, without a path
    url: String,
    /// How `init` ends
    #[setting(default = "pass", allowed("pass", "fail", "panic", "abort"))]
    init: String,
    /// What user 1 does in its first iteration
    #[setting(default = "rest", allowed("rest", "abort", "panic"))]
    iterate: String,
}

struct Guest(Options);

fn tell(what: &str) -> Result<()> {
    let url = user::setting("url").context("the setting is required")?;
    http::get(format!("{url}/{what}")).send()?;
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        tell("init")?;
        match options.init.as_str() {
            "fail" => bail!("it does not begin"),
            "panic" => panic!("it does not begin"),
            "abort" => return Err(Error::abort_run("it does not begin")),
            _ => {}
        }
        // Not text: every byte there is.
        Ok((0..=255).collect())
    }

    fn join(_user: &User, options: Options, state: &[u8]) -> Result<Self> {
        ensure!(state.iter().copied().eq(0..=255), "join got {state:?}");
        Counter::open("joined")?.add(1)?;
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        if user::id() == 1 {
            match self.0.iterate.as_str() {
                "abort" => return Err(Error::abort_run("it is enough")),
                "panic" => panic!("it is lost"),
                _ => {}
            }
        }
        http::get(format!("{}/iterate", self.0.url)).send()?;
        while !user::should_stop() {
            timing::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn leave(self) -> Result<()> {
        tell("leave")
    }

    fn terminate(state: &[u8]) -> Result<()> {
        let whole = state.iter().copied().eq(0..=255);
        tell(&format!("terminate?bytes={}&whole={whole}", state.len()))
    }
}
