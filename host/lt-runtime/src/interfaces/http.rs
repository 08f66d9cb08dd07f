//! `lt:scenario/http`: requests are handed to the user's I/O task; nothing here touches a socket.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use lt_net::NetError;
use lt_net::http::config::ClientChanges;
use lt_net::http::request::{BodyMode, Request, RequestOptions, parse_method};
use lt_net::http::response::Response;
use lt_net::http::{Body, Reuse, Version, VersionChoice};
use lt_spec::limits::{USER_BODIES_BYTES_MAX, USER_REQUESTS_MAX};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::bindings::http as wit;
use crate::bindings::http::{ErrorCode, Host, HostPending, HostResponse};
use crate::interfaces::View;
use crate::interfaces::timing::nanos;
use crate::io_link::{Answer, Job, Slot};
use crate::pinned::{Pinned, PinnedFuture};
use crate::trace::{traced, traced_async};

/// A response that the guest holds.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct ResponseHandle(Pinned<Response>);

/// A request under way.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct PendingHandle(Pinned<Rc<Slot>>);

impl Drop for PendingHandle {
    fn drop(&mut self) {
        self.0.get().cancel();
    }
}

/// Ready when a request is done. Owns the slot, so that a guest may drop request and pollable in any order.
struct Done(Pinned<Rc<Slot>>);

#[wasmtime_wasi::async_trait]
impl Pollable for Done {
    async fn ready(&mut self) {
        let slot = self.0.get().clone();
        PinnedFuture::new(async move { slot.ready().await }).await;
    }
}

type Sent = wasmtime::Result<Result<Resource<ResponseHandle>, ErrorCode>>;

impl View<'_> {
    /// Give an answer to the guest.
    fn deliver(&mut self, answer: Answer) -> Sent {
        match answer {
            Ok(response) => {
                let bodies_bytes = self.0.bodies_bytes.saturating_add(response.kept_bytes());
                if bodies_bytes > USER_BODIES_BYTES_MAX {
                    return Ok(Err(ErrorCode::TooManyRequests));
                }
                match self.0.table.push(ResponseHandle(Pinned::new(response))) {
                    Ok(handle) => {
                        self.0.bodies_bytes = bodies_bytes;
                        Ok(Ok(handle))
                    }
                    // The table's only error here: the user holds as many handles as it may.
                    Err(_) => Ok(Err(ErrorCode::TooManyRequests)),
                }
            }
            Err(error) => Ok(Err(error.into())),
        }
    }

    fn response(&self, handle: &Resource<ResponseHandle>) -> wasmtime::Result<&Response> {
        Ok(self.0.table.get(handle)?.0.get())
    }

    /// The guest's request, and the group it is made in.
    fn job(&self, request: wit::Request) -> Result<Job, NetError> {
        Ok(Job {
            group: self.0.group(),
            request: Request {
                method: method(request.method)?,
                url: request.url,
                headers: request.headers,
                body: match request.body {
                    wit::Body::None => Body::None,
                    wit::Body::Bytes(bytes) => Body::Bytes(Bytes::from(bytes)),
                    wit::Body::Chunked(bytes) => Body::Chunked(Bytes::from(bytes)),
                },
                options: request.options.map(options).unwrap_or_default(),
            },
        })
    }
}

fn options(options: wit::RequestOptions) -> RequestOptions {
    RequestOptions {
        timeout: options.timeout.map(Duration::from_nanos),
        max_redirects: options.max_redirects,
        response_body: options.response_body.map(|mode| match mode {
            wit::BodyMode::Keep => BodyMode::Keep,
            wit::BodyMode::Discard => BodyMode::Discard,
        }),
        version: options.version.map(|choice| match choice {
            wit::VersionChoice::Automatic => VersionChoice::Automatic,
            wit::VersionChoice::Http1 => VersionChoice::Http1,
            wit::VersionChoice::Http2 => VersionChoice::Http2,
        }),
        reuse: options.reuse.map(|reuse| match reuse {
            wit::Reuse::Keep => Reuse::Keep,
            wit::Reuse::Fresh => Reuse::Fresh,
            wit::Reuse::Close => Reuse::Close,
        }),
        expect_continue: options.expect_continue,
        decompress: options.decompress,
        expected_statuses: options.expected_statuses,
        name: options.name,
        tags: options
            .tags
            .into_iter()
            .map(|tag| (tag.name, tag.value))
            .collect(),
    }
}

