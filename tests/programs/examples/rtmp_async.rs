//! Waits for several things of streams at a time.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Happening, Inbox, Player};
use lt_test_programs::rtmp::Server;

struct Guest(Server);

/// Frames until there are so many.
async fn frames(player: &Player, count: usize) -> Result<usize> {
    let mut media = 0;
    while media < count {
        let frame = player.receive_async().await?;
        media += usize::from(!frame.codec_header);
    }
    Ok(media)
}

/// Events until the first frame.
async fn first_frame(player: &Player) -> Result<bool> {
    loop {
        if player.next_event_async().await?.what == Happening::FirstFrame {
            return Ok(true);
        }
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn describe(base: Description) -> Description {
        base.asset("video", "what is published")
    }

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    async fn iterate(&mut self) -> Result<()> {
        let server = &self.0;
        let ingest = server.connect()?;
        let publisher = ingest.publish(&server.stream).start()?;
        // One each: nginx-rtmp has one stream a connection.
        let (edge, other) = (server.connect()?, server.connect()?);
        let one = edge.play(&server.stream).frames(Inbox::new()).start()?;
        let two = other.play(&server.stream).frames(Inbox::new()).start()?;
        publisher.publish_asset("video").start()?;
        let (first, second, begun) = join!(frames(&one, 20), frames(&two, 20), first_frame(&one));
        check!("both got theirs", first? == 20 && second? == 20);
        check!("and the event came", begun?);
        publisher.stop();
        Ok(())
    }
}
