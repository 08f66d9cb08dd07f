//! AMF0 (Adobe's specification of AMF 0, December 2007): the values of commands and metadata.

use super::Value;

/// How deep values may be nested: metadata with cue points has some five levels.
pub(crate) const DEPTH_MAX: usize = 16;
/// Values in one message: an index of key frames every two seconds of some three hours.
const VALUES_MAX: usize = 10_000;
/// Where long lists are left out, these are longer: indexes of key frames. What else metadata have in lists, as cue points, are some tens.
const LIST_VALUES_MAX: usize = 1000;

impl Value {
    /// Append its bytes. Texts and names are as long as the format has room for: a name ends at 65 535 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode(self, out);
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one, or a date.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) | Self::Date(number) => Some(*number),
            _ => None,
        }
    }

    /// A field of an object or an ECMA array; the last, if there are several of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        let fields = self.fields()?.iter().rev();
        fields
            .into_iter()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Bytes of memory that it takes, some of them left aside.
    pub(crate) fn held(&self) -> usize {
        let within: usize = match self {
            Self::Object(fields) | Self::Map(fields) => held(fields),
            Self::List(values) => values.iter().map(Value::held).sum(),
            Self::Text(text) => text.len(),
            _ => 0,
        };
        size_of::<Self>() + within
    }

    /// The fields of an object or an ECMA array, in their order.
    #[must_use]
    pub fn fields(&self) -> Option<&[(String, Value)]> {
        match self {
            Self::Object(fields) | Self::Map(fields) => Some(fields),
            _ => None,
        }
    }
}

/// Bytes of memory that fields take, some of them left aside.
pub(crate) fn held(fields: &[(String, Value)]) -> usize {
    let field = |(name, value): &(String, Value)| size_of::<String>() + name.len() + value.held();
    fields.iter().map(field).sum()
}

const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const ECMA_ARRAY: u8 = 8;
const OBJECT_END: u8 = 9;
const STRICT_ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;
const REFERENCE: u8 = 7;
const UNSUPPORTED: u8 = 13;
const XML: u8 = 15;
const TYPED_OBJECT: u8 = 16;
const AVM_PLUS: u8 = 17;

/// All values of a message.
///
/// What nothing in RTMP's commands needs is read, but not kept: the names of types (2.18), and what references (2.9) point to and
/// values without AMF0 (2.15), which come out as undefined. A value of AMF3 (3.1) does so too and ends the message's values, as where it
/// ends cannot be known here.
///
/// # Errors
/// The values are cut off, nested deeper than [`DEPTH_MAX`], too many, or of a type that is none; the text names the byte.
pub(crate) fn decode_all(bytes: &[u8]) -> Result<Vec<Value>, String> {
    decode(Decoder::new(bytes))
}

/// The same, but lists of more than [`LIST_VALUES_MAX`] values, those within theirs included, are left out: a field with its name, elsewhere it
/// comes out as undefined. Of what is still more than [`VALUES_MAX`] values the fields and values at the end are left out.
///
/// # Errors
/// Those of [`decode_all`] but that there are too many.
pub(crate) fn decode_without_long_lists(bytes: &[u8]) -> Result<Vec<Value>, String> {
    decode(Decoder {
        leaves_out: true,
        ..Decoder::new(bytes)
    })
}

fn decode(mut decoder: Decoder<'_>) -> Result<Vec<Value>, String> {
    let length = decoder.rest.len();
    let mut values = Vec::new();
    while !decoder.rest.is_empty() && !decoder.is_over {
        let before = decoder.values;
        let value = decoder
            .value(0)
            .map_err(|what| format!("AMF0: {what} at byte {}", length - decoder.rest.len()))?;
        decoder.is_left_out = false;
        if decoder.keeps(before) {
            values.push(value);
        }
    }
    Ok(values)
}

/// Whether the first value is this text.
pub(crate) fn begins_with_text(bytes: &[u8], text: &str) -> bool {
    let mut decoder = Decoder::new(bytes);
    decoder.array() == Ok([STRING]) && decoder.short_text().as_deref() == Ok(text)
}

