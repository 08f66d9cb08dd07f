//! SASL (RFC 4422), the client's side: which mechanism, and what is said. No I/O; what takes long is handed out ([`Derivation`]).

mod keys;
mod scram;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::keys::Hash;
pub(crate) use self::keys::{Derivation, Keys, derive};
use self::scram::Scram;
use super::{Condition, Mechanism, XmppError};
use crate::error::NetError;
pub(crate) use crate::tls::binding::ChannelBinding;
use crate::tls::binding::TLS_EXPORTER;

/// Bytes of chance in a nonce: as many as in a GUID, and a few more, so that base64 has no padding.
const NONCE_BYTES: usize = 18;
/// Bytes of what a server said that go into the text of an error.
const QUOTED_BYTES_MAX: usize = 200;

/// What somebody logs in with.
#[derive(Clone, Copy)]
pub(crate) struct Credentials<'a> {
    /// The local part of the JID (RFC 6120, section 6.3.7).
    pub(crate) authcid: &'a str,
    /// Password, or token.
    pub(crate) password: &'a str,
    /// Whom to be, if that is somebody else, or if EXTERNAL is to choose among several.
    pub(crate) authzid: Option<&'a str>,
}

impl Mechanism {
    /// All, the most wanted first.
    pub const ALL: [Self; 10] = [
        Self::ScramSha512Plus,
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha512,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::Plain,
        Self::External,
        Self::Anonymous,
        Self::XOauth2,
    ];

    /// The name under which servers offer it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha512Plus => "SCRAM-SHA-512-PLUS",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::Plain => "PLAIN",
            Self::External => "EXTERNAL",
            Self::Anonymous => "ANONYMOUS",
            Self::XOauth2 => "X-OAUTH2",
        }
    }

    /// Whether it binds the login to the TLS session.
    #[must_use]
    pub fn is_bound(self) -> bool {
        matches!(
            self,
            Self::ScramSha512Plus | Self::ScramSha256Plus | Self::ScramSha1Plus
        )
    }

    /// The hash of a SCRAM; `None` for all others.
    fn hash(self) -> Option<Hash> {
        match self {
            Self::ScramSha512Plus | Self::ScramSha512 => Some(Hash::Sha512),
            Self::ScramSha256Plus | Self::ScramSha256 => Some(Hash::Sha256),
            Self::ScramSha1Plus | Self::ScramSha1 => Some(Hash::Sha1),
            Self::Plain | Self::External | Self::Anonymous | Self::XOauth2 => None,
        }
    }

    /// Whether it can send these.
    ///
    /// # Errors
    /// `InvalidRequest`, naming what it cannot.
    pub(crate) fn check(self, authcid: &str, password: &str) -> Result<(), XmppError> {
        let fields = [("jid", authcid), ("password", password)];
        match self {
            Self::External | Self::Anonymous => Ok(()),
            Self::Plain | Self::XOauth2 => {
                match fields.iter().find(|(_, text)| text.contains('\0')) {
                    Some((field, _)) => Err(invalid(field, "a NUL character in it")),
                    None => Ok(()),
                }
            }
            _ => fields.iter().try_for_each(|(field, text)| {
                let prepared = stringprep::saslprep(text);
                prepared.map(drop).map_err(|error| invalid(field, error))
            }),
        }
    }

    /// Whether it is taken without being named: all SCRAMs, and PLAIN if nobody can read along.
    fn is_default(self, tls: bool) -> bool {
        self.hash().is_some() || (self == Self::Plain && tls)
    }
}

/// The mechanism to use: the first wanted that the server offers and that can be done here. With `wanted` left out: all SCRAMs, the strongest
/// first, then PLAIN over TLS. `bindings` are what the connection can be bound with.
///
/// # Errors
/// `NoMechanism`, with all that is offered.
pub(crate) fn choose(
    wanted: Option<&[Mechanism]>,
    offered: &[String],
    tls: bool,
    bindings: &[ChannelBinding],
) -> Result<Mechanism, XmppError> {
    let is_possible = |mechanism: &Mechanism| {
        offered.iter().any(|name| name == mechanism.as_str())
            && (!mechanism.is_bound() || !bindings.is_empty())
            && (wanted.is_some() || mechanism.is_default(tls))
    };
    wanted
        .unwrap_or(&Mechanism::ALL)
        .iter()
        .copied()
        .find(is_possible)
        .ok_or_else(|| XmppError::NoMechanism(offered.to_vec()))
}

/// The binding to use: the first of ours that is among the types that the server says it knows (XEP-0440).
///
/// A server that says nothing knows `tls-exporter`, the one that TLS 1.3 prescribes. That of TLS 1.2 was `tls-unique`, which rustls does not have:
/// prosody 0.12 offers it without a word, and refuses `tls-server-end-point`. So that is tried only if the user has named
/// mechanisms (`is_named`).
pub(crate) fn choose_binding<'a>(
    bindings: &'a [ChannelBinding],
    known: &[String],
    is_named: bool,
) -> Option<&'a ChannelBinding> {
    bindings.iter().find(|binding| {
        if known.is_empty() {
            is_named || binding.kind == TLS_EXPORTER
        } else {
            known.iter().any(|kind| kind == binding.kind)
        }
    })
}

