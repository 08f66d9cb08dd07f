//! Publishes and plays, and fails in the way it is told to.
#![allow(clippy::panic, reason = "that is what this guest is for")]

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Connection, Player, Publisher};
use lt_test_programs::rtmp::Server;

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// How to end: fails, panics, spins
    how: String,
}

struct Guest {
    options: Options,
    player: Player,
    _publisher: Publisher,
    _connections: [Connection; 2],
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.asset("video", "what is published")
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        let name = format!("{}-{}", options.server.stream, user.id);
        let ingest = options.server.connect()?;
        let publisher = ingest.publish(&name).start()?;
        let edge = options.server.connect()?;
        let player = edge.play(&name).start()?;
        publisher.publish_asset("video").start()?;
        Ok(Self {
            options,
            player,
            _publisher: publisher,
            _connections: [ingest, edge],
        })
    }

    fn iterate(&mut self) -> Result<()> {
        self.player
            .watch_timeout(Duration::from_millis(300), Duration::from_secs(20))?;
        match self.options.how.as_str() {
            "fails" => bail!("as it was told to"),
            "panics" => panic!("as it was told to"),
            _ => loop {
                std::hint::black_box(0);
            },
        }
    }
}
