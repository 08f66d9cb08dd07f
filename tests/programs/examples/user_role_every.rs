//! Has a role that every so many-th user plays, beside the other kinds.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;

struct Guest {
    role: String,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        base.role("teacher", "there is one", Share::Count(1))
            .role("reader", "every fifth", Share::Every(5))
            .role("pupil", "all others", Share::Weight(1))
    }

    fn join(user: &User) -> Result<Self> {
        ensure!(user.role == user::role(), "the host contradicts itself");
        let role = user.role.clone();
        check!(&format!("user {} is a {role}", user.id), true);
        Ok(Self { role })
    }

    fn iterate(&mut self) -> Result<()> {
        Ok(Counter::open(&self.role)?.add(1)?)
    }
}
