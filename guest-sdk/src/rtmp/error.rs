//! Why a call failed.

use std::fmt;

use super::{Close, Status};
use crate::bindings::lt::scenario::rtmp as host;
use crate::ending::failures;
use crate::http;
use crate::text::write_explained;

/// Why a call failed. The user goes on, whatever it is.
///
/// ```no_run
/// use lt_sdk::rtmp::{Connection, Error};
///
/// # fn iterate(connection: &Connection) -> lt_sdk::Result<()> {
/// match connection.play("stream").start() {
///     Ok(player) => player.watch(lt_sdk::timing::Duration::from_secs(10))?,
///     Err(Error::Refused(status)) => lt_sdk::log::info!("not now: {status}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum Error {
    /// Something in the call makes no sense. The text names the field. Nothing was attempted.
    InvalidRequest(String),
    /// The server could not be reached, TLS failed, or the connection ended.
    Network(http::Error),
    /// What came instead of a handshake is none.
    Handshake(String),
    /// The server answered a command, or a stream, with an error: taken key, unknown application, stream not found.
    Refused(Status),
    /// Name or password were wrong, or are wanted.
    Authentication(String),
    /// What came breaks the specification.
    Protocol(String),
    /// The asset is no FLV file, is cut off, or holds no media. The text says where.
    Asset(String),
    /// The answer to an HTTP request was no 200.
    HttpStatus(u16),
    /// The connection or the stream has ended.
    Closed(Close),
    /// The time given for the call is over.
    Timeout,
    /// This user is asked to end ([`user::should_stop`](crate::user::should_stop)): nobody waits any more. Passed on with `?` it
    /// ends the user, and is no failure.
    Stopping,
    /// More bytes than may be sent at once, or an inbox larger than may be.
    TooLarge(u64),
    /// The user has as many connections or streams as it may. The text says which.
    TooMany(String),
    /// Anything else, as text for people.
    Other(String),
}

impl Error {
    /// The code by which the server told what is wrong: `NetStream.Publish.BadName`.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// match connection.publish("stream").start() {
    ///     Err(error) if error.code() == Some("NetStream.Publish.BadName") => lt_sdk::log::info!("somebody publishes already"),
    ///     publisher => drop(publisher?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        let code = match self {
            Self::Refused(status) => &status.code,
            Self::Closed(close) => &close.code,
            _ => return None,
        };
        Some(code.as_str()).filter(|code| !code.is_empty())
    }

    /// Whether the server answered with an error.
    ///
    /// ```
    /// assert!(!lt_sdk::rtmp::Error::Timeout.is_refused());
    /// ```
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// What the server said, if it answered with an error.
    ///
    /// ```
    /// assert!(lt_sdk::rtmp::Error::Timeout.status().is_none());
    /// ```
    #[must_use]
    pub const fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused(status) => Some(status),
            _ => None,
        }
    }

    /// Whether the time given is over, for a call or for connecting.
    ///
    /// ```
    /// assert!(lt_sdk::rtmp::Error::Timeout.is_timeout());
    /// ```
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout => true,
            Self::Network(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Whether the connection or the stream has ended.
    ///
    /// ```no_run
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// match player.watch(lt_sdk::timing::Duration::from_secs(10)) {
    ///     Err(error) if error.is_closed() => lt_sdk::log::info!("come back later"),
    ///     watched => watched?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// The text, and what it carries: texts and not formats, since this stands in the path of every scenario that connects.
    fn explain(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::InvalidRequest(detail) => ("invalid request", Some(detail)),
            Self::Network(_) => ("cannot connect", None),
            Self::Handshake(detail) => ("what came is no RTMP handshake", Some(detail)),
            Self::Refused(_) => ("refused", None),
            Self::Authentication(detail) => ("authentication failed", Some(detail)),
            Self::Protocol(detail) => ("what came breaks the specification", Some(detail)),
            Self::Asset(detail) => ("the asset cannot be published", Some(detail)),
            Self::HttpStatus(_) => ("the server did not send the stream", None),
            Self::Closed(_) => ("the stream has ended", None),
            Self::Timeout => ("the time is over", None),
            Self::Stopping => ("this user is asked to end", None),
            Self::TooLarge(_) => ("larger than the bytes that are allowed", None),
            Self::TooMany(detail) => ("the user has as many as it may", Some(detail)),
            Self::Other(detail) => ("RTMP failed", Some(detail)),
        }
    }
}

