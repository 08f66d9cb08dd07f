//! What is done to connect, in its order, and as often as a server asks for it.

use std::time::Duration;

use tokio::time::Instant;

use super::Established;
use super::command::{self, TEXT_BYTES_MAX, TRANSACTION, Verdict};
use super::line::Line;
use crate::dial::tcp::Stream;
use crate::dial::{Network, Route, start_tls_without_alpn};
use crate::error::NetError;
use crate::http::progress::Progress;
use crate::rtmp::auth::Login;
use crate::rtmp::chunk::CHUNK_BYTES_DEFAULT;
use crate::rtmp::url::RtmpUrl;
use crate::rtmp::{Attempt, ConnectRequest, ConnectTimings, Connected, RtmpError, Status};
use crate::timings::Phase;
use crate::tls::TlsInfo;

/// Servers that this side may be sent to, one after the other: an edge and its origin are two.
const REDIRECTS_MAX: usize = 3;
/// Bytes after which this side wants to hear what has arrived, as ffmpeg and librtmp announce it.
const WINDOW_BYTES: u32 = 2_500_000;
/// Largest and smallest chunks that this side sends (section 5.4.1: at least 128 bytes). Behind larger ones others would wait too long.
const CHUNK_BYTES: std::ops::RangeInclusive<u32> = 128..=65_536;

/// One connect under way.
pub(super) struct Connecting<'a> {
    network: &'a Network,
    route: &'a Route,
    request: ConnectRequest,
    url: RtmpUrl,
    app: String,
    tc_url: String,
    login: Login,
    /// The answer to what a server wanted to know: part of application and `tcUrl` from then on.
    proof: Option<String>,
    redirects: usize,
    /// Of the present connection.
    progress: Progress,
    /// Bytes of the connections before it.
    bytes: (u64, u64),
    /// The first connection's, as soon as its handshake is done.
    reached: Option<ConnectTimings>,
    /// When the first command was sent.
    commanded: Option<Instant>,
    /// What the commands took, up to the last answer.
    commanding: Option<Duration>,
}

impl<'a> Connecting<'a> {
    /// Check a request.
    ///
    /// # Errors
    /// `InvalidRequest`, naming the field.
    pub(super) fn new(
        network: &'a Network,
        route: &'a Route,
        mut request: ConnectRequest,
    ) -> Result<Self, RtmpError> {
        let mut url = RtmpUrl::parse(&request.url)?;
        if request.timeout.is_zero() {
            return Err(invalid("timeout", "zero"));
        }
        if !CHUNK_BYTES.contains(&request.chunk_bytes) {
            let (min, max) = (CHUNK_BYTES.start(), CHUNK_BYTES.end());
            return Err(invalid("chunk-bytes", &format!("not {min} to {max}")));
        }
        command::check_fields(&request)?;
        let app = request.app.take().unwrap_or_else(|| url.app.clone());
        let tc_url = request.tc_url.take().unwrap_or_else(|| url.tc_url(&app));
        for (field, text) in [("app", &app), ("tc-url", &tc_url)] {
            if text.len() > TEXT_BYTES_MAX {
                return Err(invalid(field, "too long"));
            }
        }
        let credentials = request.credentials.take().or(url.credentials.take());
        Ok(Self {
            network,
            route,
            request,
            url,
            app,
            tc_url,
            login: Login::new(credentials),
            proof: None,
            redirects: 0,
            progress: Progress::start(),
            bytes: (0, 0),
            reached: None,
            commanded: None,
            commanding: None,
        })
    }

    /// Connect, as often as a server asks for it.
    pub(super) async fn run(&mut self) -> Result<Established, RtmpError> {
        loop {
            let (mut line, tls) = self.reach().await?;
            let verdict = self.command(&mut line).await?;
            match verdict {
                Verdict::Accepted(status, version) => {
                    self.commanding = self.commanded.map(|since| since.elapsed());
                    return self.begin(line, tls, status, version).await;
                }
                Verdict::Rejected(_, Some(redirect)) => self.redirected(&redirect)?,
                Verdict::Rejected(status, None) => {
                    let proof = self.login.answer(&status.description, &self.app)?;
                    self.proof = Some(proof.ok_or(RtmpError::Refused(status))?);
                }
            }
            drop(line);
            self.leave();
        }
    }

    /// What is known so far, this long after the call.
    pub(super) fn attempt(&mut self, total: Duration) -> Attempt {
        self.leave();
        let reached = self.reached.unwrap_or_default();
        let since = self.commanded.map(|since| since.elapsed());
        Attempt {
            timings: ConnectTimings {
                commanding: self.commanding.or(since).unwrap_or_default(),
                total,
                ..reached
            },
            bytes_sent: self.bytes.0,
            bytes_received: self.bytes.1,
        }
    }

    /// Done with a connection: its bytes count, and its times if it was the first.
    fn leave(&mut self) {
        self.note_reached(Duration::ZERO);
        let (sent, received) = self.progress.bytes();
        self.bytes = (self.bytes.0 + sent, self.bytes.1 + received);
    }

    fn note_reached(&mut self, handshaking: Duration) {
        let timings = self.progress.clock.read();
        self.reached.get_or_insert(ConnectTimings {
            resolving: timings.resolving,
            connecting: timings.connecting,
            tls: timings.tls,
            handshaking,
            ..ConnectTimings::default()
        });
    }

