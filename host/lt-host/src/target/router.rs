//! From a path to its route.

use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::{Request, StatusCode};
use url::form_urlencoded;

use super::compressed::{self, Coding};
use super::reply::{self, Reply};
use super::{Shared, index, items, login, mirror, plain, plenary, streams, websocket};

/// Largest body that is looked at (`/echo`, forms, items).
pub(super) const READ_BODY_BYTES_MAX: usize = 1 << 20;

/// Answer one request. Any method will do where the route does not say otherwise.
pub(super) async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    let query = request.uri().query().unwrap_or_default();
    let (route, rest) = split(path);
    let reply = match (route, rest) {
        ("hello", None) => plain::hello(),
        ("", None) => index::page(),
        ("status", Some(code)) => plain::status(code),
        ("fail", Some(percent)) => plain::fail(percent),
        ("redirect", Some(count)) => plain::redirect(count),
        ("redirect-to", None) => plain::redirect_to(query),
        ("bytes", Some(count)) => streams::bytes(count),
        ("stream", Some(count)) => streams::stream(count),
        ("drip", None) => streams::drip(query),
        ("close", None) => streams::close(),
        ("cookies", Some("set")) => mirror::set_cookies(query),
        ("gzip", None) => compressed::answer(Coding::Gzip),
        ("deflate", None) => compressed::answer(Coding::Deflate),
        ("br", None) => compressed::answer(Coding::Brotli),
        ("zstd", None) => compressed::answer(Coding::Zstd),
        ("account", None) => login::account(shared, request.headers()),
        ("logout", None) => login::logout(shared, request.headers()),
        ("ws", Some(rest)) => websocket::answer(shared, &request, rest),
        ("event", Some(rest)) => plenary::event(shared, &request, rest),
        ("breakout", Some(rest)) => plenary::breakout(shared, &request, rest),
        // Boxed, because the state of every connection is as large as the largest route.
        ("delay", Some(ms)) => Box::pin(plain::delay(ms)).await,
        ("headers" | "echo" | "cookies" | "login" | "items" | "accounts", _) => {
            return Box::pin(answer_whole(shared, request)).await;
        }
        _ => reply::not_found(),
    };
    if !request.body().is_end_stream() {
        Box::pin(drain(request.into_body())).await;
    }
    reply
}

/// The routes that need the parts of the request, or its body.
async fn answer_whole(shared: &Shared, request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, READ_BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return reply::text(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("413: bodies up to {READ_BODY_BYTES_MAX} bytes\n"),
            );
        }
        Err(error) => return reply::bad_request(&format!("the body is broken: {error}")),
    };
    match split(parts.uri.path()) {
        ("headers", None) => mirror::headers(&parts),
        ("echo", None) => mirror::echo(&parts, &body),
        ("cookies", None) => mirror::cookies(&parts),
        ("login", None) => login::login(shared, &parts.method, &parts.headers, &body),
        ("accounts", Some(which)) => plenary::form(shared, &parts, which, &body),
        ("items", None) => items::all(shared, &parts.method, &body),
        ("items", Some(id)) => items::one(shared, &parts.method, id, &body),
        _ => reply::not_found(),
    }
}

/// The first value of a name in a query, or in a form.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find_map(|(found, value)| (found == name).then(|| value.into_owned()))
}

fn split(path: &str) -> (&str, Option<&str>) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/')
        .map_or((path, None), |(route, rest)| (route, Some(rest)))
}

/// Read a body to its end and forget it: a connection with an unread body could not be used again.
async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}
