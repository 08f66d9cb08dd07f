//! `/healthz`: whether the server answers at all.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::json::Json;

/// How the server is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// It answers.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the server answers
///
/// Needs no token and says nothing of any run.
#[utoipa::path(get, path = "/healthz", tag = "host", security(()), responses((status = 200, description = "It does", body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Its route.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(healthz))
}
