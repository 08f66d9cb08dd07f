//! What is wrong with a text.

use std::borrow::Cow;
use std::fmt;

use serde::{de, ser};

/// Why a text could not be read as JSON of the form asked for, or a value not be written.
///
/// ```
/// let error = lt_sdk::json::from_slice::<u8>(b"[").unwrap_err();
/// assert_eq!(error.to_string(), "expected u8 at byte 0");
/// ```
pub struct Error {
    message: Cow<'static, str>,
    /// Where reading stopped, in bytes from the start; `None` until the reader has said so, and in writing.
    at: Option<usize>,
}

impl Error {
    #[cold]
    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            at: None,
        }
    }

    /// The same error with its place, if it has none yet.
    #[cold]
    pub(super) fn at(mut self, at: usize) -> Self {
        self.at.get_or_insert(at);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.at {
            Some(at) => write!(f, " at byte {at}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// What was found is left out of the texts: showing it would bring the formatting of floats into every scenario.
impl de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    #[cold]
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {expected}"))
    }

    #[cold]
    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("value out of range, expected {expected}"))
    }
}
