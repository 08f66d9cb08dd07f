//! `Idempotency-Key`: a POST that is repeated, because its answer was lost, happens once.
//!
//! Answers that say that something happened (2xx) are kept, a bounded number of them, for a day. Refusals are not: nothing
//! happened, so the repeated call may try again. A call whose first sending is still under way is told so.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use lt_spec::limits::{
    IDEMPOTENCY_ANSWER_BYTES_MAX, IDEMPOTENCY_KEPT, IDEMPOTENCY_KEY_BYTES_MAX,
    IDEMPOTENCY_KEYS_MAX, RUN_FILE_BYTES_MAX,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::app::AppState;
use crate::body::Incoming;
use crate::error::{ApiError, ApiResult};

/// The header that names a call.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// Headers of an answer that are kept with it.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// The answers that are kept. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    calls: HashMap<String, Call>,
    /// Keys by age, the oldest first.
    ages: VecDeque<(Instant, String)>,
}

#[derive(Debug)]
struct Call {
    since: Instant,
    /// What was sent, and to where.
    digest: [u8; 32],
    /// `None` while the first call is under way.
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// What is known of a call that comes in.
enum Known {
    New,
    Answered(Answer),
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begin a call, unless it is known.
    fn begin(&self, key: &str, digest: [u8; 32]) -> ApiResult<Known> {
        let mut table = self.lock();
        let now = Instant::now();
        table.forget_before(now);
        if let Some(call) = table.calls.get(key) {
            if call.digest != digest {
                let message = "this Idempotency-Key was used for another call";
                return Err(ApiError::conflict(message).remedy("give each call a key of its own"));
            }
            return match &call.answer {
                Some(answer) => Ok(Known::Answered(answer.clone())),
                None => Err(ApiError::conflict(
                    "the first call with this Idempotency-Key is still under way",
                )
                .remedy("wait a second and repeat it")),
            };
        }
        table.make_room();
        table.ages.push_back((now, key.to_owned()));
        let call = Call {
            since: now,
            digest,
            answer: None,
        };
        table.calls.insert(key.to_owned(), call);
        Ok(Known::New)
    }

    /// The call is over: keep its answer, or forget it.
    fn end(&self, key: &str, answer: Option<Answer>) {
        let mut table = self.lock();
        match (answer, table.calls.get_mut(key)) {
            (Some(answer), Some(call)) => call.answer = Some(answer),
            _ => drop(table.calls.remove(key)),
        }
    }
}

impl Table {
    fn forget_before(&mut self, now: Instant) {
        while let Some((since, _)) = self.ages.front()
            && now.duration_since(*since) >= IDEMPOTENCY_KEPT
        {
            self.forget_oldest();
        }
    }

    fn make_room(&mut self) {
        while self.ages.len() >= IDEMPOTENCY_KEYS_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((since, key)) = self.ages.pop_front() else {
            return;
        };
        // The key may have been forgotten and used again since.
        if self.calls.get(&key).is_some_and(|call| call.since == since) {
            self.calls.remove(&key);
        }
    }
}

/// Forgets a call whose handler never ended: its caller left.
struct UnderWay {
    answers: Answers,
    key: String,
    answer: Option<Answer>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.answers.end(&self.key, self.answer.take());
    }
}

/// Answer a repeated POST as the first time. What changes something is done to its end, whether or not its caller stays: half a
/// change would be nobody's.
pub(crate) async fn replay(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let has_key = request.method() == Method::POST && request.headers().contains_key(&KEY);
    if !matches!(
        *request.method(),
        Method::POST | Method::PATCH | Method::DELETE
    ) {
        return next.run(request).await;
    }
    let done = tokio::spawn(async move {
        if !has_key {
            return next.run(request).await;
        }
        match answer(&app.answers, request, next).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        }
    });
    match done.await {
        Ok(response) => response,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(gone) => ApiError::internal(gone).into_response(),
        },
    }
}

