//! What a run of this scenario counts: as metrics, and for the line at its end.
//!
//! That line tells of all users together, on however many hosts: they write what they saw into the run's store, in buckets so that few meet in one.

use std::collections::BTreeMap;

use lt_sdk::json::{self, Value};
use lt_sdk::metrics::{Counter, Gauge, Kind, Trend, Unit};
use lt_sdk::prelude::*;

/// Says for each user whether its stream goes on as it should: what `--steady` looks at.
pub(crate) const STREAMING: &str = "streaming";
const SESSIONS: &str = "sessions";
const TIME_TO_WATCH: &str = "time_to_watch";

/// How many keys of the store the users share.
const BUCKETS: u64 = 16;
/// Most pairs of code and URL in one bucket: whatever comes beyond is counted together.
const ERRORS_MAX: usize = 64;
/// Most bytes of the line at the end: the host takes no more.
const LINE_BYTES_MAX: usize = 4096;
/// Code and URL of what is counted together.
const OTHERS: &str = "others";

/// Declare the metrics, and which of them says that the run is steady.
pub(crate) fn declare(base: Description) -> Description {
    base.metric(
        STREAMING,
        "1 while a user's stream goes on as it should, 0 while it does not",
        Kind::Gauge,
        Unit::None,
    )
    .metric(
        SESSIONS,
        "Fans that began to sign in or to watch",
        Kind::Counter,
        Unit::None,
    )
    .metric(
        TIME_TO_WATCH,
        "From a fan's first request to its first frame",
        Kind::Trend,
        Unit::Time,
    )
    .steady_gauge(STREAMING)
}

/// Whether this user's stream goes on as it should. Said when it changes.
#[derive(Debug, Default)]
pub(crate) struct Streaming(bool);

impl Streaming {
    pub(crate) fn set(&mut self, streaming: bool) -> Result<()> {
        if std::mem::replace(&mut self.0, streaming) != streaming {
            Gauge::open(STREAMING)?.add(f64::from(u8::from(streaming)))?;
        }
        Ok(())
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    sessions: u64,
    established: u64,
    /// By code and URL.
    errors: BTreeMap<(String, String), u64>,
}

impl Tally {
    /// As JSON: that of the line at the end.
    fn write(&self) -> String {
        let mut errors: Vec<(String, Value)> = Vec::new();
        for ((code, url), &count) in &self.errors {
            let counted = (url.clone(), Value::from(count));
            match errors.last_mut() {
                Some((last, Value::Object(urls))) if last == code => urls.push(counted),
                _ => errors.push((code.clone(), Value::Object(vec![counted]))),
            }
        }
        lt_sdk::json!({
            "sessions": self.sessions,
            "established": self.established,
            "errors": Value::Object(errors),
        })
        .to_string()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let value: Value = json::from_slice(bytes).ok()?;
        let mut tally = Self {
            sessions: value["sessions"].as_u64()?,
            established: value["established"].as_u64()?,
            errors: BTreeMap::new(),
        };
        if let Value::Object(errors) = &value["errors"] {
            for (code, urls) in errors {
                let Value::Object(urls) = urls else { continue };
                for (url, count) in urls {
                    let key = (code.clone(), url.clone());
                    tally.errors.insert(key, count.as_u64()?);
                }
            }
        }
        Some(tally)
    }

    fn add_error(&mut self, code: &str, url: &str, count: u64) {
        let key = (code.to_owned(), url.to_owned());
        let known = self.errors.contains_key(&key);
        let key = if known || self.errors.len() < ERRORS_MAX {
            key
        } else {
            (OTHERS.to_owned(), OTHERS.to_owned())
        };
        *self.errors.entry(key).or_default() += count;
    }

    fn merge(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.established += other.established;
        for ((code, url), &count) in &other.errors {
            self.add_error(code, url, count);
        }
    }

