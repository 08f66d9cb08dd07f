//! What is to be sent: messages in order, control frames between their frames, the close frame last.

use std::collections::VecDeque;
use std::mem;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::codec::{CloseFrame, Masks, encode_control, encode_head, encode_payload};
use super::heartbeat::Pings;
use super::{Content, UNSENT_BYTES_MAX, UNSENT_MESSAGES_MAX};

/// Most control frames of a kind that wait for a peer that does not read. The oldest of that kind is dropped then: of
/// several pings a peer need answer only the last (RFC 6455, section 5.5.3), and so need we. A kind of its own for what the
/// peer asks for, so that a flood of its pings cannot throw out what the user wants to say.
const CONTROL_FRAMES_MAX: usize = 256;
/// Most timed pings that wait when a heartbeat adds another. Fewer than may wait, so that those that somebody waits for find
/// room: the oldest of so many is forgotten already (`heartbeat::PINGS_MAX`).
const BEAT_PINGS_MAX: usize = 64;

/// A control frame that waits.
#[derive(Debug)]
pub(super) enum ControlFrame {
    /// A ping or pong of the user's own.
    Ping(Box<[u8]>),
    Pong(Box<[u8]>),
    /// The pong that a ping of the peer asks for.
    Answer(Box<[u8]>),
    /// A ping of ours, by number.
    Timed(u64),
}

/// Control frames that share a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    User,
    Answer,
    Timed,
}

impl ControlFrame {
    fn kind(&self) -> Kind {
        match self {
            Self::Ping(_) | Self::Pong(_) => Kind::User,
            Self::Answer(_) => Kind::Answer,
            Self::Timed(_) => Kind::Timed,
        }
    }
}

/// The message that is being sent.
#[derive(Debug)]
struct Current {
    content: Content,
    /// So many of its bytes have been written into frames.
    done: usize,
    /// Where the frame that was begun last starts and ends.
    frame_start: usize,
    frame_end: usize,
    mask: [u8; 4],
    /// It ends with the frame that was begun, because the connection does.
    is_cut: bool,
}

/// Where the close frame is.
#[derive(Debug)]
enum Closing {
    No,
    /// It goes out after what waits.
    Queued(CloseFrame),
    /// It was written; nothing may follow it.
    Encoded(Option<u16>),
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Outbox {
    masks: Masks,
    fragment_bytes: usize,
    control: VecDeque<ControlFrame>,
    messages: VecDeque<Content>,
    current: Option<Current>,
    closing: Closing,
    /// Only the close frame is still to be sent, and what was begun before it.
    is_aborted: bool,
    unsent_messages: usize,
    unsent_bytes: usize,
    /// Length of the message that found no room.
    refused: Option<usize>,
}

/// What went into one write.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Messages that end in it.
    pub(super) messages: usize,
    /// Bytes of their content, and of those of which it has a part.
    pub(super) bytes: usize,
}

impl Outbox {
    pub(super) fn new(masks: Masks, fragment_bytes: Option<usize>) -> Self {
        Self {
            masks,
            fragment_bytes: fragment_bytes.unwrap_or(usize::MAX).max(1),
            control: VecDeque::new(),
            messages: VecDeque::new(),
            current: None,
            closing: Closing::No,
            is_aborted: false,
            unsent_messages: 0,
            unsent_bytes: 0,
            refused: None,
        }
    }

    pub(super) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// Take a message, or give it back if there is no room.
    pub(super) fn push(&mut self, content: Content) -> Result<(), Content> {
        if !self.has_room(content.len()) {
            self.refused = Some(content.len());
            return Err(content);
        }
        self.refused = None;
        self.unsent_messages += 1;
        self.unsent_bytes += content.len();
        self.messages.push_back(content);
        Ok(())
    }

    /// Take a copy of a message if there is room. Returns whether there was.
    pub(super) fn push_beat(&mut self, content: &Content) -> bool {
        let refused = self.refused;
        let taken = self.has_room(content.len()) && self.push(content.clone()).is_ok();
        self.refused = refused;
        taken
    }

