//! Reading chunks, without keeping what they carry.

use super::{CHUNK_BYTES_DEFAULT, CHUNK_BYTES_MAX, EXTENDED};

/// Chunk streams of one connection. Servers use five or so, and some more with each message stream; each costs some 40 bytes for as long
/// as the connection lives, since its next header may leave out what the last one said.
pub(crate) const CHUNK_STREAMS_MAX: usize = 64;
/// Longest header: basic header, message header, extended time stamp (section 5.3.1).
pub(crate) const HEADER_BYTES_MAX: usize = 3 + 11 + 4;

/// What is known of a message by the headers of its chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Chunk stream.
    pub(crate) csid: u32,
    /// Absolute, in milliseconds; wraps at 2^32.
    pub(crate) timestamp: u32,
    /// Message type.
    pub(crate) type_id: u8,
    /// Message stream.
    pub(crate) stream_id: u32,
    /// Bytes of the whole message.
    pub(crate) length: u32,
}

/// Some bytes of a message, in order. The message is whole when they end at its length; an empty one is one empty piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// Of which message.
    pub(crate) header: Header,
    /// Small number of the chunk stream: below [`CHUNK_STREAMS_MAX`], the same for as long as the decoder lives.
    pub(crate) slot: usize,
    /// Bytes of the message before these.
    pub(crate) offset: u32,
    /// The bytes.
    pub(crate) data: &'a [u8],
}

impl Piece<'_> {
    /// Whether nothing of the message is to come.
    pub(crate) fn is_last(&self) -> bool {
        self.offset as usize + self.data.len() >= self.header.length as usize
    }
}

/// What is known of a chunk stream.
#[derive(Clone, Copy, Debug)]
struct Slot {
    header: Header,
    /// What the last header of type 0, 1 or 2 said of time: absolute or a difference.
    time: u32,
    /// Whether it said so in four bytes of their own.
    extended: bool,
    /// Bytes of the message under way; zero between messages.
    received: u32,
}

/// Reads chunks out of what comes behind the handshake.
#[derive(Debug)]
pub(crate) struct Decoder {
    chunk_size: u32,
    slots: Vec<Slot>,
    /// The chunk whose header was read, and how much of it is to come: never zero.
    open: Option<(usize, u32)>,
}

/// A header as it stands there.
struct Raw {
    format: u8,
    csid: u32,
    /// Three bytes of time; `None` in a type 3.
    time: Option<u32>,
    length: u32,
    type_id: u8,
    stream_id: u32,
    bytes: usize,
}

impl Decoder {
    /// With chunks of 128 bytes.
    pub(crate) fn new() -> Self {
        Self {
            chunk_size: CHUNK_BYTES_DEFAULT,
            slots: Vec::new(),
            open: None,
        }
    }

    /// The next piece of a message in this input. `None` leaves at most [`HEADER_BYTES_MAX`] bytes there, less one: those of a header that
    /// is not whole. They are to be given again, with what comes behind them.
    ///
    /// # Errors
    /// What came breaks the specification, or there are too many chunk streams.
    pub(crate) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, String> {
        let (place, missing) = match self.open {
            Some(open) => open,
            None => match self.header(input)? {
                Some(open) => open,
                None => return Ok(None),
            },
        };
        let Some(slot) = self.slots.get_mut(place) else {
            return Err("a chunk stream that is none".to_owned());
        };
        if input.is_empty() && missing > 0 {
            self.open = Some((place, missing));
            return Ok(None);
        }
        let (data, rest) = input.split_at(input.len().min(missing as usize));
        *input = rest;
        let piece = Piece {
            header: slot.header,
            slot: place,
            offset: slot.received,
            data,
        };
        let taken = u32::try_from(data.len()).unwrap_or(missing);
        slot.received = if piece.is_last() {
            0
        } else {
            slot.received + taken
        };
        self.open = (taken < missing).then_some((place, missing - taken));
        Ok(Some(piece))
    }

    /// From the next chunk on, chunks have so many bytes (section 5.4.1).
    ///
    /// # Errors
    /// Zero, or the first bit is set. Sizes above 2^24 − 1 are allowed and mean that.
    pub(crate) fn set_chunk_size(&mut self, bytes: u32) -> Result<(), String> {
        if bytes == 0 || bytes >> 31 != 0 {
            return Err(format!("chunks of {bytes} bytes"));
        }
        self.chunk_size = bytes.min(CHUNK_BYTES_MAX);
        Ok(())
    }

    /// The rest of the message under way on this chunk stream will not come (section 5.4.2). Its slot, if there is such a chunk stream.
    pub(crate) fn abort(&mut self, csid: u32) -> Option<usize> {
        let place = self
            .slots
            .iter()
            .position(|slot| slot.header.csid == csid)?;
        if let Some(slot) = self.slots.get_mut(place) {
            slot.received = 0;
        }
        Some(place)
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// Read a header: which slot it is, and how many bytes of the message the chunk has.
    fn header(&mut self, input: &mut &[u8]) -> Result<Option<(usize, u32)>, String> {
        let Some(mut raw) = Raw::read(input) else {
            return Ok(None);
        };
        let place = match self
            .slots
            .iter()
            .position(|slot| slot.header.csid == raw.csid)
        {
            Some(place) => place,
            None => {
                // Checked before there is a slot: a header that is not whole comes again.
                raw.may_be_first(self.slots.len())?;
                self.slots.len()
            }
        };
        let slot = self.slots.get(place).copied();
        let Some(time) = raw.whole_time(input, slot.as_ref()) else {
            return Ok(None);
        };
        let mut slot = slot.unwrap_or_else(|| Slot::first(raw.csid));
        if slot.received > 0 {
            slot.go_on(&raw, time)?;
        } else {
            slot.begin(&raw, time);
        }
        let missing = (slot.header.length - slot.received).min(self.chunk_size);
        match self.slots.get_mut(place) {
            Some(known) => *known = slot,
            None => self.slots.push(slot),
        }
        *input = input.get(raw.bytes..).unwrap_or_default();
        Ok(Some((place, missing)))
    }
}

impl Slot {
    fn first(csid: u32) -> Self {
        Self {
            header: Header {
                csid,
                timestamp: 0,
                type_id: 0,
                stream_id: 0,
                length: 0,
            },
            time: 0,
            extended: false,
            received: 0,
        }
    }

