//! Audiences: who is present somewhere, and so is to receive what is sent there.

use std::sync::Arc;

use lt_coordination::{Audience, Entry, Outstanding};
use tokio::time::Instant;
use wasmtime::component::Resource;

use super::handles_used_up;
use crate::bindings::coordination as wit;
use crate::bindings::coordination::{ErrorCode, HostAudience};
use crate::delivery;
use crate::interfaces::View;
use crate::interfaces::timing::from_guest;
use crate::trace::traced;

/// An audience that the guest has open. The last handle that entered leaves, however it and its user end.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct AudienceHandle {
    name: String,
    audience: Arc<dyn Audience>,
    /// What the user entered by this handle.
    entry: Option<Arc<Entry>>,
}

type Handle = Resource<AudienceHandle>;

impl HostAudience for View<'_> {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Handle, ErrorCode>> {
        traced!(self, "coordination.audience.open", (name), {
            let audience = match self.0.core().run.common.coordination.open_audience(&name) {
                Ok(audience) => audience,
                Err(error) => return Ok(Err(error.into())),
            };
            let open = AudienceHandle {
                name,
                audience,
                entry: None,
            };
            Ok(self.0.table.push(open).map_err(|_| handles_used_up()))
        })
    }

    fn enter(&mut self, this: Handle) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced!(self, "coordination.audience.enter", (this), {
            if self.0.stop_flag().is_none() {
                let text = "only users are present anywhere: init and terminate are none";
                return Ok(Err(ErrorCode::Other(text.to_owned())));
            }
            let user = self.0.who.id.0;
            let open = self.0.table.get_mut(&this)?;
            match self.0.entries.enter(&open.name, &open.audience, user) {
                Ok(entry) => open.entry = Some(entry),
                Err(error) => return Ok(Err(error.into())),
            }
            Ok(Ok(()))
        })
    }

    fn leave(&mut self, this: Handle, outstanding: wit::Outstanding) -> wasmtime::Result<()> {
        traced!(self, "coordination.audience.leave", (this, outstanding), {
            let outstanding = match outstanding {
                wit::Outstanding::Excused => Outstanding::Excused,
                wit::Outstanding::Lost => Outstanding::Lost,
                wit::Outstanding::Undecided => Outstanding::Undecided,
            };
            let open = self.0.table.get_mut(&this)?;
            self.0.entries.leave(&open.name, outstanding);
            if outstanding != Outstanding::Undecided {
                open.entry = None;
            }
            Ok(())
        })
    }

    fn present(&mut self, this: Handle) -> wasmtime::Result<u32> {
        traced!(self, "coordination.audience.present", (this), {
            Ok(self.0.table.get(&this)?.audience.present())
        })
    }

    fn mark_sent(
        &mut self,
        this: Handle,
        id: String,
        sender_too: bool,
        at: Option<u64>,
    ) -> wasmtime::Result<Result<u32, ErrorCode>> {
        traced!(
            self,
            "coordination.audience.mark-sent",
            (this, id, sender_too, at),
            {
                let at = at.map_or_else(Instant::now, from_guest);
                let open = self.0.table.get(&this)?;
                let (core, user) = (self.0.core(), self.0.who.id.0);
                let scenario = core.run.index;
                let marked = open.audience.mark_sent(&id, user, sender_too, scenario, at);
                let sent = match marked {
                    Ok(sent) => sent,
                    Err(error) => return Ok(Err(error.into())),
                };
                delivery::sent(core, self.0.tags(), sent.expected, &sent.early);
                Ok(Ok(sent.expected))
            }
        )
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
