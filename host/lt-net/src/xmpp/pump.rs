//! The task behind a session: reads at once, answers what it is told to, sends, keeps the clock, and ends the stream.

mod clock;
mod receive;
mod route;
mod transmit;

use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::channel::{Channel, ChannelError};
use super::outbox::Batch;
use super::session::Session;
use super::{Close, Ending, Observer, Stanza, stream_error};
use crate::error::NetError;
use crate::overdue::Overdue;
use crate::waiting::Timer;

/// Time to send the stream's end, and for the server to close the connection first: an address that this side closes first is not
/// free again for a minute. Nobody waits for it.
const LINGER: Duration = Duration::from_secs(1);

/// Where a stream is.
///
/// | from | when | to |
/// |---|---|---|
/// | `Open` | the user ends the stream | `Closing` |
/// | `Open`, `Closing` | the server's end or stream error came; or the stream cannot go on, and its end is to be sent | `Leaving` |
/// | `Open`, `Closing` | it is over without that: end of the connection, error, no answer in time, cut by the user | `Done` |
/// | `Leaving` | our end is out, cannot be sent, or its time is over | `Lingering` (or `Done`, if nobody waits) |
/// | `Lingering` | the server has closed the connection, or its time is over | `Done` |
///
/// The end is told once: on the way into `Lingering` or `Done`.
#[derive(Debug)]
enum State {
    Open,
    /// Our end is on its way; the server's is waited for.
    Closing {
        until: Instant,
    },
    /// What came of it is known.
    Leaving {
        close: Box<Close>,
        until: Instant,
        lingers: bool,
    },
    Lingering {
        until: Instant,
    },
    Done,
}

/// What drives a session: a future to be spawned on the session's thread.
#[derive(Debug)]
pub struct Pump {
    session: Rc<Session>,
    channel: Channel,
    /// What came while connecting.
    early: VecDeque<Stanza>,
    /// When the last element came.
    arrived: Instant,
    /// A stanza for which there is no room (overflow `pause`).
    stalled: Option<Stanza>,
    /// Since when nothing is read for want of room.
    stalled_since: Option<Instant>,
    overdue: Overdue,
    /// What was given to the channel and is not all with the kernel.
    batch: Option<Box<Batch>>,
    is_unflushed: bool,
    /// Why there is no writing any more. What the server said before it went away may still be read.
    broken: Option<Box<ChannelError>>,
    state: State,
    /// Only while there is something to wait for.
    timer: Timer,
    opened: Instant,
}

impl Pump {
    pub(super) fn new(session: Rc<Session>, channel: Channel, early: Vec<Stanza>) -> Self {
        let now = Instant::now();
        Self {
            session,
            channel,
            early: early.into(),
            arrived: now,
            stalled: None,
            stalled_since: None,
            overdue: Overdue::default(),
            batch: None,
            is_unflushed: false,
            broken: None,
            state: State::Open,
            timer: Timer::default(),
            opened: now,
        }
    }

    /// Do what the session needs until its stream has ended and the server has closed the connection, or could have. Dropping it before
    /// that ends the connection without the stream's end; the user is told ([`Ending::Failed`]), the observer is not.
    ///
    /// With overflow `pause` and a full inbox nothing is read: pings are not answered, answers not seen (so no ping of ours times out),
    /// and the server's end goes unnoticed until the user takes a stanza.
    pub fn run<O: Observer>(mut self, observer: O) -> impl Future<Output = ()> {
        // Not an `async fn`, which would keep what it was called with twice.
        std::future::poll_fn(move |cx| self.poll(cx, &observer))
    }

