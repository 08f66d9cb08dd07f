//! A scenario as the API tells of it.

use lt_runtime::Scenario;
use lt_spec::description::{
    DataDeclaration, DataKind, MetricDeclaration, Role, RoleShare, Setting, SettingKind,
    SteadyCondition,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What stands for the value of a secret.
const HIDDEN: &str = "***";

/// What a component says of itself: kept with its version, so that nobody must run it to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// Its own name, whatever it is stored under.
    #[schema(example = "plenary-chat")]
    pub title: String,
    /// What it does.
    pub doc: String,
    /// Interfaces that it imports.
    #[schema(example = json!(["lt:scenario/http@0.1.0"]))]
    pub imports: Vec<String>,
    /// Settings that it takes; any other is refused.
    pub settings: Vec<AboutSetting>,
    /// Roles of its users; empty if all are alike.
    pub roles: Vec<AboutRole>,
    /// Metrics of its own.
    pub metrics: Vec<AboutMetric>,
    /// Files that it reads.
    pub data: Vec<AboutData>,
    /// The load that it suggests.
    pub load: AboutLoad,
    /// What is true of a user that is steady: for `steady` in run specs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub steady: Option<AboutSteady>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AboutSetting {
    /// Its name, for `settings` in run specs.
    #[schema(example = "url")]
    pub name: String,
    /// What it is for.
    pub doc: String,
    /// What values look like: `text`, `boolean`, `integer`, `number`, `duration`, `secret`.
    #[schema(example = "text")]
    pub kind: String,
    /// Its value if none is given; without one it must be given. `***` for a secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub default: Option<String>,
    /// If not empty, the only values allowed.
    pub allowed: Vec<String>,
    /// Smallest value allowed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub minimum: Option<String>,
    /// Largest value allowed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub maximum: Option<String>,
    /// Whether it may change during a run.
    pub live: bool,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AboutRole {
    /// Its name.
    pub name: String,
    /// What its users do.
    pub doc: String,
    /// How many users play it.
    pub share: AboutShare,
}

/// How many users play a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AboutShare {
    /// Relative to the weights of others.
    Weight(u32),
    /// Exactly this many, before weights are applied.
    Count(u64),
    /// Every so many-th user.
    Every(u64),
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AboutMetric {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub doc: String,
    /// `counter`, `gauge`, `rate`, `trend`.
    #[schema(example = "trend")]
    pub kind: String,
    /// `default`, `time`, `data`.
    #[schema(example = "time")]
    pub unit: String,
}

/// A file that the scenario reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AboutData {
    /// Its name, for `assets` or `feeders` in run specs.
    pub name: String,
    /// What it holds.
    pub doc: String,
    /// `asset` or `feeder`.
    #[schema(example = "feeder")]
    pub kind: String,
    /// Fields that a feeder's records must have.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub fields: Option<Vec<String>>,
    /// Whether a run without it is refused.
    pub required: bool,
}

/// The load that a scenario suggests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AboutLoad {
    /// Number of users.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub users: Option<u64>,
    /// Length of the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false, example = "30s")]
    pub duration: Option<String>,
    /// Iterations shared by all users.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub iterations: Option<u64>,
}

/// What is true of a user that is steady.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AboutSteady {
    /// Its last check of this name held.
    Check(String),
    /// The last value it gave the gauge of this name is not zero.
    Gauge(String),
}

impl About {
    /// What a compiled scenario says.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let said = scenario.description();
        Self {
            title: said.name.clone(),
            doc: said.doc.clone(),
            imports: scenario.imports().to_vec(),
            settings: said.settings.iter().map(AboutSetting::from).collect(),
            roles: said.roles.iter().map(AboutRole::from).collect(),
            metrics: said.metrics.iter().map(AboutMetric::from).collect(),
            data: said.data.iter().map(AboutData::from).collect(),
            load: AboutLoad {
                users: said.load.users,
                duration: said
                    .load
                    .duration
                    .map(|length| humantime::format_duration(length).to_string()),
                iterations: said.load.iterations,
            },
            steady: said.steady.clone().map(|steady| match steady {
                SteadyCondition::Check(name) => AboutSteady::Check(name),
                SteadyCondition::Gauge(name) => AboutSteady::Gauge(name),
            }),
        }
    }
}

impl From<&Setting> for AboutSetting {
    fn from(setting: &Setting) -> Self {
        let is_secret = setting.kind == SettingKind::Secret;
        let shown = |value: &String| {
            if is_secret {
                HIDDEN.to_owned()
            } else {
                value.clone()
            }
        };
        Self {
            name: setting.name.clone(),
            doc: setting.doc.clone(),
            kind: word(&setting.kind),
            default: setting.default.as_ref().map(shown),
            allowed: setting.allowed.iter().map(shown).collect(),
            minimum: setting.minimum.as_ref().map(shown),
            maximum: setting.maximum.as_ref().map(shown),
            live: setting.live,
            secret: is_secret,
        }
    }
}

impl From<&Role> for AboutRole {
    fn from(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            doc: role.doc.clone(),
            share: match role.share {
                RoleShare::Weight(weight) => AboutShare::Weight(weight),
                RoleShare::Count(count) => AboutShare::Count(count),
                RoleShare::Every(every) => AboutShare::Every(every),
            },
        }
    }
}

impl From<&MetricDeclaration> for AboutMetric {
    fn from(metric: &MetricDeclaration) -> Self {
        Self {
            name: metric.name.clone(),
            doc: metric.doc.clone(),
            kind: word(&metric.kind),
            unit: word(&metric.unit),
        }
    }
}

impl From<&DataDeclaration> for AboutData {
    fn from(data: &DataDeclaration) -> Self {
        let (kind, fields) = match &data.kind {
            DataKind::Asset => ("asset", None),
            DataKind::Feeder(fields) => ("feeder", Some(fields.clone())),
        };
        Self {
            name: data.name.clone(),
            doc: data.doc.clone(),
            kind: kind.to_owned(),
            fields,
            required: data.required,
        }
    }
}

/// The word that a value is written as in JSON.
fn word<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let setting = Setting {
            name: "password".to_owned(),
            doc: String::new(),
            kind: SettingKind::Secret,
            default: Some("hunter2".to_owned()),
            allowed: vec!["hunter2".to_owned()],
            minimum: Some("hunter2".to_owned()),
            maximum: None,
            live: false,
        };
        let shown = serde_json::to_string(&AboutSetting::from(&setting)).unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains(r#""default":"***""#) && shown.contains(r#""secret":true"#),
            "{shown}"
        );
        let plain = AboutSetting::from(&Setting {
            kind: SettingKind::Text,
            ..setting
        });
        assert_eq!(plain.default.as_deref(), Some("hunter2"));
        assert!(!plain.secret);
    }

    #[test]
    fn words_are_those_of_describe() {
        assert_eq!(word(&SettingKind::Duration), "duration");
        assert_eq!(word(&lt_metrics::Kind::Trend), "trend");
    }
}
