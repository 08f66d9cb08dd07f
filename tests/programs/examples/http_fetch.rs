//! Sends one request a number of times, and holds the answer to what it is told to expect.

use lt_sdk::http::{Request, Version};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Fetch {
    /// What to get
    url: String,
    /// How often in one iteration
    #[setting(default = 1, min = 1)]
    requests: u32,
    /// The status to expect
    #[setting(default = 200)]
    status: u16,
    /// A part of the body to expect
    #[setting(default = "")]
    body: String,
    /// Bytes of the body over the wire to expect
    length: Option<u64>,
    /// The version of HTTP to expect
    #[setting(default = "1.1", allowed("1.0", "1.1", "2"))]
    spoken: String,
    /// The version of HTTP to ask for
    #[setting(default = "automatic", allowed("automatic", "http1", "http2"))]
    version: String,
    /// How to use connections
    #[setting(default = "keep", allowed("keep", "fresh", "close"))]
    reuse: String,
    /// Whether to have bodies decompressed
    #[setting(default = false)]
    decompress: bool,
    /// Whether to have bodies thrown away
    #[setting(default = false)]
    discard: bool,
}

struct Guest(Fetch);

impl Fetch {
    fn request(&self) -> Request {
        let mut request = http::get(self.url.as_str()).name("fetch");
        request = match self.version.as_str() {
            "http1" => request.http1(),
            "http2" => request.http2(),
            _ => request,
        };
        request = match self.reuse.as_str() {
            "fresh" => request.fresh_connection(),
            "close" => request.close_connection(),
            _ => request,
        };
        if self.decompress {
            request = request.decompress();
        }
        if self.discard {
            request.discard_body()
        } else {
            request
        }
    }

    fn once(&self) -> Result<()> {
        let response = self.request().send()?;
        ensure!(
            response.status() == self.status,
            "status {}, not {}",
            response.status(),
            self.status
        );
        let spoken = match response.version() {
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
            Version::Http2 => "2",
        };
        ensure!(spoken == self.spoken, "spoke {spoken}, not {}", self.spoken);
        if !self.body.is_empty() {
            let body = response.text()?;
            ensure!(
                body.contains(&self.body),
                "no {:?} in the body {body:.300}",
                self.body
            );
        }
        if let Some(length) = self.length {
            ensure!(
                response.body_length() == length,
                "{} bytes, not {length}",
                response.body_length()
            );
        }
        let timings = response.timings();
        ensure!(
            timings.sending + timings.waiting + timings.receiving == timings.duration,
            "phases do not sum: {timings:?}"
        );
        Ok(())
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Fetch;

    fn join(_user: &User, fetch: Fetch) -> Result<Self> {
        Ok(Self(fetch))
    }

    fn iterate(&mut self) -> Result<()> {
        (0..self.0.requests).try_for_each(|_| self.0.once())
    }
}
