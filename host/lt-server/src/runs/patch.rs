//! Several changes of a run in one call: all are made or none.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use lt_metrics::Threshold;
use lt_spec::description::Description;
use lt_spec::parse::{self, Fault};
use lt_spec::spec::{Action, Load, ThrottleChange};
use lt_spec::{Machine, Problem, RawFile, RawRun, Uploads};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::model::Run;
use super::steer::{self, Wish};
use super::toml_of_json::toml_of_json;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::json::{IfMatch, Json, Path};

/// How the scenario is called while its new load is read.
const PART: &str = "part";
/// Options of a load that can be replaced; the others say when it starts, and who its users are.
const EXECUTOR_KEYS: [&str; 18] = [
    "duration",
    "executor",
    "graceful-ramp-down",
    "interarrival",
    "iterations",
    "max-duration",
    "max-users",
    "profile",
    "rate",
    "repeat-interval",
    "repeat-num",
    "spacing",
    "spike",
    "stages",
    "staircase",
    "start-rate",
    "start-users",
    "users",
];
/// Thresholds that a run may have: each is judged every second.
const THRESHOLDS_MAX: usize = 1000;

/// What of a run is to change.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Patch {
    /// The scenario (its name in the run) that `users`, `rate`, `executor` and `settings` are for; all that they fit, if none
    /// is named.
    #[schema(nullable = false)]
    scenario: Option<String>,
    /// Another number of users.
    #[schema(nullable = false)]
    users: Option<u64>,
    /// Another rate of arrivals: `100/s`, or a number a second.
    #[schema(nullable = false)]
    rate: Option<Scalar>,
    /// Another load: load options as in a run spec.
    #[schema(nullable = false, value_type = Object)]
    executor: Option<Map<String, Value>>,
    /// New values of live settings.
    #[schema(nullable = false)]
    settings: Option<BTreeMap<String, Scalar>>,
    /// Changes of throttles, by their names.
    #[schema(nullable = false)]
    throttles: Option<BTreeMap<String, ThrottleWish>>,
    /// What the run is judged by from now on.
    #[schema(nullable = false)]
    thresholds: Option<Vec<String>>,
    /// The run's tags from now on.
    #[schema(nullable = false)]
    tags: Option<BTreeMap<String, Scalar>>,
}

/// A text, a number, `true` or `false`: as it would be typed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Scalar {
    /// A text.
    Text(String),
    /// `true` or `false`.
    Switch(bool),
    /// A number.
    #[schema(value_type = f64)]
    Number(serde_json::Number),
}

/// How a throttle changes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ThrottleWish {
    /// `pause`, `resume` or `unlock`.
    Word(String),
    /// Another budget.
    Budget(ThrottleBudget),
}

/// Another budget of a throttle.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ThrottleBudget {
    /// So many in so long: `10/s`.
    #[schema(nullable = false)]
    rate: Option<Scalar>,
    /// How long the rate takes to get there.
    #[schema(nullable = false)]
    over: Option<String>,
    /// So many at a time.
    #[schema(nullable = false)]
    parallelism: Option<u32>,
}

