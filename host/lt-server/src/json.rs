//! What handlers take in, with refusals in our shape: bodies, paths, queries, and `If-Match`.

use axum::body::HttpBody;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use lt_spec::limits::API_BODY_BYTES_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::Incoming;
use crate::error::{ApiError, Code};

/// A JSON body, in or out. What comes in must say that it is JSON: a form of another site cannot.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(unsupported("application/json"));
        }
        let body = Incoming::new(request.into_body(), API_BODY_BYTES_MAX, "the body");
        let body = body.all().await?;
        // Our JSON reader would take a list for an object, its items for the fields in their order.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(ApiError::malformed(
                "the body is a list, and an object is expected",
            ));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let message = format!("the body is not the JSON that is expected: {error}");
            ApiError::malformed(message).remedy("/api-docs shows what each call takes")
        })
    }
}

/// A body that may be left out: then it is empty, and its type is JSON or not told.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, ApiError> {
        let kind = media_type(request.headers());
        let may_be_none = kind.is_none_or(|kind| kind == "application/json");
        if may_be_none && request.body().size_hint().exact() == Some(0) {
            return Ok(None);
        }
        let given = <Self as FromRequest<S>>::from_request(request, state).await;
        given.map(Some)
    }
}

/// The media type of a request's body in small letters, without parameters; none if it has none.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let bare = text.split(';').next().unwrap_or(text);
    Some(bare.trim().to_ascii_lowercase())
}

/// Another content type is wanted.
#[must_use]
pub fn unsupported(wanted: &str) -> ApiError {
    ApiError::new(
        Code::UnsupportedMediaType,
        "the body is of a content type that this call does not take",
    )
    .remedy(format!("send it with Content-Type: {wanted}"))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Parts of the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::malformed(rejection.body_text())),
        }
    }
}

/// What stands behind the `?`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::malformed(rejection.body_text())),
        }
    }
}

/// The `If-Match` of a call that changes something: the version that the caller has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<String>);

impl IfMatch {
    /// Refuse a caller that has seen another version than the present one. No header, or `*`, is content with any.
    ///
    /// # Errors
    /// `stale_version`.
    pub fn check(&self, present: &str) -> Result<(), ApiError> {
        match &self.0 {
            Some(wanted) if wanted != "*" && !wanted.split(',').any(|tag| bare(tag) == present) => {
                Err(ApiError::stale(wanted, present))
            }
            _ => Ok(()),
        }
    }

    /// Whether the caller named a version.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.0.is_some()
    }

    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        let text = value.to_str();
        let text = text.map_err(|_| ApiError::malformed("If-Match is not ASCII text"))?;
        Ok(Self(Some(text.trim().to_owned())))
    }
}

/// A tag without its quotes.
fn bare(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .unwrap_or(tag)
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::HeaderValue;

    fn matching(value: &'static str) -> IfMatch {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
        IfMatch::of(&headers).unwrap()
    }

    #[test]
    fn a_change_is_made_only_to_the_version_that_was_seen() {
        for seen in ["\"7\"", "7", "W/\"7\"", "\"6\", \"7\"", "*"] {
            assert!(matching(seen).check("7").is_ok(), "{seen}");
        }
        let error = matching("\"6\"").check("7").unwrap_err();
        assert_eq!(error.code(), Code::StaleVersion);
        assert!(error.to_string().contains("\"7\""), "{error}");
        assert!(IfMatch::default().check("7").is_ok());
    }

    async fn take(content_type: Option<&'static str>, body: &'static str) -> Result<u32, Code> {
        let mut request = Request::new(Body::from(body));
        if let Some(value) = content_type {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        let taken = <Json<u32> as FromRequest<()>>::from_request(request, &()).await;
        taken.map(|Json(value)| value).map_err(|error| error.code())
    }

    #[tokio::test]
    async fn json_must_say_that_it_is_and_be_it() {
        assert_eq!(take(Some("application/json"), "7").await, Ok(7));
        assert_eq!(
            take(Some("Application/JSON; charset=utf-8"), "7").await,
            Ok(7)
        );
        for other in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
        ] {
            assert_eq!(
                take(other, "7").await,
                Err(Code::UnsupportedMediaType),
                "{other:?}"
            );
        }
        for wrong in ["", "{", "\"7\"", "-1", "7 8", " [7]"] {
            assert_eq!(
                take(Some("application/json"), wrong).await,
                Err(Code::Malformed),
                "{wrong:?}"
            );
        }
    }
}
