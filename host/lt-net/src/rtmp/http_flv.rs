//! FLV over HTTP, as content networks serve live streams: a response whose body goes on for as long as the stream does, played and measured
//! as what comes over RTMP.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use super::flv::FlvReader;
use super::stream::Wish;
use super::{Close, Ending, FlvRequest, Observer, Player, RtmpError, StreamObserver};
use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::http::HttpClient;
use crate::http::h1::poll_read_once;
use crate::http::h1::receive::Flow;
use crate::overdue::{GRACE, Overdue};
use crate::waiting::Timer;

/// What is known of a request for FLV over HTTP, whatever came of it.
pub type FlvAttempt = crate::websocket::Attempt;

/// Reads of one connection before its neighbours get their turn.
const READS_PER_POLL: usize = 4;

/// A response whose body is FLV.
#[derive(Debug)]
pub struct OpenedFlv {
    /// The user's end.
    pub player: Rc<Player>,
    /// To be spawned on the same thread.
    pub pump: FlvPump,
}

impl HttpClient {
    /// Play FLV over HTTP: cookies, proxy, TLS, settings and redirects as [`HttpClient::send`] has them, but always on a new HTTP/1.1
    /// connection, which the pool knows nothing of. Returns with the head of the response. The observer is told of the start only if there is one.
    ///
    /// Beside the result comes what is known of the attempt, whatever came of it. Dropping the future gives up.
    ///
    /// # Errors
    /// `Net`, `HttpStatus`; `InvalidRequest` before anything was attempted.
    pub fn open_flv(
        &self,
        request: FlvRequest,
        observer: Rc<dyn StreamObserver>,
    ) -> impl Future<Output = (FlvAttempt, Result<OpenedFlv, RtmpError>)> + '_ {
        let asked = Instant::now();
        // Boxed: whoever holds it is most of the time not connecting, and the future of a user is as large as its largest part.
        Box::pin(async move {
            let mut attempt = FlvAttempt::none();
            let options = request.options.clone();
            let name = stream_name(&request.url).to_owned();
            let answered = self.ask_for_flow(request, &mut attempt).await;
            attempt.total = asked.elapsed();
            let opened = answered.map(|answered| {
                // A body of a known length is a file: that its frames were published once says nothing of how long they took.
                let is_file = answered.reply.start.head.get("content-length").is_some();
                let stamps = if is_file {
                    Arc::default()
                } else {
                    self.network().stamps().clone()
                };
                let player = Player::open(&options, &name, asked, stamps, observer);
                player.start(Instant::now());
                let (came, flow) = answered.reply.into_flow();
                let pump = FlvPump::new(player.clone(), answered.stream, came, flow);
                OpenedFlv { player, pump }
            });
            (attempt, opened)
        })
    }
}

/// What drives a player of FLV over HTTP: a future to be spawned on its thread.
#[derive(Debug)]
pub struct FlvPump {
    stream: Stream,
    /// What hands on the body, or how the stream ends behind what came.
    flow: Result<Flow, Close>,
    feed: Feed,
    arrived: Instant,
    overdue: Overdue,
    /// The same of what the player has to tell.
    telling: Overdue,
    timer: Timer,
    opened: Instant,
}

/// From a body to its player.
#[derive(Debug)]
struct Feed {
    player: Rc<Player>,
    reader: FlvReader,
    /// What came while the player had no room.
    pending: Vec<u8>,
    /// What came is no FLV.
    fault: Option<String>,
}

impl Feed {
    fn take_in(&mut self, bytes: &[u8], arrived: Instant) {
        let mut input = bytes;
        if !bytes.is_empty() {
            self.player.hear(arrived);
        }
        while self.has_room() {
            match self.reader.next(&mut input) {
                Ok(None) => return,
                Ok(Some(incoming)) => self.player.incoming(incoming, arrived),
                Err(text) => self.fault = Some(text),
            }
        }
        self.pending.extend_from_slice(input);
    }

    /// Look again at what the player had no room for.
    fn take_up(&mut self, arrived: Instant) {
        self.player.put_stalled();
        let pending = std::mem::take(&mut self.pending);
        self.take_in(&pending, arrived);
    }

    fn has_room(&self) -> bool {
        self.pending.is_empty()
            && self.fault.is_none()
            && !self.player.is_full()
            && self.player.overflow().is_none()
    }

    /// How the stream ends for what came, if it does.
    fn end(&mut self) -> Option<Close> {
        let fault = self.fault.take();
        let fault = fault.map(|text| Close::plain(Ending::ProtocolError, text));
        fault.or_else(|| self.player.overflow())
    }
}

impl FlvPump {
    fn new(
        player: Rc<Player>,
        stream: Stream,
        came: Vec<u8>,
        flow: Result<Flow, NetError>,
    ) -> Self {
        let now = Instant::now();
        Self {
            arrived: stream.wire().counters().arrived(),
            stream,
            flow: flow.map_err(|error| close_of(&error)),
            feed: Feed {
                reader: FlvReader::new(player.keeps_payload()),
                player,
                pending: came,
                fault: None,
            },
            overdue: Overdue::default(),
            telling: Overdue::default(),
            timer: Timer::default(),
            opened: now,
        }
    }

