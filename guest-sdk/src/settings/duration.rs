//! Lengths of time as people type them.

use crate::timing::Duration;

/// Read `250ms`, `10s`, `1.5s`, `1h30m`, `1h 30m` or `0`. Units: `ns`, `us` (or `µs`), `ms`, `s`, `m`, `h`, `d`.
///
/// Over bytes and in whole numbers only: slicing texts and reading floats would bring some kilobytes of tables into the memory
/// of every user.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.as_bytes();
    if rest == b"0" {
        return Some(Duration::ZERO);
    }
    let mut nanos_total: u64 = 0;
    loop {
        let (nanos, behind) = part(rest)?;
        nanos_total = nanos_total.checked_add(nanos)?;
        if behind.is_empty() {
            return Some(Duration::from_nanos(nanos_total));
        }
        rest = behind.strip_prefix(b" ").unwrap_or(behind);
    }
}

/// One number with its unit, in nanoseconds, and what stands behind it.
fn part(text: &[u8]) -> Option<(u64, &[u8])> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(rest) => digits(rest),
        None => (&[][..], rest),
    };
    if whole.is_empty() {
        return None;
    }
    let unit_length = rest
        .iter()
        .position(|&byte| byte.is_ascii_digit() || byte == b' ');
    let (unit, rest) = rest.split_at_checked(unit_length.unwrap_or(rest.len()))?;
    let unit_nanos = unit_nanos(unit)?;
    let mut number: u64 = 0;
    for digit in whole {
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
    }
    let mut nanos = number.checked_mul(unit_nanos)?;
    let mut place_nanos = unit_nanos;
    for digit in fraction {
        // Digits below a nanosecond are dropped.
        place_nanos /= 10;
        nanos = nanos.checked_add(u64::from(digit - b'0') * place_nanos)?;
    }
    Some((nanos, rest))
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, &[]))
}

fn unit_nanos(unit: &[u8]) -> Option<u64> {
    Some(match unit {
        b"ns" => 1,
        b"us" | b"\xc2\xb5s" => 1_000,
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        b"d" => 86_400_000_000_000,
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
