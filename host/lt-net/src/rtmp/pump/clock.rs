//! When a pump has something to do although nothing comes.

use std::task::Context;

use tokio::time::Instant;

use super::lane::{Lane, Progress};
use super::{Pump, State};
use crate::overdue::{GRACE, Overdue};
use crate::rtmp::{Close, Ending, Observer, RtmpError};

impl Pump {
    /// Until when the server has to say something: yes to a stream, or anything where silence is bounded; while nothing is read,
    /// or there is no writing any more, it cannot.
    fn deadline(&self) -> Option<Instant> {
        if !self.is_receiving() || self.is_full() || self.broken.is_some() {
            return None;
        }
        let deadlines = self.lanes.iter().flat_map(|lane| {
            let silent = lane.player().and_then(|player| player.silent_at());
            [lane.start_until, silent]
        });
        deadlines.flatten().min()
    }

    /// Until when the peer has to take something.
    fn stuck_until(&self) -> Option<Instant> {
        let since = self.stuck_since.filter(|_| self.is_receiving())?;
        let max = self.lanes.iter().filter_map(Lane::publisher);
        let max = max.map(|publisher| publisher.request.unsent_max).min()?;
        since.checked_add(max)
    }

    pub(super) fn is_overdue(&mut self, is_more_to_read: bool) -> bool {
        let deadline = self.deadline();
        // Without one the clock is not looked at.
        let now = deadline.map_or(self.opened, |_| Instant::now());
        self.overdue
            .is_over(deadline, now, !is_more_to_read, self.arrived)
    }

    /// Whoever waits for what should have come by now waits in vain.
    pub(super) fn give_up(&mut self, _observer: &impl Observer) {
        let now = Instant::now();
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let mut index = 0;
        while let Some(lane) = self.lanes.get(index) {
            if is_over(lane.start_until) {
                self.drop_lane(index, Err(RtmpError::Timeout));
            } else if is_over(lane.player().and_then(|player| player.silent_at())) {
                let close = Close::plain(Ending::Silence, "nothing came for too long");
                self.drop_lane(index, Ok(close));
            } else {
                index += 1;
            }
        }
    }

    /// When a player has something to tell.
    pub(super) fn telling(&self) -> Option<Instant> {
        let players = self.lanes.iter().filter_map(Lane::player);
        players.filter_map(|player| player.next()).min()
    }

    /// What players have to tell: not before all was read that came in time. Being told late makes no difference to what is told.
    pub(super) fn run_timers(&mut self, is_more_to_read: bool) {
        let due = self.telling();
        let Some(due) = due.filter(|_| !is_more_to_read && !self.is_full()) else {
            return;
        };
        let now = Instant::now();
        let is_on_time = due <= now && now < due + GRACE;
        if is_on_time || self.telling.is_over(Some(due), now, true, self.arrived) {
            self.telling = Overdue::default();
            for lane in &self.lanes {
                if let Some(player) = lane.player() {
                    player.timer(now);
                }
            }
        }
    }

    /// When there is something to do.
    fn next(&self) -> Option<Instant> {
        match self.state {
            State::Open | State::Closing { .. } => {}
            State::Lingering { until } => return Some(until),
            State::Done => return None,
        }
        let closing = match self.state {
            State::Closing { until } => Some(until),
            _ => None,
        };
        let has_room = self.out.is_empty() && self.broken.is_none();
        let lanes = self.lanes.iter().filter_map(|lane| {
            let publisher = lane.publisher().filter(|_| has_room);
            let publisher = publisher.and_then(|publisher| match lane.progress {
                Progress::Live => publisher.sending.borrow().next(self.opened),
                _ => None,
            });
            let stopping = match lane.progress {
                Progress::Stopping { until, .. } => Some(until),
                _ => None,
            };
            [publisher, stopping].into_iter().flatten().min()
        });
        let deadline = self.overdue.next(self.deadline());
        let telling = self.telling().filter(|_| !self.is_full());
        let telling = self.telling.next(telling);
        let others = [
            closing,
            deadline,
            telling,
            self.stuck_until(),
            self.gather_until,
        ];
        lanes.chain(others.into_iter().flatten()).min()
    }

    /// Be woken in time. Returns whether that time has come already.
    pub(super) fn keep_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let next = self.next();
        self.timer.wake_by(next, cx)
    }

    /// The peer has taken nothing for too long: what is half sent cannot be taken back, so that the connection is over.
    pub(super) fn end_stuck(&mut self, observer: &impl Observer) {
        let Some(until) = self.stuck_until() else {
            return;
        };
        let now = Instant::now();
        if until <= now {
            let since = self.stuck_since.unwrap_or(now);
            let seconds = now.saturating_duration_since(since).as_secs_f64();
            let text = format!("the peer took nothing for {seconds:.0} s");
            self.end(Close::plain(Ending::Unsent, text), observer);
        }
    }
}
