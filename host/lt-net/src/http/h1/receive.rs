//! A response read piece by piece, without I/O: what a byte means is decided here, where it comes from is not.

use std::mem::MaybeUninit;
use std::ops::ControlFlow;

use super::chunk::ChunkDecoder;
use crate::error::NetError;
use crate::http::{HEAD_BYTES_MAX, Head, Version};

/// Most fields of a head: what browsers and Go accept is bounded by bytes alone, and 64 KiB of real fields are far fewer.
const FIELDS_MAX: usize = 256;
/// Most interim responses (1xx) before the final one; early hints come in ones and twos.
const INTERIM_MAX: u32 = 32;
/// A declared body up to this size gets its memory at once; a larger one as it arrives, since a declaration costs nothing.
const BODY_RESERVE_BYTES_MAX: u64 = 256 << 10;

/// Status line and fields of the final response.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) head: Head,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(ChunkDecoder),
    UntilClose,
    Done,
}

impl State {
    /// Take in bytes of a body, and give back what lies behind it.
    fn feed<'a>(
        &mut self,
        bytes: &'a [u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<&'a [u8], NetError> {
        match self {
            Self::Length(left) => {
                let take = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                sink(&bytes[..take]);
                *left -= take as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(&bytes[take..])
            }
            Self::Chunked(decoder) => match decoder.feed(bytes, sink)? {
                ControlFlow::Continue(()) => Ok(&[]),
                ControlFlow::Break(used) => {
                    *self = Self::Done;
                    Ok(&bytes[used..])
                }
            },
            Self::UntilClose => {
                sink(bytes);
                Ok(&[])
            }
            Self::Head | Self::Done => Ok(bytes),
        }
    }

    /// The peer ended the stream.
    fn end(&mut self) -> Result<(), NetError> {
        match self {
            Self::UntilClose | Self::Done => {
                *self = Self::Done;
                Ok(())
            }
            Self::Head | Self::Length(_) | Self::Chunked(_) => Err(NetError::ConnectionClosed),
        }
    }
}

/// A body that is handed on as it comes, and kept nowhere.
#[derive(Debug)]
pub(crate) struct Flow(State);

impl Flow {
    /// Take in bytes. What lies behind the body is nobody's.
    pub(crate) fn feed(&mut self, bytes: &[u8], sink: impl FnMut(&[u8])) -> Result<(), NetError> {
        self.0.feed(bytes, sink).map(|_behind| ())
    }

    /// The peer ended the stream: an error if there should be more.
    pub(crate) fn end(&mut self) -> Result<(), NetError> {
        self.0.end()
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }
}

/// How the end of a body is known (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// A body as it is kept: up to a cap, past which it is only counted.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    keep: bool,
    bytes_max: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: u64,
    pub(crate) overflow: bool,
}

impl Kept {
    pub(crate) fn new(keep: bool, bytes_max: usize) -> Self {
        Self {
            keep,
            bytes_max,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        self.length += data.len() as u64;
        if !self.keep || self.overflow {
            return;
        }
        if self.length > self.bytes_max as u64 {
            self.overflow = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(data);
        }
    }

    /// Make room for a body of a declared length.
    fn expect(&mut self, length: u64) {
        if self.keep && length <= BODY_RESERVE_BYTES_MAX {
            self.bytes.reserve_exact(
                usize::try_from(length.min(self.bytes_max as u64)).unwrap_or_default(),
            );
        }
    }

    /// Whether `bytes` is the whole body.
    pub(crate) fn is_whole(&self) -> bool {
        self.keep && !self.overflow
    }
}

/// Takes in the bytes of one response.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// The answer to HEAD has the fields of a body but no body.
    to_head: bool,
    /// Bytes of a head that is not complete yet; a response that comes in one piece never allocates it.
    partial: Vec<u8>,
    state: State,
    start: Option<Start>,
    pub(crate) body: Kept,
    interim: u32,
    /// Whether any byte came, of whatever kind: the server has then seen the request.
    pub(crate) answered: bool,
    /// Whether `100 Continue` came.
    pub(crate) continued: bool,
    /// Whether the connection may carry another request once the response is done.
    pub(crate) reusable: bool,
}

impl Receiver {
    pub(crate) fn new(to_head: bool, body: Kept) -> Self {
        Self {
            to_head,
            partial: Vec::new(),
            state: State::Head,
            start: None,
            body,
            interim: 0,
            answered: false,
            continued: false,
            reusable: false,
        }
    }

