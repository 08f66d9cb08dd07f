//! A person in a shop: logs in through a form with a CSRF token, adds a thing, looks around, logs out.
//!
//! Runs against `lt-host target` as it is. Cookies need no code: each user has its own jar, as a browser has.

use lt_sdk::html::Form;
use lt_sdk::prelude::*;
use lt_sdk::rand::Rng;
use lt_sdk::serde::Deserialize;

/// What `--set` can change.
#[derive(Settings)]
struct Shop {
    /// Where the shop is
    #[setting(default = "http://127.0.0.1:8080")]
    base_url: String,
    /// Shortest look at a page
    #[setting(default = "100ms")]
    think_time_min: Duration,
    /// Longest look at a page
    #[setting(default = "500ms")]
    think_time_max: Duration,
    /// Items looked at in one visit; may change during the run
    #[setting(default = 3, max = 100)]
    items: Live<u32>,
}

/// One customer; a visit is one iteration.
struct Customer {
    name: String,
    shop: Shop,
}

#[lt_sdk::scenario]
impl Scenario for Customer {
    type Settings = Shop;

    fn join(user: &User, shop: Shop) -> Result<Self> {
        Ok(Self {
            name: format!("user-{}", user.id),
            shop,
        })
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let mut rng = it.rng();
        group("log in", || self.log_in())?;
        self.think(&mut rng);
        group("add an item", || self.add_item(it.number))?;
        self.think(&mut rng);
        group("browse", || self.browse(&mut rng))?;
        group("log out", || self.log_out())
    }
}

impl Customer {
    fn url(&self, path: &str) -> String {
        [&self.shop.base_url, path].concat()
    }

    fn think(&self, rng: &mut Rng) {
        timing::sleep(rng.think_time(self.shop.think_time_min..self.shop.think_time_max));
    }

    /// The server answers a post without the page's token with 403, so the page comes first, as in a browser.
    fn log_in(&self) -> Result<()> {
        let page = http::get(self.url("/login"))
            .name("login page")
            .send()?
            .error_for_status()?;
        let form = Form::parse(&page.text()?).context("no form on the login page")?;
        check!(
            "login form has a token",
            form.value("csrf_token")
                .is_some_and(|token| !token.is_empty())
        );
        let account = form
            .set("username", &self.name)
            .set("password", "secret")
            .submit(&page.url())
            .name("log in")
            .send()?;
        let welcome = check!(account, {
            "logged in" => |r| r.status() == 200,
            "sent to the account page" => |r| r.url().ends_with("/account"),
        });
        ensure!(
            welcome,
            "login answered {} at {}",
            account.status(),
            account.url()
        );
        Ok(())
    }

    fn browse(&self, rng: &mut Rng) -> Result<()> {
        let list = http::get(self.url("/items"))
            .name("item list")
            .send()?
            .error_for_status()?;
        let Items { items } = list.json()?;
        check!("the shop has items", !items.is_empty());
        for _ in 0..self.shop.items.get()? {
            if user::should_stop() {
                break;
            }
            let Some(item) = rng.pick(&items) else { break };
            let page = http::get(self.url(&format!("/items/{}", item.id)))
                .name("item")
                .send()?;
            check!("item is there", page.status() == 200);
            self.think(rng);
        }
        Ok(())
    }

    fn add_item(&self, visit: u64) -> Result<()> {
        let name = format!("{}'s find of visit {visit}", self.name);
        let answer = http::post(self.url("/items"))
            .json(&lt_sdk::json!({ "name": name }))
            .name("new item")
            .send()?;
        check!("item was created", answer.status() == 201);
        Ok(())
    }

    /// The next visit is that of somebody who was never here.
    fn log_out(&self) -> Result<()> {
        let answer = http::get(self.url("/logout")).name("log out").send()?;
        check!("logged out", answer.is_success());
        http::clear_cookies();
        Ok(())
    }
}

/// The newest items, as `/items` lists them.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct Items {
    items: Vec<Item>,
}

/// What the journey needs to know of an item.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct Item {
    id: u64,
}
