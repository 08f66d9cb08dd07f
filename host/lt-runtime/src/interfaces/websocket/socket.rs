//! Connections.

use std::cell::Cell;
use std::rc::Rc;

use lt_net::websocket::Socket;
use lt_spec::limits::{
    NAME_BYTES_MAX, WS_CLOSE_TIMEOUT, WS_CONTROL_BYTES_MAX, WS_HEARTBEAT_BYTES_MAX,
    WS_HEARTBEAT_MIN, WS_HEARTBEATS_MAX, WS_SENT_BYTES_MAX, WS_WATCHES_MAX,
};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::convert;
use super::heartbeat::HeartbeatHandle;
use super::watch::WatcherHandle;
use super::{handles_used_up, invalid, waits};
use crate::bindings::websocket as wit;
use crate::bindings::websocket::{ErrorCode, HostSocket};
use crate::interfaces::timing::{duration, nanos};
use crate::interfaces::{View, cut};
use crate::pinned::{Pinned, PinnedFuture};
use crate::sockets::session::Watch;
use crate::sockets::{Dial, OpenSocket, Place};
use crate::trace::{traced, traced_async};

/// A connection that the guest holds. Dropping it abandons it.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct SocketHandle(Pinned<OpenSocket>);

/// Ready when there is a message, or the connection has ended. Owns its socket, so that a guest may drop both in any order.
struct Arrived(Pinned<Rc<Socket>>);

#[wasmtime_wasi::async_trait]
impl Pollable for Arrived {
    async fn ready(&mut self) {
        let socket = self.0.get().clone();
        let arrived = async move { std::future::poll_fn(|cx| socket.poll_receive(cx)).await };
        PinnedFuture::new(arrived).await;
    }
}

type Handle = Resource<SocketHandle>;
type Outcome<T> = wasmtime::Result<Result<T, ErrorCode>>;

