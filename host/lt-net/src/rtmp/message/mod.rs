//! What came, as messages (RTMP sections 5.4, 6 and 7).

mod aggregate;
pub(crate) mod assembly;
mod control;
mod head;
#[cfg(test)]
mod head_tests;
#[cfg(test)]
mod tests;

use self::assembly::{Assemblies, Taken};
pub(crate) use self::head::head_of;
use super::chunk::decode::{Decoder, HEADER_BYTES_MAX};
use super::{FrameHead, Value};

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
        /// `onMetaData`, …; empty if the first value is no text, or the message is no AMF0.
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

/// Reads messages out of what comes behind the handshake. It keeps the state of each chunk stream, some bytes of what is under way, and of
/// nothing else anything.
#[derive(Debug)]
pub(crate) struct Reader {
    decoder: Decoder,
    assemblies: Assemblies,
    /// The beginning of a header that is not whole.
    cut: [u8; HEADER_BYTES_MAX],
    cut_len: usize,
    received: u64,
}

impl Reader {
    /// At the first byte behind the handshake.
    pub(crate) fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            assemblies: Assemblies::default(),
            cut: [0; HEADER_BYTES_MAX],
            cut_len: 0,
            received: 0,
        }
    }

    /// The next message in this input, or `None` when it is used up. Chunk sizes and aborts are applied.
    ///
    /// # Errors
    /// What came breaks the specification, or a bound of this side; nothing can be read any more.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String> {
        let before = input.len();
        let next = self.next_message(input);
        self.received += (before - input.len()) as u64;
        next
    }

    /// Keep what messages of this stream carry, from the next on, or let it go.
    pub(crate) fn keep_payload(&mut self, stream_id: u32, on: bool) {
        self.assemblies.keep_payload(stream_id, on);
    }

    /// The same for all other streams.
    pub(crate) fn keep_other_payloads(&mut self, on: bool) {
        self.assemblies.keep_other_payloads(on);
    }

    /// The stream of media of which a piece came since this was asked last, and not the end.
    pub(crate) fn take_moved(&mut self) -> Option<u32> {
        self.assemblies.take_moved()
    }

    /// Bytes taken in: what is acknowledged.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Give back the room that nothing under way needs.
    pub(crate) fn idle(&mut self) {
        self.assemblies.idle();
    }

    /// Bytes of memory held beside the reader itself.
    pub(crate) fn held(&self) -> usize {
        self.decoder.held() + self.assemblies.held()
    }

    fn next_message(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String> {
        loop {
            if let Some(message) = self.assemblies.next()? {
                return Ok(Some(message));
            }
            let taken = if self.cut_len > 0 {
                self.take_joined(input)?
            } else if let Some(piece) = self.decoder.next(input)? {
                Some(self.assemblies.take(&piece)?)
            } else {
                self.keep_cut(input);
                *input = &[];
                None
            };
            match taken {
                Some(Taken::Nothing) => {}
                Some(Taken::Message(Incoming::ChunkSize(bytes))) => {
                    self.decoder.set_chunk_size(bytes)?;
                    return Ok(Some(Incoming::ChunkSize(bytes)));
                }
                Some(Taken::Message(message)) => return Ok(Some(message)),
                Some(Taken::Abort(csid)) => {
                    if let Some(slot) = self.decoder.abort(csid) {
                        self.assemblies.abort(slot);
                    }
                    return Ok(Some(Incoming::Abort));
                }
                None => return Ok(self.assemblies.begun()),
            }
        }
    }

    /// Go on with a header that was cut off: its beginning is kept, what follows is in the input.
    fn take_joined(&mut self, input: &mut &[u8]) -> Result<Option<Taken>, String> {
        let mut joined = [0; 2 * HEADER_BYTES_MAX];
        let cut = self.cut.get(..self.cut_len).unwrap_or_default();
        let more = input.get(..HEADER_BYTES_MAX).unwrap_or(input);
        let len = cut.len() + more.len();
        for (place, byte) in joined.iter_mut().zip(cut.iter().chain(more)) {
            *place = *byte;
        }
        let joined = joined.get(..len).unwrap_or_default();
        let mut rest = joined;
        let Some(piece) = self.decoder.next(&mut rest)? else {
            *input = input.get(more.len()..).unwrap_or_default();
            self.keep_cut(rest);
            return Ok(None);
        };
        let taken = self.assemblies.take(&piece)?;
        // What the piece left of the beginning is the next header's.
        let used = len - rest.len();
        let left = joined.get(used..self.cut_len).unwrap_or_default();
        let used_of_input = used.saturating_sub(self.cut_len);
        *input = input.get(used_of_input..).unwrap_or_default();
        self.keep_cut(left);
        Ok(Some(taken))
    }

    fn keep_cut(&mut self, bytes: &[u8]) {
        for (place, byte) in self.cut.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.cut_len = bytes.len().min(HEADER_BYTES_MAX);
    }
}
