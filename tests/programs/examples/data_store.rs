//! Counts with all others in one key, and keeps a session of its own from run to run.

use lt_sdk::data::Error as DataError;
use lt_sdk::metrics::{Counter, Gauge};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Whether to forget the session at the end
    #[setting(default = false)]
    forgets: bool,
}

struct Guest {
    options: Options,
    session: String,
}

/// What is no value or key is an error of its kind.
fn mistakes() -> Result<()> {
    let long = "k".repeat(1025);
    check!(
        "a key must have a name",
        matches!(data::load(""), Err(DataError::InvalidName(_)))
    );
    check!(
        "a key has an end",
        matches!(data::store(&long, "x"), Err(DataError::InvalidName(_)))
    );
    check!(
        "a value has an end",
        matches!(
            data::store("large", vec![0; (1 << 20) + 1]),
            Err(DataError::TooLarge(_))
        )
    );
    data::store("bytes", [0xff])?;
    check!(
        "bytes are no text",
        data::load_text("bytes") == Err(DataError::NotText)
    );
    check!(
        "what is not there is nothing",
        data::load("nothing")?.is_none()
    );
    check!("and cannot be removed", !data::remove("nothing")?);
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(user: &User, options: Options) -> Result<Self> {
        let session = format!("session-{}", user.id);
        let found = data::load_text(&session)?;
        if let Some(text) = &found {
            check!(
                "the session is this user's",
                *text == format!("of {}", user.id)
            );
            Counter::open("sessions_found")?.add(1)?;
        } else {
            Counter::open("sessions_made")?.add(1)?;
            let made = data::compare_and_store(&session, None, format!("of {}", user.id))?;
            ensure!(made, "it was not there, and yet it was");
        }
        check!(
            "what is there is not made again",
            !data::compare_and_store(&session, None, "another")?
        );
        Ok(Self { options, session })
    }

    fn iterate(&mut self) -> Result<()> {
        let text = data::update("visits", |old| {
            let old: u64 = old
                .and_then(|old| std::str::from_utf8(old).ok()?.parse().ok())
                .unwrap_or(0);
            (old + 1).to_string().into_bytes()
        })?;
        let visits: u32 = std::str::from_utf8(&text)?.parse()?;
        Gauge::open("visits")?.add(f64::from(visits))?;
        mistakes()
    }

    fn leave(self) -> Result<()> {
        if self.options.forgets {
            check!("the session was there", data::remove(&self.session)?);
        }
        Ok(())
    }
}
