//! What to ask: a request under construction.

use super::{Error, Pending, Response, Result, pending};
use crate::bindings::lt::scenario::http as host;

/// A request under construction, in the contract's own form: sending it copies nothing.
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// # fn iterate() -> Result<()> {
/// let response = http::get("http://127.0.0.1:8080/items")
///     .query([("page", "2")])
///     .header("accept", "application/json")
///     .name("items")
///     .timeout(Duration::from_secs(5))
///     .send()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(super) inner: host::Request,
    /// What went wrong first while building; reported when the request is sent.
    fault: Option<Box<Error>>,
}

/// A function for each common method.
macro_rules! methods {
    ($($name:ident, $method:ident, $text:literal;)+) => {$(
        #[doc = concat!("A `", $text, "` request to an absolute URL, `http` or `https`.")]
        ///
        /// ```no_run
        /// # fn main() -> lt_sdk::Result<()> {
        #[doc = concat!("let response = lt_sdk::http::", stringify!($name), "(\"http://127.0.0.1:8080/items/7\").send()?;")]
        /// # Ok(())
        /// # }
        /// ```
        pub fn $name(url: impl Into<String>) -> Request {
            Request::new(host::Method::$method, url.into())
        }
    )+};
}

methods! {
    get, Get, "GET";
    head, Head, "HEAD";
    post, Post, "POST";
    put, Put, "PUT";
    delete, Delete, "DELETE";
    options, Options, "OPTIONS";
    patch, Patch, "PATCH";
}

/// A request with any method.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// let response = lt_sdk::http::request("PROPFIND", "http://127.0.0.1:8080/files").header("depth", "1").send()?;
/// # Ok(())
/// # }
/// ```
pub fn request(method: &str, url: impl Into<String>) -> Request {
    let method = match method {
        "GET" => host::Method::Get,
        "HEAD" => host::Method::Head,
        "POST" => host::Method::Post,
        "PUT" => host::Method::Put,
        "DELETE" => host::Method::Delete,
        "OPTIONS" => host::Method::Options,
        "TRACE" => host::Method::Trace,
        "PATCH" => host::Method::Patch,
        other => host::Method::Other(other.to_owned()),
    };
    Request::new(method, url.into())
}

impl Request {
    fn new(method: host::Method, url: String) -> Self {
        let inner = host::Request {
            method,
            url,
            headers: Vec::new(),
            body: host::Body::None,
            options: None,
        };
        Self { inner, fault: None }
    }

    /// The URL as it will be asked for.
    ///
    /// ```
    /// let request = lt_sdk::http::get("http://127.0.0.1:8080/items").query([("q", "a b")]);
    /// assert_eq!(request.url(), "http://127.0.0.1:8080/items?q=a+b");
    /// ```
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Remember the first thing that went wrong while building.
    #[cold]
    pub(super) fn fail(&mut self, error: Error) {
        self.fault.get_or_insert_with(|| Box::new(error));
    }

    /// The request as the host takes it.
    pub(super) fn finish(self) -> Result<host::Request> {
        match self.fault {
            None => Ok(self.inner),
            Some(fault) => Err(*fault),
        }
    }

    /// Send the request and wait for the whole response. A status of 400 and more is a response, not an error.
    ///
    /// # Errors
    /// If there is no response; see [`ErrorCode`](super::ErrorCode).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let response = lt_sdk::http::get("http://127.0.0.1:8080/").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(self) -> Result<Response> {
        Ok(Response::from_host(host::send(&self.finish()?)?))
    }

    /// Start the request and go on; [`Pending::finish`] has the response.
    ///
    /// # Errors
    /// If too many requests are under way, or the request could not be built.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let pending = lt_sdk::http::get("http://127.0.0.1:8080/slow").start()?;
    /// // do something else
    /// let response = pending.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(self) -> Result<Pending> {
        Ok(Pending::from_host(host::start(&self.finish()?)?))
    }

    /// Send the request in `async` code: others that are joined or raced with it go on meanwhile.
    /// A request can also be awaited itself.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # async fn iterate() -> Result<()> {
    /// let (page, news) = join!(
    ///     http::get("http://127.0.0.1:8080/").send_async(),
    ///     http::get("http://127.0.0.1:8080/news").send_async(),
    /// );
    /// let (page, news) = (page?, news?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_async(self) -> pending::Exchange {
        pending::Exchange::new(self)
    }
}

impl IntoFuture for Request {
    type Output = Result<Response>;
    type IntoFuture = pending::Exchange;

    fn into_future(self) -> pending::Exchange {
        self.send_async()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_get_holds_nothing_but_its_url() {
        let request = get("http://a/").finish().unwrap();
        assert_eq!(request.headers.capacity(), 0);
        assert!(request.options.is_none());
        assert!(matches!(request.body, host::Body::None));
    }

    #[test]
    fn methods_have_one_form_each() {
        assert!(matches!(
            request("GET", "http://a/").inner.method,
            host::Method::Get
        ));
        assert!(matches!(
            request("TRACE", "http://a/").inner.method,
            host::Method::Trace
        ));
        assert!(
            matches!(request("PROPFIND", "http://a/").inner.method, host::Method::Other(name) if name == "PROPFIND")
        );
    }
}
