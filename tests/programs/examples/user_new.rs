//! Counts whether it has an account already.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;

struct Guest {
    is_new: bool,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn join(user: &User) -> Result<Self> {
        let is_new = user.is_new;
        let name = if is_new { "new_users" } else { "known_users" };
        Counter::open(name)?.add_tagged(1, &[("user", &user.id.to_string())])?;
        check!(
            &format!(
                "user {} is {}",
                user.id,
                if is_new { "new" } else { "known" }
            ),
            true
        );
        Ok(Self { is_new })
    }

    fn iterate(&mut self) -> Result<()> {
        let name = if self.is_new {
            "registered"
        } else {
            "logged_in"
        };
        Ok(Counter::open(name)?.add(1)?)
    }
}
