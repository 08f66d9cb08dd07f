//! A stream to a server, whatever it goes over: bytes of TCP or TLS, or the frames of a WebSocket (RFC 7395). Elements out,
//! text in; all state is in it, so that every call may be given up and made again.

mod frames;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::Instant;

use self::frames::Frames;
use super::framer::{Event, FrameError, Framer, Mode};
use super::namespace::with_namespace;
pub(crate) use super::scan::escape;
use super::{Condition, XmppError};
use crate::dial::tcp::{Stream, Wire};
use crate::error::NetError;
use crate::websocket::Opened;

/// Bytes of one read. Every stamp holds for what was read with it; a larger buffer would only save calls on floods.
const READ_BYTES: usize = 16 << 10;
/// Reads without a whole element before the neighbours get their turn: a stanza of the default limit.
const READS_PER_POLL: usize = 16;

thread_local! {
    /// Shared by all streams of a thread, so that an idle one has no buffer.
    static READ_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A stream to a server: a byte stream or the frames of a WebSocket, and the framer.
#[derive(Debug)]
pub(crate) struct Channel {
    io: Io,
    framer: Framer,
    /// What was read behind the last element.
    rest: Rest,
    /// What was given to send and is not written yet; over a WebSocket the frames keep it.
    out: Vec<u8>,
    /// How much of `out` is written.
    out_done: usize,
    /// Whether TLS may hold bytes back.
    is_unflushed: bool,
}

/// What a stream goes over.
#[derive(Debug)]
enum Io {
    Bytes(Stream),
    /// Boxed: the many streams over TCP should not pay for it.
    Frames(Box<Frames>),
    /// It was cut, or is on its way into TLS.
    Gone,
}

/// Bytes that wait for their turn.
#[derive(Debug)]
struct Rest {
    bytes: Vec<u8>,
    done: usize,
    arrived: Instant,
}

/// Why a stream does not go on.
#[derive(Debug)]
pub(crate) enum ChannelError {
    /// The connection failed.
    Net(NetError),
    /// What came is not XMPP, or over a limit.
    Frame(FrameError),
    /// The connection ended without the stream's end.
    Ended,
}

impl ChannelError {
    fn of(error: &io::Error) -> Self {
        match NetError::from_io(error) {
            // TLS that ends without saying so.
            NetError::ConnectionClosed => Self::Ended,
            other => Self::Net(other),
        }
    }
}

impl From<ChannelError> for XmppError {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::Net(error) => Self::Net(error),
            ChannelError::Ended => Self::Net(NetError::ConnectionClosed),
            ChannelError::Frame(error) => {
                let condition = Condition {
                    condition: error.condition.to_owned(),
                    text: error.text,
                };
                if error.too_large {
                    Self::TooLarge(condition)
                } else {
                    Self::Protocol(condition)
                }
            }
        }
    }
}

impl Channel {
    /// Whose stream it is: whom a stanza without `from` has come from.
    pub(crate) fn set_own(&mut self, bare: &str) {
        self.framer.set_own(bare.into());
    }

    /// Over a connection that was just made: what arrives is stamped from now on.
    pub(crate) fn over(stream: Stream, stanza_bytes_max: usize) -> Self {
        stream.wire().stamp_arrivals();
        Self::new(
            Io::Bytes(stream),
            Framer::new(Mode::Stream, stanza_bytes_max),
        )
    }

    /// Over a WebSocket that was just opened, whose pump is spawned on this thread.
    pub(crate) fn over_websocket(opened: Opened, stanza_bytes_max: usize) -> Self {
        Self::new(
            Io::Frames(Box::new(Frames::new(opened))),
            Framer::new(Mode::Document, stanza_bytes_max),
        )
    }

    fn new(io: Io, framer: Framer) -> Self {
        Self {
            io,
            framer,
            rest: Rest {
                bytes: Vec::new(),
                done: 0,
                arrived: Instant::now(),
            },
            out: Vec::new(),
            out_done: 0,
            is_unflushed: false,
        }
    }

