//! Pages for people: a scenario's description, a run's plan. A scenario's own words are shown without control characters,
//! so that they cannot steer the terminal.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use lt_runtime::Scenario;
use lt_spec::description::{Description, RoleShare, Setting, SettingKind};
use lt_spec::parse::without_password;
use lt_spec::spec::{Iterations, Load, RunSpec};

/// Shown instead of a secret.
pub(crate) const HIDDEN: &str = "***";

/// A text from outside, on one line and harmless.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// The page of `lt-host describe`.
pub(crate) fn describe_page(path: &Path, scenario: &Scenario, size_bytes: u64) -> String {
    let description = scenario.description();
    let mut page = description_page(description);
    section(
        &mut page,
        "Imports",
        interfaces(scenario)
            .into_iter()
            .map(|name| (plain(name), String::new())),
    );
    section(
        &mut page,
        "File",
        [
            (path.display().to_string(), format!("{size_bytes} bytes")),
            ("sha256".to_owned(), scenario.hash().to_owned()),
        ],
    );
    page
}

/// The interfaces that a scenario imports: `package:name/interface@version`. Types imported by themselves say nothing more.
pub(crate) fn interfaces(scenario: &Scenario) -> Vec<&str> {
    let names = scenario.imports().iter().map(String::as_str);
    names.filter(|name| name.contains('/')).collect()
}

fn description_page(description: &Description) -> String {
    let mut page = format!(
        "{} {}\n",
        plain(&description.name),
        plain(&description.version)
    );
    if !description.doc.is_empty() {
        line(&mut page, &format!("  {}", plain(&description.doc)));
    }
    section(
        &mut page,
        "Settings (--set NAME=VALUE)",
        description.settings.iter().map(setting),
    );
    let roles = description.roles.iter().map(|role| {
        let share = match role.share {
            RoleShare::Weight(weight) => format!("weight {weight}"),
            RoleShare::Count(count) => format!("{count} users"),
        };
        (plain(&role.name), format!("{share}; {}", plain(&role.doc)))
    });
    section(&mut page, "Roles", roles);
    let metrics = description.metrics.iter().map(|metric| {
        let about = format!(
            "{}, {}; {}",
            metric.kind.name(),
            metric.unit.name(),
            plain(&metric.doc)
        );
        (plain(&metric.name), about)
    });
    section(
        &mut page,
        "Metrics of its own (in thresholds: NAME:EXPR)",
        metrics,
    );
    let load = description.load;
    let suggested = [
        load.users
            .map(|users| ("users".to_owned(), users.to_string())),
        load.duration
            .map(|duration| ("duration".to_owned(), time(duration))),
        load.iterations
            .map(|count| ("iterations".to_owned(), count.to_string())),
    ];
    section(&mut page, "Suggested load", suggested.into_iter().flatten());
    page
}

fn setting(setting: &Setting) -> (String, String) {
    let kind = match setting.kind {
        SettingKind::Text => "text",
        SettingKind::Boolean => "true or false",
        SettingKind::Integer => "whole number",
        SettingKind::Number => "number",
        SettingKind::Duration => "time",
        SettingKind::Secret => "secret",
    };
    let mut about = kind.to_owned();
    match (&setting.default, setting.kind) {
        (None, _) => about.push_str(", required"),
        (Some(_), SettingKind::Secret) => about.push_str(", has a default"),
        (Some(default), _) => about.push_str(&format!(", default {:?}", plain(default))),
    }
    if !setting.allowed.is_empty() {
        about.push_str(&format!(", one of {}", plain(&setting.allowed.join(", "))));
    }
    match (&setting.minimum, &setting.maximum) {
        (Some(minimum), Some(maximum)) => {
            about.push_str(&format!(", {} to {}", plain(minimum), plain(maximum)))
        }
        (Some(minimum), None) => about.push_str(&format!(", at least {}", plain(minimum))),
        (None, Some(maximum)) => about.push_str(&format!(", at most {}", plain(maximum))),
        (None, None) => {}
    }
    if setting.live {
        about.push_str(", may change during a run");
    }
    (
        plain(&setting.name),
        format!("{about}; {}", plain(&setting.doc)),
    )
}

