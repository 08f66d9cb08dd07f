//! Waits for two connections and a timer at a time; at a server that echoes.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Pattern, WebSocket};
use lt_test_programs::Peer;

struct Guest(Peer);

const WHILE: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(10);

/// Whichever speaks first is heard first, and silence too.
async fn first_of(room: &WebSocket, news: &WebSocket, limit: Duration) -> Result<String> {
    Ok(select! {
        message = room.receive_async() => format!("room: {}", message?.text().unwrap_or_default()),
        message = news.receive_async() => format!("news: {}", message?.text().unwrap_or_default()),
        () = timing::sleep_async(limit) => "silence".to_owned(),
    })
}

async fn races(room: &WebSocket, news: &WebSocket) -> Result<()> {
    ensure!(
        first_of(room, news, WHILE).await? == "silence",
        "somebody spoke"
    );
    news.send_text("one")?;
    ensure!(
        first_of(room, news, LIMIT).await? == "news: one",
        "not the news"
    );
    room.send_text("two")?;
    ensure!(
        first_of(room, news, LIMIT).await? == "room: two",
        "not the room"
    );
    // What nobody waited for any longer is still there.
    news.send_text("three")?;
    let (message, ()) = join!(news.receive_async(), timing::sleep_async(WHILE));
    ensure!(message?.text() == Some("three"), "it was lost");
    Ok(())
}

async fn matching(room: &WebSocket) -> Result<()> {
    let wanted = Pattern::contains("wanted");
    let (message, sent) = join!(room.receive_matching_async(&wanted), async {
        room.send_text("another")?;
        timing::sleep_async(5 * WHILE).await;
        room.send_text("wanted")
    });
    sent?;
    ensure!(message?.text() == Some("wanted"), "not what was wanted");
    ensure!(
        room.receive_async().await?.text() == Some("another"),
        "the other is gone"
    );
    let late = futures::timeout(room.receive_matching_async(&wanted), WHILE).await;
    ensure!(late.is_err(), "the time did not run out");
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    async fn iterate(&mut self) -> Result<()> {
        let room = websocket::connect(&self.0.url)?;
        let news = websocket::connect(&self.0.url)?;
        races(&room, &news).await?;
        matching(&room).await?;
        room.close()?;
        let ended = room.receive_async().await;
        check!("it ends", ended.is_err_and(|error| error.is_closed()));
        Ok(())
    }
}
