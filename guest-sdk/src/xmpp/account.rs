//! Whom to be, where, and how: a session to be.

use super::{
    Filters, Handlers, Inbox, Mechanism, Result, Resumption, Security, Session, Step,
    StreamManagement,
};
use crate::bindings::lt::scenario::http::Tag;
use crate::bindings::lt::scenario::xmpp as host;
use crate::timing::{Duration, nanos};

/// An account to connect with, in the contract's own form.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::xmpp::{Account, Mechanism, StreamManagement};
///
/// # fn iterate() -> Result<()> {
/// let session = Account::new("user_1@localhost", "password_1")
///     .address("127.0.0.1:5222")
///     .mechanism(Mechanism::ScramSha256)
///     .resource("phone")
///     .stream_management(StreamManagement::resumable())
///     .carbons()
///     .presence()
///     .timeout(Duration::from_secs(20))
///     .connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is connected"]
pub struct Account(Box<host::ConnectOptions>);

/// The steps of the contract where none are given.
fn default_steps() -> Vec<host::Step> {
    vec![
        host::Step::Stream,
        host::Step::Tls,
        host::Step::Authenticate,
        host::Step::Resume,
        host::Step::Bind,
        host::Step::Session,
    ]
}

impl Account {
    /// An account: `local@domain`, or with a resource that is asked for; for ANONYMOUS the domain. The password may be a token.
    ///
    /// ```
    /// let account = lt_sdk::xmpp::Account::new("user_1@localhost", "password_1");
    /// ```
    pub fn new(jid: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Box::new(host::ConnectOptions {
            jid: jid.into(),
            password: password.into(),
            transport: host::Transport::Tcp,
            address: None,
            security: None,
            mechanisms: None,
            tls: None,
            local_address: None,
            steps: None,
            timeout: None,
            step_timeout: None,
            quick_ack: false,
            handlers: None,
            intake: None,
            inbox: None,
            stanza_bytes_max: None,
            name: None,
            tags: Vec::new(),
        }))
    }

    /// Ask for this resource (RFC 6120, section 7.7); the server has the last word.
    ///
    /// ```
    /// let account = lt_sdk::xmpp::Account::new("user_1@localhost", "password_1").resource("phone");
    /// ```
    pub fn resource(mut self, resource: impl AsRef<str>) -> Self {
        self.0.jid = [super::bare(&self.0.jid), "/", resource.as_ref()].concat();
        self
    }

    /// Host, or host and port, to connect to, instead of what SRV records (RFC 6120, section 3.2) or the domain itself say.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").address("127.0.0.1:5222");
    /// ```
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.0.address = Some(address.into());
        self
    }

    /// Connect by WebSocket (RFC 7395) to this URL, `ws` or `wss`, instead of TCP. There is no StartTLS then, so
    /// [`security`](Self::security) does not count.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").websocket("ws://127.0.0.1:5280/xmpp-websocket");
    /// ```
    pub fn websocket(mut self, url: impl Into<String>) -> Self {
        self.0.transport = host::Transport::Websocket(url.into());
        self
    }

    /// What becomes of the stream over TCP: [`Security::StartTls`] unless given.
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Security};
    /// let account = Account::new("user_1@localhost", "password_1").security(Security::DirectTls);
    /// ```
    pub fn security(mut self, security: Security) -> Self {
        self.0.security = Some(security.into());
        self
    }

    /// Authenticate with this mechanism and no other.
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Mechanism};
    /// let account = Account::new("user_1@localhost", "password_1").mechanism(Mechanism::ScramSha256);
    /// ```
    pub fn mechanism(self, mechanism: Mechanism) -> Self {
        self.mechanisms([mechanism])
    }

    /// Mechanisms to use, the most wanted first: the first that the server offers is taken. Unless given, all SCRAM forms, then PLAIN if
    /// there is TLS.
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Mechanism};
    /// let account = Account::new("user_1@localhost", "password_1").mechanisms([Mechanism::ScramSha256, Mechanism::Plain]);
    /// ```
    pub fn mechanisms(mut self, mechanisms: impl IntoIterator<Item = Mechanism>) -> Self {
        self.0.mechanisms = Some(mechanisms.into_iter().collect());
        self
    }

    fn tls(&mut self) -> &mut host::TlsOptions {
        self.0.tls.get_or_insert(host::TlsOptions {
            authorities: None,
            identity: None,
            insecure: None,
        })
    }

    /// Trust these authorities (PEM certificates) instead of the user's.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// use lt_sdk::{data, xmpp::Account};
    ///
    /// let account = Account::new("user_1@localhost", "password_1").authorities(data::asset("ca")?.read_all()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls().authorities = Some(pem.into());
        self
    }

    /// Show this certificate (PEM chain and PEM private key): for [`Mechanism::External`].
    ///
    /// ```no_run
    /// # use lt_sdk::xmpp::{Account, Mechanism};
    /// # let (chain, key) = (Vec::new(), Vec::new());
    /// let account = Account::new("user_1@localhost", "").identity(chain, key).mechanism(Mechanism::External);
    /// ```
    pub fn identity(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls().identity = Some((chain.into(), key.into()));
        self
    }

    /// Whether to take any certificate.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").insecure(true);
    /// ```
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.tls().insecure = Some(insecure);
        self
    }

    /// Local address to connect from, instead of what the run says.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").source_address("127.0.0.2");
    /// ```
    pub fn source_address(mut self, address: impl Into<String>) -> Self {
        self.0.local_address = Some(address.into());
        self
    }

    /// Connect by these steps, in this order, instead of `stream`, `tls`, `authenticate`, `resume`, `bind`, `session`. Direct TLS and TLS of
    /// the WebSocket come before all.
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Step};
    /// let steps = [Step::stream(), Step::tls(), Step::authenticate(), Step::bind()];
    /// let account = Account::new("user_1@localhost", "password_1").steps(steps);
    /// ```
    pub fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.0.steps = Some(steps.into_iter().map(|step| step.0).collect());
        self
    }

    fn steps_mut(&mut self) -> &mut Vec<host::Step> {
        self.0.steps.get_or_insert_with(default_steps)
    }

    /// Put a step where the first of these stands, or at the end.
    fn insert_before(mut self, step: Step, before: fn(&host::Step) -> bool) -> Self {
        let steps = self.steps_mut();
        let at = steps.iter().position(before).unwrap_or(steps.len());
        steps.insert(at, step.0);
        self
    }

    /// Make the account first (XEP-0077): [`Step::register`] before authentication.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").register();
    /// ```
    pub fn register(self) -> Self {
        self.insert_before(Step::register(), is_authenticate)
    }

    /// The same, with these fields of the server's form.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").register_with([("email", "user_1@example.org")]);
    /// ```
    pub fn register_with<N: Into<String>, V: Into<String>>(
        self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.insert_before(Step::register_with(fields), is_authenticate)
    }

    /// Enable stream management (XEP-0198) once the resource is bound: [`Step::stream_management`].
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, StreamManagement};
    /// let account = Account::new("user_1@localhost", "password_1").stream_management(StreamManagement::resumable());
    /// ```
    pub fn stream_management(mut self, options: StreamManagement) -> Self {
        let binds = |step: &host::Step| matches!(step, host::Step::Bind | host::Step::Session);
        let steps = self.steps_mut();
        let behind = steps.iter().rposition(binds).map(|bind| bind + 1);
        steps.insert(
            behind.unwrap_or(steps.len()),
            Step::stream_management(options).0,
        );
        self
    }

    /// Ask for copies of what the account's other resources send and receive (XEP-0280): [`Step::carbons`] at the end.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").carbons();
    /// ```
    pub fn carbons(mut self) -> Self {
        self.steps_mut().push(host::Step::Carbons);
        self
    }

    /// Be available (RFC 6121, section 4.2): [`Step::presence`] at the end.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").presence();
    /// ```
    pub fn presence(mut self) -> Self {
        self.steps_mut().push(host::Step::Presence);
        self
    }

    /// Time for all of connecting: 60 s; not zero.
    ///
    /// ```
    /// # use lt_sdk::{timing::Duration, xmpp::Account};
    /// let account = Account::new("user_1@localhost", "password_1").timeout(Duration::from_secs(10));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = Some(nanos(timeout));
        self
    }

    /// Time for each step: 30 s; not zero.
    ///
    /// ```
    /// # use lt_sdk::{timing::Duration, xmpp::Account};
    /// let account = Account::new("user_1@localhost", "password_1").step_timeout(Duration::from_secs(5));
    /// ```
    pub fn step_timeout(mut self, timeout: Duration) -> Self {
        self.0.step_timeout = Some(nanos(timeout));
        self
    }

    /// Acknowledge at once after a TLS 1.3 handshake (Linux: `TCP_QUICKACK`): saves up to 44 ms with servers that leave Nagle's algorithm on.
    /// A real client waits. No effect over WebSocket.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").quick_ack();
    /// ```
    pub const fn quick_ack(mut self) -> Self {
        self.0.quick_ack = true;
        self
    }

    /// What the host answers by itself: pings, disco and the version unless given.
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Handlers};
    /// let account = Account::new("user_1@localhost", "password_1").handlers(Handlers::default().receipts());
    /// ```
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.0.handlers = Some(handlers.0);
        self
    }

    /// Put only stanzas that one of these fits into the inbox, and let others go. Answers to requests are not affected.
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Filter};
    /// let account = Account::new("user_1@localhost", "password_1").intake([Filter::chat(), Filter::group_chat()]);
    /// ```
    pub fn intake(mut self, wanted: impl Into<Filters>) -> Self {
        self.0.intake = Some(intake(wanted.into(), false));
        self
    }

    /// The same, and count others as unexpected in `xmpp_unexpected` and log some of them.
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Filter};
    /// let account = Account::new("user_1@localhost", "password_1").intake_or_report([Filter::chat(), Filter::presence()]);
    /// ```
    pub fn intake_or_report(mut self, wanted: impl Into<Filters>) -> Self {
        self.0.intake = Some(intake(wanted.into(), true));
        self
    }

    /// Room for stanzas that are not asked for yet: as for [WebSockets](crate::websocket::Inbox).
    ///
    /// ```
    /// # use lt_sdk::xmpp::{Account, Inbox};
    /// let account = Account::new("user_1@localhost", "password_1").inbox(Inbox::new().messages(100));
    /// ```
    pub const fn inbox(mut self, inbox: Inbox) -> Self {
        self.0.inbox = Some(inbox.into_host());
        self
    }

    /// Take in stanzas of at most this many bytes: 256 KiB unless given, at most 16 MiB. A longer one ends the stream with `policy-violation`.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").stanza_bytes_max(1 << 20);
    /// ```
    pub const fn stanza_bytes_max(mut self, bytes: u32) -> Self {
        self.0.stanza_bytes_max = Some(bytes);
        self
    }

    /// Group this session's samples under one name: the tag `name`, which is the domain unless given.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").name("login");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    /// Add a tag to this session's samples.
    ///
    /// ```
    /// # use lt_sdk::xmpp::Account;
    /// let account = Account::new("user_1@localhost", "password_1").tag("device", "phone");
    /// ```
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.tags.push(Tag {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Connect, and wait until all steps are done: one attempt. A user may have 64 sockets and sessions together.
    ///
    /// # Errors
    /// If the server cannot be reached, or one of the steps fails; see [`Error`](super::Error).
    ///
    /// ```no_run
    /// # use lt_sdk::xmpp::Account;
    /// # fn main() -> lt_sdk::Result<()> {
    /// let session = Account::new("user_1@localhost", "password_1").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self) -> Result<Session> {
        Ok(Session::from_host(host::Session::connect(&self.0, None)?))
    }

    /// Connect and take up the stream that was left (XEP-0198, section 5): with the step [`Step::resume`], which is put before `bind` if it is not
    /// among the steps. A server that does not know the stream any more binds anew: [`Connected::resumed`](super::Connected::resumed) says which.
    ///
    /// What is left stays the caller's: an attempt that fails does not cost it, and [`reconnect`](super::reconnect()) may try again with it. After a refusal
    /// [`Resumption::unacknowledged`] has what the server did not handle. Once it was resumed it is spent, and connecting with it is connecting without.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    ///
    /// ```no_run
    /// # use lt_sdk::xmpp::{Account, Session};
    /// # fn again(account: &Account, session: &Session) -> lt_sdk::Result<Option<Session>> {
    /// Ok(match session.resumption() {
    ///     Some(left) => Some(account.resume(&left)?),
    ///     None => None,
    /// })
    /// # }
    /// ```
    pub fn resume(&self, left: &Resumption) -> Result<Session> {
        let with_step = |options| host::Session::connect(options, Some(left.as_host()));
        let session = match self.with_resume() {
            Some(account) => with_step(&account.0),
            None => with_step(&self.0),
        };
        Ok(Session::from_host(session?))
    }

    /// With the step that resumes, if it is not there.
    fn with_resume(&self) -> Option<Self> {
        let resumes = |step: &host::Step| matches!(step, host::Step::Resume);
        let binds = |step: &host::Step| matches!(step, host::Step::Bind);
        let steps = self.0.steps.as_ref()?;
        let lacks = !steps.iter().any(resumes);
        lacks.then(|| self.clone().insert_before(Step::resume(), binds))
    }
}

