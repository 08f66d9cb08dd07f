//! XMPP client streams (RFC 6120, RFC 7395): connecting by steps that time themselves ([`HttpClient::connect_xmpp`]), and a
//! [`Session`] whose [`Pump`] reads at once, stamps what came, answers what it is told to, and sends what it was given.
//!
//! The pump is a task of its own beside whoever uses the session; both live on one thread. What it sees it tells an
//! [`Observer`], which says what the user is to get.
//!
//! [`HttpClient::connect_xmpp`]: crate::http::HttpClient::connect_xmpp

mod acknowledging;
mod channel;
mod connect;
mod filter;
pub(crate) mod framer;
mod handlers;
pub(crate) mod jid;
mod key;
#[cfg(test)]
mod lookup_tests;
mod namespace;
mod outbox;
mod outgoing;
mod performing;
mod pump;
mod reader;
mod requests;
mod sasl;
mod scan;
mod session;
mod sm;
mod stanza;
mod stream_error;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

pub use self::acknowledging::Acknowledging;
pub use self::filter::{Filter, FilterError, Filters};
pub use self::key::KeyPath;
pub use self::outgoing::{Outgoing, check_element, fill_template};
pub use self::performing::Performing;
pub use self::pump::Pump;
pub use self::requests::Request;
pub use self::session::{Item, Opened, Session, Statistics, Unsent};
pub use self::sm::Resumption;
pub use self::stanza::Stanza;
use crate::error::NetError;
pub use crate::periodic::Periodic;
use crate::tls::TlsProfile;
use crate::websocket::InboxOptions;

/// How the connection is made: `variant transport` of `wit/xmpp.wit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TCP to the client port.
    #[default]
    Tcp,
    /// WebSocket (RFC 7395) at this URL.
    WebSocket(String),
}

/// What becomes of the stream over TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// StartTLS, or the connect fails.
    #[default]
    StartTls,
    /// StartTLS if the server offers it.
    StartTlsIfOffered,
    /// TLS from the first byte.
    DirectTls,
    /// None.
    None,
}

/// A SASL mechanism, in the order in which they are wanted unless somebody says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// SCRAM-SHA-512-PLUS
    ScramSha512Plus,
    /// SCRAM-SHA-256-PLUS
    ScramSha256Plus,
    /// SCRAM-SHA-1-PLUS
    ScramSha1Plus,
    /// SCRAM-SHA-512
    ScramSha512,
    /// SCRAM-SHA-256
    ScramSha256,
    /// SCRAM-SHA-1
    ScramSha1,
    /// PLAIN
    Plain,
    /// EXTERNAL
    External,
    /// ANONYMOUS
    Anonymous,
    /// X-OAUTH2
    XOauth2,
}

/// How stream management (XEP-0198) is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamManagement {
    /// Ask for a stream that can be resumed.
    pub resume: bool,
    /// How long the server should keep it.
    pub max: Option<Duration>,
    /// Ask for an acknowledgement after so many stanzas sent; not zero.
    pub ask_every: u32,
}

/// One step of connecting: `variant step` of `wit/xmpp.wit`, which says what each does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Open the stream, up to its features.
    Stream,
    /// StartTLS, as `security` says.
    Tls,
    /// Make the account (XEP-0077).
    Register(Vec<(String, String)>),
    /// Authenticate.
    Authenticate,
    /// Take up an earlier stream.
    Resume,
    /// Bind the resource.
    Bind,
    /// The session of RFC 3921.
    Session,
    /// Enable stream management.
    StreamManagement(StreamManagement),
    /// Ask for copies (XEP-0280).
    Carbons,
    /// Send an initial presence.
    Presence,
    /// One of the user's own.
    Custom(Rc<CustomStep>),
}

/// Something sent, something awaited.
#[derive(Debug)]
pub struct CustomStep {
    /// Its name.
    pub name: String,
    /// What to send; empty for nothing.
    pub send: String,
    /// What to wait for; `None` waits for nothing.
    pub r#await: Option<Rc<Filters>>,
    /// Open the stream anew after it.
    pub restart: bool,
}

/// What the pump answers by itself: `flags handlers` of `wit/xmpp.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are flags in the contract too: each stands alone"
)]
pub struct Handlers {
    /// Pings (XEP-0199).
    pub ping: bool,
    /// Disco info and items (XEP-0030).
    pub disco: bool,
    /// Requests for receipts (XEP-0184).
    pub receipts: bool,
    /// Software version (XEP-0092) and time (XEP-0202).
    pub version: bool,
    /// All other requests, with `service-unavailable`.
    pub refuse_requests: bool,
}

