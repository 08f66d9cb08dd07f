//! `/v1/scenarios`.

use axum::body::Bytes;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lt_spec::limits::{API_BODY_BYTES_MAX, SCENARIO_BYTES_MAX};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::check_name;
use super::view::{ScenarioList, ScenarioView};
use crate::app::AppState;
use crate::blobs::Received;
use crate::body::{Fault, Incoming, Pieces};
use crate::download;
use crate::error::{ApiError, ApiResult};
use crate::json::{IfMatch, Json, Path, Query, media_type, unsupported};
use crate::uploads::{announced, check_digest};

/// What is sent, for people.
const WHAT: &str = "the scenario";
/// What a scenario may be sent as.
const WASM: &str = "application/wasm";
/// The part of a form that holds the component.
const PART: &str = "file";
/// Bytes of a form beside its file: names and boundaries.
const FORM_OVERHEAD_BYTES: u64 = API_BODY_BYTES_MAX;

/// Routes of `/v1/scenarios`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show, put, delete))
        .routes(routes!(wasm))
        .routes(routes!(rollback))
}

/// Which version.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichVersion {
    /// SHA-256 of a version, or a unique beginning of at least 8 digits.
    #[param(pattern = "^[0-9a-f]{8,64}$", nullable = false)]
    digest: Option<String>,
}

/// A form with a component.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "its shape is for the document; the form is read as it comes"
)]
pub(crate) struct UploadForm {
    /// The component.
    #[schema(value_type = String, format = Binary, content_media_type = "application/wasm")]
    file: Vec<u8>,
}

/// Where to go back to.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    /// SHA-256 of a version, or a unique beginning of at least 8 digits; without, the version that was current before.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{8,64}$")]
    digest: Option<String>,
}

/// List scenarios
#[utoipa::path(get, path = "/v1/scenarios", tag = "scenarios", operation_id = "list_scenarios",
    responses((status = 200, description = "All scenarios, by name", body = ScenarioList)))]
async fn list(State(app): State<AppState>) -> Json<ScenarioList> {
    Json(app.scenarios.list())
}

/// Show a scenario
///
/// With its current version, what that says of itself, and all versions that are kept.
#[utoipa::path(get, path = "/v1/scenarios/{name}", tag = "scenarios", operation_id = "show_scenario",
    params(("name" = String, Path, description = "Its name", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")),
    responses((status = 200, description = "The scenario", body = ScenarioView, headers(("etag" = String, description = "Digest of the current version")))))]
async fn show(State(app): State<AppState>, Path(name): Path<String>) -> ApiResult<Response> {
    Ok(tagged(StatusCode::OK, app.scenarios.show(&name)?))
}

/// Upload a scenario
///
/// The component is checked, compiled beside the running tests, and asked to describe itself. It becomes the current
/// version of its name; running tests are not touched. The same bytes again add no version.
#[utoipa::path(put, path = "/v1/scenarios/{name}", tag = "scenarios", operation_id = "upload_scenario",
    params(
        ("name" = String, Path, description = "The name to store it under", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$"),
        ("If-Match" = Option<String>, Header, description = "Digest of the version that must be the current one"),
        ("X-Content-SHA256" = Option<String>, Header, description = "SHA-256 of the component, held against what came"),
    ),
    request_body(description = "The component", content(
        (Vec<u8> = "application/wasm"), (Vec<u8> = "application/octet-stream"), (UploadForm = "multipart/form-data"))),
    responses(
        (status = 200, description = "A version of a known name", body = ScenarioView, headers(("etag" = String, description = "Its digest"))),
        (status = 201, description = "The first version of a new name", body = ScenarioView, headers(("etag" = String, description = "Its digest")))))]
