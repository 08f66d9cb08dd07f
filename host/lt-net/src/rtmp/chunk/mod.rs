//! The chunk stream (RTMP section 5.3): messages cut into chunks, those of several messages interleaved on one connection.

pub(crate) mod decode;
pub(crate) mod encode;
#[cfg(test)]
mod tests;

/// Size of chunks in either direction until it is set anew (section 5.4.1).
pub(crate) const CHUNK_BYTES_DEFAULT: u32 = 128;
/// Largest size of chunks: one bit is zero, and no message has more than 2^24 − 1 bytes (section 5.4.1).
pub(crate) const CHUNK_BYTES_MAX: u32 = 0x00ff_ffff;
/// Stands in the three bytes of a time stamp that does not fit there, and follows in four (section 5.3.1.3).
const EXTENDED: u32 = 0x00ff_ffff;