impl Default for Handlers {
    fn default() -> Self {
        Self {
            ping: true,
            disco: true,
            receipts: false,
            version: true,
            refuse_requests: false,
        }
    }
}

/// Which stanzas go into the inbox.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// Those that one of these fits; `None` means all.
    pub wanted: Option<Rc<Filters>>,
    /// Tell the observer of others.
    pub report_others: bool,
}

/// Whom to be, where, and how: `record connect-options` of `wit/xmpp.wit`, its defaults filled in.
#[derive(Clone, Debug)]
pub struct ConnectRequest {
    /// The account.
    pub jid: String,
    /// Password, or token.
    pub password: String,
    /// How the connection is made.
    pub transport: Transport,
    /// Host, or host and port, instead of SRV records and the domain.
    pub address: Option<String>,
    /// What becomes of the stream.
    pub security: Security,
    /// Mechanisms, the most wanted first; `None` is the default of `wit/xmpp.wit`.
    pub mechanisms: Option<Vec<Mechanism>>,
    /// TLS profile instead of the client's.
    pub tls: Option<std::sync::Arc<TlsProfile>>,
    /// Local address instead of the client's.
    pub local_address: Option<IpAddr>,
    /// Steps, in this order.
    pub steps: Vec<Step>,
    /// Time for all of connecting.
    pub timeout: Duration,
    /// Time for each step.
    pub step_timeout: Duration,
    /// Acknowledge at once after a TLS handshake.
    pub quick_ack: bool,
    /// What the pump answers by itself.
    pub handlers: Handlers,
    /// Which stanzas go into the inbox.
    pub intake: Intake,
    /// Room for them.
    pub inbox: InboxOptions,
    /// Longest stanza that is taken in.
    pub stanza_bytes_max: usize,
}

/// A stream error, a SASL failure; or why this side ends a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The condition as RFC 6120 names it.
    pub condition: String,
    /// What it says in words; for `see-other-host` the host.
    pub text: String,
}

/// An answer of type `error` (RFC 6120, section 8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// The condition.
    pub condition: String,
    /// Its type.
    pub kind: String,
    /// What it says in words.
    pub text: String,
    /// All of the stanza.
    pub xml: Box<str>,
}

/// How a session came to its end: `enum ending` of `wit/xmpp.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This side ended the stream, and the server agreed.
    ByUs,
    /// This side cut the connection.
    Killed,
    /// The server ended the stream without an error, or with the one that follows the removal of the account, which this session had asked for
    /// (XEP-0077, section 3.2).
    ByPeer,
    /// The server sent a stream error.
    StreamError,
    /// The connection ended without the end of the stream.
    Disconnected,
    /// It was reset.
    Reset,
    /// What came was not well-formed, or no XMPP.
    ProtocolError,
    /// A stanza was over a limit.
    StanzaTooLarge,
    /// The inbox was full, and its overflow is `close`.
    InboxOverflow,
    /// No answer came to a ping in time.
    PingTimeout,
    /// The server did not end its side in time.
    CloseTimeout,
    /// Something else.
    Failed,
}

impl Ending {
    /// Name of the case in the contract: value of the tag `ending`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByUs => "by-us",
            Self::Killed => "killed",
            Self::ByPeer => "by-peer",
            Self::StreamError => "stream-error",
            Self::Disconnected => "disconnected",
            Self::Reset => "reset",
            Self::ProtocolError => "protocol-error",
            Self::StanzaTooLarge => "stanza-too-large",
            Self::InboxOverflow => "inbox-overflow",
            Self::PingTimeout => "ping-timeout",
            Self::CloseTimeout => "close-timeout",
            Self::Failed => "failed",
        }
    }

    /// Whether it is what one of the sides wanted.
    #[must_use]
    pub fn is_clean(self) -> bool {
        matches!(self, Self::ByUs | Self::Killed | Self::ByPeer)
    }
}

/// The end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// How it came about.
    pub ending: Ending,
    /// Condition of the stream error, received or sent; empty if there was none.
    pub condition: String,
    /// What came with it, or what went wrong.
    pub text: String,
}

