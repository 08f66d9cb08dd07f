//! Numbers as k6 shows them, so that its readers need not learn others.

use lt_metrics::{Kind, Unit};

/// Added before digits are cut off: keeps 0.29 × 100 = 28.999999999999996 from being shown as 28.99.
const ROUNDING_NOISE: f64 = 1e-7;

/// A share from 0 to 1 as a percentage with two digits, cut and not rounded: 99.999 % of checks is not all of them.
#[must_use]
pub fn humanize_rate(share: f64) -> String {
    format!("{:.2}%", cut(share * 100.0, 2))
}

/// Bytes with a decimal prefix: `4.9 kB`, `519 kB`.
#[must_use]
pub fn humanize_bytes(bytes: f64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes.abs() < 10.0 {
        return format!("{} B", humanize_number(bytes));
    }
    let mut scaled = bytes;
    let mut unit = 0;
    while scaled.abs() >= 1000.0 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    let rounded = (scaled * 10.0).round() / 10.0;
    let digits = usize::from(rounded.abs() < 10.0);
    format!(
        "{rounded:.digits$} {}",
        UNITS.get(unit).copied().unwrap_or_default()
    )
}

/// A length of time in milliseconds with the unit that suits it: `18ns`, `140.36µs`, `1.2s`, `1m30s`, `2h0m5s`.
#[must_use]
pub fn humanize_duration(ms: f64) -> String {
    if ms < 0.0 {
        return format!("-{}", humanize_duration(-ms));
    }
    if ms == 0.0 {
        return "0s".to_owned();
    }
    if ms < 0.001 {
        return format!("{}ns", ms.mul_add(1e6, ROUNDING_NOISE).trunc());
    }
    if ms < 1.0 {
        return format!("{}µs", cut(ms * 1000.0, 2));
    }
    if ms < 1000.0 {
        return format!("{}ms", cut(ms, 2));
    }
    let digits = if ms > 60_000.0 { 0 } else { 2 };
    let seconds = format!("{}s", cut(ms % 60_000.0 / 1000.0, digits));
    let minutes = (ms / 60_000.0).trunc();
    if minutes < 1.0 {
        return seconds;
    }
    let hours = (minutes / 60.0).trunc();
    let minutes_of_hour = minutes % 60.0;
    if hours < 1.0 {
        format!("{minutes_of_hour}m{seconds}")
    } else {
        format!("{hours}h{minutes_of_hour}m{seconds}")
    }
}

/// A plain number with at most six digits after the point.
#[must_use]
pub fn humanize_number(number: f64) -> String {
    let text = format!("{number:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A value of a metric.
pub(crate) fn humanize(value: f64, kind: Kind, unit: Unit) -> String {
    match (kind, unit) {
        (Kind::Rate, _) => humanize_rate(value),
        (_, Unit::Data) => humanize_bytes(value),
        (_, Unit::Time) => humanize_duration(value),
        (_, Unit::None) => humanize_number(value),
    }
}

/// The number with this many digits after the point, cut and not rounded.
fn cut(number: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (number.mul_add(factor, ROUNDING_NOISE)).trunc() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_k6() {
        for (ms, text) in [
            (0.0, "0s"),
            (0.000_018, "18ns"),
            (0.001, "1µs"),
            (0.140_367, "140.36µs"),
            (1.0, "1ms"),
            (1.15, "1.15ms"),
            (140.369, "140.36ms"),
            (154.63, "154.63ms"),
            (1200.0, "1.2s"),
            (59_999.0, "59.99s"),
            (60_000.0, "1m0s"),
            (90_500.0, "1m30s"),
            (7_205_000.0, "2h0m5s"),
            (-3.5, "-3.5ms"),
        ] {
            assert_eq!(humanize_duration(ms), text);
        }
    }

    #[test]
    fn bytes_read_as_in_k6() {
        for (bytes, text) in [
            (0.0, "0 B"),
            (7.0, "7 B"),
            (12.0, "12 B"),
            (718.0, "718 B"),
            (999.0, "999 B"),
            (1000.0, "1.0 kB"),
            (4_930.0, "4.9 kB"),
            (76_000.0, "76 kB"),
            (519_400.0, "519 kB"),
            (2_000_000_000.0, "2.0 GB"),
        ] {
            assert_eq!(humanize_bytes(bytes), text);
        }
    }

    #[test]
    fn rates_are_cut_and_numbers_lose_their_zeros() {
        for (share, text) in [
            (0.0, "0.00%"),
            (1.0, "100.00%"),
            (0.29, "29.00%"),
            (0.999_99, "99.99%"),
            (1.0 / 3.0, "33.33%"),
        ] {
            assert_eq!(humanize_rate(share), text);
        }
        for (number, text) in [
            (45.0, "45"),
            (6.561_09, "6.56109"),
            (13.122_178_9, "13.122179"),
            (-0.0, "0"),
            (1e9, "1000000000"),
        ] {
            assert_eq!(humanize_number(number), text);
        }
    }
}
