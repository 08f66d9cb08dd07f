struct Shop;

#[lt_sdk::scenario]
impl Shop {
    fn iterate(&mut self) {}
}

fn main() {}
