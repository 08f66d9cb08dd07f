//! A fifth version, which wants a setting that the first did not have, and narrows one that it had.

use lt_sdk::prelude::*;
use lt_test_programs::Peer;

#[derive(Settings)]
struct Needs {
    #[setting(flatten)]
    peer: Peer,
    /// Who pays
    account: String,
    /// A word that each request says
    #[setting(default = "calm", allowed("calm", "busy"))]
    mood: Live<String>,
}

struct Guest(Needs);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Needs;

    fn describe(_base: Description) -> Description {
        Description::new("swap", "5.0.0", "Tells a server who pays")
    }

    fn join(_user: &User, needs: Needs) -> Result<Self> {
        Ok(Self(needs))
    }

    fn iterate(&mut self) -> Result<()> {
        let Needs {
            peer,
            account,
            mood,
        } = &self.0;
        let mood = mood.get()?;
        http::get(format!("{}/v5?account={account}&mood={mood}", peer.url))
            .name("v5")
            .send()?;
        timing::sleep(Duration::from_millis(20));
        Ok(())
    }
}