    /// A message begins (section 5.3.1.2).
    fn begin(&mut self, raw: &Raw, time: u32) {
        let header = &mut self.header;
        if raw.format <= 1 {
            header.length = raw.length;
            header.type_id = raw.type_id;
        }
        if raw.format == 0 {
            header.stream_id = raw.stream_id;
            header.timestamp = time;
        } else {
            // Section 5.3.1.2.4: a type 3 has the difference of the header before it; behind a type 0 that is its time stamp. So do
            // ffmpeg and librtmp; nginx-rtmp takes zero there, and sends no such chunk.
            header.timestamp = header.timestamp.wrapping_add(time);
        }
        self.remember(raw, time);
    }

    /// A message goes on. Section 5.3.1.2.4 says that it SHOULD do so with a type 3; ffmpeg, librtmp and nginx-rtmp take others too.
    fn go_on(&mut self, raw: &Raw, time: u32) -> Result<(), String> {
        let header = &self.header;
        let differs = raw.format <= 1
            && (raw.length, raw.type_id) != (header.length, header.type_id)
            || raw.format == 0 && raw.stream_id != header.stream_id;
        if differs {
            return Err(format!(
                "chunk stream {}: a message of type {} and {} bytes begins when {} of {} bytes of one of type {} have come",
                header.csid, raw.type_id, raw.length, self.received, header.length, header.type_id
            ));
        }
        self.remember(raw, time);
        Ok(())
    }

    fn remember(&mut self, raw: &Raw, time: u32) {
        self.time = time;
        if let Some(field) = raw.time {
            self.extended = field == EXTENDED;
        }
    }
}

impl Raw {
    /// Basic header and message header (sections 5.3.1.1 and 5.3.1.2); `None` if they are not whole.
    fn read(input: &[u8]) -> Option<Self> {
        let (first, mut rest) = input.split_first()?;
        let csid = match first & 0x3f {
            0 => {
                let (low, behind) = rest.split_first()?;
                rest = behind;
                64 + u32::from(*low)
            }
            1 => {
                let (number, behind) = rest.split_first_chunk::<2>()?;
                rest = behind;
                64 + u32::from(u16::from_le_bytes(*number))
            }
            low => u32::from(low),
        };
        let mut raw = Self {
            format: first >> 6,
            csid,
            time: None,
            length: 0,
            type_id: 0,
            stream_id: 0,
            bytes: 0,
        };
        if raw.format <= 2 {
            raw.time = Some(take_24(&mut rest)?);
        }
        if raw.format <= 1 {
            raw.length = take_24(&mut rest)?;
            let (type_id, behind) = rest.split_first()?;
            raw.type_id = *type_id;
            rest = behind;
        }
        if raw.format == 0 {
            let (stream_id, behind) = rest.split_first_chunk()?;
            raw.stream_id = u32::from_le_bytes(*stream_id);
            rest = behind;
        }
        raw.bytes = input.len() - rest.len();
        Some(raw)
    }

    /// Whether a chunk stream may begin like this. Type 1 is no beginning by the specification, but librtmp begins chunk stream 2 with it,
    /// and servers take it: message stream 0, and time from zero.
    fn may_be_first(&self, streams: usize) -> Result<(), String> {
        let csid = self.csid;
        if self.format > 1 {
            return Err(format!(
                "chunk stream {csid} begins with a header of type {}",
                self.format
            ));
        }
        if streams >= CHUNK_STREAMS_MAX {
            return Err(format!(
                "chunk stream {csid} is one more than {CHUNK_STREAMS_MAX}"
            ));
        }
        Ok(())
    }

    /// The time, with the extended time stamp if there is one (section 5.3.1.3), which becomes part of the header. `None` if it is not whole.
    ///
    /// It is to follow a type 3 too, where the header before it had one. Old servers leave it out there; as ffmpeg's and other players do,
    /// what stands in its place is taken for payload unless it is the time that it would say.
    fn whole_time(&mut self, input: &[u8], slot: Option<&Slot>) -> Option<u32> {
        let behind = input.get(self.bytes..).unwrap_or_default();
        match (self.time, slot) {
            (Some(EXTENDED), _) => {
                let time = behind.first_chunk()?;
                self.bytes += size_of_val(time);
                Some(u32::from_be_bytes(*time))
            }
            (Some(time), _) => Some(time),
            (None, Some(slot)) => {
                let expected = [slot.time.to_be_bytes(), slot.header.timestamp.to_be_bytes()];
                let there = behind.get(..4).unwrap_or(behind);
                if slot.extended && expected.iter().any(|time| time.starts_with(there)) {
                    if there.len() < 4 {
                        return None;
                    }
                    self.bytes += 4;
                }
                Some(slot.time)
            }
            (None, None) => Some(0),
        }
    }
}

fn take_24(rest: &mut &[u8]) -> Option<u32> {
    let ([high, middle, low], behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u32::from_be_bytes([0, *high, *middle, *low]))
}
