use lt_sdk::prelude::*;

struct Shop;

#[lt_sdk::scenario]
impl Scenario for Shop {
    fn iterate(&mut self) {}
}

fn main() {}
