//! Changing a run that goes on: users, pause, stop. One change after the other, each against the revision its caller has seen.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lt_run::{Changed, Refused};
use lt_spec::Problem;
use lt_spec::spec::Action;
use serde::{Deserialize, Serialize};
use tokio::sync::MutexGuard;
use utoipa::ToSchema;

use super::entry::Entry;
use super::model::{Run, RunState};
use super::{answer, answer_run, observer};
use crate::app::AppState;
use crate::error::{ApiError, ApiResult, Code};
use crate::json::{IfMatch, Json, Path};

/// How long a run may take to say what became of a change: it looks ten times a second, and `init` may hold it up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a stop is awaited before the call is answered: a run of short iterations is over then.
const STOP_PATIENCE: Duration = Duration::from_millis(500);
/// Ids in one call.
const IDS_MAX: usize = 10_000;

/// Which users are added.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddUsers {
    /// How many.
    #[schema(minimum = 1)]
    count: u64,
    /// To which scenario of the run; to its only one, if none is named.
    #[schema(nullable = false)]
    scenario: Option<String>,
}

/// Which users are removed: so many, or those with these ids.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveUsers {
    /// How many: those that came last.
    #[schema(minimum = 1, nullable = false)]
    count: Option<u64>,
    /// Their ids.
    #[schema(nullable = false, max_items = 10000)]
    ids: Option<Vec<u64>>,
    /// Whether they are dropped where they stand, and not at the end of their iteration.
    #[serde(default)]
    force: bool,
    /// Of which scenario of the run.
    #[schema(nullable = false)]
    scenario: Option<String>,
}

/// Which users were removed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UsersRemoved {
    /// How many.
    removed: u64,
    /// Ids that no user has.
    not_found: Vec<u64>,
    /// The run.
    run: Run,
}

/// Which scenario is meant.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Part {
    /// The scenario's name in the run; all of them, if none is named.
    #[schema(nullable = false)]
    scenario: Option<String>,
}

/// How a run is stopped.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Stop {
    /// Whether users are dropped where they stand, and not at the end of their iteration.
    force: bool,
}

