//! One user's HTTP client: cookies, redirects and defaults over the [`Pool`], one exchange a hop.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::config::{ClientChanges, ClientConfig};
use super::cookies::Jar;
use super::decode::ACCEPT_ENCODING;
use super::journey::Journey;
use super::observation::Observation;
use super::pool::Pool;
use super::redirect::next_hop;
use super::request::{BodyMode, Request, RequestOptions};
use super::response::Response;
use super::{Answer, BODY_KEPT_BYTES_MAX, Exchange, Failure, Reuse, Url, VersionChoice, url_cache};
use crate::dial::Network;
use crate::error::NetError;

/// Longest time a request may be given: a day is longer than any run waits, and keeps the arithmetic of deadlines in range
/// whatever number a guest passes.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(86_400);

/// One user's client. Connections and cookies are made when first needed: an idle user costs this struct alone.
///
/// Several requests may be under way at a time. Dropping the future of [`HttpClient::send`] cancels its request; dropping the
/// client closes its connections.
pub struct HttpClient {
    network: Rc<Network>,
    /// The run's settings, to which every `configure` goes back.
    base: Rc<ClientConfig>,
    /// The settings in use.
    config: RefCell<Rc<ClientConfig>>,
    pool: Pool,
    /// None until the first cookie.
    jar: RefCell<Option<Box<Jar>>>,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HttpClient")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client with the run's settings.
    #[must_use]
    pub fn new(network: Rc<Network>, config: Rc<ClientConfig>) -> Self {
        let pool = Pool::new(network.clone(), config.route.clone());
        Self {
            network,
            base: config.clone(),
            config: RefCell::new(config),
            pool,
            jar: RefCell::new(None),
        }
    }

