//! What a run tells while it goes on: one snapshot a second, changes, annotations, its end. Whoever reads slowly loses
//! snapshots; the run waits for nobody.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use lt_report::snapshot::thin;
use lt_spec::limits::{EVENTS_RESUMED_MAX, SNAPSHOTS_ANSWERED_MAX};
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;

use super::entry::{Entry, Told};
use super::results::{SNAPSHOTS_FILE, blocking};
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::json::{Path, Query};

/// A comment is sent as often as this where nothing else is, so that neither side takes the other for gone.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many snapshots are read at a time before they are thinned: what a reader may cost in memory.
const THIN_EVERY: usize = 4 * SNAPSHOTS_ANSWERED_MAX;

/// From where on.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// The number of the last snapshot that the reader has.
    #[param(required = false, nullable = false)]
    since: Option<u64>,
}

/// Which snapshots.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// Those after this number.
    #[param(required = false, nullable = false)]
    since: Option<u64>,
    /// At most so many, evenly apart.
    #[param(required = false, nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// What a run tells: server-sent events
///
/// `snapshot` (its number is the event's id), `change`, `annotation`, and at last `ended`. `Last-Event-ID` or `since` resumes:
/// what was missed comes first, thinned out to 600.
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/events",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The run"),
        Since,
        ("Last-Event-ID" = Option<u64>, Header, description = "The number of the last snapshot that the reader has"),
    ),
    responses((status = 200, description = "The events", content_type = "text/event-stream", body = String))
)]
pub(crate) async fn events(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Query(wanted): Query<Since>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let last = headers.get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok()?.trim().parse().ok());
    let since = last.or(wanted.since);
    let following = entry.follow();
    let mut first: VecDeque<Event> = VecDeque::new();
    if let Some(since) = since {
        let recent = entry.recent(since);
        let missed = match following.oldest {
            // All that was missed is in memory.
            Some(oldest) if oldest <= since.saturating_add(1) => recent,
            oldest => {
                // The file is written beside the run: its last lines may be on their way.
                let dir = entry.dir.clone();
                let mut missed = blocking(move || read(&dir, since, EVENTS_RESUMED_MAX)).await?;
                missed.retain(|(seq, _)| oldest.is_none_or(|oldest| *seq < oldest));
                missed.extend(recent);
                thin(missed, EVENTS_RESUMED_MAX)
            }
        };
        let told_until = following.last;
        let missed = missed.into_iter().filter(|(seq, _)| *seq <= told_until);
        first.extend(missed.map(|(seq, json)| snapshot(seq, &json)));
    }
    let over = following.over.then(|| entry.clone());
    let state = Reading {
        first,
        told: following.told,
        over,
        ended: false,
    };
    Ok(sse(stream::unfold(state, next)))
}

/// A stream of events as an answer.
pub(crate) fn sse<S>(events: S) -> Response
where
    S: futures_util::Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Reading {
    first: VecDeque<Event>,
    told: broadcast::Receiver<Told>,
    /// The run, if it was over when the reader came.
    over: Option<Arc<Entry>>,
    ended: bool,
}

async fn next(mut reading: Reading) -> Option<(Result<Event, Infallible>, Reading)> {
    if let Some(event) = reading.first.pop_front() {
        return Some((Ok(event), reading));
    }
    if reading.ended {
        return None;
    }
    if let Some(entry) = reading.over.take() {
        reading.ended = true;
        let json = serde_json::to_string(&entry.run()).unwrap_or_default();
        return Some((Ok(Event::default().event("ended").data(json)), reading));
    }
    loop {
        let event = match reading.told.recv().await {
            Ok(Told::Snapshot(seq, json)) => snapshot(seq, &json),
            Ok(Told::Change(json)) => Event::default().event("change").data(&*json),
            Ok(Told::Annotation(json)) => Event::default().event("annotation").data(&*json),
            Ok(Told::Ended(json)) => {
                reading.ended = true;
                Event::default().event("ended").data(&*json)
            }
            // Too slow: what was lost is lost.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return None,
        };
        return Some((Ok(event), reading));
    }
}

fn snapshot(seq: u64, json: &str) -> Event {
    Event::default()
        .event("snapshot")
        .id(seq.to_string())
        .data(json)
}

/// The snapshots of a run, evenly thinned
#[utoipa::path(
    get,
    path = "/v1/runs/{id}/snapshots",
    tag = "runs",
    params(("id" = String, Path, description = "The run"), Span),
    responses((status = 200, description = "The snapshots: `{\"snapshots\": […]}`", body = serde_json::Value))
)]
pub(crate) async fn snapshots(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> ApiResult<Response> {
    let entry = app.runs.find(&id)?;
    let most = span.limit.map_or(SNAPSHOTS_ANSWERED_MAX, usize::from);
    if !(1..=SNAPSHOTS_ANSWERED_MAX).contains(&most) {
        let message = format!("is not from 1 to {SNAPSHOTS_ANSWERED_MAX}");
        let remedy = "use `since` to get further snapshots";
        return Err(ApiError::invalid_field(
            "limit",
            most.to_string(),
            message,
            remedy,
        ));
    }
    let (dir, since) = (entry.dir.clone(), span.since.unwrap_or(0));
    let snapshots = blocking(move || read(&dir, since, most)).await?;
    let mut body = String::from("{\"snapshots\":[");
    for (position, (_, json)) in snapshots.iter().enumerate() {
        if position > 0 {
            body.push(',');
        }
        let json = String::from(&**json);
        body.push_str(&entry.log.snapshot_without_secrets(json));
    }
    body.push_str("]}");
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}

/// What is read of a line to know its number.
#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// The snapshots after a number, from the run's file, thinned to so many: with a bound on what is held meanwhile.
fn read(dir: &FilePath, since: u64, most: usize) -> Vec<(u64, Arc<str>)> {
    let Ok(file) = File::open(dir.join(SNAPSHOTS_FILE)) else {
        return Vec::new();
    };
    let mut snapshots: Vec<(u64, Arc<str>)> = Vec::new();
    // Of lines that are left out, every so many-th is kept; with each thinning twice as many.
    let (mut step, mut seen) = (1_usize, 0_usize);
    let mut last = None;
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        // A line that cannot be read is one that a dying machine wrote.
        let Ok(Numbered { seq }) = serde_json::from_str::<Numbered>(&line) else {
            continue;
        };
        if seq <= since {
            continue;
        }
        let is_kept = seen.is_multiple_of(step);
        seen += 1;
        if !is_kept {
            last = Some((seq, line.into()));
            continue;
        }
        last = None;
        snapshots.push((seq, line.into()));
        if snapshots.len() >= THIN_EVERY {
            let kept = snapshots.into_iter().step_by(2);
            snapshots = kept.collect();
            step *= 2;
        }
    }
    snapshots.extend(last);
    thin(snapshots, most)
}
