//! Looking into messages: which are meant, and which id is in them. Pure, and cheap where the answer stands first.

use std::borrow::Cow;
use std::rc::Rc;

use memchr::memmem;
use regex::Regex;

use super::Borrowed;

/// Most bytes of a compiled regular expression: as much as a hundred patterns of a usual size; the crate's own default is ten
/// times that, for each of a user's watches.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Which messages are meant.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Every message.
    Any,
    /// Its bytes contain these. Boxed: a finder is ten times as large as the others.
    Contains(Box<memmem::Finder<'static>>),
    /// It is a text in which the expression finds something.
    Regex(Rc<Regex>),
    /// It is JSON, and the value there is this text, or this number, `true`, `false` or `null` as written.
    Json {
        /// Where.
        pointer: Pointer,
        /// What.
        expected: Box<str>,
    },
}

impl Pattern {
    /// Every message.
    #[must_use]
    pub fn any() -> Self {
        Self::Any
    }

    /// Messages whose bytes contain these.
    #[must_use]
    pub fn contains(text: &str) -> Self {
        Self::Contains(Box::new(memmem::Finder::new(text).into_owned()))
    }

    /// Texts in which a regular expression finds something.
    ///
    /// # Errors
    /// What is wrong with the expression, or that it is too large.
    pub fn regex(text: &str) -> Result<Self, String> {
        compile(text).map(Self::Regex)
    }

    /// JSON messages with this value at this place.
    ///
    /// # Errors
    /// What is wrong with the pointer.
    pub fn json(pointer: &str, expected: &str) -> Result<Self, String> {
        Ok(Self::Json {
            pointer: Pointer::parse(pointer)?,
            expected: expected.into(),
        })
    }

    /// Whether it is meant.
    #[must_use]
    pub fn matches(&self, content: Borrowed<'_>) -> bool {
        match (self, content) {
            (Self::Any, _) => true,
            (Self::Contains(finder), Borrowed::Text(text)) => {
                finder.find(text.as_bytes()).is_some()
            }
            (Self::Contains(finder), Borrowed::Binary(bytes)) => finder.find(bytes).is_some(),
            (Self::Regex(regex), Borrowed::Text(text)) => regex.is_match(text),
            (Self::Json { pointer, expected }, Borrowed::Text(text)) => pointer
                .text_in(text)
                .is_some_and(|found| *found == **expected),
            (Self::Regex(_) | Self::Json { .. }, Borrowed::Binary(_)) => false,
        }
    }
}

/// Where in a message its id is. Binary messages have none.
#[derive(Clone, Debug, Default)]
pub struct Key {
    pointer: Option<Pointer>,
    regex: Option<Rc<Regex>>,
}

impl Key {
    /// The value that a JSON pointer names (`None` takes the whole text), and of that what a regular expression matches: its
    /// first group, or all of the match if it has none (`None` takes the whole value).
    ///
    /// # Errors
    /// What is wrong with the pointer or the expression.
    pub fn new(pointer: Option<&str>, regex: Option<&str>) -> Result<Self, String> {
        Ok(Self {
            pointer: pointer.map(Pointer::parse).transpose()?,
            regex: regex.map(compile).transpose()?,
        })
    }

    /// The id in a message.
    #[must_use]
    pub fn find<'a>(&self, content: Borrowed<'a>) -> Option<Cow<'a, str>> {
        let Borrowed::Text(text) = content else {
            return None;
        };
        let value = match &self.pointer {
            None => Cow::Borrowed(text),
            Some(pointer) => pointer.text_in(text)?,
        };
        let Some(regex) = &self.regex else {
            return Some(value);
        };
        match value {
            Cow::Borrowed(value) => first_group(regex, value).map(Cow::Borrowed),
            Cow::Owned(value) => {
                first_group(regex, &value).map(|found| Cow::Owned(found.to_owned()))
            }
        }
    }
}

fn first_group<'a>(regex: &Regex, text: &'a str) -> Option<&'a str> {
    if regex.captures_len() == 1 {
        return regex.find(text).map(|found| found.as_str());
    }
    let captures = regex.captures(text)?;
    captures.get(1).map(|found| found.as_str())
}

fn compile(text: &str) -> Result<Rc<Regex>, String> {
    regex::RegexBuilder::new(text)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map(Rc::new)
        .map_err(|error| error.to_string())
}

/// A JSON pointer (RFC 6901) that is looked up by reading the text until its value is found. What stands behind the value is
/// not looked at, and of what stands before it only the nesting: whether it is all JSON is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    steps: Box<[Step]>,
}

/// A member's name, and the index that it is in an array.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: Box<str>,
    index: Option<usize>,
}

