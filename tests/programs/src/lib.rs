//! What guests share. The guests themselves are the examples of this package, each a component; a test of the suite runs each.

pub mod rtmp;
pub mod swap;
pub mod xmpp;

use lt_sdk::prelude::*;
use lt_sdk::websocket::Close;

/// The settings of a guest that only needs somebody to talk to.
#[derive(Settings)]
pub struct Peer {
    /// The server, without a path
    pub url: String,
}

/// Of the guests that misbehave: user 1 does so in every second iteration, beginning with its first. All others, and user 1 in
/// between, do an honest one.
#[must_use]
pub fn is_my_turn_to_misbehave() -> bool {
    user::id() == 1 && user::iteration().is_multiple_of(2)
}

/// An honest iteration: tells the server who made it, so that the test can count them by user.
///
/// # Errors
/// If the server does not answer with 200.
pub fn honest_iteration(peer: &Peer) -> Result<()> {
    let url = format!("{}/honest?user={}", peer.url, user::id());
    let status = http::get(url).name("honest").send()?.status();
    ensure!(status == 200, "status {status}");
    timing::sleep(Duration::from_millis(20));
    Ok(())
}

/// Say how a connection ended, for the test to read.
pub fn tell_end(close: &Close) {
    log::info!(
        "ending={} code={} reason={:?}",
        close.ending,
        close.code,
        close.reason
    );
}
