//! The task behind a connection: reads at once, stamps, answers what the protocol wants answered, sends what is due, keeps the clock,
//! and closes.

mod clock;
mod ending;
pub(super) mod gather;
mod lane;
mod outbox;
mod receive;
mod route;
mod status;
mod transmit;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use self::lane::{Lane, Waiting};
use self::outbox::Outbox;
use super::chunk::encode::Encoder;
use super::command::{self, Message};
use super::connect::Established;
use super::connection::{Asked, Connection};
use super::message::Reader;
use super::stream::{NetStream, Wish};
use super::{Close, Observer, RtmpError, Status};
use crate::dial::tcp::Stream;
use crate::overdue::Overdue;
use crate::waiting::Timer;

/// Time for the peer to close the connection first, or to take what was said last. Nobody waits for it.
const LINGER: Duration = Duration::from_secs(1);
/// Announced behind connecting: what the server may send before it has an acknowledgement (section 5.4.4).
const OWN_WINDOW: u32 = 2_500_000;

/// Where a connection is.
///
/// | from | when | to |
/// |---|---|---|
/// | `Open` | the user closes | `Closing` |
/// | `Open` | the user has dropped it | `Lingering` |
/// | `Open`, `Closing` | it is over: end of stream, error, the peer says so, or takes nothing for too long | `Done` |
/// | `Closing` | all streams have ended, and all is with the kernel; or the time for that is over | `Lingering` |
/// | `Lingering` | the peer has closed the connection, or its time is over | `Done` |
///
/// The end is told once: on the way into `Lingering` or `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closing { until: Instant },
    Lingering { until: Instant },
    Done,
}

/// What drives a connection: a future to be spawned on its thread.
#[derive(Debug)]
pub struct Pump {
    connection: Rc<Connection>,
    stream: Stream,
    reader: Reader,
    encoder: Encoder,
    /// What came and was not looked at yet.
    pending: Vec<u8>,
    /// Whether to look at `pending` although nothing more came.
    is_pending_new: bool,
    /// Until when what comes is left to lie.
    gather_until: Option<Instant>,
    arrived: Instant,
    out: Outbox,
    /// Whether what was written may not be with the kernel yet (TLS).
    is_unflushed: bool,
    lanes: Vec<Lane>,
    next_lane: u32,
    /// Numbers that the server gave streams, the newest: what still comes for one that has ended here is no other's.
    given: VecDeque<u32>,
    /// The lane that is next to have what it sends encoded: a slow peer's room is to be shared.
    turn: usize,
    /// Commands that wait for their answer, by their transaction.
    waiting: Vec<(f64, Waiting)>,
    next_transaction: f64,
    /// What the peer may send, and how much of it was acknowledged (section 5.4.3).
    window: u32,
    own_window: u32,
    acknowledged: u64,
    overdue: Overdue,
    /// The same of what players have to tell.
    telling: Overdue,
    /// Since when the peer has taken nothing of what is to be sent.
    stuck_since: Option<Instant>,
    /// Why there is no writing any more. What the peer said before it went away may still be read.
    broken: Option<io::Error>,
    state: State,
    /// Only while there is something to wait for.
    timer: Timer,
    opened: Instant,
}

impl Pump {
    pub(super) fn new(connection: Rc<Connection>, established: Established) -> Self {
        let now = Instant::now();
        Self {
            connection,
            acknowledged: established.acknowledged,
            stream: established.stream,
            reader: established.reader,
            encoder: established.encoder,
            is_pending_new: !established.rest.is_empty(),
            pending: established.rest,
            gather_until: None,
            arrived: now,
            out: Outbox::default(),
            is_unflushed: false,
            lanes: Vec::new(),
            next_lane: 0,
            given: VecDeque::new(),
            turn: 0,
            waiting: Vec::new(),
            next_transaction: established.next_transaction,
            window: established.window,
            own_window: OWN_WINDOW,
            overdue: Overdue::default(),
            telling: Overdue::default(),
            stuck_since: None,
            broken: None,
            state: State::Open,
            timer: Timer::default(),
            opened: now,
        }
    }

    /// Do what the connection needs until it has ended. Dropping it before that cuts the connection; users are told
    /// ([`super::Ending::Failed`]), and the streams' observers, but not the connection's.
    ///
    /// While the inbox of one player is full, and its overflow is `pause`, nothing is read: other streams of the connection stand still
    /// too, pings are not answered, and the peer's end goes unnoticed.
    pub fn run<O: Observer>(mut self, observer: O) -> impl Future<Output = ()> {
        // Not an `async fn`, which would keep what it was called with twice.
        std::future::poll_fn(move |cx| self.poll(cx, &observer))
    }

