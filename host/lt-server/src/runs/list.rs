//! Runs in a list, one run, and taking one away.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::model::{Run, RunList, RunState};
use super::results::blocking;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::json::{IfMatch, Json, Path, Query};

/// Runs in a list, unless more or fewer are asked for.
const LISTED: u16 = 50;
/// Runs in a list at most.
const LISTED_MAX: u16 = 500;

/// Which runs are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Those in this state.
    #[param(required = false, nullable = false)]
    state: Option<RunState>,
    /// At most so many.
    #[param(required = false, nullable = false, minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Those that were accepted before the run of this id.
    #[param(required = false, nullable = false)]
    before: Option<String>,
}

/// Runs, newest first, the history among them
#[utoipa::path(
    get,
    path = "/v1/runs",
    operation_id = "list_runs",
    tag = "runs",
    params(Wanted),
    responses((status = 200, description = "The runs", body = RunList))
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Json<RunList>> {
    let most = wanted.limit.unwrap_or(LISTED);
    if !(1..=LISTED_MAX).contains(&most) {
        let message = format!("is not from 1 to {LISTED_MAX}");
        let remedy = "use `before` to get further runs";
        return Err(ApiError::invalid_field(
            "limit",
            most.to_string(),
            message,
            remedy,
        ));
    }
    let is_wanted = |entry: &super::entry::Entry| {
        wanted
            .state
            .is_none_or(|state| entry.data().kept.run.state == state)
    };
    let before = wanted.before.as_deref();
    let (runs, has_more) = app.runs.list(before, usize::from(most), is_wanted)?;
    let next = runs.last().filter(|_| has_more);
    Ok(Json(RunList {
        next: next.map(|entry| entry.id.clone()),
        runs: runs
            .iter()
            .map(|entry| entry.data().kept.run.brief())
            .collect(),
    }))
}

/// A run
#[utoipa::path(
    get,
    path = "/v1/runs/{id}",
    operation_id = "show_run",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses((status = 200, description = "The run", body = Run, headers(("ETag" = String, description = "Its revision"))))
)]
pub(crate) async fn show(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    Ok(super::answer(StatusCode::OK, &entry))
}

/// Take away a run that is over, and its results
#[utoipa::path(
    delete,
    path = "/v1/runs/{id}",
    operation_id = "delete_run",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The run"),
        ("If-Match" = Option<String>, Header, description = "Its revision, as the caller has seen it"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "It is not over, or has another revision", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn delete(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
) -> ApiResult<StatusCode> {
    let entry = app.runs.find(&id)?;
    seen.check(&entry.data().kept.run.revision.to_string())?;
    app.runs.take_out(&entry)?;
    // What is written last must not come after what is deleted.
    let _written = app.runs.keeper().saved(&entry).await;
    let dir = entry.dir.clone();
    let deleted = blocking(move || std::fs::remove_dir_all(&dir)).await?;
    app.runs.gone(&id);
    deleted
        .map_err(|error| ApiError::internal(format_args!("{}: {error}", entry.dir.display())))?;
    Ok(StatusCode::NO_CONTENT)
}