/// A nonce for [`Exchange::begin`]; empty, which it refuses, if the system has no chance to give.
pub(crate) fn new_nonce() -> String {
    let mut bytes = [0; NONCE_BYTES];
    match rand::fill(&mut bytes) {
        Ok(()) => BASE64.encode(bytes),
        Err(_) => String::new(),
    }
}

/// What to do about a challenge.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Answer with this.
    Respond(Vec<u8>),
    /// Derive this, then answer with what [`Exchange::derived`] says.
    Derive(Derivation),
}

/// One authentication, from the choice of the mechanism to the server's word.
pub(crate) struct Exchange(State);

enum State {
    /// All is said in the first message: PLAIN, EXTERNAL, X-OAUTH2.
    Said,
    /// ANONYMOUS may be asked for the trace that its first message left out.
    Anonymous,
    Scram(Box<Scram>),
}

impl Exchange {
    /// Begin. Beside the exchange comes the initial response, if the mechanism has one: an empty one is to be sent as `=`.
    ///
    /// `binding` is what the connection can be bound with, also if the mechanism does not bind it: then the server is told that
    /// it seems to be unable to, so that it notices if somebody took away what it had `offered` (RFC 5802, section 6).
    ///
    /// # Errors
    /// `InvalidRequest`, naming what in the credentials cannot be sent.
    pub(crate) fn begin(
        mechanism: Mechanism,
        credentials: &Credentials<'_>,
        binding: Option<&ChannelBinding>,
        offered: &[String],
        nonce: String,
    ) -> Result<(Self, Option<Vec<u8>>), XmppError> {
        let Credentials {
            authcid, password, ..
        } = *credentials;
        let authzid = credentials.authzid.unwrap_or_default();
        if let Some(hash) = mechanism.hash() {
            let gs2 = scram::gs2_header(mechanism.is_bound(), binding, offered, authzid)?;
            let (scram, first) = Scram::begin(hash, gs2, authcid, password, nonce)?;
            return Ok((Self(State::Scram(Box::new(scram))), Some(first)));
        }
        match mechanism {
            Mechanism::Anonymous => Ok((Self(State::Anonymous), None)),
            Mechanism::External => Ok((Self(State::Said), Some(authzid.into()))),
            // PLAIN, and X-OAUTH2 with the token in the password's place.
            _ => {
                mechanism.check(authcid, password)?;
                mechanism.check(authzid, "")?;
                let message = [authzid, authcid, password].join("\0").into_bytes();
                Ok((Self(State::Said), Some(message)))
            }
        }
    }

    /// A challenge came.
    ///
    /// # Errors
    /// `ServerNotTrusted`, `Sasl` if the server says so, `Protocol` for what the mechanism does not know.
    pub(crate) fn challenge(&mut self, data: &[u8]) -> Result<Reply, XmppError> {
        match &mut self.0 {
            State::Scram(scram) => scram.challenge(data),
            State::Anonymous if data.is_empty() => {
                self.0 = State::Said;
                Ok(Reply::Respond(Vec::new()))
            }
            State::Said | State::Anonymous => Err(protocol("a challenge where none is due")),
        }
    }

    /// What was to be derived: the answer to the challenge.
    ///
    /// # Errors
    /// `Protocol`, if nothing was.
    pub(crate) fn derived(&mut self, keys: &Keys) -> Result<Vec<u8>, XmppError> {
        match &mut self.0 {
            State::Scram(scram) => scram.derived(keys),
            State::Said | State::Anonymous => Err(protocol("keys where none are needed")),
        }
    }

    /// The server says `success`, with this data: whether it is to be believed.
    ///
    /// # Errors
    /// `ServerNotTrusted`, if it did not prove that it knows the password as its mechanism demands.
    pub(crate) fn success(&mut self, data: &[u8]) -> Result<(), XmppError> {
        match &mut self.0 {
            State::Scram(scram) => scram.success(data),
            State::Said | State::Anonymous => Ok(()),
        }
    }
}

fn invalid(field: &str, why: impl std::fmt::Display) -> XmppError {
    XmppError::Net(NetError::InvalidRequest(format!("{field}: {why}")))
}

fn protocol(why: impl std::fmt::Display) -> XmppError {
    XmppError::protocol(format!("SASL: {why}"))
}

fn not_trusted(why: impl Into<String>) -> XmppError {
    XmppError::ServerNotTrusted(why.into())
}

/// What a server said, for the text of an error.
fn quoted(text: &str) -> &str {
    let end = text.floor_char_boundary(QUOTED_BYTES_MAX);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
