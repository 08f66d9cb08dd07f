//! What influencer and fans have alike: connecting to a stream's server, and what is counted when it fails.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Close, Connection, Error as RtmpError};
use lt_sdk::user::Woken;

use crate::{service, tally, urls};

/// Connect to the application of a stream. The name of the stream is returned with the connection. `shown` is the URL as anybody may see it, here and below:
/// what fails is counted under it.
///
/// # Errors
/// If the URL is none of a stream, or the server cannot be reached or refuses.
pub(crate) fn connect<'u>(
    url: &'u str,
    shown: &str,
    name: &str,
    credentials: Option<(&str, &str)>,
) -> Result<(Connection, &'u str)> {
    let Some((application, stream)) = urls::split_stream(url) else {
        tally::error("no-stream", shown);
        bail!("{name}: `{shown}` is no stream");
    };
    let mut request = Connection::to(application).name(name);
    if let Some((user, password)) = credentials {
        request = request.credentials(user, password);
    }
    let connection = counted(request.connect(), name, shown)?;
    Ok((connection, stream))
}

/// What a call came to, counted if it failed.
///
/// # Errors
/// If it failed.
pub(crate) fn counted<T>(result: lt_sdk::rtmp::Result<T>, name: &str, shown: &str) -> Result<T> {
    if let Err(error) = &result
        && !error.is_stopping()
    {
        tally::error(&code_of(error), shown);
    }
    result.context(name)
}

/// A stream that ended, counted: nobody wanted that.
///
/// # Errors
/// Always.
pub(crate) fn ended(close: &Close, name: &str, shown: &str) -> Result<()> {
    tally::error(&code_of_end(close), shown);
    bail!("{name}: the stream ended: {close}")
}

/// Why a stream is not there, in a word: the server's own, if it said one.
fn code_of(error: &RtmpError) -> String {
    if let Some(code) = error.code() {
        return code.to_owned();
    }
    let word = match error {
        RtmpError::Closed(close) => return code_of_end(close),
        RtmpError::HttpStatus(status) => return status.to_string(),
        RtmpError::Network(error) => service::code_of(error),
        RtmpError::Timeout => "timeout",
        RtmpError::Handshake(_) => "handshake",
        RtmpError::Refused(_) => "refused",
        RtmpError::Authentication(_) => "authentication",
        RtmpError::Protocol(_) => "protocol",
        RtmpError::Asset(_) => "asset",
        _ => "failed",
    };
    word.to_owned()
}

fn code_of_end(close: &Close) -> String {
    if close.code.is_empty() {
        close.ending.as_str().to_owned()
    } else {
        close.code.clone()
    }
}

/// Pause.
///
/// # Errors
/// If the user is asked to end meanwhile: it ends, and that is no failure.
pub(crate) fn pause(time: Duration) -> Result<()> {
    match user::sleep_until(timing::now() + time)? {
        Woken::InTime => Ok(()),
        Woken::AskedToEnd => Err(Error::stop_user("this user is asked to end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lt_sdk::http::ErrorCode;

    #[test]
    fn failures_have_a_word() {
        assert_eq!(code_of(&RtmpError::HttpStatus(404)), "404");
        assert_eq!(code_of(&RtmpError::Timeout), "timeout");
        assert_eq!(
            code_of(&RtmpError::Network(ErrorCode::ConnectionRefused.into())),
            "connection-refused"
        );
        assert_eq!(code_of(&RtmpError::TooMany("streams".to_owned())), "failed");
    }
}
