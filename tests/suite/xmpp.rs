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
use lt_tests::{LtHost, Ran};

use crate::common::{count_by, expect_checked, told};

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
