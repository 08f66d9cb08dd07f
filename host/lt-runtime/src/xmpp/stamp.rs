//! How long something was on its way, by the time that its sender wrote into it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Nanoseconds of a second.
const NANOS_PER_SECOND: f64 = 1e9;

/// What a stamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// So long.
    Took(Duration),
    /// It was sent after it came: the clocks of the hosts differ.
    Early,
    /// It is no decimal number.
    Unreadable,
}

impl Age {
    /// How long it took, if that is known: what came before it was sent did not take no time, but the clocks say nothing.
    pub(super) fn time(self) -> Option<Duration> {
        match self {
            Self::Took(time) => Some(time),
            Self::Early | Self::Unreadable => None,
        }
    }
}

/// From a stamp, counted in units of so many nanoseconds since 1970, to when it came.
pub(super) fn age(stamp: &str, unit_nanos: u64, arrived: Instant) -> Age {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    between(stamp, unit_nanos, since.saturating_sub(arrived.elapsed()))
}

/// The same with the time of arrival since 1970.
fn between(stamp: &str, unit_nanos: u64, arrived: Duration) -> Age {
    let Some(sent) = parse(stamp.trim(), unit_nanos) else {
        return Age::Unreadable;
    };
    arrived.checked_sub(sent).map_or(Age::Early, Age::Took)
}

fn parse(stamp: &str, unit_nanos: u64) -> Option<Duration> {
    if let Ok(units) = stamp.parse::<u64>() {
        // Whole units, exactly.
        let nanos = u128::from(units) * u128::from(unit_nanos);
        let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
        let rest = u32::try_from(nanos % 1_000_000_000).ok()?;
        return Some(Duration::new(seconds, rest));
    }
    // Words such as `inf` are numbers to Rust.
    let is_decimal = stamp
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_decimal {
        return None;
    }
    let (whole, fraction) = stamp.split_once('.')?;
    if fraction.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "the part of one unit needs no more digits"
    )]
    let part = fraction * unit_nanos as f64 / NANOS_PER_SECOND;
    parse(whole, unit_nanos)?.checked_add(Duration::try_from_secs_f64(part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICRO: u64 = 1_000;
    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_stamp_is_exact_in_any_unit() {
        let arrived = Duration::from_micros(1_700_000_000_000_500);
        let of = |text, unit| between(text, unit, arrived);
        let took = |micros| Age::Took(Duration::from_micros(micros));
        assert_eq!(of("1700000000000000", MICRO), took(500));
        assert_eq!(of("1700000000000500", MICRO), took(0));
        assert_eq!(of(" 1700000000\n", SECOND), took(500));
        assert_eq!(of("1700000000.0001", SECOND), took(400));
        assert_eq!(of("1700000000000501", MICRO), Age::Early);
        assert_eq!(Age::Early.time(), None);
        assert_eq!(took(500).time(), Some(Duration::from_micros(500)));
        assert_eq!(of("18446744073709551615", u64::MAX), Age::Unreadable);
        for text in [
            "",
            "-1",
            "inf",
            "1e9",
            "now",
            "1.2.3",
            ".",
            "99999999999999999999",
        ] {
            let age = of(text, MICRO);
            assert!(matches!(age, Age::Unreadable), "{text}: {age:?}");
        }
    }

    #[test]
    fn what_came_a_while_ago_is_not_aged_by_the_wait() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let hour = Duration::from_secs(3600);
        let stamp = (now - hour).as_micros().to_string();
        let Some(arrived) = Instant::now().checked_sub(hour) else {
            return;
        };
        let age = age(&stamp, MICRO, arrived);
        assert!(
            matches!(age, Age::Early) || matches!(age, Age::Took(took) if took < hour / 2),
            "{age:?}"
        );
    }
}
