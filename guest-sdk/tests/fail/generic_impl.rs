use lt_sdk::prelude::*;

struct Shop<T>(T);

#[lt_sdk::scenario]
impl<T> Scenario for Shop<T> {
    fn iterate(&mut self) {}
}

fn main() {}
