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

use crate::common::{count_by, expect_checked};

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
