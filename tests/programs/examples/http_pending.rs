//! Starts requests and takes their answers later, in another order.

use lt_sdk::http::ErrorCode;
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
        let start = |delay: u64| {
            http::get(format!("{}/after?ms={delay}", self.0.url))
                .name("after")
                .start()
        };
        let began = timing::now();
        let (long, short) = (start(300)?, start(100)?);
        short.subscribe().block();
        ensure!(short.is_ready(), "what was waited for is not ready");
        ensure!(
            !long.is_ready(),
            "the long one was as fast as the short one"
        );
        let answer = short.finish()?;
        ensure!(answer.text()? == "after 100", "another answer");
        ensure!(long.finish()?.text()? == "after 300", "another answer");
        ensure!(
            began.elapsed() >= Duration::from_millis(300),
            "the server's delay was not waited for"
        );

        let mut open = Vec::new();
        let refused = loop {
            match start(1000) {
                Ok(pending) => open.push(pending),
                Err(error) => break error,
            }
            ensure!(open.len() < 10_000, "nobody counts the requests");
        };
        ensure!(
            refused
                .code()
                .is_some_and(|code| matches!(code, ErrorCode::TooManyRequests)),
            "{refused}"
        );
        Ok(())
    }
}
