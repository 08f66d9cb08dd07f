//! Heartbeats: what the host sends while the user does something else.

use std::cell::Cell;
use std::rc::Rc;

use lt_net::websocket::Heartbeat;
use wasmtime::component::Resource;

use crate::bindings::websocket::HostHeartbeat;
use crate::interfaces::View;
use crate::pinned::Pinned;
use crate::trace::traced;

/// A heartbeat that the guest holds. Dropping it ends it.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct HeartbeatHandle(Pinned<Held>);

/// A heartbeat, and where its place is counted, if it takes one.
pub(super) struct Held {
    heartbeat: Rc<Heartbeat>,
    places: Option<Rc<Cell<usize>>>,
}

impl HeartbeatHandle {
    /// One that takes a place among those of its socket, or none.
    pub(super) fn new(heartbeat: Rc<Heartbeat>, places: Option<Rc<Cell<usize>>>) -> Self {
        if let Some(places) = &places {
            places.set(places.get() + 1);
        }
        Self(Pinned::new(Held { heartbeat, places }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.heartbeat.stop();
        if let Some(places) = &self.places {
            places.set(places.get().saturating_sub(1));
        }
    }
}

impl HostHeartbeat for View<'_> {
    fn sent(&mut self, this: Resource<HeartbeatHandle>) -> wasmtime::Result<u64> {
        traced!(self, "websocket.heartbeat.sent", (this), {
            Ok(self.0.table.get(&this)?.0.get().heartbeat.sent())
        })
    }

    fn drop(&mut self, this: Resource<HeartbeatHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
