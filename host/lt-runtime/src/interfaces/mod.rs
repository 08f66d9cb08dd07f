//! The contract's imports: one file per WIT interface, named after it. Each has a view of the store's data on which the
//! generated `Host` traits are implemented; each function is told to whoever watches ([`crate::trace`]).

pub(crate) mod coordination;
pub(crate) mod data;
pub(crate) mod http;
mod inbox;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod poll;
pub(crate) mod rtmp;
pub(crate) mod timing;
pub(crate) mod user;
pub(crate) mod wait;
pub(crate) mod websocket;
pub(crate) mod xmpp;

use wasmtime::component::{HasData, Linker};

use crate::bindings;
use crate::ctx::UserCtx;

/// At most so many bytes of a text, cut at a character.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or(text)
}

/// What a host function sees of the store: the user, and nothing of wasmtime's.
pub(crate) struct View<'a>(pub(crate) &'a mut UserCtx);

/// Names the view to the linker.
struct Contract;

impl HasData for Contract {
    type Data<'a> = View<'a>;
}

impl bindings::types::Host for View<'_> {}

fn view(ctx: &mut UserCtx) -> View<'_> {
    View(ctx)
}

/// Link all of the contract.
pub(crate) fn add_to_linker(linker: &mut Linker<UserCtx>) -> wasmtime::Result<()> {
    bindings::types::add_to_linker::<_, Contract>(linker, view)?;
    bindings::user::add_to_linker::<_, Contract>(linker, view)?;
    bindings::timing::add_to_linker::<_, Contract>(linker, view)?;
    bindings::http::add_to_linker::<_, Contract>(linker, view)?;
    bindings::websocket::add_to_linker::<_, Contract>(linker, view)?;
    bindings::xmpp::add_to_linker::<_, Contract>(linker, view)?;
    bindings::rtmp::add_to_linker::<_, Contract>(linker, view)?;
    bindings::metrics::add_to_linker::<_, Contract>(linker, view)?;
    bindings::log::add_to_linker::<_, Contract>(linker, view)?;
    bindings::coordination::add_to_linker::<_, Contract>(linker, view)?;
    bindings::data::add_to_linker::<_, Contract>(linker, view)?;
    poll::add_to_linker(linker)
}
