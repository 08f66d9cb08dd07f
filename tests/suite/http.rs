//! HTTP through the whole stack: guest, host, wire, server.

mod connections;
mod exchange;
mod faults;
mod proxies;
mod tls;

use lt_tests::peers::http::{HttpPeer, Then, respond};
use std::time::Duration;

/// A peer whose `/after?ms=N` answers `after N` that many milliseconds after it was asked, and whose `/item?number=N` answers
/// `item N`.
fn slow_peer() -> HttpPeer {
    HttpPeer::start(|request, stream| {
        if let Some(ms) = request.query("ms") {
            std::thread::sleep(Duration::from_millis(ms.parse().unwrap_or(0)));
            respond(stream, 200, &[], format!("after {ms}").as_bytes());
        } else {
            let number = request.query("number").unwrap_or("none");
            respond(stream, 200, &[], format!("item {number}").as_bytes());
        }
        Then::Keep
    })
}
