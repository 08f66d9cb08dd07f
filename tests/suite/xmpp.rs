//! XMPP through the whole stack: guest, host, wire, a real server, and one that says what no server may say.

mod connecting;
mod end;
mod exchange;
mod faults;
mod login;
mod management;
mod oracle;
mod refused;
mod report;
mod weather;

use std::collections::BTreeMap;

use lt_tests::prosody::Prosody;
use lt_tests::results::{Row, tag};
use lt_tests::{LtHost, Ran};

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

/// How sessions ended: `ending`, `condition` and `error_code`, each with its number.
fn endings(ran: &Ran) -> BTreeMap<[String; 3], usize> {
    let tags = ["ending", "condition", "error_code"];
    count_by(&ran.rows(), "xmpp_session_duration", tags)
}

/// What [`endings`] is if all ended in one way.
fn all_ended(
    count: usize,
    ending: &str,
    condition: &str,
    error_code: &str,
) -> BTreeMap<[String; 3], usize> {
    let of = [ending, condition, error_code].map(str::to_owned);
    BTreeMap::from([(of, count)])
}

/// How connects failed: `step`, `condition` and `error_code`, each with its number. Those that did not are under three empty texts.
fn failures(ran: &Ran) -> BTreeMap<[String; 3], usize> {
    let tags = ["step", "condition", "error_code"];
    count_by(&ran.rows(), "xmpp_connect_failed", tags)
}

/// Sums of a counter by the values of a tag.
fn sums(ran: &Ran, counter: &str, tag: &str) -> BTreeMap<String, u64> {
    lt_tests::results::sums_by(&ran.rows(), counter, tag)
}

/// What a guest told in lines of the log: the words behind each `NAME=`, line by line.
fn told(ran: &Ran, name: &str) -> Vec<String> {
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

/// A guest at this server, whose certificate is trusted.
fn at(server: &Prosody, guest: &str) -> LtHost {
    LtHost::run(guest)
        .set("address", server.address())
        .argument("--ca-cert")
        .argument(server.authority_file())
}

/// A guest at a scripted server, which has no TLS.
fn scripted(address: &str, guest: &str) -> LtHost {
    LtHost::run(guest)
        .set("address", address)
        .set("security", "none")
        .set("mechanisms", "PLAIN")
}
