//! Follows redirects as RFC 9110, section 15.4, and browsers do; against nginx.

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
        let to = |path: &str| format!("{}{path}", self.0.url);
        for (status, method, becomes) in [
            (301, "GET", "GET"),
            (302, "GET", "GET"),
            (303, "GET", "GET"),
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (303, "POST", "GET"),
            (303, "PUT", "GET"),
        ] {
            let response = http::request(method, to(&format!("/redirect/{status}")))
                .body(b"x".as_slice())
                .send()?;
            let text = response.text()?;
            ensure!(
                text.contains(&format!("method={becomes} ")),
                "{method} after {status}: {text}"
            );
            ensure!(
                response.redirects() == 1,
                "{status}: {} redirects",
                response.redirects()
            );
            ensure!(
                response.url() == to("/facts"),
                "{status}: ended at {}",
                response.url()
            );
        }
        for status in [307, 308] {
            let body = format!("kept over {status}");
            let stored = http::put(to(&format!("/redirect/{status}")))
                .body(body.as_str())
                .send()?;
            ensure!(
                matches!(stored.status(), 201 | 204),
                "{status}: the PUT ended with {}",
                stored.status()
            );
            let text = http::get(to("/store/moved")).send()?.text()?;
            ensure!(text == body, "{status}: stored {text:?}");
        }
        let chain = http::get(to("/redirect/chain3")).send()?;
        ensure!(
            chain.redirects() == 3 && chain.status() == 200,
            "{} redirects",
            chain.redirects()
        );
        let first = http::get(to("/redirect/chain3")).max_redirects(0).send()?;
        ensure!(
            first.status() == 302 && first.redirects() == 0,
            "a redirect was followed: {}",
            first.status()
        );
        ensure!(
            first
                .header("Location")
                .is_some_and(|found| found.ends_with("/redirect/chain2")),
            "no location"
        );
        for limit in [2, 10] {
            let path = if limit == 2 {
                "/redirect/chain3"
            } else {
                "/redirect/loop"
            };
            let error = match http::get(to(path)).max_redirects(limit).send() {
                Ok(response) => bail!("{path} ended with {}", response.status()),
                Err(error) => error,
            };
            ensure!(
                error
                    .code()
                    .is_some_and(|code| matches!(code, ErrorCode::TooManyRedirects)),
                "{path}: {error}"
            );
        }
        Ok(())
    }
}