    /// The next thing that comes. Nothing is lost when it is not waited for.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, ChannelError>> {
        match &mut self.io {
            Io::Bytes(_) => {
                if let Some(event) = self.next_of_rest() {
                    return Poll::Ready(event);
                }
                let mut buffer = READ_BUFFER.take();
                buffer.resize(READ_BYTES, 0);
                let event = self.read(cx, &mut buffer);
                READ_BUFFER.replace(buffer);
                event
            }
            Io::Frames(frames) => frames.poll_next(&mut self.framer, cx),
            Io::Gone => Poll::Ready(Err(ChannelError::Ended)),
        }
    }

    /// What is whole of what was read before.
    fn next_of_rest(&mut self) -> Option<Result<Event, ChannelError>> {
        let rest = &mut self.rest;
        let mut input = rest.bytes.get(rest.done..).unwrap_or_default();
        if input.is_empty() {
            return None;
        }
        let event = self.framer.next(&mut input, rest.arrived);
        rest.done = rest.bytes.len() - input.len();
        if input.is_empty() {
            (rest.bytes, rest.done) = (Vec::new(), 0);
        }
        event.map_err(ChannelError::Frame).transpose()
    }

    fn read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<Event, ChannelError>> {
        let Io::Bytes(stream) = &mut self.io else {
            return Poll::Ready(Err(ChannelError::Ended));
        };
        for _ in 0..READS_PER_POLL {
            let mut filled = ReadBuf::new(buffer);
            match Pin::new(&mut *stream).poll_read(cx, &mut filled) {
                Poll::Pending => {
                    self.framer.idle();
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ChannelError::of(&error))),
                Poll::Ready(Ok(())) => {}
            }
            let mut input = filled.filled();
            if input.is_empty() {
                return Poll::Ready(Err(ChannelError::Ended));
            }
            let arrived = stream.wire().counters().arrived();
            let event = self.framer.next(&mut input, arrived);
            self.rest.bytes.extend_from_slice(input);
            self.rest.arrived = arrived;
            if let Some(event) = event.map_err(ChannelError::Frame).transpose() {
                return Poll::Ready(event);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Send this, after what was given before. Over a WebSocket it is one frame.
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        match &mut self.io {
            Io::Bytes(_) => self.out.extend_from_slice(bytes),
            Io::Frames(frames) => frames.queue(bytes),
            Io::Gone => {}
        }
    }

    /// Send an element as the stream needs it: a frame of its own says what namespace it is in (RFC 7395, section 3.3), and has no white
    /// space around it.
    pub(crate) fn queue_element(&mut self, xml: &str) {
        if self.is_websocket() {
            self.queue(with_namespace(xml.trim()).as_bytes());
        } else {
            self.queue(xml.as_bytes());
        }
    }

    /// Keep a connection alive over which white space may not go (RFC 7395, section 3.8): by a ping of the WebSocket. Returns whether
    /// there is one.
    pub(crate) fn ping_websocket(&self) -> bool {
        match &self.io {
            Io::Frames(frames) => frames.ping(),
            Io::Bytes(_) | Io::Gone => false,
        }
    }

    /// Bytes that were given to [`Channel::queue`] and are not with the kernel, or TLS, yet.
    pub(crate) fn queued(&self) -> usize {
        match &self.io {
            Io::Frames(frames) => frames.queued(),
            Io::Bytes(_) | Io::Gone => self.out.len() - self.out_done,
        }
    }

    /// Ready when all that was queued is with the kernel.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ChannelError>> {
        match &mut self.io {
            Io::Bytes(_) => self.write(cx).map_err(|error| ChannelError::of(&error)),
            Io::Frames(frames) => frames.poll_flush(cx),
            Io::Gone => Poll::Ready(Err(ChannelError::Ended)),
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Io::Bytes(stream) = &mut self.io else {
            return Poll::Ready(Ok(()));
        };
        while let Some(rest) = self.out.get(self.out_done..)
            && !rest.is_empty()
        {
            self.is_unflushed = true;
            match Pin::new(&mut *stream).poll_write(cx, rest)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => self.out_done += written,
                Poll::Pending => return Poll::Pending,
            }
        }
        (self.out, self.out_done) = (Vec::new(), 0);
        if self.is_unflushed {
            match Pin::new(stream).poll_flush(cx)? {
                Poll::Ready(()) => self.is_unflushed = false,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The next thing that comes, while what is queued is sent. A peer that takes nothing more may have said why: that comes first.
    pub(crate) async fn next(&mut self) -> Result<Event, ChannelError> {
        poll_fn(|cx| {
            let flushed = self.poll_flush(cx);
            match (self.poll_next(cx), flushed) {
                (Poll::Ready(Err(ChannelError::Ended)), Poll::Ready(Err(error))) => {
                    Poll::Ready(Err(error))
                }
                (event, _) => event,
            }
        })
        .await
    }

    /// Wait until all that was queued is with the kernel. Given up, what is left goes with what is sent next.
    pub(crate) async fn flush(&mut self) -> Result<(), ChannelError> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Begin a stream, or begin it anew: the header (RFC 6120, section 4.7) or `<open/>` (RFC 7395, section 3.3) is queued, and the
    /// server's is awaited.
    pub(crate) fn open_stream(&mut self, domain: &str, from: Option<&str>) {
        self.framer.restart();
        let to = escape(domain);
        let from = from.map_or(String::new(), |from| format!(" from='{}'", escape(from)));
        let header = if self.is_websocket() {
            format!(
                "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'{from} to='{to}' version='1.0'/>"
            )
        } else {
            format!(
                "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                 xmlns:stream='http://etherx.jabber.org/streams'{from} to='{to}' version='1.0'>"
            )
        };
        self.queue(header.as_bytes());
    }

    /// Queue the stream's end.
    pub(crate) fn end_stream(&mut self) {
        let end: &[u8] = if self.is_websocket() {
            b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
        } else {
            b"</stream:stream>"
        };
        self.queue(end);
    }

    /// Queue a stream error (RFC 6120, section 4.9), and then the stream's end.
    pub(crate) fn end_with_error(&mut self, condition: &str) {
        let error = format!(
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        );
        self.queue(error.as_bytes());
        self.end_stream();
    }

    /// Whether each element is a frame of its own, with a namespace of its own, and there is no StartTLS.
    pub(crate) fn is_websocket(&self) -> bool {
        matches!(self.io, Io::Frames(_))
    }

    /// Bytes sent and received since the last call, TLS and frames included.
    pub(crate) fn take_bytes(&self) -> (u64, u64) {
        match &self.io {
            Io::Bytes(stream) => stream.wire().counters().take(),
            Io::Frames(frames) => frames.take_bytes(),
            Io::Gone => (0, 0),
        }
    }

    /// What the stream goes over, for whoever makes it TLS; the channel is of no use after that. Nothing if it is not plain, or if something
    /// came that the server should not have said before TLS (RFC 6120, section 5.4.3.3): whoever sits between may have put it there.
    pub(crate) fn take_plain(&mut self) -> Option<Wire> {
        let is_clean = self.rest.bytes.is_empty() && self.framer.is_between_elements();
        match std::mem::replace(&mut self.io, Io::Gone) {
            Io::Bytes(Stream::Plain(wire)) if is_clean => Some(wire),
            Io::Bytes(_) | Io::Frames(_) | Io::Gone => None,
        }
    }

    /// Acknowledge at once what arrives next: see [`Stream::quick_ack`].
    pub(crate) fn quick_ack(&self) {
        if let Io::Bytes(stream) = &self.io {
            stream.quick_ack();
        }
    }

    /// Send what is queued and then the end of the connection (FIN; over TLS its own end, over a WebSocket a close frame before). Ready when that is done, whatever came of it.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Io::Frames(frames) = &mut self.io {
            return frames.poll_shutdown(cx);
        }
        match self.write(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Ready(Ok(())) => {}
        }
        match &mut self.io {
            Io::Bytes(stream) => Pin::new(stream).poll_shutdown(cx).map(|_| ()),
            Io::Frames(_) | Io::Gone => Poll::Ready(()),
        }
    }

    /// Cut the connection, as a crash would: nothing more is sent, also not what is queued.
    pub(crate) fn abort(&mut self) {
        if let Io::Frames(frames) = &mut self.io {
            frames.abort();
        }
        self.io = Io::Gone;
        (self.out, self.out_done) = (Vec::new(), 0);
        self.rest.bytes = Vec::new();
    }
}

#[cfg(test)]
pub(super) use self::frames::tests::connected as connected_over_websocket;
#[cfg(test)]
mod tests;
