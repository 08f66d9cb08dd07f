//! A request written as bytes, without I/O.

use super::chunk::{CHUNK_BYTES_MAX, LAST_CHUNK, encode_chunk};
use crate::dial::proxy::Proxy;
use crate::http::{Body, Exchange, Reuse, Scheme};

/// Bodies up to this size go out in one write with the head: a system call costs more than copying one TLS record.
pub(crate) const COALESCED_BODY_BYTES_MAX: usize = 16 << 10;

/// Append the head. Returns whether the connection has to be closed after the response.
///
/// Fields that the guest gave go out as given and in their order, after `host`. Only the framing is ours alone:
/// `transfer-encoding` is left out, and so is `content-length` for a chunked body, because both together are forbidden
/// (RFC 9112, section 6.2).
pub(crate) fn render_head(
    request: &Exchange<'_>,
    proxy: Option<&Proxy>,
    out: &mut Vec<u8>,
) -> bool {
    let given = Given::of(request);
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b' ');
    // To a proxy the target is the whole URL; through a tunnel the proxy is not seen (RFC 9112, section 3.2).
    let proxy = proxy.filter(|_| request.url.scheme() == Scheme::Http);
    let target = if proxy.is_some() {
        request.url.as_str()
    } else {
        request.url.path_and_query()
    };
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if !given.host {
        line(out, "host", request.url.authority().as_bytes());
    }
    for (name, value) in request.headers {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let ours = match name.len() {
            17 => is("transfer-encoding"),
            14 => matches!(request.body, Body::Chunked(_)) && is("content-length"),
            _ => false,
        };
        if !ours {
            line(out, name, value);
        }
    }
    if let Some(authorization) = request.url.authorization()
        && !given.authorization
    {
        line(out, "authorization", authorization.as_bytes());
    }
    if let Some(authorization) = proxy.and_then(Proxy::authorization)
        && !given.proxy_authorization
    {
        line(out, "proxy-authorization", authorization.as_bytes());
    }
    if request.expect_continue && !given.expect && !request.body.bytes().is_empty() {
        line(out, "expect", b"100-continue");
    }
    if request.reuse == Reuse::Close && !given.close {
        line(out, "connection", b"close");
    }
    render_framing(request, given.length != Length::Absent, out);
    out.extend_from_slice(b"\r\n");
    let honest = matches!(request.body, Body::Chunked(_))
        || given.length == Length::Absent
        || given.length == Length::Bytes(request.body.bytes().len() as u64);
    given.close || request.reuse == Reuse::Close || !honest
}

/// The field that says how the body ends, unless the guest said it.
fn render_framing(request: &Exchange<'_>, length_given: bool, out: &mut Vec<u8>) {
    match request.body {
        Body::Chunked(_) => line(out, "transfer-encoding", b"chunked"),
        _ if length_given => {}
        Body::Bytes(bytes) => length_line(out, bytes.len()),
        // A method that expects a body says that there is none (RFC 9110, section 8.6).
        Body::None if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") => {
            length_line(out, 0)
        }
        Body::None => {}
    }
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn length_line(out: &mut Vec<u8>, length: usize) {
    line(out, "content-length", length.to_string().as_bytes());
}

/// A `content-length` that the guest gave.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Length {
    #[default]
    Absent,
    /// Not a number, or several: it goes out as it is, but the connection is not trusted afterwards.
    Odd,
    Bytes(u64),
}

impl Length {
    fn of(value: &[u8]) -> Self {
        let digits = value.trim_ascii();
        std::str::from_utf8(digits)
            .ok()
            // A sign, too, would be parsed.
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .map_or(Self::Odd, Self::Bytes)
    }
}

/// Which fields that we would add the guest gave itself.
#[derive(Default)]
struct Given {
    host: bool,
    authorization: bool,
    proxy_authorization: bool,
    expect: bool,
    close: bool,
    length: Length,
}

impl Given {
    fn of(request: &Exchange<'_>) -> Self {
        let mut given = Self::default();
        for (name, value) in request.headers {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            match name.len() {
                4 => given.host |= is("host"),
                6 => given.expect |= is("expect"),
                10 if is("connection") => {
                    given.close |= value
                        .split(|&byte| byte == b',')
                        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
                }
                13 => given.authorization |= is("authorization"),
                14 if is("content-length") => {
                    given.length = match given.length {
                        Length::Absent => Length::of(value),
                        Length::Odd | Length::Bytes(_) => Length::Odd,
                    };
                }
                19 => given.proxy_authorization |= is("proxy-authorization"),
                _ => {}
            }
        }
        given
    }
}

