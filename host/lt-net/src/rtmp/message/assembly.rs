//! Putting messages together: all of those that are read, of media no more than is looked at.

use super::aggregate::Aggregate;
use super::head::{LOOKED_AT_BYTES_MAX, head_of};
use super::{Incoming, control};
use crate::rtmp::chunk::decode::{Header, Piece};
use crate::rtmp::command::type_id;
use crate::rtmp::{FrameKind, Value, amf0};

/// Longest command, and longest data message that is looked at: metadata with an index of key frames has some 100 KiB.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;
/// All that is put together at one time on one connection: two messages of the greatest length.
pub(super) const ASSEMBLED_BYTES_MAX: usize = 32 << 20;
/// Room of this size stays for the next message, which is enough for what is looked at of media; more is given back at once.
const ROOM_KEPT_BYTES_MAX: usize = 2 * LOOKED_AT_BYTES_MAX;

/// What a piece led to.
#[derive(Debug)]
pub(crate) enum Taken {
    /// The message is not whole, or is an aggregate, to be read by [`Assemblies::next`].
    Nothing,
    /// It is.
    Message(Incoming),
    /// It says that what is under way on this chunk stream is not to be waited for.
    Abort(u32),
}

/// The messages under way on one connection, one for each chunk stream.
#[derive(Debug, Default)]
pub(crate) struct Assemblies {
    slots: Vec<Assembly>,
    /// Bytes in them.
    assembled: usize,
    /// Message streams whose payload is kept.
    kept: Vec<u32>,
    /// Whether that of all others is kept too.
    keeps_others: bool,
    /// The stream of the last media that is not whole and came on.
    moved: Option<u32>,
    /// Whether media has begun that nobody was told of.
    begun: bool,
    aggregate: Option<Aggregate>,
}

#[derive(Debug, Default)]
struct Assembly {
    bytes: Vec<u8>,
    /// How much of the message is collected.
    collected: Collected,
    /// The stream of media that has begun and is not told of.
    begun: Option<u32>,
}

/// How much of a message is collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Collected {
    #[default]
    Nothing,
    First,
    All,
}

impl Assemblies {
    /// Keep what messages of this stream carry, from the next on, or let it go.
    pub(crate) fn keep_payload(&mut self, stream_id: u32, on: bool) {
        self.kept.retain(|kept| *kept != stream_id);
        if on {
            self.kept.push(stream_id);
        }
    }

    /// The same for all other streams.
    pub(crate) fn keep_other_payloads(&mut self, on: bool) {
        self.keeps_others = on;
    }

    fn keeps(&self, stream_id: u32) -> bool {
        self.keeps_others || self.kept.contains(&stream_id)
    }

    /// The stream of media of which a piece came since this was asked last, and not the end.
    pub(crate) fn take_moved(&mut self) -> Option<u32> {
        self.moved.take()
    }

    /// Take a piece of a message.
    ///
    /// # Errors
    /// The message is none, or too long.
    pub(crate) fn take(&mut self, piece: &Piece<'_>) -> Result<Taken, String> {
        let header = &piece.header;
        if piece.offset == 0 {
            let collected = self.to_collect(header)?;
            if piece.is_last() {
                return self.finish(header, piece.data, collected);
            }
            self.begin(piece, collected);
        }
        let Some(slot) = self.slots.get_mut(piece.slot) else {
            return Ok(Taken::Nothing);
        };
        let room = match slot.collected {
            Collected::Nothing => 0,
            Collected::First => LOOKED_AT_BYTES_MAX.saturating_sub(slot.bytes.len()),
            Collected::All => usize::MAX,
        };
        let data = piece.data.get(..room).unwrap_or(piece.data);
        self.assembled += data.len();
        if self.assembled > ASSEMBLED_BYTES_MAX {
            return Err(format!(
                "more than {ASSEMBLED_BYTES_MAX} bytes of messages that are not whole"
            ));
        }
        slot.bytes.extend_from_slice(data);
        if !piece.is_last() {
            if matches!(header.type_id, type_id::AUDIO | type_id::VIDEO) {
                self.moved = Some(header.stream_id);
            }
            return Ok(Taken::Nothing);
        }
        let collected = slot.collected;
        let mut bytes = std::mem::take(&mut slot.bytes);
        self.drop_slot(piece.slot, bytes.len());
        let taken = self.finish(header, &bytes, collected);
        if bytes.capacity() <= ROOM_KEPT_BYTES_MAX
            && let Some(slot) = self.slots.get_mut(piece.slot)
        {
            bytes.clear();
            slot.bytes = bytes;
        }
        taken
    }

