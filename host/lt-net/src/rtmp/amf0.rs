//! AMF0 (Adobe's specification of AMF 0, December 2007): the values of commands and metadata.

use super::Value;

/// How deep values may be nested: metadata with cue points has some five levels.
pub(crate) const DEPTH_MAX: usize = 16;
/// Values in one message: a long recording's index of key frames has some thousands.
const VALUES_MAX: usize = 10_000;

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

    /// The fields of an object or an ECMA array, in their order.
    #[must_use]
    pub fn fields(&self) -> Option<&[(String, Value)]> {
        match self {
            Self::Object(fields) | Self::Map(fields) => Some(fields),
            _ => None,
        }
    }
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
    let mut decoder = Decoder {
        rest: bytes,
        values: 0,
        is_over: false,
    };
    let mut values = Vec::new();
    while !decoder.rest.is_empty() && !decoder.is_over {
        let value = decoder
            .value(0)
            .map_err(|what| format!("AMF0: {what} at byte {}", bytes.len() - decoder.rest.len()))?;
        values.push(value);
    }
    Ok(values)
}

/// Whether the first value is this text.
pub(crate) fn begins_with_text(bytes: &[u8], text: &str) -> bool {
    let mut decoder = Decoder {
        rest: bytes,
        values: 0,
        is_over: false,
    };
    decoder.array() == Ok([STRING]) && decoder.short_text().as_deref() == Ok(text)
}

struct Decoder<'a> {
    rest: &'a [u8],
    values: usize,
    /// A value came behind which nothing can be read.
    is_over: bool,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth >= DEPTH_MAX {
            return Err(format!("values nested more than {DEPTH_MAX} deep"));
        }
        self.values += 1;
        if self.values > VALUES_MAX {
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
            STRICT_ARRAY => {
                let count = u32::from_be_bytes(self.array()?);
                let mut values = Vec::new();
                for _ in 0..count {
                    if self.is_over {
                        break;
                    }
                    values.push(self.value(depth + 1)?);
                }
                Value::List(values)
            }
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

    /// The fields of an object up to its end. An ECMA array (2.10) says how many there are; some muxers leave its end out
    /// when nothing follows, and some say a wrong number.
    fn fields(&mut self, depth: usize, announced: usize) -> Result<Vec<(String, Value)>, String> {
        let mut fields = Vec::new();
        loop {
            if self.is_over || self.rest.is_empty() && fields.len() >= announced {
                return Ok(fields);
            }
            let name = self.short_text()?;
            if name.is_empty() && self.rest.first() == Some(&OBJECT_END) {
                let [_] = self.array()?;
                return Ok(fields);
            }
            let value = self.value(depth + 1)?;
            fields.push((name, value));
        }
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
