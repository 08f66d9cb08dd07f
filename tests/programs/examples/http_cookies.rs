//! Takes cookies, keeps them, shows them, and forgets them; against nginx.

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
        let shown = |path: &str| -> Result<String> {
            let text = http::get(to(path)).send()?.text()?;
            Ok(text
                .trim()
                .rsplit_once("cookie=")
                .context("the page shows no cookie")?
                .1
                .to_owned())
        };
        http::clear_cookies();
        ensure!(shown("/cookie/show")?.is_empty(), "a new user has a cookie");
        http::get(to("/cookie/set")).send()?;
        let both = shown("/cookie/show")?;
        // RFC 6265, section 5.4: longer paths first.
        ensure!(both == "only=here; taste=plain", "cookies are {both:?}");
        let other_path = shown("/facts?")?;
        ensure!(
            other_path.starts_with("taste=plain "),
            "on another path cookies are {other_path:?}"
        );
        ensure!(
            http::cookie(&to("/facts"), "taste")?.as_deref() == Some("plain"),
            "the guest sees no cookie"
        );
        ensure!(
            http::cookies(&to("/cookie/show"))?.len() == 2,
            "the guest sees fewer than two cookies"
        );
        ensure!(
            http::cookies("http://elsewhere.test/")?.is_empty(),
            "a cookie is shown to strangers"
        );

        http::set_cookie(&to("/"), "mine=1; Path=/")?;
        ensure!(
            shown("/cookie/show")?.contains("mine=1"),
            "a cookie of the guest's own is missing"
        );
        http::get(to("/cookie/drop")).send()?;
        ensure!(
            !shown("/cookie/show")?.contains("taste"),
            "a dropped cookie came back"
        );
        http::clear_cookies();
        ensure!(
            shown("/cookie/show")?.is_empty(),
            "a forgotten cookie came back"
        );

        let response = http::get(to("/redirect/cookie")).send()?;
        ensure!(
            response.text()?.contains("on=theway"),
            "a cookie of a redirect was lost"
        );
        http::clear_cookies();
        ensure!(
            http::set_cookie("no URL", "a=1").is_err(),
            "a cookie was set for no URL"
        );
        Ok(())
    }
}