impl View<'_> {
    fn open_socket(&self, handle: &Handle) -> wasmtime::Result<&OpenSocket> {
        Ok(self.0.table.get(handle)?.0.get())
    }

    /// A socket, for a wait.
    fn socket(&self, handle: &Handle) -> wasmtime::Result<Rc<Socket>> {
        Ok(self.open_socket(handle)?.socket.clone())
    }

    /// What the user's I/O task is to connect to.
    fn dial(&self, request: wit::Request) -> Outcome<Box<Dial>> {
        let io = self.0.io("websocket")?;
        let (request, labels) = match convert::request(request, self.0.group()) {
            Ok(dial) => dial,
            Err(error) => return Ok(Err(error)),
        };
        // A message larger than the inbox takes as much before it is found to be too large for that.
        let options = &request.options;
        let bytes = options.inbox.bytes_max.max(options.message_bytes_max);
        Ok(match Place::take(io.sockets(), bytes) {
            Ok(place) => Ok(Box::new(Dial {
                request,
                labels,
                place,
            })),
            Err(text) => Err(ErrorCode::TooMany(text)),
        })
    }

    fn begin_watch(
        &mut self,
        handle: &Handle,
        watch: wit::Watch,
    ) -> Outcome<Resource<WatcherHandle>> {
        let open = self.open_socket(handle)?;
        let (session, socket) = (open.session.clone(), open.socket.clone());
        if session.watches() >= WS_WATCHES_MAX {
            let text = format!("a socket may have {WS_WATCHES_MAX} watches");
            return Ok(Err(ErrorCode::TooMany(text)));
        }
        let mut patterns = self.0.core().patterns.borrow_mut();
        let pattern = match patterns.pattern(convert::pattern(watch.pattern)) {
            Ok(pattern) => pattern,
            Err(error) => return Ok(Err(convert::pattern_error("watch.pattern", error))),
        };
        let delivery = match watch.delivery.map(|key| patterns.key(convert::key(key))) {
            None => None,
            Some(Ok(key)) => Some(key),
            Some(Err(error)) => {
                return Ok(Err(convert::pattern_error("watch.delivery", error)));
            }
        };
        drop(patterns);
        let name = watch.name.as_deref().map(|name| cut(name, NAME_BYTES_MAX));
        let watch = Watch {
            pattern,
            tags: name.map(|name| session.watch_tags(name)),
            delivery,
            keep: watch.keep,
            matched: Cell::new(0),
        };
        let held = WatcherHandle::new(session, watch);
        held.review(&socket);
        Ok(self.0.table.push(held).map_err(|_| handles_used_up()))
    }

    fn begin_heartbeat(
        &mut self,
        handle: &Handle,
        interval: u64,
        content: wit::Content,
        first: Option<u64>,
    ) -> Outcome<Resource<HeartbeatHandle>> {
        if let Err(error) = check_interval(interval) {
            return Ok(Err(error));
        }
        if convert::length(&content) > WS_HEARTBEAT_BYTES_MAX {
            return Ok(Err(too_large(WS_HEARTBEAT_BYTES_MAX)));
        }
        let open = self.open_socket(handle)?;
        if open.heartbeats.get() >= WS_HEARTBEATS_MAX {
            let text = format!("a socket may have {WS_HEARTBEATS_MAX} heartbeats");
            return Ok(Err(ErrorCode::TooMany(text)));
        }
        let first = duration(first.unwrap_or(interval));
        let content = convert::content(content);
        let heartbeat = match open.socket.send_every(duration(interval), content, first) {
            Ok(heartbeat) => heartbeat,
            Err(close) => return Ok(Err(close.into())),
        };
        let held = HeartbeatHandle::new(heartbeat, Some(open.heartbeats.clone()));
        Ok(self.0.table.push(held).map_err(|_| handles_used_up()))
    }

    fn begin_pings(
        &mut self,
        handle: &Handle,
        interval: u64,
        timeout: Option<u64>,
        first: Option<u64>,
    ) -> Outcome<Resource<HeartbeatHandle>> {
        if let Err(error) = check_interval(interval) {
            return Ok(Err(error));
        }
        let first = duration(first.unwrap_or(interval));
        let socket = &self.open_socket(handle)?.socket;
        let heartbeat = match socket.ping_every(duration(interval), timeout.map(duration), first) {
            Ok(heartbeat) => heartbeat,
            Err(close) => return Ok(Err(close.into())),
        };
        // One that another takes the place of ends by itself: it takes no place here.
        let held = HeartbeatHandle::new(heartbeat, None);
        Ok(self.0.table.push(held).map_err(|_| handles_used_up()))
    }
}

fn check_interval(interval: u64) -> Result<(), ErrorCode> {
    if duration(interval) >= WS_HEARTBEAT_MIN {
        return Ok(());
    }
    Err(invalid(
        "interval",
        format!("less than {WS_HEARTBEAT_MIN:?}"),
    ))
}

fn too_large(bytes_max: usize) -> ErrorCode {
    ErrorCode::TooLarge(bytes_max as u64)
}

