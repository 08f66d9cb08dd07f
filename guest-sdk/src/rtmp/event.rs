//! What happens to a stream, and what servers say of it.

use std::fmt;

use super::value::fields_from_host;
use super::{Close, Value};
use crate::bindings::lt::scenario::rtmp as host;
use crate::timing::{Duration, Instant};

/// What a server said of a connection or a stream: `onStatus`, or the answer to a command.
///
/// ```no_run
/// # fn look(status: &lt_sdk::rtmp::Status) {
/// lt_sdk::log::info!("{} ({}): {}", status.code, status.level, status.description);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Its code: `NetStream.Play.StreamNotFound`. Empty if there was none.
    pub code: String,
    /// `status`, `warning` or `error`.
    pub level: String,
    /// For people.
    pub description: String,
}

impl Status {
    pub(super) fn from_host(status: host::Status) -> Self {
        Self {
            code: status.code,
            level: status.level,
            description: status.description,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        if self.description.is_empty() {
            return Ok(());
        }
        if !self.code.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.description)
    }
}

/// Something that happened to a stream.
///
/// ```no_run
/// use lt_sdk::rtmp::Happening;
///
/// # fn look(what: &Happening) {
/// match what {
///     Happening::Stalled => lt_sdk::log::warn!("no media comes"),
///     Happening::Resumed(gap) => lt_sdk::log::info!("again, after {gap:?}"),
///     _ => {}
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The server said something: `NetStream.Play.Start`, `NetStream.Play.PublishNotify`.
    Status(Status),
    /// The first frame is there.
    FirstFrame,
    /// Metadata came: the fields of `onMetaData`.
    Metadata(Vec<(String, Value)>),
    /// No media came for as long as [`stall_after`](super::Play::stall_after) says.
    Stalled,
    /// Media came again; since the last before it so much time went by.
    Resumed(Duration),
    /// It is behind by more than [`lag_after`](super::Play::lag_after) says.
    Lagged,
    /// It is no longer.
    CaughtUp,
    /// Time stamps jumped by so many milliseconds, back if negative.
    Discontinuity(i64),
    /// It is over.
    Ended(Close),
}

impl From<host::Happening> for Happening {
    fn from(happening: host::Happening) -> Self {
        match happening {
            host::Happening::Status(status) => Self::Status(Status::from_host(status)),
            host::Happening::FirstFrame => Self::FirstFrame,
            host::Happening::Metadata(fields) => Self::Metadata(fields_from_host(fields)),
            host::Happening::Stalled => Self::Stalled,
            host::Happening::Resumed(gap) => Self::Resumed(Duration::from_nanos(gap)),
            host::Happening::Lagged => Self::Lagged,
            host::Happening::CaughtUp => Self::CaughtUp,
            host::Happening::Discontinuity(jump_ms) => Self::Discontinuity(jump_ms),
            host::Happening::Ended(close) => Self::Ended(Close::from_host(close)),
        }
    }
}

/// The same with its time.
///
/// ```no_run
/// # fn look(event: &lt_sdk::rtmp::Event) {
/// lt_sdk::log::info!("{:?} ago: {:?}", event.at.elapsed(), event.what);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub what: Happening,
}

impl Event {
    pub(super) fn from_host(event: host::Event) -> Self {
        Self {
            at: Instant::from_nanos(event.at),
            what: event.what.into(),
        }
    }

    /// The code, if the server said something: `NetStream.Play.UnpublishNotify`.
    ///
    /// ```no_run
    /// # fn look(event: &lt_sdk::rtmp::Event) {
    /// if event.code() == Some("NetStream.Play.UnpublishNotify") {
    ///     lt_sdk::log::info!("the publisher has left");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match &self.what {
            Happening::Status(status) => Some(&status.code),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ending;
    use super::*;

    #[test]
    fn events_are_what_the_host_said() {
        let event = |what| Event::from_host(host::Event { at: 7, what });
        let status = host::Status {
            code: "NetStream.Play.Start".into(),
            level: "status".into(),
            description: "playing".into(),
        };
        let said = event(host::Happening::Status(status));
        assert_eq!(said.code(), Some("NetStream.Play.Start"));
        assert_eq!(said.at, Instant::from_nanos(7));
        let resumed = event(host::Happening::Resumed(1_500_000_000));
        assert_eq!(
            resumed.what,
            Happening::Resumed(Duration::from_millis(1500))
        );
        assert_eq!(resumed.code(), None);
        let fields = vec![("width".to_owned(), host::AmfValue::Number(640.0))];
        let metadata = event(host::Happening::Metadata(fields)).what;
        assert_eq!(
            metadata,
            Happening::Metadata(vec![("width".to_owned(), Value::Number(640.0))])
        );
        let ended = event(host::Happening::Ended(host::Close {
            ending: host::Ending::Silence,
            code: String::new(),
            reason: "nothing for 5 s".into(),
        }));
        let Happening::Ended(close) = ended.what else {
            panic!("{:?}", ended.what)
        };
        assert_eq!(close.ending, Ending::Silence);
        assert_eq!(close.to_string(), "silence: nothing for 5 s");
        assert!(!close.is_orderly());
    }

    #[test]
    fn a_status_says_what_there_is() {
        let text = |code: &str, description: &str| {
            let (code, description) = (code.to_owned(), description.to_owned());
            let level = "error".to_owned();
            Status::from_host(host::Status {
                code,
                level,
                description,
            })
            .to_string()
        };
        assert_eq!(text("A.B", ""), "A.B");
        assert_eq!(text("A.B", "no"), "A.B: no");
        assert_eq!(text("", "no"), "no");
    }
}
