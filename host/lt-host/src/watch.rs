//! What a person and the results see while a run goes on: called ten times a second, on the run's own thread.

use std::time::{Duration, Instant};

use lt_metrics::{Totals, builtin};
use lt_report::{Progress, ProgressDisplay, StreamsView};
use lt_run::{ChangeSeen, Control, Stage, Tick};
use lt_spec::limits::TERMINATE_DEADLINE;
use lt_spec::spec::RunSpec;
use serde_json::json;

use crate::load_text::{action_line, secret_names};
use crate::logging::Held;
use crate::record::Record;
use crate::show::{plain, time};

/// How often a line is written while users are built, when the run's own seconds do not count yet.
const BUILDING_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Watch<'a> {
    spec: &'a RunSpec,
    control: Control,
    display: ProgressDisplay,
    is_bar: bool,
    record: Record,
    held: Held,
    now_unix_ns: fn() -> i64,
    progress: Progress,
    whole_until: Duration,
    built_at: Option<Instant>,
    said: Said,
}

/// How much of the end a person was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Nothing,
    Stopping,
    AtOnce,
}

impl<'a> Watch<'a> {
    /// Watch a run. A bar is drawn anew at each tick, anything else once a second.
    pub(crate) fn new(
        spec: &'a RunSpec,
        control: Control,
        (display, is_bar): (ProgressDisplay, bool),
        record: Record,
        held: Held,
        now_unix_ns: fn() -> i64,
    ) -> Self {
        let counted = spec.scenarios.iter().try_fold(0_u64, |sum, scenario| {
            Some(sum.saturating_add(scenario.load.iterations()?))
        });
        let progress = Progress {
            // A run that waits for its steady state ends at its deadline at the latest.
            total: spec
                .length()
                .into_iter()
                .chain(spec.steady.map(|rule| rule.deadline))
                .min(),
            users_max: spec.users_max(),
            iterations_total: counted,
            ..Progress::default()
        };
        Self {
            spec,
            control,
            display,
            is_bar,
            record,
            held,
            now_unix_ns,
            progress,
            whole_until: Duration::ZERO,
            built_at: None,
            said: Said::Nothing,
        }
    }

    /// Take in how the run stands. What cannot be shown is not worth a run: errors are ignored.
    pub(crate) fn see(&mut self, tick: &Tick<'_>) {
        for line in self.held.take() {
            let _unheard = self.display.say(&line);
        }
        self.progress.elapsed = tick.elapsed;
        self.progress.users = tick.users_active;
        if tick.users_planned > 0 {
            self.progress.users_max = tick.users_planned;
        }
        self.progress.iterations = tick.iterations;
        self.progress.stopping = tick.stage == Stage::Stopping;
        self.progress.steady = tick.steady;
        self.progress.saturated = tick.saturated;
        if tick.stage == Stage::Terminating {
            // What is still open now was cut off.
            self.progress.interrupted = tick.iterations_open;
        }
        for change in tick.changes {
            self.say_change(change);
        }
        self.say_end(tick);
        let now_unix_ns = (self.now_unix_ns)();
        let _told = self.record.second(self.spec, tick, now_unix_ns);
        if let Some(interval) = tick.interval {
            self.second(tick, interval);
        } else if tick.stage == Stage::Building {
            self.building(tick);
        }
        // A bar is drawn as often as it likes to be; lines come once a second.
        if self.is_bar {
            let _unheard = self.display.update(&self.progress);
        }
    }

