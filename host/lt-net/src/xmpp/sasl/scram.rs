//! SCRAM (RFC 5802, RFC 7677), the client's side.

use std::borrow::Cow;
use std::num::NonZeroU32;

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::keys::{Derivation, Hash, Keys};
use super::{ChannelBinding, Condition, Reply, XmppError, invalid, not_trusted, protocol, quoted};
use crate::xmpp::PBKDF2_ROUNDS_MAX;

/// The beginning of the first message, and what it is bound with.
pub(super) struct Gs2 {
    header: String,
    binding: Vec<u8>,
}

/// Say how the channel is bound (RFC 5802, section 7, `gs2-header`): `p` with the type; `y` if it could be but the server offers no such
/// mechanism; `n` otherwise.
pub(super) fn gs2_header(
    is_bound: bool,
    binding: Option<&ChannelBinding>,
    offered: &[String],
    authzid: &str,
) -> Result<Gs2, XmppError> {
    let is_offered = offered.iter().any(|name| name.ends_with("-PLUS"));
    let (flag, data) = match (is_bound, binding) {
        (true, Some(binding)) => (
            Cow::Owned(format!("p={}", binding.kind)),
            binding.data.clone(),
        ),
        (true, None) => {
            return Err(invalid(
                "mechanisms",
                "the connection cannot be bound to TLS",
            ));
        }
        (false, Some(_)) if !is_offered => (Cow::Borrowed("y"), Vec::new()),
        (false, _) => (Cow::Borrowed("n"), Vec::new()),
    };
    let authzid = match authzid {
        "" => String::new(),
        name => format!("a={}", escaped(name)),
    };
    Ok(Gs2 {
        header: format!("{flag},{authzid},"),
        binding: data,
    })
}

/// One authentication.
pub(super) struct Scram {
    hash: Hash,
    gs2: Gs2,
    /// Prepared.
    password: String,
    /// `client-first-message-bare`.
    first: String,
    nonce: String,
    stage: Stage,
}

enum Stage {
    /// The server's first message is awaited.
    First,
    /// The keys are.
    Keys {
        /// `client-final-message-without-proof`.
        answer: String,
        /// `AuthMessage`.
        auth_message: String,
    },
    /// The server's proof is.
    Proof { expected: Vec<u8>, is_proven: bool },
}

