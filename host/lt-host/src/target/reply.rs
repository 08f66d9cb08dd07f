//! Building answers.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::body::Answer;

/// An answer under construction or done.
pub(super) type Reply = Response<Answer>;

/// Plain text.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    typed(
        status,
        HeaderValue::from_static("text/plain; charset=utf-8"),
        body.into(),
    )
}

/// A page.
pub(super) fn html(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    typed(
        status,
        HeaderValue::from_static("text/html; charset=utf-8"),
        body.into(),
    )
}

/// A JSON document.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => typed(
            status,
            HeaderValue::from_static("application/json"),
            body.into(),
        ),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// A redirect to a place that is a valid header value, else 400.
pub(super) fn redirect(status: StatusCode, location: &str) -> Reply {
    with(
        text(status, format!("{status}: {location}\n")),
        LOCATION,
        location,
    )
}

/// The request cannot be served as it is.
pub(super) fn bad_request(why: &str) -> Reply {
    text(StatusCode::BAD_REQUEST, format!("400: {why}\n"))
}

/// Nothing is here.
pub(super) fn not_found() -> Reply {
    text(StatusCode::NOT_FOUND, "404: no such route, / lists them\n")
}

/// The route has other methods.
pub(super) fn method_not_allowed(allowed: &'static str) -> Reply {
    let reply = text(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("405: this route takes {allowed}\n"),
    );
    with(reply, hyper::header::ALLOW, allowed)
}

/// The same with one more field; 400 if the value cannot be one.
pub(super) fn with(mut reply: Reply, name: HeaderName, value: &str) -> Reply {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            reply.headers_mut().append(name, value);
            reply
        }
        Err(_) => bad_request("a header cannot have this value"),
    }
}

fn typed(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut reply = Response::new(Answer::Whole(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}
