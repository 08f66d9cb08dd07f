//! The page of `lt-host validate`: what a run would do, when, by whom, with what.

use std::collections::BTreeMap;

use lt_data::DataSet;
use lt_report::humanize_bytes;
use lt_spec::description::Description;
use lt_spec::limits::USER_FOOTPRINT_BYTES;
use lt_spec::parse::without_password;
use lt_spec::profile::expected_iterations;
use lt_spec::spec::{FailureLimit, FailurePolicy, Identities, Load, OnLoss, RunSpec, ScenarioSpec};

use crate::load_text::{change_line, load_line, over_time, users_started};
use crate::show::{plain, section, setting_value, time};

/// Rows of a load over time: a staircase of a day has a thousand.
const MOMENTS_MAX: usize = 24;

/// What the plan is held against.
pub(crate) struct Around<'a> {
    /// What each scenario says of itself, in the order of the plan.
    pub(crate) descriptions: Vec<&'a Description>,
    /// Files that were read.
    pub(crate) data: &'a DataSet,
    /// Memory that is free, if the system says.
    pub(crate) memory_available_bytes: Option<u64>,
    /// Whether the seed was given: else the run will have another.
    pub(crate) seed_is_given: bool,
}

type Row = (String, String);

/// The page.
pub(crate) fn plan_page(spec: &RunSpec, around: &Around<'_>) -> String {
    let mut page = String::new();
    section(&mut page, "Plan", plan(spec, around));
    for (scenario, description) in spec.scenarios.iter().zip(&around.descriptions) {
        scenario_part(&mut page, scenario, description);
    }
    section(&mut page, "Data", data(spec, around.data));
    section(&mut page, "Tags", pairs(&spec.tags));
    let thresholds = spec
        .thresholds
        .iter()
        .map(|threshold| (plain(threshold.source()), String::new()));
    section(&mut page, "Thresholds", thresholds);
    let changes = spec
        .changes
        .iter()
        .map(|change| (time(change.at), change_line(spec, change)));
    section(&mut page, "Changes", changes);
    page.trim_start().to_owned()
}

fn row(name: &str, about: impl Into<String>) -> Row {
    (name.to_owned(), about.into())
}

fn pairs(values: &BTreeMap<String, String>) -> impl Iterator<Item = Row> {
    values
        .iter()
        .map(|(name, value)| (plain(name), plain(value)))
}

/// What is of the run as a whole.
fn plan(spec: &RunSpec, around: &Around<'_>) -> Vec<Row> {
    let deadline = spec.steady.map(|steady| steady.deadline);
    let ends = match spec.length().into_iter().chain(deadline).min() {
        Some(latest) => format!("after {} at the latest", time(latest)),
        None if spec.scenarios.iter().all(|scenario| counts(&scenario.load)) => {
            "when all iterations are done".to_owned()
        }
        None => "when it is stopped".to_owned(),
    };
    let loads = || spec.scenarios.iter().map(|scenario| &scenario.load);
    let iterations = loads().try_fold(0_u64, |sum, load| {
        Some(sum.saturating_add(expected_iterations(load)?))
    });
    let mut rows = vec![
        row("users", users_text(spec)),
        row("iterations", iterations_text(iterations)),
        row("memory", memory(spec, around.memory_available_bytes)),
        row("ends", ends),
        row("threads", spec.cores.to_string()),
        row(
            "user limits",
            format!(
                "{} KiB of memory, {} of CPU without waiting",
                spec.user_limits.memory_bytes >> 10,
                time(spec.user_limits.cpu)
            ),
        ),
        row(
            "http",
            format!(
                "timeout {}, at most {} redirects",
                time(spec.http.timeout),
                spec.http.max_redirects
            ),
        ),
    ];
    if around.seed_is_given {
        rows.push(row("seed", spec.seed.to_string()));
    }
    if let Some(proxy) = &spec.http.proxy {
        rows.push(row("proxy", without_password(proxy)));
    }
    if let Some(steady) = spec.steady {
        let text = format!(
            "for {}, before {} have passed",
            time(steady.hold),
            time(steady.deadline)
        );
        rows.push(row("steady", text));
    }
    if !spec.terminate {
        rows.push(row("terminate", "not called"));
    }
    rows
}

/// Users that there may be, and how many of them start in time.
fn users_text(spec: &RunSpec) -> String {
    let asked = spec.users_max();
    let never = spec.scenarios.iter().map(|scenario| {
        let load = &scenario.load;
        load.users_max().saturating_sub(users_started(load))
    });
    match never.fold(0, u64::saturating_add) {
        0 => format!("{asked} at most"),
        never => format!(
            "{asked} at most, of whom {} start before the end",
            asked.saturating_sub(never)
        ),
    }
}

