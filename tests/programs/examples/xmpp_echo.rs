//! Writes to somebody who sends back what it gets, and compares.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Filter};
use lt_test_programs::xmpp::Server;

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Bare JID of who sends it back
    to: String,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let session = self.0.server.account()?.presence().connect()?;
        let wait = Duration::from_secs(20);
        // Who is not there yet hears nothing: it is written to until it answers.
        let hello = xmpp::chat(&self.0.to, "hello?");
        while session
            .request_timeout(&xmpp::ping(&self.0.server.domain), wait)
            .is_ok()
        {
            session.send(&hello)?;
            if session
                .receive(
                    Filter::chat().contains("hello?"),
                    Duration::from_millis(500),
                )
                .is_ok()
            {
                break;
            }
        }
        for (number, text) in [
            "plain",
            "<tags> & \"quotes\" and 'others'",
            "]]> &amp; &#65;",
            "h\u{e9}llo \u{4e16}\u{754c} \u{1f600}",
            "two\nlines\tand a tab",
            " blanks around ",
            &"long ".repeat(4000),
        ]
        .into_iter()
        .enumerate()
        {
            let id = format!("{}-{number}", user::id());
            session.send(&xmpp::chat(&self.0.to, text).id(&id))?;
            let echo = session.receive(Filter::chat().id(&id), wait)?;
            check!(
                "it came back as it was",
                echo.body().as_deref() == Some(text)
            );
        }
        session.close();
        Ok(())
    }
}
