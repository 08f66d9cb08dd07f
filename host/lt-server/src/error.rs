//! The one shape of every refusal: a status, a stable code for programs, a text for people, and what to do instead.

use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lt_spec::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, for programs: a contract. A code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: what was sent cannot be read: no JSON, or values of the wrong type.
    Malformed,
    /// 401: no token, or another.
    Unauthorized,
    /// 403: called by a page of another site, or under a name that is not ours.
    Forbidden,
    /// 404: there is no such thing.
    NotFound,
    /// 405: the resource does not take this method; `Allow` says which it takes.
    MethodNotAllowed,
    /// 408: what was sent came too slowly.
    Timeout,
    /// 409: the state forbids it.
    Conflict,
    /// 409: `If-Match` names another version than the present one.
    StaleVersion,
    /// 413: larger than is taken.
    TooLarge,
    /// 415: another content type is wanted.
    UnsupportedMediaType,
    /// 422: it can be read and is wrong; `problems` has everything that is.
    Invalid,
    /// 429: too many at a time; `Retry-After` says when to try again.
    TooMany,
    /// 503: a limit of the host is reached: runs, users, memory, disk.
    Capacity,
    /// 500: a fault of the host, told in its log.
    Internal,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Malformed,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Conflict,
        Self::StaleVersion,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::TooMany,
        Self::Capacity,
        Self::Internal,
    ];

    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict | Self::StaleVersion => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Capacity => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of every answer that is a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs: stable.
    pub code: Code,
    /// For people: not to be parsed.
    pub message: String,
    /// What to do instead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub remedy: Option<String>,
    /// With `invalid`: everything that is wrong, at once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub problems: Vec<FieldProblem>,
}

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// The field: `users`, `scenarios.chat.rate`.
    pub field: String,
    /// What was sent; empty if nothing was, or if it is a secret.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// What to send instead.
    pub remedy: String,
}

impl From<Problem> for FieldProblem {
    fn from(problem: Problem) -> Self {
        Self {
            field: problem.field,
            value: problem.value,
            message: problem.message,
            remedy: problem.remedy,
        }
    }
}

/// A refusal on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    detail: ErrorDetail,
    retry_after_secs: Option<u32>,
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// One of this code. Prefer the constructors below.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            detail: ErrorDetail {
                code,
                message: message.into(),
                remedy: None,
                problems: Vec::new(),
            },
            retry_after_secs: None,
        }))
    }

    /// With what to do instead.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.detail.remedy = Some(remedy.into());
        self
    }

    /// What was sent cannot be read.
    #[must_use]
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(Code::Malformed, message)
    }

    /// There is no `what` of this name or id.
    #[must_use]
    pub fn not_found(what: &str, name: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {what} {name:?}"))
    }

    /// The state forbids it.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// `If-Match` names `wanted`; the thing is at `present`.
    #[must_use]
    pub fn stale(wanted: &str, present: &str) -> Self {
        let message = format!("If-Match names {wanted:?}, and the present version is {present:?}");
        Self::new(Code::StaleVersion, message)
            .remedy("read it again, see whether the change still makes sense, and send it with the new ETag")
    }

    /// Everything that is wrong with what was sent: at least one thing.
    #[must_use]
    pub fn invalid(problems: Vec<Problem>) -> Self {
        let message = match problems.as_slice() {
            [only] => format!("{}: {}", only.field, only.message),
            several => format!("{} things are wrong with what was sent", several.len()),
        };
        let mut error = Self::new(Code::Invalid, message);
        if let [only] = problems.as_slice() {
            error = error.remedy(only.remedy.clone());
        }
        error.0.detail.problems = problems.into_iter().map(FieldProblem::from).collect();
        error
    }

    /// One thing that is wrong with what was sent.
    #[must_use]
    pub fn invalid_field(
        field: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::invalid(vec![Problem::new(field, value, message, remedy)])
    }

    /// Larger than `limit_bytes`.
    #[must_use]
    pub fn too_large(what: &str, limit_bytes: u64) -> Self {
        Self::new(
            Code::TooLarge,
            format!("{what} is larger than {limit_bytes} bytes, which is the limit"),
        )
    }

    /// Too many at a time: try again in so many seconds.
    #[must_use]
    pub fn too_many(message: impl Into<String>, retry_after_secs: u32) -> Self {
        let mut error = Self::new(Code::TooMany, message);
        error.0.retry_after_secs = Some(retry_after_secs);
        error
    }

    /// A limit of the host is reached: the message says which, its value, and how much is taken.
    #[must_use]
    pub fn capacity(message: impl Into<String>) -> Self {
        Self::new(Code::Capacity, message)
    }

    /// A fault of the host: `reason` goes to the log, not to the caller.
    #[must_use]
    pub fn internal(reason: impl fmt::Display) -> Self {
        tracing::error!("a call failed: {reason}");
        Self::new(Code::Internal, "the host failed; its log says why")
    }

    /// What went wrong, for programs.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.detail.code
    }

    /// All that the caller is told.
    #[must_use]
    pub fn detail(&self) -> &ErrorDetail {
        &self.0.detail
    }
}

impl From<Vec<Problem>> for ApiError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::invalid(problems)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.detail.message)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts {
            detail,
            retry_after_secs,
        } = *self.0;
        let code = detail.code;
        let body = axum::Json(ErrorBody { error: detail });
        let mut response = (code.status(), body).into_response();
        let headers = response.headers_mut();
        if code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(secs) = retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
