//! Coming back.

use super::{Error, Result, Session};
use crate::http::is_lasting_status;
use crate::timing::{Backoff, until_connected};

/// Connect again after a session was lost: pause, try, pause longer, until it goes well.
///
/// The first attempt, too, follows a pause, which the [`Backoff`] draws anew for each user: those who were sent away together do not come back
/// together. Each attempt that fails is counted by the host. Once connected, the backoff begins anew.
///
/// # Errors
/// [`Error::Stopping`] when the user is asked to end. At once what another attempt would not change: options that make no sense, too many
/// sessions, a target that is not allowed, StartTLS or another step that the server does not offer, no mechanism in common, a server that
/// cannot be trusted, an account or a login that is refused (the conditions `not-authorized`, `account-disabled`, `credentials-expired`,
/// `invalid-mechanism`, `mechanism-too-weak`, `encryption-required`, `invalid-authzid`, `malformed-request`, `host-unknown`), an upgrade
/// that is refused for good.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::timing::Backoff;
/// use lt_sdk::xmpp::{self, Account, Filter, Session};
///
/// # fn handle(stanza: xmpp::Stanza) {}
/// # fn iterate(it: Iteration, account: &Account, session: &mut Session) -> Result<()> {
/// // The pauses follow from the user's seed: a run repeats them, and users differ.
/// let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30), it.rng());
/// loop {
///     match session.receive(Filter::chat(), None) {
///         Ok(stanza) => handle(stanza),
///         Err(error) if error.is_closed() => *session = xmpp::reconnect(&mut backoff, || account.connect())?,
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # }
/// ```
///
/// A stream that may be resumed is taken up with what is left of it, as often as that takes:
///
/// ```no_run
/// # use lt_sdk::timing::Backoff;
/// # use lt_sdk::xmpp::{self, Account, Session};
/// # fn again(backoff: &mut Backoff, account: &Account, session: &Session) -> xmpp::Result<Session> {
/// let left = session.resumption();
/// xmpp::reconnect(backoff, || match &left {
///     Some(left) => account.resume(left),
///     None => account.connect(),
/// })
/// # }
/// ```
pub fn reconnect(
    backoff: &mut Backoff,
    connect: impl FnMut() -> Result<Session>,
) -> Result<Session> {
    until_connected(backoff, connect, is_lasting, Error::Stopping)
}

/// Conditions (RFC 6120, sections 4.9.3 and 6.5) that stay.
const LASTING: [&str; 9] = [
    "not-authorized",
    "account-disabled",
    "credentials-expired",
    "invalid-mechanism",
    "mechanism-too-weak",
    "encryption-required",
    "invalid-authzid",
    "malformed-request",
    "host-unknown",
];

/// Whether another attempt would end the same way.
fn is_lasting(error: &Error) -> bool {
    match error {
        Error::InvalidRequest(_)
        | Error::TooMany(_)
        | Error::TooLarge(_)
        | Error::StartTlsRefused(_)
        | Error::NotOffered(_)
        | Error::NoMechanism(_)
        | Error::ServerNotTrusted(_)
        | Error::Stopping => true,
        Error::Sasl(error) | Error::Stream(error) => LASTING.contains(&error.condition.as_str()),
        Error::UpgradeRefused(status) => is_lasting_status(*status),
        Error::Network(error) => error.is_lasting(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::lt::scenario::xmpp as host;
    use crate::http::ErrorCode;

    #[test]
    fn only_what_may_change_is_tried_again() {
        let lasts = |code: host::ErrorCode| is_lasting(&code.into());
        let error = |condition: &str| host::StreamError {
            condition: condition.to_owned(),
            text: String::new(),
        };
        assert!(lasts(host::ErrorCode::Sasl(error("not-authorized"))));
        assert!(!lasts(host::ErrorCode::Sasl(error(
            "temporary-auth-failure"
        ))));
        assert!(!lasts(host::ErrorCode::Stream(error("system-shutdown"))));
        assert!(lasts(host::ErrorCode::Stream(error("host-unknown"))));
        assert!(lasts(host::ErrorCode::UpgradeRefused(404)));
        assert!(!lasts(host::ErrorCode::UpgradeRefused(503)));
        assert!(lasts(host::ErrorCode::Network(ErrorCode::TargetDenied(
            "a".into()
        ))));
        assert!(!lasts(host::ErrorCode::Network(
            ErrorCode::ConnectionRefused
        )));
        assert!(lasts(host::ErrorCode::NoMechanism(Vec::new())));
        assert!(lasts(host::ErrorCode::StarttlsRefused("a".into())));
        assert!(lasts(host::ErrorCode::NotOffered("bind".into())));
        for condition in [
            "encryption-required",
            "mechanism-too-weak",
            "invalid-authzid",
            "malformed-request",
        ] {
            assert!(
                lasts(host::ErrorCode::Sasl(error(condition))),
                "{condition}"
            );
        }
        assert!(lasts(host::ErrorCode::Stopping) && !lasts(host::ErrorCode::Timeout));
    }
}
