//! Waits for several things at a time: a message or a while, a turn or a while, a group or a while. Alone in its run.

use lt_sdk::coordination::{Meeting, Throttle};
use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

const WHILE: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

async fn mailbox() -> Result<()> {
    let first = select! {
        message = coordination::receive_async() => message?.content,
        () = timing::sleep_async(WHILE) => b"nobody wrote".to_vec(),
    };
    ensure!(first == b"nobody wrote", "a message from nobody");
    let (message, sent) = join!(coordination::receive_async(), async {
        timing::sleep_async(WHILE).await;
        coordination::send(user::id(), b"hello")
    });
    sent?;
    ensure!(message?.content == b"hello", "another message");
    coordination::send(user::id(), b"there already")?;
    let second = select! {
        message = coordination::receive_async() => message?.content,
        () = timing::sleep_async(LONG) => Vec::new(),
    };
    ensure!(second == b"there already", "it was not found");
    Ok(())
}

async fn throttle() -> Result<()> {
    let place = Throttle::parallelism("place", 1)?;
    let permit = place.permit_async().await?;
    let other = Throttle::parallelism("place", 1)?;
    let waited = futures::timeout(other.wait_async(), WHILE).await;
    ensure!(waited.is_err(), "two hold one place");
    drop(permit);
    // The wait that was given up has left the queue.
    futures::timeout(other.wait_async(), LONG).await??;
    other.release();
    Ok(())
}

async fn meeting() -> Result<()> {
    let alone = Meeting::of("alone", 1)?;
    let (group, ()) = join!(alone.join_async(b"me"), timing::sleep_async(WHILE));
    ensure!(group?.me().text() == Some("me"), "somebody else came");
    Ok(())
}

/// A meeting that two would make complete, of which one comes; the user then leaves it.
async fn nobody_comes() -> Result<()> {
    let pairs = Meeting::pairs("couples")?;
    let waited = futures::timeout(pairs.join_async(b""), WHILE).await;
    ensure!(waited.is_err(), "somebody came");
    let again = futures::timeout(pairs.join_async(b""), WHILE).await;
    ensure!(again.is_err(), "it met itself");
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    async fn iterate(&mut self) -> Result<()> {
        // With `--users 2`, the second only sleeps: pairs are possible, and nobody comes.
        if user::id() > 1 {
            timing::sleep_async(10 * WHILE).await;
            return Ok(());
        }
        mailbox().await?;
        throttle().await?;
        meeting().await?;
        nobody_comes().await?;
        check!("everything was waited for", true);
        Ok(())
    }
}
