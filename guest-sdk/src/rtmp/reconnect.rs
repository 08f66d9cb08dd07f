//! Coming back.

use super::{Connection, Error, Result};
use crate::timing::{Backoff, until_connected};

/// Connect again after a connection was lost: pause, try, pause longer, until it goes well.
///
/// The first attempt, too, follows a pause, which the [`Backoff`] draws anew for each user: those who were sent away together do not come back
/// together. Each attempt that fails is counted by the host. Once connected, the backoff begins anew.
///
/// # Errors
/// [`Error::Stopping`] when the user is asked to end. At once what another attempt would not change: options that make no sense, too many
/// connections, a target that is not allowed, a name or password that is refused.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::rtmp::{self, Connection};
/// use lt_sdk::timing::Backoff;
///
/// # fn iterate(it: Iteration, connection: &mut Connection) -> Result<()> {
/// // The pauses follow from the user's seed: a run repeats them, and users differ.
/// let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30), it.rng());
/// if connection.closed().is_some() {
///     let edge = Connection::to("rtmp://127.0.0.1:1935/live");
///     *connection = rtmp::reconnect(&mut backoff, || edge.connect())?;
/// }
/// # Ok(())
/// # }
/// ```
pub fn reconnect(
    backoff: &mut Backoff,
    connect: impl FnMut() -> Result<Connection>,
) -> Result<Connection> {
    until_connected(backoff, connect, is_lasting, Error::Stopping)
}

/// Whether another attempt would end the same way. An application that is unknown or refused may be there a moment later.
const fn is_lasting(error: &Error) -> bool {
    match error {
        Error::InvalidRequest(_)
        | Error::TooMany(_)
        | Error::TooLarge(_)
        | Error::Authentication(_)
        | Error::Stopping => true,
        Error::Network(error) => error.is_lasting(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ErrorCode;

    #[test]
    fn only_what_may_change_is_tried_again() {
        assert!(is_lasting(&Error::Authentication("wrong".to_owned())));
        assert!(is_lasting(&Error::Network(
            ErrorCode::TargetDenied("a:1".to_owned()).into()
        )));
        assert!(!is_lasting(&Error::Network(
            ErrorCode::ConnectionRefused.into()
        )));
        assert!(!is_lasting(&Error::Timeout) && !is_lasting(&Error::Handshake(String::new())));
    }
}
