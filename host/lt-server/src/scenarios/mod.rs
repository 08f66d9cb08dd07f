//! Uploaded scenarios: their bytes by digest, their versions by name, and what is compiled of them.

use std::sync::Arc;

use lt_runtime::Scenario;
use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::error::{ApiError, ApiResult};

/// The scenarios of this host. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Scenarios {}

/// A stored version, compiled.
#[derive(Clone)]
pub struct Loaded {
    /// The name it is stored under.
    pub name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// `VERSION+DIGEST8`: what samples and snapshots are tagged with.
    pub label: String,
    /// The scenario.
    pub scenario: Arc<Scenario>,
}

impl Scenarios {
    /// The version of this digest (or unique prefix of 8 digits and more), or the current one; compiled if it must be.
    ///
    /// # Errors
    /// `not_found`, or `internal` if its bytes are damaged.
    pub async fn load(&self, name: &str, digest: Option<&str>) -> ApiResult<Loaded> {
        let _ = digest;
        Err(ApiError::not_found("scenario", name))
    }
}

/// The label of a version: `0.1.0+3f2a91bc`.
#[must_use]
pub fn label(version: &str, digest: &str) -> String {
    let short = digest.get(..8).unwrap_or(digest);
    format!("{version}+{short}")
}

/// Routes of `/v1/scenarios`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
}