impl From<host::ErrorCode> for Error {
    fn from(code: host::ErrorCode) -> Self {
        match code {
            host::ErrorCode::InvalidRequest(text) => Self::InvalidRequest(text),
            host::ErrorCode::Network(code) => Self::Network(code.into()),
            host::ErrorCode::Handshake(text) => Self::Handshake(text),
            host::ErrorCode::Refused(status) => Self::Refused(Status::from_host(status)),
            host::ErrorCode::Authentication(text) => Self::Authentication(text),
            host::ErrorCode::Protocol(text) => Self::Protocol(text),
            host::ErrorCode::Asset(text) => Self::Asset(text),
            host::ErrorCode::HttpStatus(status) => Self::HttpStatus(status),
            host::ErrorCode::Closed(close) => Self::Closed(Close::from_host(close)),
            host::ErrorCode::Timeout => Self::Timeout,
            host::ErrorCode::Stopping => Self::Stopping,
            host::ErrorCode::TooLarge(bytes) => Self::TooLarge(bytes),
            host::ErrorCode::TooMany(text) => Self::TooMany(text),
            host::ErrorCode::Other(text) => Self::Other(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, detail) = self.explain();
        write_explained(f, text, detail)?;
        match self {
            Self::Network(error) => write!(f, ": {error}"),
            Self::Refused(status) => write!(f, ": {status}"),
            Self::HttpStatus(status) => write!(f, ": status {status}"),
            Self::Closed(close) => write!(f, ": {close}"),
            Self::TooLarge(bytes) => write!(f, " ({bytes})"),
            _ => Ok(()),
        }
    }
}

failures!("rtmp");

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, description: &str) -> Error {
        Error::from(host::ErrorCode::Refused(host::Status {
            code: code.to_owned(),
            level: "error".to_owned(),
            description: description.to_owned(),
        }))
    }

    fn closed(code: &str, reason: &str) -> Error {
        Error::from(host::ErrorCode::Closed(host::Close {
            ending: host::Ending::Refused,
            code: code.to_owned(),
            reason: reason.to_owned(),
        }))
    }

    #[test]
    fn texts_name_the_cause_and_what_it_carries() {
        let text = |code: host::ErrorCode| Error::from(code).to_string();
        assert_eq!(
            refused("NetStream.Publish.BadName", "Already publishing").to_string(),
            "refused: NetStream.Publish.BadName: Already publishing"
        );
        assert_eq!(
            closed("NetStream.Failed", "").to_string(),
            "the stream has ended: refused: NetStream.Failed"
        );
        assert_eq!(
            text(host::ErrorCode::Network(http::ErrorCode::ConnectionRefused)),
            "cannot connect: connection refused"
        );
        assert_eq!(
            text(host::ErrorCode::Handshake("HTTP/1.1 400".into())),
            "what came is no RTMP handshake: HTTP/1.1 400"
        );
        assert_eq!(
            text(host::ErrorCode::HttpStatus(404)),
            "the server did not send the stream: status 404"
        );
        assert_eq!(
            text(host::ErrorCode::Asset("no FLV at byte 0".into())),
            "the asset cannot be published: no FLV at byte 0"
        );
        assert_eq!(
            text(host::ErrorCode::TooLarge(9)),
            "larger than the bytes that are allowed (9)"
        );
    }

    #[test]
    fn errors_know_their_kind_and_code() {
        assert!(Error::Network(http::ErrorCode::ConnectTimeout.into()).is_timeout());
        assert!(!Error::Stopping.is_timeout() && Error::Stopping.is_stopping());
        let error = refused("NetStream.Publish.BadName", "");
        assert_eq!(error.code(), Some("NetStream.Publish.BadName"));
        assert!(error.is_refused() && error.status().is_some());
        let error = closed("", "");
        assert!(error.is_closed() && error.code().is_none() && error.status().is_none());
        assert!(error.close().is_some_and(|close| !close.is_orderly()));
    }
}