async fn answer(answers: &Answers, request: Request, next: Next) -> ApiResult<Response> {
    let key = key(request.headers())?;
    let (parts, body) = request.into_parts();
    let body = Incoming::new(body, RUN_FILE_BYTES_MAX, "the body")
        .all()
        .await?;
    let mut digest = Sha256::new();
    digest.update(parts.uri.to_string());
    digest.update([0]);
    digest.update(&body);
    match answers.begin(&key, digest.finalize().into())? {
        Known::Answered(answer) => Ok(again(answer)),
        Known::New => {
            let mut under_way = UnderWay {
                answers: answers.clone(),
                key,
                answer: None,
            };
            let request = Request::from_parts(parts, Body::from(body));
            let response = next.run(request).await;
            if !response.status().is_success() {
                return Ok(response);
            }
            let (response, answer) = keep(response).await?;
            under_way.answer = answer;
            Ok(response)
        }
    }
}

fn key(headers: &HeaderMap) -> ApiResult<String> {
    let wrong = || {
        let message = format!("is not 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters");
        ApiError::invalid_field("Idempotency-Key", "", message, "send a UUID")
    };
    let text = headers.get(&KEY).and_then(|value| value.to_str().ok());
    let text = text.ok_or_else(wrong)?;
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

/// An answer read whole, if it is small enough to be kept.
async fn keep(response: Response) -> ApiResult<(Response, Option<Answer>)> {
    let (parts, body) = response.into_parts();
    let is_small = HttpBody::size_hint(&body)
        .exact()
        .is_some_and(|bytes| bytes <= IDEMPOTENCY_ANSWER_BYTES_MAX as u64);
    if !is_small {
        return Ok((Response::from_parts(parts, body), None));
    }
    let body = Limited::new(body, IDEMPOTENCY_ANSWER_BYTES_MAX).collect();
    let body = body.await.map_err(ApiError::internal)?.to_bytes();
    let headers = KEPT_HEADERS.into_iter().filter_map(|name| {
        let value = parts.headers.get(&name)?.clone();
        Some((name, value))
    });
    let answer = Answer {
        status: parts.status,
        headers: headers.collect(),
        body: body.clone(),
    };
    Ok((Response::from_parts(parts, Body::from(body)), Some(answer)))
}

fn again(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    let headers = response.headers_mut();
    headers.insert(REPLAY, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn given(text: &str) -> Answer {
        Answer {
            status: StatusCode::CREATED,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    fn code(known: ApiResult<Known>) -> Result<Option<Bytes>, Code> {
        match known {
            Ok(Known::New) => Ok(None),
            Ok(Known::Answered(answer)) => Ok(Some(answer.body)),
            Err(error) => Err(error.code()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_happens_once_for_a_day() {
        let answers = Answers::default();
        assert_eq!(code(answers.begin("k", [1; 32])), Ok(None));
        assert_eq!(code(answers.begin("k", [1; 32])), Err(Code::Conflict));
        answers.end("k", Some(given("made")));
        assert_eq!(code(answers.begin("k", [1; 32])), Ok(Some("made".into())));
        assert_eq!(code(answers.begin("k", [2; 32])), Err(Code::Conflict));
        tokio::time::advance(IDEMPOTENCY_KEPT).await;
        assert_eq!(code(answers.begin("k", [2; 32])), Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_call_may_be_tried_again() {
        let answers = Answers::default();
        for _ in 0..3 {
            assert_eq!(code(answers.begin("k", [1; 32])), Ok(None));
            drop(UnderWay {
                answers: answers.clone(),
                key: "k".to_owned(),
                answer: None,
            });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded() {
        let answers = Answers::default();
        for call in 0..IDEMPOTENCY_KEYS_MAX + 10 {
            let key = call.to_string();
            assert_eq!(code(answers.begin(&key, [1; 32])), Ok(None));
            answers.end(&key, Some(given(&key)));
        }
        let table = answers.lock();
        assert_eq!(table.calls.len(), IDEMPOTENCY_KEYS_MAX);
        assert_eq!(table.ages.len(), IDEMPOTENCY_KEYS_MAX);
        assert!(!table.calls.contains_key("9") && table.calls.contains_key("10"));
    }

    #[test]
    fn keys_are_visible_ascii() {
        let key = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(KEY, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            key(&headers).is_ok()
        };
        assert!(key("a") && key(&"a".repeat(IDEMPOTENCY_KEY_BYTES_MAX)));
        assert!(!key("") && !key("a b") && !key("é"));
        assert!(!key(&"a".repeat(IDEMPOTENCY_KEY_BYTES_MAX + 1)));
    }
}
