//! Logs in, tells how that went, asks the server for a ping, and ends the stream.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, StreamManagement};
use lt_test_programs::xmpp::{Server, tell_close};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Steps behind the usual ones too: stream management, carbons, presence
    #[setting(default = false)]
    everything: bool,
    /// Acknowledge at once after TLS
    #[setting(default = false)]
    quick_ack: bool,
    /// How long to stay
    #[setting(default = "0s")]
    stay: Duration,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let Options {
            server,
            everything,
            quick_ack,
            stay,
        } = &self.0;
        let mut account = server.account()?;
        if *everything {
            account = account
                .stream_management(StreamManagement::resumable())
                .carbons()
                .presence();
        }
        if *quick_ack {
            account = account.quick_ack();
        }
        let session = account.connect()?;
        let connected = session.connected();
        let steps: Vec<&str> = connected.steps.iter().map(|(name, _)| &name[..]).collect();
        log::info!(
            "jid={} mechanism={} tls={} address={} steps={}",
            connected.jid,
            connected.mechanism,
            connected.tls_version,
            connected.remote_address,
            steps.join(",")
        );
        let sum: Duration = connected.steps.iter().map(|(_, took)| *took).sum();
        check!("steps are parts of the whole", sum <= connected.total);
        check!("nothing was resumed", !connected.resumed);
        check!(
            "binding was offered",
            connected
                .features
                .iter()
                .any(|feature| feature == "urn:ietf:params:xml:ns:xmpp-bind")
        );
        let answer = session.request(&xmpp::ping(&server.domain))?;
        check!("a ping is answered", answer.kind() == Some("result"));
        timing::sleep(*stay);
        let close = session.close();
        tell_close(&close);
        check!(
            "it stays closed",
            session.closed() == Some(close) && session.send(&xmpp::presence()).is_err()
        );
        Ok(())
    }
}