/// The contract's method as ours.
fn method(method: wit::Method) -> Result<Method, NetError> {
    Ok(match method {
        wit::Method::Get => Method::GET,
        wit::Method::Head => Method::HEAD,
        wit::Method::Post => Method::POST,
        wit::Method::Put => Method::PUT,
        wit::Method::Delete => Method::DELETE,
        wit::Method::Options => Method::OPTIONS,
        wit::Method::Trace => Method::TRACE,
        wit::Method::Patch => Method::PATCH,
        wit::Method::Other(name) => parse_method(&name)?,
    })
}

impl Host for View<'_> {
    async fn send(&mut self, request: wit::Request) -> Sent {
        traced_async!(self, "http.send", (request), {
            let job = match self.job(request) {
                Ok(job) => Box::new(job),
                Err(error) => return Ok(Err(error.into())),
            };
            let io = self.0.io("http")?;
            let answer = PinnedFuture::new(async move { io.send(job).await }).await;
            self.deliver(answer)
        })
    }

    fn start(
        &mut self,
        request: wit::Request,
    ) -> wasmtime::Result<Result<Resource<PendingHandle>, ErrorCode>> {
        traced!(self, "http.start", (request), {
            let io = self.0.io("http")?;
            match self.job(request).and_then(|job| io.start(Box::new(job))) {
                Ok(slot) => match self.0.table.push(PendingHandle(Pinned::new(slot))) {
                    Ok(handle) => Ok(Ok(handle)),
                    Err(_) => Ok(Err(ErrorCode::TooManyRequests)),
                },
                Err(error) => Ok(Err(error.into())),
            }
        })
    }

    async fn batch(
        &mut self,
        requests: Vec<wit::Request>,
    ) -> wasmtime::Result<Vec<Result<Resource<ResponseHandle>, ErrorCode>>> {
        traced_async!(self, "http.batch", (requests), {
            // Each comes back as a response that the host keeps: as many as may be under way, not as many as can be listed.
            let jobs = requests
                .into_iter()
                .enumerate()
                .map(|(place, request)| match place < USER_REQUESTS_MAX {
                    true => self.job(request),
                    false => Err(NetError::TooManyRequests),
                })
                .collect();
            let io = self.0.io("http")?;
            let answers = PinnedFuture::new(async move { Pinned::new(io.batch(jobs).await) }).await;
            answers
                .into_inner()
                .into_iter()
                .map(|answer| self.deliver(answer))
                .collect()
        })
    }

    fn cookies(&mut self, url: String) -> wasmtime::Result<Result<Vec<wit::Cookie>, ErrorCode>> {
        traced!(self, "http.cookies", (url), {
            let cookies = self.0.io("http")?.client.cookies(&url);
            Ok(cookies
                .map(|pairs| {
                    pairs
                        .into_iter()
                        .map(|(name, value)| wit::Cookie { name, value })
                        .collect()
                })
                .map_err(ErrorCode::from))
        })
    }

    fn set_cookie(
        &mut self,
        url: String,
        set_cookie: String,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced!(self, "http.set-cookie", (url, set_cookie), {
            Ok(self
                .0
                .io("http")?
                .client
                .set_cookie(&url, &set_cookie)
                .map_err(ErrorCode::from))
        })
    }

    fn clear_cookies(&mut self) -> wasmtime::Result<()> {
        traced!(self, "http.clear-cookies", (), {
            self.0.io("http")?.client.clear_cookies();
            Ok(())
        })
    }

    fn close_connections(&mut self) -> wasmtime::Result<()> {
        traced!(self, "http.close-connections", (), {
            self.0.io("http")?.client.close_connections();
            Ok(())
        })
    }

    fn configure(&mut self, config: wit::ClientConfig) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced!(self, "http.configure", (config), {
            let change = ClientChanges {
                authorities: config.authorities,
                identity: config.identity,
                insecure: config.insecure,
                resumption: config.resumption,
                proxy: config.proxy,
                local_address: config.local_address,
                user_agent: config.user_agent,
            };
            Ok(self
                .0
                .io("http")?
                .client
                .configure(change)
                .map_err(ErrorCode::from))
        })
    }
}

