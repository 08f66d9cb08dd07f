//! Looking less often at what flows.
//!
//! A server sends each frame by itself, some 60 a second, and reading each as it comes is most of what a player costs. So in large runs a
//! stream that flows as it should is read ten times a second. What is measured stays what it was: the first frames, what follows a
//! silence, and what comes before a second is over are read at once, and the kernel stamps what came last. Only the time from
//! end to end would be blurred by it: it is taken from the players that read everything at once.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use super::lane::Lane;
use super::{Pump, State};

/// How long what flows may lie in the kernel: 800 KB of 64 Mbit/s, and a tenth of the shortest that figures of players are given for.
const READ_EVERY: Duration = Duration::from_millis(100);
/// Players of a thread that read everything at once, so that small runs are exact to the frame in all they measure.
const PROMPT_MIN: u32 = 16;
/// Beyond them one in so many does.
const PROMPT_ONE_IN: u32 = 32;

/// By so much a read may be late and what it brings still count as if it were not.
const LATE_MAX: Duration = Duration::from_millis(20);

thread_local! {
    static PLAYERS: Cell<u32> = const { Cell::new(0) };
}

/// Whether the next player of this thread reads everything at once.
pub(in crate::rtmp) fn is_next_prompt() -> bool {
    let number = PLAYERS.get();
    PLAYERS.set(number.wrapping_add(1));
    number < PROMPT_MIN || number.is_multiple_of(PROMPT_ONE_IN)
}

/// When what was left to lie until then came: before, even if its last frame came while this machine was about to read it. All of it has
/// the stamp of its last byte, and of a second that is over by then it would else be missing.
pub(super) fn before(arrived: Instant, until: Instant) -> Instant {
    let is_late = arrived.saturating_duration_since(until) > LATE_MAX;
    let just_before = until.checked_sub(Duration::from_micros(1)).unwrap_or(until);
    if is_late {
        arrived
    } else {
        arrived.min(just_before)
    }
}

impl Pump {
    /// Whether what came is to lie a little longer.
    pub(super) fn is_gathering(&self) -> bool {
        self.gather_until
            .is_some_and(|until| self.may_gather() && Instant::now() < until)
    }

    /// Something was read, and all there was: leave it alone for a while, if it may be left. Whoever has nothing to read must wait for
    /// the first byte instead.
    pub(super) fn gather(&mut self) -> bool {
        self.gather_until = None;
        if self.may_gather() {
            let until = Instant::now() + READ_EVERY;
            // What players tell is told behind all that came before it.
            self.gather_until = Some(self.telling().map_or(until, |telling| telling.min(until)));
        }
        self.gather_until.is_some()
    }

    fn may_gather(&self) -> bool {
        let [lane] = self.lanes.as_slice() else {
            return false;
        };
        let may = lane.player().is_some_and(|player| player.may_gather());
        may && lane.is_live()
            && self.state == State::Open
            && self.waiting.is_empty()
            && !self.is_pending_new
            && self.broken.is_none()
    }
}

impl Lane {
    fn is_live(&self) -> bool {
        self.progress == super::lane::Progress::Live
    }
}