    /// Whether any byte of the final response has come.
    pub(crate) fn has_started(&self) -> bool {
        self.start.is_some() || !self.partial.is_empty()
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The final response's start, once it is done.
    pub(crate) fn take_start(&mut self) -> Option<Start> {
        self.start.take()
    }

    /// Take in bytes, at least one, and give back what follows the response. After the end any byte more forbids reuse: it
    /// answers a question that was not asked, or belongs to the protocol that was switched to.
    pub(crate) fn feed<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], NetError> {
        self.answered = true;
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Head => match self.feed_head(bytes)? {
                    Some(rest) => rest,
                    None => return Ok(&[]),
                },
                State::Done => {
                    self.reusable = false;
                    return Ok(bytes);
                }
                body => body.feed(bytes, |data| self.body.push(data))?,
            };
        }
        Ok(&[])
    }

    /// The peer ended the stream.
    pub(crate) fn end(&mut self) -> Result<(), NetError> {
        self.state.end()?;
        self.reusable = false;
        Ok(())
    }

    /// What came of the body so far, and what hands on the rest.
    pub(crate) fn into_flow(self) -> (Vec<u8>, Flow) {
        (self.body.bytes, Flow(self.state))
    }

    /// Returns what follows the head, or nothing while it is incomplete.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, NetError> {
        if self.partial.is_empty() {
            return match self.parse_head(bytes)? {
                Some(used) => Ok(Some(&bytes[used..])),
                None if bytes.len() > HEAD_BYTES_MAX => Err(NetError::HeadTooLarge),
                None => {
                    self.partial.extend_from_slice(bytes);
                    Ok(None)
                }
            };
        }
        let known = self.partial.len();
        // No more than the limit is taken in, so that a read of 64 KiB cannot double it; the rest would be too much anyway.
        let room = (HEAD_BYTES_MAX + 1).saturating_sub(known).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
        if bytes.contains(&b'\n') {
            // Only a line end can complete a head: a peer that sends byte by byte does not make us parse byte by byte.
            let partial = std::mem::take(&mut self.partial);
            if let Some(used) = self.parse_head(&partial)? {
                return Ok(Some(&bytes[used - known..]));
            }
            self.partial = partial;
        }
        if self.partial.len() > HEAD_BYTES_MAX {
            return Err(NetError::HeadTooLarge);
        }
        Ok(None)
    }

    /// Returns the head's length, or nothing while it is incomplete. An interim head leaves the state as it was.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, NetError> {
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut fields,
        );
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) if length > HEAD_BYTES_MAX => {
                return Err(NetError::HeadTooLarge);
            }
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(NetError::HeadTooLarge),
            Err(error) => return Err(NetError::Protocol(error.to_string())),
        };
        let status = response.code.unwrap_or_default();
        if matches!(status, 100..=199) && status != 101 {
            self.continued |= status == 100;
            self.interim += 1;
            if self.interim > INTERIM_MAX {
                return Err(NetError::Protocol("too many interim responses".to_owned()));
            }
            return Ok(Some(length));
        }
        let version = if response.version == Some(0) {
            Version::Http10
        } else {
            Version::Http11
        };
        self.begin(status, version, response.headers)?;
        let lines_at = response
            .headers
            .first()
            .map_or(length, |first| offset_in(bytes, first.name.as_bytes()));
        self.start = Some(Start {
            status,
            version,
            head: Head::from_lines(&bytes[lines_at..length]),
        });
        Ok(Some(length))
    }

    fn begin(
        &mut self,
        status: u16,
        version: Version,
        fields: &[httparse::Header<'_>],
    ) -> Result<(), NetError> {
        let facts = Facts::of(fields)?;
        // 101 hands the connection to another protocol: what follows is not for us.
        let bodyless = self.to_head || matches!(status, 101 | 204 | 304);
        let framing = if bodyless {
            Framing::Length(0)
        } else {
            facts.framing
        };
        let persistent = match version {
            // That version has no codings: what lies before us may have framed it otherwise (RFC 9112, section 6.1).
            Version::Http10 => {
                facts.keep_alive && !facts.close && facts.framing != Framing::Chunked
            }
            _ => !facts.close,
        };
        self.reusable =
            persistent && framing != Framing::UntilClose && !facts.ambiguous && status != 101;
        self.state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => {
                self.body.expect(length);
                State::Length(length)
            }
            Framing::Chunked => State::Chunked(ChunkDecoder::new()),
            Framing::UntilClose => State::UntilClose,
        };
        Ok(())
    }
}

/// Where a part lies in the whole it was borrowed from.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// What the fields say about the body and the connection.
struct Facts {
    framing: Framing,
    /// Both a length and a coding: the coding counts, and the connection is not trusted further (RFC 9112, section 6.1).
    ambiguous: bool,
    close: bool,
    keep_alive: bool,
}

impl Facts {
    fn of(fields: &[httparse::Header<'_>]) -> Result<Self, NetError> {
        let mut length = None;
        let mut coded = false;
        let (mut close, mut keep_alive) = (false, false);
        for field in fields {
            // The lengths of the three names differ, so that most fields cost one comparison of numbers.
            match field.name.len() {
                14 if field.name.eq_ignore_ascii_case("content-length") => {
                    length = Some(parse_length(field.value, length)?);
                }
                17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                    if coded || !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                        return Err(NetError::Protocol(
                            "a transfer coding other than `chunked`".to_owned(),
                        ));
                    }
                    coded = true;
                }
                10 if field.name.eq_ignore_ascii_case("connection") => {
                    for option in field.value.split(|&byte| byte == b',') {
                        close |= option.trim_ascii().eq_ignore_ascii_case(b"close");
                        keep_alive |= option.trim_ascii().eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                _ => {}
            }
        }
        let framing = match (coded, length) {
            (true, _) => Framing::Chunked,
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::UntilClose,
        };
        Ok(Self {
            framing,
            ambiguous: coded && length.is_some(),
            close,
            keep_alive,
        })
    }
}

/// A length, possibly said several times, but then always the same (RFC 9112, section 6.3, item 5).
fn parse_length(value: &[u8], mut known: Option<u64>) -> Result<u64, NetError> {
    let wrong = || NetError::Protocol(format!("content-length `{}`", value.escape_ascii()));
    for item in value.split(|&byte| byte == b',') {
        let digits = item.trim_ascii();
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(wrong());
        }
        let length = std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(wrong)?;
        if known.is_some_and(|known| known != length) {
            return Err(wrong());
        }
        known = Some(length);
    }
    known.ok_or_else(wrong)
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
