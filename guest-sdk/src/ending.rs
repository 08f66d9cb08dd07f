//! What connections of all protocols have alike: how they end, and how calls on them fail.
//!
//! The contract has its own types for each, since they have different cases; what follows from a case is the same.

/// The cases of a module's `Ending`, each with its name in the contract, and whether a `Close` of it is orderly. `host` is to be the
/// module's bindings.
macro_rules! endings {
    ($module:literal, $(#[$doc:meta])* pub enum Ending { $($(#[$of:meta])* $name:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Ending {
            $($(#[$of])* $name,)+
        }

        impl Ending {
            /// The name in the contract.
            ///
            /// ```
            #[doc = concat!("assert_eq!(lt_sdk::", $module, "::Ending::ByPeer.as_str(), \"by-peer\");")]
            /// ```
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }

        impl std::fmt::Display for Ending {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl From<host::Ending> for Ending {
            fn from(ending: host::Ending) -> Self {
                match ending {
                    $(host::Ending::$name => Self::$name,)+
                }
            }
        }

        impl Close {
            /// Whether one side ended it and the other agreed: nothing broke.
            ///
            /// ```no_run
            #[doc = concat!("# fn look(close: &lt_sdk::", $module, "::Close) {")]
            /// lt_sdk::check!("ended well", close.is_orderly());
            /// # }
            /// ```
            #[must_use]
            pub const fn is_orderly(&self) -> bool {
                matches!(self.ending, Ending::ByUs | Ending::ByPeer)
            }
        }
    };
}

/// What a module's `Error` says of the end of its connections and of its user, and how it is shown: as its text, also for debugging.
macro_rules! failures {
    ($module:literal) => {
        impl Error {
            /// Whether the wait ended because this user is asked to end: the iteration may simply return.
            ///
            /// ```
            #[doc = concat!("assert!(lt_sdk::", $module, "::Error::Stopping.is_stopping());")]
            /// ```
            #[must_use]
            pub const fn is_stopping(&self) -> bool {
                matches!(self, Self::Stopping)
            }

            /// How it ended, if the call failed because of that.
            ///
            /// ```
            #[doc = concat!("assert!(lt_sdk::", $module, "::Error::Timeout.close().is_none());")]
            /// ```
            #[must_use]
            pub const fn close(&self) -> Option<&Close> {
                match self {
                    Self::Closed(close) => Some(close),
                    _ => None,
                }
            }
        }

        impl std::fmt::Debug for Error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::error::Error for Error {
            /// `Stopping` is known by it wherever it was wrapped: `?` ends the user then, and counts no failure.
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                match self {
                    Self::Stopping => Some(&$crate::error::AskedToEnd),
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use {endings, failures};

#[cfg(test)]
mod tests {
    use crate::bindings::Failure;
    use crate::{rtmp, websocket, xmpp};

    #[track_caller]
    fn check(stopping: impl Into<crate::Error>, timeout: impl Into<crate::Error>) {
        assert!(matches!(
            Failure::from(stopping.into()),
            Failure::StopUser(text) if text == "this user is asked to end"
        ));
        assert!(matches!(
            Failure::from(timeout.into()),
            Failure::Failed(text) if text == "the time is over"
        ));
    }

    #[test]
    fn to_be_asked_to_end_is_no_failure() {
        check(rtmp::Error::Stopping, rtmp::Error::Timeout);
        check(websocket::Error::Stopping, websocket::Error::Timeout);
        check(xmpp::Error::Stopping, xmpp::Error::Timeout);
    }
}
