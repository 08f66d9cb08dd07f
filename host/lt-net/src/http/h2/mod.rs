//! HTTP/2 (RFC 9113) by the `h2` crate: one connection per user and origin, its frames driven by a task of its own, its
//! streams shared by the user's exchanges.

mod head;

use std::cell::Cell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::h2::client::{Builder, ResponseFuture, SendRequest};
use ::h2::{Reason, SendStream};
use ::http::Response;
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use super::h1::receive::Kept;
use super::h1::{Broken, CONTINUE_WAIT};
use super::progress::Progress;
use super::{Body, Exchange, HEAD_BYTES_MAX, Head};
use crate::dial::Dialed;
use crate::dial::tcp::Counters;
use crate::error::NetError;
use crate::timings::Phase;
use crate::tls::TlsInfo;

/// Bytes a server may send on one stream ahead of our reading. Bodies are taken in as they arrive, so this costs no memory
/// by itself; it bounds throughput to a mebibyte per round trip (browsers: 6 MiB, curl: 10 MiB, the default: 64 KiB).
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same for all streams of a connection together.
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// Size of a head at which the library stops decoding it, with an error that could mean anything; larger than our limit, so
/// that most heads over the limit are called by their name.
const HEADER_LIST_BYTES_MAX: u32 = 256 << 10;
/// How long a connection that nobody needs may take to say goodbye to a peer that does not read.
const GOODBYE_MAX: Duration = Duration::from_secs(1);
/// An exchange given up after this long without a byte of the peer takes its connection with it: a peer that vanished without
/// a word looks like one that is slow, and every exchange that follows would wait for it in vain. One that was only slow
/// costs a new connection.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Data handed to a stream at a time.
const UPLOAD_STEP_BYTES: usize = 64 << 10;

/// A response as it came.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Kept,
}

/// One connection, shared by the exchanges on it. Dropping the last reference ends it.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Bytes>,
    pub(crate) remote: SocketAddr,
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) counters: Rc<Counters>,
    /// Whether it has carried an exchange.
    pub(crate) used: Cell<bool>,
    /// Streams open; kept here, because the place in the queue is what `blocked` measures.
    active: Cell<usize>,
    place_free: Notify,
    /// How many bytes had come when an exchange last looked, and when that was first seen.
    heard: Cell<(u64, Instant)>,
    /// Set by the driver when it has ended, and by exchanges that learned that no more streams are welcome or that nothing
    /// comes any more.
    closed: Rc<Cell<bool>>,
    /// Tells the driver, by being dropped, that nobody needs the connection.
    _needed: oneshot::Sender<()>,
}

/// Say hello and start the driver. Does not wait for the server: its settings come with its first answer.
pub(crate) async fn connect(dialed: Dialed) -> Result<Rc<Connection>, NetError> {
    let wire = dialed.stream.wire();
    let (remote, counters) = (wire.remote(), wire.counters().clone());
    let (sender, connection) = Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .handshake(dialed.stream)
        .await
        .map_err(|error| error_of(&error))?;
    let closed = Rc::new(Cell::new(false));
    let (needed, unneeded) = oneshot::channel::<()>();
    let ended = closed.clone();
    tokio::task::spawn_local(async move {
        let mut connection = pin!(connection);
        let outcome = tokio::select! {
            outcome = connection.as_mut() => Some(outcome),
            _ = unneeded => timeout(GOODBYE_MAX, connection.as_mut()).await.ok(),
        };
        ended.set(true);
        tracing::trace!(?outcome, "HTTP/2 connection ended");
    });
    Ok(Rc::new(Connection {
        sender,
        remote,
        tls: dialed.tls,
        heard: Cell::new((counters.received.get(), Instant::now())),
        counters,
        used: Cell::new(false),
        active: Cell::new(0),
        place_free: Notify::new(),
        closed,
        _needed: needed,
    }))
}

impl Connection {
    /// Whether new exchanges may use it.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.get()
    }

    /// Note whether anything has come since the last time, and return the time.
    fn listen(&self) -> Instant {
        let (received, now) = (self.counters.received.get(), Instant::now());
        if self.heard.get().0 != received {
            self.heard.set((received, now));
        }
        now
    }

    /// Wait until the server allows one more stream.
    async fn place(&self) -> Place<'_> {
        loop {
            let freed = self.place_free.notified();
            if self.active.get() < self.sender.current_max_send_streams().max(1) || !self.is_open()
            {
                self.active.set(self.active.get() + 1);
                return Place(self);
            }
            freed.await;
        }
    }
}

/// One exchange's ear on the connection. An answer is news, so only one that is given up finds silence at its end.
struct Listener<'a> {
    connection: &'a Connection,
    since: Instant,
}

impl<'a> Listener<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            since: connection.listen(),
        }
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let now = self.connection.listen();
        let (_, heard) = self.connection.heard.get();
        // Before the exchange there was nothing to answer.
        if now.duration_since(heard.max(self.since)) >= SILENCE_MAX {
            self.connection.closed.set(true);
        }
    }
}

/// One of the streams that the server allows.
struct Place<'a>(&'a Connection);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get() - 1);
        self.0.place_free.notify_waiters();
    }
}

