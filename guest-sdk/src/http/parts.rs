//! What a request carries: header fields, query, body, cookies, credentials.

use super::{Multipart, Request, encode};
use crate::bindings::lt::scenario::http as host;

/// A name and a value, for queries and forms: a pair of texts, or a reference to one.
///
/// ```no_run
/// use lt_sdk::http;
///
/// # fn main() -> lt_sdk::Result<()> {
/// let page = 2.to_string();
/// http::get("http://127.0.0.1:8080/items").query([("page", &page)]).send()?;
/// http::get("http://127.0.0.1:8080/items").query([("size", String::from("50"))]).send()?;
/// # Ok(())
/// # }
/// ```
pub trait Pair {
    /// The name.
    fn name(&self) -> &str;
    /// The value.
    fn value(&self) -> &str;
}

impl<N: AsRef<str>, V: AsRef<str>> Pair for (N, V) {
    fn name(&self) -> &str {
        self.0.as_ref()
    }

    fn value(&self) -> &str {
        self.1.as_ref()
    }
}

impl<P: Pair> Pair for &P {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn value(&self) -> &str {
        (**self).value()
    }
}

impl Request {
    /// Add a header field. Fields are sent in this order; `host`, `user-agent`, `content-length` and `cookie` replace what the
    /// host would send. A redirect to another scheme, host or port takes all fields along but `authorization`, `proxy-authorization`,
    /// `cookie` and `host`; one that turns into a GET leaves out those that describe the body.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/").header("accept-language", "de").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.inner
            .headers
            .push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Add a header field unless there is one of this name.
    pub(super) fn header_default(&mut self, name: &str, value: &str) {
        if !self
            .inner
            .headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            self.inner
                .headers
                .push((name.to_owned(), value.as_bytes().to_vec()));
        }
    }

    /// Add pairs to the URL's query, escaped.
    ///
    /// ```
    /// let request = lt_sdk::http::get("http://127.0.0.1:8080/?a=1#top").query([("b", "2&3"), ("c", "4")]);
    /// assert_eq!(request.url(), "http://127.0.0.1:8080/?a=1&b=2%263&c=4#top");
    /// ```
    pub fn query<P: Pair>(mut self, pairs: impl IntoIterator<Item = P>) -> Self {
        let url = &mut self.inner.url;
        let fragment = url.find('#').map(|at| url.split_off(at));
        let mut first = match url.find('?') {
            None => {
                url.push('?');
                true
            }
            Some(at) => at + 1 == url.len(),
        };
        for pair in pairs {
            encode::pair(pair.name(), pair.value(), first, url);
            first = false;
        }
        if url.ends_with('?') {
            url.pop();
        }
        if let Some(fragment) = fragment {
            url.push_str(&fragment);
        }
        self
    }

    /// Send a form, as `application/x-www-form-urlencoded`.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::post("http://127.0.0.1:8080/login").form([("username", "ada"), ("password", "secret")]).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn form<P: Pair>(mut self, pairs: impl IntoIterator<Item = P>) -> Self {
        let mut text = String::new();
        for (index, pair) in pairs.into_iter().enumerate() {
            encode::pair(pair.name(), pair.value(), index == 0, &mut text);
        }
        self.inner.body = host::Body::Bytes(text.into_bytes());
        self.header_default("content-type", "application/x-www-form-urlencoded");
        self
    }

    /// Send fields and files, as `multipart/form-data`.
    ///
    /// ```no_run
    /// use lt_sdk::http::{self, Multipart};
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// let picture = Multipart::new().text("title", "Cat").file("picture", "cat.png", "image/png", b"\x89PNG...");
    /// http::post("http://127.0.0.1:8080/pictures").multipart(picture).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn multipart(mut self, parts: Multipart) -> Self {
        let (content_type, body) = parts.finish();
        self.inner.body = host::Body::Bytes(body);
        self.header_default("content-type", &content_type);
        self
    }

    /// Send these bytes, with a `content-length`.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::put("http://127.0.0.1:8080/notes/7").header("content-type", "text/plain").body("hello").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.inner.body = host::Body::Bytes(body.into());
        self
    }

    /// Send these bytes in chunks of at most 16 KiB, without a `content-length` (RFC 9112, section 7.1).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::put("http://127.0.0.1:8080/notes/7").chunked(vec![b'x'; 100_000]).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn chunked(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.inner.body = host::Body::Chunked(body.into());
        self
    }

    /// Carry one more cookie than the user's own, in this request only. One of the user's with the same name is left out.
    /// [`http::set_cookie`](super::set_cookie) gives the user one to keep.
    ///
    /// The user's cookies are looked up here and written into the `cookie` field with this one, so that a redirect carries
    /// the same ones.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/").cookie("variant", "b").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cookie(mut self, name: &str, value: &str) -> Self {
        let at = self
            .inner
            .headers
            .iter()
            .position(|(other, _)| other.eq_ignore_ascii_case("cookie"));
        let mut field = match at {
            Some(at) => self.inner.headers.remove(at).1,
            None => match host::cookies(&self.inner.url) {
                Ok(own) => cookie_field(own.iter().filter(|own| own.name != name)),
                Err(error) => {
                    self.fail(error.into());
                    Vec::new()
                }
            },
        };
        add_cookie(&mut field, name, value);
        self.header("cookie", field)
    }

    /// Sign in by HTTP Basic (RFC 7617).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/admin").basic_auth("ada", "secret").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let credentials = [user, ":", password].concat();
        let value = ["Basic ", &encode::base64(credentials.as_bytes())].concat();
        self.header("authorization", value)
    }

    /// Sign in by a bearer token (RFC 6750).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/account").bearer("b3BhcXVl").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", ["Bearer ", token].concat())
    }
}

