//! Times as XMPP writes them (XEP-0082).

use crate::timing::Duration;

/// A time since 1970 as a date and time in UTC (XEP-0082, section 3.2), whole seconds.
///
/// ```
/// use lt_sdk::timing::Duration;
///
/// assert_eq!(lt_sdk::xmpp::date_time(Duration::from_secs(1_763_743_510)), "2025-11-21T16:45:10Z");
/// ```
#[must_use]
pub fn date_time(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let time = seconds % 86_400;
    let parts = [
        (year, '-'),
        (month, '-'),
        (day, 'T'),
        (time / 3_600, ':'),
        (time / 60 % 60, ':'),
        (time % 60, 'Z'),
    ];
    let mut text = String::with_capacity(20);
    for (number, behind) in parts {
        if number < 10 {
            text.push('0');
        }
        text.push_str(&number.to_string());
        text.push(behind);
    }
    text
}

/// Year, month and day of a day since 1970. Years begin in March here, so that a leap day is the last of its year.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oracle_reads_the_same_time() {
        // Leap days, the ends of years and centuries, and what lies between.
        let mut seconds = 0_u64;
        while seconds < 8_000_000_000 {
            let text = date_time(Duration::from_secs(seconds));
            let read: xmpp_parsers::date::DateTime = text.parse().unwrap();
            assert_eq!(
                read.0.timestamp(),
                i64::try_from(seconds).unwrap(),
                "{text}"
            );
            seconds += 86_399 * 7;
        }
        assert_eq!(
            date_time(Duration::from_secs(951_782_400)),
            "2000-02-29T00:00:00Z"
        );
        assert_eq!(date_time(Duration::ZERO), "1970-01-01T00:00:00Z");
    }
}
