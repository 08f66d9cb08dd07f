//! Uploaded files: what runs read as assets and feeders.

use std::path::PathBuf;

use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::error::{ApiError, ApiResult};

/// The files of this host. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Files {}

impl Files {
    /// Where the bytes of a file lie; whoever reads them does it at once: the file may be deleted or uploaded anew.
    ///
    /// # Errors
    /// `not_found`.
    pub fn path(&self, name: &str) -> ApiResult<PathBuf> {
        Err(ApiError::not_found("file", name))
    }
}

/// Routes of `/v1/files`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
}
