//! Holds the phases of an exchange to what is known of it.

use lt_sdk::prelude::*;
use lt_test_programs::Peer;

struct Guest(Peer);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        http::close_connections();
        let get = || http::get(format!("{}/after?ms=100", self.0.url)).name("after");
        for (connection, reused) in [("new", false), ("reused", true)] {
            let timings = get().send()?.timings();
            let delay = Duration::from_millis(100);
            // The server's clock begins with its own last byte, which may be before ours was booked.
            let answered = timings.sending + timings.waiting;
            ensure!(
                answered >= delay,
                "{connection}: waited {answered:?} for a server that takes {delay:?}"
            );
            ensure!(
                timings.sending + timings.waiting + timings.receiving == timings.duration,
                "{connection}: {timings:?}"
            );
            ensure!(
                (timings.connecting == Duration::ZERO) == reused,
                "{connection}: connecting took {:?}",
                timings.connecting
            );
            ensure!(
                timings.tls_handshaking == Duration::ZERO,
                "{connection}: TLS took {:?}",
                timings.tls_handshaking
            );
        }
        let remote = get()
            .send()?
            .remote_address()
            .context("no remote address")?;
        ensure!(self.0.url.ends_with(&remote), "answered by {remote}");
        Ok(())
    }
}
