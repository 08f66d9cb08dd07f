//! Who may call: whoever shows the token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lt_spec::limits::{API_DENIED_DELAY, API_DENIED_WAITING_MAX};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::app::AppState;
use crate::error::{ApiError, Code};

/// Paths that need no token: they hold nothing of any run. What lies below `/page/` and `/api-docs/` needs none either.
const OPEN: [&str; 5] = [
    "/",
    "/healthz",
    "/favicon.ico",
    "/api-docs",
    "/v1/openapi.json",
];

/// The token that callers must show. Kept as its SHA-256, so that comparing takes the same time whatever is shown, and
/// nothing that prints it can leak it.
#[derive(Clone)]
pub struct Token {
    digest: [u8; 32],
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Token(***)")
    }
}

impl Token {
    /// From its text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            digest: Sha256::digest(text.as_bytes()).into(),
        }
    }

    /// Whether this is it.
    #[must_use]
    pub fn matches(&self, shown: &[u8]) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        self.digest.ct_eq(&shown).into()
    }
}

/// Callers with a wrong token: each waits a little, and only so many do at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Denied(Arc<Semaphore>);

impl Default for Denied {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(API_DENIED_WAITING_MAX)))
    }
}

impl Denied {
    /// The refusal, some time later. Whatever was wrong, it is the same.
    async fn refuse(&self) -> ApiError {
        let Ok(_place) = self.0.try_acquire() else {
            return ApiError::too_many("too many calls with a wrong token", 1);
        };
        tokio::time::sleep(API_DENIED_DELAY).await;
        ApiError::new(Code::Unauthorized, "this call needs the token of this host")
            .remedy("send the header Authorization: Bearer TOKEN")
    }
}

/// Let through whoever shows the token, and everybody where none is needed.
pub(crate) async fn demand(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let is_allowed = match &app.config.token {
        None => true,
        Some(_) if is_open(request.uri().path()) => true,
        Some(token) => shown(request.headers()).is_some_and(|shown| token.matches(shown)),
    };
    if is_allowed {
        return next.run(request).await;
    }
    app.denied.refuse().await.into_response()
}

fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || path.starts_with("/page/") || path.starts_with("/api-docs/")
}

/// The token that a caller shows. The scheme's letters may be large or small (RFC 9110, section 11.1).
fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_the_token_itself_matches() {
        let token = Token::new("s3cret");
        assert!(token.matches(b"s3cret"));
        for other in [&b""[..], b"s3cre", b"s3cret ", b"S3cret", b"s3crets"] {
            assert!(!token.matches(other));
        }
        assert_eq!(format!("{token:?}"), "Token(***)");
    }

    #[test]
    fn it_is_shown_as_a_bearer_token() {
        let shown = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            shown(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(shown("Bearer abc"), Some(b"abc".to_vec()));
        assert_eq!(shown("bearer  abc "), Some(b"abc".to_vec()));
        for wrong in ["Basic abc", "Bearer", "abc", ""] {
            assert_eq!(shown(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_wait_and_many_of_them_are_sent_away() {
        let denied = Denied::default();
        let started = tokio::time::Instant::now();
        let calls = (0..API_DENIED_WAITING_MAX + 5).map(|_| denied.refuse());
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(started.elapsed(), API_DENIED_DELAY);
        let of = |code| answers.iter().filter(|error| error.code() == code).count();
        assert_eq!(of(Code::Unauthorized), API_DENIED_WAITING_MAX);
        assert_eq!(of(Code::TooMany), 5);
        assert_eq!(denied.refuse().await.code(), Code::Unauthorized);
    }

    #[test]
    fn what_needs_no_token_is_named_exactly() {
        for open in [
            "/",
            "/healthz",
            "/page/app.js",
            "/api-docs/",
            "/v1/openapi.json",
        ] {
            assert!(is_open(open), "{open}");
        }
        for closed in [
            "/v1/runs",
            "/metrics",
            "//",
            "/healthz/",
            "/pages",
            "/v1/openapi.json/",
            "/x/page/",
        ] {
            assert!(!is_open(closed), "{closed}");
        }
    }
}
