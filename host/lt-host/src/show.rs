//! Pages for people: a scenario's description, and what all pages are made of. A scenario's own words are shown without control characters,
//! so that they cannot steer the terminal.

use std::fmt::Write;
use std::path::Path;

use lt_metrics::Unit;
pub(crate) use lt_run::show::{HIDDEN, plain, setting_value, time};
use lt_runtime::Scenario;
use lt_spec::description::{
    DataDeclaration, DataKind, Description, RoleShare, Setting, SettingKind, SteadyCondition,
};

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
            RoleShare::Every(every) => format!("every {every}. user"),
        };
        (plain(&role.name), format!("{share}; {}", plain(&role.doc)))
    });
    section(&mut page, "Roles", roles);
    let metrics = description.metrics.iter().map(|metric| {
        let unit = match metric.unit {
            // A plain number: k6's word for it, `default`, would say nothing here.
            Unit::None => String::new(),
            unit => format!(", {}", unit.name()),
        };
        let about = format!("{}{unit}; {}", metric.kind.name(), plain(&metric.doc));
        (plain(&metric.name), about)
    });
    section(
        &mut page,
        "Metrics of its own (in thresholds: NAME:EXPR)",
        metrics,
    );
    section(
        &mut page,
        "Data (--asset NAME=FILE, --feeder NAME=FILE)",
        description.data.iter().map(data),
    );
    let steady = description.steady.iter().map(|steady| match steady {
        SteadyCondition::Check(name) => (plain(name), "its last check held".to_owned()),
        SteadyCondition::Gauge(name) => (plain(name), "its gauge is not zero".to_owned()),
    });
    section(&mut page, "Steady, of each user (--steady TIME)", steady);
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
        (Some(default), SettingKind::Secret) if default.is_empty() => about.push_str(", optional"),
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

fn data(data: &DataDeclaration) -> (String, String) {
    let kind = match &data.kind {
        DataKind::Asset => "asset".to_owned(),
        DataKind::Feeder(fields) if fields.is_empty() => "feeder".to_owned(),
        DataKind::Feeder(fields) => format!("feeder with {}", plain(&fields.join(", "))),
    };
    let required = if data.required { ", required" } else { "" };
    let about = format!("{kind}{required}; {}", plain(&data.doc));
    (plain(&data.name), about)
}

/// A heading and a table of two columns; nothing if there are no rows.
pub(crate) fn section(
    page: &mut String,
    heading: &str,
    rows: impl IntoIterator<Item = (String, String)>,
) {
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

#[cfg(test)]
mod tests {

    use std::time::Duration;

    use lt_metrics::Kind;
    use lt_spec::description::{DefaultLoad, MetricDeclaration, Role};

    use super::*;

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
            roles: vec![
                Role {
                    name: "buyer".to_owned(),
                    doc: "Buys.".to_owned(),
                    share: RoleShare::Weight(3),
                },
                Role {
                    name: "seller".to_owned(),
                    doc: "Sells.".to_owned(),
                    share: RoleShare::Every(53),
                },
            ],
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
            steady: Some(SteadyCondition::Check("stream is up".to_owned())),
            data: vec![DataDeclaration {
                name: "accounts".to_owned(),
                doc: "Who buys.".to_owned(),
                kind: DataKind::Feeder(vec!["name".to_owned(), "password".to_owned()]),
                required: true,
            }],
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
  buyer   weight 3; Buys.
  seller  every 53. user; Sells.

Metrics of its own (in thresholds: NAME:EXPR)
  orders  counter; Orders placed.

Data (--asset NAME=FILE, --feeder NAME=FILE)
  accounts  feeder with name, password, required; Who buys.

Steady, of each user (--steady TIME)
  stream is up  its last check held

Suggested load
  users     5
  duration  1m30s
";
        assert_eq!(page, want);
    }
}
