//! k6's documented examples of ramping load, in real time: the achieved curves against the intended ones.
//!
//! Both run in one run, with a third scenario whose one arrival is due at the start of the run's clock. What was achieved is read from
//! the samples: when users gave signs of life, and when iterations started.

use std::collections::BTreeMap;
use std::path::Path;

use lt_tests::guests::guest;
use lt_tests::results::json_lines;
use lt_tests::temp::TempDir;
use serde_json::{Value, json};

use crate::child::{lt_host, measured, summary};
use crate::curve::{Stage, Step, area_between, arrivals_between, arrivals_by, length, user_steps};
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// k6's example of `ramping-vus`: `stages: [20s: 10, 10s: 0]`, `gracefulRampDown: 0s`, iterations that sleep for 500 ms.
const USERS: [Stage; 2] = [
    Stage {
        seconds: 20.0,
        target: 10.0,
    },
    Stage {
        seconds: 10.0,
        target: 0.0,
    },
];
/// Length of its iterations.
const PAUSE_SECONDS: f64 = 0.5;
/// Time between two signs of life of a user: how exactly its end is known.
const SIGN_INTERVAL: &str = "10ms";
/// k6's example of `ramping-arrival-rate`, in iterations a second: `startRate: 300` a minute, `stages: [1m: 300, 2m: 600, 4m: 600,
/// 2m: 60]`.
const ARRIVALS: [Stage; 4] = [
    Stage {
        seconds: 60.0,
        target: 5.0,
    },
    Stage {
        seconds: 120.0,
        target: 10.0,
    },
    Stage {
        seconds: 240.0,
        target: 10.0,
    },
    Stage {
        seconds: 120.0,
        target: 1.0,
    },
];
/// Its rate at the start.
const ARRIVALS_START_RATE: f64 = 5.0;
/// Its `preAllocatedVUs`.
const ARRIVALS_USERS: u64 = 50;
/// Parts of its time in which starts are counted: ten seconds each, as documented.
const ARRIVALS_PARTS: usize = 54;
/// Area between the curves, as a share of the area under the intended one.
const DIFFERENCE_MAX: f64 = 0.01;

/// Measure.
pub(super) fn measure(plan: &Plan, table: &mut Table) {
    let (users_faster, arrivals_faster) = (
        f64::from(plan.users_curve_faster),
        f64::from(plan.arrivals_curve_faster),
    );
    let users = USERS.map(|stage| Stage {
        seconds: stage.seconds / users_faster,
        ..stage
    });
    let arrivals = ARRIVALS.map(|stage| Stage {
        seconds: stage.seconds / arrivals_faster,
        target: stage.target * arrivals_faster,
    });
    let directory = TempDir::new();
    let file = run_file(
        &users,
        PAUSE_SECONDS / users_faster,
        &arrivals,
        ARRIVALS_START_RATE * arrivals_faster,
    );
    let file = directory.write("run.toml", file);
    let arguments = ["run".to_owned(), format!("--spec={}", file.display())];
    measured("lt-host", &mut lt_host(&directory, &arguments));
    let summary = summary(&directory);
    assert_eq!(summary.count("samples_dropped"), 0, "samples are missing");
    let achieved = Achieved::read(&directory.path().join("samples.json"));
    table.add(users_row(plan, &users, &achieved));
    let dropped = summary.count("dropped_iterations");
    table.add(arrivals_row(plan, &arrivals, &achieved, dropped));
}

fn run_file(users: &[Stage], pause: f64, arrivals: &[Stage], start_rate: f64) -> String {
    let stages = |stages: &[Stage], unit: &str| {
        let stages: Vec<String> = stages
            .iter()
            .map(|stage| format!("\"{}ms:{}{unit}\"", stage.seconds * 1000.0, stage.target))
            .collect();
        stages.join(", ")
    };
    let nothing = guest("bench_nothing").display().to_string();
    format!(
        r#"
out = ["json=samples.json"]

[scenarios.clock]
file = {nothing:?}
executor = "constant-arrival-rate"
rate = "1/s"
duration = "1s"
users = 1

[scenarios.users]
file = {alive:?}
executor = "ramping-users"
start-users = 0
stages = [{user_stages}]
graceful-ramp-down = "0s"
settings = {{ pause = "{pause_ms}ms", interval = "{SIGN_INTERVAL}" }}

[scenarios.arrivals]
file = {nothing:?}
executor = "ramping-arrival-rate"
start-rate = "{start_rate}/s"
stages = [{arrival_stages}]
users = {ARRIVALS_USERS}
"#,
        alive = guest("bench_alive").display().to_string(),
        user_stages = stages(users, ""),
        arrival_stages = stages(arrivals, "/s"),
        pause_ms = pause * 1000.0,
    )
}

