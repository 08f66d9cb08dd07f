struct Shop;

#[lt_sdk::scenario]
impl Clone for Shop {
    fn clone(&self) -> Self {
        Shop
    }
}

fn main() {}
