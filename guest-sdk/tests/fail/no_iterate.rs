use lt_sdk::prelude::*;

#[derive(Default)]
struct Shop;

#[lt_sdk::scenario]
impl Scenario for Shop {
    fn leave(self) {}
}

fn main() {}
