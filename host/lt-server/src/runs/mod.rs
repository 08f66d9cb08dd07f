//! Runs: creating, steering, following, and what the host says of itself.
//!
//! - `create`: from what was sent to a run that is accepted; `toml_of_json` reads JSON with the grammar of run files;
//! - `life`, `observer`: the run's own thread, and what it tells the server; `entry` holds both sides together;
//! - `table`: all runs, and how much of the host they take; `keeper`, `recover`: what outlives the process;
//! - `steer`, `patch`, `swap`: changes; `annotations`, `graphite`: notes;
//! - `events`, `logs`, `results`: what is told of a run, while it goes on and after;
//! - `status`, `metrics`: the host.

mod annotations;
mod create;
mod entry;
mod events;
mod graphite;
mod keeper;
mod life;
mod list;
mod log_lines;
pub mod logs;
mod metrics;
pub mod model;
mod observer;
mod patch;
mod recover;
mod results;
mod status;
mod steer;
mod swap;
mod table;
mod time;
mod toml_of_json;
mod versions;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::entry::Entry;
use self::model::Run;
pub use self::table::Runs;
use crate::app::AppState;
use crate::json::Json;

/// Routes of `/v1/runs`, `/v1/status`, `/v1/nodes` and `/metrics`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(create::create, list::list))
        .routes(routes!(list::show, list::delete, patch::patch))
        .routes(routes!(steer::add_users))
        .routes(routes!(steer::remove_users))
        .routes(routes!(steer::pause))
        .routes(routes!(steer::resume))
        .routes(routes!(steer::stop))
        .routes(routes!(swap::swap))
        .routes(routes!(swap::roll_back))
        .routes(routes!(annotations::annotate, annotations::list))
        .routes(routes!(events::events))
        .routes(routes!(events::snapshots))
        .routes(routes!(log_lines::logs))
        .routes(routes!(results::summary))
        .routes(routes!(results::list))
        .routes(routes!(results::download))
        .routes(routes!(status::status))
        .routes(routes!(status::nodes))
        .routes(routes!(metrics::metrics))
}

/// A run as the answer to a call, with its revision as the ETag.
fn answer(status: StatusCode, entry: &Arc<Entry>) -> Response {
    answer_run(status, entry.run())
}

fn answer_run(status: StatusCode, run: Run) -> Response {
    let tag = etag(run.revision);
    let mut response = (status, Json(run)).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A revision as an entity tag.
fn etag(revision: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{revision}\"")).ok()
}

#[cfg(test)]
mod tests;
