use lt_sdk::prelude::*;

#[derive(Default)]
struct Shop;

#[lt_sdk::scenario]
impl Scenario for Shop {
    fn iterate(&mut self) {
        self.buy();
    }

    fn buy(&mut self) {}
}

fn main() {}
