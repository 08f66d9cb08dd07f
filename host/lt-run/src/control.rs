//! Ending a run from outside: from a signal handler, later from the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const RUNNING: u8 = 0;
const GRACEFUL: u8 = 1;
const NOW: u8 = 2;

/// A handle on a run. Cheap to clone; the run looks at it ten times a second.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<AtomicU8>);

impl Control {
    /// Let iterations under way end, then end the run.
    pub fn stop_gracefully(&self) {
        self.0.fetch_max(GRACEFUL, Ordering::Relaxed);
    }

    /// End the run at once: users are dropped where they stand.
    pub fn stop_now(&self) {
        self.0.fetch_max(NOW, Ordering::Relaxed);
    }

    /// Whether anyone asked for the end.
    #[must_use]
    pub fn stop_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) > RUNNING
    }

    /// Whether anyone asked for the end at once.
    #[must_use]
    pub fn stop_now_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) == NOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_gentle_word_does_not_take_back_a_hard_one() {
        let control = Control::default();
        assert!(!control.stop_asked());
        control.clone().stop_now();
        control.stop_gracefully();
        assert!(control.stop_asked() && control.stop_now_asked());
    }
}
