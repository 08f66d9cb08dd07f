//! What the host sends again and again while the user does something else.

use std::cell::Cell;
use std::rc::Rc;

use lt_net::xmpp::{Periodic, check_element};
use lt_spec::limits::{XMPP_PERIODIC_MIN, XMPP_PERIODICS_MAX, XMPP_SENT_BYTES_MAX};
use wasmtime::component::Resource;

use super::session::SessionHandle;
use super::{handles_used_up, invalid, too_large};
use crate::bindings::xmpp::{ErrorCode, HostPeriodic};
use crate::interfaces::View;
use crate::interfaces::timing::duration;
use crate::pinned::Pinned;
use crate::trace::traced;

/// Something periodic that the guest holds. Dropping it ends it.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct PeriodicHandle(Pinned<Held>);

/// It, and where its place is counted, if it takes one.
struct Held {
    periodic: Rc<Periodic>,
    places: Option<Rc<Cell<usize>>>,
}

impl PeriodicHandle {
    /// One that takes a place among those of its session, or none.
    fn new(periodic: Rc<Periodic>, places: Option<Rc<Cell<usize>>>) -> Self {
        if let Some(places) = &places {
            places.set(places.get() + 1);
        }
        Self(Pinned::new(Held { periodic, places }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.periodic.stop();
        if let Some(places) = &self.places {
            places.set(places.get().saturating_sub(1));
        }
    }
}

type Begun = wasmtime::Result<Result<Resource<PeriodicHandle>, ErrorCode>>;

impl View<'_> {
    /// Send something again and again.
    pub(super) fn begin_periodic(
        &mut self,
        handle: &Resource<SessionHandle>,
        interval: u64,
        xml: String,
        first: Option<u64>,
    ) -> Begun {
        if let Err(error) = check_interval(interval).and_then(|()| check_content(&xml)) {
            return Ok(Err(error));
        }
        let open = self.open_session(handle)?;
        if open.periodics.get() >= XMPP_PERIODICS_MAX {
            let text = format!("a session may send {XMPP_PERIODICS_MAX} things again and again");
            return Ok(Err(ErrorCode::TooMany(text)));
        }
        let first = duration(first.unwrap_or(interval));
        let periodic = match open.session.send_every(duration(interval), &xml, first) {
            Ok(periodic) => periodic,
            Err(close) => return Ok(Err(close.into())),
        };
        let held = PeriodicHandle::new(periodic, Some(open.periodics.clone()));
        Ok(self.0.table.push(held).map_err(|_| handles_used_up()))
    }

    /// Ping the server again and again.
    pub(super) fn begin_server_pings(
        &mut self,
        handle: &Resource<SessionHandle>,
        interval: u64,
        timeout: Option<u64>,
        first: Option<u64>,
    ) -> Begun {
        if let Err(error) = check_interval(interval) {
            return Ok(Err(error));
        }
        let first = duration(first.unwrap_or(interval));
        let (interval, timeout) = (duration(interval), timeout.map(duration));
        let session = &self.open_session(handle)?.session;
        let periodic = match session.ping_every(interval, timeout, first) {
            Ok(periodic) => periodic,
            Err(close) => return Ok(Err(close.into())),
        };
        // One that another takes the place of ends by itself: it takes no place here.
        let held = PeriodicHandle::new(periodic, None);
        Ok(self.0.table.push(held).map_err(|_| handles_used_up()))
    }
}

fn check_interval(interval: u64) -> Result<(), ErrorCode> {
    if duration(interval) >= XMPP_PERIODIC_MIN {
        return Ok(());
    }
    let fault = format!("less than {XMPP_PERIODIC_MIN:?}");
    Err(invalid("interval", fault))
}

/// An element, or white space.
fn check_content(xml: &str) -> Result<(), ErrorCode> {
    if xml.len() > XMPP_SENT_BYTES_MAX {
        return Err(too_large());
    }
    let is_space = |text: char| matches!(text, ' ' | '\t' | '\r' | '\n');
    if !xml.is_empty() && xml.chars().all(is_space) {
        return Ok(());
    }
    let checked = check_element(xml);
    checked.map(|_| ()).map_err(|fault| invalid("xml", fault))
}

impl HostPeriodic for View<'_> {
    fn sent(&mut self, this: Resource<PeriodicHandle>) -> wasmtime::Result<u64> {
        traced!(self, "xmpp.periodic.sent", (this), {
            Ok(self.0.table.get(&this)?.0.get().periodic.sent())
        })
    }

    fn drop(&mut self, this: Resource<PeriodicHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again_and_again_is_an_element_or_white_space() {
        for good in [" ", "\n", "<message to='a@b'><body>{n}</body></message>"] {
            assert!(check_content(good).is_ok(), "{good:?}");
        }
        for bad in ["", "hello", "<a>", "<a/><b/>", "\u{a0}"] {
            assert!(check_content(bad).is_err(), "{bad:?}");
        }
        let long = " ".repeat(XMPP_SENT_BYTES_MAX + 1);
        assert!(matches!(check_content(&long), Err(ErrorCode::TooLarge(_))));
        assert!(check_interval(9_999_999).is_err() && check_interval(10_000_000).is_ok());
    }
}
