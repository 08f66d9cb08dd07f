//! The cookies of one user (RFC 6265), over the `cookie_store` crate with bounds of our own.
//!
//! A `Jar` is made with a user's first cookie, so users of an API without cookies pay nothing for it.

use cookie_store::{Cookie, CookieError, CookieStore, RawCookie};

use crate::error::NetError;

/// Longest `set-cookie` value that is taken: what RFC 6265 section 6.1 asks of a browser, and what Go's and Chrome's
/// servers and clients agree on. Longer ones are ignored, as browsers do.
pub const COOKIE_BYTES_MAX: usize = 4096;

/// Most cookies of one user. Six sites at the 50 a site that RFC 6265 section 6.1 asks for; a hostile server that sets a new
/// cookie with each answer costs at most 1.2 MB a user.
pub const COOKIES_PER_USER_MAX: usize = 300;

/// Why a cookie was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    TooLong,
    NotText,
    NotACookie,
    ForeignDomain,
    Full,
}

impl Refusal {
    fn text(self) -> &'static str {
        match self {
            Self::TooLong => "longer than 4096 bytes",
            Self::NotText => "has bytes that are not text",
            Self::NotACookie => "is not `name=value`",
            Self::ForeignDomain => "is for a domain that this URL may not set cookies for",
            Self::Full => "the user has 300 cookies already",
        }
    }
}

/// One user's cookies.
#[derive(Debug, Default)]
pub(crate) struct Jar {
    store: CookieStore,
}

impl Jar {
    /// Take the `set-cookie` value of an answer from `url`. What may not be stored is ignored, as RFC 6265 section 5.3 wants.
    pub(crate) fn receive(&mut self, url: &url::Url, set_cookie: &[u8]) {
        if let Err(refusal) = self.insert(url, set_cookie) {
            tracing::debug!(%url, reason = refusal.text(), "a cookie was ignored");
        }
    }

    /// Store what the guest says a server has set.
    ///
    /// # Errors
    /// `invalid-request`, if a server at `url` could not have set it.
    pub(crate) fn set(&mut self, url: &url::Url, set_cookie: &str) -> Result<(), NetError> {
        self.insert(url, set_cookie.as_bytes()).map_err(|refusal| {
            NetError::InvalidRequest(format!("cookie {set_cookie:?} {}", refusal.text()))
        })
    }

    /// Names and values that a request to `url` carries, longest path first (RFC 6265, section 5.4).
    pub(crate) fn matching(&self, url: &url::Url) -> Vec<(&str, &str)> {
        let mut cookies = self.store.matches(url);
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        cookies.iter().map(|cookie| cookie.name_value()).collect()
    }

    /// The value of the `cookie` header for `url`, if there is any cookie for it.
    pub(crate) fn header(&self, url: &url::Url) -> Option<String> {
        let cookies = self.matching(url);
        if cookies.is_empty() {
            return None;
        }
        let mut header =
            String::with_capacity(cookies.iter().map(|(n, v)| n.len() + v.len() + 3).sum());
        for (name, value) in cookies {
            if !header.is_empty() {
                header.push_str("; ");
            }
            header.push_str(name);
            header.push('=');
            header.push_str(value);
        }
        Some(header)
    }

    fn insert(&mut self, url: &url::Url, set_cookie: &[u8]) -> Result<(), Refusal> {
        if set_cookie.len() > COOKIE_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        // A line break here would be one in our own `cookie` header later.
        let text = std::str::from_utf8(set_cookie)
            .ok()
            .filter(|text| !text.chars().any(char::is_control))
            .ok_or(Refusal::NotText)?;
        let cookie = RawCookie::parse(text).map_err(|_| Refusal::NotACookie)?;
        if is_bare_label_of_another(&cookie, url) {
            return Err(Refusal::ForeignDomain);
        }
        let cookie = Cookie::try_from_raw_cookie(&cookie, url).map_err(|error| match error {
            CookieError::Parse => Refusal::NotACookie,
            _ => Refusal::ForeignDomain,
        })?;
        let domain = String::from(&cookie.domain);
        let is_new = !self.store.contains(&domain, &cookie.path, cookie.name());
        if is_new && cookie.is_expired() {
            return Ok(());
        }
        if is_new {
            self.make_room()?;
        }
        self.store
            .insert(cookie.into_owned(), url)
            .map(drop)
            .map_err(|_| Refusal::ForeignDomain)
    }

    /// The store keeps expired cookies for ever; they go when it is full.
    fn make_room(&mut self) -> Result<(), Refusal> {
        if self.store.iter_any().count() < COOKIES_PER_USER_MAX {
            return Ok(());
        }
        let fresh = std::mem::take(&mut self.store);
        let kept = fresh.iter_unexpired().cloned().map(Ok::<_, Refusal>);
        self.store = CookieStore::from_cookies(kept, false)?;
        if self.store.iter_any().count() < COOKIES_PER_USER_MAX {
            Ok(())
        } else {
            Err(Refusal::Full)
        }
    }
}

