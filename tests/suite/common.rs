//! What the suites of several protocols ask of a run.

use std::collections::BTreeMap;

use lt_tests::Ran;
use lt_tests::results::{Row, tag};

/// No user failed, no check failed, and there were checks.
#[track_caller]
pub(crate) fn expect_checked(ran: Ran) -> Ran {
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
pub(crate) fn count_by<const N: usize>(
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

/// What a guest told in lines of the log: the words behind each `NAME=`, line by line.
pub(crate) fn told(ran: &Ran, name: &str) -> Vec<String> {
    let before = format!("{name}=");
    let printed = ran.printed();
    let lines = printed.lines();
    lines
        .filter_map(|line| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(&before))
                .map(str::to_owned)
        })
        .collect()
}