    /// The next message of an aggregate that came.
    ///
    /// # Errors
    /// What is in it is no aggregate.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, String> {
        let stream_id = self.aggregate.as_ref().map(Aggregate::stream_id);
        let keep = stream_id.is_some_and(|stream_id| self.keeps(stream_id));
        let Some(aggregate) = &mut self.aggregate else {
            return Ok(None);
        };
        while let Some((header, bytes)) = aggregate.next()? {
            if let Some(message) = media_or_data(&header, bytes, keep) {
                return Ok(Some(message));
            }
        }
        self.aggregate = None;
        Ok(None)
    }

    /// Media that has begun, is not whole, and was not told yet.
    pub(crate) fn begun(&mut self) -> Option<Incoming> {
        if !self.begun {
            return None;
        }
        let stream_id = self.slots.iter_mut().find_map(|slot| slot.begun.take());
        self.begun = stream_id.is_some();
        Some(Incoming::MediaBegun {
            stream_id: stream_id?,
        })
    }

    /// What is under way in this slot will not be whole.
    pub(crate) fn abort(&mut self, slot: usize) {
        let bytes = self
            .slots
            .get_mut(slot)
            .map(|slot| std::mem::take(&mut slot.bytes));
        self.drop_slot(slot, bytes.map_or(0, |bytes| bytes.len()));
    }

    /// Give back the room that no message under way needs.
    pub(crate) fn idle(&mut self) {
        for slot in &mut self.slots {
            if slot.bytes.is_empty() {
                slot.bytes = Vec::new();
            }
        }
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        let slots = self
            .slots
            .iter()
            .map(|slot| slot.bytes.capacity())
            .sum::<usize>();
        let aggregate = self.aggregate.as_ref().map_or(0, Aggregate::held);
        slots + aggregate + self.slots.capacity() * size_of::<Assembly>()
    }

    /// How much of a message is to be collected.
    fn to_collect(&self, header: &Header) -> Result<Collected, String> {
        Ok(match header.type_id {
            type_id::SET_CHUNK_SIZE..=type_id::PEER_BANDWIDTH => Collected::First,
            type_id::AUDIO | type_id::VIDEO if !self.keeps(header.stream_id) => Collected::First,
            type_id::AUDIO | type_id::VIDEO | type_id::AGGREGATE => Collected::All,
            type_id::COMMAND | type_id::COMMAND_AMF3 if header.length as usize > TEXT_BYTES_MAX => {
                return Err(format!("a command of {} bytes", header.length));
            }
            type_id::COMMAND | type_id::COMMAND_AMF3 => Collected::All,
            type_id::DATA | type_id::DATA_AMF3 if self.looks_at_data(header) => Collected::All,
            _ => Collected::Nothing,
        })
    }

    /// Data that is too long to be looked at is counted all the same.
    fn looks_at_data(&self, header: &Header) -> bool {
        header.length as usize <= TEXT_BYTES_MAX || self.keeps(header.stream_id)
    }

    fn begin(&mut self, piece: &Piece<'_>, collected: Collected) {
        if self.slots.len() <= piece.slot {
            self.slots.resize_with(piece.slot + 1, Assembly::default);
        }
        let header = &piece.header;
        if let Some(slot) = self.slots.get_mut(piece.slot) {
            slot.collected = collected;
            let is_media = matches!(header.type_id, type_id::AUDIO | type_id::VIDEO);
            slot.begun = is_media.then_some(header.stream_id);
            self.begun |= is_media;
        }
    }

    fn drop_slot(&mut self, slot: usize, bytes: usize) {
        self.assembled = self.assembled.saturating_sub(bytes);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.begun = None;
        }
    }

    /// A message is whole, as far as it was collected.
    fn finish(
        &mut self,
        header: &Header,
        bytes: &[u8],
        collected: Collected,
    ) -> Result<Taken, String> {
        let message = match header.type_id {
            type_id::ABORT => return control::abort(bytes).map(Taken::Abort),
            type_id::SET_CHUNK_SIZE..=type_id::PEER_BANDWIDTH => {
                control::control(header.type_id, bytes)?
            }
            type_id::COMMAND => command(header, bytes)?,
            type_id::COMMAND_AMF3 => command(header, behind_format(bytes))?,
            type_id::AGGREGATE => {
                self.aggregate = Some(Aggregate::new(header, bytes));
                return Ok(Taken::Nothing);
            }
            type_id => {
                // Payload may have been asked for when the message was under way: it is not all there.
                let keep = collected == Collected::All && self.keeps(header.stream_id);
                media_or_data(header, bytes, keep).unwrap_or(Incoming::Unknown {
                    type_id,
                    size: header.length,
                })
            }
        };
        Ok(Taken::Message(message))
    }
}