    fn poll(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> Poll<()> {
        self.out.borrow_buffer();
        self.take_requests();
        self.keep_wakers(cx);
        let mut again = self.read(cx, observer);
        if self.is_overdue(again) {
            self.give_up(observer);
        }
        self.run_timers(again);
        self.write(cx);
        if self.broken.is_some() && self.is_receiving() {
            again = again || self.read(cx, observer);
            // The end is told behind what came before it.
            if !again && self.is_receiving() && !self.is_full() {
                self.end_broken(observer);
            }
        }
        self.settle(cx, observer);
        if let State::Lingering { .. } = self.state {
            self.write(cx);
            again |= self.linger(cx);
        }
        // Nothing is told behind the end.
        if self.is_receiving() {
            self.tell(observer);
        }
        self.connection.unsent.set(self.out.len());
        self.out.return_buffer();
        if self.is_done(cx) {
            return Poll::Ready(());
        }
        again |= self.keep_timer(cx);
        if again {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whoever changes something from now on wakes this task.
    fn keep_wakers(&self, cx: &Context<'_>) {
        self.connection.ends.keep_pump(cx);
        for lane in &self.lanes {
            lane.stream().ends.keep_pump(cx);
        }
    }

    /// Whether what the peer sends is still of interest.
    fn is_receiving(&self) -> bool {
        matches!(self.state, State::Open | State::Closing { .. })
    }

    /// Whether a player's inbox has no room.
    fn is_full(&self) -> bool {
        self.lanes.iter().any(Lane::is_full)
    }

    /// What the users want: new streams, calls, answers, ends.
    fn take_requests(&mut self) {
        if !self.is_receiving() {
            return;
        }
        let mut index = 0;
        while index < self.lanes.len() {
            self.take_wish(index);
            self.take_question(index);
            index += 1;
        }
        if let (State::Open, Some(until)) = (self.state, self.connection.close_until.get()) {
            self.state = State::Closing { until };
            for index in 0..self.lanes.len() {
                self.stop(index, until);
            }
        }
        self.drop_ended();
        // Behind the last words of those that end: a server that has one number for all streams has it for the next by then.
        if !self.connection.asked.borrow().is_empty() {
            for asked in self.connection.asked.take() {
                self.begin(asked);
            }
        }
    }

    /// Streams that have ended are nobody's any more.
    fn drop_ended(&mut self) {
        let before = self.lanes.len();
        self.lanes.retain(|lane| !lane.is_over());
        if self.lanes.len() < before {
            self.choose_payloads();
        }
    }

    fn begin(&mut self, asked: Asked) {
        let stream = match &asked {
            Asked::Publish(publisher) => Some(&publisher.stream),
            Asked::Play(player, _) => Some(&player.stream),
            Asked::Call(..) => None,
        };
        let is_wanted =
            |stream: &&NetStream| stream.wish() == Wish::None && self.state == State::Open;
        if let Some(stream) = stream.filter(|stream| !is_wanted(stream)) {
            stream.end(Close::by_us(), Instant::now());
            return;
        }
        match asked {
            Asked::Publish(publisher) => self.begin_publishing(publisher),
            Asked::Play(player, request) => self.begin_playing(player, request),
            Asked::Call(name, arguments, call) => {
                let mut values = vec![super::Value::Null];
                values.extend(arguments);
                let transaction = self.transaction(Waiting::Call(Rc::downgrade(&call)));
                self.say(&command::command(0, &name, transaction, &values));
            }
        }
    }

    /// The number of a command, and who waits for its answer.
    fn transaction(&mut self, waiting: Waiting) -> f64 {
        let transaction = self.number();
        let lanes = &self.lanes;
        self.waiting.retain(|(_, waiting)| match waiting {
            Waiting::Create(_) => true,
            Waiting::Start(key) | Waiting::Question(key) => {
                lanes.iter().any(|lane| lane.key == *key)
            }
            Waiting::Call(call) => call.upgrade().is_some_and(|call| call.is_waited_for()),
        });
        if self.waiting.len() >= lane::WAITING_MAX {
            // The oldest waits for what will never come.
            self.waiting.remove(0);
        }
        self.waiting.push((transaction, waiting));
        transaction
    }

    /// The number of a command for whose answer nobody waits.
    fn number(&mut self) -> f64 {
        let transaction = self.next_transaction;
        self.next_transaction += 1.0;
        transaction
    }

    /// Send a message, behind what is to be sent already.
    fn say(&mut self, message: &Message) {
        if self.broken.is_none() {
            message.write(&mut self.encoder, self.out.bytes(), 0);
        }
    }

    /// Tell the observers what was counted.
    fn tell(&self, observer: &impl Observer) {
        for lane in &self.lanes {
            lane.tell();
        }
        let (sent, received) = self.stream.wire().counters().take();
        if (sent, received) != (0, 0) {
            observer.bytes(sent, received);
        }
    }

    /// Whether nothing is left to do; TLS then says that it ends, if it can at once.
    fn is_done(&mut self, cx: &mut Context<'_>) -> bool {
        let is_done = self.state == State::Done;
        if is_done {
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        is_done
    }

    /// The server said an error that is no stream's.
    fn tell_error(status: &Status, observer: &impl Observer) {
        if status.is_error() {
            observer.error(status);
        }
    }
}

impl Drop for Pump {
    /// A pump that is given up, or panics, ends the connection: whoever waits for something on it would wait for ever.
    fn drop(&mut self) {
        let reason = "what drives the connection was stopped";
        self.end_users(&Close::plain(super::Ending::Failed, reason));
    }
}

/// Refused, with what the server said.
fn refused(status: &Status) -> RtmpError {
    RtmpError::Refused(status.clone())
}

#[cfg(test)]
mod tests;
