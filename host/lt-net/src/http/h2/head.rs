//! A request's head as HTTP/2 has it.

use ::http::{HeaderName, HeaderValue, Request, header};

use crate::error::NetError;
use crate::http::{Body, Exchange};

/// The request's head. Fields that only make sense in HTTP/1.1 are left out (RFC 9113, section 8.2.2): the guest does not know
/// which version is spoken.
pub(super) fn of(request: &Exchange<'_>) -> Result<Request<()>, NetError> {
    let url = request.url;
    let invalid = |what: &str| NetError::InvalidRequest(what.to_owned());
    let given = |name: &str| {
        request
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    let authority = match given("host") {
        Some((_, value)) => std::str::from_utf8(value).map_err(|_| invalid("header `host`"))?,
        None => url.authority(),
    };
    let uri = ::http::Uri::builder()
        .scheme(url.scheme().as_str())
        .authority(authority)
        .path_and_query(url.path_and_query())
        .build()
        .map_err(|error| NetError::InvalidRequest(format!("url: {error}")))?;
    let mut head = Request::new(());
    *head.method_mut() = request.method.clone();
    *head.uri_mut() = uri;
    *head.version_mut() = ::http::Version::HTTP_2;
    let fields = head.headers_mut();
    for (name, value) in request.headers {
        if is_of_http1(name, value)
            || (matches!(request.body, Body::Chunked(_))
                && name.eq_ignore_ascii_case("content-length"))
        {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(&format!("header `{name}`")))?;
        let value =
            HeaderValue::from_bytes(value).map_err(|_| invalid(&format!("header `{name}`")))?;
        fields.append(name, value);
    }
    if let Some(authorization) = url.authorization() {
        let value = HeaderValue::from_str(authorization).map_err(|_| invalid("user in the url"))?;
        fields.entry(header::AUTHORIZATION).or_insert(value);
    }
    if request.expect_continue && !request.body.bytes().is_empty() {
        fields
            .entry(header::EXPECT)
            .or_insert(HeaderValue::from_static("100-continue"));
    }
    let expects_body = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    match request.body {
        Body::Bytes(bytes) => {
            fields
                .entry(header::CONTENT_LENGTH)
                .or_insert(HeaderValue::from(bytes.len()));
        }
        Body::None if expects_body => {
            fields
                .entry(header::CONTENT_LENGTH)
                .or_insert(HeaderValue::from_static("0"));
        }
        Body::None | Body::Chunked(_) => {}
    }
    Ok(head)
}

fn is_of_http1(name: &str, value: &[u8]) -> bool {
    [
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "transfer-encoding",
        "upgrade",
    ]
    .iter()
    .any(|other| name.eq_ignore_ascii_case(other))
        || (name.eq_ignore_ascii_case("te") && !value.eq_ignore_ascii_case(b"trailers"))
}
