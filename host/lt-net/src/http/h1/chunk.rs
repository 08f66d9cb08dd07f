//! Chunked bodies (RFC 9112, section 7.1), both ways, as pure functions over bytes.

use std::ops::ControlFlow;

use crate::error::NetError;
use crate::http::HEAD_BYTES_MAX;

/// Bytes of one chunk that we send, as `wit/http.wit` promises: one TLS record.
pub(crate) const CHUNK_BYTES_MAX: usize = 16 << 10;
/// Longest line with a chunk's size and extensions. Extensions are rare and short; a server that sends more is not sane.
const CHUNK_LINE_BYTES_MAX: usize = 4096;

/// Append one chunk. An empty one would end the body and is the caller's mistake, so it appends nothing.
pub(crate) fn encode_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// What ends a chunked body without trailers.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the size, with how many digits read.
    Size(u8),
    /// Behind the size, up to the end of the line.
    Extension,
    /// This many bytes of data follow.
    Data(u64),
    /// The CR after the data.
    DataCr,
    /// The LF after the data.
    DataLf,
    /// At the start of a trailer line, or of the empty line that ends it all.
    TrailerStart,
    /// In a trailer line.
    Trailer,
    /// After the CR of the empty line.
    EndLf,
}

/// Decoder of a chunked body that is fed pieces of any size. Extensions and trailers are read over: nothing of ours uses them.
///
/// A line may end in a bare LF (RFC 9112, section 2.2); after data CR LF is demanded, because there it shows that the
/// size was true.
#[derive(Debug)]
pub(crate) struct ChunkDecoder {
    state: State,
    size: u64,
    line_bytes: usize,
    trailer_bytes: usize,
}

impl ChunkDecoder {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Size(0),
            size: 0,
            line_bytes: 0,
            trailer_bytes: 0,
        }
    }

    /// Take in bytes, handing data to `sink`. Breaks with the number of bytes used once the body has ended.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<ControlFlow<usize>, NetError> {
        let mut at = 0;
        while at < bytes.len() {
            if let State::Data(left) = self.state {
                let available = &bytes[at..];
                let take = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(available.len());
                sink(&available[..take]);
                at += take;
                let left = left - take as u64;
                self.state = if left == 0 {
                    State::DataCr
                } else {
                    State::Data(left)
                };
                continue;
            }
            let byte = bytes[at];
            at += 1;
            self.count()?;
            if self.step(byte)?.is_break() {
                return Ok(ControlFlow::Break(at));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Lines are bounded, so that framing without data cannot go on for ever unnoticed.
    fn count(&mut self) -> Result<(), NetError> {
        match self.state {
            State::Size(_) | State::Extension => self.line_bytes += 1,
            State::TrailerStart | State::Trailer | State::EndLf => self.trailer_bytes += 1,
            State::Data(_) | State::DataCr | State::DataLf => self.line_bytes = 0,
        }
        if self.trailer_bytes > HEAD_BYTES_MAX {
            return Err(NetError::HeadTooLarge);
        }
        if self.line_bytes > CHUNK_LINE_BYTES_MAX {
            return Err(malformed("a chunk's first line is too long"));
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<ControlFlow<()>, NetError> {
        self.state = match (self.state, byte) {
            (State::Size(digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if self.size >> 60 != 0 {
                    return Err(malformed("a chunk's size is too large"));
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                State::Size(digits.saturating_add(1))
            }
            (State::Size(0), _) => return Err(malformed("a chunk has no size")),
            (State::Size(_) | State::Extension, b'\n') => match std::mem::take(&mut self.size) {
                0 => State::TrailerStart,
                size => State::Data(size),
            },
            (State::Size(_), b';' | b' ' | b'\t' | b'\r') | (State::Extension, _) => {
                State::Extension
            }
            (State::Size(_), _) => return Err(malformed("a chunk's size is not hexadecimal")),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size(0),
            (State::DataCr | State::DataLf, _) => {
                return Err(malformed("a chunk is longer than its size"));
            }
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart | State::EndLf, b'\n') => return Ok(ControlFlow::Break(())),
            (State::EndLf, _) => {
                return Err(malformed("a chunked body does not end in an empty line"));
            }
            (State::Trailer, b'\n') => State::TrailerStart,
            (State::TrailerStart | State::Trailer, _) => State::Trailer,
            (State::Data(_), _) => return Err(malformed("data outside a chunk")),
        };
        Ok(ControlFlow::Continue(()))
    }
}

fn malformed(why: &str) -> NetError {
    NetError::Protocol(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, Option<usize>), NetError> {
        let mut decoder = ChunkDecoder::new();
        let (mut body, mut before) = (Vec::new(), 0);
        for piece in pieces {
            if let ControlFlow::Break(used) =
                decoder.feed(piece, |data| body.extend_from_slice(data))?
            {
                return Ok((body, Some(before + used)));
            }
            before += piece.len();
        }
        Ok((body, None))
    }

    #[test]
    fn a_body_reads_the_same_however_it_is_split() {
        let wire = b"5;name=\"v;x\"\r\nhello\r\nA \r\n, chunked \r\n00b\nworld again\r\n0;last\r\nTrailer: 1\r\nx:y\r\n\r\nNEXT";
        let end = wire.len() - 4;
        for first in 0..=end {
            for second in first..=end {
                let pieces = [&wire[..first], &wire[first..second], &wire[second..]];
                let (body, used) = decode(&pieces).unwrap();
                assert_eq!(
                    (body.as_slice(), used),
                    (&b"hello, chunked world again"[..], Some(end)),
                    "{first} {second}"
                );
            }
        }
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(decode(&bytes).unwrap().1, Some(end));
    }

    #[test]
    fn an_unfinished_body_is_not_done() {
        let wire = b"5\r\nhello\r\n0\r\n\r\n";
        for end in 0..wire.len() {
            assert_eq!(decode(&[&wire[..end]]).unwrap().1, None, "{end}");
        }
    }

    #[test]
    fn malformed_bodies_are_refused() {
        for bad in [
            &b"\r\n"[..],
            b"x\r\n",
            b"5g\r\nhello",
            b"-5\r\nhello",
            b"5\r\nhello!\r\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"11111111111111111\r\n",
            b"0\r\n\rX",
        ] {
            assert_eq!(
                decode(&[bad]).unwrap_err().code(),
                1500,
                "{}",
                bad.escape_ascii()
            );
        }
        let endless = [b"5;".to_vec(), vec![b'x'; CHUNK_LINE_BYTES_MAX]].concat();
        assert_eq!(decode(&[&endless]).unwrap_err().code(), 1500);
        let trailers = [
            b"0\r\n".to_vec(),
            b"a: b\r\n".repeat(HEAD_BYTES_MAX / 6 + 1),
        ]
        .concat();
        assert_eq!(decode(&[&trailers]).unwrap_err(), NetError::HeadTooLarge);
    }

    #[test]
    fn what_is_encoded_decodes() {
        let data: Vec<u8> = (0..=255).cycle().take(CHUNK_BYTES_MAX + 7).collect();
        let mut wire = Vec::new();
        for chunk in data.chunks(CHUNK_BYTES_MAX) {
            encode_chunk(chunk, &mut wire);
        }
        encode_chunk(b"", &mut wire);
        wire.extend_from_slice(LAST_CHUNK);
        assert_eq!(decode(&[&wire]).unwrap(), (data, Some(wire.len())));
    }
}
