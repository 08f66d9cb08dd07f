//! `/gzip`, `/deflate`, `/br`, `/zstd`: one JSON document, compressed once, whatever the client says it accepts.

use std::io::{self, Write};
use std::sync::OnceLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::CONTENT_ENCODING;

use super::reply::{self, Reply};

/// Repetitions of a sentence in the document: some 4 KB, a usual answer of an API.
const SENTENCES: usize = 64;

/// Answer with the document in this coding.
pub(super) fn answer(coding: Coding) -> Reply {
    match coding.body() {
        Ok(body) => {
            let mut reply = reply::with(
                reply::text(StatusCode::OK, body),
                CONTENT_ENCODING,
                coding.name(),
            );
            let content_type = hyper::header::HeaderValue::from_static("application/json");
            reply
                .headers_mut()
                .insert(hyper::header::CONTENT_TYPE, content_type);
            reply
        }
        Err(why) => reply::text(StatusCode::INTERNAL_SERVER_ERROR, why),
    }
}

/// A content coding (RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug)]
pub(super) enum Coding {
    Gzip,
    /// The zlib format, as the RFC has it.
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The document: its coding's name, and text that compresses well.
    pub(super) fn document(self) -> String {
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(SENTENCES);
        serde_json::json!({ "compressed": self.name(), "text": text }).to_string()
    }

    fn body(self) -> Result<Bytes, String> {
        static BODIES: [OnceLock<Result<Bytes, String>>; 4] = [const { OnceLock::new() }; 4];
        let index = match self {
            Self::Gzip => 0,
            Self::Deflate => 1,
            Self::Brotli => 2,
            Self::Zstd => 3,
        };
        BODIES[index]
            .get_or_init(|| {
                self.compress(self.document().as_bytes())
                    .map(Bytes::from)
                    .map_err(|error| error.to_string())
            })
            .clone()
    }

    fn compress(self, data: &[u8]) -> io::Result<Vec<u8>> {
        let level = flate2::Compression::default();
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(data)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(data)?;
                encoder.finish()
            }
            Self::Brotli => {
                let mut output = Vec::new();
                let parameters = brotli::enc::BrotliEncoderParams::default();
                brotli::BrotliCompress(&mut io::Cursor::new(data), &mut output, &parameters)?;
                Ok(output)
            }
            Self::Zstd => zstd::encode_all(data, zstd::DEFAULT_COMPRESSION_LEVEL),
        }
    }
}