/// Add users
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/users:add",
    tag = "steering",
    params(("id" = String, Path, description = "The run")),
    request_body = AddUsers,
    responses(
        (status = 200, description = "The run", body = Run),
        (status = 409, description = "Its state forbids it, or it has another revision", body = crate::error::ErrorBody),
        (status = 422, description = "It cannot be done", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn add_users(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    Json(wanted): Json<AddUsers>,
) -> ApiResult<Response> {
    if wanted.count == 0 {
        return Err(ApiError::invalid_field(
            "count",
            "0",
            "adds nobody",
            "give one or more",
        ));
    }
    let entry = app.runs.find(&id)?;
    let steering = steer(&entry, &seen).await?;
    let before = planned(&entry);
    app.runs
        .claim_users(&id, before.saturating_add(wanted.count))?;
    let change = (wanted.scenario, Action::AddUsers(wanted.count));
    let done = change_all(&entry, &steering, vec![("count".to_owned(), change)]).await;
    reclaim(&app, &entry, (before, done.as_deref().unwrap_or_default()));
    done?;
    app.runs.keeper().save(&entry);
    Ok(answer(StatusCode::OK, &entry))
}

/// Remove users: they are not replaced
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/users:remove",
    tag = "steering",
    params(("id" = String, Path, description = "The run")),
    request_body = RemoveUsers,
    responses(
        (status = 200, description = "How many were removed", body = UsersRemoved),
        (status = 409, description = "Its state forbids it, or it has another revision", body = crate::error::ErrorBody),
        (status = 422, description = "It cannot be done", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn remove_users(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    Json(wanted): Json<RemoveUsers>,
) -> ApiResult<Response> {
    let force = wanted.force;
    let (field, action) = match (wanted.count, wanted.ids) {
        (Some(count @ 1..), None) => ("count", Action::RemoveUsers { count, force }),
        (None, Some(ids)) if (1..=IDS_MAX).contains(&ids.len()) => {
            ("ids", Action::RemoveIds { ids, force })
        }
        (None, Some(ids)) => {
            let message = format!("holds {} ids, not 1 to {IDS_MAX}", ids.len());
            return Err(ApiError::invalid_field(
                "ids",
                "",
                message,
                "give fewer in one call",
            ));
        }
        (Some(_), None) => {
            return Err(ApiError::invalid_field(
                "count",
                "0",
                "removes nobody",
                "give one or more",
            ));
        }
        _ => {
            let message = "how many, or which ones?";
            let remedy = "give exactly one of `count` and `ids`";
            return Err(ApiError::invalid_field("count", "", message, remedy));
        }
    };
    let entry = app.runs.find(&id)?;
    let steering = steer(&entry, &seen).await?;
    let before = planned(&entry);
    let change = (wanted.scenario, action);
    let done = change_all(&entry, &steering, vec![(field.to_owned(), change)]).await?;
    reclaim(&app, &entry, (before, &done));
    app.runs.keeper().save(&entry);
    let first = done.into_iter().next().unwrap_or_default();
    let run = entry.run();
    let tag = super::etag(run.revision);
    let removed = UsersRemoved {
        removed: first.users_removed,
        not_found: first.not_found,
        run,
    };
    let mut response = Json(removed).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(axum::http::header::ETAG, tag);
    }
    Ok(response)
}

/// Start no further iteration
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/pause",
    tag = "steering",
    params(("id" = String, Path, description = "The run")),
    request_body(content = Option<Part>, description = "Which scenario; all of them without a body"),
    responses(
        (status = 200, description = "The run; also if it is paused already", body = Run),
        (status = 409, description = "Its state forbids it, or it has another revision", body = crate::error::ErrorBody),
        (status = 422, description = "It has no such scenario", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn pause(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    part: Option<Json<Part>>,
) -> ApiResult<Response> {
    pause_or_resume(&app, &id, &seen, (part, true)).await
}

/// Start iterations again
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/resume",
    tag = "steering",
    params(("id" = String, Path, description = "The run")),
    request_body(content = Option<Part>, description = "Which scenario; all of them without a body"),
    responses(
        (status = 200, description = "The run; also if it is not paused", body = Run),
        (status = 409, description = "Its state forbids it, or it has another revision", body = crate::error::ErrorBody),
        (status = 422, description = "It has no such scenario", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn resume(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    part: Option<Json<Part>>,
) -> ApiResult<Response> {
    pause_or_resume(&app, &id, &seen, (part, false)).await
}

async fn pause_or_resume(
    app: &AppState,
    id: &str,
    seen: &IfMatch,
    (part, pause): (Option<Json<Part>>, bool),
) -> ApiResult<Response> {
    let entry = app.runs.find(id)?;
    let scenario = part.and_then(|Json(part)| part.scenario);
    let steering = steer(&entry, seen).await?;
    let meant = |part: &&super::model::RunPart| {
        scenario
            .as_ref()
            .is_none_or(|scenario| *scenario == part.name)
    };
    let is_so = {
        let data = entry.data();
        let parts = &data.kept.run.parts;
        parts.iter().any(|part| meant(&part))
            && parts.iter().filter(meant).all(|part| part.paused == pause)
    };
    if !is_so {
        let action = if pause { Action::Pause } else { Action::Resume };
        let change = (scenario.clone(), action);
        change_all(&entry, &steering, vec![("scenario".to_owned(), change)]).await?;
        // The observer sees it a moment later: the answer has it already.
        let mut data = entry.data();
        let run = &mut data.kept.run;
        for part in &mut run.parts {
            if meant(&&*part) {
                part.paused = pause;
            }
        }
        if matches!(run.state, RunState::Running | RunState::Paused) {
            let all = run.parts.iter().all(|part| part.paused);
            run.state = if all {
                RunState::Paused
            } else {
                RunState::Running
            };
        }
        drop(data);
        app.runs.keeper().save(&entry);
    }
    Ok(answer(StatusCode::OK, &entry))
}

/// End a run: gracefully, or at once
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/stop",
    tag = "steering",
    params(("id" = String, Path, description = "The run")),
    request_body(content = Option<Stop>, description = "How; gracefully without a body"),
    responses(
        (status = 200, description = "It has ended", body = Run),
        (status = 202, description = "It winds down", body = Run),
        (status = 409, description = "It has another revision", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn stop(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    how: Option<Json<Stop>>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let force = how.is_some_and(|Json(how)| how.force);
    {
        // It waits for no other change: that may take as long as `init` does.
        let mut data = entry.data();
        seen.check(&data.kept.run.revision.to_string())?;
        let control = &entry.control;
        let is_asked = if force {
            control.stop_now_asked()
        } else {
            control.stop_asked()
        };
        if !data.kept.run.state.is_over() && !is_asked {
            control.stop_by_api(force);
            data.kept.run.revision += 1;
            data.kept.run.state = RunState::Stopping;
        }
    }
    let mut over = entry.over.subscribe();
    let ended = tokio::time::timeout(STOP_PATIENCE, over.wait_for(|over| *over)).await;
    let status = match ended {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::ACCEPTED,
    };
    Ok(answer_run(status, entry.run()))
}

/// Be the one who changes a run, if it goes on and is at the revision that was seen.
///
/// # Errors
/// `conflict`, `stale_version`.
pub(crate) async fn steer<'a>(
    entry: &'a Arc<Entry>,
    seen: &IfMatch,
) -> ApiResult<MutexGuard<'a, ()>> {
    let steering = tokio::time::timeout(ANSWER_TIMEOUT, entry.steering.lock()).await;
    let steering = steering.map_err(|_| {
        let message = format!("the run {:?} is being changed by others", entry.id);
        ApiError::conflict(message).remedy("try again in a moment")
    })?;
    check(entry, seen)?;
    let state = entry.data().kept.run.state;
    if state.is_over() {
        let message = format!(
            "the run {:?} is {}: it cannot be changed any more",
            entry.id,
            state.name()
        );
        return Err(ApiError::conflict(message));
    }
    if entry.control.stop_asked() {
        let message = format!(
            "the run {:?} is {}: it cannot be changed any more",
            entry.id,
            RunState::Stopping.name()
        );
        return Err(ApiError::conflict(message));
    }
    Ok(steering)
}

fn check(entry: &Entry, seen: &IfMatch) -> ApiResult<()> {
    seen.check(&entry.data().kept.run.revision.to_string())
}

/// A change, the scenario it is for, and the field it came in.
pub(crate) type Wish = (String, (Option<String>, Action));

/// Have the run make changes, all or none; what is said of it has them then.
///
/// # Errors
/// `invalid` with why each is refused, by its field.
pub(crate) async fn change_all(
    entry: &Arc<Entry>,
    _steering: &MutexGuard<'_, ()>,
    wishes: Vec<Wish>,
) -> ApiResult<Vec<Changed>> {
    let (fields, changes): (Vec<String>, Vec<(Option<String>, Action)>) =
        wishes.into_iter().unzip();
    let answer = entry.control.change_all(changes.clone());
    let done = tokio::time::timeout(ANSWER_TIMEOUT, answer).await;
    let done = done.map_err(|_| {
        ApiError::new(
            Code::Conflict,
            format!(
                "the run {:?} does not answer: it may be in `init`",
                entry.id
            ),
        )
        .remedy("see later whether the change was made")
    })?;
    let Ok(done) = done else {
        let message = format!(
            "the run {:?} has ended: it cannot be changed any more",
            entry.id
        );
        return Err(ApiError::conflict(message));
    };
    let changed = done.map_err(|refused| refusal(entry, &fields, refused))?;
    entry.data().kept.run.revision += 1;
    for (scenario, action) in &changes {
        observer::apply(entry, scenario.as_deref(), action);
    }
    Ok(changed)
}

/// Why changes were refused, each by its field.
fn refusal(entry: &Entry, fields: &[String], refused: Vec<Refused>) -> ApiError {
    let problems = refused.into_iter().map(|refused| {
        let field = fields.get(refused.position).map_or("", String::as_str);
        let reason = entry.log.without_secrets(&refused.reason);
        // The reason has its remedy in brackets, as people read it.
        let (message, remedy) = match reason.rsplit_once(" (remedy: ") {
            Some((message, remedy)) => {
                (message.to_owned(), remedy.trim_end_matches(')').to_owned())
            }
            None => (
                reason,
                "GET /v1/runs/ID shows how the run stands".to_owned(),
            ),
        };
        Problem::new(field, "", message, remedy)
    });
    ApiError::invalid(problems.collect())
}

/// Users that the run may have now.
pub(crate) fn planned(entry: &Entry) -> u64 {
    let data = entry.data();
    let parts = data.kept.run.parts.iter();
    parts.map(|part| part.users_planned).sum()
}

/// What the run may have after its change, from what it might have before: what was claimed too much is given back.
fn reclaim(app: &AppState, entry: &Entry, (before, done): (u64, &[Changed])) {
    let (added, removed) = done
        .iter()
        .fold((0_u64, 0_u64), |(added, removed), changed| {
            (
                added.saturating_add(changed.users_added),
                removed.saturating_add(changed.users_removed),
            )
        });
    let users = before.saturating_add(added).saturating_sub(removed);
    // Fewer than before always fit, and more were claimed before they came.
    let _fits = app.runs.claim_users(&entry.id, users);
}
