//! HTTP/1.1 and 1.0 over one connection: our own client, because a request should cost two system calls and an idle
//! connection nothing but its socket. Bytes are read into one buffer per thread, borrowed only inside a poll; a connection
//! keeps bytes of its own only while a response head is incomplete.

pub(crate) mod chunk;
pub(crate) mod receive;
pub(crate) mod render;
pub(crate) mod upgrade;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::receive::{Kept, Receiver};
use self::render::{Upload, render_head, render_small_body};
use super::Exchange;
use super::progress::Progress;
use crate::dial::proxy::Proxy;
use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::timings::Phase;
use crate::tls::TlsInfo;

/// The read buffer of a thread: whole small responses in one read, and few reads for large ones.
const READ_BUFFER_BYTES: usize = 64 << 10;
/// A write buffer grown past this by one unusual request is given back.
const WRITE_BUFFER_KEPT_BYTES_MAX: usize = 64 << 10;
/// Reads or writes in a row before other users of the thread get their turn: a mebibyte, some 100 µs.
const STEPS_PER_POLL_MAX: usize = 16;
/// Longest wait for `100 Continue`; then the body is sent anyway (RFC 9110, section 10.1.1). As in Go's client.
pub(crate) const CONTINUE_WAIT: Duration = Duration::from_secs(1);

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into_boxed_slice());
    static WRITE_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) tls: Option<TlsInfo>,
}

/// A response with what the pool needs to know.
pub(crate) struct Received {
    pub(crate) receiver: Receiver,
    /// Whether the connection may carry another request.
    pub(crate) reusable: bool,
}

/// A failed exchange with what decides about a retry.
pub(crate) struct Broken {
    pub(crate) error: NetError,
    /// The connection failed before any byte of a response: the server may not have seen the request at all.
    pub(crate) unanswered: bool,
    /// Not even the first write was accepted: the server has certainly not seen it.
    pub(crate) unsent: bool,
}

/// Send the request and read the response to its end.
pub(crate) async fn exchange(
    connection: &mut Connection,
    request: &Exchange<'_>,
    proxy: Option<&Proxy>,
    progress: &Progress,
) -> Result<Received, Broken> {
    let body = Kept::new(request.keep_body, request.body_bytes_max);
    let mut receiver = Receiver::new(*request.method == Method::HEAD, body);
    progress.clock.enter(Phase::Sending);
    let sent_before = connection.stream.wire().counters().sent.get();
    // Ready at its first poll; a poll is needed only for its context.
    let (close, written) =
        poll_fn(|cx| Poll::Ready(write_first(&mut connection.stream, request, proxy, cx))).await;
    let done = match written {
        First::Complete => {
            progress.clock.enter(Phase::Waiting);
            let stream = &mut connection.stream;
            poll_fn(|cx| poll_receive(stream, &mut receiver, progress, Phase::Waiting, cx)).await
        }
        First::Unfinished(upload, failed) => {
            // Rare and large: not in the future of every request.
            let wait = request.expect_continue && upload_waits(request);
            Box::pin(converse(
                &mut connection.stream,
                &mut receiver,
                upload,
                failed,
                wait,
                progress,
            ))
            .await
        }
    };
    match done {
        Ok(sent_all) => {
            let reusable = receiver.reusable && sent_all && !close;
            Ok(Received { receiver, reusable })
        }
        Err(error) => {
            let unsent = connection.stream.wire().counters().sent.get() == sent_before;
            Err(Broken {
                error,
                unanswered: !receiver.answered,
                unsent,
            })
        }
    }
}

fn upload_waits(request: &Exchange<'_>) -> bool {
    !request.body.bytes().is_empty()
}

/// How far the first write came.
enum First<'a> {
    /// Everything is with the kernel.
    Complete,
    /// There is more to write, or the write failed and only a response may still come.
    Unfinished(Upload<'a>, Option<io::Error>),
}

/// Write the head, and the body if it is small, in one system call.
fn write_first<'a>(
    stream: &mut Stream,
    request: &Exchange<'a>,
    proxy: Option<&Proxy>,
    cx: &mut Context<'_>,
) -> (bool, First<'a>) {
    WRITE_BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        let close = render_head(request, proxy, buffer);
        let waits = request.expect_continue && upload_waits(request);
        let whole = !waits && render_small_body(request.body, buffer);
        let written = Pin::new(&mut *stream).poll_write(cx, buffer);
        let (length, failed) = match written {
            Poll::Ready(Ok(length)) => (length, None),
            Poll::Ready(Err(error)) => (0, Some(error)),
            Poll::Pending => (0, None),
        };
        if whole && length == buffer.len() && Pin::new(stream).poll_flush(cx).is_ready() {
            // A failed flush shows again at the read that follows.
            if buffer.capacity() > WRITE_BUFFER_KEPT_BYTES_MAX {
                *buffer = Vec::new();
            }
            return (close, First::Complete);
        }
        let rest = buffer[length..].to_vec();
        let upload = if whole {
            Upload::rest(rest)
        } else {
            Upload::new(rest, request.body)
        };
        (close, First::Unfinished(upload, failed))
    })
}

