//! Publishes the tags of the asset `tags` one by one, and plays them on a connection of its own: each comes as it went.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Inbox, TagKind};
use lt_test_programs::rtmp::{Server, Tag, tags};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Time between two tags
    #[setting(default = "5ms")]
    pause: Duration,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.asset("tags", "what is published")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let server = &self.0.server;
        let file = data::asset("tags")?.read_all()?;
        let sent: Vec<Tag> = tags(&file)
            .into_iter()
            .filter(|tag| tag.kind != TagKind::Data)
            .collect();
        let ingest = server.connect()?;
        let edge = server.connect()?;
        let publisher = ingest.publish(&server.stream).start()?;
        let player = edge
            .play(&server.stream)
            .frames(Inbox::new())
            .payload(true)
            .start()?;
        for tag in &sent {
            publisher.send_tag(tag.kind, tag.timestamp_ms, &tag.data)?;
            timing::sleep(self.0.pause);
        }
        let mut codecs = Vec::new();
        for (number, tag) in sent.iter().enumerate() {
            let frame = loop {
                let frame = player.receive(Duration::from_secs(10))?;
                if frame.kind != TagKind::Data {
                    break frame;
                }
            };
            ensure!(
                (frame.kind, &frame.data) == (tag.kind, &tag.data),
                "tag {number} of {} bytes came as {:?} of {} bytes",
                tag.data.len(),
                frame.kind,
                frame.data.len()
            );
            ensure!(
                frame.timestamp_ms == tag.timestamp_ms,
                "tag {number} of {} ms came at {} ms",
                tag.timestamp_ms,
                frame.timestamp_ms
            );
            if !codecs.contains(&frame.codec) {
                codecs.push(frame.codec);
            }
        }
        log::info!("passed={} codecs={}", sent.len(), codecs.join(","));
        check!("all tags came", true);
        publisher.stop();
        player.stop();
        Ok(())
    }
}
