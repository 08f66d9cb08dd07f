//! Frames (RFC 6455, section 5): bytes in, frames out, and back. The head of a frame is tungstenite's; what is around it is
//! ours, because tungstenite's own stream keeps a read buffer for each connection for ever, at the size of the largest message
//! it ever took, takes 1014 for an invalid close code, and does not tell a code that it replaced from one that came.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::{Borrowed, Ending};

/// Most bytes that a control frame carries (section 5.5).
pub(super) const CONTROL_BYTES_MAX: usize = 125;
/// Most bytes of a close frame's reason: what is left beside the code.
const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// Why a connection fails, as it is told to the peer and to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) ending: Ending,
    pub(super) code: u16,
    pub(super) what: &'static str,
}

impl Violation {
    const fn protocol(what: &'static str) -> Self {
        Self {
            ending: Ending::ProtocolError,
            code: 1002,
            what,
        }
    }

    const fn utf8(what: &'static str) -> Self {
        Self {
            ending: Ending::InvalidUtf8,
            code: 1007,
            what,
        }
    }

    const fn too_large() -> Self {
        Self {
            ending: Ending::MessageTooLarge,
            code: 1009,
            what: "a message is over the limit",
        }
    }
}

/// A close frame's content; without a code it has no reason either.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CloseFrame {
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

impl CloseFrame {
    /// A reason that is too long is cut.
    pub(super) fn new(code: Option<u16>, reason: &str) -> Self {
        let mut reason = if code.is_some() { reason } else { "" }.to_owned();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        Self { code, reason }
    }

    /// What goes over the connection.
    pub(super) fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(2 + self.reason.len());
        if let Some(code) = self.code {
            payload.extend_from_slice(&code.to_be_bytes());
            payload.extend_from_slice(self.reason.as_bytes());
        }
        payload
    }

    fn parse(payload: &[u8]) -> Result<Self, Violation> {
        let (code, reason) = match payload {
            [] => return Ok(Self::default()),
            [_] => return Err(Violation::protocol("a close frame of one byte")),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        if !is_close_code(code) {
            return Err(Violation::protocol("a close code that may not be sent"));
        }
        let reason = std::str::from_utf8(reason)
            .map_err(|_| Violation::utf8("the reason of a close frame is not UTF-8"))?;
        Ok(Self {
            code: Some(code),
            reason: reason.to_owned(),
        })
    }
}

/// Whether a close frame may carry this code, in either direction: those of RFC 6455 section 7.4.1, those registered since
/// (1012 to 1014), and those of libraries and applications (section 7.4.2).
#[must_use]
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// What a frame says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Message(Borrowed<'a>),
    /// A part of a message that is not whole yet.
    Fragment,
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(CloseFrame),
}

/// A frame of a server, its payload still in the read buffer.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    opcode: OpCode,
    is_final: bool,
    payload: &'a [u8],
    /// Bytes of the whole frame.
    pub(super) length: usize,
}

/// A message that came in part.
#[derive(Debug)]
struct Fragments {
    is_text: bool,
    bytes: Vec<u8>,
    /// So many of them are known to be UTF-8.
    valid: usize,
}

