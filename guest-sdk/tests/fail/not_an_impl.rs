#[lt_sdk::scenario]
struct Shop;

fn main() {}