impl HostPending for View<'_> {
    fn subscribe(
        &mut self,
        pending: Resource<PendingHandle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "http.pending.subscribe", (pending), {
            let slot = self.0.table.get(&pending)?.0.get().clone();
            let done = self.0.table.push(Done(Pinned::new(slot)))?;
            subscribe(&mut self.0.table, done)
        })
    }

    async fn finish(&mut self, pending: Resource<PendingHandle>) -> Sent {
        traced_async!(self, "http.pending.finish", (pending), {
            let slot = self.0.table.get(&pending)?.0.get().clone();
            let answer = PinnedFuture::new(async move {
                slot.ready().await;
                slot.take()
            })
            .await;
            self.deliver(answer)
        })
    }

    fn drop(&mut self, pending: Resource<PendingHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(pending)?;
        Ok(())
    }
}

impl HostResponse for View<'_> {
    fn status(&mut self, this: Resource<ResponseHandle>) -> wasmtime::Result<u16> {
        traced!(self, "http.response.status", (this), {
            Ok(self.response(&this)?.status())
        })
    }

    fn version(&mut self, this: Resource<ResponseHandle>) -> wasmtime::Result<wit::Version> {
        traced!(self, "http.response.version", (this), {
            Ok(match self.response(&this)?.version() {
                Version::Http10 => wit::Version::Http10,
                Version::Http11 => wit::Version::Http11,
                Version::Http2 => wit::Version::Http2,
            })
        })
    }

    fn url(&mut self, this: Resource<ResponseHandle>) -> wasmtime::Result<String> {
        traced!(self, "http.response.url", (this), {
            Ok(self.response(&this)?.url().into_owned())
        })
    }

    fn redirects(&mut self, this: Resource<ResponseHandle>) -> wasmtime::Result<u32> {
        traced!(self, "http.response.redirects", (this), {
            Ok(self.response(&this)?.redirects())
        })
    }

    fn headers(
        &mut self,
        this: Resource<ResponseHandle>,
    ) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        traced!(self, "http.response.headers", (this), {
            Ok(self.response(&this)?.headers())
        })
    }

    fn header(
        &mut self,
        this: Resource<ResponseHandle>,
        name: String,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        traced!(self, "http.response.header", (this, name), {
            Ok(self.response(&this)?.header(&name).map(<[u8]>::to_vec))
        })
    }

    fn body_length(&mut self, this: Resource<ResponseHandle>) -> wasmtime::Result<u64> {
        traced!(self, "http.response.body-length", (this), {
            Ok(self.response(&this)?.body_length())
        })
    }

    fn body(
        &mut self,
        this: Resource<ResponseHandle>,
    ) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        traced!(self, "http.response.body", (this), {
            Ok(self
                .response(&this)?
                .body()
                .map(Cow::into_owned)
                .map_err(ErrorCode::from))
        })
    }

    fn timings(&mut self, this: Resource<ResponseHandle>) -> wasmtime::Result<wit::Timings> {
        traced!(self, "http.response.timings", (this), {
            let timings = self.response(&this)?.timings();
            Ok(wit::Timings {
                blocked: nanos(timings.blocked),
                resolving: nanos(timings.resolving),
                connecting: nanos(timings.connecting),
                tls_handshaking: nanos(timings.tls),
                sending: nanos(timings.sending),
                waiting: nanos(timings.waiting),
                receiving: nanos(timings.receiving),
                duration: nanos(timings.duration()),
            })
        })
    }

    fn remote_address(
        &mut self,
        this: Resource<ResponseHandle>,
    ) -> wasmtime::Result<Option<String>> {
        traced!(self, "http.response.remote-address", (this), {
            Ok(Some(self.response(&this)?.remote_address().to_string()))
        })
    }

    fn drop(&mut self, this: Resource<ResponseHandle>) -> wasmtime::Result<()> {
        let dropped = self.0.table.delete(this)?;
        let kept_bytes = dropped.0.get().kept_bytes();
        self.0.bodies_bytes = self.0.bodies_bytes.saturating_sub(kept_bytes);
        Ok(())
    }
}
