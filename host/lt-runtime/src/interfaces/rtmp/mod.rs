//! `lt:scenario/rtmp`: nothing here touches a connection. Connecting is handed to the user's I/O task, and what reads and
//! writes is a task of the host beside it, the pump ([`crate::rtmp`]).

pub(crate) mod connection;
mod convert;
pub(crate) mod options;
pub(crate) mod player;
pub(crate) mod publisher;
mod values;
mod waits;

use lt_net::rtmp as net;
use lt_spec::limits;

use crate::bindings::rtmp::{ErrorCode, Host};
use crate::interfaces::View;
use crate::limits::HANDLES_MAX;

impl Host for View<'_> {}

/// The client has bounds of its own, since it knows none of the product's. Where both name one, they are the same.
const _: () = {
    assert!(net::STREAMS_MAX == limits::RTMP_STREAMS_MAX);
    assert!(net::CALLS_MAX == limits::RTMP_CALLS_MAX);
    assert!(net::UNSENT_BYTES_MAX == limits::RTMP_UNSENT_BYTES_MAX);
    assert!(net::TAG_BYTES_MAX >= limits::RTMP_TAG_BYTES_MAX);
};

/// Something in a call makes no sense.
fn invalid(field: &str, fault: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InvalidRequest(format!("{field}: {fault}"))
}

/// The user holds as many handles as it may.
fn handles_used_up() -> ErrorCode {
    ErrorCode::TooMany(format!("a user may hold {HANDLES_MAX} handles; drop some"))
}
