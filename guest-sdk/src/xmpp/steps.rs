//! The steps of connecting, and what they are told.

use super::Filters;
use crate::bindings::lt::scenario::xmpp as host;
use crate::timing::{Duration, nanos};

/// A SASL mechanism, by its name in the contract: `ScramSha256` is `SCRAM-SHA-256`. The forms with `Plus` bind to the TLS channel (RFC 5929,
/// RFC 9266).
///
/// ```no_run
/// use lt_sdk::xmpp::{Account, Mechanism};
///
/// # fn main() -> lt_sdk::Result<()> {
/// let session = Account::new("user_1@localhost", "password_1").mechanism(Mechanism::ScramSha256).connect()?;
/// # Ok(())
/// # }
/// ```
pub use crate::bindings::lt::scenario::xmpp::Mechanism;

/// What becomes of the stream over TCP.
///
/// ```no_run
/// use lt_sdk::xmpp::{Account, Security};
///
/// # fn main() -> lt_sdk::Result<()> {
/// let session = Account::new("user_1@localhost", "password_1").security(Security::DirectTls).connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// StartTLS, or the connect fails (RFC 6120, section 5).
    StartTls,
    /// StartTLS if the server offers it. Whoever sits between could take the offer away: for tests only.
    StartTlsIfOffered,
    /// TLS from the first byte (XEP-0368), by default to port 5223.
    DirectTls,
    /// None: everything is readable on the way. PLAIN is refused unless it is named as a mechanism.
    None,
}

impl From<Security> for host::Security {
    fn from(security: Security) -> Self {
        match security {
            Security::StartTls => Self::Starttls,
            Security::StartTlsIfOffered => Self::StarttlsIfOffered,
            Security::DirectTls => Self::DirectTls,
            Security::None => Self::None,
        }
    }
}

/// How stream management (XEP-0198) is done.
///
/// ```
/// use lt_sdk::timing::Duration;
/// use lt_sdk::xmpp::StreamManagement;
///
/// let patient = StreamManagement::resumable().max(Duration::from_secs(300)).ask_every(10);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is to be given to an account, or to a step"]
pub struct StreamManagement(host::StreamManagement);

impl Default for StreamManagement {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamManagement {
    /// Acknowledgements, and no resumption.
    ///
    /// ```
    /// let acknowledged = lt_sdk::xmpp::StreamManagement::new();
    /// ```
    pub const fn new() -> Self {
        Self(host::StreamManagement {
            resume: false,
            max: None,
            ask_every: None,
        })
    }

    /// Acknowledgements, and a stream that can be resumed.
    ///
    /// ```
    /// let resumable = lt_sdk::xmpp::StreamManagement::resumable();
    /// ```
    pub const fn resumable() -> Self {
        let mut new = Self::new();
        new.0.resume = true;
        new
    }

    /// How long the server should keep the stream: its own choice unless given.
    ///
    /// ```
    /// # use lt_sdk::timing::Duration;
    /// let resumable = lt_sdk::xmpp::StreamManagement::resumable().max(Duration::from_secs(60));
    /// ```
    pub fn max(mut self, max: Duration) -> Self {
        self.0.max = Some(nanos(max));
        self
    }

    /// Ask for an acknowledgement after this many stanzas sent: 5 unless given; not zero.
    ///
    /// ```
    /// let rarely = lt_sdk::xmpp::StreamManagement::new().ask_every(100);
    /// ```
    pub const fn ask_every(mut self, stanzas: u32) -> Self {
        self.0.ask_every = Some(stanzas);
        self
    }
}

/// What the host answers by itself, also while the user sleeps: pings, disco and the version unless said otherwise.
///
/// ```
/// use lt_sdk::xmpp::Handlers;
///
/// let handlers = Handlers::none().ping().receipts();
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is to be given to an account"]
pub struct Handlers(pub(super) host::Handlers);

impl Default for Handlers {
    fn default() -> Self {
        Self::none().ping().disco().version()
    }
}

impl Handlers {
    /// Nothing.
    ///
    /// ```
    /// let silent = lt_sdk::xmpp::Handlers::none();
    /// ```
    pub fn none() -> Self {
        Self(host::Handlers::empty())
    }

