//! Tries to reach a target by one protocol, and fails with what it was told.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Connection, Player};
use lt_sdk::xmpp::Account;
use lt_sdk::{websocket, xmpp};

#[derive(Settings)]
struct Options {
    /// How to reach it
    #[setting(allowed(
        "http",
        "http2",
        "websocket",
        "rtmp",
        "flv",
        "xmpp",
        "xmpp-address",
        "xmpp-websocket"
    ))]
    protocol: String,
    /// Where it is: a URL, for XMPP a domain, or host and port
    place: String,
}

struct Guest(Options);

impl Guest {
    fn reach(&self) -> Result<()> {
        let place = self.0.place.as_str();
        let account = |domain: &str| {
            Account::new(format!("me@{domain}"), "secret")
                .security(xmpp::Security::None)
                .timeout(Duration::from_secs(10))
        };
        match self.0.protocol.as_str() {
            "http" => drop(http::get(place).decompress().send()?),
            "http2" => drop(http::get(place).http2().send()?),
            "websocket" => drop(websocket::connect(place)?),
            "rtmp" => drop(Connection::to(place).connect()?),
            "flv" => drop(Player::http(place).start()?),
            "xmpp" => drop(account(place).connect()?),
            "xmpp-address" => drop(account("example.test").address(place).connect()?),
            _ => drop(account("example.test").websocket(place).connect()?),
        }
        Ok(())
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        self.reach()
    }
}