    /// Do what the player needs until its stream has ended. Dropping it before that cuts the connection; the user and the stream's observer are
    /// told ([`Ending::Failed`]), the connection's observer is not.
    ///
    /// While the player's inbox is full, and its overflow is `pause`, nothing is read, and the peer's end goes unnoticed.
    pub fn run<O: Observer>(mut self, observer: O) -> impl Future<Output = ()> {
        // Not an `async fn`, which would keep what it was called with twice.
        std::future::poll_fn(move |cx| self.poll(cx, &observer))
    }

    fn poll(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> Poll<()> {
        self.feed.player.keep_pump(cx);
        let mut again = false;
        if self.feed.player.wish() == Wish::None {
            again = self.read(cx);
            let ending = self.ending().or_else(|| self.look_at_clock(again));
            if let Some(close) = ending {
                self.end(&close, observer);
            }
        } else {
            self.end(&Close::by_us(), observer);
        }
        if self.feed.player.is_over() {
            // TLS says that it ends, if it can at once.
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
            return Poll::Ready(());
        }
        self.tell(observer);
        let next = self.next();
        again |= self.timer.wake_by(next, cx);
        if again {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Read what there is, as far as there is room for it. Returns whether there may be more.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        self.feed.take_up(self.arrived);
        let mut again = true;
        for _ in 0..READS_PER_POLL {
            let (feed, arrived) = (&mut self.feed, &mut self.arrived);
            let Some(flow) = self.flow.as_mut().ok().filter(|flow| !flow.is_done()) else {
                again = false;
                break;
            };
            if !feed.has_room() {
                again = false;
                break;
            }
            let read = poll_read_once(&mut self.stream, cx, |stream, read| {
                if read.is_empty() {
                    return flow.end();
                }
                *arrived = stream.wire().counters().arrived();
                flow.feed(read, |body| feed.take_in(body, *arrived))
            });
            match read {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.flow = Err(close_of(&error)),
                Poll::Pending => {
                    again = false;
                    break;
                }
            }
        }
        self.feed.reader.idle();
        again
    }

    /// How the stream ends, if all that came was looked at.
    fn ending(&mut self) -> Option<Close> {
        if let Some(close) = self.feed.end() {
            return Some(close);
        }
        if !self.feed.has_room() {
            return None;
        }
        match &self.flow {
            Err(close) => Some(close.clone()),
            Ok(flow) if !flow.is_done() => None,
            Ok(_) if self.feed.reader.is_whole() => {
                Some(Close::plain(Ending::ByPeer, "the body has ended"))
            }
            Ok(_) if self.feed.reader.is_new() => Some(Close::plain(
                Ending::Disconnected,
                "the body has no FLV in it",
            )),
            Ok(_) => Some(Close::plain(
                Ending::Disconnected,
                "the body ended within a tag",
            )),
        }
    }

    /// Tell what is due, but not before all was read that came in time; and end it when nothing came for too long.
    fn look_at_clock(&mut self, is_more_to_read: bool) -> Option<Close> {
        let player = &self.feed.player;
        let (due, silent) = (self.due(), player.silent_at());
        due.or(silent)?;
        let now = Instant::now();
        let is_on_time = !is_more_to_read && due.is_some_and(|due| due <= now && now < due + GRACE);
        if is_on_time
            || self
                .telling
                .is_over(due, now, !is_more_to_read, self.arrived)
        {
            self.telling = Overdue::default();
            player.timer(now);
        }
        let is_silent = self
            .overdue
            .is_over(silent, now, !is_more_to_read, self.arrived);
        is_silent.then(|| Close::plain(Ending::Silence, "nothing came for too long"))
    }

    /// When the player has something to tell.
    fn due(&self) -> Option<Instant> {
        let player = &self.feed.player;
        player.next().filter(|_| !player.is_full())
    }

    /// When there is something to do although nothing comes.
    fn next(&self) -> Option<Instant> {
        let telling = self.telling.next(self.due());
        let silent = self.overdue.next(self.feed.player.silent_at());
        telling.into_iter().chain(silent).min()
    }

    fn tell(&self, observer: &impl Observer) {
        self.feed.player.tell();
        let (sent, received) = self.stream.wire().counters().take();
        if (sent, received) != (0, 0) {
            observer.bytes(sent, received);
        }
    }

    fn end(&mut self, close: &Close, observer: &impl Observer) {
        self.tell(observer);
        self.feed.player.end(close.clone(), Instant::now());
        observer.ended(close, self.opened.elapsed());
    }
}

impl Drop for FlvPump {
    /// A pump that is given up, or panics, ends the stream: whoever waits for something of it would wait for ever.
    fn drop(&mut self) {
        let reason = "what drives the connection was stopped";
        let close = Close::plain(Ending::Failed, reason);
        self.feed.player.end(close, Instant::now());
    }
}

/// How a stream ends whose connection failed so.
fn close_of(error: &NetError) -> Close {
    match error {
        NetError::ConnectionClosed => {
            Close::plain(Ending::Disconnected, "the connection ended within the body")
        }
        NetError::ConnectionReset => Close::plain(Ending::Reset, "the connection was reset"),
        NetError::Protocol(text) => Close::plain(Ending::ProtocolError, text.as_str()),
        error => Close::plain(Ending::Failed, error.to_string()),
    }
}

/// The name under which what is served there is published, as servers make the one of the other: `stream` of
/// `http://host/live/stream.flv?token`.
fn stream_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".flv").unwrap_or(file)
}

#[cfg(test)]
#[path = "http_flv_tests.rs"]
mod tests;
