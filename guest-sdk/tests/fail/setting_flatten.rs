use lt_sdk::prelude::*;

#[derive(Settings)]
struct Inner {
    #[setting(default = 1)]
    size: u8,
}

#[derive(Settings)]
struct Named {
    #[setting(flatten, name = "inner")]
    inner: Inner,
}

fn main() {}
