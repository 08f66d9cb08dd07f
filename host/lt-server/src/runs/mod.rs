//! Runs: creating, steering, following, and what the host says of itself. (Helper D's place: everything below
//! `runs/`, with submodules for status, metrics, logs, events and annotations.)
//!
//! What is at hand: [`AppState`]; `json::{Json, Path, Query, IfMatch}`; `error::{ApiError, ApiResult}`. A repeated
//! `Idempotency-Key` of any POST is answered by a layer around all routes, before a handler is asked. Handlers carry
//! `#[utoipa::path(get, path = "/v1/…", tag = "runs", responses(…))]` and are added in [`routes`] with `routes!(…)`;
//! the refusals that all calls share (400, 401, 403, 404, 405, 413, 415, 429, 500, 503) are added to the document
//! elsewhere, so a handler names only its successes and what is its own (409, 422).

use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::config::Config;

/// The runs of this host. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Runs {}

impl Runs {
    /// Read the history below `config.data_dir/runs` and mark what has no end as interrupted.
    ///
    /// # Errors
    /// If the directory cannot be read or written.
    pub fn open(config: &Config) -> std::io::Result<Self> {
        std::fs::create_dir_all(config.data_dir.join("runs"))?;
        Ok(Self::default())
    }

    /// Whether a run that has not ended uses this version of this stored scenario.
    #[must_use]
    pub fn uses(&self, _scenario: &str, _digest: &str) -> bool {
        false
    }

    /// Ask all runs to end because the host does: gracefully, or at once. Their exit code is 105.
    pub fn end_all(&self, _at_once: bool) {}

    /// Wait until no run is under way and all results are written.
    pub async fn ended(&self) {}
}

/// Routes of `/v1/runs`, `/v1/status`, `/v1/nodes` and `/metrics`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
}
