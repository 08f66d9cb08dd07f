//! What the guest gets: the last answer of an exchange, its body decoded when asked for.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::request::BodyMode;
use super::{Answer, BODY_KEPT_BYTES_MAX, Url, Version, decode};
use crate::error::NetError;
use crate::timings::Timings;

/// A response, with redirects followed. Owned by the guest's handle; its body, if kept, goes with it.
#[derive(Debug)]
pub struct Response {
    pub(crate) answer: Answer,
    pub(crate) url: Url,
    /// What stands after `#`: of the last URL that had any (RFC 9110, section 10.2.2).
    pub(crate) fragment: Option<Box<str>>,
    pub(crate) redirects: u32,
    pub(crate) body_mode: BodyMode,
    pub(crate) decompress: bool,
}

impl Response {
    /// Status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// Version spoken.
    #[must_use]
    pub fn version(&self) -> Version {
        self.answer.version
    }

    /// URL of the last request, without user and password.
    #[must_use]
    pub fn url(&self) -> Cow<'_, str> {
        match &self.fragment {
            Some(fragment) => Cow::Owned(format!("{}#{fragment}", self.url)),
            None => Cow::Borrowed(self.url.as_str()),
        }
    }

    /// How many redirects were followed.
    #[must_use]
    pub fn redirects(&self) -> u32 {
        self.redirects
    }

    /// All header fields in order, names in lower case.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.answer.head.to_vec()
    }

    /// The first field of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.answer.head.get(name)
    }

    /// Bytes of the body that are kept in memory.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.answer.body.len()
    }

    /// Bytes of the body as they came over the wire, after undoing chunks, before undoing compression.
    #[must_use]
    pub fn body_length(&self) -> u64 {
        self.answer.body_length
    }

    /// The body; decompressed, if the request asked for that, anew with each call.
    ///
    /// # Errors
    /// `body-discarded`, `body-too-large` (as it came or decompressed over [`BODY_KEPT_BYTES_MAX`]), `decompression`.
    pub fn body(&self) -> Result<Cow<'_, [u8]>, NetError> {
        if self.answer.body_overflow {
            return Err(NetError::BodyTooLarge(self.answer.body_length));
        }
        if self.body_mode == BodyMode::Discard {
            return Err(NetError::BodyDiscarded);
        }
        if !self.decompress {
            return Ok(Cow::Borrowed(&self.answer.body));
        }
        let codings = decode::codings(self.answer.head.get_all("content-encoding"))?;
        decode::decode(&self.answer.body, &codings, BODY_KEPT_BYTES_MAX)
    }

    /// Phases of the last exchange.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.answer.timings
    }

    /// The address and port that answered.
    #[must_use]
    pub fn remote_address(&self) -> SocketAddr {
        self.answer.remote
    }
}
