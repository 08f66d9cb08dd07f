//! A URL, parsed once and cheap to clone.

use std::net::IpAddr;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::error::NetError;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As written in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL that names none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What to do about a URL that is none of ours. WebSockets' become `http` and `https` ones before they are parsed, so it names both.
const ABSOLUTE: &str =
    "give an absolute URL, such as http://host/path, or ws://host/path for a WebSocket";

/// An absolute `http` or `https` URL, with what the transport needs taken apart. Cloning counts a reference.
#[derive(Clone, Debug)]
pub struct Url(Rc<Parts>);

#[derive(Debug)]
struct Parts {
    /// Without user, password and fragment.
    url: url::Url,
    scheme: Scheme,
    host: String,
    ip: Option<IpAddr>,
    port: u16,
    authority: String,
    authorization: Option<String>,
    fragment: Option<String>,
}

impl Url {
    /// Parse as browsers do (WHATWG), names by IDNA. A user and password become basic authorization, as in k6; the fragment
    /// is set aside.
    ///
    /// # Errors
    /// `invalid-request`, if it is not an absolute `http` or `https` URL with a host.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        let url = url::Url::parse(text).map_err(|error| {
            let why = match error {
                url::ParseError::RelativeUrlWithoutBase => format!("it has no scheme: {ABSOLUTE}"),
                error => error.to_string(),
            };
            NetError::InvalidRequest(format!("url `{text}`: {why}"))
        })?;
        Self::from_parsed(url)
    }

    /// Resolve a reference, such as a `location` header, against this URL (RFC 3986, section 5).
    ///
    /// # Errors
    /// `invalid-request`, as in [`Url::parse`].
    pub fn join(&self, reference: &str) -> Result<Self, NetError> {
        let url = self
            .0
            .url
            .join(reference)
            .map_err(|error| NetError::InvalidRequest(format!("url `{reference}`: {error}")))?;
        Self::from_parsed(url)
    }

    fn from_parsed(mut url: url::Url) -> Result<Self, NetError> {
        let invalid = |why: &str| NetError::InvalidRequest(format!("url: {why}"));
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => {
                return Err(invalid(&format!(
                    "scheme `{other}` is not http or https, nor ws or wss for a WebSocket: {ABSOLUTE}"
                )));
            }
        };
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let decode = |part: &str| percent_decode(part.as_bytes());
            basic(
                &decode(url.username()),
                &decode(url.password().unwrap_or_default()),
            )
        });
        let fragment = url.fragment().map(str::to_owned);
        url.set_fragment(None);
        url.set_username("")
            .and_then(|()| url.set_password(None))
            .map_err(|()| invalid("no host"))?;
        let (host, ip) = match url.host() {
            Some(url::Host::Domain(name)) if !name.is_empty() => (name.to_owned(), None),
            Some(url::Host::Ipv4(ip)) => (ip.to_string(), Some(IpAddr::V4(ip))),
            Some(url::Host::Ipv6(ip)) => (format!("[{ip}]"), Some(IpAddr::V6(ip))),
            _ => return Err(invalid("no host")),
        };
        let port = url.port_or_known_default().unwrap_or(scheme.default_port());
        let authority = if port == scheme.default_port() {
            host.clone()
        } else {
            format!("{host}:{port}")
        };
        Ok(Self(Rc::new(Parts {
            url,
            scheme,
            host,
            ip,
            port,
            authority,
            authorization,
            fragment,
        })))
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// Name or address; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The address, if the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.ip
    }

    /// The port, also when the URL does not name it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Text of the `host` header: the port only when it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    /// What follows the authority: the request target in origin-form (RFC 9112, section 3.2.1).
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.0.url[url::Position::BeforePath..]
    }

    /// The whole URL without user, password and fragment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.url.as_str()
    }

    /// The URL of the `url` crate, for those who need more of it (cookies).
    #[must_use]
    pub fn as_url(&self) -> &url::Url {
        &self.0.url
    }

    /// What stood after `#`: a redirect without one inherits it (RFC 9110, section 10.2.2).
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        self.0.fragment.as_deref()
    }

    /// Value of `authorization`, if the URL had a user or password.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.0.authorization.as_deref()
    }

    /// Whether both have the same scheme, host and port (RFC 6454).
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
            || (self.0.port == other.0.port
                && self.0.scheme == other.0.scheme
                && self.0.host == other.0.host)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// `Basic …` for a user and password (RFC 7617).
