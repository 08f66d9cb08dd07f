//! A library brings its own settings; they stand where its field does.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Server {
    /// Where
    #[setting(default = "127.0.0.1")]
    host: String,
    /// How long
    #[setting(default = "5s")]
    patience: Duration,
}

#[derive(Settings)]
struct Options {
    /// Before
    #[setting(default = 1)]
    before: u8,
    #[setting(flatten)]
    server: Server,
    /// Behind
    #[setting(default = 2, live)]
    behind: u8,
}

#[derive(Settings)]
struct Alone {
    #[setting(flatten)]
    server: Server,
}

fn main() {
    let names = |declared: Vec<lt_sdk::settings::RawSetting>| -> Vec<String> {
        declared.into_iter().map(|setting| setting.name).collect()
    };
    assert_eq!(
        names(Options::declarations()),
        ["before", "host", "patience", "behind"]
    );
    assert_eq!(names(Alone::declarations()), ["host", "patience"]);
    let _ = |options: Options| {
        (
            options.before,
            options.server.host,
            options.server.patience,
            options.behind,
        )
    };
    let _ = |alone: Alone| alone.server;
}
