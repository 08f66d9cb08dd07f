//! Where a redirect leads and what it changes (RFC 9110, section 15.4; the Fetch standard where it is silent).
//! Pure: the client does the sending.

use ::http::Method;

use super::Url;

/// Fields that describe a body: gone when the body is.
const BODY_FIELDS: [&str; 6] = [
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "content-location",
    "transfer-encoding",
];

/// Fields meant for one origin alone: a redirect elsewhere must not leak them.
const ORIGIN_FIELDS: [&str; 4] = ["authorization", "cookie", "host", "proxy-authorization"];

/// The next hop.
#[derive(Debug)]
pub(crate) struct Hop {
    /// Where to.
    pub(crate) url: Url,
    /// Whether the next request is a GET without a body, whatever this one was.
    pub(crate) becomes_get: bool,
    /// Whether scheme, host or port differ.
    pub(crate) leaves_origin: bool,
}

impl Hop {
    /// Whether a header field given by the guest goes along.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        !(self.becomes_get && is_one_of(&BODY_FIELDS)
            || self.leaves_origin && is_one_of(&ORIGIN_FIELDS))
    }
}

/// The hop that an answer asks for; none if it is no redirect, or one that cannot be followed (no `location`, or one that
/// is no `http` URL): then the answer itself is the result.
pub(crate) fn next_hop(
    status: u16,
    method: &Method,
    url: &Url,
    location: Option<&[u8]>,
) -> Option<Hop> {
    let becomes_get = match status {
        // Written for any method, but every browser turns POST into GET, and servers rely on it.
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        307 | 308 => false,
        _ => return None,
    };
    let location = location.filter(|location| !location.is_empty())?;
    let next = match std::str::from_utf8(location) {
        Ok(text) => url.join(text),
        // Old servers write Latin-1; each byte is its code point.
        Err(_) => url.join(
            &location
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>(),
        ),
    }
    .ok()?;
    let leaves_origin = !url.same_origin(&next);
    Some(Hop {
        url: next,
        becomes_get,
        leaves_origin,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(status: u16, method: &Method, location: &[u8]) -> Option<Hop> {
        let url = Url::parse("http://h.example:8080/a/b?q=1").unwrap();
        next_hop(status, method, &url, Some(location))
    }

    #[test]
    fn methods_change_as_the_status_says() {
        let put = Method::PUT;
        for (status, method, becomes_get) in [
            (301, Method::GET, false),
            (301, Method::POST, true),
            (302, Method::POST, true),
            (302, Method::HEAD, false),
            (302, put.clone(), false),
            (303, Method::POST, true),
            (303, put, true),
            (303, Method::HEAD, false),
            (307, Method::POST, false),
            (308, Method::POST, false),
        ] {
            let hop = hop(status, &method, b"/x").unwrap();
            assert_eq!(hop.becomes_get, becomes_get, "{status} {method}");
        }
    }

    #[test]
    fn other_statuses_and_bad_locations_are_not_followed() {
        for status in [200, 201, 300, 304, 305, 306, 399, 404] {
            assert!(hop(status, &Method::GET, b"/x").is_none(), "{status}");
        }
        for bad in [
            &b""[..],
            b"ftp://h/x",
            b"mailto:a@b",
            b"http://",
            b"http://h:99999/",
        ] {
            assert!(hop(302, &Method::GET, bad).is_none(), "{bad:?}");
        }
        let url = Url::parse("http://h/").unwrap();
        assert!(next_hop(302, &Method::GET, &url, None).is_none());
    }

    #[test]
    fn locations_are_resolved_against_the_url() {
        for (location, wanted) in [
            (&b"/x"[..], "http://h.example:8080/x"),
            (b"x", "http://h.example:8080/a/x"),
            (b"../x", "http://h.example:8080/x"),
            (b"?y", "http://h.example:8080/a/b?y"),
            (b"//other.example/x", "http://other.example/x"),
            (b"https://h.example/", "https://h.example/"),
            (b" /spaced out ", "http://h.example:8080/spaced%20out"),
            (b"/caf\xc3\xa9", "http://h.example:8080/caf%C3%A9"),
            (b"/caf\xe9", "http://h.example:8080/caf%C3%A9"),
        ] {
            assert_eq!(
                hop(302, &Method::GET, location).unwrap().url.as_str(),
                wanted
            );
        }
    }

    #[test]
    fn secrets_stay_at_their_origin() {
        let near = hop(302, &Method::GET, b"/x").unwrap();
        assert!(near.keeps("Authorization") && near.keeps("cookie") && near.keeps("host"));
        for far in [
            "http://h.example/x",
            "https://h.example:8080/x",
            "http://x.example:8080/",
        ] {
            let far = hop(302, &Method::GET, far.as_bytes()).unwrap();
            assert!(far.leaves_origin);
            assert!(!far.keeps("Authorization") && !far.keeps("Cookie") && !far.keeps("HOST"));
            assert!(far.keeps("accept") && far.keeps("content-type"));
        }
    }

    #[test]
    fn a_lost_body_takes_its_fields_along() {
        let get = hop(303, &Method::POST, b"/x").unwrap();
        assert!(!get.keeps("Content-Type") && !get.keeps("content-length") && get.keeps("x-token"));
        let same = hop(307, &Method::POST, b"/x").unwrap();
        assert!(same.keeps("Content-Type") && same.keeps("content-length"));
    }
}