/// What is still to be written of a request. Large bodies are written from where they are; chunks are built one at a time.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    buffer: Vec<u8>,
    written: usize,
    body: &'a [u8],
    chunked: bool,
    last_chunk_due: bool,
}

impl<'a> Upload<'a> {
    /// After `head_rest`, this body.
    pub(crate) fn new(head_rest: Vec<u8>, body: &'a Body) -> Self {
        let chunked = matches!(body, Body::Chunked(_));
        Self {
            buffer: head_rest,
            written: 0,
            body: body.bytes(),
            chunked,
            last_chunk_due: chunked,
        }
    }

    /// After bytes that hold everything.
    pub(crate) fn rest(bytes: Vec<u8>) -> Self {
        Self {
            buffer: bytes,
            written: 0,
            body: &[],
            chunked: false,
            last_chunk_due: false,
        }
    }

    /// What to write next; empty when all is written.
    pub(crate) fn next(&mut self) -> &[u8] {
        if self.written < self.buffer.len() {
            return &self.buffer[self.written..];
        }
        if !self.chunked {
            return self.body;
        }
        self.buffer.clear();
        self.written = 0;
        if self.body.is_empty() {
            if std::mem::take(&mut self.last_chunk_due) {
                self.buffer.extend_from_slice(LAST_CHUNK);
            }
        } else {
            let (chunk, rest) = self.body.split_at(self.body.len().min(CHUNK_BYTES_MAX));
            encode_chunk(chunk, &mut self.buffer);
            self.body = rest;
        }
        &self.buffer
    }

    /// This much of it was written.
    pub(crate) fn advance(&mut self, length: usize) {
        if self.written < self.buffer.len() {
            self.written += length;
        } else {
            self.body = &self.body[length..];
        }
    }

    /// Whether the head, or what else stood in front of the body, is written.
    pub(crate) fn at_body(&self) -> bool {
        self.written >= self.buffer.len()
    }
}

/// Append the body, if it is small enough to go out with the head. Returns whether it is.
pub(crate) fn render_small_body(body: &Body, out: &mut Vec<u8>) -> bool {
    let bytes = body.bytes();
    if bytes.len() > COALESCED_BODY_BYTES_MAX {
        return false;
    }
    if matches!(body, Body::Chunked(_)) {
        encode_chunk(bytes, out);
        out.extend_from_slice(LAST_CHUNK);
    } else {
        out.extend_from_slice(bytes);
    }
    true
}

#[cfg(test)]
mod tests {
    use ::http::Method;
    use bytes::Bytes;

    use super::*;
    use crate::http::{Url, VersionChoice};

    struct Case {
        method: Method,
        url: &'static str,
        headers: Vec<(&'static str, &'static [u8])>,
        body: Body,
        reuse: Reuse,
        proxy: Option<Proxy>,
        expect_continue: bool,
    }

    fn case(method: Method, url: &'static str) -> Case {
        Case {
            method,
            url,
            headers: Vec::new(),
            body: Body::None,
            reuse: Reuse::Keep,
            proxy: None,
            expect_continue: false,
        }
    }