/// Audio, video or data: all that there is in an aggregate, and in FLV.
fn media_or_data(header: &Header, bytes: &[u8], keep: bool) -> Option<Incoming> {
    let payload = || keep.then(|| Box::from(bytes));
    let frame = |kind| Incoming::Frame {
        stream_id: header.stream_id,
        head: head_of(kind, header.timestamp, header.length, bytes),
        payload: payload(),
    };
    Some(match header.type_id {
        type_id::AUDIO => frame(FrameKind::Audio),
        type_id::VIDEO => frame(FrameKind::Video),
        type_id::DATA => data(header, bytes, payload()),
        type_id::DATA_AMF3 => data(header, behind_format(bytes), payload()),
        _ => return None,
    })
}

/// Types 15 and 17 have a byte before their values: zero says that these are AMF0, and a value of AMF3 has a marker of its own.
fn behind_format(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(&[0]).unwrap_or(bytes)
}

fn command(header: &Header, bytes: &[u8]) -> Result<Incoming, String> {
    let mut values = amf0::decode_all(bytes)
        .map_err(|error| format!("a command: {error}"))?
        .into_iter();
    let Some(Value::Text(name)) = values.next() else {
        return Err("a command without a name".to_owned());
    };
    let transaction = values
        .next()
        .as_ref()
        .and_then(Value::number)
        .unwrap_or_default();
    Ok(Incoming::Command {
        stream_id: header.stream_id,
        name,
        transaction,
        values: values.collect(),
    })
}

/// A data message. It is the affair of whoever published it: what is no AMF0, and what is too long, has no handler and no values.
fn data(header: &Header, bytes: &[u8], payload: Option<Box<[u8]>>) -> Incoming {
    let mut values = if bytes.len() <= TEXT_BYTES_MAX {
        let values = amf0::decode_all(bytes);
        // Metadata with a long index of key frames say all else that they do.
        let values = values.or_else(|_| amf0::decode_without_long_lists(bytes));
        values.unwrap_or_default()
    } else {
        Vec::new()
    };
    let handler = match values.first_mut() {
        Some(Value::Text(name)) => {
            let name = std::mem::take(name);
            values.remove(0);
            name
        }
        _ => String::new(),
    };
    Incoming::Data {
        stream_id: header.stream_id,
        timestamp: header.timestamp,
        handler,
        values,
        size: header.length,
        payload,
    }
}
