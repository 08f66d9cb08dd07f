//! Log lines, tagged with the user's id by the host, sampled and capped per user.
//!
//! The macros [`trace!`], [`debug!`], [`info!`], [`warn!`] and [`error!`] take what `format!` takes, and build the line only
//! if the host keeps lines of that level.

use crate::bindings::lt::scenario::log as host;

pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace,
    __log_warn as warn,
};

/// How much a line matters.
///
/// ```
/// use lt_sdk::log::Level;
///
/// assert!(Level::Warn > Level::Info);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Very fine detail.
    Trace,
    /// Detail for debugging a scenario.
    Debug,
    /// Worth knowing.
    Info,
    /// Something odd.
    Warn,
    /// Something failed.
    Error,
}

impl From<Level> for host::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

/// Write a line. Longer lines are cut at the host's cap.
///
/// ```no_run
/// use lt_sdk::log::{self, Level};
///
/// log::write(Level::Info, "joined");
/// ```
pub fn write(level: Level, message: &str) {
    host::write(level.into(), message);
}

/// Whether lines of this level are kept at all.
///
/// ```no_run
/// use lt_sdk::log::{self, Level};
///
/// if log::enabled(Level::Debug) {
///     // build something costly
/// }
/// ```
#[must_use]
pub fn enabled(level: Level) -> bool {
    host::enabled(level.into())
}

/// Add a line to standard output, below the run's summary: what the scenario concludes, for programs that read it. At most 4 096 bytes a line and
/// 16 lines a run; line breaks become spaces. Only in `init` and `terminate`: elsewhere nothing happens.
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// #[derive(Default)]
/// struct Visitor;
///
/// #[lt_sdk::scenario]
/// impl Scenario for Visitor {
///     fn iterate(&mut self) -> Result<()> {
///         Ok(())
///     }
///
///     fn terminate(_state: &[u8]) -> Result<()> {
///         log::conclude(r#"{"sessions":200,"established":198}"#);
///         Ok(())
///     }
/// }
/// ```
pub fn conclude(line: &str) {
    host::conclude(line);
}

/// What the macros become.
#[doc(hidden)]
#[cold]
pub fn write_format(level: Level, message: std::fmt::Arguments<'_>) {
    if !enabled(level) {
        return;
    }
    match message.as_str() {
        Some(message) => write(level, message),
        None => write(level, &message.to_string()),
    }
}

/// Log very fine detail.
///
/// ```no_run
/// lt_sdk::log::trace!("token {}", "abc");
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($message:tt)+) => { $crate::log::write_format($crate::log::Level::Trace, ::core::format_args!($($message)+)) };
}

/// Log detail for debugging a scenario.
///
/// ```no_run
/// lt_sdk::log::debug!("page {} has {} items", 1, 20);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($message:tt)+) => { $crate::log::write_format($crate::log::Level::Debug, ::core::format_args!($($message)+)) };
}

/// Log something worth knowing.
///
/// ```no_run
/// lt_sdk::log::info!("joined");
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($message:tt)+) => { $crate::log::write_format($crate::log::Level::Info, ::core::format_args!($($message)+)) };
}

/// Log something odd.
///
/// ```no_run
/// lt_sdk::log::warn!("no item is left");
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($message:tt)+) => { $crate::log::write_format($crate::log::Level::Warn, ::core::format_args!($($message)+)) };
}

/// Log that something failed.
///
/// ```no_run
/// lt_sdk::log::error!("cannot buy: {}", "sold out");
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($message:tt)+) => { $crate::log::write_format($crate::log::Level::Error, ::core::format_args!($($message)+)) };
}
