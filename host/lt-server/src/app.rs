//! The parts joined: what all handlers share, and the routes.

use std::sync::Arc;

use lt_runtime::Engine;
use utoipa_axum::router::OpenApiRouter;

use crate::config::Config;
use crate::files::Files;
use crate::runs::Runs;
use crate::scenarios::Scenarios;

/// What all handlers share (`State(app): State<AppState>`). Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// What the server was told when it started.
    pub config: Arc<Config>,
    /// The engine of the process, hardened: all runs share it.
    pub engine: Engine,
    /// Uploaded scenarios and their versions.
    pub scenarios: Scenarios,
    /// Uploaded files: assets and feeders.
    pub files: Files,
    /// Runs: under way, and history.
    pub runs: Runs,
}

/// All routes that the document describes: one line a module. Paths are written out in full in each handler's
/// `#[utoipa::path]`, so that document and routing cannot differ.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .merge(crate::scenarios::routes())
        .merge(crate::files::routes())
        .merge(crate::runs::routes())
}
