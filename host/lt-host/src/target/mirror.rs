//! Answers that show the request: `/headers`, `/echo`, `/cookies`, and `/cookies/set`.

use hyper::StatusCode;
use hyper::header::{COOKIE, HeaderMap, SET_COOKIE};
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::reply::{self, Reply};

/// `/headers`: the header fields, as a list of pairs in JSON, because names may come twice.
pub(super) fn headers(parts: &Parts) -> Reply {
    reply::json(
        StatusCode::OK,
        &json!({ "headers": fields(&parts.headers) }),
    )
}

/// `/echo`: the whole request. Bytes that are no text are replaced in `body`; `length` counts them all.
pub(super) fn echo(parts: &Parts, body: &[u8]) -> Reply {
    let echo = json!({
        "method": parts.method.as_str(),
        "target": parts.uri.path_and_query().map_or("/", |target| target.as_str()),
        "version": format!("{:?}", parts.version),
        "headers": fields(&parts.headers),
        "body": String::from_utf8_lossy(body),
        "length": body.len(),
    });
    reply::json(StatusCode::OK, &echo)
}

/// `/cookies`: the cookies that came with the request.
pub(super) fn cookies(parts: &Parts) -> Reply {
    let cookies: Map<String, Value> = sent_cookies(&parts.headers)
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    reply::json(StatusCode::OK, &json!({ "cookies": cookies }))
}

/// `/cookies/set?name=value&…`: sets these cookies and leads to `/cookies`.
pub(super) fn set_cookies(query: &str) -> Reply {
    let mut reply = reply::redirect(StatusCode::FOUND, "/cookies");
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !is_cookie(&name, &value) {
            return reply::bad_request(
                "a cookie's name is a token, and its value has no spaces, quotes, commas, semicolons",
            );
        }
        reply = reply::with(reply, SET_COOKIE, &format!("{name}={value}; Path=/"));
    }
    reply
}

/// The value of a cookie that came with the request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    sent_cookies(headers).find_map(|(found, value)| (found == name).then_some(value))
}

fn sent_cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// What RFC 6265, section 4.1.1 lets a server set.
fn is_cookie(name: &str, value: &str) -> bool {
    let is_octet = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
    let is_mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
        && value.bytes().all(is_octet)
}

fn fields(headers: &HeaderMap) -> Vec<(&str, std::borrow::Cow<'_, str>)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect()
}
