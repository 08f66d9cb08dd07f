//! Sends a body of every kind.

use lt_sdk::http::Multipart;
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
        let to = |path: &str| format!("{}{path}", self.0.url);
        let parts = Multipart::new().text("name", "a value").file(
            "upload",
            "cat.png",
            "image/png",
            b"\x89PNG",
        );
        let requests = [
            http::post(to("/bytes"))
                .body(vec![0, 1, 2, 255])
                .header("content-type", "application/octet-stream"),
            http::post(to("/empty")).body(Vec::new()),
            http::post(to("/form")).form([("name", "a b&c"), ("umlaut", "ü")]),
            http::post(to("/json")).json(&[1, 2, 3]),
            http::post(to("/multipart")).multipart(parts),
            http::put(to("/chunked")).chunked(vec![b'c'; 40_000]),
            http::post(to("/large")).body(vec![b'l'; 1_000_000]),
            http::post(to("/expect"))
                .body(b"only if you want it".as_slice())
                .expect_continue(),
            http::get(to("/headers"))
                .header("X-One", "1")
                .header("x-two", "2")
                .header("X-One", "again")
                .query([("q", "a b")]),
            http::get(to("/basic")).basic_auth("Aladdin", "open sesame"),
            http::get(to("/bearer")).bearer("token"),
            http::get(to("/cookie")).cookie("own", "one"),
        ];
        for request in requests {
            let url = request.url().to_owned();
            let status = request.send()?.status();
            ensure!(status == 200, "{url}: status {status}");
        }
        Ok(())
    }
}
