//! WebSockets through the whole stack: guest, host, wire, server.

mod background;
mod endings;
mod exchange;
mod failing;
mod faults;
mod handshake;
mod inbox;
mod refused;
mod stopping;
mod trying;
mod weather;
mod ws;

use std::collections::BTreeMap;

use lt_tests::Ran;
use lt_tests::results::{Row, tag};

/// No user failed, no check failed, and there were checks.
#[track_caller]
fn expect_checked(ran: Ran) -> Ran {
    let ran = ran.expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.failed_checks(), [], "{ran}");
    assert!(
        !summary.check_names().is_empty(),
        "nothing was checked\n{ran}"
    );
    ran
}

/// Samples of this metric by the values of these tags, each with their number.
fn count_by<const N: usize>(
    rows: &[Row],
    metric: &str,
    tags: [&str; N],
) -> BTreeMap<[String; N], usize> {
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|row| row["metric_name"] == metric) {
        let of = tags.map(|name| tag(row, name).unwrap_or_default().to_owned());
        *counts.entry(of).or_insert(0) += 1;
    }
    counts
}

/// How sessions ended: `ending`, `close_code` and `error_code`, each with its number.
fn endings(ran: &Ran) -> BTreeMap<[String; 3], usize> {
    let tags = ["ending", "close_code", "error_code"];
    count_by(&ran.rows(), "ws_session_duration", tags)
}

/// What [`endings`] is if all ended in one way.
fn all_ended(
    count: usize,
    ending: &str,
    close_code: u16,
    error_code: &str,
) -> BTreeMap<[String; 3], usize> {
    let of = [
        ending.to_owned(),
        close_code.to_string(),
        error_code.to_owned(),
    ];
    BTreeMap::from([(of, count)])
}

/// What a guest told in a line of the log: the number behind each `NAME=`, line by line.
fn told(ran: &Ran, name: &str) -> Vec<u64> {
    let before = format!("{name}=");
    let printed = ran.printed();
    let lines = printed.lines();
    lines
        .filter_map(|line| {
            let behind = line
                .split_whitespace()
                .find_map(|word| word.strip_prefix(&before))?;
            behind.parse().ok()
        })
        .collect()
}
