//! Bodies that are long, slow, or broken: `/bytes`, `/stream`, `/drip`, `/close`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::time::{Instant, Sleep};

use super::body::Answer;
use super::reply::{self, Reply};
use super::router::parameter;

/// Longest body of `/bytes`: past the 2^31 bytes at which counters of 32 bits break.
pub(super) const BYTES_MAX: u64 = 2 << 30;
/// Most chunks of `/stream`: at ten a second, a minute, as with `/delay`.
pub(super) const CHUNKS_MAX: u64 = 600;
/// Time between two chunks of `/stream`.
pub(super) const CHUNK_INTERVAL: Duration = Duration::from_millis(100);
/// Most bytes of `/drip`: more is no dripping.
pub(super) const DRIP_BYTES_MAX: u64 = 100_000;
/// Longest time of `/drip`.
pub(super) const DRIP_MS_MAX: u64 = 60_000;
/// What `/close` promises, and what it sends of it.
const CLOSE_PROMISED_BYTES: u64 = 1000;
const CLOSE_SENT_BYTES: u64 = 10;
/// How long `/close` waits before it closes, so that what it sends really leaves.
const CLOSE_PAUSE: Duration = Duration::from_millis(20);
/// Bytes handed over at a time: what the server writes in one call.
const PIECE_BYTES_MAX: usize = 64 << 10;

static FILLING: [u8; PIECE_BYTES_MAX] = [b'x'; PIECE_BYTES_MAX];

/// `/bytes/{n}`: n bytes as fast as they are taken.
pub(super) fn bytes(count: &str) -> Reply {
    match count.parse() {
        Ok(count) if count <= BYTES_MAX => {
            let paced = Paced::new(
                Piece::Filling { bytes: count },
                Duration::ZERO,
                End::Complete,
            );
            paced.into_reply("application/octet-stream", Some(count))
        }
        _ => reply::bad_request(&format!("/bytes takes a number up to {BYTES_MAX}")),
    }
}

/// `/stream/{n}`: n chunks, one each 100 ms, the first at once.
pub(super) fn stream(count: &str) -> Reply {
    match count.parse() {
        Ok(count) if count <= CHUNKS_MAX => {
            let paced = Paced::new(
                Piece::Lines { sent: 0, count },
                CHUNK_INTERVAL,
                End::Complete,
            );
            paced.into_reply("text/plain; charset=utf-8", None)
        }
        _ => reply::bad_request(&format!("/stream takes a number up to {CHUNKS_MAX}")),
    }
}

/// `/drip?bytes=&ms=`: so many bytes (10), evenly over so many milliseconds (1000), the first at once.
pub(super) fn drip(query: &str) -> Reply {
    let number =
        |name, default: u64| parameter(query, name).map_or(Ok(default), |text| text.parse());
    match (number("bytes", 10), number("ms", 1000)) {
        (Ok(count), Ok(total_ms)) if count <= DRIP_BYTES_MAX && total_ms <= DRIP_MS_MAX => {
            let interval =
                Duration::from_millis(total_ms) / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
            let paced = Paced::new(Piece::Drops { bytes: count }, interval, End::Complete);
            paced.into_reply("application/octet-stream", Some(count))
        }
        _ => reply::bad_request(&format!(
            "/drip takes bytes up to {DRIP_BYTES_MAX} and ms up to {DRIP_MS_MAX}"
        )),
    }
}

/// `/close`: promises more than it sends, then closes the connection (HTTP/2: resets the stream).
pub(super) fn close() -> Reply {
    let paced = Paced::new(
        Piece::Filling {
            bytes: CLOSE_SENT_BYTES,
        },
        CLOSE_PAUSE,
        End::Broken,
    );
    paced.into_reply("application/octet-stream", Some(CLOSE_PROMISED_BYTES))
}

/// What the next piece is.
enum Piece {
    /// As much filling as fits, with so many bytes to go.
    Filling { bytes: u64 },
    /// A byte for each interval that has passed, with so many to go.
    Drops { bytes: u64 },
    /// A numbered line.
    Lines { sent: u64, count: u64 },
}

/// How the body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Broken,
}

/// A body made piece by piece: one at each tick of its interval, or as fast as they are taken.
pub(super) struct Paced {
    piece: Piece,
    interval: Duration,
    /// When the next piece is due; ticks are counted from the first, so that lateness does not add up.
    due: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    end: End,
}

impl Paced {
    fn new(piece: Piece, interval: Duration, end: End) -> Self {
        Self {
            piece,
            interval,
            due: Instant::now(),
            sleep: None,
            end,
        }
    }

    fn into_reply(self, content_type: &'static str, length: Option<u64>) -> Reply {
        let mut reply = Response::new(Answer::Paced(Box::new(self)));
        *reply.status_mut() = StatusCode::OK;
        reply
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(length) = length {
            reply.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        reply
    }

    /// The next piece, when it is due; none at the end; an error to break off.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.piece.is_last() && self.end == End::Complete {
            return Poll::Ready(None);
        }
        if !self.interval.is_zero() {
            ready!(self.poll_due(context));
        }
        if self.piece.is_last() {
            return Poll::Ready(Some(Err(io::Error::other("broken off on purpose"))));
        }
        let mut ticks = 1;
        if !self.interval.is_zero() {
            // The clock of the runtime has steps of 1 ms; several short intervals may have passed in one.
            let late = Instant::now().saturating_duration_since(self.due);
            let passed = late.as_nanos() / self.interval.as_nanos().max(1);
            ticks += u32::try_from(passed).unwrap_or(u32::MAX - 1);
            if matches!(self.piece, Piece::Filling { .. } | Piece::Lines { .. }) {
                ticks = 1;
            }
            self.due += self.interval * ticks;
        }
        Poll::Ready(Some(Ok(self.piece.take(ticks))))
    }

    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self.due;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(context)
    }
}

impl Piece {
    fn is_last(&self) -> bool {
        match self {
            Self::Filling { bytes } | Self::Drops { bytes } => *bytes == 0,
            Self::Lines { sent, count } => sent == count,
        }
    }

    fn take(&mut self, ticks: u32) -> Bytes {
        let filling = |bytes: &mut u64, most: u64| {
            let taken = (*bytes).min(most).min(PIECE_BYTES_MAX as u64);
            *bytes -= taken;
            Bytes::from_static(
                FILLING
                    .get(..usize::try_from(taken).unwrap_or(0))
                    .unwrap_or(&FILLING),
            )
        };
        match self {
            Self::Filling { bytes } => filling(bytes, u64::MAX),
            Self::Drops { bytes } => filling(bytes, ticks.into()),
            Self::Lines { sent, count } => {
                *sent += 1;
                format!("chunk {sent} of {count}\n").into()
            }
        }
    }
}
