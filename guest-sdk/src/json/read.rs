//! JSON texts as values (RFC 8259). As strict as the usual crate: no comments, no trailing commas, nothing behind the value.

use std::borrow::Cow;

use serde::de::{self, DeserializeOwned, Error as _, Unexpected, Visitor};

use super::access::{Elements, Variant};
use super::{DEPTH_MAX, Error, RAW};

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
    value.map_err(|error| error.at(reader.at))
}

/// What is left of a text.
pub(super) struct Reader<'de> {
    text: &'de [u8],
    /// Bytes read so far.
    at: usize,
    depth: u32,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de [u8]) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// Nothing but space is left.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Error::new("something follows the value")),
        }
    }

    /// The next byte that is no space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// The next byte, if it is this one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.broken())
        }
    }

    /// Why the text cannot go on like this.
    #[cold]
    pub(super) fn broken(&self) -> Error {
        Error::new(if self.at < self.text.len() {
            "this is no JSON"
        } else {
            "the text ends too early"
        })
    }

    /// A word: `null`, `true`, `false`.
    pub(super) fn word(&mut self, word: &[u8]) -> bool {
        self.peek();
        let found = self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word));
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// One level deeper, for as long as `inside` runs.
    pub(super) fn nest<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth == DEPTH_MAX {
            return Err(Error::new("arrays and objects lie too deep in each other"));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    /// The text between here and where the reader stood.
    fn since(&self, start: usize) -> Result<&'de str, Error> {
        let bytes = self.text.get(start..self.at).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| Error::new("a text is no UTF-8"))
    }

    /// A text in quotes; borrowed unless it has escapes.
    pub(super) fn string(&mut self) -> Result<Cow<'de, str>, Error> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        loop {
            let start = self.at;
            while self
                .text
                .get(self.at)
                .is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
            {
                self.at += 1;
            }
            let piece = self.since(start)?;
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(if unescaped.is_empty() {
                        Cow::Borrowed(piece)
                    } else {
                        unescaped.push_str(piece);
                        Cow::Owned(unescaped)
                    });
                }
                Some(b'\\') => {
                    self.at += 1;
                    unescaped.push_str(piece);
                    unescaped.push(self.escape()?);
                }
                Some(_) => return Err(Error::new("control characters must be escaped")),
                None => return Err(self.broken()),
            }
        }
    }

    /// What stands behind a `\`.
    fn escape(&mut self) -> Result<char, Error> {
        let byte = self
            .text
            .get(self.at)
            .copied()
            .ok_or_else(|| self.broken())?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.code_point(),
            _ => return Err(Error::new("no such escape")),
        })
    }

    /// Four digits, or twice four for what needs a pair of surrogates.
    fn code_point(&mut self) -> Result<char, Error> {
        let mut code = self.four_digits()?;
        if (0xd800..0xdc00).contains(&code) && self.text.get(self.at..self.at + 2) == Some(b"\\u") {
            self.at += 2;
            let low = self.four_digits()?;
            code = match low {
                0xdc00..0xe000 => 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00),
                _ => return Err(Error::new("half a surrogate pair")),
            };
        }
        char::from_u32(code).ok_or_else(|| Error::new("half a surrogate pair"))
    }

    fn four_digits(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self
                .text
                .get(self.at)
                .and_then(|&byte| char::from(byte).to_digit(16));
            code = code << 4 | digit.ok_or_else(|| self.broken())?;
            self.at += 1;
        }
        Ok(code)
    }

    /// A number, as it is written; `None` if none stands here.
    pub(super) fn number(&mut self) -> Result<Option<&'de str>, Error> {
        if !matches!(self.peek(), Some(b'-' | b'0'..=b'9')) {
            return Ok(None);
        }
        let start = self.at;
        self.at += usize::from(self.text.get(self.at) == Some(&b'-'));
        let first = self.text.get(self.at).copied();
        let whole = self.digits();
        if whole == 0 || (whole > 1 && first == Some(b'0')) {
            return Err(self.broken());
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.broken());
            }
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.broken());
            }
        }
        self.since(start).map(Some)
    }

    /// Skip digits; how many there were.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    /// Skip one value of any form; its text.
    pub(super) fn skip(&mut self) -> Result<&'de str, Error> {
        let next = self.peek();
        let start = self.at;
        match next {
            Some(b'"') => drop(self.string()?),
            Some(b'[') => self.nest(|reader| {
                reader.at += 1;
                let mut first = true;
                while reader.another(b']', &mut first)? {
                    reader.skip()?;
                }
                Ok(())
            })?,
            Some(b'{') => self.nest(|reader| {
                reader.at += 1;
                let mut first = true;
                while reader.another(b'}', &mut first)? {
                    reader.string()?;
                    reader.expect(b':')?;
                    reader.skip()?;
                }
                Ok(())
            })?,
            _ if self.word(b"null") || self.word(b"true") || self.word(b"false") => {}
            _ => drop(self.number()?.ok_or_else(|| self.broken())?),
        }
        self.since(start)
    }

    /// Whether an array or object has another element; takes the comma before it, or the end.
    pub(super) fn another(&mut self, end: u8, first: &mut bool) -> Result<bool, Error> {
        if self.take(end) {
            return Ok(false);
        }
        if !std::mem::replace(first, false) {
            self.expect(b',')?;
            if self.peek() == Some(end) {
                return Err(self.broken());
            }
        }
        Ok(true)
    }

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
                reader.at += 1;
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
