//! JSON texts as values (RFC 8259). As strict as the usual crate: no comments, no trailing commas, nothing behind the value.

use std::borrow::Cow;

use serde::de::{self, DeserializeOwned, Error as _, Unexpected, Visitor};

use super::access::{Elements, Variant};
use super::scan::Reader;
use super::{Error, RAW};

/// Read a value from JSON.
///
/// # Errors
/// If the bytes are no JSON, or not of the value's form; with the place where it was seen.
///
/// ```
/// let sizes: Vec<u8> = lt_sdk::json::from_slice(b"[1, 2, 3]").unwrap();
/// assert_eq!(sizes, [1, 2, 3]);
/// ```
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader).and_then(|value| reader.finish().map(|()| value));
    value.map_err(|error| error.at(reader.position()))
}

impl Reader<'_> {
    /// What stands here is not what the visitor takes.
    #[cold]
    fn mismatch<'v>(&mut self, visitor: &impl Visitor<'v>) -> Error {
        match self.peek() {
            Some(_) => Error::invalid_type(Unexpected::Unit, visitor),
            None => self.broken(),
        }
    }
}

/// Whole numbers go without the tables that decimal ones need.
fn visit_integer<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Error> {
    if let Ok(number) = text.parse() {
        visitor.visit_u64(number)
    } else if let Ok(number) = text.parse() {
        visitor.visit_i64(number)
    } else {
        Err(Error::invalid_type(Unexpected::Unit, &visitor))
    }
}

/// A number that a double can hold, if not every digit of it.
fn decimal(text: &str) -> Result<f64, Error> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| Error::new("the number is too large"))
}

macro_rules! integers {
    ($($function:ident)+) => {$(
        fn $function<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.number()? {
                Some(text) => visit_integer(text, visitor),
                None => Err(self.mismatch(&visitor)),
            }
        }
    )+};
}

macro_rules! same_as {
    ($same:ident: $($function:ident($($extra:ty),*))+) => {$(
        fn $function<V: Visitor<'de>>(self, $(_: $extra,)* visitor: V) -> Result<V::Value, Error> {
            self.$same(visitor)
        }
    )+};
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }
    same_as!(deserialize_f64: deserialize_f32());
    same_as!(deserialize_str: deserialize_string() deserialize_char() deserialize_identifier());
    same_as!(deserialize_seq: deserialize_bytes() deserialize_byte_buf() deserialize_tuple(usize) deserialize_tuple_struct(&'static str, usize));
    same_as!(deserialize_unit: deserialize_unit_struct(&'static str));

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b'{') => self.deserialize_map(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            _ => match self.number()? {
                Some(text) if text.parse::<u64>().is_ok() || text.parse::<i64>().is_ok() => {
                    visit_integer(text, visitor)
                }
                Some(text) => visitor.visit_f64(decimal(text)?),
                None => Err(self.broken()),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.word(b"true") {
            visitor.visit_bool(true)
        } else if self.word(b"false") {
            visitor.visit_bool(false)
        } else {
            Err(self.mismatch(&visitor))
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.number()? {
            Some(text) => visitor.visit_f64(decimal(text)?),
            None => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() != Some(b'"') {
            return Err(self.mismatch(&visitor));
        }
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.word(b"null") {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.word(b"null") {
            visitor.visit_unit()
        } else {
            Err(self.mismatch(&visitor))
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == RAW {
            visitor.visit_borrowed_str(self.skip()?)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.take(b'[') {
            return Err(self.mismatch(&visitor));
        }
        self.nest(|reader| {
            let mut elements = Elements::new(reader, b']');
            let value = visitor.visit_seq(&mut elements)?;
            elements.finish().map(|()| value)
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.take(b'{') {
            return Err(self.mismatch(&visitor));
        }
        self.nest(|reader| {
            let mut fields = Elements::new(reader, b'}');
            let value = visitor.visit_map(&mut fields)?;
            fields.finish().map(|()| value)
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'[') => self.deserialize_seq(visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'"') => visitor.visit_enum(de::value::CowStrDeserializer::new(self.string()?)),
            Some(b'{') => self.nest(|reader| {
                reader.expect(b'{')?;
                let value = visitor.visit_enum(Variant(reader))?;
                reader.expect(b'}')?;
                Ok(value)
            }),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
