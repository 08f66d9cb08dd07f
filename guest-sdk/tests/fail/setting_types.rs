use lt_sdk::prelude::*;

#[derive(Settings)]
struct Unknown {
    names: Vec<String>,
}

#[derive(Settings)]
struct Tuple(u8);

#[derive(Settings)]
enum Several {
    One,
}

fn main() {}
