use lt_sdk::prelude::*;

#[derive(Default)]
struct Shop;

#[lt_sdk::scenario]
impl Scenario for Shop {
    fn iterate(&mut self, it: Iteration, user: &User) {}

    fn leave(self, it: Iteration) {}
}

fn main() {}
