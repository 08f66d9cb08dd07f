//! Sends a request with every method.

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
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND",
        ] {
            let response = http::request(method, format!("{}/{method}", self.0.url)).send()?;
            ensure!(
                response.status() == 200,
                "{method}: status {}",
                response.status()
            );
            let answered = response.header("x-method").unwrap_or_default();
            ensure!(answered == method, "{method} arrived as {answered:?}");
            let length = if method == "HEAD" { 0 } else { 2 };
            ensure!(
                response.bytes()?.len() == length,
                "{method}: a body of {} bytes",
                response.bytes()?.len()
            );
        }
        let connect = http::request("CONNECT", self.0.url.as_str()).send();
        ensure!(
            matches!(
                connect.as_ref().map_err(http::Error::code),
                Err(Some(ErrorCode::InvalidRequest(_)))
            ),
            "CONNECT: {connect:?}"
        );
        Ok(())
    }
}
