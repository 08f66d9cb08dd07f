//! URLs of RTMP servers: `rtmp://[user:password@]host[:port]/app[/instance][?query]`.
//!
//! Unlike ffmpeg's and librtmp's, they name no stream: all of the path is the application, as in the setting "server" of OBS. The query goes
//! with it, where nginx-rtmp (`ngx_rtmp_cmd_connect_init` takes it off the application as `args`), SRS and Wowza look for it.

use crate::dial::host::Host;
use crate::error::NetError;
use crate::http::url::percent_decode;

/// Port of `rtmp`, as registered with IANA (`macromedia-fcs`).
const PORT: u16 = 1935;
/// Port of `rtmps`: that of `https`, as ffmpeg and librtmp have it.
const TLS_PORT: u16 = 443;

/// Most characters of a URL that an error repeats.
const SHOWN_CHARS_MAX: usize = 200;

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RtmpUrl {
    /// `rtmps`.
    pub(super) tls: bool,
    /// Name or address, as other URLs have it.
    pub(super) host: String,
    pub(super) port: u16,
    /// The path without its first and last slash, and the query, as they were written.
    pub(super) app: String,
    /// Name and password, decoded.
    pub(super) credentials: Option<(String, String)>,
}

impl RtmpUrl {
    /// Parse an absolute URL.
    ///
    /// # Errors
    /// `InvalidRequest` that says what is wrong, without the password.
    pub(super) fn parse(text: &str) -> Result<Self, NetError> {
        let parts = Parts::of(text).map_err(|why| invalid(text, &why))?;
        let tls = match parts.scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            other => {
                let why = format!("scheme `{other}` is not rtmp or rtmps");
                return Err(invalid(text, &why));
            }
        };
        let (host, port) = parts.host_and_port().map_err(|why| invalid(text, &why))?;
        Ok(Self {
            tls,
            host,
            port: port.unwrap_or(if tls { TLS_PORT } else { PORT }),
            app: application(parts.path, parts.query),
            credentials: parts.credentials(),
        })
    }

    /// What is given as `tcUrl`: with the port, also where it is the scheme's own, as ffmpeg and librtmp give it.
    pub(super) fn tc_url(&self, app: &str) -> String {
        let scheme = if self.tls { "rtmps" } else { "rtmp" };
        format!("{scheme}://{}:{}/{app}", self.host, self.port)
    }
}

/// What stands for a URL where it is to be told from others: host and path, without credentials and query. Works for `http` URLs too. Empty
/// for what is no URL.
#[must_use]
pub fn default_name(url: &str) -> String {
    let name = |parts: Parts<'_>| {
        let (host, _) = parts.host_and_port().ok()?;
        let path = application(parts.path, None);
        Some(if path.is_empty() {
            host
        } else {
            format!("{host}/{path}")
        })
    };
    Parts::of(url).ok().and_then(name).unwrap_or_default()
}

/// The parts of a URL as they are written.
struct Parts<'a> {
    scheme: &'a str,
    user_info: Option<&'a str>,
    /// Host and port.
    place: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, String> {
        // Also what librtmp takes for options (`rtmp://host/app playpath=x`) and would reach the server as part of a name.
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err("it contains a space or a control character".to_owned());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("it has no scheme: give one as rtmp://host/app".to_owned());
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let (user_info, place) = match authority.rsplit_once('@') {
            Some((user_info, place)) => (Some(user_info), place),
            None => (None, authority),
        };
        Ok(Self {
            scheme,
            user_info,
            place,
            path,
            query,
        })
    }

    fn host_and_port(&self) -> Result<(String, Option<u16>), String> {
        let (host, port) = match self.place.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
            _ => (self.place, ""),
        };
        let port = match port {
            "" => None,
            text => match text.parse::<u16>() {
                Ok(port) if port != 0 => Some(port),
                _ => return Err(format!("`{text}` is no port")),
            },
        };
        if host.contains(':') && !host.starts_with('[') {
            return Err(format!("`{host}` is no host"));
        }
        let host = Host::parse(host).map_err(|_| format!("`{host}` is no host"))?;
        Ok((host.name, port))
    }

    fn credentials(&self) -> Option<(String, String)> {
        let (user, password) = self.user_info?.split_once(':')?;
        let decode =
            |part: &str| String::from_utf8_lossy(&percent_decode(part.as_bytes())).into_owned();
        Some((decode(user), decode(password)))
    }
}

