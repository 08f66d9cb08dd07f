//! Against pages of other sites in a browser that can reach this host: names that are not ours (DNS rebinding), changes
//! asked for from elsewhere (cross-site request forgery), and answers read or framed elsewhere.
//!
//! The token alone would do against all of these; on loopback there need not be one, and then this is what stands between
//! a page of the internet and the tester's runs.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::AppState;
use crate::config::Config;
use crate::error::{ApiError, ApiResult, Code};

/// What browsers add to say from where a page asks.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// And whether it is a person who follows a link.
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Headers of every answer, unless its handler says otherwise: nothing is kept, guessed at, framed, or read by others.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Refuse what comes from other sites.
pub(crate) async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    match check(&app.config, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Put our headers on an answer.
pub(crate) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

fn check(config: &Config, request: &Request) -> ApiResult<()> {
    let host = called(request.headers(), request.uri())?;
    if !is_ours(config, host) {
        let message = format!("this host is not called {:?}", name_of(host));
        let remedy = "call it by its address or as localhost, or start it with --host-name NAME";
        return Err(ApiError::new(Code::Forbidden, message).remedy(remedy));
    }
    check_site(request.headers(), request.method(), host)
}

/// By which name, and port, we are called. HTTP/2 tells it in the URI, HTTP/1.1 in `Host`; both at once must agree.
fn called<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> ApiResult<&'a str> {
    let unnamed = || {
        ApiError::new(Code::Forbidden, "the request does not say whom it calls")
            .remedy("send one Host header")
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(unnamed());
    }
    let host = host
        .map(HeaderValue::to_str)
        .transpose()
        .map_err(|_| unnamed())?;
    let authority = uri.authority().map(axum::http::uri::Authority::as_str);
    match (host, authority) {
        (Some(host), Some(authority)) if host != authority => Err(unnamed()),
        (Some(name), _) | (None, Some(name)) => Ok(name),
        (None, None) => Err(unnamed()),
    }
}

/// A host without its port, and without the brackets of IPv6.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

/// Whether we may be called so. Rebinding needs a name whose address another can change: addresses are none, and names
/// are ours only if we were told. Ports do not matter: they are others behind a tunnel.
fn is_ours(config: &Config, host: &str) -> bool {
    let name = name_of(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let listening = config.listen.ip();
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address == listening || listening.is_unspecified(),
        Err(_) => config
            .host_names
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(name)),
    }
}

/// Refuse what a page of another site asks for. `Sec-Fetch-Site` is from the browser itself; `Origin` serves those that
/// do not send it. Programs send neither.
fn check_site(headers: &HeaderMap, method: &Method, host: &str) -> ApiResult<()> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let refused = |by: &str| {
        let message = format!("a page of another site asked for this ({by})");
        Err(ApiError::new(Code::Forbidden, message)
            .remedy("use the page that this host serves, or a program"))
    };
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    if let Some(site) = text(&SEC_FETCH_SITE) {
        let is_ours = matches!(site, "same-origin" | "none");
        let is_link = !changes && text(&SEC_FETCH_MODE) == Some("navigate");
        if !is_ours && !is_link {
            return refused("Sec-Fetch-Site");
        }
    }
    if let Some(origin) = text(&header::ORIGIN) {
        let ours = origin
            .strip_prefix("http://")
            .or(origin.strip_prefix("https://"));
        if changes && !ours.is_some_and(|ours| ours.eq_ignore_ascii_case(host)) {
            return refused("Origin");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::config;
    use axum::body::Body;

    fn asked(listen: &str, method: Method, headers: &[(&str, &str)]) -> ApiResult<()> {
        let mut config = config();
        config.listen = listen.parse().unwrap();
        config.host_names = vec!["load.example.com".to_owned()];
        let mut request = Request::builder().method(method).uri("/v1/runs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&config, &request.body(Body::empty()).unwrap())
    }

    #[test]
    fn it_answers_to_its_own_names_only() {
        let called = |listen, host| asked(listen, Method::GET, &[("host", host)]);
        for host in [
            "localhost",
            "LOCALHOST:7070",
            "localhost.:1",
            "127.0.0.1:7070",
            "[::1]:7070",
            "load.example.com",
            "Load.Example.com:443",
        ] {
            assert!(called("127.0.0.1:7070", host).is_ok(), "{host}");
        }
        for host in [
            "evil.example.com:7070",
            "127.0.0.1.nip.io",
            "10.0.0.1:7070",
            "",
            "localhost.evil.com",
            "xn--localhost",
            "load.example.com.evil.com",
            "[",
            "@localhost",
        ] {
            let error = called("127.0.0.1:7070", host).unwrap_err();
            assert_eq!(error.code(), Code::Forbidden, "{host}");
        }
        assert!(called("10.0.0.1:80", "10.0.0.1").is_ok());
        assert!(called("10.0.0.1:80", "10.0.0.2").is_err());
        assert!(called("0.0.0.0:80", "10.0.0.2").is_ok());
        assert!(called("0.0.0.0:80", "elsewhere").is_err());
        assert!(asked("127.0.0.1:1", Method::GET, &[]).is_err());
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert!(asked("127.0.0.1:1", Method::GET, &twice).is_err());
    }

    #[test]
    fn pages_of_other_sites_change_nothing_and_read_nothing() {
        let asked = |method: Method, name: &str, value: &str| {
            asked(
                "127.0.0.1:7070",
                method,
                &[("host", "localhost:7070"), (name, value)],
            )
        };
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "?"),
            ("origin", "null"),
            ("origin", "http://evil.example"),
            ("origin", "http://localhost:8080"),
            ("origin", "http://localhost:7070.evil.example"),
            ("origin", "ftp://localhost:7070"),
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(asked(method, name, value).is_err(), "{name}: {value}");
            }
        }
        assert!(asked(Method::POST, "sec-fetch-site", "same-origin").is_ok());
        assert!(asked(Method::POST, "sec-fetch-site", "none").is_ok());
        assert!(asked(Method::POST, "origin", "http://localhost:7070").is_ok());
        assert!(asked(Method::GET, "sec-fetch-site", "cross-site").is_err());
        assert!(asked(Method::GET, "origin", "http://evil.example").is_ok());
    }

    #[test]
    fn a_person_may_follow_a_link_to_us() {
        let headers = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert!(asked("127.0.0.1:1", Method::GET, &headers).is_ok());
        assert!(asked("127.0.0.1:1", Method::POST, &headers).is_err());
    }
}
