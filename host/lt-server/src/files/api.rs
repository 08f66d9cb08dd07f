//! `/v1/files`.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lt_spec::limits::ASSET_BYTES_MAX;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{FileList, FileView, check_name};
use crate::app::AppState;
use crate::body::Incoming;
use crate::download;
use crate::error::ApiResult;
use crate::json::{IfMatch, Json, Path};
use crate::uploads::{announced, check_digest};

/// Routes of `/v1/files`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(bytes, put, delete))
}

/// List files
#[utoipa::path(get, path = "/v1/files", tag = "files", operation_id = "list_files",
    responses((status = 200, description = "All files, by name", body = FileList)))]
async fn list(State(app): State<AppState>) -> Json<FileList> {
    Json(app.files.list())
}

/// Download a file
#[utoipa::path(get, path = "/v1/files/{name}", tag = "files", operation_id = "download_file",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")),
    responses((status = 200, description = "Its bytes", content_type = "application/octet-stream", body = Vec<u8>, headers(("etag" = String, description = "Its digest")))))]
async fn bytes(State(app): State<AppState>, Path(name): Path<String>) -> ApiResult<Response> {
    let file = app.files.show(&name)?;
    let path = app.files.path(&name)?;
    let mut response = download::file(&path, "application/octet-stream").await?;
    // Never shown in place: whatever it holds, it is not ours.
    let attachment = HeaderValue::from_static("attachment");
    response
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, attachment);
    Ok(tagged(response, &file))
}

/// Upload a file
///
/// For `assets` and `feeders` of runs. What the name had before is replaced; runs that read it keep what they have.
#[utoipa::path(put, path = "/v1/files/{name}", tag = "files", operation_id = "upload_file",
    params(
        ("name" = String, Path, description = "The name to store it under", pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"),
        ("If-Match" = Option<String>, Header, description = "Digest of the bytes that it must have"),
        ("X-Content-SHA256" = Option<String>, Header, description = "SHA-256 of the bytes, held against what came"),
    ),
    request_body(description = "Any bytes", content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It replaces another", body = FileView, headers(("etag" = String, description = "Its digest"))),
        (status = 201, description = "It is new", body = FileView, headers(("etag" = String, description = "Its digest")))))]
async fn put(
    State(app): State<AppState>,
    Path(name): Path<String>,
    if_match: IfMatch,
    request: Request,
) -> ApiResult<Response> {
    check_name(&name)?;
    let _place = app.uploads.place()?;
    let headers = request.headers().clone();
    let announced = announced(&headers);
    let body =
        Incoming::new(request.into_body(), ASSET_BYTES_MAX, "the file").announced(announced)?;
    let received = app.files.receive(body, announced).await?;
    check_digest(&headers, &received.digest)?;
    let (is_new, file) = app.files.put(name, received, if_match).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let response = (status, Json(file.clone())).into_response();
    Ok(tagged(response, &file))
}

/// Delete a file
///
/// Runs that read it keep what they have.
#[utoipa::path(delete, path = "/v1/files/{name}", tag = "files", operation_id = "delete_file",
    params(
        ("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"),
        ("If-Match" = Option<String>, Header, description = "Digest of the bytes that it must have"),
    ),
    responses((status = 204, description = "It is gone")))]
async fn delete(
    State(app): State<AppState>,
    Path(name): Path<String>,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    app.files.remove(name, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An answer with the file's tag.
fn tagged(mut response: Response, file: &FileView) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", file.digest)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
