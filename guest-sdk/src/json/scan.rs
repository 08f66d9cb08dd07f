//! The grammar of JSON (RFC 8259), token by token.

use std::borrow::Cow;

use super::{DEPTH_MAX, Error};

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

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
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
}