const fn is_authenticate(step: &host::Step) -> bool {
    matches!(step, host::Step::Authenticate)
}

pub(super) fn intake(wanted: Filters, report_others: bool) -> host::Intake {
    host::Intake {
        wanted: wanted.into_host(),
        report_others,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Filter, Overflow};
    use super::*;

    fn account() -> Account {
        Account::new("a@b/x", "secret")
    }

    fn names(account: &Account) -> Vec<&'static str> {
        let steps = account.0.steps.iter().flatten();
        let name = |step: &host::Step| match step {
            host::Step::Stream => "stream",
            host::Step::Tls => "tls",
            host::Step::Register(_) => "register",
            host::Step::Authenticate => "authenticate",
            host::Step::Resume => "resume",
            host::Step::Bind => "bind",
            host::Step::Session => "session",
            host::Step::StreamManagement(_) => "stream-management",
            host::Step::Carbons => "carbons",
            host::Step::Presence => "presence",
            host::Step::Custom(_) => "custom",
        };
        steps.map(name).collect()
    }

    #[test]
    fn a_plain_account_leaves_everything_to_the_host() {
        let options = account().0;
        assert!(options.steps.is_none() && options.mechanisms.is_none());
        assert!(options.tls.is_none() && options.handlers.is_none() && options.intake.is_none());
        assert!(matches!(options.transport, host::Transport::Tcp));
        assert_eq!(options.tags.capacity(), 0);
    }

    #[test]
    fn steps_are_put_where_they_belong() {
        let all = account()
            .presence()
            .carbons()
            .stream_management(StreamManagement::new())
            .register();
        assert_eq!(
            names(&all),
            [
                "stream",
                "tls",
                "register",
                "authenticate",
                "resume",
                "bind",
                "session",
                "stream-management",
                "presence",
                "carbons"
            ]
        );
        let own = account().steps([Step::authenticate(), Step::bind()]);
        let resuming = own.with_resume().unwrap();
        assert_eq!(names(&resuming), ["authenticate", "resume", "bind"]);
        assert!(resuming.with_resume().is_none() && account().with_resume().is_none());
        let managed = own.stream_management(StreamManagement::new());
        assert_eq!(
            names(&managed),
            ["authenticate", "bind", "stream-management"]
        );
        let odd = account().steps([Step::stream()]).register();
        assert_eq!(names(&odd), ["stream", "register"]);
    }

    #[test]
    fn choices_reach_the_contract() {
        let options = account()
            .resource("phone")
            .address("c:1")
            .websocket("ws://d/")
            .security(Security::None)
            .mechanisms([Mechanism::Plain, Mechanism::ScramSha1])
            .authorities(*b"ca")
            .identity(*b"chain", *b"key")
            .insecure(true)
            .source_address("127.0.0.2")
            .timeout(Duration::from_nanos(1))
            .step_timeout(Duration::from_nanos(2))
            .quick_ack()
            .handlers(Handlers::none())
            .intake_or_report(Filter::chat())
            .inbox(Inbox::new().messages(3).overflow(Overflow::Close))
            .stanza_bytes_max(4)
            .name("n")
            .tag("k", "v")
            .0;
        assert_eq!(
            (options.jid.as_str(), options.password.as_str()),
            ("a@b/phone", "secret")
        );
        assert_eq!(options.address.as_deref(), Some("c:1"));
        assert!(matches!(options.transport, host::Transport::Websocket(url) if url == "ws://d/"));
        assert!(options.security == Some(host::Security::None));
        assert!(options.mechanisms == Some(vec![Mechanism::Plain, Mechanism::ScramSha1]));
        let tls = options.tls.unwrap();
        assert_eq!(tls.authorities.as_deref(), Some(b"ca".as_slice()));
        assert_eq!(tls.identity, Some((b"chain".to_vec(), b"key".to_vec())));
        assert_eq!(tls.insecure, Some(true));
        assert_eq!(options.local_address.as_deref(), Some("127.0.0.2"));
        assert_eq!((options.timeout, options.step_timeout), (Some(1), Some(2)));
        assert!(options.quick_ack && options.handlers == Some(host::Handlers::empty()));
        let intake = options.intake.unwrap();
        assert!(intake.report_others && intake.wanted.len() == 1);
        let inbox = options.inbox.unwrap();
        assert_eq!(inbox.messages_max, Some(3));
        assert_eq!(options.stanza_bytes_max, Some(4));
        assert_eq!(options.name.as_deref(), Some("n"));
        assert_eq!(options.tags[0].value, "v");
    }
}
