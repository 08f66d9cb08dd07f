//! People with a browser and a chat client: each logs in to the web site through a form with a CSRF token, then to the XMPP server, and from then on
//! looks at a page of the one and writes to a neighbour over the other, in turn.
//!
//! The site is `lt-host target`, or another with the same pages. Accounts `user_1`, `user_2`, … must exist on the XMPP server. Both protocols are in
//! one summary, with their own metrics: `http_req_duration` beside `xmpp_connecting` and `delivery_time`.

use lt_sdk::coordination::Neighbours;
use lt_sdk::html::Form;
use lt_sdk::placement::bucket_neighbours;
use lt_sdk::prelude::*;
use lt_sdk::user::Woken;
use lt_sdk::xmpp::{Account, Chatter, Login};

/// What `--set` can change.
#[derive(Settings)]
struct Options {
    /// Where the web site is
    #[setting(default = "http://127.0.0.1:8080")]
    base_url: String,
    #[setting(flatten)]
    login: Login,
    /// Time between two messages of a user, with a page before each
    #[setting(default = "10s")]
    message_interval: Duration,
    /// Users with consecutive ids who write to each other
    #[setting(default = 10, min = 2)]
    bucket_size: u32,
    /// What they write
    #[setting(default = "hello")]
    message_body: String,
}

/// One person.
struct Person {
    options: Options,
    chatter: Chatter,
    due: Instant,
}

#[lt_sdk::scenario]
impl Scenario for Person {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        Login::declare(base)
            .users(10)
            .duration(Duration::from_secs(60))
    }

    fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.login.check()?;
        Ok(Vec::new())
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        group("log in to the site", || log_in(&options, user.id))?;
        let others = bucket_neighbours(user.id, options.bucket_size);
        let neighbours = Neighbours::open("http", user.id, others)?;
        let session = options.login.connect(user.id, Account::presence)?;
        let offset = user::rng().think_time(Duration::ZERO..options.message_interval);
        Ok(Self {
            chatter: Chatter::enter(session, neighbours)?,
            due: timing::now() + offset,
            options,
        })
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        if user::sleep_until(self.due)? == Woken::AskedToEnd {
            return Ok(());
        }
        self.due += self.options.message_interval;
        if let Some(end) = self.chatter.lost() {
            let login = &self.options.login;
            self.chatter
                .come_back(login.reconnect(user::id(), Account::presence)?)?;
            bail!("the session ended, and the user came back: {end}");
        }
        group("browse", || self.browse())?;
        group("chat", || self.write(&it))
    }

    fn leave(self) -> Result<()> {
        let left = self.chatter.leave();
        let url = [&self.options.base_url, "/logout"].concat();
        let answer = http::get(url).name("log out").send()?;
        check!("logged out", answer.is_success());
        left?;
        Ok(())
    }
}

impl Person {
    fn browse(&self) -> Result<()> {
        let url = [&self.options.base_url, "/account"].concat();
        let page = http::get(url).name("account").send()?;
        check!("the account page is there", page.status() == 200);
        Ok(())
    }

    fn write(&mut self, it: &Iteration) -> Result<()> {
        let Options {
            login,
            message_body,
            ..
        } = &self.options;
        let id = it.message_id(0);
        self.chatter.say(|id| login.jid(id), &id, message_body)?;
        Ok(())
    }
}

/// The site answers a post without the page's token with 403, so the page comes first, as in a browser.
fn log_in(options: &Options, id: u64) -> Result<()> {
    let url = [&options.base_url, "/login"].concat();
    let page = http::get(url)
        .name("login page")
        .send()?
        .error_for_status()?;
    let form = Form::parse(&page.text()?).context("no form on the login page")?;
    let account = form
        .set("username", &options.login.jid(id))
        .set("password", "secret")
        .submit(&page.url())
        .name("log in")
        .send()?;
    ensure!(
        check!("logged in to the site", account.status() == 200),
        "the site answered the log-in with {}",
        account.status()
    );
    Ok(())
}