impl Scram {
    /// Begin, with the first message.
    pub(super) fn begin(
        hash: Hash,
        gs2: Gs2,
        user: &str,
        password: &str,
        nonce: String,
    ) -> Result<(Self, Vec<u8>), XmppError> {
        let is_usable = !nonce.is_empty()
            && nonce
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b',');
        if !is_usable {
            return Err(protocol("no usable nonce"));
        }
        let user = stringprep::saslprep(user).map_err(|error| invalid("jid", error))?;
        let password = stringprep::saslprep(password)
            .map_err(|error| invalid("password", error))?
            .into_owned();
        let first = format!("n={},r={nonce}", escaped(&user));
        let message = [gs2.header.as_str(), &first].concat().into_bytes();
        let scram = Self {
            hash,
            gs2,
            password,
            first,
            nonce,
            stage: Stage::First,
        };
        Ok((scram, message))
    }

    /// The server's first message, or its last in a challenge of its own instead of with its `success`.
    pub(super) fn challenge(&mut self, data: &[u8]) -> Result<Reply, XmppError> {
        match &self.stage {
            Stage::First => self.first(data).map(Reply::Derive),
            Stage::Keys { .. } => Err(protocol("a second challenge before the first was answered")),
            Stage::Proof { .. } => {
                self.prove(data)?;
                Ok(Reply::Respond(Vec::new()))
            }
        }
    }

    fn first(&mut self, data: &[u8]) -> Result<Derivation, XmppError> {
        let message = utf8(data)?;
        let ServerFirst {
            nonce,
            salt,
            rounds,
        } = ServerFirst::parse(message)?;
        match nonce.strip_prefix(self.nonce.as_str()) {
            Some(own) if !own.is_empty() => {}
            Some(_) => return Err(not_trusted("it added nothing to the nonce")),
            None => return Err(not_trusted("its nonce does not begin with ours")),
        }
        let input = [self.gs2.header.as_bytes(), &self.gs2.binding].concat();
        let answer = format!("c={},r={nonce}", BASE64.encode(input));
        let auth_message = format!("{},{message},{answer}", self.first);
        self.stage = Stage::Keys {
            answer,
            auth_message,
        };
        Ok(Derivation::new(
            self.hash,
            std::mem::take(&mut self.password),
            salt,
            rounds,
        ))
    }

    /// `client-final-message`.
    pub(super) fn derived(&mut self, keys: &Keys) -> Result<Vec<u8>, XmppError> {
        let Stage::Keys {
            answer,
            auth_message,
        } = &self.stage
        else {
            return Err(protocol("keys that nobody asked for"));
        };
        let stored_key = self.hash.digest(keys.client());
        let signature = self.hash.hmac(&stored_key, auth_message.as_bytes());
        let proof: Vec<u8> = keys
            .client()
            .iter()
            .zip(&signature)
            .map(|(key, signature)| key ^ signature)
            .collect();
        let message = format!("{answer},p={}", BASE64.encode(proof));
        let expected = self.hash.hmac(keys.server(), auth_message.as_bytes());
        self.stage = Stage::Proof {
            expected,
            is_proven: false,
        };
        Ok(message.into_bytes())
    }

    /// `success` came: with the server's proof, or after it.
    pub(super) fn success(&mut self, data: &[u8]) -> Result<(), XmppError> {
        match &self.stage {
            Stage::Proof {
                is_proven: true, ..
            } if data.is_empty() => Ok(()),
            Stage::Proof { .. } if !data.is_empty() => self.prove(data),
            _ => Err(not_trusted("it said `success` and proved nothing")),
        }
    }

    /// `server-final-message`.
    fn prove(&mut self, data: &[u8]) -> Result<(), XmppError> {
        let Stage::Proof {
            expected,
            is_proven,
        } = &mut self.stage
        else {
            return Err(protocol("the server's last message too early"));
        };
        let message = utf8(data)?;
        let first = message.split(',').next().unwrap_or_default();
        match first.split_once('=') {
            Some(("v", proof)) => {
                let proof = BASE64
                    .decode(proof)
                    .map_err(|_| not_trusted("its signature is not base64"))?;
                constant_time::verify_slices_are_equal(&proof, expected)
                    .map_err(|_| not_trusted("its signature is wrong"))?;
                *is_proven = true;
                Ok(())
            }
            Some(("e", error)) => Err(XmppError::Sasl(Condition {
                condition: "not-authorized".to_owned(),
                text: quoted(error).to_owned(),
            })),
            _ => Err(protocol("the server's last message has no signature")),
        }
    }
}

/// `server-first-message`.
#[derive(Debug)]
struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: NonZeroU32,
}

impl<'a> ServerFirst<'a> {
    /// What follows the three is an extension and may be ignored; what is marked as mandatory (`m`) may not, and none is known.
    fn parse(message: &'a str) -> Result<Self, XmppError> {
        let mut attributes = message.split(',');
        if attributes
            .clone()
            .any(|attribute| attribute.starts_with("m="))
        {
            return Err(protocol(
                "the server demands an extension that is not known",
            ));
        }
        let mut next = |name: &str| {
            let value = attributes
                .next()
                .and_then(|attribute| attribute.strip_prefix(name)?.strip_prefix('='));
            value.ok_or_else(|| protocol(format_args!("no `{name}` where it is due")))
        };
        let (nonce, salt, rounds) = (next("r")?, next("s")?, next("i")?);
        let salt = BASE64
            .decode(salt)
            .map_err(|_| protocol("the salt is not base64"))?;
        Ok(Self {
            nonce,
            salt,
            rounds: parse_rounds(rounds)?,
        })
    }
}

fn parse_rounds(text: &str) -> Result<NonZeroU32, XmppError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(protocol("the number of rounds is no number"));
    }
    text.parse()
        .ok()
        .filter(|rounds: &NonZeroU32| rounds.get() <= PBKDF2_ROUNDS_MAX)
        .ok_or_else(|| {
            let text = quoted(text);
            not_trusted(format!(
                "it asks for {text} rounds of PBKDF2; 1 to {PBKDF2_ROUNDS_MAX} are done"
            ))
        })
}

/// `saslname`: what separates attributes cannot be in one.
fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn utf8(data: &[u8]) -> Result<&str, XmppError> {
    std::str::from_utf8(data).map_err(|_| protocol("not UTF-8"))
}

#[cfg(test)]
#[path = "scram_tests.rs"]
mod tests;
