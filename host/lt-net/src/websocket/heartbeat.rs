//! What a socket's pump does by the clock: messages and timed pings at an interval.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::Content;

/// Most timed pings that are waited for at a time; the oldest is then forgotten. A pong tells little about the time of a
/// round trip when 64 more pings have been sent since.
const PINGS_MAX: usize = 64;

/// Something that is sent again and again, until [`Heartbeat::stop`] or the connection's end.
#[derive(Debug, Default)]
pub struct Heartbeat {
    sent: Cell<u64>,
    stopped: Cell<bool>,
}

impl Heartbeat {
    /// How many were given to the connection. One that finds no room, because the peer does not read, is left out.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Send no more of it.
    pub fn stop(&self) {
        self.stopped.set(true);
    }
}

/// What is due.
#[derive(Debug)]
pub(super) enum Beat {
    Send(Content),
    /// The time that its pong may take.
    Ping(Option<Duration>),
}

#[derive(Debug)]
struct Entry {
    next: Instant,
    interval: Duration,
    beat: Beat,
    heartbeat: Rc<Heartbeat>,
}

/// The heartbeats of one socket.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    entries: Vec<Entry>,
}

impl Schedule {
    /// A ping takes the place of the one before it.
    pub(super) fn add(&mut self, beat: Beat, interval: Duration, first: Instant) -> Rc<Heartbeat> {
        if matches!(beat, Beat::Ping(_)) {
            for entry in &self.entries {
                if matches!(entry.beat, Beat::Ping(_)) {
                    entry.heartbeat.stop();
                }
            }
        }
        self.entries.retain(|entry| !entry.heartbeat.stopped.get());
        let heartbeat = Rc::new(Heartbeat::default());
        self.entries.push(Entry {
            next: first,
            // Zero would be due for ever.
            interval: interval.max(Duration::from_millis(1)),
            beat,
            heartbeat: heartbeat.clone(),
        });
        heartbeat
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.next).min()
    }

    /// Hand out what is due now. Each keeps its grid; what was missed is not made up for. `send` returns whether it was sent.
    pub(super) fn run(&mut self, now: Instant, mut send: impl FnMut(&Beat) -> bool) {
        self.entries.retain_mut(|entry| {
            if entry.heartbeat.stopped.get() {
                return false;
            }
            if entry.next <= now {
                if send(&entry.beat) {
                    entry.heartbeat.sent.set(entry.heartbeat.sent.get() + 1);
                }
                entry.next += entry.interval;
                if entry.next <= now {
                    entry.next = now + entry.interval;
                }
            }
            true
        });
    }

    /// The connection has ended.
    pub(super) fn clear(&mut self) {
        self.entries = Vec::new();
    }
}

/// A timed ping.
#[derive(Debug)]
struct Ping {
    number: u64,
    /// When it was handed over, once it was.
    sent: Option<Instant>,
    /// When the connection ends if there is no pong.
    deadline: Option<Instant>,
    /// Somebody waits for it by its number.
    awaited: bool,
    took: Option<Duration>,
}

/// Timed pings of one socket. Their payload is the number plus a key that only this side knows, so that no other pong matches.
#[derive(Debug)]
pub(super) struct Pings {
    key: u64,
    next: u64,
    waiting: VecDeque<Ping>,
}

impl Pings {
    pub(super) fn new(key: u64) -> Self {
        Self {
            key,
            next: 0,
            waiting: VecDeque::new(),
        }
    }

    /// A new ping's number.
    pub(super) fn start(&mut self, awaited: bool, deadline: Option<Instant>) -> u64 {
        if self.waiting.len() >= PINGS_MAX {
            self.waiting.pop_front();
        }
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(Ping {
            number,
            sent: None,
            deadline,
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
        }
    }

    /// A pong came: how long it took, if it answers one of ours. Earlier pings of an interval count as answered too: a
    /// peer may answer only the last of several (RFC 6455, section 5.5.3).
    pub(super) fn pong(&mut self, payload: &[u8], at: Instant) -> Option<Duration> {
        let number = u64::from_be_bytes(payload.try_into().ok()?).wrapping_sub(self.key);
        let ping = self.find(number)?;
        if ping.took.is_some() {
            return None;
        }
        let took = at.saturating_duration_since(ping.sent?);
        ping.took = Some(took);
        self.waiting
            .retain(|ping| ping.awaited || ping.number > number);
        self.shrink();
        Some(took)
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
        self.waiting.iter().filter_map(|ping| ping.deadline).min()
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
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn beats_keep_their_grid_and_do_not_catch_up() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        let beat = schedule.add(
            Beat::Send(Content::Text("x".into())),
            SECOND,
            start + SECOND,
        );
        schedule.run(start, |_| true);
        assert_eq!(beat.sent(), 0);
        // Late by a tenth: the next is due on the grid.
        schedule.run(start + SECOND * 11 / 10, |_| true);
        assert_eq!(schedule.next(), Some(start + SECOND * 2));
        // Several missed: one is sent.
        schedule.run(start + SECOND * 9, |_| true);
        assert_eq!(
            (beat.sent(), schedule.next()),
            (2, Some(start + SECOND * 10))
        );
        schedule.run(start + SECOND * 10, |_| false);
        assert_eq!(beat.sent(), 2, "no room: not sent");
        beat.stop();
        schedule.run(start + SECOND * 20, |_| true);
        assert_eq!((beat.sent(), schedule.next()), (2, None));
    }

    #[test]
    fn a_second_ping_takes_the_place_of_the_first() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        let first = schedule.add(Beat::Ping(None), SECOND, start);
        let second = schedule.add(Beat::Ping(None), SECOND, start);
        schedule.run(start, |_| true);
        assert_eq!((first.sent(), second.sent()), (0, 1));
    }

    #[test]
    fn pongs_are_matched_by_number_and_key() {
        let start = Instant::now();
        let mut pings = Pings::new(u64::MAX);
        let automatic = pings.start(false, Some(start + SECOND));
        let awaited = pings.start(true, None);
        let payload = pings.payload(awaited);
        assert_eq!(pings.pong(&payload, start), None, "not sent yet");
        pings.sent(automatic, start);
        pings.sent(awaited, start);
        assert_eq!(pings.pong(b"else", start), None);
        assert_eq!(pings.pong(&7u64.to_be_bytes(), start), None);
        assert_eq!(pings.deadline(), Some(start + SECOND));
        assert_eq!(pings.pong(&payload, start + SECOND), Some(SECOND));
        assert_eq!(pings.pong(&payload, start + SECOND), None, "once");
        assert_eq!(
            pings.deadline(),
            None,
            "a later pong answers the earlier ping"
        );
        assert_eq!(pings.take(awaited), Some(SECOND));
        assert_eq!(pings.take(awaited), None);
    }

    #[test]
    fn unanswered_pings_are_bounded() {
        let mut pings = Pings::new(1);
        for _ in 0..1000 {
            pings.start(false, None);
        }
        assert_eq!(pings.waiting.len(), PINGS_MAX);
    }
}