    fn poll(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> Poll<()> {
        self.session.ends.keep_pump(cx);
        self.take_requests(observer);
        let was_full = self.session.outbox.borrow().is_own_full();
        let mut again = self.read(cx, observer);
        self.send_beats();
        if self.is_overdue(again) {
            self.give_up(observer);
        }
        self.write(cx, observer);
        if self.broken.is_some() && self.is_receiving() {
            // What is due cannot be sent.
            self.session.schedule.borrow_mut().clear();
            again = again || self.read(cx, observer);
            // The end is told behind what came before it.
            if !again
                && self.is_receiving()
                && self.stalled.is_none()
                && let Some(error) = self.broken.take()
            {
                self.end_failed(*error, observer);
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
        // What was not read because answers to it were not written is read when there is room; until then, writing wakes.
        again = (again || was_full) && !self.session.outbox.borrow().is_own_full();
        again |= self.keep_timer(cx);
        if again {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn take_requests(&mut self, observer: &impl Observer) {
        if let Some(close) = self.session.closed()
            && !matches!(self.state, State::Lingering { .. } | State::Done)
        {
            // The user has cut it.
            self.channel.abort();
            self.tell_end(&close, observer);
            return;
        }
        if !self.is_receiving() {
            return;
        }
        if self.session.abandoned.get() {
            self.session.outbox.borrow_mut().close();
            self.leave(by_us(), Duration::ZERO);
        } else if let (State::Open, Some(until)) = (&self.state, self.session.close_until.get()) {
            self.session.outbox.borrow_mut().close();
            self.session.schedule.borrow_mut().clear();
            self.state = State::Closing { until };
        }
    }

    /// Whether what the server sends is still of interest.
    fn is_receiving(&self) -> bool {
        matches!(self.state, State::Open | State::Closing { .. })
    }

    /// The stream cannot go on: tell the server why, if it listens. `application` says more than the condition.
    fn fail(
        &mut self,
        ending: Ending,
        condition: &str,
        text: String,
        application: &str,
        observer: &impl Observer,
    ) {
        observer.error(condition);
        let error = stream_error::write(condition, &text, application);
        self.session.outbox.borrow_mut().abort(Some(error));
        let close = Close {
            ending,
            condition: condition.to_owned(),
            text,
        };
        self.leave(close, LINGER);
    }

    /// Send what is to be sent, the stream's end last, for so long at most. Without any time it is tried once.
    fn leave(&mut self, close: Close, time: Duration) {
        self.state = State::Leaving {
            close: Box::new(close),
            until: Instant::now() + time,
            lingers: !time.is_zero(),
        };
    }

    /// Whether all that was to be sent is with the kernel, the stream's end included.
    fn is_end_sent(&self) -> bool {
        self.batch.is_none() && !self.is_unflushed && self.session.outbox.borrow().is_end_given()
    }

    /// Tell the end if nothing more is to be sent before it.
    fn settle(&mut self, observer: &impl Observer) {
        if let State::Leaving { until, lingers, .. } = &self.state {
            let (until, lingers) = (*until, *lingers);
            if !self.is_end_sent() && self.broken.is_none() && Instant::now() < until {
                return;
            }
            let lingers = lingers && self.broken.is_none();
            let State::Leaving { close, .. } = mem::replace(&mut self.state, State::Done) else {
                return;
            };
            self.end(*close, observer);
            if lingers {
                self.state = State::Lingering { until };
            }
        }
    }

    /// The connection is over. What is not taken over by a resumption is lost.
    fn end_failed(&mut self, error: ChannelError, observer: &impl Observer) {
        let (ending, text) = match error {
            ChannelError::Ended | ChannelError::Net(NetError::ConnectionClosed) => (
                Ending::Disconnected,
                "the connection ended without the stream's end".to_owned(),
            ),
            ChannelError::Net(NetError::ConnectionReset) => {
                (Ending::Reset, "the connection was reset".to_owned())
            }
            ChannelError::Net(error) => (Ending::Failed, error.to_string()),
            ChannelError::Frame(error) => (Ending::ProtocolError, error.text),
        };
        self.channel.abort();
        self.end(plain(ending, text), observer);
    }

    /// The end: told once, to the user and to the observer.
    fn end(&mut self, close: Close, observer: &impl Observer) {
        self.append_stalled();
        let now = Instant::now();
        let outcomes = self.session.requests.borrow_mut().end(&close, now);
        if !matches!(close.ending, Ending::ByUs) {
            for outcome in &outcomes {
                observer.answered(&outcome.namespace, outcome.took, outcome.error.as_ref());
            }
        }
        for _ in 0..self.session.keep_unsent(&close) {
            observer.error("resend-overflow");
        }
        self.session.end(close.clone());
        self.tell_end(&close, observer);
    }

    fn tell_end(&mut self, close: &Close, observer: &impl Observer) {
        self.append_stalled();
        self.batch = None;
        self.early = VecDeque::new();
        self.state = State::Done;
        self.tell_bytes(observer);
        observer.ended(close, self.opened.elapsed());
    }

    /// What waited for room in vain is to be the last.
    fn append_stalled(&mut self) {
        if let Some(stanza) = self.stalled.take() {
            self.session.inbox.borrow_mut().append(stanza);
            self.session.ends.stalled.set(false);
            self.session.ends.wake_user();
        }
    }

    fn tell_bytes(&self, observer: &impl Observer) {
        let (sent, received) = self.channel.take_bytes();
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
            let _ = self.channel.poll_shutdown(cx);
        }
        is_done
    }
}

impl Drop for Pump {
    /// A pump that is given up, or panics, ends the connection: whoever waits for something on it would wait for ever.
    fn drop(&mut self) {
        let text = "what drives the session was stopped".to_owned();
        if self.session.closed().is_none() {
            self.append_stalled();
            let close = plain(Ending::Failed, text);
            self.session.keep_unsent(&close);
            self.session.end(close);
        }
    }
}

fn by_us() -> Close {
    plain(Ending::ByUs, String::new())
}

/// An end without a stream error.
fn plain(ending: Ending, text: String) -> Close {
    Close {
        ending,
        condition: String::new(),
        text,
    }
}

fn count(cell: &std::cell::Cell<u64>, more: u64) {
    cell.set(cell.get() + more);
}

#[cfg(test)]
mod tests;
