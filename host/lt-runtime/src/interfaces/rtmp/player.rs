//! What is played.

use std::rc::Rc;
use std::task::Poll;

use lt_net::rtmp::Player;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::options::PublicUrl;
use super::{handles_used_up, invalid, waits};
use crate::bindings::rtmp as wit;
use crate::bindings::rtmp::{ErrorCode, HostPlayer};
use crate::interfaces::View;
use crate::interfaces::timing::{duration, nanos};
use crate::pinned::{Pinned, PinnedFuture};
use crate::rtmp::{FlvDial, OpenPlayer};
use crate::trace::{traced, traced_async};

/// A player that the guest holds. Dropping it ends what is played.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct PlayerHandle(Pinned<OpenPlayer>);

impl PlayerHandle {
    pub(super) fn new(open: OpenPlayer) -> Self {
        Self(Pinned::new(open))
    }
}

/// Ready when there is an event or a frame, or the stream has ended. Owns its player, so that a guest may drop both in any order.
struct Happened(Pinned<Rc<Player>>);

#[wasmtime_wasi::async_trait]
impl Pollable for Happened {
    async fn ready(&mut self) {
        let player = self.0.get().clone();
        let happened = std::future::poll_fn(move |cx| {
            if player.has_frames() {
                return Poll::Ready(());
            }
            player.poll_event(cx)
        });
        PinnedFuture::new(happened).await;
    }
}

type Handle = Resource<PlayerHandle>;
type Outcome<T> = wasmtime::Result<Result<T, ErrorCode>>;

impl View<'_> {
    fn player(&self, handle: &Handle) -> wasmtime::Result<&Rc<Player>> {
        Ok(&self.0.table.get(handle)?.0.get().player)
    }
}

impl HostPlayer for View<'_> {
    async fn open_http(
        &mut self,
        url: String,
        headers: Vec<(String, Vec<u8>)>,
        options: Option<wit::PlayOptions>,
    ) -> Outcome<Handle> {
        let dial = Box::new(FlvDial {
            url,
            headers,
            options: options.map(Box::new),
            group: self.0.group(),
        });
        let (url, headers, options) = (PublicUrl(&dial.url), &dial.headers, &dial.options);
        traced_async!(self, "rtmp.player.open-http", (url, headers, options), {
            let opening = {
                let io = self.0.io("rtmp")?;
                PinnedFuture::new(Box::pin(
                    async move { Pinned::new(io.open_flv(dial).await) },
                ))
            };
            Ok(match opening.await.into_inner() {
                Ok(open) => {
                    let handle = PlayerHandle::new(open);
                    self.0.table.push(handle).map_err(|_| handles_used_up())
                }
                Err(error) => Err(error),
            })
        })
    }

    fn statistics(&mut self, this: Handle) -> wasmtime::Result<wit::Playback> {
        traced!(self, "rtmp.player.statistics", (this), {
            Ok(self.player(&this)?.statistics().into())
        })
    }

    async fn next_event(&mut self, this: Handle, timeout: Option<u64>) -> Outcome<wit::Event> {
        traced_async!(self, "rtmp.player.next-event", (this, timeout), {
            let waiting = {
                let player = self.player(&this)?.clone();
                let until = self.until(timeout);
                let event = waits::next_event(player, until);
                PinnedFuture::new(Box::pin(async move { event.await.map(wit::Event::from) }))
            };
            Ok(waiting.await)
        })
    }

    async fn watch(&mut self, this: Handle, media_time: u64, timeout: Option<u64>) -> Outcome<()> {
        traced_async!(self, "rtmp.player.watch", (this, media_time, timeout), {
            let waiting = {
                let player = self.player(&this)?.clone();
                let until = self.until(timeout);
                PinnedFuture::new(Box::pin(waits::watch(player, duration(media_time), until)))
            };
            Ok(waiting.await)
        })
    }

    async fn receive(&mut self, this: Handle, timeout: Option<u64>) -> Outcome<wit::Frame> {
        traced_async!(self, "rtmp.player.receive", (this, timeout), {
            let waiting = {
                let player = self.player(&this)?.clone();
                if !player.keeps_frames() {
                    return Ok(Err(invalid("options.frames", "frames were not asked for")));
                }
                if let Some(frame) = player.try_receive() {
                    return Ok(Ok(frame.into()));
                }
                let until = self.until(timeout);
                let frame = waits::receive(player, until);
                PinnedFuture::new(Box::pin(async move { frame.await.map(wit::Frame::from) }))
            };
            Ok(waiting.await)
        })
    }

    fn subscribe(&mut self, this: Handle) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "rtmp.player.subscribe", (this), {
            let happened = Happened(Pinned::new(self.player(&this)?.clone()));
            let happened = self.0.table.push(happened)?;
            subscribe(&mut self.0.table, happened)
        })
    }

    fn started(&mut self, this: Handle) -> wasmtime::Result<u64> {
        traced!(self, "rtmp.player.started", (this), {
            Ok(nanos(self.player(&this)?.started()))
        })
    }

    async fn pause(&mut self, this: Handle, paused: bool, timeout: Option<u64>) -> Outcome<()> {
        traced_async!(self, "rtmp.player.pause", (this, paused, timeout), {
            let waiting = {
                let player = self.player(&this)?.clone();
                if let Err(error) = player.pause(paused) {
                    return Ok(Err(error.into()));
                }
                PinnedFuture::new(Box::pin(waits::answer(player, timeout)))
            };
            Ok(waiting.await)
        })
    }

    async fn seek(&mut self, this: Handle, position: u64, timeout: Option<u64>) -> Outcome<()> {
        traced_async!(self, "rtmp.player.seek", (this, position, timeout), {
            let waiting = {
                let player = self.player(&this)?.clone();
                if let Err(error) = player.seek(duration(position)) {
                    return Ok(Err(error.into()));
                }
                PinnedFuture::new(Box::pin(waits::answer(player, timeout)))
            };
            Ok(waiting.await)
        })
    }

    fn closed(&mut self, this: Handle) -> wasmtime::Result<Option<wit::Close>> {
        traced!(self, "rtmp.player.closed", (this), {
            Ok(self.player(&this)?.closed().map(wit::Close::from))
        })
    }

    async fn stop(&mut self, this: Handle) -> wasmtime::Result<wit::Close> {
        traced_async!(self, "rtmp.player.stop", (this), {
            let stopping = {
                let player = self.player(&this)?.clone();
                PinnedFuture::new(Box::pin(waits::stop(player)))
            };
            Ok(stopping.await.into())
        })
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
