//! Asks for a page again only if it has changed, and tags what it does.

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
        let get = || {
            http::get(format!("{}/small", self.0.url))
                .tag("part", "shelf")
                .name("small page")
        };
        let first = get().send()?;
        let tag = first.header("ETag").context("no etag")?;
        let second = get()
            .header("If-None-Match", tag)
            .expect_status(304..=304)
            .send()?;
        ensure!(
            second.status() == 304 && second.body_length() == 0,
            "status {}",
            second.status()
        );
        let missing = http::get(format!("{}/status/404", self.0.url))
            .expect_status(404..=404)
            .send()?;
        ensure!(
            missing.status() == 404 && missing.error_for_status().is_err(),
            "a missing page is no error"
        );
        let empty = http::get(format!("{}/status/204", self.0.url)).send()?;
        ensure!(
            empty.status() == 204 && empty.bytes()?.is_empty(),
            "204 has a body"
        );
        let part = http::get(format!("{}/large", self.0.url))
            .header("range", "bytes=10-19")
            .send()?;
        ensure!(
            part.status() == 206 && part.bytes()?.len() == 10,
            "a range of {} bytes",
            part.body_length()
        );
        let thrown = http::get(format!("{}/small", self.0.url))
            .discard_body()
            .send()?;
        ensure!(
            thrown.body_length() == 6,
            "{} bytes were counted",
            thrown.body_length()
        );
        let asked = thrown.bytes().map_err(|error| error.code().cloned());
        ensure!(
            matches!(asked, Err(Some(ErrorCode::BodyDiscarded))),
            "a discarded body: {asked:?}"
        );
        Ok(())
    }
}
