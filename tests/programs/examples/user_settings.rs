//! Has a setting of every kind, and tells a server their values.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Shop {
    /// The server, without a path
    url: String,
    /// Goods in one order
    #[setting(default = 3, min = 1, max = 9)]
    size: u32,
    /// Share of users who buy
    #[setting(default = 0.5, min = 0.0, max = 1.0)]
    share: f64,
    /// Pause between two pages
    #[setting(default = "10ms", max = "1m")]
    pause: Duration,
    /// How to pay
    #[setting(default = "card", allowed("card", "invoice"))]
    payment: String,
    /// Whether to leave a review
    #[setting(default = false)]
    review: bool,
    /// Password of the account
    #[setting(default = "hunter2", secret)]
    password: String,
    /// Sign in as this user
    login: Option<String>,
}

struct Guest(Shop);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Shop;

    fn join(_user: &User, shop: Shop) -> Result<Self> {
        Ok(Self(shop))
    }

    fn iterate(&mut self) -> Result<()> {
        let Shop {
            url,
            size,
            share,
            pause,
            payment,
            review,
            password,
            login,
        } = &self.0;
        let login = login.as_deref().unwrap_or("nobody");
        let query = format!(
            "size={size}&share={share}&pause={pause:?}&payment={payment}&review={review}&password={password}&login={login}"
        );
        http::get(format!("{url}/settings?{query}")).send()?;
        Ok(())
    }
}
