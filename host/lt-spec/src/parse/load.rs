//! Rates, shares, counts and names.

use std::time::Duration;

use super::{Fault, duration, whole};
use crate::limits::{COUNT_MAX, RATE_MAX};

/// How often something happens: `100/s`, `6000/m`, `1.5/s`, `30/10s`; without a unit, a second's. In times a second.
///
/// # Errors
/// If it is no number, negative, above what there can be, or its unit is none of time.
pub fn rate(text: &str) -> Result<f64, Fault> {
    let remedy = "write a number and a unit of time, such as 100/s or 6000/m";
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let interval = unit_of_rate(unit, remedy)?;
    let number = number
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite());
    let Some(number) = number else {
        return Err(Fault::new("is not a rate", remedy));
    };
    let rate = number / interval.as_secs_f64();
    if rate < 0.0 {
        return Err(Fault::new("is negative", remedy));
    }
    if rate > RATE_MAX {
        return Err(Fault::new(
            format!("is above {RATE_MAX} a second, more than any machine does"),
            "write a smaller rate",
        ));
    }
    Ok(rate)
}

/// A rate above zero.
///
/// # Errors
/// Those of [`rate`], and zero.
pub fn positive_rate(text: &str) -> Result<f64, Fault> {
    let rate = rate(text)?;
    if rate > 0.0 {
        return Ok(rate);
    }
    Err(Fault::new(
        "is zero",
        "write a rate above zero, such as 1/m",
    ))
}

/// How many in how long, as throttles take it: `100/s`, `30/10s`.
///
/// # Errors
/// If it is not a whole number above zero with a unit of time.
pub fn budget(text: &str) -> Result<(u64, Duration), Fault> {
    let remedy = "write a whole number and a unit of time, such as 100/s or 30/10s";
    positive_rate(text)?;
    let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
    let count = whole(count).map_err(|fault| Fault::new(fault.message, remedy))?;
    Ok((count, unit_of_rate(unit, remedy)?))
}

fn unit_of_rate(unit: &str, remedy: &str) -> Result<Duration, Fault> {
    let unit = unit.trim();
    // `.5s` is a number with its unit too.
    let counted = unit.starts_with(|char: char| char.is_ascii_digit() || char == '.');
    let interval = if counted {
        duration(unit)
    } else {
        duration(&format!("1{unit}"))
    };
    interval
        .ok()
        .filter(|interval| !interval.is_zero())
        .ok_or_else(|| Fault::new(format!("{unit:?} is no unit of time"), remedy))
}

/// A percentage from 0 to 100, with or without its sign.
///
/// # Errors
/// If it is no number in that range.
pub fn percent(text: &str) -> Result<f64, Fault> {
    let number = text.trim();
    let number = number.strip_suffix('%').unwrap_or(number).trim_end();
    number
        .parse::<f64>()
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| {
            Fault::new(
                "is not a percentage from 0 to 100",
                "write one, such as 30%",
            )
        })
}

/// A count that something is done, at least once.
///
/// # Errors
/// If it is not a whole number from 1 to 2⁵³−1.
pub fn count(text: &str) -> Result<u64, Fault> {
    match whole(text)? {
        0 => Err(Fault::new("is zero", "give at least one")),
        count if count > COUNT_MAX => Err(Fault::new(
            format!("is above {COUNT_MAX}"),
            "write a smaller number",
        )),
        count => Ok(count),
    }
}

/// Whether a name is of the form that scenarios, settings and files have: `chat-room-2`.
#[must_use]
pub fn is_kebab(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
    };
    name.starts_with(|char: char| char.is_ascii_lowercase()) && name.split('-').all(word)
}
