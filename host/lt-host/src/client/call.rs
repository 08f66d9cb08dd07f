//! One call, one answer.

use std::time::Duration;

use futures_util::Stream;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use reqwest::{Body, Certificate, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::failure::CallError;
use crate::error::CommandError;

/// A host that is there takes a connection at once; one behind a slow line within seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most answers take milliseconds. One that changes a run waits for the next of its ticks, and for what is queued before it.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// A component of Python is 18 MB to send and a minute to compile, behind those of others.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// Largest answer that is read whole: a thousand snapshots take ten megabytes.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// How often a call that may be repeated is tried, if its connection is lost under way.
const TRIES: u32 = 3;

/// A host that can be spoken to.
pub(crate) struct Client {
    pub(super) runtime: Runtime,
    pub(super) http: reqwest::Client,
    pub(super) base: Url,
    token: Option<HeaderValue>,
    random: fn() -> u64,
    /// How long a stream of events may be gone before it is given up.
    pub(super) patience: Duration,
}

/// What a host answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// 200, 201, 202 or 204.
    pub(crate) status: u16,
    /// The document; null if there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// The document as a value of ours. Fields that we do not know are passed over.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, CommandError> {
        T::deserialize(&self.body).map_err(|error| {
            CommandError::Failed(format!(
                "the host's answer cannot be understood: {error} (remedy: use the lt-host of the same version)"
            ))
        })
    }
}

impl Client {
    pub(super) fn new(
        base: Url,
        token: Option<HeaderValue>,
        authorities: Vec<Certificate>,
        random: fn() -> u64,
    ) -> Result<Self, CommandError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            CommandError::Failed(format!("cannot {what}: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("wait for a host", &error))?;
        // A token goes to the host it is for, and to nobody that host or a variable of proxies names.
        let http = reqwest::Client::builder();
        // Without https nothing of the system's authorities is needed: machines without any can speak to a host, too.
        let http = match base.scheme() {
            "https" => http.tls_certs_merge(authorities),
            _ => http.tls_certs_only([]),
        };
        let http = http
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("lt-host/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed("speak https", &error))?;
        Ok(Self {
            runtime,
            http,
            base,
            token,
            random,
            patience: super::follow::PATIENCE,
        })
    }

    /// Where a thing of the host is. Each part is one step of the path, whatever is in it.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token),
            None => request,
        }
    }

    /// Ask for something.
    ///
    /// # Errors
    /// The host's no, or that it cannot be spoken to.
    pub(crate) fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, CallError> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.request(Method::GET, url).timeout(CALL_TIMEOUT);
        self.runtime.block_on(self.answer(request, TRIES))
    }

    /// Have something done. The host does it once, also if the connection is lost and it is asked again.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) fn post(&self, path: &[&str], body: &Value) -> Result<Answer, CallError> {
        let key = format!("{:016x}{:016x}", (self.random)(), (self.random)());
        let request = self
            .request(Method::POST, self.url(path))
            .header("idempotency-key", key)
            .timeout(CALL_TIMEOUT)
            .json(body);
        self.runtime.block_on(self.answer(request, TRIES))
    }

    /// Change something.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) fn patch(&self, path: &[&str], body: &Value) -> Result<Answer, CallError> {
        let request = self.request(Method::PATCH, self.url(path));
        let request = request.timeout(CALL_TIMEOUT).json(body);
        self.runtime.block_on(self.answer(request, 1))
    }

    /// Store bytes.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) fn put(
        &self,
        path: &[&str],
        (content_type, sha256): (&str, &str),
        (size_bytes, bytes): (
            u64,
            impl Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static,
        ),
    ) -> Result<Answer, CallError> {
        let request = self
            .request(Method::PUT, self.url(path))
            .header("content-type", content_type)
            .header("x-content-sha256", sha256)
            .header(CONTENT_LENGTH, size_bytes)
            .timeout(UPLOAD_TIMEOUT)
            .body(Body::wrap_stream(bytes));
        self.runtime.block_on(self.answer(request, 1))
    }

    /// Wait, when something of the host is to be asked again.
    pub(crate) fn pause(&self, time: Duration) {
        // A timer is made within the runtime that it is of.
        self.runtime
            .block_on(async { tokio::time::sleep(time).await });
    }

    async fn answer(&self, request: RequestBuilder, tries: u32) -> Result<Answer, CallError> {
        let mut request = Some(request.header(ACCEPT, "application/json"));
        let mut tried = 0;
        loop {
            tried += 1;
            let again = request.as_ref().and_then(RequestBuilder::try_clone);
            let Some(now) = request.take() else {
                return Err(CallError::Failed("nothing was asked".to_owned()));
            };
            match now.send().await {
                Ok(response) => return self.read(response).await,
                // Nobody was there, so asking again is of no use; or it was slow, and is no quicker for it.
                Err(error) if error.is_connect() || error.is_timeout() || tried >= tries => {
                    return Err(CallError::of_transport(&self.base, &error));
                }
                Err(error) if again.is_none() => {
                    return Err(CallError::of_transport(&self.base, &error));
                }
                Err(_lost) => request = again,
            }
        }
    }

    pub(super) async fn read(&self, mut response: Response) -> Result<Answer, CallError> {
        let status = response.status();
        let url = response.url().clone();
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| CallError::of_transport(&self.base, &error))? {
                None => break,
                Some(_) if body.len() > ANSWER_BYTES_MAX => {
                    let text = format!("{url} answered with more than any answer of a host takes");
                    return Err(CallError::Failed(text));
                }
                Some(chunk) => body.extend_from_slice(&chunk),
            }
        }
        if !status.is_success() {
            return Err(CallError::of_answer(&url, status.as_u16(), &body));
        }
        let body = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body)
                .map_err(|_| CallError::of_answer(&url, status.as_u16(), &body))?,
        };
        Ok(Answer {
            status: status.as_u16(),
            body,
        })
    }
}
