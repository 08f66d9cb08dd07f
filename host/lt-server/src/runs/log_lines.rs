//! The log of a run: its last lines, and those that follow.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use lt_spec::limits::RUN_LOG_LINES_MAX;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use utoipa::{IntoParams, ToSchema};

use super::events::sse;
use super::logs::{self, LogFilter, LogLine};
use super::results::{LOG_FILE, blocking};
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::json::{Json, Path, Query};

/// Lines in an answer, unless more or fewer are asked for.
const TAIL: usize = 100;

/// Which lines.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The last so many.
    #[param(required = false, nullable = false, minimum = 0, maximum = 5000)]
    tail: Option<usize>,
    /// Those of the user with this id.
    #[param(required = false, nullable = false)]
    user: Option<u64>,
    /// Those as grave as this, or graver: `error`, `warn`, `info`, `debug` or `trace`.
    #[param(required = false, nullable = false)]
    level: Option<String>,
    /// Whether lines that follow are sent too, as events of the name `log`.
    follow: bool,
}

/// Lines of a log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LogLines {
    /// In their order.
    lines: Vec<LogLine>,
}

/// The log of a run: its last lines, and with `follow` those that come
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/logs",
    tag = "runs",
    params(("id" = String, Path, description = "The run"), Wanted),
    responses((status = 200, description = "The lines; with `follow`, server-sent events", content(
        (LogLines = "application/json"), (String = "text/event-stream"))))
)]
pub(crate) async fn logs(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let tail = wanted.tail.unwrap_or(TAIL);
    if tail > RUN_LOG_LINES_MAX {
        let message = format!("is more than the {RUN_LOG_LINES_MAX} lines that are kept");
        return Err(ApiError::invalid_field(
            "tail",
            tail.to_string(),
            message,
            "ask for fewer",
        ));
    }
    let level = wanted.level.as_deref().map(|level| {
        level.parse().map_err(|_| {
            let remedy = "use one of error, warn, info, debug and trace";
            ApiError::invalid_field("level", level, "is no level", remedy)
        })
    });
    let filter = LogFilter {
        user: wanted.user,
        level: level.transpose()?,
    };
    let (mut lines, told) = entry.log.tail(tail, filter);
    if *entry.over.borrow() {
        let path = entry.dir.join(LOG_FILE);
        let left = blocking(move || logs::read(&path, tail, filter)).await?;
        lines = left.into_iter().map(Arc::new).collect();
    }
    if !wanted.follow {
        let lines = lines.iter().map(|line| LogLine::clone(line)).collect();
        return Ok(Json(LogLines { lines }).into_response());
    }
    let following = Following {
        first: lines.into(),
        told,
        over: entry.over.subscribe(),
        filter,
    };
    Ok(sse(stream::unfold(following, next)))
}

struct Following {
    first: VecDeque<Arc<LogLine>>,
    told: broadcast::Receiver<Arc<LogLine>>,
    over: watch::Receiver<bool>,
    filter: LogFilter,
}

async fn next(mut following: Following) -> Option<(Result<Event, Infallible>, Following)> {
    if let Some(line) = following.first.pop_front() {
        return Some((Ok(event(&line)), following));
    }
    loop {
        let line = tokio::select! {
            biased;
            line = following.told.recv() => line,
            _ = following.over.wait_for(|over| *over) => return None,
        };
        match line {
            Ok(line) if following.filter.takes(&line) => {
                return Some((Ok(event(&line)), following));
            }
            // Too slow: what was lost is lost.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

fn event(line: &LogLine) -> Event {
    let json = serde_json::to_string(line).unwrap_or_default();
    Event::default()
        .event("log")
        .id(line.seq.to_string())
        .data(json)
}
