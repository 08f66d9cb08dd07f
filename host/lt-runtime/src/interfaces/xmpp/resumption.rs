//! What is left of a session that may be resumed.

use lt_net::xmpp::Resumption;
use wasmtime::component::Resource;

use crate::bindings::xmpp::HostResumption;
use crate::interfaces::View;
use crate::pinned::Pinned;
use crate::trace::traced;

/// A resumption that the guest holds.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct ResumptionHandle(Pinned<std::cell::RefCell<Resumption>>);

type Handle = Resource<ResumptionHandle>;

impl ResumptionHandle {
    pub(super) fn new(resumption: Resumption) -> Self {
        Self(Pinned::new(resumption.into()))
    }

    /// What it was made of.
    pub(super) fn into_inner(self) -> Resumption {
        self.0.into_inner().into_inner()
    }
}

impl HostResumption for View<'_> {
    fn id(&mut self, this: Handle) -> wasmtime::Result<String> {
        traced!(self, "xmpp.resumption.id", (this), {
            let held = self.0.table.get(&this)?.0.get();
            Ok(held.borrow().id().to_owned())
        })
    }

    fn handled(&mut self, this: Handle) -> wasmtime::Result<u32> {
        traced!(self, "xmpp.resumption.handled", (this), {
            Ok(self.0.table.get(&this)?.0.get().borrow().handled())
        })
    }

    fn set_handled(&mut self, this: Handle, handled: u32) -> wasmtime::Result<()> {
        traced!(self, "xmpp.resumption.set-handled", (this, handled), {
            let held = self.0.table.get(&this)?.0.get();
            held.borrow_mut().set_handled(handled);
            Ok(())
        })
    }

    fn unacknowledged(&mut self, this: Handle) -> wasmtime::Result<Vec<String>> {
        traced!(self, "xmpp.resumption.unacknowledged", (this), {
            Ok(self.0.table.get(&this)?.0.get().borrow().unacknowledged())
        })
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
