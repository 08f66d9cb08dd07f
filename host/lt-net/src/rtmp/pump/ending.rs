//! How a connection ends: told once, to its streams, its calls, its user and the observers.

use std::io;
use std::task::Context;

use tokio::time::Instant;

use super::lane::Waiting;
use super::{Asked, LINGER, Pump, State};
use crate::rtmp::{Close, Ending, Observer};

impl Pump {
    /// Look whether it is time to end.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>, observer: &impl Observer) {
        if self.is_receiving() && self.connection.abandoned.get() {
            self.leave(cx, observer);
        }
        if let State::Closing { until } = self.state {
            let is_out = self.lanes.is_empty() && self.is_all_out();
            if is_out || self.broken.is_some() || until <= Instant::now() {
                self.leave(cx, observer);
            }
        }
        if self.is_receiving() {
            self.end_stuck(observer);
        }
    }

    /// This side ends it. The peer is to see the last words, and close first: an address that this side closes first is not free
    /// again for a minute. The last words are with the kernel before the end is told, if it takes them: so they are counted.
    fn leave(&mut self, cx: &mut Context<'_>, observer: &impl Observer) {
        for index in 0..self.lanes.len() {
            self.say_last_words(index, true);
        }
        let now = Instant::now();
        for lane in self.lanes.drain(..) {
            lane.end(Close::by_us(), now);
        }
        self.write(cx);
        self.end(Close::by_us(), observer);
        if self.broken.is_none() {
            self.state = State::Lingering {
                until: Instant::now() + LINGER,
            };
        }
    }

    pub(super) fn end_disconnected(&mut self, observer: &impl Observer) {
        let text = "the connection ended without a word";
        self.end(Close::plain(Ending::Disconnected, text), observer);
    }

    pub(super) fn end_broken(&mut self, observer: &impl Observer) {
        if let Some(error) = self.broken.take() {
            self.end_failed(&error, observer);
        }
    }

    pub(super) fn end_failed(&mut self, error: &io::Error, observer: &impl Observer) {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::UnexpectedEof => self.end_disconnected(observer),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected => {
                let text = "the connection was reset";
                self.end(Close::plain(Ending::Reset, text), observer);
            }
            _ => self.end(Close::plain(Ending::Failed, error.to_string()), observer),
        }
    }

    /// The end.
    pub(super) fn end(&mut self, close: Close, observer: &impl Observer) {
        if self.state == State::Done {
            return;
        }
        self.state = State::Done;
        self.tell(observer);
        self.end_streams(&close);
        self.pending = Vec::new();
        observer.ended(&close, self.opened.elapsed());
        self.end_users(&close);
    }

    /// All streams and calls end with the connection.
    fn end_streams(&mut self, close: &Close) {
        let now = Instant::now();
        for lane in self.lanes.drain(..) {
            lane.end(close.clone(), now);
        }
        for (_, waiting) in self.waiting.drain(..) {
            if let Waiting::Call(call) = waiting
                && let Some(call) = call.upgrade()
            {
                call.end(close);
            }
        }
        for asked in self.connection.asked.take() {
            match asked {
                Asked::Publish(publisher) => publisher.stream.end(close.clone(), now),
                Asked::Play(player, _) => player.end(close.clone(), now),
                Asked::Call(_, _, call) => call.end(close),
            }
        }
    }

    /// Whoever waits for the connection's end; once.
    pub(super) fn end_users(&mut self, close: &Close) {
        if self.connection.closed.get().is_some() {
            return;
        }
        self.end_streams(close);
        // It is written nowhere else, and only once.
        let _ = self.connection.closed.set(Box::new(close.clone()));
        self.connection.ends.wake_user();
    }
}