    /// Everything it can.
    ///
    /// ```
    /// let handlers = lt_sdk::xmpp::Handlers::all();
    /// ```
    pub fn all() -> Self {
        Self::default().receipts().refuse_requests()
    }

    fn and(self, other: host::Handlers) -> Self {
        Self(self.0 | other)
    }

    /// Pings (XEP-0199).
    ///
    /// ```
    /// let handlers = lt_sdk::xmpp::Handlers::none().ping();
    /// ```
    pub fn ping(self) -> Self {
        self.and(host::Handlers::PING)
    }

    /// Disco info and items (XEP-0030): a client, with the features that the other choices stand for.
    ///
    /// ```
    /// let handlers = lt_sdk::xmpp::Handlers::none().disco();
    /// ```
    pub fn disco(self) -> Self {
        self.and(host::Handlers::DISCO)
    }

    /// Requests for receipts (XEP-0184).
    ///
    /// ```
    /// let handlers = lt_sdk::xmpp::Handlers::default().receipts();
    /// ```
    pub fn receipts(self) -> Self {
        self.and(host::Handlers::RECEIPTS)
    }

    /// The software's version (XEP-0092) and the time (XEP-0202).
    ///
    /// ```
    /// let handlers = lt_sdk::xmpp::Handlers::none().version();
    /// ```
    pub fn version(self) -> Self {
        self.and(host::Handlers::VERSION)
    }