/// `Domain=com` would reach every site below `com`. Without the public suffix list (200 KB that a load test has no other use for)
/// a domain of a single label is refused unless it is the host itself; `co.uk` passes.
fn is_bare_label_of_another(cookie: &RawCookie<'_>, url: &url::Url) -> bool {
    cookie.domain().is_some_and(|domain| {
        let domain = domain.trim_start_matches('.');
        !domain.is_empty()
            && !domain.contains('.')
            && !url
                .host_str()
                .is_some_and(|host| host.eq_ignore_ascii_case(domain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> url::Url {
        url::Url::parse(text).unwrap()
    }

    fn jar(origin: &str, cookies: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for cookie in cookies {
            jar.receive(&url(origin), cookie.as_bytes());
        }
        jar
    }

    #[track_caller]
    fn check(jar: &Jar, target: &str, header: Option<&str>) {
        assert_eq!(jar.header(&url(target)).as_deref(), header, "{target}");
    }

    #[test]
    fn a_cookie_goes_back_to_its_host_only() {
        let jar = jar("http://a.example/x/y", &["s=1"]);
        check(&jar, "http://a.example/x/z", Some("s=1"));
        check(&jar, "http://a.example/other", None);
        check(&jar, "http://b.a.example/x/", None);
        check(&jar, "http://b.example/x/", None);
        check(&jar, "https://a.example:8443/x/", Some("s=1"));
    }

    #[test]
    fn a_domain_reaches_below_itself() {
        let jar = jar("http://a.example.com/", &["s=1; Domain=.example.com"]);
        check(&jar, "http://b.example.com/", Some("s=1"));
        check(&jar, "http://notexample.com/", None);
    }

    #[test]
    fn a_foreign_or_bare_domain_is_refused() {
        let jar = jar(
            "http://a.example.com/",
            &["s=1; Domain=other.com", "t=1; Domain=com"],
        );
        check(&jar, "http://a.example.com/", None);
        let mut local = Jar::default();
        local
            .set(&url("http://localhost/"), "s=1; Domain=localhost")
            .unwrap();
        check(&local, "http://localhost/", Some("s=1"));
    }

    #[test]
    fn paths_match_whole_segments_and_the_longest_comes_first() {
        let jar = jar(
            "http://h.example/",
            &["a=1; Path=/", "b=2; Path=/shop", "c=3; Path=/"],
        );
        check(&jar, "http://h.example/shop/cart", Some("b=2; a=1; c=3"));
        check(&jar, "http://h.example/shopping", Some("a=1; c=3"));
    }

    #[test]
    fn secure_cookies_need_tls() {
        let jar = jar("https://h.example/", &["s=1; Secure; HttpOnly"]);
        check(&jar, "https://h.example/", Some("s=1"));
        check(&jar, "http://h.example/", None);
    }

    #[test]
    fn a_cookie_is_replaced_and_removed_by_its_name() {
        let origin = url("http://h.example/");
        let mut jar = jar("http://h.example/", &["s=1", "s=2"]);
        check(&jar, "http://h.example/", Some("s=2"));
        jar.receive(&origin, b"s=; Max-Age=0");
        check(&jar, "http://h.example/", None);
        jar.receive(&origin, b"s=3; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        check(&jar, "http://h.example/", None);
        jar.receive(
            &origin,
            b"s=4; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        );
        check(&jar, "http://h.example/", Some("s=4"));
    }

    #[test]
    fn values_travel_as_they_came() {
        let jar = jar(
            "http://h.example/",
            &["q=\"a b\"; Path=/", "e=; Path=/", "p=%41=x; Path=/"],
        );
        check(&jar, "http://h.example/", Some("q=\"a b\"; e=; p=%41=x"));
    }

    #[test]
    fn what_is_no_cookie_is_refused_with_a_reason() {
        let mut jar = Jar::default();
        let origin = url("http://h.example/");
        for bad in [
            "",
            "no-equals-sign",
            "=nameless",
            "a=1\r\nx: y",
            "a=1; Domain=elsewhere.org",
        ] {
            let error = jar.set(&origin, bad).unwrap_err();
            assert_eq!(error.code(), 1020, "{bad}");
        }
        let long = format!("a={}", "x".repeat(COOKIE_BYTES_MAX));
        assert_eq!(jar.set(&origin, &long).unwrap_err().code(), 1020);
        jar.receive(&origin, b"a=\xff");
        check(&jar, "http://h.example/", None);
    }

    #[test]
    fn a_full_jar_still_changes_and_removes() {
        let origin = url("http://h.example/");
        let mut jar = Jar::default();
        for n in 0..COOKIES_PER_USER_MAX {
            jar.set(&origin, &format!("c{n}=1")).unwrap();
        }
        assert_eq!(jar.insert(&origin, b"one-more=1"), Err(Refusal::Full));
        assert_eq!(jar.insert(&origin, b"c7=changed"), Ok(()));
        assert!(jar.matching(&origin).contains(&("c7", "changed")));
        assert_eq!(jar.insert(&origin, b"c7=; Max-Age=0"), Ok(()));
        assert_eq!(jar.matching(&origin).len(), COOKIES_PER_USER_MAX - 1);
        assert_eq!(jar.insert(&origin, b"one-more=1"), Ok(()));
    }

    #[test]
    fn expired_cookies_make_room() {
        let origin = url("http://h.example/");
        let mut jar = Jar::default();
        for n in 0..COOKIES_PER_USER_MAX * 3 {
            jar.set(&origin, &format!("c{n}=1")).unwrap();
            jar.set(&origin, &format!("c{n}=; Max-Age=0")).unwrap();
        }
        assert!(jar.store.iter_any().count() <= COOKIES_PER_USER_MAX);
        assert_eq!(jar.insert(&origin, b"one-more=1"), Ok(()));
        check(&jar, "http://h.example/", Some("one-more=1"));
    }
}