    /// Whether there is room for the message that was refused last.
    pub(super) fn has_room_again(&self) -> bool {
        self.has_room(self.refused.unwrap_or(0))
    }

    fn has_room(&self, length: usize) -> bool {
        !self.is_aborted
            && (self.unsent_messages == 0
                || self.unsent_messages < UNSENT_MESSAGES_MAX
                    && self.unsent_bytes.saturating_add(length) <= UNSENT_BYTES_MAX)
    }

    /// Send a control frame before the next frame of a message.
    pub(super) fn push_control(&mut self, frame: ControlFrame) {
        // With fewer than that of all kinds there is nothing to count.
        if self.control.len() >= CONTROL_FRAMES_MAX
            && self.count_kind(frame.kind()) >= CONTROL_FRAMES_MAX
        {
            let oldest = self
                .control
                .iter()
                .position(|other| other.kind() == frame.kind());
            oldest.and_then(|oldest| self.control.remove(oldest));
        }
        self.control.push_back(frame);
    }

    /// Send a heartbeat's timed ping if there is room. Returns whether there was; `number` is asked only then.
    pub(super) fn push_beat_ping(&mut self, number: impl FnOnce() -> u64) -> bool {
        let has_room = self.count_kind(Kind::Timed) < BEAT_PINGS_MAX;
        if has_room {
            self.push_control(ControlFrame::Timed(number()));
        }
        has_room
    }

    fn count_kind(&self, kind: Kind) -> usize {
        let same = self.control.iter().filter(|frame| frame.kind() == kind);
        same.count()
    }

    /// Send a close frame after what waits.
    pub(super) fn close(&mut self, frame: CloseFrame) {
        if matches!(self.closing, Closing::No) {
            self.closing = Closing::Queued(frame);
        }
    }

    /// Send a close frame as soon as the frame that was begun is over, and nothing else; one that was queued gives way.
    pub(super) fn abort(&mut self, frame: CloseFrame) {
        if !self.is_close_encoded() {
            self.closing = Closing::Queued(frame);
        }
        self.drop_waiting();
    }

    fn drop_waiting(&mut self) {
        self.is_aborted = true;
        self.control = VecDeque::new();
        for content in mem::take(&mut self.messages) {
            self.unsent_messages = self.unsent_messages.saturating_sub(1);
            self.unsent_bytes = self.unsent_bytes.saturating_sub(content.len());
        }
        let Some(current) = &mut self.current else {
            return;
        };
        // What is not in a frame that was begun is never sent; without its end the message is not either.
        let unframed = current.content.len() - current.frame_end;
        if unframed > 0 && !current.is_cut {
            self.unsent_messages = self.unsent_messages.saturating_sub(1);
            self.unsent_bytes = self.unsent_bytes.saturating_sub(unframed);
        }
        current.is_cut = true;
        // Between two fragments: the close frame may stand there.
        if current.done == current.frame_end {
            self.current = None;
        }
    }

    /// The connection has ended: let go of everything.
    pub(super) fn clear(&mut self) {
        self.control = VecDeque::new();
        self.messages = VecDeque::new();
        self.current = None;
        self.unsent_messages = 0;
        self.unsent_bytes = 0;
    }

    /// Whether the close frame was written, so that nothing may follow.
    pub(super) fn is_close_encoded(&self) -> bool {
        matches!(self.closing, Closing::Encoded(_))
    }

    /// The code of the close frame that was written: 1005 if it had none.
    pub(super) fn close_code(&self) -> Option<u16> {
        match self.closing {
            Closing::Encoded(code) => Some(code.unwrap_or(1005)),
            Closing::No | Closing::Queued(_) => None,
        }
    }

