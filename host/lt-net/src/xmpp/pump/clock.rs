//! What a pump does by the clock.

use std::task::Context;

use tokio::time::Instant;

use super::{Observer, Pump, State, plain};
use crate::xmpp::Ending;
use crate::xmpp::channel::escape;
use crate::xmpp::outbox::Entry;
use crate::xmpp::requests::Request;
use crate::xmpp::session::{Beat, Item, number};

/// What pings are counted under.
const NS_PING: &str = "urn:xmpp:ping";
/// How long an answer to a ping is waited for that the session does not end for: it counts as failed then.
const PING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

impl Pump {
    /// Send what is due at an interval.
    pub(super) fn send_beats(&mut self) {
        if !matches!(self.state, State::Open) {
            return;
        }
        let mut schedule = self.session.schedule.borrow_mut();
        let now = match schedule.next() {
            Some(next) => Some(Instant::now()).filter(|now| next <= *now),
            None => None,
        };
        let Some(now) = now else {
            return;
        };
        let session = &self.session;
        let mut outbox = session.outbox.borrow_mut();
        let mut requests = session.requests.borrow_mut();
        let channel = &self.channel;
        let is_stalled = self.stalled.is_some();
        schedule.run(now, |beat, periodic| match beat {
            Beat::Send(template, kind) => {
                let text = number(template, periodic.sent() + 1);
                let item = if text.trim().is_empty() {
                    if channel.is_websocket() {
                        return channel.ping_websocket();
                    }
                    Item::Raw(text.into_bytes().into())
                } else {
                    let xml = text.into_boxed_str();
                    Item::Stanza { xml, kind: *kind }
                };
                outbox.push_if_room(Entry::Item(item))
            }
            // Its answer would not be read.
            Beat::Ping(_) if is_stalled => false,
            Beat::Ping(timeout) => {
                let id = session.next_id();
                let to = &*session.domain;
                let deadline = now + timeout.unwrap_or(PING_TIMEOUT);
                let request = || Request::new(&id, Some(to), NS_PING, deadline);
                let request = requests.add_ping(request, periodic, timeout.is_some());
                let to = escape(to);
                let text =
                    format!("<iq type='get' to='{to}' id='{id}'><ping xmlns='{NS_PING}'/></iq>");
                // Small, and few at a time: they need no room.
                let entry = request.map(|request| {
                    Entry::Request(text.into_boxed_str(), std::rc::Rc::downgrade(&request))
                });
                entry.map(|entry| outbox.append(entry)).is_some()
            }
        });
    }

    /// Whether answers to pings can be seen: not while nothing is read, and over a broken connection none comes.
    fn sees_pings(&self) -> bool {
        matches!(self.state, State::Open) && self.stalled.is_none() && self.broken.is_none()
    }

    /// Until when the server has to say something.
    fn deadline(&self) -> Option<Instant> {
        let until = match &self.state {
            State::Closing { until } => Some(*until),
            State::Open => None,
            State::Leaving { .. } | State::Lingering { .. } | State::Done => return None,
        };
        let requests = self.session.requests.borrow().deadline(self.sees_pings());
        let running = self.session.running.borrow();
        let running = running.as_ref().and_then(|running| running.deadline());
        [until, requests, running].into_iter().flatten().min()
    }

    pub(super) fn is_overdue(&mut self, is_more_to_read: bool) -> bool {
        let deadline = self.deadline();
        // Without one the clock is not looked at.
        let now = deadline.map_or(self.opened, |_| Instant::now());
        self.overdue
            .is_over(deadline, now, !is_more_to_read, self.arrived)
    }

    /// Whoever waits for what should have come by now waits in vain.
    pub(super) fn give_up(&mut self, observer: &impl Observer) {
        let now = Instant::now();
        let sees_pings = self.sees_pings();
        let mut is_fatal = false;
        let outcomes = self.session.requests.borrow_mut().expire(now, sees_pings);
        for outcome in &outcomes {
            observer.answered(&outcome.namespace, outcome.took, outcome.error.as_ref());
            is_fatal |= outcome.is_fatal;
        }
        let mut running = self.session.running.borrow_mut();
        running.take_if(|running| {
            running.deadline().is_some_and(|deadline| deadline <= now) && running.time_out()
        });
        drop(running);
        let is_close_over = matches!(self.state, State::Closing { until } if until <= now);
        let close = if is_close_over {
            let text = "the server did not end the stream in time";
            plain(Ending::CloseTimeout, text.to_owned())
        } else if is_fatal {
            plain(
                Ending::PingTimeout,
                "no answer to a ping in time".to_owned(),
            )
        } else {
            return;
        };
        // Without the stream's end: the server is most likely gone, and if not the stream may be resumed.
        self.channel.abort();
        self.end(close, observer);
    }

    /// When there is something to do although nothing comes.
    fn next(&self) -> Option<Instant> {
        match &self.state {
            State::Open | State::Closing { .. } => {
                let beat = self.session.schedule.borrow().next();
                let deadline = self.overdue.next(self.deadline());
                beat.into_iter().chain(deadline).min()
            }
            State::Leaving { until, .. } | State::Lingering { until } => Some(*until),
            State::Done => None,
        }
    }

    /// Be woken in time. Returns whether that time has come already.
    pub(super) fn keep_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let next = self.next();
        self.timer.wake_at(next, cx)
    }
}
