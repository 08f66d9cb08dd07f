//! Has bodies decompressed, or not; against nginx.

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
        let plain = "the quick brown fox jumps over the lazy dog\n".repeat(500);
        for coding in ["gzip", "br", "deflate", "zstd"] {
            let response = http::get(format!("{}/{coding}", self.0.url))
                .decompress()
                .send()?;
            let length = response.body_length();
            ensure!(response.text()? == plain, "{coding}: the text is another");
            ensure!(
                length > 0 && length * 5 < plain.len() as u64,
                "{coding}: {length} bytes came over the wire"
            );
        }
        let raw = http::get(format!("{}/br", self.0.url)).send()?;
        ensure!(
            raw.bytes()?.len() as u64 == raw.body_length(),
            "a body nobody wanted decompressed was"
        );
        ensure!(
            raw.bytes()? != plain.as_bytes(),
            "a body nobody wanted decompressed was"
        );
        let facts = http::get(format!("{}/facts", self.0.url)).send()?.text()?;
        ensure!(
            facts.contains("accept-encoding= "),
            "codings were asked for unasked: {facts}"
        );
        let facts = http::get(format!("{}/facts", self.0.url))
            .decompress()
            .send()?
            .text()?;
        for coding in ["gzip", "deflate", "br", "zstd"] {
            ensure!(facts.contains(coding), "{coding} is not asked for: {facts}");
        }
        Ok(())
    }
}