impl Pointer {
    /// Read a pointer as written: empty, or names each behind a `/`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self {
                steps: Box::default(),
            });
        }
        let Some(names) = text.strip_prefix('/') else {
            return Err(format!(
                "a JSON pointer is empty or begins with `/`: {text:?}"
            ));
        };
        let steps = names.split('/').map(step).collect::<Result<_, _>>()?;
        Ok(Self { steps })
    }

    /// The text, number, `true`, `false` or `null` that is there; numbers as written. If a name occurs twice in an object, the
    /// first counts.
    #[must_use]
    pub fn text_in<'a>(&self, json: &'a str) -> Option<Cow<'a, str>> {
        let mut scan = Scan { json, at: 0 };
        for step in &self.steps {
            scan.enter(step)?;
        }
        let value = scan.scalar()?;
        // Nothing but the value: else it is not JSON, and cheap to see here.
        (!self.steps.is_empty() || scan.peek().is_none()).then_some(value)
    }
}

fn step(name: &str) -> Result<Step, String> {
    let mut rest = name.split('~');
    let mut unescaped = rest.next().unwrap_or_default().to_owned();
    for part in rest {
        let (escaped, part) = match part.as_bytes() {
            [b'0', ..] => ('~', &part[1..]),
            [b'1', ..] => ('/', &part[1..]),
            _ => return Err(format!("`~` is followed by neither 0 nor 1: {name:?}")),
        };
        unescaped.push(escaped);
        unescaped.push_str(part);
    }
    // An index has no sign and no leading zero.
    let is_index =
        name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    Ok(Step {
        index: if is_index { name.parse().ok() } else { None },
        name: unescaped.into(),
    })
}

/// A place in a text that is taken for JSON.
#[derive(Debug)]
struct Scan<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.json.as_bytes().get(self.at..)?;
        let skipped = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))?;
        self.at += skipped;
        rest.get(skipped).copied()
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// Go to the value of a member or element of the value that is here.
    fn enter(&mut self, step: &Step) -> Option<()> {
        match self.peek()? {
            b'{' => {
                self.at += 1;
                loop {
                    let name = self.string()?;
                    self.eat(b':')?;
                    if unquote(name).is_some_and(|name| *name == *step.name) {
                        return Some(());
                    }
                    self.skip()?;
                    self.eat(b',')?;
                }
            }
            b'[' => {
                self.at += 1;
                let index = step.index?;
                for _ in 0..index {
                    self.skip()?;
                    self.eat(b',')?;
                }
                (self.peek()? != b']').then_some(())
            }
            _ => None,
        }
    }

    /// The text of a string, or a number or literal as written.
    fn scalar(&mut self) -> Option<Cow<'a, str>> {
        match self.peek()? {
            b'"' => unquote(self.string()?),
            b'{' | b'[' => None,
            _ => self.word().map(Cow::Borrowed),
        }
    }

    /// Go behind the value that is here.
    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.skip_nested(),
            _ => self.word().map(drop),
        }
    }

    /// Go behind an object or array: count what opens and closes, without recursion, so that no text is too deep.
    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            let rest = self.json.as_bytes().get(self.at..)?;
            self.at += rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
            match self.json.as_bytes().get(self.at)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// A string with its quotes, as written.
    fn string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let start = self.at;
        loop {
            let rest = self.json.as_bytes().get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest.get(found) == Some(&b'"') {
                return self.json.get(start - 1..self.at);
            }
            self.at += 1;
        }
    }

    /// A number or literal.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.json.get(self.at..)?;
        let end = rest
            .bytes()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.'))
            .unwrap_or(rest.len());
        let word = rest.get(..end)?;
        self.at += end;
        serde_json::from_str::<serde::de::IgnoredAny>(word)
            .ok()
            .map(|_| word)
    }
}