/// Whether it ends with its iterations.
fn counts(load: &Load) -> bool {
    load.iterations().is_some()
}

fn iterations_text(expected: Option<u64>) -> String {
    match expected {
        Some(count) => format!("{count} expected"),
        None => "as many as the users get done".to_owned(),
    }
}

/// What the users need at least, beside what there is.
fn memory(spec: &RunSpec, available_bytes: Option<u64>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "rounded for people anyway")]
    let bytes = |count: u64| humanize_bytes(count as f64);
    let needed = spec.users_max().saturating_mul(USER_FOOTPRINT_BYTES);
    let free = available_bytes.map(|free| format!(", of {} that are free", bytes(free)));
    format!(
        "{} at least, at {} a user{}",
        bytes(needed),
        bytes(USER_FOOTPRINT_BYTES),
        free.unwrap_or_default()
    )
}

/// Everything of one scenario.
fn scenario_part(page: &mut String, spec: &ScenarioSpec, description: &Description) {
    let name = plain(&spec.name);
    let mut rows = vec![
        row(
            "runs",
            format!(
                "{} {}",
                plain(&description.name),
                plain(&description.version)
            ),
        ),
        row("executor", spec.load.name()),
        row("load", load_line(spec)),
        row(
            "iterations",
            iterations_text(expected_iterations(&spec.load)),
        ),
        row("user ids", ids(spec)),
        row("graceful stop", time(spec.graceful_stop)),
        row("failed users", failed_users(spec.on_failure)),
    ];
    if let Load::RampingUsers(load) = &spec.load {
        rows.push(row("ramp-down", time(load.graceful_ramp_down)));
    }
    section(page, &format!("Scenario {name}"), rows);
    section(page, &format!("Over time: {name}"), moments(spec));
    let counts = spec.roles.counts(spec.load.users_max());
    let roles = spec.roles.names().iter().zip(counts);
    section(
        page,
        &format!("Roles: {name}"),
        roles.map(|(role, count)| (plain(role), format!("{count} users"))),
    );
    let settings = spec
        .settings
        .iter()
        .map(|(name, value)| (plain(name), plain(setting_value(spec, name, value))));
    section(page, &format!("Settings: {name}"), settings);
}

fn moments(spec: &ScenarioSpec) -> Vec<Row> {
    let mut rows: Vec<Row> = over_time(spec)
        .into_iter()
        .map(|(at, what)| (time(at), what))
        .collect();
    if let Some(last) = rows.pop() {
        if rows.len() >= MOMENTS_MAX {
            let left_out = rows.len() - MOMENTS_MAX;
            rows.truncate(MOMENTS_MAX);
            rows.push(("...".to_owned(), format!("{left_out} more")));
        }
        rows.push(last);
    }
    rows
}

/// Which ids the users of the plan have.
fn ids(spec: &ScenarioSpec) -> String {
    let users = spec.load.users_max();
    let Identities { first, existing } = spec.identities;
    let (new, more) = match existing {
        Some(existing) => {
            let new = u128::from(users) * u128::from(existing.percent_new.min(100)) / 100;
            let new = u64::try_from(new).unwrap_or(users);
            let known = range(existing.first, users - new.min(users));
            let text = format!(" new ({} %), {known} with an account", existing.percent_new);
            (new, text)
        }
        None => (users, String::new()),
    };
    let on = match &spec.load {
        Load::Churn(_) => ", and on",
        _ => "",
    };
    format!("{}{more}{on}", range(first, new))
}

fn range(first: u64, count: u64) -> String {
    match count {
        0 => "none".to_owned(),
        _ => format!("{first}..{}", first.saturating_add(count - 1)),
    }
}

fn failed_users(policy: FailurePolicy) -> String {
    let lost = match policy.on_loss {
        OnLoss::Rebuild => "rebuilt",
        OnLoss::Retire => "retired",
    };
    match policy.abort_after {
        Some(FailureLimit::Users(count)) => format!("{lost}; the run ends with {count} of them"),
        Some(FailureLimit::Percent(percent)) => {
            format!("{lost}; the run ends with {percent} % of them")
        }
        None => lost.to_owned(),
    }
}