/// A heading and a table of two columns; nothing if there are no rows.
fn section(page: &mut String, heading: &str, rows: impl IntoIterator<Item = (String, String)>) {
    let rows: Vec<(String, String)> = rows.into_iter().collect();
    if rows.is_empty() {
        return;
    }
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    line(page, &format!("\n{heading}"));
    for (name, about) in rows {
        line(page, format!("  {name:width$}  {about}").trim_end());
    }
}

fn line(page: &mut String, text: &str) {
    // Writing to a text cannot fail.
    let _infallible = writeln!(page, "{text}");
}

/// A length of time as it would be typed.
pub(crate) fn time(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

/// The load in one line: `100 users for 30s, 50ms between starts`.
pub(crate) fn load_line(spec: &RunSpec) -> String {
    let Load::ConstantUsers(load) = &spec.load;
    let users = if spec.users == 1 {
        "1 user".to_owned()
    } else {
        format!("{} users", spec.users)
    };
    let mut text = match (load.iterations, load.duration) {
        (Iterations::PerUser(count), _) => {
            format!("{users}, {count} iteration{} each", plural(count))
        }
        (Iterations::Shared(count), None) => {
            format!("{users}, {count} iteration{} in all", plural(count))
        }
        (Iterations::Shared(count), Some(duration)) => {
            format!(
                "{users}, {count} iteration{} in all, for {} at most",
                plural(count),
                time(duration)
            )
        }
        (Iterations::Unlimited, Some(duration)) => format!("{users} for {}", time(duration)),
        (Iterations::Unlimited, None) => format!("{users} until stopped"),
    };
    if !load.interarrival.is_zero() {
        text.push_str(&format!(", {} between starts", time(load.interarrival)));
    }
    if let Some(interval) = load.repeat_interval {
        text.push_str(&format!(", an iteration every {}", time(interval)));
    }
    text
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A setting's value, or stars if it is a secret.
pub(crate) fn setting_value<'spec>(
    spec: &'spec RunSpec,
    name: &str,
    value: &'spec str,
) -> &'spec str {
    if spec.secrets.iter().any(|secret| secret == name) {
        HIDDEN
    } else {
        value
    }
}

/// What a run would do, for `lt-host validate`.
pub(crate) fn plan_page(spec: &RunSpec, description: &Description) -> String {
    let Load::ConstantUsers(load) = &spec.load;
    let mut page = String::new();
    let last = spec.first_user.saturating_add(spec.users.saturating_sub(1));
    let mut rows = vec![
        (
            "scenario".to_owned(),
            format!("{} {}", plain(&spec.scenario), plain(&description.version)),
        ),
        ("load".to_owned(), load_line(spec)),
        (
            "user ids".to_owned(),
            format!("{}..{last}", spec.first_user),
        ),
        ("graceful stop".to_owned(), time(load.graceful_stop)),
        ("threads".to_owned(), spec.cores.to_string()),
        (
            "user limits".to_owned(),
            format!(
                "{} KiB of memory, {} of CPU without waiting",
                spec.user_limits.memory_bytes >> 10,
                time(spec.user_limits.cpu)
            ),
        ),
        (
            "http".to_owned(),
            format!(
                "timeout {}, at most {} redirects",
                time(spec.http.timeout),
                spec.http.max_redirects
            ),
        ),
    ];
    if let Some(proxy) = &spec.http.proxy {
        rows.push(("proxy".to_owned(), without_password(proxy)));
    }
    section(&mut page, "Plan", rows);
    section(
        &mut page,
        "Roles",
        spec.roles
            .iter()
            .map(|role| (plain(&role.name), format!("{} users", role.users))),
    );
    let settings = spec
        .settings
        .iter()
        .map(|(name, value)| (plain(name), plain(setting_value(spec, name, value))));
    section(&mut page, "Settings", settings);
    section(
        &mut page,
        "Tags",
        spec.tags
            .iter()
            .map(|(name, value)| (plain(name), plain(value))),
    );
    section(
        &mut page,
        "Thresholds",
        spec.thresholds
            .iter()
            .map(|threshold| (plain(threshold.source()), String::new())),
    );
    page.trim_start().to_owned()
}

