//! Protocol clients that time themselves: they know no wasm and record no metric, they hand timings back as data.
//!
//! Everything here lives on one current-thread runtime with a `LocalSet`: state is shared by `Rc`, and nothing needs `Send`.
//! [`Network`] is what the users of one core share (names, TLS profiles, the address filter); [`Pool`] is one user's
//! connections; [`http`] holds what goes over them.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod deadline;
pub mod dial;
pub mod error;
pub mod http;
mod inbox;
mod overdue;
#[cfg(test)]
mod peer;
mod periodic;
mod random;
mod reading;
pub mod rtmp;
pub mod timings;
pub mod tls;
mod waiting;
pub mod websocket;
pub mod xmpp;

pub use dial::proxy::Proxy;
pub use dial::{HostAddress, Lookup, Network, NetworkOptions, Route, TargetFilter};
pub use error::NetError;
pub use http::pool::Pool;
pub use random::seed_random;
pub use timings::Timings;
pub use tls::{TlsInfo, TlsProfile, TlsProfiles, TlsSettings};
