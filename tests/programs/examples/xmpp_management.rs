//! Loses its connection and takes its stream up again (XEP-0198): what was sent meanwhile comes, what was not acknowledged is sent again.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Filter, Session, StreamManagement};
use lt_test_programs::xmpp::{Server, is_case};

struct Guest(Server);

const WAIT: Duration = Duration::from_secs(10);

impl Guest {
    fn connect(&self, resource: &str) -> Result<Session> {
        let sm = StreamManagement::resumable().ask_every(1000);
        let account = self.0.account()?.resource(resource);
        Ok(account.stream_management(sm).presence().connect()?)
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let friend = self.connect("friend")?;
        let session = self.connect("phone")?;
        let own = session.jid().to_owned();
        for number in 0..20 {
            session.send(&xmpp::chat(friend.jid(), format!("before {number}")))?;
        }
        check!("all is acknowledged", session.acknowledge()? == 0);
        check!(
            "and counted",
            session.statistics().unacknowledged == 0 && session.statistics().sent >= 21
        );
        for number in 0..20 {
            let message = friend.receive(Filter::chat().from(&own), WAIT)?;
            check!(
                "in order",
                message.body().as_deref() == Some(&format!("before {number}"))
            );
        }
        // Not acknowledged: nobody asks for a thousand stanzas.
        session.send(&xmpp::chat(friend.jid(), "on the edge"))?;
        friend.receive(Filter::chat().contains("on the edge"), WAIT)?;
        session.kill();
        let Some(left) = session.resumption() else {
            bail!("nothing is left of a resumable stream");
        };
        check!("only once", session.resumption().is_none());
        check!(
            "what is not acknowledged is known",
            left.unacknowledged().len() == 1 && left.unacknowledged()[0].contains("on the edge")
        );
        check!("the stream has a name", !left.id().is_empty());
        friend.send(&xmpp::chat(&own, "while you were away"))?;
        friend.acknowledge()?;
        let account = self.0.account()?.resource("phone");
        // An attempt that fails does not cost what is left.
        let nobody = account.clone().websocket("ws://127.0.0.1:1/").resume(&left);
        check!("nobody is there", nobody.is_err());
        check!("it is still there", left.unacknowledged().len() == 1);
        let resumed = account.resume(&left)?;
        let connected = resumed.connected();
        check!(
            "the stream is resumed",
            connected.resumed && connected.jid == own
        );
        check!("and spent", left.unacknowledged().is_empty());
        let meanwhile = resumed.receive(Filter::chat(), WAIT)?;
        check!(
            "what came meanwhile comes",
            meanwhile.body().as_deref() == Some("while you were away")
        );
        check!("all is acknowledged again", resumed.acknowledge()? == 0);
        // The server had handled it, and says so: it is not sent twice.
        check!(
            "what was handled is not sent again",
            is_case(
                &friend.receive(
                    Filter::chat().contains("on the edge"),
                    Duration::from_millis(200)
                ),
                "timeout"
            )
        );
        // A clean end leaves nothing to resume.
        resumed.close();
        check!("a clean end is one", resumed.resumption().is_none());
        // A name that the server does not know (any more) ends in a new session.
        let gone = self.connect("gone")?;
        gone.kill();
        let Some(left) = gone.resumption() else {
            bail!("nothing is left of a resumable stream");
        };
        let taken = self.0.account()?.resource("gone").resume(&left)?;
        check!("it was known", taken.connected().resumed);
        taken.close();
        friend.close();
        Ok(())
    }
}