/// Append one cookie to the value of a `cookie` field (RFC 6265, section 4.2.1).
fn add_cookie(field: &mut Vec<u8>, name: &str, value: &str) {
    let separator = if field.is_empty() { "" } else { "; " };
    for part in [separator, name, "=", value] {
        field.extend_from_slice(part.as_bytes());
    }
}

fn cookie_field<'a>(cookies: impl Iterator<Item = &'a host::Cookie>) -> Vec<u8> {
    let mut field = Vec::new();
    for cookie in cookies {
        add_cookie(&mut field, &cookie.name, &cookie.value);
    }
    field
}

#[cfg(test)]
mod tests {
    use super::super::{get, post};
    use super::*;

    fn body(request: Request) -> String {
        match request.finish().unwrap().body {
            host::Body::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            _ => String::new(),
        }
    }

    #[test]
    fn queries_are_added_where_they_belong() {
        let url = |text: &str| get(text).query([("a", "1"), ("b", "x y")]).url().to_owned();
        assert_eq!(url("http://h/p"), "http://h/p?a=1&b=x+y");
        assert_eq!(url("http://h/p?"), "http://h/p?a=1&b=x+y");
        assert_eq!(url("http://h/p?z=0#f"), "http://h/p?z=0&a=1&b=x+y#f");
        assert_eq!(
            get("http://h/p").query::<(&str, &str)>([]).url(),
            "http://h/p"
        );
    }

    #[test]
    fn forms_have_their_type_unless_another_is_given() {
        let request = post("http://a/").form([("a", "1"), ("b", "2")]);
        assert_eq!(
            request.inner.headers[0].1,
            b"application/x-www-form-urlencoded"
        );
        assert_eq!(body(request), "a=1&b=2");
        let request = post("http://a/")
            .header("Content-Type", "x/y")
            .form([("a", "1")]);
        assert_eq!(request.inner.headers.len(), 1);
    }

    #[test]
    fn credentials() {
        let request = get("http://a/").basic_auth("Aladdin", "open sesame");
        // The example of RFC 7617, section 2.
        assert_eq!(
            request.inner.headers[0].1,
            b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(get("http://a/").bearer("t").inner.headers[0].1, b"Bearer t");
    }

    #[test]
    fn cookies_are_joined_into_one_field() {
        let own = [("a", "1"), ("b", "2")].map(|(name, value)| host::Cookie {
            name: name.into(),
            value: value.into(),
        });
        assert_eq!(cookie_field(own.iter()), b"a=1; b=2");
        // With a field of its own, the host need not be asked.
        let request = get("http://a/").header("Cookie", "a=1").cookie("c", "3");
        assert_eq!(
            request.inner.headers,
            [("cookie".to_owned(), b"a=1; c=3".to_vec())]
        );
    }
}