/// The path between its slashes, and the query. A slash at the end is nobody's instance: OBS leaves it out as well.
fn application(path: &str, query: Option<&str>) -> String {
    let path = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/');
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

fn invalid(text: &str, why: &str) -> NetError {
    NetError::InvalidRequest(format!("url `{}`: {why}", without_credentials(text)))
}

/// A URL for people: secrets do not belong into logs.
fn without_credentials(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let path = target.split('?').next().unwrap_or_default();
    let shown = match authority.rsplit_once('@') {
        Some((_, place)) => format!("{place}{path}"),
        // A password that holds what ends an authority: nobody can tell where it ends.
        None if rest.contains('@') => "…".to_owned(),
        None => format!("{authority}{path}"),
    };
    let shown: String = shown.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{scheme}{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, tls, host, port, app) in [
            ("rtmp://h/live", false, "h", 1935, "live"),
            ("RTMPS://Example.ORG/live", true, "example.org", 443, "live"),
            ("rtmps://h:1936/live", true, "h", 1936, "live"),
            (
                "rtmp://h:81/live/_definst_",
                false,
                "h",
                81,
                "live/_definst_",
            ),
            (
                "rtmp://h/a/b/?token=x/y@z:1&q",
                false,
                "h",
                1935,
                "a/b?token=x/y@z:1&q",
            ),
            ("rtmp://h?vhost=v", false, "h", 1935, "?vhost=v"),
            ("rtmp://[::1]:81/a%20b", false, "[::1]", 81, "a%20b"),
            ("rtmp://[::1]/a", false, "[::1]", 1935, "a"),
            ("rtmp://127.0.0.1:1/a#top", false, "127.0.0.1", 1, "a"),
            ("rtmp://h", false, "h", 1935, ""),
            ("rtmp://h:/", false, "h", 1935, ""),
        ] {
            let wanted = RtmpUrl {
                tls,
                host: host.to_owned(),
                port,
                app: app.to_owned(),
                credentials: None,
            };
            assert_eq!(RtmpUrl::parse(text).as_ref(), Ok(&wanted), "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_taken_out() {
        let url = RtmpUrl::parse("rtmp://al%20ice:p%40s:s@h:81/live").unwrap();
        let wanted = ("al ice".to_owned(), "p@s:s".to_owned());
        assert_eq!(url.credentials, Some(wanted));
        assert_eq!(url.tc_url(&url.app), "rtmp://h:81/live");
        let at = RtmpUrl::parse("rtmp://u:p@ss@h/live").unwrap();
        assert_eq!(at.credentials, Some(("u".to_owned(), "p@ss".to_owned())));
        // A name alone is nobody who could prove anything.
        assert_eq!(RtmpUrl::parse("rtmp://u@h/live").unwrap().credentials, None);
    }

    #[test]
    fn the_port_is_always_in_tc_url() {
        let of = |text: &str| {
            let url = RtmpUrl::parse(text).unwrap();
            url.tc_url(&url.app)
        };
        assert_eq!(of("rtmp://h/live?k=v"), "rtmp://h:1935/live?k=v");
        assert_eq!(of("rtmps://[::1]/a/b"), "rtmps://[::1]:443/a/b");
    }

    #[test]
    fn what_is_no_rtmp_url_is_refused_without_its_secrets() {
        for bad in [
            "",
            "h/live",
            "http://h/live",
            "rtmpt://h/live",
            "rtmpe://h/live",
            "rtmp://",
            "rtmp:///live",
            "rtmp://h:0/live",
            "rtmp://h:99999/live",
            "rtmp://h:x/live",
            "rtmp://::1/live",
            "rtmp://a b/live",
            "rtmp://h/live playpath=x",
            "rtmp://h/li\nve",
            "rtmp://me:secret@/live?key=secret",
            "rtmp://me:secret@h:x/live?key=secret",
            "rtmp://me:secr?et/secret@h:x/live",
        ] {
            let error = RtmpUrl::parse(bad).unwrap_err();
            assert_eq!(error.kind(), "invalid-request", "{bad}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn names_have_neither_secrets_nor_queries() {
        for (url, name) in [
            ("rtmp://u:p@Host:81/live/x/?key=1", "host/live/x"),
            ("rtmps://h", "h"),
            ("http://u:p@h:80/a/b.flv?token=1#x", "h/a/b.flv"),
            ("rtmp://h:x/live", ""),
            ("nothing", ""),
        ] {
            assert_eq!(default_name(url), name, "{url}");
        }
    }
}
