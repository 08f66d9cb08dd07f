//! Whether the generator can be trusted: it watches itself, and says so when it was the bottleneck.

use std::time::Duration;

/// Share of its processors above which a generator's own times become part of what it measures: queues grow without bound
/// towards 1 (Locust warns at 0.9 too).
pub(crate) const CPU_MAX: f64 = 0.9;
/// Share of its descriptors above which the next connections may fail for the generator's sake.
pub(crate) const DESCRIPTORS_MAX: f64 = 0.9;
/// 99th percentile of the start lag of one second above which its load was not the one asked for: half of what the summary's
/// warning tells of the whole run.
pub(crate) const START_LAG_MAX: Duration = Duration::from_millis(50);

/// What the process used, read once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeneratorLoad {
    /// CPU time of the process so far.
    pub cpu: Duration,
    /// Processors it may use.
    pub processors: usize,
    /// Descriptors it has open.
    pub descriptors: u64,
    /// Descriptors it may have open; `None` if there is no limit.
    pub descriptors_max: Option<u64>,
    /// Memory it holds, in bytes; zero if the system does not tell.
    pub resident_bytes: u64,
}

/// What one second showed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Second {
    /// Share of the processors used.
    pub(crate) cpu: f64,
    /// Share of the descriptors open; zero without a limit.
    pub(crate) descriptors: f64,
}

/// Counts the seconds in which the generator was short of something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saturation {
    last: Option<(Duration, Duration)>,
    load: GeneratorLoad,
    seconds: u64,
    cpu: u64,
    descriptors: u64,
    lag: u64,
    now: Option<&'static str>,
}

impl Saturation {
    /// Take in a second that ended at `elapsed`; returns what is worth recording.
    pub(crate) fn observe(
        &mut self,
        elapsed: Duration,
        load: GeneratorLoad,
        lag_p99: Option<Duration>,
    ) -> Second {
        self.load = load;
        let (last_elapsed, last_cpu) = self.last.replace((elapsed, load.cpu)).unwrap_or_default();
        let wall = elapsed.saturating_sub(last_elapsed).as_secs_f64();
        let used = load.cpu.saturating_sub(last_cpu).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let second = Second {
            cpu: ratio(used, wall * load.processors.max(1) as f64),
            descriptors: load
                .descriptors_max
                .map_or(0.0, |most| ratio(load.descriptors as f64, most as f64)),
        };
        self.seconds += 1;
        self.now = None;
        if lag_p99.is_some_and(|lag| lag > START_LAG_MAX) {
            self.lag += 1;
            self.now = Some("starts late");
        }
        if second.descriptors > DESCRIPTORS_MAX {
            self.descriptors += 1;
            self.now = Some("short of descriptors");
        }
        if second.cpu > CPU_MAX {
            self.cpu += 1;
            self.now = Some("short of CPU");
        }
        second
    }

    /// What CPU time is counted from: the clock's start, so that building users counts for nothing.
    pub(crate) fn begin(&mut self, load: GeneratorLoad) {
        self.last = Some((Duration::ZERO, load.cpu));
    }

    /// What the process used at the end of the last second.
    pub(crate) fn load(&self) -> GeneratorLoad {
        self.load
    }

    /// What it is short of right now.
    pub(crate) fn now(&self) -> Option<&'static str> {
        self.now
    }

    /// What a reader must know before trusting the numbers. `missed_wakes`: times that a core woke far too late.
    pub(crate) fn warnings(&self, missed_wakes: u64) -> Vec<String> {
        let seconds = |count: u64| format!("in {count} of {} seconds", self.seconds);
        let mut warnings = Vec::new();
        if self.cpu > 0 {
            warnings.push(format!(
                "the generator used over {:.0} % of its processors {}: response times hold its own delays (remedy: fewer users, \
                 or more processors)",
                CPU_MAX * 100.0,
                seconds(self.cpu)
            ));
        }
        if self.lag > 0 {
            warnings.push(format!(
                "iterations started more than {START_LAG_MAX:?} late (p99) {}: the load was not the one asked for",
                seconds(self.lag)
            ));
        }
        if self.descriptors > 0 {
            warnings.push(format!(
                "over {:.0} % of the descriptors were open {}: connections may have failed for the generator's sake (remedy: \
                 raise the limit, `lt-host doctor` says how)",
                DESCRIPTORS_MAX * 100.0,
                seconds(self.descriptors)
            ));
        }
        if missed_wakes > 0 && (self.cpu > 0 || self.lag > 0) {
            warnings.push(format!(
                "a core of the generator woke over 20 ms late {missed_wakes} times: something else used the processors"
            ));
        }
        warnings
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn load(cpu: Duration, descriptors: u64) -> GeneratorLoad {
        GeneratorLoad {
            cpu,
            processors: 2,
            descriptors,
            descriptors_max: Some(100),
            resident_bytes: 0,
        }
    }

    #[test]
    fn an_idle_generator_is_trusted() {
        let mut saturation = Saturation::default();
        saturation.begin(load(S(5), 10));
        let second = saturation.observe(S(1), load(S(6), 10), Some(Duration::from_millis(1)));
        assert!((second.cpu - 0.5).abs() < 1e-9 && (second.descriptors - 0.1).abs() < 1e-9);
        assert_eq!(saturation.now(), None);
        assert!(saturation.warnings(3).is_empty());
    }

    #[test]
    fn each_shortage_is_told_with_its_seconds() {
        let mut saturation = Saturation::default();
        saturation.begin(load(S(0), 0));
        saturation.observe(S(1), load(S(2), 95), Some(Duration::from_millis(80)));
        assert_eq!(saturation.now(), Some("short of CPU"));
        saturation.observe(S(2), load(S(2), 95), None);
        assert_eq!(saturation.now(), Some("short of descriptors"));
        saturation.observe(S(3), load(S(2), 0), None);
        assert_eq!(saturation.now(), None);
        let warnings = saturation.warnings(7);
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        assert!(warnings[0].contains("in 1 of 3 seconds"), "{warnings:?}");
        assert!(warnings[2].contains("in 2 of 3 seconds"), "{warnings:?}");
        assert!(warnings[3].contains("7 times"), "{warnings:?}");
    }
}