#[cfg(test)]
mod tests {

    use lt_metrics::{Kind, Unit};
    use lt_spec::description::{DefaultLoad, MetricDeclaration, Role};
    use lt_spec::{RawRun, resolve};

    use super::*;
    use crate::process::testing::fake;

    fn shop() -> Description {
        let setting = |name: &str, kind, default: Option<&str>| Setting {
            name: name.to_owned(),
            doc: "Its\x1b[31m doc.".to_owned(),
            kind,
            default: default.map(str::to_owned),
            allowed: Vec::new(),
            minimum: None,
            maximum: None,
            live: false,
        };
        Description {
            name: "shop".to_owned(),
            version: "1.2.3".to_owned(),
            doc: "Buys things.".to_owned(),
            settings: vec![
                setting("base-url", SettingKind::Text, None),
                setting("token", SettingKind::Secret, Some("hunter2")),
                Setting {
                    minimum: Some("1s".to_owned()),
                    maximum: Some("1m".to_owned()),
                    live: true,
                    ..setting("pause", SettingKind::Duration, Some("5s"))
                },
            ],
            roles: vec![Role {
                name: "buyer".to_owned(),
                doc: "Buys.".to_owned(),
                share: RoleShare::Weight(3),
            }],
            metrics: vec![MetricDeclaration {
                name: "orders".to_owned(),
                doc: "Orders placed.".to_owned(),
                kind: Kind::Counter,
                unit: Unit::None,
            }],
            load: DefaultLoad {
                users: Some(5),
                duration: Some(Duration::from_secs(90)),
                iterations: None,
            },
        }
    }

    #[test]
    fn a_description_is_a_page_without_secrets_and_control_characters() {
        let page = description_page(&shop());
        let want = "\
shop 1.2.3
  Buys things.

Settings (--set NAME=VALUE)
  base-url  text, required; Its [31m doc.
  token     secret, has a default; Its [31m doc.
  pause     time, default \"5s\", 1s to 1m, may change during a run; Its [31m doc.

Roles
  buyer  weight 3; Buys.

Metrics of its own (in thresholds: NAME:EXPR)
  orders  counter, default; Orders placed.

Suggested load
  users     5
  duration  1m30s
";
        assert_eq!(page, want);
    }

    #[test]
    fn a_plan_tells_the_load_and_hides_secrets() {
        let raw = RawRun {
            settings: vec!["base-url=http://x".to_owned(), "token=geheim".to_owned()],
            interarrival: Some("50ms".to_owned()),
            thresholds: vec!["orders:count>1".to_owned()],
            ..RawRun::default()
        };
        let (process, _) = fake(&[]);
        let spec = resolve(&raw, &shop(), &crate::machine::of_run(&process)).unwrap();
        let page = plan_page(&spec, &shop());
        assert!(page.starts_with("Plan\n"), "{page}");
        for part in [
            "5 users for 1m30s, 50ms between starts",
            "1..5",
            "buyer  5 users",
            "orders:count>1",
            "token     ***",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
        assert!(!page.contains("geheim"));
    }

    #[test]
    fn loads_are_told_in_a_line() {
        let line = |raw: RawRun| {
            let (process, _) = fake(&[]);
            let description = Description {
                name: "shop".to_owned(),
                ..Description::default()
            };
            load_line(&resolve(&raw, &description, &crate::machine::of_run(&process)).unwrap())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(line(RawRun::default()), "1 user, 1 iteration each");
        assert_eq!(
            line(RawRun {
                users: some("2"),
                iterations: some("9"),
                ..RawRun::default()
            }),
            "2 users, 9 iterations in all"
        );
        let both = RawRun {
            iterations: some("9"),
            duration: some("1m"),
            repeat_interval: some("10s"),
            ..RawRun::default()
        };
        assert_eq!(
            line(both),
            "1 user, 9 iterations in all, for 1m at most, an iteration every 10s"
        );
    }
}
