//! Why a call failed.

use std::fmt;

use crate::bindings::lt::scenario::coordination::ErrorCode;
use crate::error::AskedToEnd;
use crate::text::write_explained;

/// Why a call failed. The user goes on, whatever it is.
///
/// ```no_run
/// use lt_sdk::coordination::{self, Error};
/// use lt_sdk::timing::Duration;
///
/// # fn iterate() -> lt_sdk::Result<()> {
/// match coordination::receive(Duration::from_secs(1)) {
///     Ok(message) => lt_sdk::log::info!("user {} wrote", message.sender),
///     Err(Error::Timeout) => lt_sdk::log::info!("nobody wrote"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The time given for the wait is over.
    Timeout,
    /// This user is asked to end ([`user::should_stop`](crate::user::should_stop)): nobody waits any more. Passed on with `?` it
    /// ends the user, and is no failure.
    Stopping,
    /// A value that makes no sense: a rate of zero, an empty range. The text says which.
    InvalidValue(String),
    /// The name is empty or longer than 128 bytes.
    InvalidName(String),
    /// It exists under this name with other values. The text tells them.
    Conflict(String),
    /// The meeting can never be complete: it asks for more users than the run will ever have at a time.
    Impossible(String),
    /// The meeting was reset while this user waited.
    Reset,
    /// No user with this id, or of this role, is running.
    NoRecipient,
    /// The recipient's mailbox is full: it does not read as fast as others write.
    MailboxFull,
    /// The data is larger than the bytes that are allowed.
    TooLarge(u64),
    /// The run holds as many throttles, meetings or waiting users as it may. The text says which.
    TooMany(String),
    /// The answer was already taken.
    AlreadyFinished,
    /// Anything else, as text for people.
    Other(String),
}

impl Error {
    /// Whether the time given for the wait is over.
    ///
    /// ```
    /// assert!(lt_sdk::coordination::Error::Timeout.is_timeout());
    /// ```
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// Whether the wait ended because this user is asked to end: the iteration may simply return.
    ///
    /// ```no_run
    /// use lt_sdk::coordination;
    /// use lt_sdk::timing::Duration;
    ///
    /// # fn iterate() -> lt_sdk::Result<()> {
    /// match coordination::receive(Duration::from_secs(60)) {
    ///     Err(error) if error.is_stopping() => return Ok(()),
    ///     received => drop(received?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        matches!(self, Self::Stopping)
    }

    /// The text, and what it carries: texts and not formats, since this stands in the path of every scenario that coordinates.
    fn explain(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Timeout => ("the time is over", None),
            Self::Stopping => ("this user is asked to end", None),
            Self::InvalidValue(detail) => ("invalid value", Some(detail)),
            Self::InvalidName(name) => ("no name for something shared", Some(name)),
            Self::Conflict(detail) => ("it exists with other values", Some(detail)),
            Self::Impossible(detail) => ("the meeting can never be complete", Some(detail)),
            Self::Reset => ("the meeting was reset", None),
            Self::NoRecipient => ("no such user is running", None),
            Self::MailboxFull => ("the recipient's mailbox is full", None),
            Self::TooLarge(_) => ("larger than the bytes that are allowed", None),
            Self::TooMany(detail) => ("the run has as many as it may", Some(detail)),
            Self::AlreadyFinished => ("the answer was already taken", None),
            Self::Other(detail) => ("coordination failed", Some(detail)),
        }
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Timeout => Self::Timeout,
            ErrorCode::Stopping => Self::Stopping,
            ErrorCode::InvalidValue(text) => Self::InvalidValue(text),
            ErrorCode::InvalidName(name) => Self::InvalidName(name),
            ErrorCode::Conflict(text) => Self::Conflict(text),
            ErrorCode::Impossible(text) => Self::Impossible(text),
            ErrorCode::Reset => Self::Reset,
            ErrorCode::NoRecipient => Self::NoRecipient,
            ErrorCode::MailboxFull => Self::MailboxFull,
            ErrorCode::TooLarge(bytes) => Self::TooLarge(bytes),
            ErrorCode::TooMany(text) => Self::TooMany(text),
            ErrorCode::AlreadyFinished => Self::AlreadyFinished,
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

impl std::error::Error for Error {
    /// `Stopping` is known by it wherever it was wrapped: `?` ends the user then, and counts no failure.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Stopping => Some(&AskedToEnd),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::Failure;

    #[test]
    fn to_be_asked_to_end_is_no_failure_wherever_it_is_wrapped() {
        #[derive(Debug)]
        struct Wrapped(Error);
        impl fmt::Display for Wrapped {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("no partner")
            }
        }
        impl std::error::Error for Wrapped {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let follows = |error: crate::Error| Failure::from(error);
        assert!(matches!(
            follows(Error::Stopping.into()),
            Failure::StopUser(text) if text == "this user is asked to end"
        ));
        assert!(matches!(
            follows(crate::Error::from(Wrapped(Error::Stopping)).context("meet")),
            Failure::StopUser(text) if text == "meet: no partner: this user is asked to end"
        ));
        assert!(matches!(
            follows(crate::Error::from(Wrapped(Error::Timeout))),
            Failure::Failed(text) if text == "no partner: the time is over"
        ));
    }

    #[test]
    fn texts_name_the_cause_and_what_it_carries() {
        let text = |code: ErrorCode| Error::from(code).to_string();
        assert_eq!(text(ErrorCode::Timeout), "the time is over");
        assert_eq!(
            text(ErrorCode::Impossible("3 of 2 users".into())),
            "the meeting can never be complete: 3 of 2 users"
        );
        assert_eq!(
            text(ErrorCode::TooLarge(16_384)),
            "larger than the bytes that are allowed (16384)"
        );
    }
}
