//! AMF0 by hand: as much of it as commands have.

use std::fmt::Write as _;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Amf {
    /// Marker 0.
    Number(f64),
    /// Marker 1.
    Boolean(bool),
    /// Marker 2.
    Text(String),
    /// Marker 3, and 8, which is read as one.
    Object(Vec<(String, Amf)>),
    /// Marker 5, and 6, which is read as one.
    Null,
}

impl Amf {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// An object of texts: what servers say of a connection or a stream.
    #[must_use]
    pub fn information(level: &str, code: &str, description: &str) -> Self {
        let fields = [
            ("level", level),
            ("code", code),
            ("description", description),
        ];
        Self::Object(
            fields
                .map(|(name, value)| (name.to_owned(), Self::text(value)))
                .to_vec(),
        )
    }

    /// The field of an object.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else {
            return None;
        };
        let found = fields.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value)
    }

    /// What is written, if it is a text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Write it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => {
                out.push(0);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Boolean(value) => out.extend_from_slice(&[1, u8::from(*value)]),
            Self::Text(text) => {
                out.push(2);
                name(text, out);
            }
            Self::Object(fields) => {
                out.push(3);
                for (field, value) in fields {
                    name(field, out);
                    value.encode(out);
                }
                out.extend_from_slice(&[0, 0, 9]);
            }
            Self::Null => out.push(5),
        }
    }

    /// Write several.
    #[must_use]
    pub fn all(values: &[Self]) -> Vec<u8> {
        let mut out = Vec::new();
        values.iter().for_each(|value| value.encode(&mut out));
        out
    }

    /// Read all that is there; what is none of these ends it.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Vec<Self> {
        std::iter::from_fn(|| Self::next(&mut bytes)).collect()
    }

    fn next(bytes: &mut &[u8]) -> Option<Self> {
        let marker = take(bytes, 1)?[0];
        Some(match marker {
            0 => Self::Number(f64::from_be_bytes(take(bytes, 8)?.try_into().ok()?)),
            1 => Self::Boolean(take(bytes, 1)?[0] != 0),
            2 => Self::Text(read_name(bytes)?),
            3 | 8 => {
                if marker == 8 {
                    let _count = take(bytes, 4)?;
                }
                let mut fields = Vec::new();
                loop {
                    let name = read_name(bytes)?;
                    if name.is_empty() && bytes.first() == Some(&9) {
                        let _end = take(bytes, 1)?;
                        break Self::Object(fields);
                    }
                    fields.push((name, Self::next(bytes)?));
                }
            }
            5 | 6 => Self::Null,
            _ => return None,
        })
    }
}

fn name(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).expect("texts of tests are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn read_name(bytes: &mut &[u8]) -> Option<String> {
    let length = u16::from_be_bytes(take(bytes, 2)?.try_into().ok()?);
    let text = take(bytes, usize::from(length))?;
    Some(String::from_utf8_lossy(text).into_owned())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

/// Base 16, for looking at what came.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = [
            Amf::text("connect"),
            Amf::Number(1.0),
            Amf::information("status", "a.b", "c"),
            Amf::Boolean(true),
            Amf::Null,
        ];
        let bytes = Amf::all(&all);
        assert_eq!(Amf::decode(&bytes), all);
        // AMF0, section 2.2: a number is a marker and eight bytes.
        assert!(hex(&bytes).contains("003ff0000000000000"));
    }
}
