//! Bytes that nobody would send, for the codec: chunks, messages, AMF0, the handshake and FLV.
//!
//! Each input comes from its own number alone, so that one that breaks something can be had again. What must hold for all: nothing
//! panics; what is read does not depend on how the input is cut; memory is bounded by what came; and what was made by the
//! encoder and left as it was is read as it was meant.

mod make;
mod random;

use self::make::Made;
use self::random::Random;
use super::flv::{Asset, FlvReader};
use super::handshake::Handshake;
use super::message::{Incoming, Reader};

/// Memory that a reader may hold whatever came: 64 chunk streams with the room each of them keeps.
const HELD_BYTES_MAX: usize = 64 * 512;
/// And for each byte that came: growing buffers have up to twice what is in them, and the old one goes when the new one is there.
const HELD_PER_BYTE_MAX: usize = 4;
/// Inputs up to this length are also given byte by byte.
const BYTE_BY_BYTE_MAX: usize = 400;
/// What the stream is whose payload is kept.
const KEPT_STREAM: u32 = 1;

/// What came of many inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Inputs that were read.
    pub inputs: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Messages and tags that were read out of them.
    pub messages: u64,
    /// Inputs that were refused.
    pub refused: u64,
    /// The most memory that a reader held, in bytes.
    pub held_bytes_max: usize,
}

impl Outcome {
    /// And what came of further inputs.
    pub fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.bytes += other.bytes;
        self.messages += other.messages;
        self.refused += other.refused;
        self.held_bytes_max = self.held_bytes_max.max(other.held_bytes_max);
    }
}

/// Read the inputs of these numbers.
///
/// # Errors
/// Something that must hold did not; the text begins with the input's number.
pub fn run(first: u64, inputs: u64) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    for number in (0..inputs).map(|index| first.wrapping_add(index)) {
        one(number, &mut outcome).map_err(|what| format!("input {number}: {what}"))?;
    }
    Ok(outcome)
}

fn one(number: u64, outcome: &mut Outcome) -> Result<(), String> {
    let mut random = Random::new(number);
    let kind = random.below(16);
    let is_changed = random.below(4) > 0;
    let mut made = match kind {
        0 => Made::noise(&mut random),
        1..=2 => Made::values(&mut random),
        3..=5 => Made::flv(&mut random),
        6 => Made::handshake(&mut random),
        _ => Made::chunks(&mut random),
    };
    if is_changed {
        random.change(&mut made.bytes);
        made.expected = None;
    }
    outcome.inputs += 1;
    outcome.bytes += made.bytes.len() as u64;
    match kind {
        3..=5 => flv(&made, &mut random, outcome),
        6 => handshake(&made, &mut random),
        _ => chunks(&made, &mut random, outcome),
    }
}

