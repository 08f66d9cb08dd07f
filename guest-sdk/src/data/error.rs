//! Why a call failed.

use std::fmt;

use crate::bindings::lt::scenario::data::ErrorCode;
use crate::text::write_explained;

/// Why a call failed. The user goes on, whatever it is.
///
/// ```no_run
/// use lt_sdk::data::{Error, Feeder};
/// use lt_sdk::user;
///
/// # fn iterate(accounts: &Feeder) -> lt_sdk::Result<()> {
/// let account = match accounts.next() {
///     Err(Error::Exhausted) => return Ok(user::stop_self()), // more users than accounts
///     account => account?,
/// };
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The run has no asset or feeder of this name (`--asset NAME=FILE`, `--feeder NAME=FILE`).
    NoSuch(String),
    /// The feeder has no more records for this user.
    Exhausted,
    /// The feeder was opened before under this name with another order.
    Conflict(String),
    /// The name or key is empty or longer than 1 024 bytes.
    InvalidName(String),
    /// The value is larger than the bytes that are allowed.
    TooLarge(u64),
    /// The store holds as much as it may.
    StoreFull,
    /// The record has no field of this name.
    NoField(String),
    /// What was to be a text is no UTF-8.
    NotText,
    /// A record is not of the form that was asked for. With the reason.
    Form(String),
    /// Anything else, as text for people.
    Other(String),
}

impl Error {
    /// The text, and what it carries: texts and not formats, since this stands in the path of every scenario that reads data.
    fn explain(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::NoSuch(name) => (
                "the run has no such asset or feeder (--asset, --feeder NAME=FILE)",
                Some(name),
            ),
            Self::Exhausted => ("the feeder has no more records for this user", None),
            Self::Conflict(detail) => ("the feeder was opened with another order", Some(detail)),
            Self::InvalidName(name) => ("no name for data", Some(name)),
            Self::TooLarge(_) => ("larger than the bytes that are allowed", None),
            Self::StoreFull => ("the store is full", None),
            Self::NoField(name) => ("the record has no such field", Some(name)),
            Self::NotText => ("the value is no text", None),
            Self::Form(reason) => ("the record has another form", Some(reason)),
            Self::Other(detail) => ("data", Some(detail)),
        }
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::NoSuch(name) => Self::NoSuch(name),
            ErrorCode::Exhausted => Self::Exhausted,
            ErrorCode::Conflict(text) => Self::Conflict(text),
            ErrorCode::InvalidName(name) => Self::InvalidName(name),
            ErrorCode::TooLarge(bytes) => Self::TooLarge(bytes),
            ErrorCode::StoreFull => Self::StoreFull,
            ErrorCode::Other(text) => Self::Other(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, detail) = self.explain();
        write_explained(f, text, detail)?;
        match self {
            Self::TooLarge(bytes) => write!(f, " ({bytes})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_cause_and_what_it_carries() {
        let text = |code: ErrorCode| Error::from(code).to_string();
        assert_eq!(
            text(ErrorCode::Exhausted),
            "the feeder has no more records for this user"
        );
        assert!(text(ErrorCode::NoSuch("video".into())).ends_with(": video"));
        assert_eq!(
            text(ErrorCode::TooLarge(1024)),
            "larger than the bytes that are allowed (1024)"
        );
    }
}