    #[track_caller]
    fn check(case: &Case, wanted: &str, wanted_close: bool) {
        let url = Url::parse(case.url).unwrap();
        let request = Exchange {
            method: &case.method,
            url: &url,
            headers: &case.headers,
            body: &case.body,
            version: VersionChoice::Automatic,
            reuse: case.reuse,
            expect_continue: case.expect_continue,
            keep_body: true,
            body_bytes_max: 0,
            deadline: tokio::time::Instant::now(),
        };
        let mut out = Vec::new();
        let close = render_head(&request, case.proxy.as_ref(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap().replace("\r\n", "|"), wanted);
        assert_eq!(close, wanted_close);
    }

    #[test]
    fn a_plain_get() {
        check(
            &case(Method::GET, "http://h:81/a?b#c"),
            "GET /a?b HTTP/1.1|host: h:81||",
            false,
        );
    }

    #[test]
    fn given_fields_replace_ours_and_keep_their_order() {
        let mut get = case(Method::GET, "http://user:pw@h/");
        get.headers = vec![
            ("B", b"2"),
            ("Host", b"other"),
            ("Authorization", b"mine"),
            ("Transfer-Encoding", b"chunked"),
        ];
        check(
            &get,
            "GET / HTTP/1.1|B: 2|Host: other|Authorization: mine||",
            false,
        );
        get.headers.clear();
        check(
            &get,
            "GET / HTTP/1.1|host: h|authorization: Basic dXNlcjpwdw==||",
            false,
        );
    }

    #[test]
    fn bodies_are_framed() {
        let mut post = case(Method::POST, "http://h/");
        check(&post, "POST / HTTP/1.1|host: h|content-length: 0||", false);
        post.body = Body::Bytes(Bytes::from_static(b"hello"));
        check(&post, "POST / HTTP/1.1|host: h|content-length: 5||", false);
        post.headers = vec![("Content-Length", b"5")];
        check(&post, "POST / HTTP/1.1|host: h|Content-Length: 5||", false);
        post.headers = vec![("Content-Length", b"7")];
        check(&post, "POST / HTTP/1.1|host: h|Content-Length: 7||", true);
        post.headers = vec![("Content-Length", b"+5")];
        check(&post, "POST / HTTP/1.1|host: h|Content-Length: +5||", true);
        post.headers = vec![("Content-Length", b"7"), ("content-length", b"5")];
        check(
            &post,
            "POST / HTTP/1.1|host: h|Content-Length: 7|content-length: 5||",
            true,
        );
        post.body = Body::Chunked(Bytes::from_static(b"hello"));
        check(
            &post,
            "POST / HTTP/1.1|host: h|transfer-encoding: chunked||",
            false,
        );
    }

    #[test]
    fn closing_and_expecting_are_said() {
        let mut post = case(Method::POST, "http://h/");
        post.body = Body::Bytes(Bytes::from_static(b"x"));
        post.expect_continue = true;
        check(
            &post,
            "POST / HTTP/1.1|host: h|expect: 100-continue|content-length: 1||",
            false,
        );
        let mut get = case(Method::GET, "http://h/");
        get.expect_continue = true;
        get.reuse = Reuse::Close;
        check(&get, "GET / HTTP/1.1|host: h|connection: close||", true);
        get.reuse = Reuse::Keep;
        get.headers = vec![("connection", b"te, close")];
        check(&get, "GET / HTTP/1.1|host: h|connection: te, close||", true);
    }

    #[test]
    fn a_proxy_gets_the_whole_url() {
        let mut get = case(Method::GET, "http://h:81/a#f");
        get.proxy = Proxy::parse("http://u:p@proxy:3128").unwrap();
        check(
            &get,
            "GET http://h:81/a HTTP/1.1|host: h:81|proxy-authorization: Basic dTpw||",
            false,
        );
        get.url = "https://h/a";
        check(&get, "GET /a HTTP/1.1|host: h||", false);
    }

    #[test]
    fn uploads_are_written_piece_by_piece() {
        let data: Vec<u8> = (0..=255)
            .cycle()
            .take(COALESCED_BODY_BYTES_MAX * 2 + 5)
            .collect();
        for (body, wanted) in [
            (
                Body::Bytes(data.clone().into()),
                [b"head".as_slice(), &data].concat(),
            ),
            (Body::Chunked(data.clone().into()), {
                let mut wanted = b"head".to_vec();
                data.chunks(CHUNK_BYTES_MAX)
                    .for_each(|chunk| encode_chunk(chunk, &mut wanted));
                wanted.extend_from_slice(LAST_CHUNK);
                wanted
            }),
        ] {
            for step in [1000, usize::MAX] {
                let mut upload = Upload::new(b"head".to_vec(), &body);
                let mut written = Vec::new();
                while let length @ 1.. = upload.next().len().min(step) {
                    written.extend_from_slice(&upload.next()[..length]);
                    upload.advance(length);
                }
                assert_eq!(written, wanted);
            }
            assert!(!render_small_body(&body, &mut Vec::new()));
        }
        let mut small = Vec::new();
        assert!(render_small_body(
            &Body::Chunked(Bytes::from_static(b"hi")),
            &mut small
        ));
        assert_eq!(small, b"2\r\nhi\r\n0\r\n\r\n");
    }
}