/// Write and read at the same time: a server may answer, or fail, before it has taken in a large body, and one that waits
/// for us to read before it reads on must not wait for ever. Returns whether all was written.
async fn converse(
    stream: &mut Stream,
    receiver: &mut Receiver,
    upload: Upload<'_>,
    failed: Option<io::Error>,
    wait_for_continue: bool,
    progress: &Progress,
) -> Result<bool, NetError> {
    let mut sender = Sender {
        upload,
        failed,
        flushed: false,
        hold: wait_for_continue,
    };
    if wait_for_continue {
        let answered = poll_fn(|cx| {
            if let Err(error) = sender.poll(stream, cx) {
                sender.failed = Some(error);
            }
            poll_until_continued(stream, receiver, progress, cx)
        });
        // After the wait, or without an answer, the body goes out.
        if let Ok(answered) = tokio::time::timeout(CONTINUE_WAIT, answered).await {
            answered?;
        }
        sender.hold = false;
    }
    poll_fn(|cx| {
        if receiver.is_done() {
            return Poll::Ready(Ok(()));
        }
        if let Err(error) = sender.poll(stream, cx) {
            sender.failed = Some(error);
        } else if sender.flushed && progress.clock.phase() == Phase::Sending {
            progress.clock.enter(Phase::Waiting);
        }
        let phase = if sender.flushed {
            Phase::Waiting
        } else {
            Phase::Sending
        };
        match poll_receive(stream, receiver, progress, phase, cx) {
            // Without a response the reason is why we could not send, not that nothing came.
            Poll::Ready(Err(error)) if !receiver.has_started() => {
                Poll::Ready(Err(sender.failed.as_ref().map_or(error, NetError::from_io)))
            }
            Poll::Ready(done) => Poll::Ready(done.map(|_| ())),
            Poll::Pending => Poll::Pending,
        }
    })
    .await?;
    Ok(sender.flushed)
}

/// The writing half of [`converse`].
struct Sender<'a> {
    upload: Upload<'a>,
    /// Why no more can be written.
    failed: Option<io::Error>,
    flushed: bool,
    /// Whether to stop before the body.
    hold: bool,
}

impl Sender<'_> {
    /// Write as much as the kernel takes.
    fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> io::Result<()> {
        if self.flushed || self.failed.is_some() {
            return Ok(());
        }
        for _ in 0..STEPS_PER_POLL_MAX {
            let held = self.hold && self.upload.at_body();
            let bytes = if held { &[] } else { self.upload.next() };
            if bytes.is_empty() {
                if Pin::new(&mut *stream).poll_flush(cx)?.is_ready() {
                    self.flushed = !held;
                }
                return Ok(());
            }
            match Pin::new(&mut *stream).poll_write(cx, bytes)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(length) => self.upload.advance(length),
                Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }
}

/// Read until `100 Continue`, or the final response, or an error: the second and third are seen again by who reads on.
fn poll_until_continued(
    stream: &mut Stream,
    receiver: &mut Receiver,
    progress: &Progress,
    cx: &mut Context<'_>,
) -> Poll<Result<(), NetError>> {
    match poll_read_step(stream, receiver, progress, Phase::Sending, cx) {
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Ready(Ok(())) if receiver.continued || receiver.is_done() => Poll::Ready(Ok(())),
        Poll::Ready(Ok(())) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Pending,
    }
}

/// Read until the response is complete.
fn poll_receive(
    stream: &mut Stream,
    receiver: &mut Receiver,
    progress: &Progress,
    before: Phase,
    cx: &mut Context<'_>,
) -> Poll<Result<bool, NetError>> {
    for _ in 0..STEPS_PER_POLL_MAX {
        ready!(poll_read_step(stream, receiver, progress, before, cx))?;
        if receiver.is_done() {
            return Poll::Ready(Ok(true));
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// One read. `before` is the phase to fall back to when all that came was an interim response.
fn poll_read_step(
    stream: &mut Stream,
    receiver: &mut Receiver,
    progress: &Progress,
    before: Phase,
    cx: &mut Context<'_>,
) -> Poll<Result<(), NetError>> {
    poll_read_beyond(stream, receiver, progress, before, &mut |_| (), cx)
}

/// The same, with what came behind the response handed on.
fn poll_read_beyond(
    stream: &mut Stream,
    receiver: &mut Receiver,
    progress: &Progress,
    before: Phase,
    beyond: &mut dyn FnMut(&[u8]),
    cx: &mut Context<'_>,
) -> Poll<Result<(), NetError>> {
    poll_read_once(stream, cx, |_, read| {
        if read.is_empty() {
            return receiver.end();
        }
        progress.clock.enter(Phase::Receiving);
        let fed = receiver.feed(read).map(&mut *beyond);
        if fed.is_ok() && !receiver.has_started() {
            progress.clock.enter(before);
        }
        fed
    })
}

/// Read once into the buffer of the thread, and hand on what came: nothing at the end of the stream.
pub(crate) fn poll_read_once<T>(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    take: impl FnOnce(&Stream, &[u8]) -> Result<T, NetError>,
) -> Poll<Result<T, NetError>> {
    READ_BUFFER.with_borrow_mut(|buffer| {
        let mut read = ReadBuf::new(buffer);
        if let Err(error) = ready!(Pin::new(&mut *stream).poll_read(cx, &mut read)) {
            return Poll::Ready(Err(NetError::from_io(&error)));
        }
        Poll::Ready(take(stream, read.filled()))
    })
}

#[cfg(test)]
mod tests;