pub(crate) fn basic(user: &[u8], password: &[u8]) -> String {
    let mut pair = user.to_vec();
    pair.push(b':');
    pair.extend_from_slice(password);
    format!("Basic {}", BASE64.encode(pair))
}

/// Undo `%41`; anything malformed stays as it is, as browsers do.
pub(crate) fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let byte = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| {
                let digit = |index: usize| char::from(digits[index]).to_digit(16);
                u8::try_from(digit(0)? * 16 + digit(1)?).ok()
            });
        decoded.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url() {
        let url = Url::parse("https://Example.COM:8443/a%20b/?q=1&r#top").unwrap();
        assert_eq!(url.scheme(), Scheme::Https);
        assert_eq!(
            (url.host(), url.port(), url.authority()),
            ("example.com", 8443, "example.com:8443")
        );
        assert_eq!(url.path_and_query(), "/a%20b/?q=1&r");
        assert_eq!(url.as_str(), "https://example.com:8443/a%20b/?q=1&r");
        assert_eq!(url.fragment(), Some("top"));
        assert_eq!(url.authorization(), None);
    }

    #[test]
    fn default_ports_are_left_out_of_the_authority() {
        assert_eq!(Url::parse("http://a:80").unwrap().authority(), "a");
        assert_eq!(Url::parse("https://a:443/").unwrap().authority(), "a");
        assert_eq!(Url::parse("https://a:80/").unwrap().authority(), "a:80");
        assert_eq!(Url::parse("http://a").unwrap().path_and_query(), "/");
        assert_eq!(Url::parse("http://a?x").unwrap().path_and_query(), "/?x");
    }

    #[test]
    fn addresses_and_international_names() {
        let v6 = Url::parse("http://[::1]:81/").unwrap();
        assert_eq!(
            (v6.host(), v6.authority(), v6.ip()),
            ("[::1]", "[::1]:81", Some("::1".parse().unwrap()))
        );
        let v4 = Url::parse("http://127.0.0.1/").unwrap();
        assert_eq!(v4.ip(), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(
            Url::parse("http://bücher.example/").unwrap().host(),
            "xn--bcher-kva.example"
        );
    }

    #[test]
    fn a_user_becomes_basic_authorization_and_is_not_shown() {
        let url = Url::parse("http://al%20ice:s%3Acret@h/x").unwrap();
        assert_eq!(url.authorization(), Some("Basic YWwgaWNlOnM6Y3JldA=="));
        assert_eq!(url.as_str(), "http://h/x");
        assert_eq!(percent_decode(b"%zz%4"), b"%zz%4");
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for bad in [
            "",
            "/relative",
            "ftp://h/",
            "http://",
            "http://h:99999/",
            "data:text/plain,x",
        ] {
            assert_eq!(Url::parse(bad).unwrap_err().code(), 1020, "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_says_how_it_should_be() {
        let text = |bad: &str| Url::parse(bad).unwrap_err().to_string();
        for bad in ["ftp://h/", "localhost:8080/ws", "h/path"] {
            assert!(
                text(bad).contains("such as http://host/path, or ws://"),
                "{bad}"
            );
        }
        assert!(text("ftp://h/").contains("scheme `ftp` is not http or https, nor ws or wss"));
        assert!(text("h/path").contains("url `h/path`: it has no scheme"));
    }

    #[test]
    fn references_are_resolved() {
        let base = Url::parse("http://h:81/a/b?c").unwrap();
        assert_eq!(base.join("../d").unwrap().as_str(), "http://h:81/d");
        assert_eq!(base.join("//other/x").unwrap().as_str(), "http://other/x");
        assert!(base.same_origin(&base.join("/z").unwrap()));
        assert!(!base.same_origin(&base.join("https://h:81/").unwrap()));
    }
}
