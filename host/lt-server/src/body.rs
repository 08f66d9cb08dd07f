//! Bodies as they come in: bounded in bytes and in time, so that nobody holds a place by sending slowly.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt, stream};
use http_body_util::BodyDataStream;
use lt_spec::limits::{API_BODY_BYTES_PER_SECOND_MIN, API_BODY_GRACE};
use tokio::time::Instant;

use crate::error::{ApiError, ApiResult, Code};

/// A body that is being read.
pub struct Incoming {
    body: BodyDataStream<Body>,
    /// What it is, for people: `the scenario`.
    what: &'static str,
    limit: u64,
    received: u64,
    since: Instant,
}

/// Bytes that come piece by piece.
pub(crate) trait Pieces: Send {
    /// The next piece; `None` at the end.
    fn piece(&mut self) -> impl Future<Output = ApiResult<Option<Bytes>>> + Send;
}

impl Pieces for Incoming {
    fn piece(&mut self) -> impl Future<Output = ApiResult<Option<Bytes>>> + Send {
        self.next()
    }
}

impl Incoming {
    /// Read `body`, of which at most `limit` bytes are taken.
    #[must_use]
    pub fn new(body: Body, limit: u64, what: &'static str) -> Self {
        Self {
            body: BodyDataStream::new(body),
            what,
            limit,
            received: 0,
            since: Instant::now(),
        }
    }

    /// Refuse at once a body that is announced as larger than is taken.
    ///
    /// # Errors
    /// `too_large`.
    pub(crate) fn announced(self, bytes: Option<u64>) -> ApiResult<Self> {
        if bytes.is_some_and(|bytes| bytes > self.limit) {
            return Err(ApiError::too_large(self.what, self.limit));
        }
        Ok(self)
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// `too_large`, `timeout`, or `malformed` if the connection ends before the body does.
    pub async fn next(&mut self) -> ApiResult<Option<Bytes>> {
        let earned = self.received / API_BODY_BYTES_PER_SECOND_MIN;
        let due = self.since + API_BODY_GRACE + Duration::from_secs(earned);
        let next = tokio::time::timeout_at(due, self.body.next()).await;
        let Ok(next) = next else {
            let message = format!(
                "{} came too slowly: {} bytes in {} s",
                self.what,
                self.received,
                self.since.elapsed().as_secs()
            );
            let remedy = format!(
                "send at least {API_BODY_BYTES_PER_SECOND_MIN} bytes a second after the first {} s",
                API_BODY_GRACE.as_secs()
            );
            return Err(ApiError::new(Code::Timeout, message).remedy(remedy));
        };
        match next {
            None => Ok(None),
            Some(Err(_)) => Err(ApiError::malformed(format!(
                "{} ended before it was complete",
                self.what
            ))),
            Some(Ok(bytes)) => {
                self.received = self.received.saturating_add(bytes.len() as u64);
                if self.received > self.limit {
                    return Err(ApiError::too_large(self.what, self.limit));
                }
                Ok(Some(bytes))
            }
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn all(mut self) -> ApiResult<Bytes> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.next().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.into())
    }

    /// As a body again, for a reader that knows only bodies; what goes wrong is left in `fault`.
    pub(crate) fn into_body(self, fault: Fault) -> Body {
        Body::from_stream(self.into_stream(fault))
    }

    fn into_stream(self, fault: Fault) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::unfold(Some(self), move |incoming| {
            let fault = fault.clone();
            async move {
                let mut incoming = incoming?;
                match incoming.next().await {
                    Ok(None) => None,
                    Ok(Some(bytes)) => Some((Ok(bytes), Some(incoming))),
                    Err(error) => {
                        fault.put(error.clone());
                        Some((Err(error), None))
                    }
                }
            }
        })
    }
}

/// What went wrong with a body that something else reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<ApiError>>>);

impl Fault {
    /// What it was, if anything.
    pub(crate) fn take(&self) -> Option<ApiError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, error: ApiError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endless(every: Duration) -> Body {
        Body::from_stream(stream::unfold((), move |()| async move {
            tokio::time::sleep(every).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(&[7; 1000])), ()))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_cut_off_and_a_steady_one_is_not() {
        let started = Instant::now();
        let slow = endless(Duration::from_millis(500));
        let error = Incoming::new(slow, u64::MAX, "the scenario").all().await;
        let error = error.unwrap_err();
        assert_eq!(error.code(), Code::Timeout);
        assert!(
            error
                .to_string()
                .starts_with("the scenario came too slowly")
        );
        // 2 kB a second are an eighth of what is asked for: ten seconds of grace, and some earned.
        let lasted = started.elapsed();
        assert!(
            lasted >= API_BODY_GRACE && lasted < API_BODY_GRACE * 2,
            "{lasted:?}"
        );

        let steady = endless(Duration::from_millis(50));
        let error = Incoming::new(steady, 1_000_000, "the scenario").all().await;
        assert_eq!(error.unwrap_err().code(), Code::TooLarge);
    }

    #[tokio::test]
    async fn a_body_within_its_limit_is_whole_and_one_byte_more_is_too_large() {
        let read = |limit| Incoming::new(Body::from("12345"), limit, "the body").all();
        assert_eq!(read(5).await.unwrap(), "12345");
        assert_eq!(read(4).await.unwrap_err().code(), Code::TooLarge);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_malformed_also_for_another_reader() {
        let broken = || {
            let pieces = vec![
                Ok(Bytes::from_static(b"ab")),
                Err(std::io::Error::other("gone")),
            ];
            Incoming::new(Body::from_stream(stream::iter(pieces)), 100, "the body")
        };
        assert_eq!(broken().all().await.unwrap_err().code(), Code::Malformed);
        let fault = Fault::default();
        let body = broken().into_body(fault.clone());
        assert!(axum::body::to_bytes(body, 100).await.is_err());
        assert_eq!(fault.take().unwrap().code(), Code::Malformed);
        assert!(fault.take().is_none());
    }
}