/// Why a step, a request or a whole connect failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmppError {
    /// The server could not be reached, TLS failed, the connection ended, or the request makes no sense (`InvalidRequest`).
    #[error(transparent)]
    Net(#[from] NetError),
    /// The server answered the WebSocket's upgrade with another status.
    #[error("the server refused the upgrade with status {0}")]
    UpgradeRefused(u16),
    /// The server does not offer StartTLS, or said `failure`.
    #[error("no StartTLS: {0}")]
    StartTlsRefused(String),
    /// None of the mechanisms wanted is offered; these are.
    #[error("no SASL mechanism in common; the server offers {0:?}")]
    NoMechanism(Vec<String>),
    /// Authentication failed.
    #[error("authentication failed: {} {}", .0.condition, .0.text)]
    Sasl(Condition),
    /// The server could not prove that it knows the password, or asked for what no honest server asks for.
    #[error("the server is not to be trusted: {0}")]
    ServerNotTrusted(String),
    /// A stream error.
    #[error("stream error: {} {}", .0.condition, .0.text)]
    Stream(Condition),
    /// What came was not well-formed, or no XMPP.
    ///
    /// With the stream error by which this side ends the stream; its condition is empty where what came is XMPP and makes no sense.
    #[error("not XMPP: {}", .0.text)]
    Protocol(Condition),
    /// What came was over a limit; with the stream error as for `Protocol`.
    #[error("over a limit: {}", .0.text)]
    TooLarge(Condition),
    /// The answer is an error.
    #[error("refused: {} {}", .0.condition, .0.text)]
    Refused(Box<StanzaError>),
    /// A step took longer than it may, or was under way when all time was over; its name.
    #[error("the step {0} took too long")]
    StepTimeout(String),
    /// The server does not offer what a step needs; its name.
    #[error("the server does not offer what the step {0} needs")]
    NotOffered(String),
    /// The session has ended.
    #[error("the session has ended: {} {}", .0.ending.as_str(), .0.text)]
    Closed(Close),
    /// The time is over.
    #[error("timeout")]
    Timeout,
}

impl XmppError {
    /// Number for the `error_code` tag, and the name of the case, as in `wit/xmpp.wit`.
    #[must_use]
    pub fn number_and_name(&self) -> (u16, &'static str) {
        match self {
            Self::Net(error) => (error.code(), error.kind()),
            Self::UpgradeRefused(_) => (2001, "upgrade-refused"),
            Self::StartTlsRefused(_) => (2002, "starttls-refused"),
            Self::NoMechanism(_) => (2003, "no-mechanism"),
            Self::Sasl(_) => (2004, "sasl"),
            Self::ServerNotTrusted(_) => (2005, "server-not-trusted"),
            Self::Stream(_) => (2006, "stream"),
            Self::Protocol(_) => (2007, "protocol"),
            Self::TooLarge(_) => (2008, "too-large-received"),
            Self::Refused(_) => (2009, "refused"),
            Self::StepTimeout(_) => (1050, "step-timeout"),
            Self::NotOffered(_) => (2016, "not-offered"),
            Self::Closed(close) => (2000, close.ending.as_str()),
            Self::Timeout => (1050, "timeout"),
        }
    }

    /// What came is XMPP, and makes no sense.
    pub(crate) fn protocol(text: impl Into<String>) -> Self {
        Self::Protocol(Condition {
            condition: String::new(),
            text: text.into(),
        })
    }

    /// The condition that the server named, or by which this side ended the stream, if there is one.
    #[must_use]
    pub fn condition(&self) -> Option<&str> {
        let condition = match self {
            Self::Sasl(condition)
            | Self::Stream(condition)
            | Self::Protocol(condition)
            | Self::TooLarge(condition) => &condition.condition,
            Self::Refused(error) => &error.condition,
            Self::Closed(close) => &close.condition,
            _ => return None,
        };
        Some(condition.as_str()).filter(|condition| !condition.is_empty())
    }
}

/// What is known of an attempt to connect, whatever came of it: for whoever records it.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// What each step took, in order; the last is the one that failed, if one did.
    pub steps: Vec<(Rc<str>, Duration)>,
    /// The step that failed.
    pub failed: Option<Rc<str>>,
    /// From the call to the end.
    pub total: Duration,
    /// Bytes written, TLS included.
    pub bytes_sent: u64,
    /// Bytes read, TLS included.
    pub bytes_received: u64,
    /// Stanzas sent and received while connecting, by what they are.
    pub sent: [u32; StanzaKind::COUNT],
    /// Stanzas received.
    pub received: [u32; StanzaKind::COUNT],
}

