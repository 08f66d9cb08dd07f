//! What a run left: files by name, and its summary.

use std::path::Path as FilePath;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use utoipa::ToSchema;

use super::keeper::RUN_FILE;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::json::{Json, Path};

/// Its snapshots.
pub(crate) const SNAPSHOTS_FILE: &str = "snapshots.jsonl";
/// The last lines of its log.
pub(crate) const LOG_FILE: &str = "log.jsonl";
/// Its numbers.
pub(crate) const SUMMARY_FILE: &str = "summary.json";

/// Bytes of a file that are read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// A file that a run left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResultFile {
    /// Its name.
    pub name: String,
    /// How large it is now.
    pub size_bytes: u64,
}

/// The files that a run left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResultFiles {
    /// By name.
    pub files: Vec<ResultFile>,
}

/// The files in a run's directory, by name: what is hidden is half written, and `run.json` is the server's own.
fn files(dir: &FilePath) -> Vec<ResultFile> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<ResultFile> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let metadata = entry.metadata().ok()?;
            let shown = metadata.is_file() && !name.starts_with('.') && name != RUN_FILE;
            shown.then_some(ResultFile {
                name,
                size_bytes: metadata.len(),
            })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// Their names.
pub(crate) fn names(dir: &FilePath) -> Vec<String> {
    files(dir).into_iter().map(|file| file.name).collect()
}

/// The numbers of a run: as they are now, or at its end
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/summary",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "The summary, as in `summary.json`", body = serde_json::Value),
        (status = 404, description = "No such run, or no second of it has passed", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn summary(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let live = entry.data().summary.clone();
    if let Some(summary) = live {
        return Ok(Json(&*summary).into_response());
    }
    let path = entry.dir.join(SUMMARY_FILE);
    let text = tokio::fs::read(&path)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ApiError::not_found("summary of the run", &id)
                .remedy("ask again when its users have run for a second"),
            _ => ApiError::internal(format_args!("{}: {error}", path.display())),
        })?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], text).into_response())
}

/// The files that a run left
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/results",
    operation_id = "list_results",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses((status = 200, description = "The files", body = ResultFiles))
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Json<ResultFiles>> {
    let entry = app.runs.find(&id)?;
    Ok(Json(ResultFiles {
        files: blocking(move || files(&entry.dir)).await?,
    }))
}

/// A file that a run left
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/results/{file}",
    operation_id = "download_result",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The run"),
        ("file" = String, Path, description = "One of the names that the list has"),
    ),
    responses((status = 200, description = "Its bytes", content(
        (Vec<u8> = "application/octet-stream"), (serde_json::Value = "application/json"), (String = "application/x-ndjson"),
        (String = "text/csv"), (String = "application/xml"), (String = "text/html"))))
)]
pub(crate) async fn download(
    State(app): State<AppState>,
    Path((id, file)): Path<(String, String)>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let dir = entry.dir.clone();
    let known = blocking(move || names(&dir)).await?;
    // Only what the list has: no name leads anywhere else.
    if !known.contains(&file) {
        return Err(ApiError::not_found("file of the run", &file));
    }
    let path = entry.dir.join(&file);
    let opened = tokio::fs::File::open(&path).await;
    let opened =
        opened.map_err(|error| ApiError::internal(format_args!("{}: {error}", path.display())))?;
    let metadata = opened.metadata().await;
    let length = metadata
        .map_err(|error| ApiError::internal(format_args!("{}: {error}", path.display())))?
        .len();
    // A run that goes on writes on: the answer is what there was when it was asked for.
    let chunks =
        futures_util::stream::try_unfold((opened, length), |(mut file, left)| async move {
            let mut buffer = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES)];
            let read = match buffer.is_empty() {
                true => 0,
                false => file.read(&mut buffer).await?,
            };
            buffer.truncate(read);
            let left = left.saturating_sub(read as u64);
            let next = (read > 0).then(|| (bytes::Bytes::from(buffer), (file, left)));
            Ok::<_, std::io::Error>(next)
        });
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(content_type(&file));
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    // Never shown as a page of this host: a report brings scripts of its own.
    let disposition = format!("attachment; filename=\"{}\"", id.clone() + "-" + &file);
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("json") => "application/json",
        Some("jsonl") => "application/x-ndjson",
        Some("csv") => "text/csv; charset=utf-8",
        Some("xml") => "application/xml",
        Some("html") => "text/html; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Do something that waits for a disk, off the server's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(format_args!("a helper failed: {error}")))
}