    /// The line at the end, in as many bytes as it may have: what is rarest is counted together.
    fn line(mut self) -> String {
        loop {
            let line = self.write();
            if line.len() <= LINE_BYTES_MAX {
                return line;
            }
            let named = self.errors.iter().filter(|((code, _), _)| code != OTHERS);
            let Some(rarest) = named
                .min_by_key(|(_, count)| **count)
                .map(|(key, _)| key.clone())
            else {
                return line;
            };
            let count = self.errors.remove(&rarest).unwrap_or_default();
            let others = (OTHERS.to_owned(), OTHERS.to_owned());
            *self.errors.entry(others).or_default() += count;
        }
    }
}

fn key(bucket: u64) -> String {
    format!("influencer-fans tally {bucket}")
}

/// Change this user's bucket.
fn change(by: impl Fn(&mut Tally)) -> Result<()> {
    data::update(&key(user::id() % BUCKETS), |old| {
        let mut tally = old.and_then(Tally::read).unwrap_or_default();
        by(&mut tally);
        tally.write().into_bytes()
    })?;
    Ok(())
}

/// One more fan began.
pub(crate) fn session() -> Result<()> {
    Counter::open(SESSIONS)?.add(1)?;
    change(|tally| tally.sessions += 1)
}

/// One more fan's stream is established, or one less: what was established when its fan left, or the run ended, stays so.
pub(crate) fn established(established: bool) -> Result<()> {
    change(|tally| {
        tally.established = if established {
            tally.established + 1
        } else {
            tally.established.saturating_sub(1)
        };
    })
}

/// Something failed. That it cannot be counted must not hide it.
pub(crate) fn error(code: &str, url: &str) {
    if let Err(error) = change(|tally| tally.add_error(code, url, 1)) {
        log::warn!("cannot count an error: {error}");
    }
}

/// A fan saw its first frame so long after its first request.
pub(crate) fn time_to_watch(took: Duration) -> Result<()> {
    let trend = Trend::open_unit(TIME_TO_WATCH, Unit::Time)?;
    Ok(trend.add_duration(took)?)
}

/// Forget what an earlier run left in the store.
pub(crate) fn forget() -> Result<()> {
    for bucket in 0..BUCKETS {
        data::remove(&key(bucket))?;
    }
    Ok(())
}

/// The line at the end: `{"sessions":…,"established":…,"errors":{code:{url:count}}}`.
pub(crate) fn conclusion() -> Result<String> {
    let mut all = Tally::default();
    for bucket in 0..BUCKETS {
        if let Some(tally) = data::load(&key(bucket))?.as_deref().and_then(Tally::read) {
            all.merge(&tally);
        }
    }
    Ok(all.line())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Tally {
        let mut tally = Tally {
            sessions: 200,
            established: 198,
            ..Tally::default()
        };
        tally.add_error("422", "http://a/fans", 1);
        tally.add_error("422", "http://a/codes", 2);
        tally.add_error("timeout", "http://a/fans", 3);
        tally
    }

    #[test]
    fn a_tally_is_the_line_of_the_old_test() {
        assert_eq!(
            some().line(),
            r#"{"sessions":200,"established":198,"errors":{"422":{"http://a/codes":2,"http://a/fans":1},"timeout":{"http://a/fans":3}}}"#
        );
        assert_eq!(
            Tally::default().line(),
            r#"{"sessions":0,"established":0,"errors":{}}"#
        );
    }

    #[test]
    fn what_is_written_is_read_and_added_up() {
        let tally = some();
        let read = Tally::read(tally.write().as_bytes());
        assert_eq!(read.as_ref(), Some(&tally));
        let mut twice = tally.clone();
        twice.merge(&tally);
        assert_eq!((twice.sessions, twice.established), (400, 396));
        assert_eq!(twice.errors.values().sum::<u64>(), 12);
        assert_eq!(Tally::read(b"[]"), None);
        assert_eq!(Tally::read(b""), None);
    }

    #[test]
    fn errors_are_bounded_and_none_is_lost() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.add_error("500", &format!("http://a/{number}"), 1);
        }
        assert_eq!(tally.errors.len(), ERRORS_MAX + 1);
        assert_eq!(tally.errors.values().sum::<u64>(), 1000);
    }

    #[test]
    fn a_line_has_room_for_the_most_frequent() {
        let mut tally = some();
        for number in 0..60_u64 {
            let url = format!("http://a/{}{number}", "x".repeat(100));
            tally.add_error("500", &url, number + 10);
        }
        let all: u64 = tally.errors.values().sum();
        let line = tally.line();
        assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
        assert!(line.contains("\":69"), "{line}");
        let read = Tally::read(line.as_bytes()).unwrap_or_default();
        assert_eq!(read.errors.values().sum::<u64>(), all);
        assert_eq!((read.sessions, read.established), (200, 198));
    }
}
