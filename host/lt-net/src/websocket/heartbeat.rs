//! What a socket's pump does by the clock: messages and timed pings at an interval.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::Content;
use crate::periodic::Periodic;

/// Most timed pings of heartbeats that are waited for at a time, and most of those that somebody waits for by their number;
/// the oldest is then forgotten. A pong tells little about the time of a round trip when 64 more pings have been sent since.
const PINGS_MAX: usize = 64;

/// What is due.
#[derive(Debug)]
pub(super) enum Beat {
    Send(Content),
    /// The time that its pong may take.
    Ping(Option<Duration>),
}

/// A timed ping.
#[derive(Debug)]
struct Ping {
    number: u64,
    /// When it was handed over, once it was.
    sent: Option<Instant>,
    /// What happens if there is no pong.
    limit: Option<Limit>,
    /// Somebody waits for it by its number.
    awaited: bool,
    took: Option<Duration>,
}

/// When the connection ends if a heartbeat's ping is not answered, as long as that heartbeat is not stopped.
#[derive(Debug)]
pub(super) struct Limit {
    timeout: Duration,
    deadline: Instant,
    heartbeat: Rc<Periodic>,
}

impl Limit {
    /// For a ping that is due now. One that cannot be sent in that time counts as not answered.
    pub(super) fn new(heartbeat: &Rc<Periodic>, timeout: Duration, now: Instant) -> Self {
        Self {
            timeout,
            deadline: now + timeout,
            heartbeat: heartbeat.clone(),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.heartbeat.is_stopped()).then_some(self.deadline)
    }
}

/// Timed pings of one socket. Their payload is the number plus a key that only this side knows, so that no other pong matches.
#[derive(Debug)]
pub(super) struct Pings {
    key: u64,
    next: u64,
    waiting: VecDeque<Ping>,
    /// The oldest ping that found no room any more in `waiting`: its pong is not timed, but it has to come.
    forgotten: Option<Box<(u64, Limit)>>,
}

impl Pings {
    pub(super) fn new(key: u64) -> Self {
        Self {
            key,
            next: 0,
            waiting: VecDeque::new(),
            forgotten: None,
        }
    }

    /// A new ping's number.
    pub(super) fn start(&mut self, awaited: bool, limit: Option<Limit>) -> u64 {
        let alike = self.waiting.iter().filter(|ping| ping.awaited == awaited);
        if alike.count() >= PINGS_MAX {
            self.forget_oldest(awaited);
        }
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(Ping {
            number,
            sent: None,
            limit,
            awaited,
            took: None,
        });
        number
    }

    /// What a ping carries.
    pub(super) fn payload(&self, number: u64) -> [u8; 8] {
        self.key.wrapping_add(number).to_be_bytes()
    }

    /// It is on its way.
    pub(super) fn sent(&mut self, number: u64, at: Instant) {
        if let Some(ping) = self.find(number) {
            ping.sent = Some(at);
            if let Some(limit) = &mut ping.limit {
                limit.deadline = at + limit.timeout;
            }
        }
    }

    /// A pong came: how long it took, if it answers one of ours. Earlier pings of an interval count as answered too: a
    /// peer may answer only the last of several (RFC 6455, section 5.5.3).
    pub(super) fn pong(&mut self, payload: &[u8], at: Instant) -> Option<Duration> {
        let number = u64::from_be_bytes(payload.try_into().ok()?).wrapping_sub(self.key);
        if number >= self.next {
            return None;
        }
        let mut took = None;
        if let Some(ping) = self.find(number) {
            let sent = ping.sent?;
            if ping.took.is_none() {
                took = Some(at.saturating_duration_since(sent));
                ping.took = took;
            }
        }
        self.waiting
            .retain(|ping| ping.awaited || ping.number > number);
        self.forgotten.take_if(|forgotten| forgotten.0 <= number);
        self.shrink();
        took
    }

    /// How long a ping that is waited for took; taking it ends the wait.
    pub(super) fn take(&mut self, number: u64) -> Option<Duration> {
        let took = self.find(number)?.took?;
        self.forget(number);
        Some(took)
    }

    /// Nobody waits for it any more.
    pub(super) fn forget(&mut self, number: u64) {
        self.waiting.retain(|ping| ping.number != number);
        self.shrink();
    }

    /// When the connection ends if no pong comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().filter_map(|ping| ping.limit.as_ref());
        let forgotten = self.forgotten.iter().map(|forgotten| &forgotten.1);
        waiting.chain(forgotten).filter_map(Limit::deadline).min()
    }

    /// Nothing was read for so long: give pongs that much longer.
    pub(super) fn postpone(&mut self, time: Duration) {
        let waiting = self
            .waiting
            .iter_mut()
            .filter_map(|ping| ping.limit.as_mut());
        let forgotten = self.forgotten.iter_mut().map(|forgotten| &mut forgotten.1);
        for limit in waiting.chain(forgotten) {
            limit.deadline += time;
        }
    }

    fn forget_oldest(&mut self, awaited: bool) {
        let oldest = self.waiting.iter().position(|ping| ping.awaited == awaited);
        let Some(oldest) = oldest.and_then(|oldest| self.waiting.remove(oldest)) else {
            return;
        };
        // One that was forgotten before is due before, unless nobody waits for it any more.
        let before = self.forgotten.as_ref();
        if let Some(limit) = oldest.limit
            && before.is_none_or(|forgotten| forgotten.1.deadline().is_none())
        {
            self.forgotten = Some(Box::new((oldest.number, limit)));
        }
    }

    fn find(&mut self, number: u64) -> Option<&mut Ping> {
        self.waiting.iter_mut().find(|ping| ping.number == number)
    }

    fn shrink(&mut self) {
        if self.waiting.is_empty() && self.waiting.capacity() > 4 {
            self.waiting = VecDeque::new();
        }
    }
}

#[cfg(test)]
#[path = "heartbeat_tests.rs"]
mod tests;
