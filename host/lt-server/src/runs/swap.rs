//! Another version of a scenario's code while its users run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use lt_run::{RollbackLimit, RollbackRule, Swap, SwapRefused};
use lt_spec::Problem;
use lt_spec::parse;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot::Receiver;
use utoipa::ToSchema;

use super::entry::Entry;
use super::model::{Run, RunPart, SwapState};
use super::patch::Scalar;
use super::steer;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::json::{IfMatch, Json, Path};

/// How long a run may take to check a version: it looks ten times a second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Iterations and joins before a version is judged, unless another number is given: a few users' worth.
const ROLLBACK_AFTER: u64 = 20;

/// Which version, for whom.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SwapWish {
    /// The stored scenario; the one that the part runs, if none is named.
    #[schema(nullable = false)]
    scenario: Option<String>,
    /// Its version; the current one, if none is named.
    #[schema(
        nullable = false,
        min_length = 8,
        max_length = 64,
        pattern = "^[0-9a-f]+$"
    )]
    digest: Option<String>,
    /// The scenario's name in the run; its only one, or the one of the stored scenario's name, if none is named.
    #[schema(nullable = false)]
    part: Option<String>,
    /// The share of users that take it: above 0, at most 1.
    #[schema(nullable = false, exclusive_minimum = 0, maximum = 1)]
    share: Option<f64>,
    /// Whether running users move, before their next iteration.
    #[schema(nullable = false)]
    drain: Option<bool>,
    /// New values of its settings; the others keep what they were given.
    settings: BTreeMap<String, Scalar>,
    /// When it is rolled back by itself.
    #[schema(nullable = false)]
    rollback: Option<RollbackWish>,
}

/// When a version is rolled back by itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackWish {
    /// Failed iterations and joins that are too many: a number, or a share such as `5%`.
    failures: Scalar,
    /// Iterations and joins before it is judged.
    #[schema(nullable = false)]
    after: Option<u64>,
}

/// Whose version goes back.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RollBackWish {
    /// The scenario's name in the run; its only one, if none is named.
    #[schema(nullable = false)]
    part: Option<String>,
}

