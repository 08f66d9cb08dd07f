//! Lengths of time as people type them.

use crate::timing::Duration;

/// Read `250ms`, `10s`, `1.5s`, `1h30m` or `0`. Units: `ns`, `us` (or `µs`), `ms`, `s`, `m`, `h`, `d`.
///
/// In whole numbers only: reading a float would bring some kilobytes of tables into every scenario.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos_total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, behind) = part(rest)?;
        nanos_total = nanos_total.checked_add(nanos)?;
        rest = behind.trim_start();
    }
    Some(Duration::from_nanos(nanos_total))
}

/// One number with its unit, in nanoseconds, and what stands behind it.
fn part(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() {
        return None;
    }
    let unit_end = rest
        .find(|c: char| c.is_ascii_digit() || c == ' ')
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(unit_end)?;
    let unit_nanos = unit_nanos(unit)?;
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit_nanos)?;
    let mut place_nanos = unit_nanos;
    for digit in fraction.bytes() {
        // Digits below a nanosecond are dropped.
        place_nanos /= 10;
        nanos = nanos.checked_add(u64::from(digit - b'0') * place_nanos)?;
    }
    Some((nanos, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, nanos: Option<u64>) {
        assert_eq!(parse(text), nanos.map(Duration::from_nanos), "{text}");
    }

    #[test]
    fn durations_as_people_type_them() {
        check("250ms", Some(250_000_000));
        check("10s", Some(10_000_000_000));
        check("1.5s", Some(1_500_000_000));
        check("1m30s", Some(90_000_000_000));
        check("1h 30m", Some(5_400_000_000_000));
        check("7µs", Some(7_000));
        check("2d", Some(172_800_000_000_000));
        check("0", Some(0));
        check("0s", Some(0));
        check("1.0000000019s", Some(1_000_000_001));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            "10",
            "s",
            ".5s",
            "5 s",
            "-1s",
            "1s2",
            "1x",
            "ü",
            "99999999999d",
        ] {
            check(text, None);
        }
    }
}
