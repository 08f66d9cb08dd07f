//! The task behind a socket: reads at once, stamps, answers pings, sends, keeps the clock, and closes.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::codec::{CloseFrame, Decoder, Event, Violation};
use super::heartbeat::Beat;
use super::inbox::Pushed;
use super::outbox::{Batch, ControlFrame};
use super::socket::Socket;
use super::{Borrowed, Close, Ending, Message, Observer};
use crate::dial::tcp::Stream;

/// Bytes of one read. Every stamp holds for what was read with it; a larger buffer would only save calls on floods.
const READ_BYTES: usize = 16 << 10;
/// Reads of one socket before its neighbours get their turn: about as many small messages as a millisecond has room for.
const READS_PER_POLL: usize = 2;
/// Bytes that are made ready for one write: many small messages, or a part of a large one.
const WRITE_BYTES: usize = 64 << 10;
/// Time to send the last close frame, and for the peer to close the connection first, which it should (RFC 6455,
/// section 7.1.1): an address that this side closes first is not free again for a minute. Nobody waits for it.
const LINGER: Duration = Duration::from_secs(1);

thread_local! {
    /// Shared by all sockets of a thread, so that an idle one has no buffer.
    static READ_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static WRITE_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

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
    /// What a write left over, and what it will have sent.
    out: Vec<u8>,
    out_done: usize,
    batch: Batch,
    is_unflushed: bool,
    /// Why there is no writing any more. What the peer said before it went away may still be read.
    broken: Option<io::Error>,
    state: State,
    /// Only while there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
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
            out: Vec::new(),
            out_done: 0,
            batch: Batch::default(),
            is_unflushed: false,
            broken: None,
            state: State::Open,
            timer: None,
            opened: now,
        }
    }

    /// Do what the socket needs until its connection has ended and its peer has closed, or could have. Dropping it ends the
    /// connection without a close frame, and without telling anybody.
    ///
    /// With overflow `pause` and a full inbox nothing is read: pings are not answered, pongs not seen (so no ping times out),
    /// and the peer's end goes unnoticed until the user takes a message.
    pub fn run<O: Observer>(mut self, observer: O) -> impl Future<Output = ()> {
        // Not an `async fn`, which would keep what it was called with twice.
        std::future::poll_fn(move |cx| self.poll(cx, &observer))
    }

    fn poll(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> Poll<()> {
        self.socket.keep_pump(cx);
        self.take_requests();
        let mut again = self.read(cx, observer);
        self.send_beats();
        self.check_pings();
        self.write(cx, observer);
        if self.broken.is_some() && self.is_receiving() && !again {
            again = self.read(cx, observer);
            if !again && self.is_receiving() {
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

    /// Read what there is, as far as there is room for it. Returns whether there may be more.
    fn read(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> bool {
        if !self.is_receiving() {
            return false;
        }
        self.put_stalled(observer);
        if self.is_pending_new && self.stalled.is_none() {
            self.is_pending_new = false;
            self.arrived = self.stream.wire().counters().arrived();
            self.take_in(&[], observer);
        }
        let mut buffer = READ_BUFFER.take();
        buffer.resize(READ_BYTES, 0);
        let mut again = true;
        for _ in 0..READS_PER_POLL {
            if !self.is_receiving() || self.stalled.is_some() {
                again = false;
                break;
            }
            let mut filled = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut filled) {
                Poll::Pending => {
                    again = false;
                    break;
                }
                Poll::Ready(Ok(())) if filled.filled().is_empty() => {
                    self.end_disconnected(observer)
                }
                Poll::Ready(Ok(())) => {
                    self.arrived = self.stream.wire().counters().arrived();
                    self.take_in(filled.filled(), observer);
                }
                Poll::Ready(Err(error)) => self.end_failed(&error, observer),
            }
        }
        READ_BUFFER.replace(buffer);
        again && self.is_receiving()
    }

    /// Take in what came, behind what was there.
    fn take_in(&mut self, new: &[u8], observer: &impl Observer) {
        if self.pending.is_empty() {
            let used = self.decode(new, observer);
            self.pending
                .extend_from_slice(new.get(used..).unwrap_or_default());
        } else {
            let mut bytes = mem::take(&mut self.pending);
            bytes.extend_from_slice(new);
            let used = self.decode(&bytes, observer);
            if used < bytes.len() {
                bytes.drain(..used);
                self.pending = bytes;
            }
        }
        if !self.is_receiving() {
            self.pending = Vec::new();
        }
    }

    /// Look at all whole frames; how many bytes they were.
    fn decode(&mut self, bytes: &[u8], observer: &impl Observer) -> usize {
        let mut decoder = mem::replace(&mut self.decoder, Decoder::new(0));
        let mut used = 0;
        while self.is_receiving() && self.stalled.is_none() {
            let rest = bytes.get(used..).unwrap_or_default();
            let event = match decoder.frame(rest) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    used += frame.length;
                    decoder.event(&frame)
                }
                Err(violation) => Err(violation),
            };
            match event {
                Ok(event) => self.take_event(event, observer),
                Err(violation) => self.fail(violation),
            }
        }
        decoder.forget_last();
        self.decoder = decoder;
        used
    }

    fn take_event(&mut self, event: Event<'_>, observer: &impl Observer) {
        match event {
            Event::Message(content) => self.take_message(content, observer),
            Event::Fragment => {}
            Event::Ping(data) => {
                count(&self.socket.pings_received, 1);
                let pong = ControlFrame::Pong(data.into());
                self.socket.outbox.borrow_mut().push_control(pong);
            }
            Event::Pong(data) => {
                let took = self.socket.pings.borrow_mut().pong(data, self.arrived);
                if let Some(took) = took {
                    self.socket.last_ping.set(Some(took));
                    observer.pong(took);
                    self.socket.wake_user();
                }
            }
            Event::Close(frame) => self.take_close(frame),
        }
    }

    fn take_message(&mut self, content: Borrowed<'_>, observer: &impl Observer) {
        count(&self.socket.received, 1);
        let kept = observer.received(content, self.arrived);
        if kept && self.socket.inbox.borrow().keeps() {
            let message = Message {
                content: content.to_content(),
                arrived: self.arrived,
            };
            self.put(message, observer);
        }
    }

    fn put(&mut self, message: Message, observer: &impl Observer) {
        let draining = matches!(self.state, State::Closing { .. });
        let mut inbox = self.socket.inbox.borrow_mut();
        let pushed = inbox.push(message, draining);
        let waiting = inbox.len();
        drop(inbox);
        let dropped = match pushed {
            Pushed::Kept(dropped) => {
                observer.waiting(waiting);
                self.socket.wake_user();
                dropped
            }
            Pushed::Dropped => 1,
            Pushed::Stalled(message) => {
                self.stalled = Some(message);
                self.is_pending_new = true;
                0
            }
            Pushed::Overflow => {
                self.fail(Violation {
                    ending: Ending::InboxOverflow,
                    code: 1008,
                    what: "the inbox is full",
                });
                1
            }
        };
        self.socket.stalled.set(self.stalled.is_some());
        if dropped > 0 {
            count(&self.socket.dropped, dropped);
            observer.dropped(dropped);
        }
    }

    /// Look whether there is room now for the message that had none.
    fn put_stalled(&mut self, observer: &impl Observer) {
        if let Some(message) = self.stalled.take() {
            self.put(message, observer);
        }
    }

    /// The peer closes, or agrees that we do.
    fn take_close(&mut self, frame: CloseFrame) {
        let ending = if self.socket.outbox.borrow().is_close_encoded() {
            Ending::ByUs
        } else {
            Ending::ByPeer
        };
        let answer = CloseFrame::new(frame.code, "");
        self.leave(
            ending,
            Some(frame.code.unwrap_or(1005)),
            frame.reason,
            LINGER,
        );
        self.socket.outbox.borrow_mut().abort(answer);
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

    fn send_beats(&mut self) {
        if !matches!(self.state, State::Open) {
            return;
        }
        let mut schedule = self.socket.schedule.borrow_mut();
        let now = match schedule.next() {
            Some(next) => Some(Instant::now()).filter(|now| next <= *now),
            None => None,
        };
        let Some(now) = now else {
            return;
        };
        let mut outbox = self.socket.outbox.borrow_mut();
        let mut pings = self.socket.pings.borrow_mut();
        let is_stalled = self.stalled.is_some();
        schedule.run(now, |beat| match beat {
            Beat::Send(content) => outbox.push_beat(content),
            // Its pong would not be read.
            Beat::Ping(_) if is_stalled => false,
            Beat::Ping(timeout) => {
                let number = pings.start(false, timeout.map(|timeout| now + timeout));
                outbox.push_control(ControlFrame::Timed(number));
                true
            }
        });
    }

    /// Write until there is nothing more or the kernel takes nothing more.
    fn write(&mut self, cx: &mut Context<'_>, observer: &impl Observer) {
        if matches!(self.state, State::Lingering { .. } | State::Done) {
            return;
        }
        let mut sent = 0;
        while self.broken.is_none() {
            if self.out.is_empty() && !self.write_new(cx) {
                break;
            }
            if !self.out.is_empty() && !self.write_rest(cx) {
                break;
            }
            sent += self.batch.messages as u64;
            let batch = mem::take(&mut self.batch);
            if self.socket.outbox.borrow_mut().written(&batch) {
                self.socket.wake_user();
            }
        }
        if self.is_unflushed && self.broken.is_none() {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.is_unflushed = false,
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => {}
            }
        }
        if sent > 0 {
            count(&self.socket.sent, sent);
            observer.sent(sent);
        }
    }

    /// Encode what waits and write it; what is left over goes into `out`. Returns whether there was something.
    fn write_new(&mut self, cx: &mut Context<'_>) -> bool {
        let mut buffer = WRITE_BUFFER.take();
        buffer.clear();
        let mut outbox = self.socket.outbox.borrow_mut();
        self.batch = outbox.encode(
            &mut buffer,
            WRITE_BYTES,
            &mut self.socket.pings.borrow_mut(),
        );
        drop(outbox);
        let some = !buffer.is_empty();
        if some {
            self.is_unflushed = true;
            match Pin::new(&mut self.stream).poll_write(cx, &buffer) {
                Poll::Ready(Ok(written)) => {
                    self.out
                        .extend_from_slice(buffer.get(written..).unwrap_or_default());
                }
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => self.out.extend_from_slice(&buffer),
            }
        }
        WRITE_BUFFER.replace(buffer);
        some && self.broken.is_none()
    }

    /// Write what is left over. Returns whether all of it is written.
    fn write_rest(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(rest) = self.out.get(self.out_done..)
            && !rest.is_empty()
        {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.out_done += written;
                    continue;
                }
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => {}
            }
            return false;
        }
        self.out = Vec::new();
        self.out_done = 0;
        true
    }

    /// Whether all that was to be sent is with the kernel, the close frame included.
    fn is_close_sent(&self) -> bool {
        self.out.is_empty() && !self.is_unflushed && self.socket.outbox.borrow().is_close_encoded()
    }

    /// Look at what is over, and tell the end.
    fn settle(&mut self, observer: &impl Observer) {
        match &self.state {
            State::Closing { until } if *until <= Instant::now() => {
                let reason = "the peer did not answer the close frame in time".to_owned();
                self.end(Ending::CloseTimeout, None, reason, observer);
            }
            State::Open
            | State::Closing { .. }
            | State::Leaving { .. }
            | State::Lingering { .. }
            | State::Done => {}
        }
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

    /// End the connection if a pong is overdue.
    fn check_pings(&mut self) {
        let deadline = self.ping_deadline();
        if matches!(self.state, State::Open)
            && deadline.is_some_and(|deadline| deadline <= Instant::now())
        {
            // The peer is most likely gone: whoever waits for it waits in vain.
            let reason = "no pong came in time".to_owned();
            self.leave(Ending::PingTimeout, None, reason.clone(), Duration::ZERO);
            let frame = CloseFrame::new(Some(1001), &reason);
            self.socket.outbox.borrow_mut().abort(frame);
        }
    }

    /// While nothing is read no pong can be seen.
    fn ping_deadline(&self) -> Option<Instant> {
        if self.stalled.is_some() {
            return None;
        }
        self.socket.pings.borrow().deadline()
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
            self.socket.stalled.set(false);
        }
        let mut outbox = self.socket.outbox.borrow_mut();
        let sent = outbox.close_code().filter(|_| self.out.is_empty());
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
        self.socket.wake_user();
    }

    fn tell_bytes(&self, observer: &impl Observer) {
        let (sent, received) = self.stream.wire().counters().take();
        if (sent, received) != (0, 0) {
            observer.bytes(sent, received);
        }
    }

    /// Let the peer close first. Returns whether there may be more to read.
    fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        let mut buffer = READ_BUFFER.take();
        buffer.resize(READ_BYTES, 0);
        let mut again = true;
        for _ in 0..READS_PER_POLL {
            let mut filled = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut filled) {
                Poll::Pending => {
                    again = false;
                    break;
                }
                Poll::Ready(Ok(())) if !filled.filled().is_empty() => {}
                Poll::Ready(_) => {
                    self.state = State::Done;
                    break;
                }
            }
        }
        READ_BUFFER.replace(buffer);
        again
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
            State::Open => {
                let beat = self.socket.schedule.borrow().next();
                beat.into_iter().chain(self.ping_deadline()).min()
            }
            State::Closing { until }
            | State::Leaving { until, .. }
            | State::Lingering { until } => Some(*until),
            State::Done => None,
        }
    }

    /// Be woken in time. Returns whether that time has come already.
    fn keep_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(next) = self.next() else {
            self.timer = None;
            return false;
        };
        match &mut self.timer {
            Some(timer) if timer.deadline() == next => {}
            Some(timer) => timer.as_mut().reset(next),
            None => self.timer = Some(Box::pin(sleep_until(next))),
        }
        self.timer
            .as_mut()
            .is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
    }
}

fn count(cell: &std::cell::Cell<u64>, more: u64) {
    cell.set(cell.get() + more);
}
