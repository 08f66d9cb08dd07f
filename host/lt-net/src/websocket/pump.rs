//! The task behind a socket: reads at once, stamps, answers pings, sends, keeps the clock, and closes.

mod receive;
mod transmit;

use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use super::codec::{CloseFrame, Decoder, Violation};
use super::outbox::Batch;
use super::socket::Socket;
use super::{Close, Ending, Message, Observer};
use crate::dial::tcp::Stream;
use crate::overdue::Overdue;
use crate::tls::{TlsInfo, info_of};
use crate::waiting::Timer;

/// Time to send the last close frame, and for the peer to close the connection first, which it should (RFC 6455,
/// section 7.1.1): an address that this side closes first is not free again for a minute. Nobody waits for it.
const LINGER: Duration = Duration::from_secs(1);

/// Where a connection is.
///
/// | from | when | to |
/// |---|---|---|
/// | `Open` | the user closes | `Closing` |
/// | `Open`, `Closing` | the peer's close frame came; or the connection fails, with a close frame to be sent | `Leaving` |
/// | `Open`, `Closing` | it is over without one: end of stream, error, no answer in time | `Done` |
/// | `Leaving` | the close frame is out, cannot be sent, or its time is over | `Lingering` (or `Done`, if nobody waits) |
/// | `Lingering` | the peer has closed the connection, or its time is over | `Done` |
///
/// The end is told once: on the way into `Lingering` or `Done`.
#[derive(Debug)]
enum State {
    Open,
    /// Our close frame is on its way; the peer's is waited for.
    Closing {
        until: Instant,
    },
    /// What came of it is known.
    Leaving {
        end: Box<End>,
        until: Instant,
        lingers: bool,
    },
    Lingering {
        until: Instant,
    },
    Done,
}

/// What came of a connection.
#[derive(Debug)]
struct End {
    ending: Ending,
    /// Of the peer's close frame, if one came: 1005 if it had none.
    code: Option<u16>,
    reason: String,
}

/// What drives a socket: a future to be spawned on the socket's thread.
#[derive(Debug)]
pub struct Pump {
    socket: Rc<Socket>,
    stream: Stream,
    decoder: Decoder,
    /// What came and is not a whole frame, or waits behind a message for which there is no room.
    pending: Vec<u8>,
    /// Whether to look at `pending` although nothing more came.
    is_pending_new: bool,
    arrived: Instant,
    /// A message for which there is no room (overflow `pause`).
    stalled: Option<Message>,
    /// Since when nothing is read for want of room.
    stalled_since: Option<Instant>,
    overdue: Overdue,
    /// What a write left over, and what it will have sent.
    out: Vec<u8>,
    out_done: usize,
    batch: Batch,
    is_unflushed: bool,
    /// Why there is no writing any more. What the peer said before it went away may still be read.
    broken: Option<io::Error>,
    state: State,
    /// Only while there is something to wait for.
    timer: Timer,
    opened: Instant,
}

impl Pump {
    pub(super) fn new(
        socket: Rc<Socket>,
        stream: Stream,
        rest: Vec<u8>,
        message_bytes_max: usize,
    ) -> Self {
        let now = Instant::now();
        Self {
            socket,
            stream,
            decoder: Decoder::new(message_bytes_max),
            is_pending_new: !rest.is_empty(),
            pending: rest,
            arrived: now,
            stalled: None,
            stalled_since: None,
            overdue: Overdue::default(),
            out: Vec::new(),
            out_done: 0,
            batch: Batch::default(),
            is_unflushed: false,
            broken: None,
            state: State::Open,
            timer: Timer::default(),
            opened: now,
        }
    }

