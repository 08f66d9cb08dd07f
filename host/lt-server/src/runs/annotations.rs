//! Notes on a run: what people want to find again in its numbers.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lt_spec::limits::{ANNOTATIONS_MAX, RUN_COMMENT_BYTES_MAX};
use lt_spec::spec::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry::Told;
use super::model::Annotation;
use super::{graphite, steer, time};
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::json::{IfMatch, Json, Path};

/// Tags of one annotation.
const TAGS_MAX: usize = 20;
/// Bytes of one of them.
const TAG_BYTES_MAX: usize = 100;

/// A note.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// What is to be remembered.
    #[schema(min_length = 1, max_length = 4096)]
    text: String,
    /// Words by which it is found.
    #[serde(default)]
    #[schema(max_items = 20)]
    tags: Vec<String>,
}

/// The notes of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Annotations {
    /// In the order they were made.
    annotations: Vec<Annotation>,
}

/// Note something on a run that goes on; a Graphite server is told, if the host has one
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/annotations",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    request_body = Note,
    responses(
        (status = 201, description = "Noted", body = Annotation),
        (status = 409, description = "The run is over, has another revision, or has its fill of notes", body = crate::error::ErrorBody),
        (status = 422, description = "The note is empty or too long", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn annotate(
    State(app): State<AppState>,
    Path(id): Path<String>,
    seen: IfMatch,
    Json(note): Json<Note>,
) -> ApiResult<Response> {
    check(&note)?;
    let entry = app.runs.find(&id)?;
    {
        let steering = steer::steer(&entry, &seen).await?;
        if entry.data().kept.annotations.len() >= ANNOTATIONS_MAX {
            let message =
                format!("the run {id:?} has {ANNOTATIONS_MAX} annotations, which is the limit");
            return Err(ApiError::conflict(message));
        }
        let action = Action::Annotate {
            text: note.text.clone(),
            tags: note.tags.clone(),
        };
        let wishes = vec![("text".to_owned(), (None, action))];
        steer::change_all(&entry, &steering, wishes).await?;
    }
    let now = app.runs.now();
    let graphite = match &app.config.graphite_url {
        Some(url) => Some(graphite::send(url, &id, &note.text, (&note.tags, now)).await),
        None => None,
    };
    let annotation = Annotation {
        time: time::rfc3339(now),
        elapsed_ms: entry.data().kept.run.elapsed_ms,
        text: note.text,
        tags: note.tags,
        graphite,
    };
    {
        let mut data = entry.data();
        data.kept.annotations.push(annotation.clone());
        data.kept.run.annotations += 1;
    }
    entry.tell_value(&annotation, Told::Annotation);
    app.runs.keeper().save(&entry);
    Ok((StatusCode::CREATED, Json(annotation)).into_response())
}

/// The notes of a run
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/annotations",
    operation_id = "list_annotations",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses((status = 200, description = "The notes", body = Annotations))
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Json<Annotations>> {
    let entry = app.runs.find(&id)?;
    let annotations = entry.data().kept.annotations.clone();
    Ok(Json(Annotations { annotations }))
}

fn check(note: &Note) -> ApiResult<()> {
    if note.text.trim().is_empty() {
        return Err(ApiError::invalid_field(
            "text",
            "",
            "is empty",
            "say what is to be remembered",
        ));
    }
    if note.text.len() > RUN_COMMENT_BYTES_MAX {
        let message = format!("is longer than the {RUN_COMMENT_BYTES_MAX} bytes it may have");
        return Err(ApiError::invalid_field("text", "", message, "shorten it"));
    }
    let is_plain = |tag: &String| {
        (1..=TAG_BYTES_MAX).contains(&tag.len()) && !tag.contains(char::is_whitespace)
    };
    if note.tags.len() > TAGS_MAX || !note.tags.iter().all(is_plain) {
        let message = format!("are not up to {TAGS_MAX} words of up to {TAG_BYTES_MAX} bytes each");
        return Err(ApiError::invalid_field(
            "tags",
            "",
            message,
            "give fewer or shorter ones",
        ));
    }
    Ok(())
}
