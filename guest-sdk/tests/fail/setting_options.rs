use lt_sdk::prelude::*;

#[derive(Settings)]
struct Unknown {
    #[setting(defualt = 1)]
    size: u8,
}

#[derive(Settings)]
struct Name {
    #[setting(default = 1, name = "Base URL")]
    size: u8,
}

#[derive(Settings)]
struct Text {
    #[setting(default = 1)]
    url: String,
}

#[derive(Settings)]
struct Pause {
    #[setting(default = "10")]
    pause: Duration,
}

#[derive(Settings)]
struct Negative {
    #[setting(default = -1)]
    size: Live<u8>,
}

fn main() {}