/// Send the request and read the response to its end. `sending` ends when the last frame was handed to the driver, which
/// writes it in the same turn of the event loop.
pub(crate) async fn exchange(
    connection: &Connection,
    request: &Exchange<'_>,
    progress: &Progress,
) -> Result<Received, Broken> {
    let _listener = Listener::new(connection);
    let _place = connection.place().await;
    let reused = connection.used.replace(true);
    let outcome = run(connection, request, progress).await;
    outcome.map_err(|failed| {
        // The peer has said that it did not and will not process this stream (RFC 9113, sections 6.8 and 8.7).
        let refused = failed.h2.as_ref().is_some_and(|error| {
            error.is_remote()
                && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
        });
        let lost = failed.h2.as_ref().is_some_and(|error| !error.is_reset());
        if lost {
            connection.closed.set(true);
        }
        // An old connection that ends without a word may have ended before it saw the request.
        let unanswered = !failed.answered
            && (refused || (reused && failed.h2.as_ref().is_some_and(|error| error.is_io())));
        Broken {
            error: failed.error,
            unanswered,
            unsent: refused,
        }
    })
}

struct Failed {
    error: NetError,
    h2: Option<::h2::Error>,
    answered: bool,
}

impl From<::h2::Error> for Failed {
    fn from(error: ::h2::Error) -> Self {
        Self {
            error: error_of(&error),
            h2: Some(error),
            answered: false,
        }
    }
}

async fn run(
    connection: &Connection,
    request: &Exchange<'_>,
    progress: &Progress,
) -> Result<Received, Failed> {
    let mut sender = connection.sender.clone().ready().await?;
    progress.clock.enter(Phase::Sending);
    let head = head::of(request).map_err(|error| Failed {
        error,
        h2: None,
        answered: false,
    })?;
    let body = request.body.bytes();
    let (mut response, stream) = sender.send_request(head, body.is_empty())?;
    drop(sender);
    if body.is_empty() {
        progress.clock.enter(Phase::Waiting);
        let response = response.await?;
        return receive(response, None, request, progress).await;
    }
    if request.expect_continue {
        await_continue(&mut response).await;
    }
    let bytes = match request.body {
        Body::Bytes(bytes) | Body::Chunked(bytes) => bytes.clone(),
        Body::None => Bytes::new(),
    };
    let mut upload = Upload {
        stream: Some(stream),
        rest: bytes,
        asked: 0,
    };
    let response = poll_fn(|cx| {
        if upload.poll(cx) && progress.clock.phase() == Phase::Sending {
            progress.clock.enter(Phase::Waiting);
        }
        Pin::new(&mut response).poll(cx)
    })
    .await?;
    receive(response, Some(upload), request, progress).await
}

/// Wait for `100 Continue` or anything else that the server says, but not for long.
async fn await_continue(response: &mut ResponseFuture) {
    let informed = poll_fn(|cx| response.poll_informational(cx));
    // On timeout the body is sent anyway; an error shows again when the response is awaited.
    let _ = timeout(CONTINUE_WAIT, informed).await;
}

/// Read the body, and go on with an upload that is not finished: a server may answer before it has taken in everything.
async fn receive(
    response: Response<::h2::RecvStream>,
    mut upload: Option<Upload>,
    request: &Exchange<'_>,
    progress: &Progress,
) -> Result<Received, Failed> {
    progress.clock.enter(Phase::Receiving);
    let (parts, mut stream) = response.into_parts();
    let head = Head::from_fields(
        parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes())),
    );
    if head.length() > HEAD_BYTES_MAX {
        return Err(Failed {
            error: NetError::HeadTooLarge,
            h2: None,
            answered: true,
        });
    }
    let mut body = Kept::new(request.keep_body, request.body_bytes_max);
    let answered = |error: ::h2::Error| Failed {
        answered: true,
        ..Failed::from(error)
    };
    loop {
        let data = poll_fn(|cx| {
            if let Some(upload) = &mut upload {
                upload.poll(cx);
            }
            stream.poll_data(cx)
        });
        match data.await {
            Some(Ok(data)) => {
                body.push(&data);
                // Give the window back at once: nothing is buffered here.
                stream
                    .flow_control()
                    .release_capacity(data.len())
                    .map_err(answered)?;
            }
            // Also a reset that names no error: one after the end of the body, by which a server tells us to stop sending
            // (RFC 9113, section 8.1), is not seen here, so this one cuts the body short.
            Some(Err(error)) => return Err(answered(error)),
            None => {
                stream.trailers().await.map_err(answered)?;
                break;
            }
        }
    }
    Ok(Received {
        status: parts.status.as_u16(),
        head,
        body,
    })
}

/// A request body on its way, within the windows that the server grants.
struct Upload {
    /// None once all is handed over, or the server wants no more.
    stream: Option<SendStream<Bytes>>,
    rest: Bytes,
    asked: usize,
}

impl Upload {
    /// Hand over as much as the windows allow. Returns whether there is nothing more to do; why the server refused more shows
    /// in the response.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(stream) = &mut self.stream {
            if self.asked == 0 {
                self.asked = self.rest.len().min(UPLOAD_STEP_BYTES);
                stream.reserve_capacity(self.asked);
            }
            let granted = match stream.poll_capacity(cx) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(granted))) => granted.min(self.rest.len()),
                Poll::Ready(_) => {
                    self.stream = None;
                    break;
                }
            };
            if granted == 0 {
                continue;
            }
            self.asked = self.asked.saturating_sub(granted);
            let data = self.rest.split_to(granted);
            let last = self.rest.is_empty();
            if stream.send_data(data, last).is_err() || last {
                self.stream = None;
            }
        }
        true
    }
}

/// What an HTTP/2 error means.
fn error_of(error: &::h2::Error) -> NetError {
    if let Some(io) = error.get_io() {
        // How the library says that the peer ended the connection.
        let ended = io.kind() == std::io::ErrorKind::BrokenPipe;
        return if ended {
            NetError::ConnectionClosed
        } else {
            NetError::from_io(io)
        };
    }
    match error.reason() {
        Some(reason) => NetError::Http2(reason.into()),
        None => NetError::Other(error.to_string()),
    }
}

#[cfg(test)]
mod alpn_tests;
#[cfg(test)]
mod tests;