    /// Send a request, follow its redirects, and wait for the whole response. `observe` is called once for every hop that was
    /// attempted, with its own timings: never for a request that cannot be sent as written.
    ///
    /// # Errors
    /// Any of `send` in `wit/http.wit`. A status of 400 and more is a response, not an error.
    pub async fn send(
        &self,
        request: Request,
        mut observe: impl FnMut(&Observation<'_>),
    ) -> Result<Response, NetError> {
        request.check()?;
        let config = self.config.borrow().clone();
        let Request {
            method,
            url,
            headers,
            body,
            options,
        } = request;
        let url = url_cache::parse(&url)?;
        let fragment = url.fragment().map(Into::into);
        let mut journey = Journey {
            method,
            url,
            fragment,
            headers,
            body,
            authorization: None,
            redirects: 0,
        };
        let deadline = Instant::now() + options.timeout.unwrap_or(config.timeout).min(TIMEOUT_MAX);
        let redirects_max = options.max_redirects.unwrap_or(config.max_redirects);
        loop {
            let answer = match self.exchange(&journey, &options, &config, deadline).await {
                Ok(answer) => answer,
                Err(failure) => {
                    observe(&Observation::failed(&journey, &options, &failure));
                    return Err(failure.error);
                }
            };
            self.take_cookies(&journey.url, &answer);
            let hop = (redirects_max > 0)
                .then(|| {
                    next_hop(
                        answer.status,
                        &journey.method,
                        &journey.url,
                        answer.head.get("location"),
                    )
                })
                .flatten();
            let error = match &hop {
                Some(_) if journey.redirects == redirects_max => Some(NetError::TooManyRedirects),
                None if answer.body_overflow => Some(NetError::BodyTooLarge(answer.body_length)),
                _ => None,
            };
            observe(&Observation::answered(
                &journey,
                &options,
                &answer,
                error.as_ref(),
            ));
            match (hop, error) {
                (Some(_), Some(error)) => return Err(error),
                (Some(hop), None) => journey.follow(hop),
                (None, _) => return Ok(response(journey, answer, &options, &config)),
            }
        }
    }

    /// The cookies that a request to this URL would carry, as names and values.
    ///
    /// # Errors
    /// `invalid-request`: not a URL.
    pub fn cookies(&self, url: &str) -> Result<Vec<(String, String)>, NetError> {
        let url = url_cache::parse(url)?;
        let jar = self.jar.borrow();
        let Some(jar) = jar.as_deref() else {
            return Ok(Vec::new());
        };
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(jar.matching(url.as_url()).into_iter().map(own).collect())
    }

    /// Store a cookie as if `url` had answered with this `set-cookie` value.
    ///
    /// # Errors
    /// `invalid-request`: not a URL, or not a cookie that this URL may set.
    pub fn set_cookie(&self, url: &str, set_cookie: &str) -> Result<(), NetError> {
        let url = url_cache::parse(url)?;
        self.jar
            .borrow_mut()
            .get_or_insert_default()
            .set(url.as_url(), set_cookie)
    }

    /// Forget all cookies.
    pub fn clear_cookies(&self) {
        *self.jar.borrow_mut() = None;
    }

    /// Close idle connections: the next request connects anew.
    pub fn close_connections(&self) {
        self.pool.close_idle();
    }

    /// An iteration has ended: without reuse between iterations, its connections end too.
    pub fn end_iteration(&self) {
        if !self.config.borrow().reuse_between_iterations {
            self.pool.close_idle();
        }
    }

    /// Use the run's settings with these changes from now on, instead of those of an earlier call. Connections are closed, cookies
    /// stay. Requests under way go on as they began.
    ///
    /// # Errors
    /// `invalid-request`, naming the field; then nothing is changed.
    pub fn configure(&self, changes: ClientChanges) -> Result<(), NetError> {
        let config = Rc::new(self.base.with(&self.network, changes)?);
        self.pool.set_route(config.route.clone());
        *self.config.borrow_mut() = config;
        Ok(())
    }

    async fn exchange(
        &self,
        journey: &Journey,
        options: &RequestOptions,
        config: &ClientConfig,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let cookie = self.cookie_header(journey);
        let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(journey.headers.len() + 4);
        if !config.user_agent.is_empty() && !journey.has("user-agent") {
            headers.push(("user-agent", config.user_agent.as_bytes()));
        }
        headers.extend(
            journey
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_slice())),
        );
        if let Some(authorization) = &journey.authorization
            && journey.url.authorization().is_none()
            && !journey.has("authorization")
        {
            headers.push(("authorization", authorization.as_bytes()));
        }
        if options.decompress == Some(true) && !journey.has("accept-encoding") {
            headers.push(("accept-encoding", ACCEPT_ENCODING.as_bytes()));
        }
        if let Some(cookie) = &cookie {
            headers.push(("cookie", cookie.as_bytes()));
        }
        let reuse_default = if config.connection_reuse {
            Reuse::Keep
        } else {
            Reuse::Close
        };
        let exchange = Exchange {
            method: &journey.method,
            url: &journey.url,
            headers: &headers,
            body: &journey.body,
            version: options.version.unwrap_or(VersionChoice::Automatic),
            reuse: options.reuse.unwrap_or(reuse_default),
            expect_continue: options.expect_continue == Some(true),
            keep_body: body_mode(options, config) == BodyMode::Keep,
            body_bytes_max: BODY_KEPT_BYTES_MAX,
            deadline,
        };
        self.pool.exchange(&exchange).await
    }

    /// A `cookie` field of the guest replaces the jar's.
    fn cookie_header(&self, journey: &Journey) -> Option<String> {
        let jar = self.jar.borrow();
        let jar = jar.as_deref()?;
        if journey.has("cookie") {
            None
        } else {
            jar.header(journey.url.as_url())
        }
    }

    fn take_cookies(&self, url: &Url, answer: &Answer) {
        for set_cookie in answer.head.get_all("set-cookie") {
            self.jar
                .borrow_mut()
                .get_or_insert_default()
                .receive(url.as_url(), set_cookie);
        }
    }
}

fn body_mode(options: &RequestOptions, config: &ClientConfig) -> BodyMode {
    let default = if config.keep_bodies {
        BodyMode::Keep
    } else {
        BodyMode::Discard
    };
    options.response_body.unwrap_or(default)
}

fn response(
    journey: Journey,
    answer: Answer,
    options: &RequestOptions,
    config: &ClientConfig,
) -> Response {
    Response {
        answer,
        url: journey.url,
        fragment: journey.fragment,
        redirects: journey.redirects,
        body_mode: body_mode(options, config),
        decompress: options.decompress == Some(true),
    }
}

#[cfg(test)]
mod test_peer;
#[cfg(test)]
mod tests;
