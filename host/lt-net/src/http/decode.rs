//! Undoing `content-encoding` (RFC 9110, section 8.4): gzip, deflate, br and zstd, alone or chained.
//!
//! Done only when the guest asks for the body, so a load test that never looks at its bodies never pays for it.
//! A body is hostile input: the output is capped (a kilobyte of brotli can stand for gigabytes), and so is the
//! window of zstd.

use std::borrow::Cow;
use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::NetError;

/// The `accept-encoding` that is sent when a request wants its body decompressed: everything [`decode`] can undo.
pub const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";

/// Most encodings applied one over the other. Two are unusual; more only serve to multiply work.
const CODINGS_MAX: usize = 4;

/// Largest zstd window as a power of two: 8 MiB, what RFC 9659 section 3 demands of HTTP. The format itself allows
/// a frame of a few bytes to demand gigabytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// First size of an output buffer as a multiple of the input: text compresses to about a quarter.
const OUTPUT_FACTOR: usize = 4;

/// Largest first size of an output buffer: past it the buffer grows as bytes really arrive.
const OUTPUT_FIRST_BYTES_MAX: usize = 64 << 10;

/// One content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// gzip, also as `x-gzip` (RFC 9110, section 8.4.1.3).
    Gzip,
    /// zlib, as RFC 9110 section 8.4.1.2 has it, or raw deflate, as some servers send.
    Deflate,
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// Read the values of all `content-encoding` fields: the codings in the order in which they were applied.
///
/// # Errors
/// `decompression` for a coding that is not known, or too many of them.
pub fn codings<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Coding>, NetError> {
    let mut codings = Vec::new();
    for value in values {
        for name in String::from_utf8_lossy(value).split(',') {
            if let Some(coding) = parse_coding(name.trim())? {
                codings.push(coding);
            }
        }
        if codings.len() > CODINGS_MAX {
            return Err(NetError::Decompression(format!(
                "more than {CODINGS_MAX} content codings"
            )));
        }
    }
    Ok(codings)
}

fn parse_coding(name: &str) -> Result<Option<Coding>, NetError> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "" | "identity" => None,
        "gzip" | "x-gzip" => Some(Coding::Gzip),
        "deflate" => Some(Coding::Deflate),
        "br" => Some(Coding::Brotli),
        "zstd" => Some(Coding::Zstd),
        other => {
            return Err(NetError::Decompression(format!(
                "content-encoding {other:?} is not one of gzip, deflate, br, zstd"
            )));
        }
    })
}

/// Undo `codings`, the last applied first; no intermediate or final result may be longer than `bytes_max`.
/// An empty body stays empty, whatever its head says (HEAD, 204, 304).
///
/// # Errors
/// `decompression` for a damaged or truncated body, `body-too-large` for one over the cap.
pub fn decode<'a>(
    body: &'a [u8],
    codings: &[Coding],
    bytes_max: usize,
) -> Result<Cow<'a, [u8]>, NetError> {
    let mut body = Cow::Borrowed(body);
    for coding in codings.iter().rev() {
        if body.is_empty() {
            break;
        }
        body = Cow::Owned(decode_one(&body, *coding, bytes_max)?);
    }
    Ok(body)
}

fn decode_one(body: &[u8], coding: Coding, bytes_max: usize) -> Result<Vec<u8>, NetError> {
    match coding {
        Coding::Gzip => read_capped(flate2::bufread::MultiGzDecoder::new(body), body, bytes_max)
            .map_err(|fault| fault.into_error("gzip")),
        Coding::Deflate => {
            decode_deflate(body, bytes_max).map_err(|fault| fault.into_error("deflate"))
        }
        Coding::Brotli => {
            let reader = brotli::Decompressor::new(body, OUTPUT_FIRST_BYTES_MAX);
            read_capped(reader, body, bytes_max).map_err(|fault| fault.into_error("br"))
        }
        Coding::Zstd => decode_zstd(body, bytes_max).map_err(|fault| fault.into_error("zstd")),
    }
}

