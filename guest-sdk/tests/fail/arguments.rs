use lt_sdk::prelude::*;

#[derive(Default)]
struct Shop;

#[lt_sdk::scenario(name = "shop")]
impl Scenario for Shop {
    fn iterate(&mut self) {}
}

fn main() {}
