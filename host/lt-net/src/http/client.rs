//! One user's HTTP client: cookies, redirects and defaults over the [`Pool`], one exchange a hop.

mod alone;
mod upgrade;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::config::{ClientChanges, ClientConfig};
use super::cookies::Jar;
use super::journey::Journey;
use super::observation::Observation;
use super::pool::Pool;
use super::request::Request;
use super::response::Response;
use super::{Answer, Failure, Head, Url, url_cache};
use crate::dial::Network;
use crate::error::NetError;
use crate::tls::TlsProfile;

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
    pub fn send<'a>(
        &'a self,
        request: Request,
        mut observe: impl FnMut(&Observation<'_>) + 'a,
    ) -> impl Future<Output = Result<Response, NetError>> + 'a {
        // Not an `async fn`: that would hold the request twice, once as argument and once as what became of it, and the future
        // of a request is part of every user's I/O task.
        let journey = Journey::start(request, self.config.borrow().clone());
        async move {
            let mut journey = journey?;
            loop {
                let answer = match self.exchange(&journey).await {
                    Ok(answer) => answer,
                    Err(failure) => {
                        // Some of what cannot be sent is found only on the way to the wire.
                        if !matches!(failure.error, NetError::InvalidRequest(_)) {
                            observe(&Observation::failed(&journey, &failure));
                        }
                        return Err(failure.error);
                    }
                };
                self.take_cookies(&journey.url, &answer.head);
                let hop = journey.next_hop(&answer);
                let error = match &hop {
                    Some(_) if journey.may_not_follow() => Some(NetError::TooManyRedirects),
                    None if answer.body_overflow => {
                        Some(NetError::BodyTooLarge(answer.body_length))
                    }
                    _ => None,
                };
                observe(&Observation::answered(&journey, &answer, error.as_ref()));
                match (hop, error) {
                    (Some(_), Some(error)) => return Err(error),
                    (Some(hop), None) => journey.follow(hop),
                    (None, _) => return Ok(journey.end(answer)),
                }
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

    /// The TLS profile of a connection that differs in this from the client's; every `None` keeps the client's.
    ///
    /// # Errors
    /// `invalid-request`, naming the field.
    pub fn tls_profile(
        &self,
        authorities: Option<Vec<u8>>,
        identity: Option<(Vec<u8>, Vec<u8>)>,
        insecure: Option<bool>,
    ) -> Result<Arc<TlsProfile>, NetError> {
        let mut settings = self.config.borrow().route.tls.settings().clone();
        settings.authorities = authorities.or(settings.authorities);
        settings.identity = identity.or(settings.identity);
        settings.insecure = insecure.unwrap_or(settings.insecure);
        self.network.tls_profile(&settings)
    }

    /// What the users of this thread share.
    pub(crate) fn network(&self) -> &Rc<Network> {
        &self.network
    }

    /// The settings in use.
    pub(crate) fn config(&self) -> Rc<ClientConfig> {
        self.config.borrow().clone()
    }

    async fn exchange(&self, journey: &Journey) -> Result<Answer, Failure> {
        let cookie = self.cookie_header(journey);
        let headers = journey.fields(cookie.as_deref());
        self.pool.exchange(&journey.exchange(&headers)).await
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

    fn take_cookies(&self, url: &Url, head: &Head) {
        for set_cookie in head.get_all("set-cookie") {
            self.jar
                .borrow_mut()
                .get_or_insert_default()
                .receive(url.as_url(), set_cookie);
        }
    }
}

#[cfg(test)]
mod test_peer;
#[cfg(test)]
mod tests;