struct Decoder<'a> {
    rest: &'a [u8],
    /// Values so far that are kept.
    values: usize,
    /// Whether what is too much is left out, or else an error.
    leaves_out: bool,
    /// The last value was left out.
    is_left_out: bool,
    /// A value came behind which nothing can be read.
    is_over: bool,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            values: 0,
            leaves_out: false,
            is_left_out: false,
            is_over: false,
        }
    }

    fn has_room(&self) -> bool {
        self.values <= VALUES_MAX
    }

    /// Whether there is room for the last value, before which there were so many; else it is forgotten.
    fn keeps(&mut self, before: usize) -> bool {
        let keeps = self.has_room();
        if !keeps {
            self.values = before;
        }
        keeps
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth >= DEPTH_MAX {
            return Err(format!("values nested more than {DEPTH_MAX} deep"));
        }
        self.values += 1;
        if !self.has_room() && !self.leaves_out {
            return Err(format!("more than {VALUES_MAX} values"));
        }
        let [marker] = self.array()?;
        Ok(match marker {
            NUMBER => Value::Number(f64::from_be_bytes(self.array()?)),
            BOOLEAN => {
                let [byte] = self.array()?;
                Value::Boolean(byte != 0)
            }
            STRING => Value::Text(self.short_text()?),
            LONG_STRING | XML => {
                let length = u32::from_be_bytes(self.array()?);
                Value::Text(self.text(length as usize)?)
            }
            OBJECT => Value::Object(self.fields(depth, usize::MAX)?),
            TYPED_OBJECT => {
                self.short_text()?;
                Value::Object(self.fields(depth, usize::MAX)?)
            }
            ECMA_ARRAY => {
                let count = u32::from_be_bytes(self.array()?);
                Value::Map(self.fields(depth, count as usize)?)
            }
            STRICT_ARRAY => self.list(depth)?,
            DATE => {
                let milliseconds = f64::from_be_bytes(self.array()?);
                let _time_zone: [u8; 2] = self.array()?;
                Value::Date(milliseconds)
            }
            NULL => Value::Null,
            UNDEFINED | UNSUPPORTED => Value::Undefined,
            REFERENCE => {
                let _index: [u8; 2] = self.array()?;
                Value::Undefined
            }
            AVM_PLUS => {
                self.is_over = true;
                Value::Undefined
            }
            other => return Err(format!("type {other}, which is none")),
        })
    }

    /// A list (2.12), or undefined if it is left out.
    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let count = u32::from_be_bytes(self.array()?);
        let begin = self.values;
        let mut values = Vec::new();
        let mut is_long = false;
        for _ in 0..count {
            if self.is_over {
                break;
            }
            let before = self.values;
            let value = self.value(depth + 1)?;
            self.is_left_out = false;
            is_long |= self.leaves_out && self.values - begin > LIST_VALUES_MAX;
            if is_long {
                // All the same its end is to be found, and what is read on the way takes no memory.
                values = Vec::new();
                self.values = begin;
            } else if self.keeps(before) {
                values.push(value);
            }
        }
        self.is_left_out = is_long;
        Ok(if is_long {
            Value::Undefined
        } else {
            Value::List(values)
        })
    }

    /// The fields of an object up to its end. An ECMA array (2.10) says how many there are; some muxers leave its end out
    /// when nothing follows, and some say a wrong number.
    fn fields(&mut self, depth: usize, announced: usize) -> Result<Vec<(String, Value)>, String> {
        let mut fields = Vec::new();
        for read in 0.. {
            if self.is_over || self.rest.is_empty() && read >= announced {
                return Ok(fields);
            }
            let name = self.short_text()?;
            if name.is_empty() && self.rest.first() == Some(&OBJECT_END) {
                let [_] = self.array()?;
                return Ok(fields);
            }
            let before = self.values;
            let value = self.value(depth + 1)?;
            if !std::mem::take(&mut self.is_left_out) && self.keeps(before) {
                fields.push((name, value));
            }
        }
        Ok(fields)
    }

    fn short_text(&mut self) -> Result<String, String> {
        let length = u16::from_be_bytes(self.array()?);
        self.text(usize::from(length))
    }

    /// Text is UTF-8 (1.3.1); what is none of it is replaced, as servers send the names that people gave.
    fn text(&mut self, length: usize) -> Result<String, String> {
        let (text, rest) = self.rest.split_at_checked(length).ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(*array)
    }
}

fn cut_off() -> String {
    "a value that is cut off".to_owned()
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(NUMBER);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend_from_slice(&[BOOLEAN, u8::from(*boolean)]),
        Value::Text(text) => encode_text(text, out),
        Value::Object(fields) => {
            out.push(OBJECT);
            encode_fields(fields, out);
        }
        Value::Map(fields) => {
            out.push(ECMA_ARRAY);
            out.extend_from_slice(&count(fields.len()).to_be_bytes());
            encode_fields(fields, out);
        }
        Value::List(values) => {
            out.push(STRICT_ARRAY);
            out.extend_from_slice(&count(values.len()).to_be_bytes());
            for value in values {
                encode(value, out);
            }
        }
        Value::Date(milliseconds) => {
            out.push(DATE);
            out.extend_from_slice(&milliseconds.to_be_bytes());
            // 2.13: the time zone is zero.
            out.extend_from_slice(&[0, 0]);
        }
        Value::Null => out.push(NULL),
        Value::Undefined => out.push(UNDEFINED),
    }
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    match u16::try_from(text.len()) {
        Ok(length) => {
            out.push(STRING);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            out.push(LONG_STRING);
            out.extend_from_slice(&count(text.len()).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

fn encode_fields(fields: &[(String, Value)], out: &mut Vec<u8>) {
    for (name, value) in fields {
        let name = name
            .get(..name.floor_char_boundary(NAME_BYTES_MAX))
            .unwrap_or_default();
        out.extend_from_slice(&u16::try_from(name.len()).unwrap_or_default().to_be_bytes());
        out.extend_from_slice(name.as_bytes());
        encode(value, out);
    }
    out.extend_from_slice(&[0, 0, OBJECT_END]);
}

/// Longest name of a field: its length has 16 bits (1.3.1).
pub(crate) const NAME_BYTES_MAX: usize = 65_535;

/// No message is as long as 2^24 bytes: it fits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