/// Reads what a server sends.
#[derive(Debug)]
pub(super) struct Decoder {
    message_bytes_max: usize,
    /// Boxed: few servers fragment.
    fragments: Option<Box<Fragments>>,
    /// The message that was completed last, for as long as it is looked at.
    whole: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            fragments: None,
            whole: Vec::new(),
        }
    }

    /// Whether a message has begun that is not whole.
    pub(super) fn is_within_message(&self) -> bool {
        self.fragments.is_some()
    }

    /// The next frame, if it is there to its end. What is wrong with its head is known before its payload comes.
    pub(super) fn frame<'a>(&self, bytes: &'a [u8]) -> Result<Option<Frame<'a>>, Violation> {
        let mut cursor = Cursor::new(bytes);
        let Some((head, length)) = FrameHeader::parse(&mut cursor)
            .map_err(|_| Violation::protocol("a reserved opcode"))?
        else {
            return Ok(None);
        };
        if head.rsv1 || head.rsv2 || head.rsv3 {
            return Err(Violation::protocol("a reserved bit is set"));
        }
        if head.mask.is_some() {
            return Err(Violation::protocol("a server's frame is masked"));
        }
        let head_length = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let needed = match length {
            ..126 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        if head_length != needed || length > i64::MAX.unsigned_abs() {
            return Err(Violation::protocol(
                "a length that is not written as it should be",
            ));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.check(head.opcode, head.is_final, length)?;
        let end = head_length.saturating_add(length);
        Ok(bytes.get(head_length..end).map(|payload| Frame {
            opcode: head.opcode,
            is_final: head.is_final,
            payload,
            length: end,
        }))
    }

    fn check(&self, opcode: OpCode, is_final: bool, length: usize) -> Result<(), Violation> {
        let before = self
            .fragments
            .as_ref()
            .map(|fragments| fragments.bytes.len());
        match (opcode, before) {
            (OpCode::Control(_), _) if !is_final => {
                Err(Violation::protocol("a control frame in fragments"))
            }
            (OpCode::Control(_), _) if length > CONTROL_BYTES_MAX => Err(Violation::protocol(
                "a control frame of more than 125 bytes",
            )),
            (OpCode::Control(_), _) => Ok(()),
            (OpCode::Data(Data::Continue), None) => {
                Err(Violation::protocol("a continuation of nothing"))
            }
            (OpCode::Data(Data::Text | Data::Binary | Data::Reserved(_)), Some(_)) => Err(
                Violation::protocol("a message begins before the one before it has ended"),
            ),
            (OpCode::Data(_), before) => {
                if before.unwrap_or(0).saturating_add(length) > self.message_bytes_max {
                    Err(Violation::too_large())
                } else {
                    Ok(())
                }
            }
        }
    }

    /// What a frame says.
    pub(super) fn event<'a>(&'a mut self, frame: &Frame<'a>) -> Result<Event<'a>, Violation> {
        self.whole = Vec::new();
        match frame.opcode {
            OpCode::Control(Control::Ping) => Ok(Event::Ping(frame.payload)),
            OpCode::Control(Control::Pong) => Ok(Event::Pong(frame.payload)),
            OpCode::Control(Control::Close) => CloseFrame::parse(frame.payload).map(Event::Close),
            OpCode::Data(Data::Text) if frame.is_final => text(frame.payload),
            OpCode::Data(Data::Binary) if frame.is_final => {
                Ok(Event::Message(Borrowed::Binary(frame.payload)))
            }
            OpCode::Data(Data::Text | Data::Binary | Data::Continue) => self.fragment(frame),
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                Err(Violation::protocol("a reserved opcode"))
            }
        }
    }

    fn fragment<'a>(&'a mut self, frame: &Frame<'a>) -> Result<Event<'a>, Violation> {
        let fragments = self.fragments.get_or_insert_with(|| {
            Box::new(Fragments {
                is_text: frame.opcode == OpCode::Data(Data::Text),
                bytes: Vec::new(),
                valid: 0,
            })
        });
        fragments.bytes.extend_from_slice(frame.payload);
        if fragments.is_text {
            fragments.check_text(frame.is_final)?;
        }
        if !frame.is_final {
            return Ok(Event::Fragment);
        }
        let Some(fragments) = self.fragments.take() else {
            return Ok(Event::Fragment);
        };
        self.whole = fragments.bytes;
        if fragments.is_text {
            text(&self.whole)
        } else {
            Ok(Event::Message(Borrowed::Binary(&self.whole)))
        }
    }

    /// Give back what the last message took.
    pub(super) fn forget_last(&mut self) {
        self.whole = Vec::new();
    }
}

impl Fragments {
    /// Fail at the first byte that cannot become UTF-8 any more; a character may go on in the next fragment.
    fn check_text(&mut self, is_final: bool) -> Result<(), Violation> {
        let rest = self.bytes.get(self.valid..).unwrap_or_default();
        match std::str::from_utf8(rest) {
            Ok(_) => self.valid = self.bytes.len(),
            Err(error) if error.error_len().is_none() && !is_final => {
                self.valid += error.valid_up_to();
            }
            Err(_) => return Err(Violation::utf8("a text is not UTF-8")),
        }
        Ok(())
    }
}

fn text(payload: &[u8]) -> Result<Event<'_>, Violation> {
    match std::str::from_utf8(payload) {
        Ok(text) => Ok(Event::Message(Borrowed::Text(text))),
        Err(_) => Err(Violation::utf8("a text is not UTF-8")),
    }
}

/// Keys that mask what a client sends (section 5.3): unpredictable, because `RandomState` is a keyed hash with a key from
/// the system.
#[derive(Debug)]
pub(super) struct Masks {
    state: RandomState,
    count: u64,
}

impl Masks {
    pub(super) fn new() -> Self {
        Self {
            state: RandomState::new(),
            count: 0,
        }
    }

    /// A number that nobody can guess.
    pub(super) fn random(&mut self) -> u64 {
        self.count += 1;
        self.state.hash_one(self.count)
    }

    fn mask(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.random().to_ne_bytes();
        [a, b, c, d]
    }
}

/// Append the head of a client's frame; the mask for its payload.
pub(super) fn encode_head(
    masks: &mut Masks,
    opcode: OpCode,
    is_final: bool,
    length: usize,
    out: &mut Vec<u8>,
) -> [u8; 4] {
    let mask = masks.mask();
    let head = FrameHeader {
        is_final,
        opcode,
        mask: Some(mask),
        ..FrameHeader::default()
    };
    // Writing into memory does not fail.
    let written = head.format(length as u64, out);
    debug_assert!(written.is_ok());
    mask
}

/// Append a part of a payload, masked; `offset` is where in the payload it stands.
pub(super) fn encode_payload(mask: [u8; 4], offset: usize, payload: &[u8], out: &mut Vec<u8>) {
    let mut mask = mask;
    mask.rotate_left(offset % 4);
    let start = out.len();
    out.extend_from_slice(payload);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = out
        .get_mut(start..)
        .unwrap_or_default()
        .as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Append a whole control frame.
pub(super) fn encode_control(
    masks: &mut Masks,
    control: Control,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let mask = encode_head(masks, OpCode::Control(control), true, payload.len(), out);
    encode_payload(mask, 0, payload, out);
}
