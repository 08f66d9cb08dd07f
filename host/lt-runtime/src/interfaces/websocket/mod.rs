//! `lt:scenario/websocket`: nothing here touches a connection. Connecting is handed to the user's I/O task, and what reads and
//! writes is a task of the host beside it, the pump ([`crate::sockets`]).

mod convert;
pub(crate) mod heartbeat;
pub(crate) mod socket;
mod waits;
pub(crate) mod watch;

use crate::bindings::websocket::{ErrorCode, Host};
use crate::interfaces::View;
use crate::limits::HANDLES_MAX;

impl Host for View<'_> {}

/// Something in a call makes no sense.
fn invalid(field: &str, fault: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InvalidRequest(format!("{field}: {fault}"))
}

/// The user holds as many handles as it may.
fn handles_used_up() -> ErrorCode {
    ErrorCode::TooMany(format!("a user may hold {HANDLES_MAX} handles; drop some"))
}
