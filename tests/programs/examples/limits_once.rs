//! Misbehaves in one of the functions that run once: `init`, `join`, `leave` or `terminate`.
#![allow(clippy::panic, reason = "that is what this guest is for")]

use lt_sdk::prelude::*;

#[derive(Settings)]
struct How {
    /// Where
    #[setting(allowed("init", "join", "iterate", "leave", "terminate"))]
    place: String,
    /// How
    #[setting(allowed("fail", "panic", "loop", "sleep", "stop", "abort"))]
    manner: String,
}

struct Guest(How);

/// Only user 1 misbehaves; in `init` and `terminate` there is no user.
fn misbehave(place: &str) -> Result<()> {
    if user::setting("place").as_deref() != Some(place) || user::id() > 1 {
        return Ok(());
    }
    match user::setting("manner").as_deref() {
        Some("fail") => Err(Error::msg("it will not do")),
        Some("panic") => panic!("no way"),
        Some("loop") => loop {
            std::hint::black_box(place);
        },
        Some("sleep") => loop {
            timing::sleep(Duration::from_secs(3600));
        },
        Some("stop") => Err(Error::stop_user("enough for me")),
        _ => Err(Error::abort_run("enough for all")),
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = How;

    fn init(_run: &RunInfo) -> Result<Vec<u8>> {
        misbehave("init")?;
        Ok(Vec::new())
    }

    fn join(_user: &User, how: How) -> Result<Self> {
        misbehave("join")?;
        Ok(Self(how))
    }

    fn iterate(&mut self) -> Result<()> {
        log::debug!("{} in {}", self.0.manner, self.0.place);
        metrics::Counter::open("iterated")?.add(1)?;
        timing::sleep(Duration::from_millis(10));
        misbehave("iterate")
    }

    fn leave(self) -> Result<()> {
        metrics::Counter::open("left")?.add(1)?;
        misbehave("leave")
    }

    fn terminate() -> Result<()> {
        misbehave("terminate")
    }
}
