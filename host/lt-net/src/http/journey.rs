//! A request under way: what was asked for, and what redirects have made of it so far.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::config::ClientConfig;
use super::decode::ACCEPT_ENCODING;
use super::redirect::{self, Hop};
use super::request::{BodyMode, Request, RequestOptions};
use super::response::Response;
use super::{Answer, BODY_KEPT_BYTES_MAX, Body, Exchange, Method, Reuse, Url, url_cache};
use crate::error::NetError;

/// Longest time a request may be given: a day is longer than any run waits, and keeps the arithmetic of deadlines in range
/// whatever number a guest passes.
const TIMEOUT_MAX: Duration = Duration::from_secs(86_400);

/// Fields that the client may add to those of the guest: `user-agent`, `authorization`, `accept-encoding`, `cookie`.
const ADDED_FIELDS_MAX: usize = 4;

/// Where a request stands on its way through redirects. Boxed, so that the future that drives it stays small.
pub(super) struct Journey {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) options: RequestOptions,
    /// How many redirects were followed.
    pub(super) redirects: u32,
    /// The settings at the start: changing them does not change a request under way.
    config: Rc<ClientConfig>,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
    /// When the whole exchange is given up, redirects included.
    deadline: Instant,
    /// What stands after `#`, in the last URL that had any (RFC 9110, section 10.2.2).
    fragment: Option<Box<str>>,
    /// `authorization` from the user and password of an earlier URL of the same origin.
    authorization: Option<String>,
}

impl Journey {
    /// Check a request and set out. Its time begins now.
    ///
    /// # Errors
    /// `invalid-request`, if it cannot be sent as written.
    pub(super) fn start(request: Request, config: Rc<ClientConfig>) -> Result<Box<Self>, NetError> {
        request.check()?;
        let url = url_cache::parse(&request.url)?;
        let timeout = request.options.timeout.unwrap_or(config.timeout);
        Ok(Box::new(Self {
            method: request.method,
            fragment: url.fragment().map(Into::into),
            url,
            options: request.options,
            redirects: 0,
            config,
            headers: request.headers,
            body: request.body,
            deadline: Instant::now() + timeout.min(TIMEOUT_MAX),
            authorization: None,
        }))
    }

    /// All header fields of this hop but those that the transport adds: the guest's own replace the client's.
    pub(super) fn fields<'a>(&'a self, cookie: Option<&'a str>) -> Vec<(&'a str, &'a [u8])> {
        let mut fields: Vec<(&str, &[u8])> =
            Vec::with_capacity(self.headers.len() + ADDED_FIELDS_MAX);
        let user_agent = &self.config.user_agent;
        if !user_agent.is_empty() && !self.has("user-agent") {
            fields.push(("user-agent", user_agent.as_bytes()));
        }
        let given = self.headers.iter();
        fields.extend(given.map(|(name, value)| (name.as_str(), value.as_slice())));
        if let Some(authorization) = &self.authorization
            && self.url.authorization().is_none()
            && !self.has("authorization")
        {
            fields.push(("authorization", authorization.as_bytes()));
        }
        if self.decompresses() && !self.has("accept-encoding") {
            fields.push(("accept-encoding", ACCEPT_ENCODING.as_bytes()));
        }
        if let Some(cookie) = cookie {
            fields.push(("cookie", cookie.as_bytes()));
        }
        fields
    }

    /// This hop, for the transport.
    pub(super) fn exchange<'a>(&'a self, headers: &'a [(&'a str, &'a [u8])]) -> Exchange<'a> {
        let reuse_default = if self.config.connection_reuse {
            Reuse::Keep
        } else {
            Reuse::Close
        };
        Exchange {
            method: &self.method,
            url: &self.url,
            headers,
            body: &self.body,
            version: self.options.version.unwrap_or_default(),
            reuse: self.options.reuse.unwrap_or(reuse_default),
            expect_continue: self.options.expect_continue.unwrap_or(false),
            keep_body: self.body_mode() == BodyMode::Keep,
            body_bytes_max: BODY_KEPT_BYTES_MAX,
            deadline: self.deadline,
        }
    }

    /// Where the answer leads, unless redirects are not to be followed at all.
    pub(super) fn next_hop(&self, answer: &Answer) -> Option<Hop> {
        self.hop_to(answer.status, || answer.head.get("location"))
    }

    /// The same for an answer in parts; `location` is looked for only if it matters.
    pub(super) fn hop_to<L: AsRef<[u8]>>(
        &self,
        status: u16,
        location: impl FnOnce() -> Option<L>,
    ) -> Option<Hop> {
        if self.redirects_max() == 0 || !(300..400).contains(&status) {
            return None;
        }
        let location = location();
        let location = location.as_ref().map(AsRef::as_ref);
        redirect::next_hop(status, &self.method, &self.url, location)
    }

    /// When all of it is given up.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether one more redirect would be one too many.
    pub(super) fn may_not_follow(&self) -> bool {
        self.redirects >= self.redirects_max()
    }

    /// Go on to the next hop.
    pub(super) fn follow(&mut self, hop: Hop) {
        self.headers.retain(|(name, _)| hop.keeps(name));
        self.authorization = if hop.leaves_origin {
            None
        } else {
            let own = self.url.authorization().map(str::to_owned);
            own.or_else(|| self.authorization.take())
        };
        if hop.becomes_get {
            self.method = Method::GET;
            self.body = Body::None;
        }
        if let Some(fragment) = hop.url.fragment() {
            self.fragment = Some(fragment.into());
        }
        self.url = hop.url;
        self.redirects += 1;
    }

    /// The answer of the last hop is the response.
    pub(super) fn end(self, answer: Answer) -> Response {
        let (body_mode, decompress) = (self.body_mode(), self.decompresses());
        Response {
            answer,
            url: self.url,
            fragment: self.fragment,
            redirects: self.redirects,
            body_mode,
            decompress,
        }
    }

    /// Whether the guest sends a field of this name, in any case.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut given = self.headers.iter();
        given.any(|(given, _)| given.eq_ignore_ascii_case(name))
    }

    fn redirects_max(&self) -> u32 {
        self.options
            .max_redirects
            .unwrap_or(self.config.max_redirects)
    }

    fn body_mode(&self) -> BodyMode {
        let default = if self.config.keep_bodies {
            BodyMode::Keep
        } else {
            BodyMode::Discard
        };
        self.options.response_body.unwrap_or(default)
    }

    fn decompresses(&self) -> bool {
        self.options.decompress.unwrap_or(false)
    }
}
