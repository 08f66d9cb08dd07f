//! Watches: what the host does with a socket's messages as they come.

use std::rc::Rc;

use lt_net::websocket::Socket;
use wasmtime::component::Resource;

use crate::bindings::websocket::HostWatcher;
use crate::interfaces::View;
use crate::pinned::Pinned;
use crate::sockets::session::{Session, Watch};
use crate::trace::traced;

/// A watch that the guest holds. Dropping it ends it.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct WatcherHandle(Pinned<Held>);

/// A watch, and the socket that it is of.
pub(super) struct Held {
    session: Rc<Session>,
    watch: Rc<Watch>,
}

impl WatcherHandle {
    /// Begin to look.
    pub(super) fn new(session: Rc<Session>, watch: Watch) -> Self {
        let watch = Rc::new(watch);
        session.watch(watch.clone());
        Self(Pinned::new(Held { session, watch }))
    }

    /// Look at what came before: with the upgrade, for one, when nobody could watch yet.
    pub(super) fn review(&self, socket: &Socket) {
        let Held { session, watch } = self.0.get();
        socket
            .review(&mut |message| session.look(watch, message.content.borrow(), message.arrived));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.session.unwatch(&self.watch);
    }
}

impl HostWatcher for View<'_> {
    fn matched(&mut self, this: Resource<WatcherHandle>) -> wasmtime::Result<u64> {
        traced!(self, "websocket.watcher.matched", (this), {
            Ok(self.0.table.get(&this)?.0.get().watch.matched.get())
        })
    }

    fn drop(&mut self, this: Resource<WatcherHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