/// The files, with how much is in them.
fn data(spec: &RunSpec, data: &DataSet) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, path) in &spec.data.assets {
        let size = data.asset(name).map_or(0, |bytes| bytes.len());
        let about = format!("{size} bytes of {}", path.display());
        rows.push((plain(name), plain(&about)));
    }
    for feeder in &spec.data.feeders {
        let Some(read) = data.feeder(&feeder.name) else {
            continue;
        };
        let order = read
            .order()
            .map_or("the scenario's order".to_owned(), |order| order.to_string());
        let about = format!(
            "{} records of {}, {order}; fields {}",
            read.len(),
            feeder.path.display(),
            read.fields().join(", ")
        );
        rows.push((plain(&feeder.name), plain(&about)));
    }
    if let Some(path) = &spec.data.state_file {
        rows.push(row("store", plain(&format!("kept in {}", path.display()))));
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lt_spec::description::{Setting, SettingKind};
    use lt_spec::spec::{Existing, RampingUsers, Stage};
    use lt_spec::{RawRun, resolve};

    use super::*;
    use crate::process::testing::fake;

    fn shop() -> Description {
        let setting = |name: &str, kind| Setting {
            name: name.to_owned(),
            doc: String::new(),
            kind,
            default: None,
            allowed: Vec::new(),
            minimum: None,
            maximum: None,
            live: false,
        };
        Description {
            name: "shop".to_owned(),
            version: "1.2.3".to_owned(),
            settings: vec![
                setting("base-url", SettingKind::Text),
                setting("token", SettingKind::Secret),
            ],
            roles: vec![lt_spec::description::Role {
                name: "buyer".to_owned(),
                doc: String::new(),
                share: lt_spec::description::RoleShare::Weight(3),
            }],
            ..Description::default()
        }
    }

    fn spec(raw: RawRun) -> RunSpec {
        let raw = RawRun {
            settings: vec!["base-url=http://x".to_owned(), "token=geheim".to_owned()],
            ..raw
        };
        let (process, _) = fake(&[]);
        resolve(&raw, &shop(), &crate::machine::of_run(&process)).unwrap()
    }

    fn page(spec: &RunSpec) -> String {
        let description = shop();
        let around = Around {
            descriptions: vec![&description],
            data: &DataSet::default(),
            memory_available_bytes: Some(1_000_000_000),
            seed_is_given: true,
        };
        plan_page(spec, &around)
    }

    #[test]
    fn a_plan_tells_the_load_and_hides_secrets() {
        let page = page(&spec(RawRun {
            users: Some("5".to_owned()),
            duration: Some("1m30s".to_owned()),
            interarrival: Some("50ms".to_owned()),
            thresholds: vec!["http_reqs:count>1".to_owned()],
            ..RawRun::default()
        }));
        assert!(page.starts_with("Plan\n"), "{page}");
        for part in [
            "5 at most",
            "at 42 kB a user, of 1.0 GB that are free",
            "after 1m30s at the latest",
            "Scenario shop\n  runs           shop 1.2.3",
            "5 users for 1m30s, 50ms between starts",
            "Over time: shop\n  0s     1 user\n  200ms  5 users\n  1m30s  end",
            "1..5",
            "buyer  5 users",
            "http_reqs:count>1",
            "token     ***",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
        assert!(!page.contains("geheim"));
    }

    #[test]
    fn users_that_never_start_are_not_in_the_table() {
        let page = page(&spec(RawRun {
            users: Some("100".to_owned()),
            duration: Some("10s".to_owned()),
            interarrival: Some("1s".to_owned()),
            seed: Some("77".to_owned()),
            ..RawRun::default()
        }));
        for part in [
            "100 at most, of whom 10 start before the end",
            "Over time: shop\n  0s   1 user\n  9s   10 users\n  10s  end",
            "seed         77",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
    }

    #[test]
    fn ids_and_policies_are_told() {
        let mut spec = spec(RawRun {
            users: Some("10".to_owned()),
            ..RawRun::default()
        });
        let scenario = spec.scenarios.first_mut().unwrap();
        scenario.identities = Identities {
            first: 101,
            existing: Some(Existing {
                percent_new: 30,
                first: 1,
            }),
        };
        scenario.on_failure = FailurePolicy {
            on_loss: OnLoss::Retire,
            abort_after: Some(FailureLimit::Percent(5.0)),
        };
        let page = page(&spec);
        for part in [
            "101..103 new (30 %), 1..7 with an account",
            "retired; the run ends with 5 % of them",
            "10 expected",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
    }

    #[test]
    fn a_long_staircase_is_cut() {
        let mut spec = spec(RawRun::default());
        let scenario = spec.scenarios.first_mut().unwrap();
        scenario.load = Load::RampingUsers(RampingUsers {
            start_users: 0,
            stages: (1..=100)
                .map(|target| Stage {
                    duration: Duration::from_secs(1),
                    target,
                })
                .collect(),
            graceful_ramp_down: Duration::from_secs(30),
            repeat_interval: None,
        });
        let rows = moments(scenario);
        assert_eq!(rows.len(), MOMENTS_MAX + 2);
        assert_eq!(rows[MOMENTS_MAX], row("...", "76 more"));
        assert_eq!(rows.last().unwrap(), &row("1m40s", "100 users, end"));
    }
}
