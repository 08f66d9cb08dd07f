//! Sessions.

use std::rc::Rc;

use lt_net::xmpp::{Item, Outgoing, Session, StanzaKind, check_element};
use lt_spec::limits::{XMPP_CLOSE_TIMEOUT, XMPP_SENT_BYTES_MAX, XMPP_STEP_TIMEOUT};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::options::{self, Asked};
use super::pending::PendingHandle;
use super::periodic::PeriodicHandle;
use super::resumption::ResumptionHandle;
use super::watch::WatcherHandle;
use super::{handles_used_up, invalid, too_large, waits};
use crate::bindings::xmpp as wit;
use crate::bindings::xmpp::{ErrorCode, HostSession};
use crate::interfaces::View;
use crate::interfaces::timing::{duration, nanos};
use crate::pinned::{Pinned, PinnedFuture};
use crate::trace::{traced, traced_async};
use crate::xmpp::{Dial, OpenSession};

/// A session that the guest holds. Dropping it abandons the stream.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct SessionHandle(Pinned<OpenSession>);

/// Ready when there is a stanza, or the session has ended. Owns its session, so that a guest may drop both in any order.
struct Arrived(Pinned<Rc<Session>>);

#[wasmtime_wasi::async_trait]
impl Pollable for Arrived {
    async fn ready(&mut self) {
        let session = self.0.get().clone();
        let arrived = async move { std::future::poll_fn(|cx| session.poll_receive(cx)).await };
        PinnedFuture::new(arrived).await;
    }
}

type Handle = Resource<SessionHandle>;
type Outcome<T> = wasmtime::Result<Result<T, ErrorCode>>;

