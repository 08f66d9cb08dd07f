//! `lt:scenario/coordination`: what users do together. Waits end when the user is asked to end.

pub(crate) mod audience;
pub(crate) mod mailbox;
pub(crate) mod meeting;
pub(crate) mod throttle;

use lt_coordination::CoordinationError;

use crate::bindings::coordination::ErrorCode;
use crate::interfaces::View;
use crate::limits::HANDLES_MAX;

impl From<CoordinationError> for ErrorCode {
    fn from(error: CoordinationError) -> Self {
        match error {
            CoordinationError::InvalidValue(text) => Self::InvalidValue(text),
            CoordinationError::InvalidName(text) => Self::InvalidName(text),
            CoordinationError::Conflict(text) => Self::Conflict(text),
            CoordinationError::Impossible(text) => Self::Impossible(text),
            CoordinationError::Reset => Self::Reset,
            CoordinationError::NoRecipient => Self::NoRecipient,
            CoordinationError::MailboxFull => Self::MailboxFull,
            CoordinationError::TooLarge(bytes) => Self::TooLarge(bytes),
            CoordinationError::TooMany(text) => Self::TooMany(text),
            CoordinationError::AlreadyFinished => Self::AlreadyFinished,
            CoordinationError::Other(text) => Self::Other(text),
        }
    }
}

impl View<'_> {
    /// Whether nobody should begin a wait any more.
    fn is_stopping(&self) -> bool {
        self.0.stop_flag().is_some_and(|stop| stop.should_stop())
    }
}

/// The user holds as many handles as it may.
pub(super) fn handles_used_up() -> ErrorCode {
    ErrorCode::TooMany(format!("a user may hold {HANDLES_MAX} handles; drop some"))
}