impl Scalar {
    /// As it would be typed.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Switch(on) => on.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Change a run: users, rate, load, settings, throttles, thresholds, tags
///
/// All is checked before anything changes.
#[utoipa::path(
    patch,
    path = "/v1/runs/{id}",
    tag = "steering",
    params(
        ("id" = String, Path, description = "The run"),
        ("If-Match" = Option<String>, Header, description = "Its revision, as the caller has seen it"),
    ),
    request_body = Patch,
    responses(
        (status = 200, description = "The run", body = Run),
        (status = 409, description = "Its state forbids it, or it has another revision", body = crate::error::ErrorBody),
        (status = 422, description = "Something cannot be done, so nothing is", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn patch(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    Json(patch): Json<Patch>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let steering = steer::steer(&entry, &seen).await?;
    let run = entry.run();
    let wishes = wishes(&patch, &run, app.config.random)?;
    if wishes.is_empty() {
        return Ok(super::answer(StatusCode::OK, &entry));
    }
    let before = steer::planned(&entry);
    let wanted = users_after(&run, &wishes);
    app.runs.claim_users(&id, wanted.max(before))?;
    let given: Vec<String> = secrets_given(&entry, &wishes);
    entry.hide_too(given);
    let done = steer::change_all(&entry, &steering, wishes).await;
    let users = if done.is_ok() { wanted } else { before };
    let _fits = app.runs.claim_users(&id, users);
    done?;
    app.runs.keeper().save(&entry);
    Ok(super::answer(StatusCode::OK, &entry))
}

/// Secrets among the new values: from now on they are not shown.
fn secrets_given(entry: &super::entry::Entry, wishes: &[Wish]) -> Vec<String> {
    let values = wishes.iter().filter_map(|(_, (_, action))| match action {
        Action::Set { name, value } if entry.is_secret(None, name) => Some(value.clone()),
        _ => None,
    });
    values.collect()
}

/// Users that the run may have if the changes are made.
fn users_after(run: &Run, wishes: &[Wish]) -> u64 {
    let after = |part: &super::model::RunPart| {
        let mut users = part.users_planned;
        for (_, (scenario, action)) in wishes {
            let is_meant = scenario.as_ref().is_none_or(|name| *name == part.name);
            match action {
                Action::Users(count) if is_meant => users = *count,
                Action::Executor(load) if is_meant => {
                    users = load.users_max().saturating_add(part.users_active);
                }
                _ => {}
            }
        }
        users
    };
    run.parts.iter().map(after).sum()
}

/// What is asked for, each with its field.
fn wishes(patch: &Patch, run: &Run, random: fn() -> u64) -> ApiResult<Vec<Wish>> {
    let mut problems = Vec::new();
    let mut wishes: Vec<Wish> = Vec::new();
    let part = patch.scenario.clone();
    if let Some(name) = &part
        && !run.parts.iter().any(|known| known.name == *name)
    {
        let known: Vec<&str> = run.parts.iter().map(|part| part.name.as_str()).collect();
        let remedy = format!("use one of {}", known.join(", "));
        problems.push(Problem::new(
            "scenario",
            name,
            "is no scenario of the run",
            remedy,
        ));
    }
    if let Some(options) = &patch.executor {
        let field = |key: &str| format!("executor.{key}");
        match load(options, random) {
            Ok(load) => wishes.push((
                field("executor"),
                (part.clone(), Action::Executor(Box::new(load))),
            )),
            Err(faults) => problems.extend(faults),
        }
    }
    if let Some(users) = patch.users {
        wishes.push(("users".to_owned(), (part.clone(), Action::Users(users))));
    }
    if let Some(rate) = &patch.rate {
        let text = rate.text();
        let rate = read("rate", &text, parse::rate, &mut problems);
        wishes.extend(rate.map(|rate| ("rate".to_owned(), (part.clone(), Action::Rate(rate)))));
    }
    for (name, value) in patch.settings.iter().flatten() {
        let action = Action::Set {
            name: name.clone(),
            value: value.text(),
        };
        wishes.push((format!("settings.{name}"), (part.clone(), action)));
    }
    for (name, wish) in patch.throttles.iter().flatten() {
        let field = format!("throttles.{name}");
        if let Some(change) = throttle(&field, wish, &mut problems) {
            let name = name.clone();
            wishes.push((field, (None, Action::Throttle { name, change })));
        }
    }
    if let Some(texts) = &patch.thresholds
        && let Some(thresholds) = thresholds(texts, &mut problems)
    {
        wishes.push((
            "thresholds".to_owned(),
            (None, Action::Thresholds(thresholds)),
        ));
    }
    if let Some(tags) = &patch.tags {
        let texts = tags
            .iter()
            .map(|(name, value)| (name.clone(), value.text()));
        match lt_spec::check_tags(&texts.collect()) {
            Ok(tags) => wishes.push(("tags".to_owned(), (None, Action::Tags(tags)))),
            Err(faults) => problems.extend(faults),
        }
    }
    if problems.is_empty() {
        Ok(wishes)
    } else {
        Err(ApiError::invalid(problems))
    }
}

fn read<T>(
    field: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, Fault>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    parse(text)
        .map_err(|fault| problems.push(Problem::new(field, text, fault.message, fault.remedy)))
        .ok()
}

fn throttle(
    field: &str,
    wish: &ThrottleWish,
    problems: &mut Vec<Problem>,
) -> Option<ThrottleChange> {
    let remedy = "give a rate, a parallelism, or one of the words pause, resume and unlock";
    match wish {
        ThrottleWish::Word(word) => match word.as_str() {
            "pause" => Some(ThrottleChange::Pause),
            "resume" => Some(ThrottleChange::Resume),
            "unlock" => Some(ThrottleChange::Unlock),
            _ => {
                problems.push(Problem::new(
                    field,
                    word,
                    "is no change of a throttle",
                    remedy,
                ));
                None
            }
        },
        ThrottleWish::Budget(budget) => match (&budget.rate, budget.parallelism) {
            (Some(rate), None) => {
                let (count, interval) = read(
                    &format!("{field}.rate"),
                    &rate.text(),
                    parse::budget,
                    problems,
                )?;
                let over = match &budget.over {
                    Some(over) => {
                        let field = format!("{field}.over");
                        Some(read(&field, over, parse::positive_duration, problems)?)
                    }
                    None => None,
                };
                Some(ThrottleChange::Rate {
                    count,
                    interval,
                    over,
                })
            }
            (None, Some(parallelism)) if budget.over.is_none() => {
                Some(ThrottleChange::Parallelism(parallelism))
            }
            (None, Some(_)) => {
                let over = budget.over.as_deref().unwrap_or_default();
                let message = "only a rate changes over a time";
                problems.push(Problem::new(
                    format!("{field}.over"),
                    over,
                    message,
                    "leave it out",
                ));
                None
            }
            _ => {
                let message = "changes in no way, or in two at once";
                problems.push(Problem::new(field, "", message, remedy));
                None
            }
        },
    }
}

fn thresholds(texts: &[String], problems: &mut Vec<Problem>) -> Option<Vec<Threshold>> {
    if texts.len() > THRESHOLDS_MAX {
        let message = format!("holds more than the {THRESHOLDS_MAX} thresholds a run may have");
        problems.push(Problem::new("thresholds", "", message, "give fewer"));
        return None;
    }
    let parsed = texts.iter().map(|text| {
        let remedy = "write METRIC[{TAG:VALUE,…}]:AGGREGATE OPERATOR NUMBER, such as http_req_duration:p(95)<200";
        let fault = |error: lt_metrics::ThresholdError| {
            Problem::new("thresholds", text, error.to_string(), remedy)
        };
        text.parse::<Threshold>()
            .map_err(|error| problems.push(fault(error)))
            .ok()
    });
    let parsed: Vec<Option<Threshold>> = parsed.collect();
    parsed.into_iter().collect()
}

/// A load from its options, as a run of one scenario would have it.
fn load(options: &Map<String, Value>, random: fn() -> u64) -> Result<Load, Vec<Problem>> {
    let mut problems: Vec<Problem> = Vec::new();
    for key in options.keys() {
        if !EXECUTOR_KEYS.contains(&key.as_str()) {
            let remedy = format!("known here: {}", EXECUTOR_KEYS.join(", "));
            let problem = Problem::new(
                key,
                "",
                "is no option of a load that can be replaced",
                remedy,
            );
            problems.push(problem);
        }
    }
    let json = serde_json::to_vec(options).unwrap_or_default();
    let text = toml_of_json(&json).or_else(|faults| {
        problems.extend(faults.unwrap_or_default());
        Ok::<_, Vec<Problem>>(String::new())
    })?;
    if problems.is_empty() {
        let text = format!("scenario = \"{PART}\"\n{text}");
        match resolve(&text, random) {
            Ok(load) => return Ok(load),
            Err(faults) => problems = faults,
        }
    }
    for problem in &mut problems {
        problem.field = format!("executor.{}", problem.field);
    }
    Err(problems)
}

fn resolve(text: &str, random: fn() -> u64) -> Result<Load, Vec<Problem>> {
    let file = RawFile::parse_served(text, Uploads { locate: &|_| None })?;
    let machine = Machine {
        // Whether the users fit is told as a limit of the host.
        memory_available_bytes: None,
        ..lt_run::machine::of_run(random)
    };
    // Settings and data were given when the run began; its defaults are those of another load.
    let described = BTreeMap::from([(PART.to_owned(), Description::default())]);
    let spec = lt_spec::resolve_file(&RawRun::default(), &file, &described, &machine)?;
    let mut parts = spec.scenarios.into_iter();
    parts.next().map(|part| part.load).ok_or_else(Vec::new)
}
