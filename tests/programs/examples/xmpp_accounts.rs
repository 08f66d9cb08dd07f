//! Makes an account, uses it, and removes it.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Account, Security};
use lt_test_programs::xmpp::{Server, case};

struct Guest(Server);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let account: Account = self.0.account()?.security(Security::StartTls);
        let session = account.clone().register().presence().connect()?;
        let again = account.clone().register().connect();
        match again {
            Ok(_) => bail!("it was registered twice"),
            Err(error) => {
                check!(
                    "an account is registered once",
                    case(&error) == "refused" && error.condition() == Some("conflict")
                );
            }
        }
        session.send(&xmpp::chat(session.jid(), "to myself"))?;
        session.receive(xmpp::Filter::chat(), Duration::from_secs(10))?;
        session.request(&xmpp::change_password(&name_of(&session), "another"))?;
        session.unregister()?;
        timing::sleep(Duration::from_millis(100));
        let gone = account.connect();
        check!(
            "who is removed is not let in",
            gone.is_err_and(|error| error.condition() == Some("not-authorized"))
        );
        Ok(())
    }
}

fn name_of(session: &xmpp::Session) -> String {
    let bare = session.bare_jid();
    bare.split('@').next().unwrap_or_default().to_owned()
}
