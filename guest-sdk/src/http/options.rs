//! How a request is sent: the choices that have a default.

use std::ops::RangeInclusive;

use super::Request;
use crate::bindings::lt::scenario::http as host;
use crate::timing::{Duration, nanos};

impl Request {
    /// The options, which a plain request does not have.
    fn options(&mut self) -> &mut host::RequestOptions {
        self.inner
            .options
            .get_or_insert_with(|| host::RequestOptions {
                timeout: None,
                max_redirects: None,
                response_body: None,
                version: None,
                reuse: None,
                expect_continue: None,
                decompress: None,
                expected_statuses: Vec::new(),
                name: None,
                tags: Vec::new(),
            })
    }

    /// Group requests whose URLs differ under one name in the metrics.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # let id = 7;
    /// lt_sdk::http::get(format!("http://127.0.0.1:8080/items/{id}")).name("item").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options().name = Some(name.into());
        self
    }

    /// Add a tag to this request's samples.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/").tag("page", "home").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options().tags.push(host::Tag {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Time for the whole exchange, redirects included; 60 s unless the run says otherwise.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/").timeout(Duration::from_millis(500)).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options().timeout = Some(nanos(timeout));
        self
    }

    /// Follow at most this many redirects: 10 unless the run says otherwise. With 0 the first response is returned.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let answer = lt_sdk::http::post("http://127.0.0.1:8080/login").max_redirects(0).send()?;
    /// let location = answer.header("location");
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_redirects(mut self, count: u32) -> Self {
        self.options().max_redirects = Some(count);
        self
    }

    /// Throw the response's body away as it arrives; it is still read to its end and counted.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/film").discard_body().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard_body(mut self) -> Self {
        self.options().response_body = Some(host::BodyMode::Discard);
        self
    }

    /// Keep the response's body, in a run that discards bodies.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let page = lt_sdk::http::get("http://127.0.0.1:8080/login").keep_body().send()?.text()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_body(mut self) -> Self {
        self.options().response_body = Some(host::BodyMode::Keep);
        self
    }

    /// Ask for gzip, deflate, br or zstd, and undo it.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let page = lt_sdk::http::get("http://127.0.0.1:8080/").decompress().send()?.text()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn decompress(mut self) -> Self {
        self.options().decompress = Some(true);
        self
    }

    /// Send `expect: 100-continue` and wait for the answer, at most 1 s, before the body.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::put("http://127.0.0.1:8080/film").body(vec![0; 1 << 20]).expect_continue().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expect_continue(mut self) -> Self {
        self.options().expect_continue = Some(true);
        self
    }

    /// Speak HTTP/1.1, also where the server would choose HTTP/2.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("https://127.0.0.1:8443/").http1().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn http1(mut self) -> Self {
        self.options().version = Some(host::VersionChoice::Http1);
        self
    }

    /// Speak HTTP/2; without TLS, with prior knowledge (RFC 9113, section 3.3).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/").http2().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn http2(mut self) -> Self {
        self.options().version = Some(host::VersionChoice::Http2);
        self
    }

    /// Open a new connection for this request, and keep it afterwards.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/").fresh_connection().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn fresh_connection(mut self) -> Self {
        self.options().reuse = Some(host::Reuse::Fresh);
        self
    }

    /// Open a new connection for this request, and close it afterwards.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/").close_connection().send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close_connection(mut self) -> Self {
        self.options().reuse = Some(host::Reuse::Close);
        self
    }

    /// Which statuses do not count as failed in `http_req_failed`: 200 to 399 unless given. Can be called more than once.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::get("http://127.0.0.1:8080/gone").expect_status(404..=404).expect_status(410..=410).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expect_status(mut self, range: RangeInclusive<u16>) -> Self {
        self.options().expected_statuses.push(range.into_inner());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_reach_the_contract() {
        let request = super::super::get("http://a/")
            .name("a")
            .tag("b", "c")
            .timeout(Duration::from_millis(1))
            .max_redirects(0)
            .discard_body()
            .http2()
            .close_connection()
            .expect_status(200..=204);
        let options = request.inner.options.unwrap();
        assert_eq!(options.name.as_deref(), Some("a"));
        assert_eq!(options.timeout, Some(1_000_000));
        assert_eq!(options.max_redirects, Some(0));
        assert!(options.response_body == Some(host::BodyMode::Discard));
        assert!(options.version == Some(host::VersionChoice::Http2));
        assert!(options.reuse == Some(host::Reuse::Close));
        assert_eq!(options.expected_statuses, [(200, 204)]);
        assert!(options.expect_continue.is_none() && options.decompress.is_none());
    }
}