/// Have users take another version of their code
///
/// New users take it at once, running ones before their next iteration. All is checked before anything moves.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/swap",
    tag = "steering",
    params(("id" = String, Path, description = "The run")),
    request_body = SwapWish,
    responses(
        (status = 202, description = "Users move in their own time", body = Run),
        (status = 404, description = "No such run or version", body = crate::error::ErrorBody),
        (status = 409, description = "Its state forbids it, it has another revision, or another version is on trial", body = crate::error::ErrorBody),
        (status = 422, description = "The version does not fit the run", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn swap(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    Json(wish): Json<SwapWish>,
) -> ApiResult<Response> {
    let rollback = check(&wish)?;
    let entry = app.runs.find(&id)?;
    let run = entry.run();
    if run.state.is_over() {
        let message = format!(
            "the run {id:?} is {}: it cannot be changed any more",
            run.state.name()
        );
        return Err(ApiError::conflict(message));
    }
    let part = part_of(&run, wish.part.as_deref(), wish.scenario.as_deref())?;
    let stored = wish.scenario.as_deref().unwrap_or(&part.scenario);
    // Compiled, if it must be, before anybody waits for this run.
    let loaded = app.scenarios.load(stored, wish.digest.as_deref()).await?;
    let steering = steer::steer(&entry, &seen).await?;
    let texts = wish.settings.iter();
    let settings: BTreeMap<String, String> = texts
        .map(|(name, value)| (name.clone(), value.text()))
        .collect();
    let secrets = loaded.scenario.description().settings.iter();
    let secrets =
        secrets.filter(|setting| setting.kind == lt_spec::description::SettingKind::Secret);
    let secrets: Vec<&str> = secrets.map(|setting| setting.name.as_str()).collect();
    let hidden = settings
        .iter()
        .filter(|(name, _)| secrets.contains(&name.as_str()));
    entry.hide_too(hidden.map(|(_, value)| value.clone()).collect());
    let (share, drain) = (wish.share.unwrap_or(1.0), wish.drain.unwrap_or(true));
    let swap = Swap {
        scenario: (*loaded.scenario).clone(),
        share,
        drain,
        settings: settings.clone(),
        rollback,
    };
    let answer = entry.control.swap(Some(&part.name), swap);
    answered(&entry, answer).await?;
    let names = secrets.iter().map(|name| (*name).to_owned());
    entry.learn_secrets(&part.name, names.collect());
    {
        let mut data = entry.data();
        let run = &mut data.kept.run;
        run.revision += 1;
        let mut parts = run.parts.iter_mut();
        if let Some(known) = parts.find(|known| known.name == part.name) {
            known.scenario = loaded.name.clone();
            // The observer tells how it goes a moment later: until then nobody is to take the swap before for this one.
            let current = known.versions.iter().find(|version| version.current);
            known.swap = Some(SwapState {
                to: loaded.label.clone(),
                from: current.map_or_else(String::new, |version| version.label.clone()),
                share,
                drain,
                state: "rolling_out".to_owned(),
                started_elapsed_ms: run.elapsed_ms,
                ..SwapState::default()
            });
            for (name, value) in settings {
                let is_secret = secrets.contains(&name.as_str());
                let shown = if is_secret {
                    lt_run::show::HIDDEN.to_owned()
                } else {
                    value
                };
                known.settings.insert(name, shown);
            }
        }
    }
    drop(steering);
    app.runs.keeper().save(&entry);
    Ok(super::answer(StatusCode::ACCEPTED, &entry))
}

/// Go back to the version before, or end a trial
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/swap/rollback",
    operation_id = "roll_back_swap",
    tag = "steering",
    params(("id" = String, Path, description = "The run")),
    request_body(content = Option<RollBackWish>, description = "Whose version; that of its only scenario without a body"),
    responses(
        (status = 202, description = "Users move in their own time", body = Run),
        (status = 409, description = "Its state forbids it, it has another revision, or there is no version before", body = crate::error::ErrorBody),
        (status = 422, description = "It has no such scenario", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn roll_back(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    wish: Option<Json<RollBackWish>>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let steering = steer::steer(&entry, &seen).await?;
    let part = wish.and_then(|Json(wish)| wish.part);
    let part = part_of(&entry.run(), part.as_deref(), None)?.name;
    let answer = entry.control.roll_back(Some(&part));
    answered(&entry, answer).await?;
    entry.data().kept.run.revision += 1;
    drop(steering);
    app.runs.keeper().save(&entry);
    Ok(super::answer(StatusCode::ACCEPTED, &entry))
}

/// What can be told without the run: everything that is wrong.
fn check(wish: &SwapWish) -> ApiResult<Option<RollbackRule>> {
    let mut problems = Vec::new();
    if let Some(share) = wish.share
        && !(share > 0.0 && share <= 1.0)
    {
        let remedy = "give a share such as 0.1, or leave it out for all users";
        problems.push(Problem::new(
            "share",
            share.to_string(),
            "is not above 0 and at most 1",
            remedy,
        ));
    }
    let rollback = wish.rollback.as_ref().and_then(|rule| {
        let text = rule.failures.text();
        let failures = match text.strip_suffix('%') {
            Some(_) => parse::percent(&text).map(RollbackLimit::Percent),
            None => parse::count(&text).map(RollbackLimit::Count),
        };
        let failures = failures.map_err(|fault| {
            problems.push(Problem::new(
                "rollback.failures",
                &text,
                fault.message,
                fault.remedy,
            ));
        });
        Some(RollbackRule {
            failures: failures.ok()?,
            after_iterations: rule.after.unwrap_or(ROLLBACK_AFTER),
        })
    });
    if problems.is_empty() {
        Ok(rollback)
    } else {
        Err(problems.into())
    }
}

/// The scenario of the run that is meant.
fn part_of(run: &Run, part: Option<&str>, stored: Option<&str>) -> ApiResult<RunPart> {
    let mut parts = run.parts.iter();
    let found = match (part, run.parts.as_slice()) {
        (Some(name), _) => parts.find(|part| part.name == name),
        (None, [only]) => Some(only),
        (None, _) => parts.find(|part| Some(part.name.as_str()) == stored),
    };
    found.cloned().ok_or_else(|| {
        let known: Vec<&str> = run.parts.iter().map(|part| part.name.as_str()).collect();
        let (value, message) = match part {
            Some(part) => (part, "is no scenario of the run"),
            None => ("", "is missing: the run has several scenarios"),
        };
        ApiError::invalid_field(
            "part",
            value,
            message,
            format!("use one of {}", known.join(", ")),
        )
    })
}

/// Wait for what the run says of it.
async fn answered(entry: &Arc<Entry>, answer: Receiver<Result<(), SwapRefused>>) -> ApiResult<()> {
    let done = tokio::time::timeout(ANSWER_TIMEOUT, answer).await;
    let done = done.map_err(|_| {
        ApiError::conflict(format!(
            "the run {:?} does not answer: it may be in `init`",
            entry.id
        ))
        .remedy("see later whether its users move")
    })?;
    let ended = || {
        ApiError::conflict(format!(
            "the run {:?} has ended: it cannot be changed any more",
            entry.id
        ))
    };
    let Ok(done) = done else {
        return Err(ended());
    };
    done.map_err(|refused| match refused {
        SwapRefused::Invalid(mut problems) => {
            for problem in &mut problems {
                problem.value = entry.log.without_secrets(&problem.value);
                problem.message = entry.log.without_secrets(&problem.message);
            }
            ApiError::invalid(problems)
        }
        SwapRefused::NoSuchPart(text) => {
            ApiError::invalid_field("part", "", text, "GET /v1/runs/ID lists its scenarios")
        }
        SwapRefused::UnderWay(text) | SwapRefused::NothingBefore(text) => ApiError::conflict(text),
        SwapRefused::TooMany(text) => ApiError::too_many(text, 1),
        SwapRefused::HasEnded => ended(),
    })
}
