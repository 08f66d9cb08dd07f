//! One error type for scenarios: whatever went wrong, and what is to follow for the user and the run.

use std::borrow::Cow;
use std::fmt;

use crate::bindings;

/// The result of scenario code; `E` is [`Error`] unless said otherwise.
///
/// ```
/// fn parse(text: &str) -> lt_sdk::Result<u32> {
///     Ok(text.parse()?)
/// }
/// assert!(parse("x").is_err());
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why an iteration (or `join`, or `init`) failed, and what is to follow.
///
/// `?` turns every standard error into one that fails the iteration: it is counted, its text is sampled, the user goes on.
/// Only a wait that ended because the user is [asked to end](crate::coordination::Error::Stopping) is no failure: it ends the user.
/// The text is made at once, so that an `Error` is small and holds nothing alive. Like `anyhow::Error` it is no
/// `std::error::Error` itself.
///
/// ```
/// use lt_sdk::{Error, Result};
///
/// fn price(text: &str) -> Result<u32> {
///     let price: u32 = text.parse()?;
///     if price == 0 {
///         return Err(Error::msg("the item is free"));
///     }
///     Ok(price)
/// }
/// assert_eq!(price("0").unwrap_err().to_string(), "the item is free");
/// ```
pub struct Error {
    follow: Follow,
    message: Cow<'static, str>,
}

/// What follows an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follow {
    /// The user goes on with its next iteration.
    GoOn,
    /// The user ends, the run goes on.
    StopUser,
    /// The run ends with exit code 108.
    AbortRun,
}

impl Error {
    /// An error that fails the iteration.
    ///
    /// ```
    /// let error = lt_sdk::Error::msg("no item left");
    /// assert_eq!(error.to_string(), "no item left");
    /// ```
    #[cold]
    pub fn msg(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            follow: Follow::GoOn,
            message: message.into(),
        }
    }

    /// An error that ends this user; the run goes on without it.
    ///
    /// ```
    /// use lt_sdk::{Error, Result};
    ///
    /// fn enter(banned: bool) -> Result<()> {
    ///     if banned { Err(Error::stop_user("this account is banned")) } else { Ok(()) }
    /// }
    /// assert!(enter(true).is_err());
    /// ```
    #[cold]
    pub fn stop_user(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            follow: Follow::StopUser,
            message: message.into(),
        }
    }

    /// An error that ends the whole run, with exit code 108.
    ///
    /// ```
    /// use lt_sdk::Error;
    ///
    /// let error = Error::abort_run("the server runs in production mode");
    /// assert_eq!(error.to_string(), "the server runs in production mode");
    /// ```
    #[cold]
    pub fn abort_run(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            follow: Follow::AbortRun,
            message: message.into(),
        }
    }

    /// The same error, with what was being done put before its text.
    ///
    /// ```
    /// let error = lt_sdk::Error::msg("status 500").context("log in");
    /// assert_eq!(error.to_string(), "log in: status 500");
    /// ```
    #[cold]
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message).into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The source of an error that says that the user is asked to end. It stands in the chain so that `?` finds it wherever the error
/// was wrapped.
#[derive(Debug)]
pub(crate) struct AskedToEnd;

impl fmt::Display for AskedToEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this user is asked to end")
    }
}

impl std::error::Error for AskedToEnd {}

impl<E: std::error::Error> From<E> for Error {
    #[cold]
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            if cause.is::<AskedToEnd>() {
                // What its owner says of it is enough.
                return Self::stop_user(message);
            }
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::msg(message)
    }
}

impl From<Error> for bindings::Failure {
    fn from(error: Error) -> Self {
        let message = error.message.into_owned();
        match error.follow {
            Follow::GoOn => Self::Failed(message),
            Follow::StopUser => Self::StopUser(message),
            Follow::AbortRun => Self::AbortRun(message),
        }
    }
}

/// Says what was being done when something failed; also makes an [`Error`] of a missing value.
///
/// ```
/// use lt_sdk::{Context, Result};
///
/// fn token(page: &str) -> Result<&str> {
///     page.split('=').nth(1).context("the page has no token")
/// }
/// assert_eq!(token("").unwrap_err().to_string(), "the page has no token");
/// ```
pub trait Context<T>: Sized {
    /// Put `doing` before the error's text, or make it the text where there was none.
    ///
    /// # Errors
    /// If `self` is an error or `None`.
    ///
    /// ```
    /// use lt_sdk::Context;
    ///
    /// let error = "x".parse::<u8>().context("read the page number").unwrap_err();
    /// assert!(error.to_string().starts_with("read the page number: "));
    /// ```
    fn context(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for core::result::Result<T, E> {
    fn context(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().context(doing))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, doing: impl fmt::Display) -> Result<T> {
        self.ok_or_else(|| Error::msg(doing.to_string()))
    }
}

/// Return from the function with an [`Error`] that fails the iteration.
///
/// ```
/// fn buy(stock: u32) -> lt_sdk::Result<()> {
///     if stock == 0 {
///         lt_sdk::bail!("sold out");
///     }
///     Ok(())
/// }
/// assert!(buy(0).is_err());
/// ```
#[macro_export]
macro_rules! bail {
    ($message:literal $(,)?) => {
        return ::core::result::Result::Err($crate::Error::msg(::std::format!($message)))
    };
    ($format:literal, $($argument:tt)+) => {
        return ::core::result::Result::Err($crate::Error::msg(::std::format!($format, $($argument)+)))
    };
    ($message:expr $(,)?) => {
        return ::core::result::Result::Err($crate::Error::msg($message))
    };
}

/// Return with an [`Error`] unless a condition holds.
///
/// ```
/// fn open(status: u16) -> lt_sdk::Result<()> {
///     lt_sdk::ensure!(status == 200, "the shop answered {status}");
///     Ok(())
/// }
/// assert_eq!(open(503).unwrap_err().to_string(), "the shop answered 503");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            $crate::bail!($($message)+);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("reading the price")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_standard_error_keeps_its_causes() {
        let error = Error::from(Outer("x".parse::<u8>().unwrap_err()));
        assert_eq!(
            error.to_string(),
            "reading the price: invalid digit found in string"
        );
    }

    #[test]
    fn what_follows_reaches_the_contract_and_survives_context() {
        let failure = |error: Error| bindings::Failure::from(error.context("a"));
        assert!(
            matches!(failure(Error::msg("b")), bindings::Failure::Failed(text) if text == "a: b")
        );
        assert!(
            matches!(failure(Error::stop_user("b")), bindings::Failure::StopUser(text) if text == "a: b")
        );
        assert!(
            matches!(failure(Error::abort_run("b")), bindings::Failure::AbortRun(text) if text == "a: b")
        );
    }
}
