use lt_sdk::prelude::*;

struct Names;

#[derive(Settings)]
struct Unknown {
    names: Names,
}

#[derive(Settings)]
struct Tuple(u8);

#[derive(Settings)]
enum Several {
    One,
}

fn main() {}
