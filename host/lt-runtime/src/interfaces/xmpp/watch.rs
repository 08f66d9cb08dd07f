//! Watches: what the host does with a session's stanzas as they come.

use std::cell::Cell;
use std::rc::Rc;

use lt_net::xmpp::check_element;
use lt_spec::limits::{NAME_BYTES_MAX, XMPP_SENT_BYTES_MAX, XMPP_WATCHES_MAX};
use wasmtime::component::Resource;

use super::{handles_used_up, invalid, options, too_large};
use crate::bindings::xmpp as wit;
use crate::bindings::xmpp::{ErrorCode, HostWatcher};
use crate::core::Core;
use crate::interfaces::{View, cut};
use crate::pinned::Pinned;
use crate::trace::traced;
use crate::xmpp::OpenSession;
use crate::xmpp::told::{Watch, Watched};

/// A watch that the guest holds. Dropping it ends it.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct WatcherHandle(Pinned<Held>);

/// A watch, and what it is of.
struct Held {
    watched: Rc<Watched>,
    watch: Rc<Watch>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.watched.unwatch(&self.watch);
    }
}

impl View<'_> {
    /// Begin to look, at what waits in the inbox first.
    pub(super) fn begin_stanza_watch(
        &mut self,
        handle: &Resource<super::session::SessionHandle>,
        asked: wit::Watch,
    ) -> wasmtime::Result<Result<Resource<WatcherHandle>, ErrorCode>> {
        let open = self.open_session(handle)?;
        let watch = match compiled(self.0.core(), open, asked) {
            Ok(watch) => Rc::new(watch),
            Err(error) => return Ok(Err(error)),
        };
        let (watched, session) = (open.watched.clone(), open.session.clone());
        watched.watch(watch.clone(), &session);
        let held = WatcherHandle(Pinned::new(Held { watched, watch }));
        Ok(self.0.table.push(held).map_err(|_| handles_used_up()))
    }
}

fn compiled(core: &Core, open: &OpenSession, asked: wit::Watch) -> Result<Watch, ErrorCode> {
    if open.watched.watches() >= XMPP_WATCHES_MAX {
        let text = format!("a session may have {XMPP_WATCHES_MAX} watches");
        return Err(ErrorCode::TooMany(text));
    }
    if let Some(reply) = &asked.reply {
        if reply.len() > XMPP_SENT_BYTES_MAX {
            return Err(too_large());
        }
        check_element(reply).map_err(|fault| invalid("watch.reply", fault))?;
    }
    let delivery = asked
        .delivery
        .map(|key| options::key(core, "watch.delivery", key));
    let stamp = asked.stamp.map(|stamp| {
        if stamp.unit == 0 {
            return Err(invalid("watch.stamp.unit", "it is zero"));
        }
        let key = options::key(core, "watch.stamp", stamp.key)?;
        Ok((key, stamp.unit))
    });
    let name = asked.name.as_deref().map(|name| cut(name, NAME_BYTES_MAX));
    Ok(Watch {
        filters: options::filters(core, "watch.filters", asked.filters)?,
        tags: name.map(|name| open.watched.watch_tags(name)),
        delivery: delivery.transpose()?,
        stamp: stamp.transpose()?,
        reply: asked.reply,
        keep: asked.keep,
        matched: Cell::new(0),
    })
}

impl HostWatcher for View<'_> {
    fn matched(&mut self, this: Resource<WatcherHandle>) -> wasmtime::Result<u64> {
        traced!(self, "xmpp.watcher.matched", (this), {
            Ok(self.0.table.get(&this)?.0.get().watch.matched.get())
        })
    }

    fn drop(&mut self, this: Resource<WatcherHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
