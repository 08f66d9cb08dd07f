//! Where the time of one exchange went, phase by phase, with k6's meaning of each phase.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// Phases of one exchange. A phase that did not happen, such as connecting on a reused connection, is zero; the phases
/// add up to the time from the call to the last byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a free connection or a place on one, and time lost on a reused connection that turned out dead.
    pub blocked: Duration,
    /// Resolving the name.
    pub resolving: Duration,
    /// TCP handshake, and the proxy's CONNECT if there is one.
    pub connecting: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// Writing the request: ends when its last byte was handed to the kernel.
    pub sending: Duration,
    /// From the request's last byte to the response's first.
    pub waiting: Duration,
    /// From the response's first byte to its last.
    pub receiving: Duration,
}

impl Timings {
    /// sending + waiting + receiving: k6's `http_req_duration`, which leaves out how the connection came about.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }
}

impl std::ops::AddAssign for Timings {
    /// One exchange after another, seen as one.
    fn add_assign(&mut self, other: Self) {
        self.blocked += other.blocked;
        self.resolving += other.resolving;
        self.connecting += other.connecting;
        self.tls += other.tls;
        self.sending += other.sending;
        self.waiting += other.waiting;
        self.receiving += other.receiving;
    }
}

/// The phase an exchange is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Blocked,
    Resolving,
    Connecting,
    Tls,
    Sending,
    Waiting,
    Receiving,
}

/// Attributes the time between two readings of the clock to the phase that was current. Shared by reference through the
/// layers of one exchange, so that a deadline that drops them midway still knows where the time went.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    phase: Cell<Phase>,
    since: Cell<Instant>,
    timings: Cell<Timings>,
}

impl Stopwatch {
    /// Start in the given phase, now.
    pub(crate) fn start(phase: Phase) -> Self {
        Self {
            phase: Cell::new(phase),
            since: Cell::new(Instant::now()),
            timings: Cell::new(Timings::default()),
        }
    }

    /// End the current phase and enter another. Entering the current phase again reads no clock.
    pub(crate) fn enter(&self, phase: Phase) {
        if self.phase.get() != phase {
            self.settle();
            self.phase.set(phase);
        }
    }

    /// Call what has been measured so far, and what is still to come in the present phase, lost time: `blocked`.
    /// For an attempt that is given up and made again.
    pub(crate) fn start_over(&self) {
        let lost = self.read();
        let lost = lost.blocked + lost.resolving + lost.connecting + lost.tls + lost.duration();
        self.timings.set(Timings {
            blocked: lost,
            ..Timings::default()
        });
        self.phase.set(Phase::Blocked);
    }

    /// The phase entered last.
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// The phases up to now.
    pub(crate) fn read(&self) -> Timings {
        self.settle();
        self.timings.get()
    }

    fn settle(&self) {
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(self.since.replace(now));
        let mut timings = self.timings.get();
        let slot = match self.phase.get() {
            Phase::Blocked => &mut timings.blocked,
            Phase::Resolving => &mut timings.resolving,
            Phase::Connecting => &mut timings.connecting,
            Phase::Tls => &mut timings.tls,
            Phase::Sending => &mut timings.sending,
            Phase::Waiting => &mut timings.waiting,
            Phase::Receiving => &mut timings.receiving,
        };
        *slot += elapsed;
        self.timings.set(timings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_gets_its_own_time() {
        let watch = Stopwatch::start(Phase::Blocked);
        for (phase, millis) in [
            (Phase::Resolving, 1),
            (Phase::Connecting, 2),
            (Phase::Tls, 4),
            (Phase::Sending, 8),
            (Phase::Waiting, 16),
            (Phase::Receiving, 32),
        ] {
            pass(millis).await;
            watch.enter(phase);
        }
        pass(64).await;
        let timings = watch.read();
        let got = [
            timings.blocked,
            timings.resolving,
            timings.connecting,
            timings.tls,
            timings.sending,
            timings.waiting,
            timings.receiving,
        ];
        assert_eq!(got.map(|phase| phase.as_millis()), [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(timings.duration().as_millis(), 16 + 32 + 64);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_given_up_is_blocked_time() {
        let watch = Stopwatch::start(Phase::Sending);
        pass(3).await;
        watch.enter(Phase::Waiting);
        pass(4).await;
        watch.start_over();
        pass(5).await;
        watch.enter(Phase::Sending);
        pass(6).await;
        let timings = watch.read();
        assert_eq!(
            (timings.blocked.as_millis(), timings.sending.as_millis()),
            (12, 6)
        );
        assert_eq!(timings.duration().as_millis(), 6);
    }
}