    /// A whole second: rates, the log of histograms, the summary so far.
    fn second(&mut self, tick: &Tick<'_>, interval: &Totals) {
        let length = tick.elapsed.saturating_sub(self.whole_until);
        let per_second = |count: f64| {
            if length.is_zero() {
                0.0
            } else {
                count / length.as_secs_f64()
            }
        };
        self.progress.requests_per_second = per_second(interval.count(builtin::HTTP_REQS));
        self.progress.iterations_per_second = per_second(interval.count(builtin::ITERATIONS));
        self.progress.p95 = interval
            .percentile(builtin::HTTP_REQ_DURATION, 95.0)
            .and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok());
        self.progress.failed_rate = tick.totals.share(builtin::HTTP_REQ_FAILED);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of failures, never negative"
        )]
        {
            self.progress.failures = tick.totals.count(builtin::USER_FAILURES) as u64;
        }
        let rows = tick.streams.iter().flat_map(|table| &table.rows);
        // Once a stream was seen, none of them is told too.
        let view = StreamsView::of(rows)
            .or_else(|| self.progress.streams.take().map(|_| StreamsView::default()));
        self.progress.streams = view;
        self.whole_until = tick.elapsed;
        if !self.is_bar {
            let _unheard = self.display.update(&self.progress);
        }
    }

    /// Building a hundred thousand users takes ten seconds: say so.
    fn building(&mut self, tick: &Tick<'_>) {
        let began = *self.built_at.get_or_insert_with(Instant::now);
        if began.elapsed() >= BUILDING_INTERVAL {
            self.built_at = Some(Instant::now());
            let _unheard = self.display.say(&format!(
                "building users: {} of {}",
                tick.users_built,
                users_at_start(self.spec)
            ));
        }
    }

    /// Tell what was changed, or why it was not.
    fn say_change(&mut self, change: &ChangeSeen) {
        self.record.changed(self.spec, change, (self.now_unix_ns)());
        let action = action_line(&change.action, &secret_names(self.spec));
        let scenario = change.scenario.as_deref().map(plain);
        let what = scenario.map_or(action.clone(), |name| format!("{name}: {action}"));
        let text = match &change.refused {
            None => format!("changed: {what}"),
            Some(reason) => format!("refused: {what}: {}", plain(reason)),
        };
        let _unheard = self.display.say(&text);
    }

    /// Tell a person who pressed Ctrl-C what happens now.
    fn say_end(&mut self, tick: &Tick<'_>) {
        let due = if self.control.stop_now_asked() {
            Said::AtOnce
        } else if self.control.stop_asked() {
            Said::Stopping
        } else {
            Said::Nothing
        };
        if due <= self.said {
            return;
        }
        self.said = due;
        let (event, text) = match due {
            Said::AtOnce => ("stopping_at_once", "stopping at once".to_owned()),
            Said::Stopping | Said::Nothing if tick.stage == Stage::Terminating => (
                "stopping",
                format!(
                    "waiting up to {} for terminate; Ctrl-C again to cut it off",
                    time(TERMINATE_DEADLINE)
                ),
            ),
            Said::Stopping | Said::Nothing => {
                ("stopping", stopping_line(self.spec, tick.iterations_open))
            }
        };
        let _unheard = self.display.say(&text);
        let fields = json!({ "iterations": tick.iterations_open });
        self.record.event(event, &fields, (self.now_unix_ns)());
    }

    /// The run has ended: make room for the summary.
    pub(crate) fn finish(self) -> Record {
        let Self {
            mut display,
            held,
            progress,
            record,
            ..
        } = self;
        for line in held.release() {
            let _unheard = display.say(&line);
        }
        let _unheard = display.finish(&progress);
        record
    }
}

/// Users that are built before the clock starts.
fn users_at_start(spec: &RunSpec) -> u64 {
    let counts = spec
        .scenarios
        .iter()
        .map(|scenario| scenario.load.users_at_start());
    counts.fold(0, u64::saturating_add)
}

