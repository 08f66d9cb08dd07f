//! RTMP through the whole stack: guest, host, wire, real servers and players, and a server that says what none may say.

mod assets;
mod connecting;
mod end;
mod exchange;
mod faults;
mod http_flv;
mod lag;
mod recorded;
mod refused;
mod replay;
mod report;
mod weather;

use std::collections::BTreeMap;
use std::path::Path;

use lt_tests::peers::RtmpPeer;
use lt_tests::{LtHost, Ran};

use crate::common::{count_by, expect_checked, told};

/// A guest at this application.
fn at(url: &str, guest: &str) -> LtHost {
    LtHost::run(guest).set("url", url).with_samples()
}

/// A guest at this application that publishes this file.
fn with_video(url: &str, guest: &str, video: &Path) -> LtHost {
    at(url, guest)
        .argument("--asset")
        .argument(format!("video={}", video.display()))
}

/// A guest at a scripted server, which may do anything.
fn fuzzy(peer: &RtmpPeer, what: &str) -> LtHost {
    at(&peer.url("live"), "rtmp_fuzzy").set("what", what)
}

/// How streams ended: `direction`, `ending` and `error_code`, each with its number.
fn endings(ran: &Ran) -> BTreeMap<[String; 3], usize> {
    let tags = ["direction", "ending", "error_code"];
    count_by(&ran.rows(), "rtmp_stream_duration", tags)
}

/// What [`endings`] is if all ended in one way.
fn all_ended(
    count: usize,
    direction: &str,
    ending: &str,
    error_code: &str,
) -> BTreeMap<[String; 3], usize> {
    let of = [direction, ending, error_code].map(str::to_owned);
    BTreeMap::from([(of, count)])
}

/// Error codes of connects, each with its number; those that succeeded are under an empty text.
fn connects(ran: &Ran) -> BTreeMap<[String; 1], usize> {
    count_by(&ran.rows(), "rtmp_connect_failed", ["error_code"])
}

/// Error codes of streams that failed or not, each with its number.
fn streams(ran: &Ran) -> BTreeMap<[String; 1], usize> {
    count_by(&ran.rows(), "rtmp_stream_failed", ["error_code"])
}

/// What [`connects`] and [`streams`] are if all came to the same.
fn all(count: usize, error_code: &str) -> BTreeMap<[String; 1], usize> {
    BTreeMap::from([([error_code.to_owned()], count)])
}

/// A number that a guest told, in the line where it told it first.
#[track_caller]
fn number(ran: &Ran, name: &str) -> i64 {
    let words = told(ran, name);
    let word = words.first().unwrap_or_else(|| panic!("no {name}\n{ran}"));
    word.parse()
        .unwrap_or_else(|_| panic!("{name} is {word}\n{ran}"))
}
