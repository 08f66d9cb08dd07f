use lt_sdk::prelude::*;

struct Shop;

#[lt_sdk::scenario]
impl Scenario for Shop {
    fn join(&self) -> Result<Self> {
        Ok(Shop)
    }

    fn iterate(&self) {}

    fn leave(&mut self) {}
}

fn main() {}