fn stopping_line(spec: &RunSpec, open: u64) -> String {
    let patience = spec.scenarios.iter().map(|scenario| scenario.graceful_stop);
    let iterations = if open == 1 {
        "1 iteration".to_owned()
    } else {
        format!("{open} iterations")
    };
    format!(
        "stopping: waiting up to {} for {iterations}; Ctrl-C again to stop at once",
        time(patience.max().unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lt_metrics::{Registry, SubmetricPlan};
    use lt_spec::description::Description;
    use lt_spec::{RawRun, resolve};

    use super::*;
    use crate::process::testing::{Shared, fake};

    fn spec() -> RunSpec {
        let raw = RawRun {
            users: Some("4".to_owned()),
            duration: Some("10s".to_owned()),
            ..RawRun::default()
        };
        let (process, _) = fake(&[]);
        resolve(
            &raw,
            &Description::default(),
            &crate::machine::of_run(&process),
        )
        .unwrap()
    }

    fn totals() -> Totals {
        let registry = Arc::new(Registry::new());
        let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
        Totals::new(registry, plan)
    }

    fn tick<'a>(totals: &'a Totals, interval: Option<&'a Totals>, elapsed: Duration) -> Tick<'a> {
        Tick {
            stage: Stage::Running,
            elapsed,
            users_built: 4,
            users_active: 3,
            users_planned: 4,
            iterations: 20,
            iterations_open: 3,
            steady: None,
            saturated: None,
            generator: lt_run::GeneratorLoad::default(),
            thresholds: &[],
            parts: &[],
            versions: &[],
            swaps: &[],
            changes: &[],
            streams: &[],
            totals,
            interval,
        }
    }

    #[test]
    fn each_second_is_a_line_with_rates_of_that_second() {
        let (spec, shown) = (spec(), Shared::default());
        let display = (ProgressDisplay::lines(shown.clone()), false);
        let mut watch = Watch::new(
            &spec,
            Control::default(),
            display,
            Record::none(),
            Held::default(),
            || 0,
        );
        let (all, mut second) = (totals(), totals());
        second.record(builtin::HTTP_REQS, 50.0);
        watch.see(&tick(&all, None, Duration::from_millis(500)));
        watch.see(&tick(&all, Some(&second), Duration::from_secs(2)));
        assert_eq!(shown.text().lines().count(), 1, "{}", shown.text());
        assert!(
            shown.text().contains("users=3/4") && shown.text().contains("rps=25.0"),
            "{}",
            shown.text()
        );
        watch.finish();
        assert!(shown.text().contains("20 complete"), "{}", shown.text());
    }

    #[test]
    fn changes_shortages_and_the_steady_state_are_told() {
        let (mut spec, shown) = (spec(), Shared::default());
        spec.scenarios[0].secrets = vec!["token".to_owned()];
        let display = (ProgressDisplay::lines(shown.clone()), false);
        let mut watch = Watch::new(
            &spec,
            Control::default(),
            display,
            Record::none(),
            Held::default(),
            || 0,
        );
        let set = |name: &str, refused: Option<&str>| ChangeSeen {
            elapsed: Duration::ZERO,
            scenario: Some("chat".to_owned()),
            action: lt_spec::spec::Action::Set {
                name: name.to_owned(),
                value: "geheim".to_owned(),
            },
            refused: refused.map(str::to_owned),
        };
        let changes = [set("token", None), set("pause", Some("no time"))];
        let (all, second) = (totals(), totals());
        watch.see(&Tick {
            changes: &changes,
            steady: Some((2, 4)),
            saturated: Some("short of CPU"),
            ..tick(&all, Some(&second), Duration::from_secs(1))
        });
        let text = shown.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "changed: chat: token = ***");
        assert_eq!(lines[1], "refused: chat: pause = \"geheim\": no time");
        assert!(
            lines[2].ends_with("steady=2/4 SATURATED: short of CPU"),
            "{text}"
        );
    }

    #[test]
    fn streams_are_told_each_second_also_when_none_is_left() {
        use lt_metrics::{Direction, StreamRow, StreamState, StreamTable};

        let (spec, shown) = (spec(), Shared::default());
        let display = (ProgressDisplay::lines(shown.clone()), false);
        let mut watch = Watch::new(
            &spec,
            Control::default(),
            display,
            Record::none(),
            Held::default(),
            || 0,
        );
        let row = |user: u64, state: StreamState| StreamRow {
            user,
            number: 0,
            name: "live".into(),
            direction: Direction::Play,
            state,
            lagged: user == 2,
            bytes: 0,
            media: Duration::ZERO,
            elapsed: Duration::ZERO,
            lag: Duration::ZERO,
            kbps: 500.0,
        };
        let table = |rows: Vec<StreamRow>| StreamTable { rows };
        let cores = [
            table(vec![row(1, StreamState::Flowing)]),
            table(vec![
                row(2, StreamState::Flowing),
                row(3, StreamState::Failed),
            ]),
        ];
        let (all, second) = (totals(), totals());
        let mut see = |second_number: u64, streams: &[StreamTable]| {
            watch.see(&Tick {
                streams,
                ..tick(&all, Some(&second), Duration::from_secs(second_number))
            });
        };
        see(1, &[]);
        see(2, &cores);
        see(3, &[]);
        let text = shown.text();
        let ends: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once(" failures=0").map(|(_, end)| end))
            .collect();
        assert_eq!(
            ends,
            [
                "",
                " streams=2/3 lagged=1 stalled=0 kbps=1000",
                " streams=0/0 lagged=0 stalled=0 kbps=0"
            ]
        );
    }

    #[test]
    fn each_ctrl_c_is_answered_once() {
        let (spec, shown, control) = (spec(), Shared::default(), Control::default());
        let display = (ProgressDisplay::lines(shown.clone()), false);
        let mut watch = Watch::new(
            &spec,
            control.clone(),
            display,
            Record::none(),
            Held::default(),
            || 0,
        );
        let all = totals();
        let moment = || tick(&all, None, Duration::from_secs(1));
        watch.see(&moment());
        assert_eq!(shown.text(), "");
        control.stop_gracefully();
        watch.see(&moment());
        watch.see(&moment());
        assert_eq!(
            shown.text(),
            "stopping: waiting up to 30s for 3 iterations; Ctrl-C again to stop at once\n"
        );
        control.stop_now();
        watch.see(&moment());
        watch.see(&moment());
        assert_eq!(shown.text().lines().last(), Some("stopping at once"));
        assert_eq!(shown.text().lines().count(), 2);
    }
}