impl HostSocket for View<'_> {
    async fn connect(&mut self, request: wit::Request) -> Outcome<Handle> {
        traced_async!(self, "websocket.socket.connect", (request), {
            let connecting = {
                let dial = match self.dial(request)? {
                    Ok(dial) => dial,
                    Err(error) => return Ok(Err(error)),
                };
                let io = self.0.io("websocket")?;
                PinnedFuture::new(Box::pin(async move { Pinned::new(io.connect(dial).await) }))
            };
            Ok(match connecting.await.into_inner() {
                Ok(open) => {
                    let handle = SocketHandle(Pinned::new(open));
                    self.0.table.push(handle).map_err(|_| handles_used_up())
                }
                Err(error) => Err(error.into()),
            })
        })
    }

    fn subprotocol(&mut self, this: Handle) -> wasmtime::Result<String> {
        traced!(self, "websocket.socket.subprotocol", (this), {
            Ok(self.open_socket(&this)?.socket.subprotocol().to_owned())
        })
    }

    fn headers(&mut self, this: Handle) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        traced!(self, "websocket.socket.headers", (this), {
            Ok(self.open_socket(&this)?.socket.headers().to_vec())
        })
    }

    fn url(&mut self, this: Handle) -> wasmtime::Result<String> {
        traced!(self, "websocket.socket.url", (this), {
            Ok(self.open_socket(&this)?.socket.url().to_owned())
        })
    }

    fn remote_address(&mut self, this: Handle) -> wasmtime::Result<String> {
        traced!(self, "websocket.socket.remote-address", (this), {
            Ok(self.open_socket(&this)?.socket.remote().to_string())
        })
    }

    fn timings(&mut self, this: Handle) -> wasmtime::Result<wit::Timings> {
        traced!(self, "websocket.socket.timings", (this), {
            Ok(convert::timings(&self.open_socket(&this)?.socket))
        })
    }

    fn statistics(&mut self, this: Handle) -> wasmtime::Result<wit::Statistics> {
        traced!(self, "websocket.socket.statistics", (this), {
            Ok(self.open_socket(&this)?.socket.statistics().into())
        })
    }

    async fn send(
        &mut self,
        this: Handle,
        content: wit::Content,
        timeout: Option<u64>,
    ) -> Outcome<()> {
        traced_async!(self, "websocket.socket.send", (this, content, timeout), {
            let sending = {
                if convert::length(&content) > WS_SENT_BYTES_MAX {
                    return Ok(Err(too_large(WS_SENT_BYTES_MAX)));
                }
                let socket = self.socket(&this)?;
                // What has room needs no wait.
                match waits::try_send(&socket, convert::content(content)) {
                    Ok(sent) => return Ok(sent),
                    Err(content) => {
                        PinnedFuture::new(Box::pin(waits::send(socket, content, timeout)))
                    }
                }
            };
            Ok(sending.await)
        })
    }

    async fn ping(&mut self, this: Handle, timeout: Option<u64>) -> Outcome<u64> {
        traced_async!(self, "websocket.socket.ping", (this, timeout), {
            let pong = {
                let socket = self.socket(&this)?;
                PinnedFuture::new(Box::pin(waits::ping(socket, timeout)))
            };
            Ok(pong.await.map(nanos))
        })
    }

    fn send_ping(&mut self, this: Handle, data: Vec<u8>) -> Outcome<()> {
        traced!(self, "websocket.socket.send-ping", (this, data), {
            if data.len() > WS_CONTROL_BYTES_MAX {
                return Ok(Err(too_large(WS_CONTROL_BYTES_MAX)));
            }
            let socket = &self.open_socket(&this)?.socket;
            Ok(socket.send_ping(data).map_err(ErrorCode::from))
        })
    }

    fn send_pong(&mut self, this: Handle, data: Vec<u8>) -> Outcome<()> {
        traced!(self, "websocket.socket.send-pong", (this, data), {
            if data.len() > WS_CONTROL_BYTES_MAX {
                return Ok(Err(too_large(WS_CONTROL_BYTES_MAX)));
            }
            let socket = &self.open_socket(&this)?.socket;
            Ok(socket.send_pong(data).map_err(ErrorCode::from))
        })
    }

    async fn receive(&mut self, this: Handle, timeout: Option<u64>) -> Outcome<wit::Message> {
        traced_async!(self, "websocket.socket.receive", (this, timeout), {
            let waiting = {
                let socket = self.socket(&this)?;
                if let Some(message) = socket.try_receive() {
                    return Ok(Ok(message.into()));
                }
                let stop = match timeout {
                    Some(_) => None,
                    None => self.0.stop_flag_before_leave(),
                };
                PinnedFuture::new(Box::pin(waits::receive(socket, timeout, stop)))
            };
            Ok(waiting.await.map(wit::Message::from))
        })
    }

    async fn receive_matching(
        &mut self,
        this: Handle,
        pattern: wit::Pattern,
        timeout: Option<u64>,
    ) -> Outcome<wit::Message> {
        traced_async!(
            self,
            "websocket.socket.receive-matching",
            (this, pattern, timeout),
            {
                let waiting = {
                    let socket = self.socket(&this)?;
                    let text = convert::pattern(pattern);
                    let found = self.0.core().patterns.borrow_mut().pattern_once(text);
                    let pattern = match found {
                        Ok(pattern) => pattern,
                        Err(error) => return Ok(Err(convert::pattern_error("pattern", error))),
                    };
                    let stop = match timeout {
                        Some(_) => None,
                        None => self.0.stop_flag_before_leave(),
                    };
                    let wait = waits::receive_matching(socket, pattern, timeout, stop);
                    PinnedFuture::new(Box::pin(wait))
                };
                Ok(waiting.await.map(wit::Message::from))
            }
        )
    }

    fn drain(&mut self, this: Handle, messages_max: u32) -> wasmtime::Result<Vec<wit::Message>> {
        traced!(self, "websocket.socket.drain", (this, messages_max), {
            let max = usize::try_from(messages_max).unwrap_or(usize::MAX);
            let messages = self.open_socket(&this)?.socket.drain(max);
            Ok(messages.into_iter().map(wit::Message::from).collect())
        })
    }

    fn subscribe(&mut self, this: Handle) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "websocket.socket.subscribe", (this), {
            let arrived = Arrived(Pinned::new(self.socket(&this)?));
            let arrived = self.0.table.push(arrived)?;
            subscribe(&mut self.0.table, arrived)
        })
    }

    fn watch(&mut self, this: Handle, watch: wit::Watch) -> Outcome<Resource<WatcherHandle>> {
        traced!(self, "websocket.socket.watch", (this, watch), {
            self.begin_watch(&this, watch)
        })
    }

    fn send_every(
        &mut self,
        this: Handle,
        interval: u64,
        content: wit::Content,
        first: Option<u64>,
    ) -> Outcome<Resource<HeartbeatHandle>> {
        traced!(
            self,
            "websocket.socket.send-every",
            (this, interval, content, first),
            { self.begin_heartbeat(&this, interval, content, first) }
        )
    }

    fn ping_every(
        &mut self,
        this: Handle,
        interval: u64,
        timeout: Option<u64>,
        first: Option<u64>,
    ) -> Outcome<Resource<HeartbeatHandle>> {
        traced!(
            self,
            "websocket.socket.ping-every",
            (this, interval, timeout, first),
            { self.begin_pings(&this, interval, timeout, first) }
        )
    }

    async fn close(
        &mut self,
        this: Handle,
        code: Option<u16>,
        reason: String,
        timeout: Option<u64>,
    ) -> Outcome<wit::Close> {
        traced_async!(
            self,
            "websocket.socket.close",
            (this, code, reason, timeout),
            {
                let closing = {
                    if let Err(error) = convert::check_close(code, &reason) {
                        return Ok(Err(error));
                    }
                    let socket = self.socket(&this)?;
                    let timeout = timeout.map_or(WS_CLOSE_TIMEOUT, duration);
                    socket.close(code, &reason, timeout);
                    // The pump keeps to the timeout.
                    let closed =
                        async move { std::future::poll_fn(|cx| socket.poll_closed(cx)).await };
                    PinnedFuture::new(Box::pin(closed))
                };
                Ok(Ok(closing.await.into()))
            }
        )
    }

    fn closed(&mut self, this: Handle) -> wasmtime::Result<Option<wit::Close>> {
        traced!(self, "websocket.socket.closed", (this), {
            Ok(self
                .open_socket(&this)?
                .socket
                .closed()
                .map(wit::Close::from))
        })
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
