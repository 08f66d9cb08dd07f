//! What is published.

use std::rc::Rc;
use std::sync::Arc;

use lt_net::rtmp::{AssetOptions, Publisher};
use lt_spec::limits::RTMP_TAG_BYTES_MAX;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::{convert, invalid, options, values, waits};
use crate::bindings::rtmp as wit;
use crate::bindings::rtmp::{ErrorCode, HostPublisher};
use crate::core::Common;
use crate::interfaces::View;
use crate::interfaces::timing::nanos;
use crate::pinned::{Pinned, PinnedFuture};
use crate::rtmp::OpenPublisher;
use crate::trace::{traced, traced_async};

/// A publisher that the guest holds. Dropping it ends what is published.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct PublisherHandle(Pinned<OpenPublisher>);

impl PublisherHandle {
    pub(super) fn new(open: OpenPublisher) -> Self {
        Self(Pinned::new(open))
    }
}

/// Ready when there is an event, or the stream has ended. Owns its publisher, so that a guest may drop both in any order.
struct Happened(Pinned<Rc<Publisher>>);

#[wasmtime_wasi::async_trait]
impl Pollable for Happened {
    async fn ready(&mut self) {
        let publisher = self.0.get().clone();
        let happened = async move { std::future::poll_fn(|cx| publisher.poll_event(cx)).await };
        PinnedFuture::new(happened).await;
    }
}

type Handle = Resource<PublisherHandle>;
type Outcome<T> = wasmtime::Result<Result<T, ErrorCode>>;

impl View<'_> {
    fn publisher(&self, handle: &Handle) -> wasmtime::Result<&Rc<Publisher>> {
        Ok(&self.0.table.get(handle)?.0.get().publisher)
    }

    /// How long a wait may take, and what ends it before.
    pub(super) fn until(&self, timeout: Option<u64>) -> waits::Until {
        let stop = match timeout {
            Some(_) => None,
            None => self.0.stop_flag_before_leave(),
        };
        (timeout, stop)
    }
}

/// Publish an asset as soon as it is parsed, which the first user waits for.
async fn publish_asset(
    publisher: Rc<Publisher>,
    common: Arc<Common>,
    (name, options): (String, AssetOptions),
) -> Result<(), ErrorCode> {
    let Some(bytes) = common.data.asset(&name) else {
        let known: Vec<&str> = common.data.asset_names().collect();
        let fault =
            format!("the run has no asset {name:?}, but {known:?} (remedy: --asset {name}=FILE)");
        return Err(invalid("name", fault));
    };
    let named = |fault| ErrorCode::Asset(format!("{name}: {fault}"));
    let asset = common
        .assets
        .get(name.clone(), bytes)
        .await
        .map_err(named)?;
    Ok(publisher.publish_asset(asset, options)?)
}

