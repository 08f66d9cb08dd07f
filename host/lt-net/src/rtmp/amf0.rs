//! AMF0 (Adobe's specification of AMF 0, December 2007): the values of commands and metadata.

use super::Value;

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
const NAME_BYTES_MAX: usize = 65_535;

/// No message is as long as 2^24 bytes: it fits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