impl View<'_> {
    pub(super) fn open_session(&self, handle: &Handle) -> wasmtime::Result<&OpenSession> {
        Ok(self.0.table.get(handle)?.0.get())
    }

    /// A session, for a wait.
    fn session(&self, handle: &Handle) -> wasmtime::Result<Rc<Session>> {
        Ok(self.open_session(handle)?.session.clone())
    }

    /// Whom the user's I/O task is to be, and where.
    fn dial_xmpp(
        &mut self,
        options: Box<wit::ConnectOptions>,
        resume: Option<Resource<ResumptionHandle>>,
    ) -> wasmtime::Result<Box<Dial>> {
        let resume = match resume {
            Some(handle) => Some(self.0.table.get(&handle)?.shared()),
            None => None,
        };
        Ok(Box::new(Dial {
            options,
            resume,
            group: self.0.group(),
        }))
    }

    /// Give something to the host, waiting for room if there is none.
    fn sending(
        &self,
        handle: &Handle,
        item: Item,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<Result<(), ErrorCode>, Sending>> {
        let session = self.session(handle)?;
        Ok(match waits::try_send(&session, item) {
            Ok(sent) => Ok(sent),
            Err(item) => Err(Box::pin(waits::send(session, item, timeout))),
        })
    }
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<(), ErrorCode>>>>;

fn check_sent(xml: &str) -> Result<Outgoing, ErrorCode> {
    if xml.len() > XMPP_SENT_BYTES_MAX {
        return Err(too_large());
    }
    check_element(xml).map_err(|fault| invalid("xml", fault))
}

/// Whether this is a request (RFC 6120, section 8.2.3).
pub(super) fn check_request(xml: String) -> Result<(Box<str>, Outgoing), ErrorCode> {
    let outgoing = check_sent(&xml)?;
    let is_request = matches!(outgoing.type_.as_deref(), Some("get" | "set"));
    if outgoing.kind != Some(StanzaKind::Iq) || !is_request {
        return Err(invalid("xml", "no `iq` of type `get` or `set`"));
    }
    Ok((xml.into_boxed_str(), outgoing))
}

impl HostSession for View<'_> {
    async fn connect(
        &mut self,
        options: wit::ConnectOptions,
        resume: Option<Resource<ResumptionHandle>>,
    ) -> Outcome<Handle> {
        let asked = Asked(&options);
        traced_async!(self, "xmpp.session.connect", (asked, resume), {
            let connecting = {
                let dial = self.dial_xmpp(Box::new(options), resume)?;
                let io = self.0.io("xmpp")?;
                PinnedFuture::new(Box::pin(
                    async move { Pinned::new(io.connect_xmpp(dial).await) },
                ))
            };
            Ok(match connecting.await.into_inner() {
                Ok(open) => {
                    let handle = SessionHandle(Pinned::new(open));
                    self.0.table.push(handle).map_err(|_| handles_used_up())
                }
                Err(error) => Err(error),
            })
        })
    }

    fn connected(&mut self, this: Handle) -> wasmtime::Result<wit::Connected> {
        traced!(self, "xmpp.session.connected", (this), {
            Ok(self.open_session(&this)?.session.connected().into())
        })
    }

    fn statistics(&mut self, this: Handle) -> wasmtime::Result<wit::Statistics> {
        traced!(self, "xmpp.session.statistics", (this), {
            Ok(self.open_session(&this)?.session.statistics().into())
        })
    }

    async fn perform(
        &mut self,
        this: Handle,
        step: wit::Step,
        timeout: Option<u64>,
    ) -> Outcome<u64> {
        traced_async!(self, "xmpp.session.perform", (this, step, timeout), {
            let performing = {
                let timeout = timeout.map_or(XMPP_STEP_TIMEOUT, duration);
                let step = match options::step(self.0.core(), "step", step) {
                    Ok(step) => step,
                    Err(error) => return Ok(Err(error)),
                };
                match self.session(&this)?.perform(&step, timeout) {
                    // The session keeps to the timeout.
                    Ok(performing) => PinnedFuture::new(Box::pin(async move {
                        std::future::poll_fn(|cx| performing.poll(cx)).await
                    })),
                    Err(error) => return Ok(Err(error.into())),
                }
            };
            Ok(performing.await.map(nanos).map_err(ErrorCode::from))
        })
    }

    async fn send(&mut self, this: Handle, xml: String, timeout: Option<u64>) -> Outcome<()> {
        traced_async!(self, "xmpp.session.send", (this, xml, timeout), {
            let sending = {
                let kind = match check_sent(&xml) {
                    Ok(outgoing) => outgoing.kind,
                    Err(error) => return Ok(Err(error)),
                };
                let xml = xml.into_boxed_str();
                match self.sending(&this, Item::Stanza { xml, kind }, timeout)? {
                    Ok(sent) => return Ok(sent),
                    Err(sending) => PinnedFuture::new(sending),
                }
            };
            Ok(sending.await)
        })
    }

    async fn send_raw(
        &mut self,
        this: Handle,
        bytes: Vec<u8>,
        timeout: Option<u64>,
    ) -> Outcome<()> {
        traced_async!(self, "xmpp.session.send-raw", (this, bytes, timeout), {
            let sending = {
                if bytes.len() > XMPP_SENT_BYTES_MAX {
                    return Ok(Err(too_large()));
                }
                match self.sending(&this, Item::Raw(bytes.into_boxed_slice()), timeout)? {
                    Ok(sent) => return Ok(sent),
                    Err(sending) => PinnedFuture::new(sending),
                }
            };
            Ok(sending.await)
        })
    }

    async fn request(
        &mut self,
        this: Handle,
        xml: String,
        timeout: Option<u64>,
    ) -> Outcome<wit::Stanza> {
        traced_async!(self, "xmpp.session.request", (this, xml, timeout), {
            let answer = {
                let checked = match check_request(xml) {
                    Ok(checked) => checked,
                    Err(error) => return Ok(Err(error)),
                };
                let session = self.session(&this)?;
                let timeout = waits::or_default(timeout);
                let answer = async move {
                    let answer = waits::request(session, checked, timeout).await;
                    answer.map(wit::Stanza::from)
                };
                PinnedFuture::new(Box::pin(answer))
            };
            Ok(answer.await)
        })
    }

    fn start_request(
        &mut self,
        this: Handle,
        xml: String,
        timeout: Option<u64>,
    ) -> Outcome<Resource<PendingHandle>> {
        traced!(self, "xmpp.session.start-request", (this, xml, timeout), {
            self.begin_request(&this, xml, timeout)
        })
    }

    async fn receive(
        &mut self,
        this: Handle,
        filters: Vec<wit::Filter>,
        timeout: Option<u64>,
    ) -> Outcome<wit::Stanza> {
        traced_async!(self, "xmpp.session.receive", (this, filters, timeout), {
            let waiting = {
                let session = self.session(&this)?;
                let core = self.0.core();
                let filters = match options::filters_once(core, "filters", filters) {
                    Ok(filters) => filters,
                    Err(error) => return Ok(Err(error)),
                };
                if let Some(stanza) = session.try_receive(filters.as_deref()) {
                    return Ok(Ok(stanza.into()));
                }
                let stop = match timeout {
                    Some(_) => None,
                    None => self.0.stop_flag_before_leave(),
                };
                let waiting = async move {
                    let stanza = waits::receive(session, filters, timeout, stop).await;
                    stanza.map(wit::Stanza::from)
                };
                PinnedFuture::new(Box::pin(waiting))
            };
            Ok(waiting.await)
        })
    }

    fn drain(&mut self, this: Handle, stanzas_max: u32) -> wasmtime::Result<Vec<wit::Stanza>> {
        traced!(self, "xmpp.session.drain", (this, stanzas_max), {
            let max = usize::try_from(stanzas_max).unwrap_or(usize::MAX);
            let stanzas = self.open_session(&this)?.session.drain(max);
            Ok(stanzas.into_iter().map(wit::Stanza::from).collect())
        })
    }

    fn subscribe(&mut self, this: Handle) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "xmpp.session.subscribe", (this), {
            let arrived = Arrived(Pinned::new(self.session(&this)?));
            let arrived = self.0.table.push(arrived)?;
            subscribe(&mut self.0.table, arrived)
        })
    }

    fn watch(&mut self, this: Handle, watch: wit::Watch) -> Outcome<Resource<WatcherHandle>> {
        traced!(self, "xmpp.session.watch", (this, watch), {
            self.begin_stanza_watch(&this, watch)
        })
    }

    fn set_intake(&mut self, this: Handle, intake: wit::Intake) -> Outcome<()> {
        traced!(self, "xmpp.session.set-intake", (this, intake), {
            let intake = match options::intake(self.0.core(), "intake.wanted", intake) {
                Ok(intake) => intake,
                Err(error) => return Ok(Err(error)),
            };
            self.open_session(&this)?.session.set_intake(intake);
            Ok(Ok(()))
        })
    }

    fn send_every(
        &mut self,
        this: Handle,
        interval: u64,
        xml: String,
        first: Option<u64>,
    ) -> Outcome<Resource<PeriodicHandle>> {
        traced!(
            self,
            "xmpp.session.send-every",
            (this, interval, xml, first),
            { self.begin_periodic(&this, interval, xml, first) }
        )
    }

    fn ping_every(
        &mut self,
        this: Handle,
        interval: u64,
        timeout: Option<u64>,
        first: Option<u64>,
    ) -> Outcome<Resource<PeriodicHandle>> {
        traced!(
            self,
            "xmpp.session.ping-every",
            (this, interval, timeout, first),
            { self.begin_server_pings(&this, interval, timeout, first) }
        )
    }

    async fn acknowledge(&mut self, this: Handle, timeout: Option<u64>) -> Outcome<u32> {
        traced_async!(self, "xmpp.session.acknowledge", (this, timeout), {
            let waiting = {
                let timeout = waits::or_default(timeout);
                match self.session(&this)?.acknowledge() {
                    Ok(asked) => PinnedFuture::new(Box::pin(waits::acknowledge(asked, timeout))),
                    Err(error) => return Ok(Err(error.into())),
                }
            };
            Ok(waiting.await)
        })
    }

    async fn close(&mut self, this: Handle, timeout: Option<u64>) -> wasmtime::Result<wit::Close> {
        traced_async!(self, "xmpp.session.close", (this, timeout), {
            let closing = {
                let session = self.session(&this)?;
                session.close(timeout.map_or(XMPP_CLOSE_TIMEOUT, duration));
                // The pump keeps to the timeout.
                let closed =
                    async move { std::future::poll_fn(|cx| session.poll_closed(cx)).await };
                PinnedFuture::new(Box::pin(closed))
            };
            Ok(closing.await.into())
        })
    }

    fn kill(&mut self, this: Handle) -> wasmtime::Result<wit::Close> {
        traced!(self, "xmpp.session.kill", (this), {
            Ok(self.open_session(&this)?.session.kill().into())
        })
    }

    fn closed(&mut self, this: Handle) -> wasmtime::Result<Option<wit::Close>> {
        traced!(self, "xmpp.session.closed", (this), {
            let session = &self.open_session(&this)?.session;
            Ok(session.closed().map(wit::Close::from))
        })
    }

    fn resumption(&mut self, this: Handle) -> wasmtime::Result<Option<Resource<ResumptionHandle>>> {
        traced!(self, "xmpp.session.resumption", (this), {
            Ok(match self.open_session(&this)?.session.take_resumption() {
                Some(left) => Some(self.0.table.push(ResumptionHandle::new(left))?),
                None => None,
            })
        })
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_an_iq_that_asks() {
        let of = |xml: &str| check_request(xml.to_owned());
        assert!(of("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>").is_ok());
        assert!(of("<iq type='set'><x xmlns='y'/></iq>").is_ok());
        for bad in [
            "<iq type='result' id='1'/>",
            "<iq/>",
            "<message type='get'/>",
            "<iq type='get'>",
            "",
        ] {
            let outcome = of(bad);
            assert!(
                matches!(&outcome, Err(ErrorCode::InvalidRequest(text)) if text.starts_with("xml: ")),
                "{bad}"
            );
        }
        let long = "x".repeat(XMPP_SENT_BYTES_MAX + 1);
        assert!(matches!(of(&long), Err(ErrorCode::TooLarge(_))));
    }
}
