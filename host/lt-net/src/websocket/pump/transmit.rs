//! What a pump sends.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use super::{Pump, State, count};
use crate::websocket::Observer;
use crate::websocket::heartbeat::{Beat, Limit};

/// Bytes that are made ready for one write: many small messages, or a part of a large one.
const WRITE_BYTES: usize = 64 << 10;

thread_local! {
    /// Shared by all sockets of a thread: only what a write leaves over is a socket's own.
    static WRITE_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Pump {
    pub(super) fn send_beats(&mut self) {
        if !matches!(self.state, State::Open) {
            return;
        }
        let mut schedule = self.socket.schedule.borrow_mut();
        let now = match schedule.next() {
            Some(next) => Some(Instant::now()).filter(|now| next <= *now),
            None => None,
        };
        let Some(now) = now else {
            return;
        };
        let mut outbox = self.socket.outbox.borrow_mut();
        let mut pings = self.socket.pings.borrow_mut();
        let is_stalled = self.stalled.is_some();
        schedule.run(now, |beat, heartbeat| match beat {
            Beat::Send(content) => outbox.push_beat(content),
            // Its pong would not be read.
            Beat::Ping(_) if is_stalled => false,
            Beat::Ping(timeout) => {
                let limit = timeout.map(|timeout| Limit::new(heartbeat, timeout, now));
                outbox.push_beat_ping(|| pings.start(false, limit))
            }
        });
    }

    /// Write until there is nothing more or the kernel takes nothing more.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, observer: &impl Observer) {
        if matches!(self.state, State::Lingering { .. } | State::Done) {
            return;
        }
        let mut sent = 0;
        while self.broken.is_none() {
            if self.out.is_empty() && !self.write_new(cx) {
                break;
            }
            if !self.out.is_empty() && !self.write_rest(cx) {
                break;
            }
            sent += self.batch.messages as u64;
            let batch = mem::take(&mut self.batch);
            if self.socket.outbox.borrow_mut().written(&batch) {
                self.socket.ends.wake_user();
            }
        }
        if self.is_unflushed && self.broken.is_none() {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.is_unflushed = false,
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => {}
            }
        }
        if sent > 0 {
            count(&self.socket.sent, sent);
            observer.sent(sent);
        }
    }

    /// Encode what waits and write it; what is left over goes into `out`. Returns whether there was something.
    fn write_new(&mut self, cx: &mut Context<'_>) -> bool {
        let mut buffer = WRITE_BUFFER.take();
        buffer.clear();
        let mut outbox = self.socket.outbox.borrow_mut();
        self.batch = outbox.encode(
            &mut buffer,
            WRITE_BYTES,
            &mut self.socket.pings.borrow_mut(),
        );
        drop(outbox);
        let some = !buffer.is_empty();
        if some {
            self.is_unflushed = true;
            match Pin::new(&mut self.stream).poll_write(cx, &buffer) {
                Poll::Ready(Ok(written)) => {
                    self.out
                        .extend_from_slice(buffer.get(written..).unwrap_or_default());
                }
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => self.out.extend_from_slice(&buffer),
            }
        }
        WRITE_BUFFER.replace(buffer);
        some && self.broken.is_none()
    }

    /// Write what is left over. Returns whether all of it is written.
    fn write_rest(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(rest) = self.out.get(self.out_done..)
            && !rest.is_empty()
        {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.out_done += written;
                    continue;
                }
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => {}
            }
            return false;
        }
        self.out = Vec::new();
        self.out_done = 0;
        true
    }
}