    /// TCP, TLS and the handshake.
    async fn reach(&mut self) -> Result<(Line, Option<TlsInfo>), RtmpError> {
        self.progress = Progress::start();
        let (host, port) = (self.url.host.as_str(), self.url.port);
        let wire = self
            .network
            .dial_tcp(self.route, host, port, &self.progress)
            .await?;
        // Before the answer, because media may come soon behind it.
        wire.stamp_arrivals();
        let (stream, tls) = if self.url.tls {
            self.progress.clock.enter(Phase::Tls);
            let profile = self.request.tls.as_ref().unwrap_or(&self.route.tls);
            let (stream, tls) = start_tls_without_alpn(profile, wire, host).await?;
            self.progress.clock.enter(Phase::Blocked);
            (stream, Some(tls))
        } else {
            (Stream::Plain(wire), None)
        };
        let begun = Instant::now();
        let line = Line::open(stream).await?;
        self.note_reached(begun.elapsed());
        Ok((line, tls))
    }

    /// The connect command and its answer.
    async fn command(&mut self, line: &mut Line) -> Result<Verdict, RtmpError> {
        let (app, tc_url) = (self.with_proof(&self.app), self.with_proof(&self.tc_url));
        let is_encoder = self.login.has_credentials();
        let object = command::object(&self.request, &app, &tc_url, is_encoder);
        let arguments = &self.request.arguments;
        let message = crate::rtmp::command::connect(TRANSACTION, object, arguments);
        self.commanded.get_or_insert_with(Instant::now);
        line.say(&message).await?;
        loop {
            if let Some(verdict) = command::verdict(&line.hear().await?) {
                return Ok(verdict);
            }
        }
    }

    /// The server said yes: say how this side sends.
    async fn begin(
        &mut self,
        mut line: Line,
        tls: Option<TlsInfo>,
        status: Status,
        server_version: String,
    ) -> Result<Established, RtmpError> {
        line.say(&crate::rtmp::command::window_ack_size(WINDOW_BYTES))
            .await?;
        let chunk_bytes = self.request.chunk_bytes;
        if chunk_bytes != CHUNK_BYTES_DEFAULT {
            line.say(&crate::rtmp::command::set_chunk_size(chunk_bytes))
                .await?;
            line.encoder.set_chunk_size(chunk_bytes);
        }
        let connected = Connected {
            status,
            server_version,
            remote: line.stream.wire().remote(),
            tls_version: tls.map_or("", |tls| tls.version),
            timings: ConnectTimings::default(),
        };
        let (window, acknowledged) = (line.window, line.acknowledged);
        let (stream, reader, encoder, rest) = line.into_rest();
        Ok(Established {
            stream,
            reader,
            encoder,
            rest,
            connected,
            window,
            acknowledged,
            #[cfg(test)]
            tc_url: self.tc_url.clone(),
            #[cfg(test)]
            app: self.app.clone(),
            next_transaction: TRANSACTION + 1.0,
            stamps: self.network.stamps().clone(),
        })
    }

    /// Go there next. Who connects stays the same on the same host, unless the URL says otherwise; another one is not told.
    fn redirected(&mut self, to: &str) -> Result<(), RtmpError> {
        self.redirects += 1;
        if self.redirects > REDIRECTS_MAX {
            return Err(NetError::TooManyRedirects.into());
        }
        let url = RtmpUrl::parse(to);
        let mut url = url.map_err(|error| NetError::Other(format!("redirected to {error}")))?;
        if !url.app.is_empty() {
            self.app.clone_from(&url.app);
        }
        self.tc_url = url.tc_url(&self.app);
        let may_know = may_know(&self.url, &url);
        self.login.start_over(url.credentials.take(), may_know);
        self.proof = None;
        self.url = url;
        Ok(())
    }

    /// The proof goes into the query, as librtmp and ffmpeg have it.
    fn with_proof(&self, text: &str) -> String {
        match &self.proof {
            None => text.to_owned(),
            Some(proof) if text.contains('?') => format!("{text}&{proof}"),
            Some(proof) => format!("{text}?{proof}"),
        }
    }
}

/// Whether a server that another led to may be shown who connects: on the same host, and not without TLS behind it. Whoever sees the answer to a
/// challenge of its own can try passwords on it.
fn may_know(from: &RtmpUrl, to: &RtmpUrl) -> bool {
    from.host.eq_ignore_ascii_case(&to.host) && (to.tls || !from.tls)
}

fn invalid(field: &str, why: &str) -> RtmpError {
    NetError::InvalidRequest(format!("{field}: {why}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_host_and_one_without_tls_may_not_know_who_connects() {
        let url = |text: &str| RtmpUrl::parse(text).unwrap();
        for (from, to, knows) in [
            ("rtmp://h/live", "rtmp://h/edge", true),
            ("rtmp://h/live", "rtmp://H:1936/live", true),
            ("rtmp://h/live", "rtmps://h/live", true),
            ("rtmps://h/live", "rtmps://h/live", true),
            ("rtmps://h/live", "rtmp://h/live", false),
            ("rtmp://h/live", "rtmp://other/live", false),
            ("rtmps://h/live", "rtmps://h.other/live", false),
        ] {
            assert_eq!(may_know(&url(from), &url(to)), knows, "{from} {to}");
        }
    }
}
