use lt_sdk::prelude::*;

#[derive(Default)]
struct Shop;

#[lt_sdk::scenario]
impl Scenario for Shop {
    async fn describe(base: Description) -> Description {
        base
    }

    fn iterate(&mut self) {}
}

fn main() {}
