//! What is left of a session that may be resumed.

use std::cell::RefCell;
use std::rc::Rc;

use lt_net::xmpp::Resumption;
use wasmtime::component::Resource;

use crate::bindings::xmpp::HostResumption;
use crate::interfaces::View;
use crate::pinned::Pinned;
use crate::trace::traced;

/// A resumption that the guest holds, and keeps while a connect tries it.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct ResumptionHandle(Pinned<Rc<RefCell<Resumption>>>);

type Handle = Resource<ResumptionHandle>;

impl ResumptionHandle {
    pub(super) fn new(resumption: Resumption) -> Self {
        Self(Pinned::new(Rc::new(RefCell::new(resumption))))
    }

    /// For an attempt to take it up.
    pub(super) fn shared(&self) -> Rc<RefCell<Resumption>> {
        self.0.get().clone()
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