fn users_row(plan: &Plan, stages: &[Stage], achieved: &Achieved) -> Row {
    let intended = user_steps(stages);
    let area = area_between(&intended, &[]);
    let difference = area_between(&achieved.users(), &intended) / area;
    Row {
        what: "k6's ramping-vus example",
        target: within(),
        figure: format!(
            "{:.2} % of {area:.0} user-seconds ({} users, a sign of life every {SIGN_INTERVAL}{})",
            difference * 100.0,
            achieved.seen.len(),
            faster(plan.users_curve_faster, ""),
        ),
        value: difference,
        verdict: Verdict::at_most(difference, DIFFERENCE_MAX),
        details: json!({
            "difference": difference,
            "intended": intended.iter().map(|step| [step.at, step.by]).collect::<Vec<_>>(),
            "seen_from_to": achieved.seen.values().collect::<Vec<_>>(),
        }),
    }
}

fn arrivals_row(plan: &Plan, stages: &[Stage], achieved: &Achieved, dropped: u64) -> Row {
    let start_rate = ARRIVALS_START_RATE * f64::from(plan.arrivals_curve_faster);
    let asked = arrivals_by(start_rate, stages, length(stages));
    let apart = arrivals_between(&achieved.starts, start_rate, stages, ARRIVALS_PARTS);
    let difference = apart / asked;
    Row {
        what: "k6's ramping-arrival-rate example",
        target: within(),
        figure: format!(
            "{:.2} % of {asked:.0} iterations in {ARRIVALS_PARTS} parts of {:.1} s ({} started, {dropped} dropped{})",
            difference * 100.0,
            length(stages) / ARRIVALS_PARTS as f64,
            achieved.starts.len(),
            faster(plan.arrivals_curve_faster, " at as many times the rate"),
        ),
        value: difference,
        verdict: Verdict::at_most(difference, DIFFERENCE_MAX),
        details: json!({
            "difference": difference, "asked": asked, "started": achieved.starts.len(), "dropped": dropped,
        }),
    }
}

fn within() -> String {
    format!(
        "area between curves at most {:.0} %",
        DIFFERENCE_MAX * 100.0
    )
}

fn faster(times: u32, also: &str) -> String {
    if times == 1 {
        String::new()
    } else {
        format!("; {times} times faster{also}")
    }
}

/// What the samples say, in seconds since the run's clock.
struct Achieved {
    /// By user, its first and its last sign of life.
    seen: BTreeMap<u64, (f64, f64)>,
    /// When iterations started.
    starts: Vec<f64>,
}

impl Achieved {
    fn read(samples: &Path) -> Self {
        let lines = json_lines(samples);
        let points: Vec<Point<'_>> = lines.iter().filter_map(Point::of).collect();
        let clock = points
            .iter()
            .find(|point| point.is("clock", "iteration_duration_intended"))
            .map(Point::begun)
            .expect("the arrival that marks the clock has started");
        let mut seen = BTreeMap::new();
        for sign in points.iter().filter(|point| point.is("users", "alive")) {
            let at = since(clock, sign.at);
            let (first, last) = seen.entry(sign.value as u64).or_insert((at, at));
            *first = at.min(*first);
            *last = at.max(*last);
        }
        let iterations = points
            .iter()
            .filter(|point| point.is("arrivals", "iteration_duration"));
        Self {
            seen,
            starts: iterations
                .map(|iteration| since(clock, iteration.begun()))
                .collect(),
        }
    }

    fn users(&self) -> Vec<Step> {
        let lives = self.seen.values();
        lives
            .flat_map(|&(first, last)| [Step { at: first, by: 1.0 }, Step { at: last, by: -1.0 }])
            .collect()
    }
}

/// One sample.
struct Point<'a> {
    metric: &'a str,
    scenario: &'a str,
    /// When it was taken, in seconds since midnight.
    at: f64,
    value: f64,
}

impl<'a> Point<'a> {
    fn of(line: &'a Value) -> Option<Self> {
        let data = &line["data"];
        Some(Self {
            metric: line["metric"].as_str()?,
            scenario: data["tags"]["scenario"].as_str()?,
            at: second_of_day(data["time"].as_str()?),
            value: data["value"].as_f64()?,
        })
    }

    fn is(&self, scenario: &str, metric: &str) -> bool {
        self.scenario == scenario && self.metric == metric
    }

    /// When that began which took as many milliseconds as the sample says.
    fn begun(&self) -> f64 {
        self.at - self.value / 1000.0
    }
}

/// The time of `2021-02-24T13:37:10.12Z`.
fn second_of_day(time: &str) -> f64 {
    let (_, clock) = time.split_once('T').expect("times are RFC 3339");
    let parts = clock.trim_end_matches('Z').split(':');
    parts
        .map(|part| part.parse::<f64>().expect("times are RFC 3339"))
        .fold(0.0, |sum, part| sum.mul_add(60.0, part))
}

/// Seconds from the run's clock, perhaps over midnight. A little before the clock is negative.
fn since(clock: f64, at: f64) -> f64 {
    const DAY: f64 = 86_400.0;
    let seconds = (at - clock).rem_euclid(DAY);
    if seconds > DAY / 2.0 {
        seconds - DAY
    } else {
        seconds
    }
}
