//! One open socket: a task that reads, hands on what came, and writes what its outbox holds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::outbox::{End, Next};
use super::{Counters, Message, Outbox};
use crate::target::Shared;

/// Buffer of a socket for reading, which it keeps. With it, 15 000 idle sockets take some 100 MB.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// Bytes that are put together into one write.
const WRITE_BYTES: usize = 4 << 10;
/// Messages that are read before others have their turn.
const READS_PER_TURN: usize = 32;
/// How long a client has to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client that broke the protocol has to read why it is closed. Without it, what it still sends would have the
/// kernel throw the close frame away.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes that are read at a time, and thrown away, while it has.
const LINGER_BYTES: usize = 4 << 10;

/// An open socket that nobody serves yet.
pub(in crate::target) struct Session {
    socket: WebSocketStream<TcpStream>,
    outbox: Arc<Outbox>,
    shared: Arc<Shared>,
}

impl Session {
    /// The socket of a connection that was just upgraded. `read` came after the request, `message_bytes_max` is the longest
    /// message to take.
    pub(super) async fn new(
        stream: TcpStream,
        read: &[u8],
        message_bytes_max: usize,
        shared: Arc<Shared>,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BYTES)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        let read = read.to_vec();
        let socket =
            WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await;
        Counters::add(&shared.counters.opened, 1);
        Self {
            socket,
            outbox: Arc::new(Outbox::default()),
            shared,
        }
    }

    /// What is to be written to this socket.
    pub(in crate::target) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// What all routes share.
    pub(in crate::target) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// `/ws/echo`: send back what comes.
    pub(super) async fn echo(self) {
        let outbox = self.outbox.clone();
        self.serve(move |message| outbox.push(message)).await;
    }

    /// Hand on texts and binaries as they come, and write what the outbox holds, until the connection ends. Pings are answered.
    pub(in crate::target) async fn serve(self, on_message: impl FnMut(Message)) {
        let mut serving = Serving {
            socket: self.socket,
            outbox: &self.outbox,
            counters: &self.shared.counters,
            on_message,
            closing: None,
        };
        let ended = std::future::poll_fn(|context| serving.poll(context)).await;
        let socket = serving.socket.into_inner();
        // What a room holds of this socket goes with it.
        drop(serving.on_message);
        self.outbox.finish();
        Counters::add(&self.shared.counters.ended, 1);
        match ended {
            Ended::Closed => {}
            Ended::TooSlow => Counters::add(&self.shared.counters.slow, 1),
            Ended::Broken => Box::pin(linger(socket)).await,
        }
    }
}

/// How a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// By a close frame, or the connection is gone.
    Closed,
    /// The client did not take what was sent to it.
    TooSlow,
    /// The client broke the protocol, or a bound, and was sent why.
    Broken,
}

/// A socket being served.
struct Serving<'a, F> {
    socket: WebSocketStream<TcpStream>,
    outbox: &'a Outbox,
    counters: &'a Counters,
    on_message: F,
    /// Runs from when a close frame was sent.
    closing: Option<Pin<Box<Sleep>>>,
}

impl<F: FnMut(Message)> Serving<'_, F> {
    /// One turn: read a little, then write all that is taken.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        if let Some(closing) = &mut self.closing
            && closing.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Ended::Closed);
        }
        let is_long = self.outbox.has_enough();
        let wants_more = match self.read(context, is_long) {
            Ok(wants_more) => wants_more,
            Err(ended) => return Poll::Ready(ended),
        };
        match self.write(context) {
            Poll::Ready(Err(ended)) => return Poll::Ready(ended),
            Poll::Pending => {
                self.outbox.block(context);
                if self.outbox.is_too_slow() {
                    return Poll::Ready(self.give_up(context));
                }
            }
            Poll::Ready(Ok(())) => {}
        }
        if wants_more && !self.outbox.has_enough() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Read some messages; none while the client does not take its answers. Returns whether there may be more.
    fn read(&mut self, context: &mut Context<'_>, is_long: bool) -> Result<bool, Ended> {
        if is_long {
            return Ok(true);
        }
        let (mut reads, mut received) = (0, 0);
        let result = loop {
            if reads >= READS_PER_TURN || self.outbox.has_enough() {
                break Ok(true);
            }
            match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Pending => break Ok(false),
                Poll::Ready(Some(Ok(message))) => {
                    reads += 1;
                    if (message.is_text() || message.is_binary()) && self.closing.is_none() {
                        received += 1;
                        (self.on_message)(message);
                    }
                }
                Poll::Ready(Some(Err(error))) => break Err(self.break_off(&error, context)),
                Poll::Ready(None) => break Err(Ended::Closed),
            }
        };
        Counters::add(&self.counters.received, received);
        result
    }

    /// Write what the outbox holds, put together where it is short.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let mut sent = 0;
        let result = loop {
            match Pin::new(&mut self.socket).poll_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => break Poll::Ready(Err(Ended::Closed)),
                Poll::Pending => break Poll::Pending,
            }
            if self.closing.is_some() {
                break Poll::Ready(Ok(()));
            }
            let message = match self.outbox.next(context) {
                Next::Send(message) => {
                    sent += 1;
                    message
                }
                Next::Wait => break Poll::Ready(Ok(())),
                Next::End(End::Close(code, reason)) => {
                    self.closing = Some(Box::pin(tokio::time::sleep(CLOSE_TIMEOUT)));
                    // Its timer is asked in the next turn.
                    context.waker().wake_by_ref();
                    close_frame(code, reason)
                }
                Next::End(End::TooSlow | End::Gone) => {
                    break Poll::Ready(Err(self.give_up(context)));
                }
            };
            if Pin::new(&mut self.socket).start_send(message).is_err() {
                break Poll::Ready(Err(Ended::Closed));
            }
        };
        Counters::add(&self.counters.sent, sent);
        ready!(result)?;
        Pin::new(&mut self.socket)
            .poll_flush(context)
            .map_err(|_| Ended::Closed)
    }

    /// Drop a client that is too slow, with a close frame if that can be had at once.
    fn give_up(&mut self, context: &mut Context<'_>) -> Ended {
        self.try_close(CloseCode::Again, "too slow", context);
        Ended::TooSlow
    }

    /// What an error of reading means, and tell the client if it was its own.
    fn break_off(&mut self, error: &Error, context: &mut Context<'_>) -> Ended {
        let (code, reason) = match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                (CloseCode::Size, "the message is too long")
            }
            Error::Utf8(_) => (CloseCode::Invalid, "not UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => {
                return Ended::Closed;
            }
            _ => (CloseCode::Protocol, "against the protocol"),
        };
        self.try_close(code, reason, context);
        Ended::Broken
    }

    /// Send a close frame without waiting: whatever comes of it, the connection is ended next.
    fn try_close(&mut self, code: CloseCode, reason: &'static str, context: &mut Context<'_>) {
        let mut socket = Pin::new(&mut self.socket);
        if let Poll::Ready(Ok(())) = socket.as_mut().poll_ready(context)
            && socket
                .as_mut()
                .start_send(close_frame(code, reason))
                .is_ok()
        {
            drop(socket.poll_flush(context));
        }
    }
}

fn close_frame(code: CloseCode, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}

/// End a connection so that the client can still read the close frame: what it sends meanwhile is thrown away.
async fn linger(mut stream: TcpStream) {
    let reading = async {
        // A client that is gone needs no more care.
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut thrown_away = vec![0; LINGER_BYTES];
        while let Ok(1..) = stream.read(&mut thrown_away).await {}
    };
    drop(tokio::time::timeout(LINGER, reading).await);
}
