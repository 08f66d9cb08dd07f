//! Coming back.

use super::{Error, Result, WebSocket};
use crate::http::is_lasting_status;
use crate::timing::{Backoff, until_connected};

/// Connect again after a connection was lost: pause, try, pause longer, until it goes well.
///
/// The first attempt, too, follows a pause, which the [`Backoff`] draws anew for each user: those who were sent away together do not come back
/// together. Each attempt that fails is counted by the host. Once connected, the backoff begins anew.
///
/// # Errors
/// [`Error::Stopping`] when the user is asked to end. At once what another attempt would not change: a request that makes no sense,
/// too many sockets, a target that is not allowed, a refusal for good (a status from 400 to 499 but for 408, 425 and 429).
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::timing::Backoff;
/// use lt_sdk::websocket::{self, WebSocket};
///
/// # fn handle(message: websocket::Message) {}
/// # fn iterate(it: Iteration, room: &mut WebSocket) -> Result<()> {
/// // The pauses follow from the user's seed: a run repeats them, and users differ.
/// let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30), it.rng());
/// loop {
///     match room.receive(None) {
///         Ok(message) => handle(message),
///         Err(error) if error.is_closed() => *room = websocket::reconnect(&mut backoff, || websocket::connect("ws://127.0.0.1:8080/room/7"))?,
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # }
/// ```
pub fn reconnect(
    backoff: &mut Backoff,
    connect: impl FnMut() -> Result<WebSocket>,
) -> Result<WebSocket> {
    until_connected(backoff, connect, is_lasting, Error::Stopping)
}

/// Whether another attempt would end the same way.
fn is_lasting(error: &Error) -> bool {
    match error {
        Error::InvalidRequest(_) | Error::TooMany(_) | Error::TooLarge(_) | Error::Stopping => true,
        Error::Refused(refusal) => is_lasting_status(refusal.status),
        Error::Http(error) => error.is_lasting(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Refusal;
    use super::*;
    use crate::http::ErrorCode;

    #[test]
    fn only_what_may_change_is_tried_again() {
        let refused = |status| {
            is_lasting(&Error::Refused(Refusal {
                status,
                headers: Vec::new(),
                body: Vec::new(),
            }))
        };
        assert!(refused(403) && refused(404) && refused(410));
        assert!(!refused(429) && !refused(502) && !refused(503) && !refused(302));
        let http = |code: ErrorCode| is_lasting(&Error::Http(code.into()));
        assert!(http(ErrorCode::TargetDenied("a".into())));
        assert!(!http(ErrorCode::ConnectionRefused) && !http(ErrorCode::Timeout));
        assert!(is_lasting(&Error::Stopping) && !is_lasting(&Error::Timeout));
    }
}