    /// All other requests, with `service-unavailable` (RFC 6120, section 8.2.3).
    ///
    /// ```
    /// let handlers = lt_sdk::xmpp::Handlers::default().refuse_requests();
    /// ```
    pub fn refuse_requests(self) -> Self {
        self.and(host::Handlers::REFUSE_REQUESTS)
    }
}

/// One step of connecting; its name is the tag `step` of `xmpp_connecting`.
///
/// ```no_run
/// use lt_sdk::xmpp::{Account, Step};
///
/// # fn main() -> lt_sdk::Result<()> {
/// let session = Account::new("user_1@localhost", "password_1")
///     .steps([Step::stream(), Step::tls(), Step::authenticate(), Step::bind(), Step::carbons(), Step::presence()])
///     .connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is to be given to an account, or performed"]
pub struct Step(pub(super) host::Step);

/// A step without choices: its function and its case in the contract.
macro_rules! plain_steps {
    ($($(#[$doc:meta])* $name:ident => $case:ident;)*) => {
        impl Step {
            $(
                $(#[$doc])*
                pub const fn $name() -> Self {
                    Self(host::Step::$case)
                }
            )*
        }
    };
}

plain_steps! {
    /// `stream`: open the stream, up to the server's header; `features`: up to its features (RFC 6120, section 4.3). Never needed after a
    /// step that restarts the stream by itself: [`tls`](Self::tls) and [`authenticate`](Self::authenticate) do.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::stream();
    /// ```
    stream => Stream;
    /// `starttls` (asking, up to `proceed`), `tls` (the handshake) and `restart`, as [`Security`] says.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::tls();
    /// ```
    tls => Tls;
    /// `sasl`: authenticate (RFC 6120, section 6), the time for deriving keys left out and recorded as `sasl-compute`; then `restart`.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::authenticate();
    /// ```
    authenticate => Authenticate;
    /// `resume`: take up the stream that was given to [`Account::resume`](super::Account::resume); a server that does not know it any more goes on with
    /// `bind`. Without one nothing happens.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::resume();
    /// ```
    resume => Resume;
    /// `bind`: bind the resource (RFC 6120, section 7); not after a stream was resumed.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::bind();
    /// ```
    bind => Bind;
    /// `session`: the session of RFC 3921, where a server offers it and does not call it optional.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::session();
    /// ```
    session => Session;
    /// `carbons`: ask for copies (XEP-0280); not after a stream was resumed.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::carbons();
    /// ```
    carbons => Carbons;
    /// `presence`: send an initial presence (RFC 6121, section 4.2), and wait until the server has returned it; not after a stream was
    /// resumed.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::presence();
    /// ```
    presence => Presence;
}

impl Step {
    /// `register`: make the account (XEP-0077) with the user's name and password.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::register();
    /// ```
    pub const fn register() -> Self {
        Self(host::Step::Register(Vec::new()))
    }

    /// `register` with these fields of the server's form, beside the name and the password.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::register_with([("email", "user_1@example.org")]);
    /// ```
    pub fn register_with<N: Into<String>, V: Into<String>>(
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let fields = fields.into_iter();
        let fields = fields.map(|(name, value)| (name.into(), value.into()));
        Self(host::Step::Register(fields.collect()))
    }

    /// `stream-management`: enable it (XEP-0198), if the server offers it; not after a stream was resumed.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Step, StreamManagement};
    ///
    /// let step = Step::stream_management(StreamManagement::resumable());
    /// ```
    pub const fn stream_management(options: StreamManagement) -> Self {
        Self(host::Step::StreamManagement(options.0))
    }

    /// One of the scenario's own, by its name in the tag `step`: [`send`](Self::send), [`expect`](Self::expect), [`restart`](Self::restart) say what it does.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Step};
    ///
    /// let step = Step::custom("compression")
    ///     .send("<compress xmlns='http://jabber.org/protocol/compress'><method>none</method></compress>")
    ///     .expect([Filter::element("failure"), Filter::element("compressed")]);
    /// ```
    pub fn custom(name: impl Into<String>) -> Self {
        Self(host::Step::Custom(host::CustomStep {
            name: name.into(),
            send: String::new(),
            await_: Vec::new(),
            restart: false,
        }))
    }

    /// Change a step of the scenario's own; the others stay as they are.
    fn customized(mut self, change: impl FnOnce(&mut host::CustomStep)) -> Self {
        if let host::Step::Custom(step) = &mut self.0 {
            change(step);
        }
        self
    }

    /// What a [`custom`](Self::custom) step sends: any text. The other steps stay as they are.
    ///
    /// ```
    /// let step = lt_sdk::xmpp::Step::custom("hello").send("<presence/>");
    /// ```
    pub fn send(self, xml: impl Into<String>) -> Self {
        let xml = xml.into();
        self.customized(|step| step.send = xml)
    }

    /// What a [`custom`](Self::custom) step waits for: the first element that one of these fits. Others that come meanwhile are received after
    /// the connect, if they are stanzas. The other steps stay as they are.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Step};
    ///
    /// let step = Step::custom("hello").send("<presence/>").expect(Filter::presence());
    /// ```
    pub fn expect(self, filters: impl Into<Filters>) -> Self {
        let filters = filters.into();
        self.customized(|step| step.await_ = filters.into_host())
    }

    /// Have a [`custom`](Self::custom) step open the stream anew at its end. The other steps stay as they are.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Step};
    ///
    /// let step = Step::custom("own-auth").send("<auth xmlns='urn:test'/>").expect(Filter::element("success")).restart();
    /// ```
    pub fn restart(self) -> Self {
        self.customized(|step| step.restart = true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::*;

    #[test]
    fn custom_steps_reach_the_contract_and_others_stay() {
        let step = Step::custom("own")
            .send("<a/>")
            .expect([Filter::element("b"), Filter::element("c")])
            .restart();
        let host::Step::Custom(step) = step.0 else {
            panic!("it is one of the scenario's own");
        };
        assert_eq!((step.name.as_str(), step.send.as_str()), ("own", "<a/>"));
        assert_eq!(step.await_[1].name.as_deref(), Some("c"));
        assert!(step.restart);
        assert!(matches!(
            Step::bind().send("<a/>").restart().0,
            host::Step::Bind
        ));
    }

    #[test]
    fn choices_reach_the_contract() {
        let sm = StreamManagement::resumable()
            .max(Duration::from_secs(1))
            .ask_every(7);
        assert!(matches!(
            Step::stream_management(sm).0,
            host::Step::StreamManagement(host::StreamManagement {
                resume: true,
                max: Some(1_000_000_000),
                ask_every: Some(7),
            })
        ));
        assert!(!StreamManagement::new().0.resume);
        assert!(matches!(
            Step::register_with([("email", "a@b")]).0,
            host::Step::Register(fields) if fields == [("email".to_owned(), "a@b".to_owned())]
        ));
        let default = host::Handlers::PING | host::Handlers::DISCO | host::Handlers::VERSION;
        assert!(Handlers::default().0 == default);
        let all = default | host::Handlers::RECEIPTS | host::Handlers::REFUSE_REQUESTS;
        assert!(Handlers::all().0 == all && all != default);
        assert!(Handlers::none().0 == host::Handlers::empty());
    }
}