/// Something that reads messages.
trait Reads {
    fn read(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String>;
    fn bytes_held(&self) -> usize;
}

impl Reads for Reader {
    fn read(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String> {
        self.next(input)
    }

    fn bytes_held(&self) -> usize {
        self.held()
    }
}

impl Reads for FlvReader {
    fn read(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String> {
        self.next(input)
    }

    fn bytes_held(&self) -> usize {
        self.held()
    }
}

/// What was read, without what depends on how the input came; and the error that ended it.
type Heard = (Vec<Incoming>, Option<String>);

fn chunks(made: &Made, random: &mut Random, outcome: &mut Outcome) -> Result<(), String> {
    let keep = random.below(2) == 0;
    let reader = || {
        let mut reader = Reader::new();
        reader.keep_payload(KEPT_STREAM, keep);
        reader
    };
    let heard = read_in_ways(&reader, made, random, outcome)?;
    expect(made, keep, &heard)
}

fn flv(made: &Made, random: &mut Random, outcome: &mut Outcome) -> Result<(), String> {
    let keep = random.below(2) == 0;
    let heard = read_in_ways(&|| FlvReader::new(keep), made, random, outcome)?;
    expect(made, keep, &heard)?;
    let asset = Asset::parse(bytes::Bytes::from(made.bytes.clone()));
    if let Ok(asset) = &asset {
        for tag in asset.tags() {
            if asset.payload(tag).len() != tag.size() as usize {
                return Err("a tag of an asset without its payload".to_owned());
            }
        }
        if asset.round_ms() == 0 {
            return Err("a round of an asset that takes no time".to_owned());
        }
    }
    let has_media = |heard: &Heard| {
        heard
            .0
            .iter()
            .any(|message| matches!(message, Incoming::Frame { head, .. } if !head.codec_header))
    };
    match asset {
        Err(error) if made.expected.is_some() && has_media(&heard) => {
            Err(format!("a file that is whole is no asset: {error}"))
        }
        _ => Ok(()),
    }
}

fn handshake(made: &Made, random: &mut Random) -> Result<(), String> {
    let shake = |random: Option<&mut Random>| {
        let mut handshake = Handshake::new(7);
        let mut second = None;
        let mut left = made.bytes.len();
        for part in parts(&made.bytes, random) {
            let mut input = part;
            match handshake.feed(&mut input) {
                Ok(block) => second = second.or(block),
                // How much of what is wrong can be told depends on how it came.
                Err(_) => return Err(()),
            }
            left -= part.len() - input.len();
        }
        Ok((second, left, handshake.is_done()))
    };
    if shake(None) == shake(Some(random)) {
        Ok(())
    } else {
        Err("a handshake that depends on how it comes".to_owned())
    }
}

/// Read at once, in parts, and byte by byte: it must come to the same.
fn read_in_ways<R: Reads>(
    reader: &impl Fn() -> R,
    made: &Made,
    random: &mut Random,
    outcome: &mut Outcome,
) -> Result<Heard, String> {
    let bytes = &made.bytes;
    let heard = read(&mut reader(), [bytes.as_slice()], outcome)?;
    outcome.messages += heard.0.len() as u64;
    outcome.refused += u64::from(heard.1.is_some());
    let in_parts = read(&mut reader(), parts(bytes, Some(random)), outcome)?;
    same("in parts", &heard, &in_parts)?;
    if bytes.len() <= BYTE_BY_BYTE_MAX {
        let byte_by_byte = read(&mut reader(), bytes.chunks(1), outcome)?;
        same("byte by byte", &heard, &byte_by_byte)?;
    }
    Ok(heard)
}

fn read<'a, R: Reads>(
    reader: &mut R,
    parts: impl IntoIterator<Item = &'a [u8]>,
    outcome: &mut Outcome,
) -> Result<Heard, String> {
    let (mut heard, mut given) = (Vec::new(), 0);
    for mut part in parts {
        given += part.len();
        loop {
            let next = reader.read(&mut part);
            let held = reader.bytes_held();
            outcome.held_bytes_max = outcome.held_bytes_max.max(held);
            if held > HELD_BYTES_MAX + HELD_PER_BYTE_MAX * given {
                return Err(format!("{held} bytes are held of {given}"));
            }
            match next {
                Ok(Some(Incoming::MediaBegun { .. })) => {}
                Ok(Some(message)) => heard.push(message),
                Ok(None) if part.is_empty() => break,
                Ok(None) => return Err("bytes were left".to_owned()),
                // How much can be told of what is no FLV depends on how it came.
                Err(error) if error.starts_with("no FLV") => {
                    return Ok((heard, Some("no FLV".to_owned())));
                }
                Err(error) => return Ok((heard, Some(error))),
            }
        }
    }
    Ok((heard, None))
}

/// The input in random parts; in one without a source of them.
fn parts<'a>(bytes: &'a [u8], random: Option<&mut Random>) -> Vec<&'a [u8]> {
    let Some(random) = random else {
        return vec![bytes];
    };
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(random.length().clamp(1, rest.len()));
        parts.push(part);
        rest = behind;
    }
    parts
}

fn expect(made: &Made, keep: bool, heard: &Heard) -> Result<(), String> {
    let Some(expected) = &made.expected else {
        return Ok(());
    };
    let mut expected = expected.clone();
    for message in &mut expected {
        if let Incoming::Frame {
            stream_id, payload, ..
        }
        | Incoming::Data {
            stream_id, payload, ..
        } = message
            && !(keep && (*stream_id == KEPT_STREAM || *stream_id == 0 && made.is_flv))
        {
            *payload = None;
        }
    }
    same("as it was meant", &(expected, None), heard)
}

fn same(how: &str, one: &Heard, other: &Heard) -> Result<(), String> {
    // What is no number is not even equal to itself: as text it is.
    if one == other || format!("{one:?}") == format!("{other:?}") {
        return Ok(());
    }
    Err(format!("read otherwise {how}:\n{one:?}\n{other:?}"))
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn twenty_thousand_inputs_break_nothing() {
        let outcome = run(1, 20_000).unwrap();
        assert_eq!(outcome.inputs, 20_000);
        // The inputs are worth it: most have something to read, and many are refused.
        assert!(outcome.messages > 20_000, "{outcome:?}");
        assert!(outcome.refused > 4_000, "{outcome:?}");
    }
}