    /// Write what waits into `out`, until it is so long or there is no more.
    pub(super) fn encode(
        &mut self,
        out: &mut Vec<u8>,
        length_max: usize,
        pings: &mut Pings,
    ) -> Batch {
        let mut batch = Batch::default();
        while out.len() < length_max && !self.is_close_encoded() {
            let within_frame = self
                .current
                .as_ref()
                .is_some_and(|current| current.done < current.frame_end);
            if within_frame {
                self.encode_payload(out, length_max, &mut batch);
            } else if let Some(frame) = self.control.pop_front() {
                self.encode_control(&frame, out, pings);
            } else if self.current.is_some() {
                self.begin_frame(out, &mut batch);
            } else if let Some(content) = self.messages.pop_front() {
                self.current = Some(Current {
                    content,
                    done: 0,
                    frame_start: 0,
                    frame_end: 0,
                    mask: [0; 4],
                    is_cut: false,
                });
                self.begin_frame(out, &mut batch);
            } else if let Closing::Queued(frame) = &self.closing {
                encode_control(&mut self.masks, Control::Close, &frame.payload(), out);
                self.closing = Closing::Encoded(frame.code);
            } else {
                break;
            }
        }
        self.shrink();
        batch
    }

    /// What a batch held is with the kernel. Returns whether there is room now for what was refused.
    pub(super) fn written(&mut self, batch: &Batch) -> bool {
        self.unsent_messages = self.unsent_messages.saturating_sub(batch.messages);
        self.unsent_bytes = self.unsent_bytes.saturating_sub(batch.bytes);
        if self.refused.is_some() && self.has_room_again() {
            self.refused = None;
            return true;
        }
        false
    }

    fn begin_frame(&mut self, out: &mut Vec<u8>, batch: &mut Batch) {
        let Some(current) = &mut self.current else {
            return;
        };
        let length = current.content.len();
        let opcode = match (&current.content, current.done) {
            (Content::Text(_), 0) => Data::Text,
            (Content::Binary(_), 0) => Data::Binary,
            (Content::Text(_) | Content::Binary(_), _) => Data::Continue,
        };
        current.frame_start = current.done;
        current.frame_end = length.min(current.done.saturating_add(self.fragment_bytes));
        let is_final = current.frame_end == length;
        current.mask = encode_head(
            &mut self.masks,
            OpCode::Data(opcode),
            is_final,
            current.frame_end - current.frame_start,
            out,
        );
        if length == 0 {
            self.current = None;
            batch.messages += 1;
        }
    }

    fn encode_payload(&mut self, out: &mut Vec<u8>, length_max: usize, batch: &mut Batch) {
        let Some(current) = &mut self.current else {
            return;
        };
        let end = current
            .frame_end
            .min(current.done + length_max.saturating_sub(out.len()));
        let part = current
            .content
            .as_bytes()
            .get(current.done..end)
            .unwrap_or_default();
        encode_payload(current.mask, current.done - current.frame_start, part, out);
        batch.bytes += part.len();
        current.done = end;
        let is_whole = end == current.content.len();
        batch.messages += usize::from(is_whole);
        if is_whole || (current.is_cut && end == current.frame_end) {
            self.current = None;
        }
    }

    fn encode_control(&mut self, frame: &ControlFrame, out: &mut Vec<u8>, pings: &mut Pings) {
        let masks = &mut self.masks;
        match frame {
            ControlFrame::Ping(data) => encode_control(masks, Control::Ping, data, out),
            ControlFrame::Pong(data) | ControlFrame::Answer(data) => {
                encode_control(masks, Control::Pong, data, out);
            }
            ControlFrame::Timed(number) => {
                encode_control(masks, Control::Ping, &pings.payload(*number), out);
                pings.sent(*number, Instant::now());
            }
        }
    }

    /// An idle connection holds no buffer that a busy moment left.
    fn shrink(&mut self) {
        if self.messages.is_empty() && self.messages.capacity() > 4 {
            self.messages = VecDeque::new();
        }
        if self.control.is_empty() && self.control.capacity() > 4 {
            self.control = VecDeque::new();
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
