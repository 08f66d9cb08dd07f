//! `lt:scenario/websocket`: nothing here touches a connection. Connecting is handed to the user's I/O task, and what reads and
//! writes is a task of the host beside it, the pump ([`crate::sockets`]).

mod convert;
pub(crate) mod heartbeat;
pub(crate) mod socket;
mod waits;
pub(crate) mod watch;

use lt_net::websocket as net;
use lt_spec::limits;

use crate::bindings::websocket::{ErrorCode, Host};
use crate::interfaces::View;
use crate::limits::HANDLES_MAX;

impl Host for View<'_> {}

/// The client has bounds of its own, since it knows none of the product's. Where both name one, they are the same.
const _: () = {
    assert!(net::UNSENT_BYTES_MAX == limits::WS_UNSENT_BYTES_MAX);
    assert!(net::UNSENT_MESSAGES_MAX == limits::WS_UNSENT_MESSAGES_MAX);
    assert!(net::REFUSAL_BYTES_MAX == limits::WS_REFUSAL_BYTES_MAX);
    assert!(net::MESSAGE_BYTES_DEFAULT == limits::WS_MESSAGE_BYTES_DEFAULT as usize);
    assert!(net::MESSAGE_BYTES_DEFAULT == limits::INBOX_BYTES_DEFAULT as usize);
    assert!(net::INBOX_MESSAGES_DEFAULT == limits::INBOX_MESSAGES_DEFAULT as usize);
};

/// Something in a call makes no sense.
fn invalid(field: &str, fault: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InvalidRequest(format!("{field}: {fault}"))
}

/// The user holds as many handles as it may.
fn handles_used_up() -> ErrorCode {
    ErrorCode::TooMany(format!("a user may hold {HANDLES_MAX} handles; drop some"))
}