/// The text of a string that stands in quotes.
fn unquote(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(quoted).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pointer: &str, json: &str, expected: Option<&str>) {
        let found = Pointer::parse(pointer).unwrap();
        assert_eq!(
            found.text_in(json).as_deref(),
            expected,
            "{pointer} in {json}"
        );
    }

    #[test]
    fn a_pointer_names_members_and_elements() {
        let json = r#" { "type" : "chat", "data": {"list": [1, [true], {"id": "x"}], "": "empty"}, "n": null } "#;
        check("/type", json, Some("chat"));
        check("/data/list/0", json, Some("1"));
        check("/data/list/1/0", json, Some("true"));
        check("/data/list/2/id", json, Some("x"));
        check("/data/", json, Some("empty"));
        check("/n", json, Some("null"));
        check("/data", json, None);
        check("/data/list", json, None);
        check("/data/list/3", json, None);
        check("/data/list/00", json, None);
        check("/data/list/-", json, None);
        check("/data/list/id", json, None);
        check("/missing", json, None);
        check("/type/x", json, None);
        check("", json, None);
        check("/0", r"[]", None);
        check("/0", r#"{"0": "a name"}"#, Some("a name"));
    }

    #[test]
    fn escapes_are_understood_on_both_sides() {
        check("/a~1b", r#"{"a/b": "1"}"#, Some("1"));
        check("/m~0n", r#"{"m~n": "1"}"#, Some("1"));
        check("/~01", r#"{"~1": "1"}"#, Some("1"));
        check(
            "/tün",
            r#"{"t\u00fcn": "\"\\\n\ud83d\ude00"}"#,
            Some("\"\\\n😀"),
        );
        check("/b", r#"{"a": "}]\"\\", "b": 1}"#, Some("1"));
        check("/b", r#"{"a": ["}", {"\"": "]"}], "b": 1}"#, Some("1"));
        for wrong in ["a", "/~", "/~2", "/a~"] {
            assert!(Pointer::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_as_written() {
        for number in ["0", "-1", "1.50", "1e3", "1E-07", "18446744073709551616"] {
            check("/n", &format!("{{\"n\":{number}}}"), Some(number));
            check("", number, Some(number));
        }
    }

    #[test]
    fn the_first_of_two_counts() {
        check("/a", r#"{"a": 1, "a": 2}"#, Some("1"));
        check("/a/b", r#"{"a": 1, "a": {"b": 2}}"#, None);
    }

    #[test]
    fn what_is_not_json_has_no_value() {
        for wrong in [
            "",
            "hello",
            "{",
            r#"{"b""#,
            r#"{"b":"#,
            r#"{"b":"x"#,
            r#"{"b": 01}"#,
            r#"{"b": tru}"#,
            r#"{b: 1}"#,
        ] {
            check("/b", wrong, None);
        }
        for wrong in [
            r#"{"a": nul, "b": 1}"#,
            r#"{"a" 1, "b": 1}"#,
            r#"{"a": 1 "b": 1}"#,
            r#"{"a": "\q", "b": "\q"}"#,
        ] {
            check("/b", wrong, None);
        }
        check("", r#""a" "b""#, None);
        check("", r#" "a" "#, Some("a"));
        // Behind the value nothing is looked at.
        check("/a", r#"{"a": 1, oops"#, Some("1"));
        // However deep.
        let deep = format!(
            "{{\"a\": {}{}, \"b\": 1}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        check("/b", &deep, Some("1"));
        check("/b", &"[".repeat(100_000), None);
    }

    #[test]
    fn patterns_match_what_they_say() {
        let text = Borrowed::Text(r#"{"type": "chat", "n": 7}"#);
        let binary = Borrowed::Binary(br#"{"type": "chat"}"#);
        let check = |pattern: &Pattern, on_text, on_binary| {
            assert_eq!(
                (pattern.matches(text), pattern.matches(binary)),
                (on_text, on_binary),
                "{pattern:?}"
            );
        };
        check(&Pattern::any(), true, true);
        check(&Pattern::contains("chat"), true, true);
        check(&Pattern::contains("cat"), false, false);
        check(&Pattern::contains(""), true, true);
        check(&Pattern::regex("\"n\": \\d").unwrap(), true, false);
        check(&Pattern::json("/type", "chat").unwrap(), true, false);
        check(&Pattern::json("/n", "7").unwrap(), true, false);
        check(&Pattern::json("/n", "7.0").unwrap(), false, false);
    }

    #[test]
    fn large_expressions_are_refused() {
        assert!(Pattern::regex("(").is_err());
        let error = Pattern::regex("\\w{1000}{1000}").unwrap_err();
        assert!(error.contains("size limit"), "{error}");
    }

    #[test]
    fn keys_are_found() {
        let find = |pointer, regex, text| {
            let key = Key::new(pointer, regex).unwrap();
            key.find(Borrowed::Text(text)).map(Cow::into_owned)
        };
        let chat = r#"{"message": "hello &quot;[id-17]\""}"#;
        assert_eq!(
            find(Some("/message"), None, chat).unwrap(),
            "hello &quot;[id-17]\""
        );
        assert_eq!(
            find(Some("/message"), Some(r"\[id-(\d+)\]"), chat).unwrap(),
            "17"
        );
        assert_eq!(find(None, Some(r"id-\d+"), chat).unwrap(), "id-17");
        assert_eq!(find(None, None, "whole").unwrap(), "whole");
        assert_eq!(find(Some("/other"), None, chat), None);
        assert_eq!(find(None, Some("nothing"), chat), None);
        // A group that takes no part in the match.
        assert_eq!(find(None, Some("hello|(x)"), chat), None);
        assert!(Key::new(Some("x"), None).is_err());
        assert_eq!(Key::default().find(Borrowed::Binary(b"x")), None);
    }
}