/// What connecting came to: `record connected` of `wit/xmpp.wit`.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The full JID.
    pub jid: String,
    /// The mechanism; empty if none was.
    pub mechanism: &'static str,
    /// Empty without TLS.
    pub tls_version: &'static str,
    /// The address that answered.
    pub remote: std::net::SocketAddr,
    /// Whether a stream was resumed.
    pub resumed: bool,
    /// Namespaces of the features.
    pub features: Vec<String>,
    /// What each step took.
    pub steps: Vec<(Rc<str>, Duration)>,
    /// From the call to the last step's end.
    pub total: Duration,
}

/// What a stanza is: value of the tag `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StanzaKind {
    /// `message`
    Message,
    /// `presence`
    Presence,
    /// `iq`
    Iq,
}

impl StanzaKind {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All, in the order of [`StanzaKind::index`].
    pub const ALL: [Self; Self::COUNT] = [Self::Message, Self::Presence, Self::Iq];

    /// Position in an array of counts.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Name of the element.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Presence => "presence",
            Self::Iq => "iq",
        }
    }

    /// What an element of this name in a stream's content namespace is; `None` if no stanza.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What watches make of a stanza.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// A watch matched that keeps it.
    pub kept: bool,
    /// A watch matched that does not keep it: it does not go into the inbox.
    pub taken: bool,
    /// Elements to send.
    pub replies: Vec<String>,
}

/// Told of what happens on a session, as it happens, by its pump.
pub trait Observer {
    /// A stanza came, whatever becomes of it.
    fn received(&self, kind: StanzaKind);
    /// A stanza came that neither a request nor a handler took. What do the watches say?
    fn watched(&self, stanza: &Stanza) -> Verdict;
    /// So many stanzas were handed to the kernel, by what they are.
    fn sent(&self, counts: [u32; StanzaKind::COUNT]);
    /// So many stanzas were lost because the inbox was full.
    fn dropped(&self, stanzas: u64);
    /// Something came that nobody wants, though others than wanted are to be reported: a stanza (`stanza`), an answer that came after its
    /// request was given up (`late-answer`), or an element that is no stanza (`element`).
    fn unexpected(&self, what: &'static str, stanza: &Stanza);
    /// A request was answered, or given up: its payload's namespace, what it took, and why it failed.
    fn answered(&self, namespace: &str, took: Duration, error: Option<&XmppError>);
    /// An error came, or was made here: the condition.
    fn error(&self, condition: &str);
    /// Bytes went over the connection since the last call, TLS included.
    fn bytes(&self, sent: u64, received: u64);
    /// The session has ended, so long after it was opened. The last call.
    fn ended(&self, close: &Close, lasted: Duration);
}

/// Longest stanza that is taken in unless the owner says otherwise: `mod_limits` of prosody and ejabberd allow as much to clients.
pub const STANZA_BYTES_DEFAULT: usize = 256 << 10;
/// Levels of elements that are taken in, the stanza being the first: the deepest that XEPs make have some fifteen.
pub const DEPTH_MAX: usize = 64;
/// Longest name, attribute value or reference that is taken in: an avatar's data is text, and so not an attribute.
pub const TOKEN_BYTES_MAX: usize = 64 << 10;
/// Most bytes that are not with the kernel yet; a larger stanza is taken when nothing else is.
pub const UNSENT_BYTES_MAX: usize = 1 << 20;
/// Most stanzas that are not with the kernel yet.
pub const UNSENT_STANZAS_MAX: usize = 1000;
/// Stanzas, and their bytes, that are kept until the server acknowledges them.
pub const UNACKNOWLEDGED_STANZAS_MAX: usize = 1000;
/// See [`UNACKNOWLEDGED_STANZAS_MAX`].
pub const UNACKNOWLEDGED_BYTES_MAX: usize = 1 << 20;
/// Requests that were given up whose late answers are still known for what they are.
pub const FORGOTTEN_REQUESTS_MAX: usize = 100;
/// Most rounds of PBKDF2 that a server may ask for: a second of a processor. Servers use 4 096 to 600 000.
pub const PBKDF2_ROUNDS_MAX: u32 = 1_000_000;
