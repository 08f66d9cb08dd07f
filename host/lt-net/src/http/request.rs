//! A request as the guest states it, and its check: what passes here can be written to a connection as it is.

use std::time::Duration;

use ::http::Method;

use super::{Body, Reuse, VersionChoice};
use crate::error::NetError;

/// Statuses that count as expected unless a request says otherwise (k6's default `responseCallback`).
pub const EXPECTED_STATUSES: (u16, u16) = (200, 399);

/// What becomes of the response's body. It is read to its end and counted in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMode {
    /// Kept until the response is dropped.
    Keep,
    /// Thrown away as it arrives.
    Discard,
}

/// Choices of one request: `request-options` of `wit/http.wit`. Every `None` means the client's setting, else the default
/// stated there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// Time for the whole exchange, redirects included.
    pub timeout: Option<Duration>,
    /// Most redirects to follow; zero returns the first response.
    pub max_redirects: Option<u32>,
    /// What becomes of the body.
    pub response_body: Option<BodyMode>,
    /// Version to speak.
    pub version: Option<VersionChoice>,
    /// Connection use.
    pub reuse: Option<Reuse>,
    /// Wait for `100 Continue`, at most 1 s, before the body.
    pub expect_continue: Option<bool>,
    /// Ask for a compressed body, and undo the compression.
    pub decompress: Option<bool>,
    /// Status codes that count as expected, as inclusive ranges; empty means [`EXPECTED_STATUSES`].
    pub expected_statuses: Vec<(u16, u16)>,
    /// Value of the `name` tag. The client only carries it to the observer.
    pub name: Option<String>,
    /// Further tags of this request's samples. The client only carries them to the observer.
    pub tags: Vec<(String, String)>,
}

impl RequestOptions {
    /// Whether this status is one the request counts on.
    #[must_use]
    pub fn expects(&self, status: u16) -> bool {
        let within = |(first, last): &(u16, u16)| (*first..=*last).contains(&status);
        if self.expected_statuses.is_empty() {
            within(&EXPECTED_STATUSES)
        } else {
            self.expected_statuses.iter().any(within)
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method; `CONNECT` is refused, proxies are a setting of the client.
    pub method: Method,
    /// Absolute URL, `http` or `https`.
    pub url: String,
    /// Header fields in order. `host`, `user-agent`, `accept-encoding`, `content-length` and `cookie` given here replace what the
    /// client would send.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: Body,
    /// Choices.
    pub options: RequestOptions,
}

impl Request {
    /// A GET with every choice at its default.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            headers: Vec::new(),
            body: Body::None,
            options: RequestOptions::default(),
        }
    }

    /// Whether it can be sent as written. The URL is checked when it is parsed.
    ///
    /// # Errors
    /// `invalid-request`, naming the method or the header field.
    pub(crate) fn check(&self) -> Result<(), NetError> {
        if self.method == Method::CONNECT {
            return Err(NetError::InvalidRequest(
                "method CONNECT: use the client's proxy setting".to_owned(),
            ));
        }
        self.headers
            .iter()
            .try_for_each(|(name, value)| check_field(name, value))
    }
}

/// Read a method: any token (RFC 9110, section 9.1).
///
/// # Errors
/// `invalid-request`, if it is none.
pub fn parse_method(text: &str) -> Result<Method, NetError> {
    Method::from_bytes(text.as_bytes())
        .map_err(|_| NetError::InvalidRequest(format!("method {text:?} is not a token")))
}

fn check_field(name: &str, value: &[u8]) -> Result<(), NetError> {
    if !is_token(name) {
        return Err(NetError::InvalidRequest(format!(
            "header name {name:?} is not a token"
        )));
    }
    check_value(name, value)
}

/// Whether these bytes may be the value of a header field.
///
/// # Errors
/// `invalid-request`, naming the field.
pub(crate) fn check_value(name: &str, value: &[u8]) -> Result<(), NetError> {
    // RFC 9110, section 5.5: visible characters, spaces and tabs, and any byte above ASCII. A line break would begin another
    // field, or another request.
    let is_forbidden = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if let Some(byte) = value.iter().find(|byte| is_forbidden(byte)) {
        return Err(NetError::InvalidRequest(format!(
            "header {name:?}: the value has the forbidden byte {byte:#04x}"
        )));
    }
    Ok(())
}

/// Whether this is a token (RFC 9110, section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| IS_TOKEN[usize::from(byte)])
}

/// Which bytes a token may have (RFC 9110, section 5.6.2).
const IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut marks: &[u8] = b"!#$%&'*+-.^_`|~";
    while let [mark, rest @ ..] = marks {
        table[*mark as usize] = true;
        marks = rest;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(request: &Request, named: &str) {
        let error = request.check().unwrap_err();
        assert_eq!(error.code(), 1020);
        assert!(error.to_string().contains(named), "{error}");
    }

    #[test]
    fn a_header_that_would_break_the_head_is_refused_by_name() {
        for (name, value) in [
            ("", &b"x"[..]),
            ("x y", b"x"),
            ("x:", b"x"),
            ("x\r\ny", b"x"),
            ("naïve", b"x"),
            ("x-ok", b"a\r\nb: c"),
            ("x-ok", b"a\nb"),
            ("x-ok", b"\0"),
            ("x-ok", b"\x7f"),
        ] {
            let mut request = Request::get("http://h/");
            request.headers.push((name.to_owned(), value.to_vec()));
            refused(&request, &format!("{name:?}"));
        }
    }

    #[test]
    fn unusual_but_lawful_fields_pass() {
        let mut request = Request::get("http://h/");
        for (name, value) in [
            ("!#$%&'*+-.^_`|~09azAZ", &b"x"[..]),
            ("x", b""),
            ("x", b"tab\tand \xc3\xa9 \xff"),
        ] {
            request.headers.push((name.to_owned(), value.to_vec()));
        }
        assert_eq!(request.check(), Ok(()));
    }

    #[test]
    fn connect_and_broken_methods_are_refused() {
        let mut request = Request::get("http://h/");
        request.method = parse_method("CONNECT").unwrap();
        refused(&request, "CONNECT");
        assert_eq!(parse_method("PROPFIND").unwrap().as_str(), "PROPFIND");
        for bad in ["", "GET /", "G\r\n"] {
            assert_eq!(parse_method(bad).unwrap_err().code(), 1020, "{bad:?}");
        }
    }

    #[test]
    fn expected_statuses_are_inclusive_ranges() {
        let mut options = RequestOptions::default();
        assert_eq!(
            [199, 200, 399, 400].map(|status| options.expects(status)),
            [false, true, true, false]
        );
        options.expected_statuses = vec![(404, 404), (500, 503)];
        assert_eq!(
            [200, 404, 405, 500, 503, 504].map(|status| options.expects(status)),
            [false, true, false, true, true, false]
        );
    }
}