async fn put(
    State(app): State<AppState>,
    Path(name): Path<String>,
    if_match: IfMatch,
    request: Request,
) -> ApiResult<Response> {
    check_name(&name)?;
    let _place = app.uploads.place()?;
    let headers = request.headers().clone();
    let received = receive(&app, request).await?;
    check_digest(&headers, &received.digest)?;
    let (is_new, view) = app.scenarios.put(&name, received, if_match).await?;
    if !is_new {
        return Ok(tagged(StatusCode::OK, view));
    }
    let mut response = tagged(StatusCode::CREATED, view);
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/scenarios/{name}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Take the component in, whatever it was sent as.
async fn receive(app: &AppState, request: Request) -> ApiResult<Received> {
    let announced = announced(request.headers());
    match media_type(request.headers()).as_deref() {
        None | Some(WASM | "application/octet-stream") => {
            let body = Incoming::new(request.into_body(), SCENARIO_BYTES_MAX, WHAT);
            app.scenarios
                .receive(body.announced(announced)?, announced)
                .await
        }
        Some("multipart/form-data") => {
            let fault = Fault::default();
            let (parts, body) = request.into_parts();
            let body = Incoming::new(body, SCENARIO_BYTES_MAX + FORM_OVERHEAD_BYTES, WHAT);
            let body = body.announced(announced)?.into_body(fault.clone());
            let form = Request::from_parts(parts, body);
            let received = receive_form(app, form, announced).await;
            // What the body's own reader says is nearer to the truth than what the form's makes of it.
            received.map_err(|error| fault.take().unwrap_or(error))
        }
        Some(_) => Err(unsupported(WASM)),
    }
}

/// Take in the part that holds the component; what follows it is not looked at.
async fn receive_form(
    app: &AppState,
    form: Request,
    announced: Option<u64>,
) -> ApiResult<Received> {
    let mut form = Multipart::from_request(form, &())
        .await
        .map_err(|rejection| broken(&rejection.body_text()))?;
    loop {
        let field = form
            .next_field()
            .await
            .map_err(|error| broken(&error.body_text()))?;
        let Some(field) = field else {
            return Err(
                ApiError::malformed(format!("the form has no part named {PART:?}"))
                    .remedy("send the component as that part, or as the whole body"),
            );
        };
        if field.name() == Some(PART) {
            let part = Part { field, received: 0 };
            return app.scenarios.receive(part, announced).await;
        }
    }
}

fn broken(text: &str) -> ApiError {
    ApiError::malformed(format!("the form cannot be read: {text}"))
}

/// A part of a form, as it comes.
struct Part<'a> {
    field: Field<'a>,
    received: u64,
}

impl Pieces for Part<'_> {
    async fn piece(&mut self) -> ApiResult<Option<Bytes>> {
        let piece = self.field.chunk().await;
        let piece = piece.map_err(|error| broken(&error.body_text()))?;
        self.received += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.received > SCENARIO_BYTES_MAX {
            return Err(ApiError::too_large(WHAT, SCENARIO_BYTES_MAX));
        }
        Ok(piece)
    }
}

/// Delete a scenario
///
/// All of it, or one version. A version that a run uses stays, and so does the current one while there are others.
#[utoipa::path(delete, path = "/v1/scenarios/{name}", tag = "scenarios", operation_id = "delete_scenario",
    params(
        ("name" = String, Path, description = "Its name", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$"),
        WhichVersion,
        ("If-Match" = Option<String>, Header, description = "Digest of the version that must be the current one"),
    ),
    responses((status = 204, description = "It is gone")))]
async fn delete(
    State(app): State<AppState>,
    Path(name): Path<String>,
    Query(which): Query<WhichVersion>,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    let (runs, used) = (app.runs.clone(), name.clone());
    let is_used = move |digest: &str| runs.uses(&used, digest);
    app.scenarios
        .remove(name, which.digest, if_match, is_used)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Download a component
#[utoipa::path(get, path = "/v1/scenarios/{name}/wasm", tag = "scenarios", operation_id = "download_scenario",
    params(("name" = String, Path, description = "Its name", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$"), WhichVersion),
    responses((status = 200, description = "Its bytes", content_type = "application/wasm", body = Vec<u8>, headers(("etag" = String, description = "Its digest")))))]
async fn wasm(
    State(app): State<AppState>,
    Path(name): Path<String>,
    Query(which): Query<WhichVersion>,
) -> ApiResult<Response> {
    let (digest, path) = app.scenarios.bytes(&name, which.digest.as_deref())?;
    let mut response = download::file(&path, WASM).await?;
    let headers = response.headers_mut();
    put_header(headers, header::ETAG, &format!("\"{digest}\""));
    put_header(
        headers,
        header::CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{name}.wasm\""),
    );
    if which.digest.is_some() {
        // These bytes will never be others.
        put_header(
            headers,
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable",
        );
    }
    Ok(response)
}

/// Roll a scenario back
///
/// Another version becomes the current one: the one named, or the one that was current before. Running tests are not
/// touched.
#[utoipa::path(post, path = "/v1/scenarios/{name}/rollback", tag = "scenarios", operation_id = "roll_back_scenario",
    params(
        ("name" = String, Path, description = "Its name", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$"),
        ("If-Match" = Option<String>, Header, description = "Digest of the version that must be the current one"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names this call: repeated, it happens once"),
    ),
    request_body = Rollback,
    responses((status = 200, description = "The scenario", body = ScenarioView, headers(("etag" = String, description = "Digest of the current version")))))]
async fn rollback(
    State(app): State<AppState>,
    Path(name): Path<String>,
    if_match: IfMatch,
    Json(to): Json<Rollback>,
) -> ApiResult<Response> {
    let view = app.scenarios.roll_back(name, to.digest, if_match).await?;
    Ok(tagged(StatusCode::OK, view))
}

/// A scenario with its tag.
fn tagged(status: StatusCode, view: ScenarioView) -> Response {
    let tag = format!("\"{}\"", view.digest);
    let mut response = (status, Json(view)).into_response();
    put_header(response.headers_mut(), header::ETAG, &tag);
    response
}

fn put_header(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
