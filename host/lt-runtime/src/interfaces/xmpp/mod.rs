//! `lt:scenario/xmpp`: nothing here touches a connection. Connecting is handed to the user's I/O task, and what reads and
//! writes is a task of the host beside it, the pump ([`crate::xmpp`]).

mod convert;
pub(crate) mod options;
pub(crate) mod pending;
pub(crate) mod periodic;
pub(crate) mod resumption;
pub(crate) mod session;
mod waits;
pub(crate) mod watch;

use lt_net::xmpp as net;
use lt_spec::limits;

use crate::bindings::xmpp::{ErrorCode, Host};
use crate::interfaces::View;
use crate::limits::HANDLES_MAX;

impl Host for View<'_> {}

/// The client has bounds of its own, since it knows none of the product's. Where both name one, they are the same.
const _: () = {
    assert!(net::STANZA_BYTES_DEFAULT == limits::XMPP_STANZA_BYTES_DEFAULT as usize);
    assert!(net::UNSENT_BYTES_MAX == limits::XMPP_SENT_BYTES_MAX);
};

/// Something in a call makes no sense.
fn invalid(field: &str, fault: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InvalidRequest(format!("{field}: {fault}"))
}

/// Something may not be longer.
fn too_large() -> ErrorCode {
    ErrorCode::TooLarge(limits::XMPP_SENT_BYTES_MAX as u64)
}

/// The user holds as many handles as it may.
fn handles_used_up() -> ErrorCode {
    ErrorCode::TooMany(format!("a user may hold {HANDLES_MAX} handles; drop some"))
}
