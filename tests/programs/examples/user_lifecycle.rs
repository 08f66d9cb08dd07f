//! Tells a server of every call the host makes to it.

use lt_sdk::prelude::*;
use lt_test_programs::Peer;

struct Guest(Peer);

fn tell(what: &str) -> Result<()> {
    let url = user::setting("url").context("the setting is required")?;
    let status = http::get(format!("{url}/{what}"))
        .name(what)
        .send()?
        .status();
    ensure!(status == 200, "status {status}");
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn init(run: &RunInfo, settings: &Peer) -> Result<Vec<u8>> {
        ensure!(
            settings.url.starts_with("http://"),
            "init sees the settings"
        );
        tell(&format!("init?users={}&seed={}", run.users, run.seed))?;
        Ok(b"made by init".to_vec())
    }

    fn join(user: &User, peer: Peer, state: &[u8]) -> Result<Self> {
        ensure!(state == b"made by init", "join got {} bytes", state.len());
        ensure!(
            user.id == user::id() && user.seed == user::seed(),
            "the host contradicts itself"
        );
        tell(&format!("join?user={}&node={}", user.id, user.node))?;
        Ok(Self(peer))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        ensure!(
            self.0.url.starts_with("http://"),
            "the user keeps its settings"
        );
        ensure!(
            it.number == user::iteration(),
            "the host contradicts itself"
        );
        ensure!(
            it.intended_start <= it.actual_start && it.actual_start <= timing::now(),
            "time goes backwards"
        );
        tell(&format!("iterate?user={}&number={}", user::id(), it.number))
    }

    fn leave(self) -> Result<()> {
        tell(&format!("leave?user={}", user::id()))
    }

    fn terminate(state: &[u8]) -> Result<()> {
        tell(&format!("terminate?state={}", state.len()))
    }
}
