//! Compiled patterns and keys, one for all users of a core that ask for the same: a regular expression takes kilobytes, and
//! thousands of users watch for the same messages.

use std::hash::Hash;
use std::rc::Rc;

use lt_net::websocket::pattern::{Key, Pattern};
use lt_spec::limits::{PATTERN_BYTES_MAX, PATTERNS_MAX};
use rustc_hash::FxHashMap;

/// A pattern as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PatternText {
    Any,
    Contains(String),
    Regex(String),
    /// Pointer and value.
    Json(String, String),
}

/// A key as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct KeyText {
    pub(crate) pointer: Option<String>,
    pub(crate) regex: Option<String>,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// It makes no sense; which of its fields, and why.
    Invalid(String),
    /// The core holds as many different ones as it may.
    TooMany,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Patterns {
    patterns: Interned<PatternText, Pattern>,
    keys: Interned<KeyText, Key>,
}

impl Patterns {
    /// The compiled pattern.
    ///
    /// # Errors
    /// If it makes no sense, or too many others are in use.
    pub(crate) fn pattern(&mut self, text: PatternText) -> Result<Rc<Pattern>, PatternError> {
        text.check()?;
        self.patterns.get(text, PatternText::compile)
    }

    /// The compiled pattern, for one look. Only what takes long to compile is kept: the others are as many as there are messages to
    /// wait for.
    ///
    /// # Errors
    /// As [`Self::pattern`].
    pub(crate) fn pattern_once(&mut self, text: PatternText) -> Result<Rc<Pattern>, PatternError> {
        match &text {
            PatternText::Regex(_) => self.pattern(text),
            _ => {
                text.check()?;
                text.compile().map(Rc::new).map_err(PatternError::Invalid)
            }
        }
    }

    /// The compiled key.
    ///
    /// # Errors
    /// As [`Self::pattern`].
    pub(crate) fn key(&mut self, text: KeyText) -> Result<Rc<Key>, PatternError> {
        check("pointer", text.pointer.as_deref().unwrap_or_default())?;
        check("regex", text.regex.as_deref().unwrap_or_default())?;
        self.keys.get(text, |text| {
            Key::new(text.pointer.as_deref(), text.regex.as_deref())
        })
    }
}

impl PatternText {
    fn check(&self) -> Result<(), PatternError> {
        match self {
            Self::Any => Ok(()),
            Self::Contains(text) => check("contains", text),
            Self::Regex(text) => check("regex", text),
            Self::Json(pointer, value) => {
                check("json", pointer).and_then(|()| check("json", value))
            }
        }
    }

    fn compile(&self) -> Result<Pattern, String> {
        match self {
            Self::Any => Ok(Pattern::any()),
            Self::Contains(text) => Ok(Pattern::contains(text)),
            Self::Regex(text) => Pattern::regex(text),
            Self::Json(pointer, value) => Pattern::json(pointer, value),
        }
    }
}

/// Whether a text is short enough to be looked for.
///
/// # Errors
/// Naming the field.
pub(crate) fn check(field: &str, text: &str) -> Result<(), PatternError> {
    if text.len() <= PATTERN_BYTES_MAX {
        return Ok(());
    }
    Err(PatternError::Invalid(format!(
        "{field}: longer than {PATTERN_BYTES_MAX} bytes"
    )))
}

/// What is held by text. Those that nobody uses any more make room once there are [`PATTERNS_MAX`].
pub(crate) struct Interned<K, V>(FxHashMap<K, Rc<V>>);

impl<K, V> Default for Interned<K, V> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Hash + Eq, V> Interned<K, V> {
    /// The value of a key, made if nobody uses the same.
    ///
    /// # Errors
    /// If it makes no sense, or too many others are in use.
    pub(crate) fn get(
        &mut self,
        key: K,
        make: impl FnOnce(&K) -> Result<V, String>,
    ) -> Result<Rc<V>, PatternError> {
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let made = Rc::new(make(&key).map_err(PatternError::Invalid)?);
        if self.0.len() >= PATTERNS_MAX {
            self.0.retain(|_, value| Rc::strong_count(value) > 1);
        }
        if self.0.len() >= PATTERNS_MAX {
            return Err(PatternError::TooMany);
        }
        self.0.insert(key, made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use lt_net::websocket::Borrowed;

    use super::*;

    fn regex(text: &str) -> PatternText {
        PatternText::Regex(text.to_owned())
    }

    #[test]
    fn all_who_ask_for_the_same_share_one() {
        let mut patterns = Patterns::default();
        let one = patterns.pattern(regex("id=(\\d+)")).unwrap();
        let same = patterns.pattern_once(regex("id=(\\d+)")).unwrap();
        assert!(Rc::ptr_eq(&one, &same));
        let other = patterns.pattern(regex("id=(\\w+)")).unwrap();
        assert!(!Rc::ptr_eq(&one, &other));
        let text = KeyText {
            pointer: Some("/id".to_owned()),
            regex: None,
        };
        let key = patterns.key(text.clone()).unwrap();
        assert!(Rc::ptr_eq(&key, &patterns.key(text).unwrap()));
    }

    #[test]
    fn those_in_use_are_bounded_and_the_others_make_room() {
        let mut patterns = Patterns::default();
        let contains = |number: usize| PatternText::Contains(number.to_string());
        let held: Vec<_> = (0..PATTERNS_MAX)
            .map(|number| patterns.pattern(contains(number)).unwrap())
            .collect();
        assert_eq!(
            patterns.pattern(contains(PATTERNS_MAX)).unwrap_err(),
            PatternError::TooMany
        );
        // What is asked for once takes no place.
        assert!(patterns.pattern_once(contains(PATTERNS_MAX)).is_ok());
        drop(held);
        assert!(patterns.pattern(contains(PATTERNS_MAX)).is_ok());
        assert_eq!(patterns.patterns.0.len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let mut patterns = Patterns::default();
        for text in [
            regex("("),
            regex(&"x".repeat(PATTERN_BYTES_MAX + 1)),
            PatternText::Contains("x".repeat(PATTERN_BYTES_MAX + 1)),
            PatternText::Json("no-slash".to_owned(), String::new()),
        ] {
            for result in [
                patterns.pattern(text.clone()),
                patterns.pattern_once(text.clone()),
            ] {
                assert!(matches!(result, Err(PatternError::Invalid(_))), "{text:?}");
            }
        }
        let any = patterns.pattern(PatternText::Any).unwrap();
        assert!(any.matches(Borrowed::Binary(&[])));
    }
}