    /// What is known of the TLS session that it goes over; `None` without TLS.
    pub(crate) fn tls(&self) -> Option<TlsInfo> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => Some(info_of(stream.get_ref().1)),
        }
    }

    /// Do what the socket needs until its connection has ended and its peer has closed, or could have. Dropping it before
    /// that ends the connection without a close frame; the user is told ([`Ending::Failed`]), the observer is not.
    ///
    /// With overflow `pause` and a full inbox nothing is read: pings are not answered, pongs not seen (so no ping times out),
    /// and the peer's end goes unnoticed until the user takes a message.
    pub fn run<O: Observer>(mut self, observer: O) -> impl Future<Output = ()> {
        // Not an `async fn`, which would keep what it was called with twice.
        std::future::poll_fn(move |cx| self.poll(cx, &observer))
    }

    fn poll(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> Poll<()> {
        self.socket.ends.keep_pump(cx);
        self.take_requests();
        let mut again = self.read(cx, observer);
        self.send_beats();
        if self.is_overdue(again) {
            self.give_up(observer);
        }
        self.write(cx, observer);
        if self.broken.is_some() && self.is_receiving() {
            // What is due cannot be sent.
            self.socket.schedule.borrow_mut().clear();
            again = again || self.read(cx, observer);
            // The end is told behind what came before it.
            if !again && self.is_receiving() && self.stalled.is_none() {
                self.end_broken(observer);
            }
        }
        self.settle(observer);
        if let State::Lingering { .. } = self.state {
            again |= self.discard(cx);
        } else if !matches!(self.state, State::Done) {
            self.tell_bytes(observer);
        }
        if self.is_done(cx) {
            return Poll::Ready(());
        }
        again |= self.keep_timer(cx);
        if again {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn take_requests(&mut self) {
        if !self.is_receiving() {
            return;
        }
        if self.socket.abandoned.get() {
            let reason = String::new();
            self.leave(Ending::ByUs, None, reason, Duration::ZERO);
            let frame = CloseFrame::new(Some(1001), "");
            self.socket.outbox.borrow_mut().close(frame);
        } else if let (State::Open, Some(request)) =
            (&self.state, self.socket.request.borrow().as_deref())
        {
            self.socket.outbox.borrow_mut().close(request.frame.clone());
            self.socket.schedule.borrow_mut().clear();
            self.state = State::Closing {
                until: request.until,
            };
        }
    }

    /// Whether what the peer sends is still of interest.
    fn is_receiving(&self) -> bool {
        matches!(self.state, State::Open | State::Closing { .. })
    }

    /// The connection cannot go on: tell the peer why, if it listens.
    fn fail(&mut self, violation: Violation) {
        let Violation { ending, code, what } = violation;
        self.leave(ending, None, what.to_owned(), LINGER);
        let frame = CloseFrame::new(Some(code), what);
        self.socket.outbox.borrow_mut().abort(frame);
    }

    /// Send what is to be sent, the close frame last, for so long at most. Without any time it is tried once.
    fn leave(&mut self, ending: Ending, code: Option<u16>, reason: String, time: Duration) {
        self.state = State::Leaving {
            end: Box::new(End {
                ending,
                code,
                reason,
            }),
            until: Instant::now() + time,
            lingers: !time.is_zero(),
        };
    }

    /// Whether all that was to be sent is with the kernel, the close frame included.
    fn is_close_sent(&self) -> bool {
        self.out.is_empty() && !self.is_unflushed && self.socket.outbox.borrow().is_close_encoded()
    }

    /// Tell the end if nothing more is to be sent before it.
    fn settle(&mut self, observer: &impl Observer) {
        if let State::Leaving { until, lingers, .. } = &self.state {
            let (until, lingers) = (*until, *lingers);
            if !self.is_close_sent() && self.broken.is_none() && Instant::now() < until {
                return;
            }
            let lingers = lingers && self.broken.is_none();
            let State::Leaving { end, .. } = mem::replace(&mut self.state, State::Done) else {
                return;
            };
            self.end(end.ending, end.code, end.reason, observer);
            if lingers {
                self.state = State::Lingering { until };
            }
        }
    }

    /// Until when the peer has to say something: the pong of a ping, or that it closes too.
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            // While nothing is read no pong can be seen, and over a broken connection none comes.
            State::Open if self.stalled.is_none() && self.broken.is_none() => {
                self.socket.pings.borrow().deadline()
            }
            State::Closing { until } => Some(*until),
            State::Open | State::Leaving { .. } | State::Lingering { .. } | State::Done => None,
        }
    }

    fn is_overdue(&mut self, is_more_to_read: bool) -> bool {
        let deadline = self.deadline();
        // Without one the clock is not looked at.
        let now = deadline.map_or(self.opened, |_| Instant::now());
        self.overdue
            .is_over(deadline, now, !is_more_to_read, self.arrived)
    }

    /// End the connection, because the peer is most likely gone: whoever waits for it waits in vain.
    fn give_up(&mut self, observer: &impl Observer) {
        if let State::Closing { .. } = self.state {
            let reason = "the peer did not answer the close frame in time".to_owned();
            self.end(Ending::CloseTimeout, None, reason, observer);
        } else {
            let reason = "no pong came in time".to_owned();
            self.leave(Ending::PingTimeout, None, reason.clone(), Duration::ZERO);
            let frame = CloseFrame::new(Some(1001), &reason);
            self.socket.outbox.borrow_mut().abort(frame);
        }
    }

    fn end_disconnected(&mut self, observer: &impl Observer) {
        let reason = if self.pending.is_empty() && !self.decoder.is_within_message() {
            "the connection ended without a close frame"
        } else {
            "the connection ended within a message"
        };
        self.end(Ending::Disconnected, None, reason.to_owned(), observer);
    }

    fn end_broken(&mut self, observer: &impl Observer) {
        if let Some(error) = self.broken.take() {
            self.end_failed(&error, observer);
        }
    }

    fn end_failed(&mut self, error: &io::Error, observer: &impl Observer) {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::UnexpectedEof => self.end_disconnected(observer),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected => {
                let reason = "the connection was reset".to_owned();
                self.end(Ending::Reset, None, reason, observer);
            }
            _ => self.end(Ending::Failed, None, error.to_string(), observer),
        }
    }

    /// The end: told once, to the user and to the observer. `code` is that of the peer's close frame.
    fn end(&mut self, ending: Ending, code: Option<u16>, reason: String, observer: &impl Observer) {
        if let Some(message) = self.stalled.take() {
            self.socket.inbox.borrow_mut().append(message);
            self.socket.ends.stalled.set(false);
        }
        let mut outbox = self.socket.outbox.borrow_mut();
        // What this side sent says nothing of an end that the peer did not agree to (RFC 6455, section 7.1.5).
        let is_broken = matches!(
            ending,
            Ending::Disconnected | Ending::Reset | Ending::CloseTimeout
        );
        let is_ours = self.out.is_empty() && !is_broken;
        let sent = outbox.close_code().filter(|_| is_ours);
        let close = Close {
            code: code.or(sent).unwrap_or(1006),
            reason,
            ending,
        };
        outbox.clear();
        drop(outbox);
        self.socket.schedule.borrow_mut().clear();
        self.out = Vec::new();
        self.pending = Vec::new();
        self.state = State::Done;
        self.tell_bytes(observer);
        observer.ended(&close, self.opened.elapsed());
        // It is written nowhere else, and only once.
        let _ = self.socket.closed.set(Box::new(close));
        self.socket.ends.wake_user();
    }

    fn tell_bytes(&self, observer: &impl Observer) {
        let (sent, received) = self.stream.wire().counters().take();
        if (sent, received) != (0, 0) {
            observer.bytes(sent, received);
        }
    }

    /// Whether nothing is left to do; TLS then says that it ends, if it can at once.
    fn is_done(&mut self, cx: &mut Context<'_>) -> bool {
        if let State::Lingering { until } = self.state
            && until <= Instant::now()
        {
            self.state = State::Done;
        }
        let is_done = matches!(self.state, State::Done);
        if is_done {
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        is_done
    }

    /// When there is something to do although nothing comes.
    fn next(&self) -> Option<Instant> {
        match &self.state {
            State::Open | State::Closing { .. } => {
                let beat = self.socket.schedule.borrow().next();
                let deadline = self.overdue.next(self.deadline());
                beat.into_iter().chain(deadline).min()
            }
            State::Leaving { until, .. } | State::Lingering { until } => Some(*until),
            State::Done => None,
        }
    }

    /// Be woken in time. Returns whether that time has come already.
    fn keep_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let next = self.next();
        self.timer.wake_at(next, cx)
    }
}

impl Drop for Pump {
    /// A pump that is given up, or panics, ends the connection: whoever waits for something on it would wait for ever.
    fn drop(&mut self) {
        let close = Close {
            code: 1006,
            reason: "what drives the connection was stopped".to_owned(),
            ending: Ending::Failed,
        };
        if self.socket.closed.set(Box::new(close)).is_ok() {
            if let Some(message) = self.stalled.take() {
                self.socket.inbox.borrow_mut().append(message);
            }
            self.socket.outbox.borrow_mut().clear();
            self.socket.schedule.borrow_mut().clear();
            self.socket.ends.wake_user();
        }
    }
}

fn count(cell: &std::cell::Cell<u64>, more: u64) {
    cell.set(cell.get() + more);
}

#[cfg(test)]
mod tests;