/// Why one coding could not be undone.
enum Fault {
    /// The output passed the cap; its length by then.
    TooLarge(u64),
    /// The input is not what it says it is.
    Damaged(String),
}

impl Fault {
    fn into_error(self, coding: &str) -> NetError {
        match self {
            Self::TooLarge(bytes) => NetError::BodyTooLarge(bytes),
            Self::Damaged(why) => NetError::Decompression(format!("{coding}: {why}")),
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

fn first_capacity(input: &[u8], bytes_max: usize) -> usize {
    (input.len().saturating_mul(OUTPUT_FACTOR))
        .min(OUTPUT_FIRST_BYTES_MAX)
        .min(bytes_max)
}

fn read_capped(reader: impl Read, input: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut output = Vec::with_capacity(first_capacity(input, bytes_max));
    // One byte over the cap tells "exactly the cap" from "more".
    reader.take(bytes_max as u64 + 1).read_to_end(&mut output)?;
    if output.len() > bytes_max {
        return Err(Fault::TooLarge(output.len() as u64));
    }
    Ok(output)
}

fn decode_zstd(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut reader = zstd::stream::read::Decoder::with_buffer(body)?;
    reader.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    read_capped(reader, body, bytes_max)
}

fn decode_deflate(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    // RFC 1950, section 2.2: method 8 in the low bits, and the two header bytes divisible by 31.
    let is_zlib = matches!(body, [cmf, flags, ..]
        if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flags)) % 31 == 0);
    if is_zlib {
        match inflate(body, true, bytes_max) {
            // A raw stream may by chance begin like a zlib header.
            Err(Fault::Damaged(why)) => {
                inflate(body, false, bytes_max).map_err(|fault| match fault {
                    Fault::Damaged(_) => Fault::Damaged(why),
                    Fault::TooLarge(_) => fault,
                })
            }
            done => done,
        }
    } else {
        inflate(body, false, bytes_max)
    }
}

/// flate2's readers take a truncated deflate stream for a finished one, so the state machine is driven by hand.
fn inflate(body: &[u8], zlib_header: bool, bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut state = Decompress::new(zlib_header);
    let mut output = Vec::with_capacity(first_capacity(body, bytes_max).max(1));
    loop {
        let (read, written) = (state.total_in(), state.total_out());
        let rest = usize::try_from(read)
            .ok()
            .and_then(|read| body.get(read..))
            .unwrap_or_default();
        let status = state
            .decompress_vec(rest, &mut output, FlushDecompress::None)
            .map_err(|error| Fault::Damaged(error.to_string()))?;
        if output.len() > bytes_max {
            return Err(Fault::TooLarge(output.len() as u64));
        }
        if status == Status::StreamEnd {
            return Ok(output);
        }
        if output.len() == output.capacity() {
            output.reserve(output.len().max(1));
        } else if (state.total_in(), state.total_out()) == (read, written) {
            return Err(Fault::Damaged("the stream ends too early".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const CAP: usize = 1 << 20;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn br(data: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        {
            let mut encoder = brotli::CompressorWriter::new(&mut output, 4096, 5, 22);
            encoder.write_all(data).unwrap();
        }
        output
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        zstd::encode_all(data, 3).unwrap()
    }

    fn read(values: &[&'static [u8]]) -> Result<Vec<Coding>, NetError> {
        codings(values.iter().copied())
    }

    fn sample() -> Vec<u8> {
        (0..20_000_u32)
            .flat_map(|n| (n * n % 251).to_string().into_bytes())
            .collect()
    }

    fn coded() -> Vec<(Coding, Vec<u8>)> {
        vec![
            (Coding::Gzip, gzip(&sample())),
            (Coding::Deflate, zlib(&sample())),
            (Coding::Deflate, raw_deflate(&sample())),
            (Coding::Brotli, br(&sample())),
            (Coding::Zstd, zstd(&sample())),
        ]
    }

    #[test]
    fn every_coding_is_undone() {
        for (coding, body) in coded() {
            assert!(body.len() < sample().len(), "{coding:?} did not compress");
            assert_eq!(
                *decode(&body, &[coding], CAP).unwrap(),
                *sample(),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn chained_codings_are_undone_last_first() {
        let body = br(&gzip(&sample()));
        let applied = read(&[b"gzip, br"]).unwrap();
        assert_eq!(applied, [Coding::Gzip, Coding::Brotli]);
        assert_eq!(*decode(&body, &applied, CAP).unwrap(), *sample());
        let wrong_order = [Coding::Brotli, Coding::Gzip];
        assert!(decode(&body, &wrong_order, CAP).is_err());
    }

    #[test]
    fn members_of_a_gzip_body_are_joined() {
        let mut body = gzip(b"one ");
        body.extend(gzip(b"two"));
        assert_eq!(*decode(&body, &[Coding::Gzip], CAP).unwrap(), *b"one two");
    }

    #[test]
    fn a_truncated_body_is_an_error_at_every_length() {
        for (coding, body) in coded() {
            for keep in [1, 2, 3, 10, body.len() / 2, body.len() - 1] {
                let result = decode(&body[..keep], &[coding], CAP);
                assert!(
                    matches!(result, Err(NetError::Decompression(_))),
                    "{coding:?} cut to {keep} bytes: {result:?}"
                );
            }
        }
    }

    #[test]
    fn noise_is_an_error() {
        let noise: Vec<u8> = (0..997_u32)
            .map(|n| (n * 7919 % 256) as u8 | 0x80)
            .collect();
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let result = decode(&noise, &[coding], CAP);
            assert!(
                matches!(result, Err(NetError::Decompression(_))),
                "{coding:?}: {result:?}"
            );
        }
    }

    #[test]
    fn a_bomb_stops_at_the_cap() {
        let zeros = vec![0_u8; 10 * CAP];
        for (coding, body) in [
            (Coding::Gzip, gzip(&zeros)),
            (Coding::Deflate, zlib(&zeros)),
            (Coding::Deflate, raw_deflate(&zeros)),
            (Coding::Brotli, br(&zeros)),
            (Coding::Zstd, zstd(&zeros)),
        ] {
            let result = decode(&body, &[coding], CAP);
            let Err(NetError::BodyTooLarge(bytes)) = result else {
                panic!("{coding:?}: {:?}", result.map(|body| body.len()));
            };
            assert!(
                bytes > CAP as u64 && bytes <= 4 * CAP as u64,
                "{coding:?}: {bytes}"
            );
        }
    }

    #[test]
    fn exactly_the_cap_passes() {
        let body = gzip(&vec![7_u8; CAP]);
        assert_eq!(decode(&body, &[Coding::Gzip], CAP).unwrap().len(), CAP);
        assert!(decode(&body, &[Coding::Gzip], CAP - 1).is_err());
    }

    #[test]
    fn a_zstd_frame_with_a_huge_window_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(b"small").unwrap();
        let body = encoder.finish().unwrap();
        assert!(matches!(
            decode(&body, &[Coding::Zstd], CAP),
            Err(NetError::Decompression(_))
        ));
    }

    #[test]
    fn codings_are_read_in_any_case_and_identity_is_nothing() {
        let applied = [Coding::Gzip, Coding::Zstd];
        assert_eq!(read(&[b" X-GZip ,, Identity , ZSTD"]).unwrap(), applied);
        assert_eq!(read(&[b"gzip", b"zstd"]).unwrap(), applied);
        assert_eq!(read(&[b""]).unwrap(), []);
        assert!(read(&[b"compress"]).is_err());
        assert!(read(&[b"br,br,br,br,br"]).is_err());
        assert!(read(&[b"br,br,br", b"br,br"]).is_err());
    }

    #[test]
    fn an_empty_body_stays_empty() {
        assert_eq!(*decode(b"", &[Coding::Gzip], CAP).unwrap(), *b"");
        assert_eq!(*decode(b"as is", &[], CAP).unwrap(), *b"as is");
    }
}