impl HostPublisher for View<'_> {
    async fn publish_asset(
        &mut self,
        this: Handle,
        name: String,
        options: Option<wit::AssetOptions>,
    ) -> Outcome<()> {
        traced_async!(
            self,
            "rtmp.publisher.publish-asset",
            (this, name, options),
            {
                let publishing = {
                    let options = match options::asset(options) {
                        Ok(options) => options,
                        Err(error) => return Ok(Err(error)),
                    };
                    let publisher = self.publisher(&this)?.clone();
                    let common = self.0.core().run.common.clone();
                    PinnedFuture::new(Box::pin(publish_asset(publisher, common, (name, options))))
                };
                Ok(publishing.await)
            }
        )
    }

    async fn send_tag(
        &mut self,
        this: Handle,
        kind: wit::TagKind,
        timestamp: u32,
        data: Vec<u8>,
        timeout: Option<u64>,
    ) -> Outcome<()> {
        traced_async!(
            self,
            "rtmp.publisher.send-tag",
            (this, kind, timestamp, data, timeout),
            {
                let sending = {
                    if data.len() > RTMP_TAG_BYTES_MAX {
                        return Ok(Err(ErrorCode::TooLarge(data.len() as u64)));
                    }
                    let publisher = self.publisher(&this)?;
                    let tag = (convert::kind(kind), timestamp, data.into_boxed_slice());
                    match waits::try_send(publisher, tag) {
                        Ok(sent) => return Ok(sent),
                        Err(tag) => {
                            let sending = waits::send(publisher.clone(), tag, timeout);
                            PinnedFuture::new(Box::pin(sending))
                        }
                    }
                };
                Ok(sending.await)
            }
        )
    }

    fn send_metadata(&mut self, this: Handle, fields: Vec<(String, wit::AmfValue)>) -> Outcome<()> {
        traced!(self, "rtmp.publisher.send-metadata", (this, fields), {
            let fields = match values::fields_from_guest("fields", fields) {
                Ok(fields) => fields,
                Err(error) => return Ok(Err(error)),
            };
            let sent = self.publisher(&this)?.send_metadata(fields);
            Ok(sent.map_err(ErrorCode::from))
        })
    }

    fn send_data(
        &mut self,
        this: Handle,
        handler: String,
        arguments: Vec<wit::AmfValue>,
    ) -> Outcome<()> {
        traced!(
            self,
            "rtmp.publisher.send-data",
            (this, handler, arguments),
            {
                let arguments = match values::all_from_guest("arguments", arguments) {
                    Ok(arguments) => arguments,
                    Err(error) => return Ok(Err(error)),
                };
                let sent = self.publisher(&this)?.send_data(&handler, arguments);
                Ok(sent.map_err(ErrorCode::from))
            }
        )
    }

    async fn wait(&mut self, this: Handle, timeout: Option<u64>) -> Outcome<()> {
        traced_async!(self, "rtmp.publisher.wait", (this, timeout), {
            let waiting = {
                let publisher = self.publisher(&this)?.clone();
                let until = self.until(timeout);
                PinnedFuture::new(Box::pin(waits::asset_done(publisher, until)))
            };
            Ok(waiting.await)
        })
    }

    fn statistics(&mut self, this: Handle) -> wasmtime::Result<wit::Broadcast> {
        traced!(self, "rtmp.publisher.statistics", (this), {
            Ok(self.publisher(&this)?.statistics().into())
        })
    }

    async fn next_event(&mut self, this: Handle, timeout: Option<u64>) -> Outcome<wit::Event> {
        traced_async!(self, "rtmp.publisher.next-event", (this, timeout), {
            let waiting = {
                let publisher = self.publisher(&this)?.clone();
                let until = self.until(timeout);
                let event = waits::next_event(publisher, until);
                PinnedFuture::new(Box::pin(async move { event.await.map(wit::Event::from) }))
            };
            Ok(waiting.await)
        })
    }

    fn subscribe(&mut self, this: Handle) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "rtmp.publisher.subscribe", (this), {
            let happened = Happened(Pinned::new(self.publisher(&this)?.clone()));
            let happened = self.0.table.push(happened)?;
            subscribe(&mut self.0.table, happened)
        })
    }

    fn started(&mut self, this: Handle) -> wasmtime::Result<u64> {
        traced!(self, "rtmp.publisher.started", (this), {
            Ok(nanos(self.publisher(&this)?.started()))
        })
    }

    fn closed(&mut self, this: Handle) -> wasmtime::Result<Option<wit::Close>> {
        traced!(self, "rtmp.publisher.closed", (this), {
            Ok(self.publisher(&this)?.closed().map(wit::Close::from))
        })
    }

    async fn stop(&mut self, this: Handle) -> wasmtime::Result<wit::Close> {
        traced_async!(self, "rtmp.publisher.stop", (this), {
            let stopping = {
                let publisher = self.publisher(&this)?.clone();
                PinnedFuture::new(Box::pin(waits::stop(publisher)))
            };
            Ok(stopping.await.into())
        })
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
