//! Values as JSON texts.

use serde::ser::{self, Serialize};

use super::{Error, RAW};

/// Write a value as JSON, without spaces. Floats that are not finite become `null`.
///
/// # Errors
/// If a map has keys that are neither texts nor whole numbers, or the value's own `Serialize` fails.
///
/// ```
/// let text = lt_sdk::json::to_vec(&[Some(1), None]).unwrap();
/// assert_eq!(text, b"[1,null]");
/// ```
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut writer = Writer {
        text: Vec::new(),
        raw: false,
    };
    value.serialize(&mut writer)?;
    Ok(writer.text)
}

/// Append a text in quotes (RFC 8259, section 7).
pub(super) fn string(text: &str, into: &mut Vec<u8>) {
    into.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => into.extend([b'\\', byte]),
            b'\n' => into.extend(b"\\n"),
            b'\r' => into.extend(b"\\r"),
            b'\t' => into.extend(b"\\t"),
            0..0x20 => {
                let digit = |four_bits: u8| {
                    if four_bits < 10 {
                        b'0' + four_bits
                    } else {
                        b'a' + four_bits - 10
                    }
                };
                into.extend(b"\\u00");
                into.extend([digit(byte >> 4), digit(byte & 15)]);
            }
            _ => into.push(byte),
        }
    }
    into.push(b'"');
}

/// Writes one value; what is inside others is written by the same.
struct Writer {
    text: Vec<u8>,
    /// The next text is JSON already.
    raw: bool,
}

impl Writer {
    fn display(&mut self, number: impl std::fmt::Display) -> Result<(), Error> {
        self.text.extend_from_slice(number.to_string().as_bytes());
        Ok(())
    }

    /// `{"variant":`, the start of everything that an enum's variant holds.
    fn open_variant(&mut self, variant: &str) {
        self.text.push(b'{');
        string(variant, &mut self.text);
        self.text.push(b':');
    }
}

/// An open array or object.
struct Open<'a> {
    writer: &'a mut Writer,
    first: bool,
    /// What ends it.
    end: &'static [u8],
}

impl<'a> Open<'a> {
    fn new(writer: &'a mut Writer, start: u8, end: &'static [u8]) -> Self {
        writer.text.push(start);
        Self {
            writer,
            first: true,
            end,
        }
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.writer.text.push(b',');
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.separate();
        value.serialize(&mut *self.writer)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.separate();
        string(name, &mut self.writer.text);
        self.writer.text.push(b':');
        value.serialize(&mut *self.writer)
    }

    fn close(self) -> Result<(), Error> {
        self.writer.text.extend_from_slice(self.end);
        Ok(())
    }
}

macro_rules! integers {
    ($($function:ident $type:ty),+) => {$(
        fn $function(self, number: $type) -> Result<(), Error> {
            self.display(number)
        }
    )+};
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Open<'a>;
    type SerializeTupleStruct = Open<'a>;
    type SerializeTupleVariant = Open<'a>;
    type SerializeMap = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeStructVariant = Open<'a>;

    integers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.text
            .extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        // As it is, not as the double of that value, which has more digits.
        if number.is_finite() {
            self.display(format_args!("{number:?}"))
        } else {
            self.serialize_unit()
        }
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        if number.is_finite() {
            self.display(format_args!("{number:?}"))
        } else {
            self.serialize_unit()
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if std::mem::replace(&mut self.raw, false) {
            self.text.extend_from_slice(value.as_bytes());
        } else {
            string(value, &mut self.text);
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.text.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.raw = name == RAW;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.open_variant(variant);
        value.serialize(&mut *self)?;
        self.text.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a>, Error> {
        Ok(Open::new(self, b'[', b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Open<'a>, Error> {
        Ok(Open::new(self, b'[', b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Open<'a>, Error> {
        Ok(Open::new(self, b'[', b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a>, Error> {
        self.open_variant(variant);
        Ok(Open::new(self, b'[', b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'a>, Error> {
        Ok(Open::new(self, b'{', b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Open<'a>, Error> {
        Ok(Open::new(self, b'{', b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a>, Error> {
        self.open_variant(variant);
        Ok(Open::new(self, b'{', b"}}"))
    }
}

macro_rules! arrays {
    ($($kind:ident $function:ident),+) => {$(
        impl ser::$kind for Open<'_> {
            type Ok = ();
            type Error = Error;

            fn $function<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )+};
}

arrays!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! objects {
    ($($kind:ident),+) => {$(
        impl ser::$kind for Open<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )+};
}

objects!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Open<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.separate();
        let start = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        // Keys are texts: a whole number is put into quotes, anything else has no text to be.
        let text = &mut self.writer.text;
        match text.get(start) {
            Some(b'"') => {}
            Some(b'-' | b'0'..=b'9') if !text[start..].contains(&b'.') => {
                text.insert(start, b'"');
                text.push(b'"');
            }
            _ => return Err(Error::new("a key must be a text or a whole number")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.writer.text.push(b':');
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::to_vec;

    #[derive(Serialize)]
    enum Kind {
        Unit,
        New(u8),
        Tuple(u8, char),
        Struct { a: i64 },
    }

    #[derive(Serialize)]
    struct All<'a> {
        texts: [&'a str; 3],
        numbers: (u64, i8, f64, f32, f64),
        option: Option<()>,
        kinds: Vec<Kind>,
        map: BTreeMap<i32, bool>,
        empty: Vec<u8>,
        bytes: &'a [u8],
    }

    /// The usual crate is the judge.
    #[test]
    fn every_shape_is_written_as_serde_json_does() {
        let all = All {
            texts: ["", "a\"b\\c\n\r\t\u{1}\u{1f}\u{7f}", "grüß 🎈"],
            numbers: (u64::MAX, -128, 1.5, 0.1, f64::NAN),
            option: None,
            kinds: vec![
                Kind::Unit,
                Kind::New(1),
                Kind::Tuple(2, '"'),
                Kind::Struct { a: i64::MIN },
            ],
            map: [(-1, true), (2, false)].into(),
            empty: vec![],
            bytes: b"ab",
        };
        assert_eq!(
            String::from_utf8(to_vec(&all).unwrap()).unwrap(),
            serde_json::to_string(&all).unwrap()
        );
    }

    #[test]
    fn keys_are_texts_or_whole_numbers() {
        assert!(to_vec(&BTreeMap::from([((1, 2), 3)])).is_err());
        assert!(to_vec(&BTreeMap::from([(Some("a"), 3)])).is_ok());
        assert!(to_vec(&BTreeMap::from([(None::<u8>, 3)])).is_err());
    }
}
