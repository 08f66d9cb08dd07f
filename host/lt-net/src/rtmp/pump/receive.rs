//! What a pump takes in.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::Instant;

use super::gather::before;
use super::lane::Lane;
use super::{Pump, State};
use crate::reading::{Discarded, discard, with_buffer};
use crate::rtmp::{Close, Ending, Observer, command};

/// Bytes of one read: a key frame of 2 Mbit/s. Every stamp holds for what was read with it.
const READ_BYTES: usize = 32 << 10;
/// Reads of one connection before its neighbours get their turn.
const READS_PER_POLL: usize = 4;
/// Capacity that a connection keeps for what came and was not looked at: mostly a part of a chunk's header.
const KEPT_PENDING_BYTES: usize = 64;

thread_local! {
    /// What was left over, and what came behind it: shared by all connections of a thread.
    static JOINED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Pump {
    /// Read what there is, as far as there is room for it. Returns whether there may be more.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> bool {
        if !self.is_receiving() {
            return false;
        }
        if self.is_gathering() {
            return false;
        }
        let gathered_until = self.gather_until.take();
        self.put_stalled();
        if self.is_pending_new && !self.is_full() {
            self.is_pending_new = false;
            self.arrived = self.stream.wire().counters().arrived();
            self.take_in(&[], observer);
        }
        let again = with_buffer(READ_BYTES, |buffer| {
            self.read_into(buffer, cx, observer, gathered_until)
        });
        self.reader.idle();
        self.acknowledge();
        again && self.is_receiving()
    }

    /// Read what there is into a buffer, and take it in. Returns whether there may be more.
    fn read_into(
        &mut self,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
        observer: &impl Observer,
        gathered_until: Option<Instant>,
    ) -> bool {
        let mut again = true;
        for _ in 0..READS_PER_POLL {
            if !self.is_receiving() || self.is_full() {
                again = false;
                break;
            }
            let mut filled = ReadBuf::new(buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut filled) {
                Poll::Pending => {
                    again = false;
                    break;
                }
                Poll::Ready(Ok(())) if filled.filled().is_empty() => {
                    self.end_disconnected(observer);
                }
                Poll::Ready(Ok(())) => {
                    let arrived = self.stream.wire().counters().arrived();
                    self.arrived = gathered_until.map_or(arrived, |until| before(arrived, until));
                    self.hurry();
                    let is_all = filled.remaining() > 0;
                    self.take_in(filled.filled(), observer);
                    self.note_moved();
                    if is_all && self.gather() {
                        again = false;
                        break;
                    }
                }
                Poll::Ready(Err(error)) => self.end_failed(&error, observer),
            }
        }
        again
    }

    /// A large frame over a slow line is no silence.
    fn note_moved(&mut self) {
        let moved = self.reader.take_moved();
        let lane = moved.and_then(|stream_id| self.player(stream_id));
        if let Some(player) = lane.and_then(Lane::player) {
            player.hear(self.arrived);
        }
    }

    /// Look whether there is room now for what had none.
    fn put_stalled(&mut self) {
        for lane in &self.lanes {
            if let Some(player) = lane.player() {
                player.put_stalled();
            }
        }
    }

    /// Take in what came, behind what was there.
    fn take_in(&mut self, new: &[u8], observer: &impl Observer) {
        if self.pending.is_empty() {
            let used = self.read_messages(new, observer);
            self.pending
                .extend_from_slice(new.get(used..).unwrap_or_default());
        } else {
            // Put together in a buffer that all share: what a connection keeps stays as small as what is left over.
            let mut bytes = JOINED.take();
            bytes.clear();
            bytes.extend_from_slice(&self.pending);
            bytes.extend_from_slice(new);
            let used = self.read_messages(&bytes, observer);
            self.pending.clear();
            self.pending.shrink_to(KEPT_PENDING_BYTES);
            self.pending
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
            JOINED.replace(bytes);
        }
        if !self.is_receiving() {
            self.pending = Vec::new();
        }
    }

    /// Look at all that is whole; how many bytes were used.
    fn read_messages(&mut self, bytes: &[u8], observer: &impl Observer) -> usize {
        let mut input = bytes;
        while self.is_receiving() && !self.is_full() {
            match self.reader.next(&mut input) {
                Ok(None) => return bytes.len() - input.len(),
                Ok(Some(incoming)) => self.route(incoming, observer),
                Err(text) => self.end(Close::plain(Ending::ProtocolError, text), observer),
            }
        }
        // There may be whole messages in what is left.
        self.is_pending_new = true;
        bytes.len() - input.len()
    }

    /// Tell the peer how much came, each half of its window (section 5.4.3): it may stop sending at the end of it.
    fn acknowledge(&mut self) {
        let received = self.reader.received();
        let since = received.saturating_sub(self.acknowledged);
        if self.window > 0 && since >= u64::from(self.window / 2).max(1) && self.may_answer() {
            self.acknowledged = received;
            self.say(&command::acknowledgement(received));
        }
    }

    /// Let the peer take what was said last, and close. Returns whether there may be more to do.
    pub(super) fn linger(&mut self, cx: &mut Context<'_>) -> bool {
        if let State::Lingering { until } = self.state
            && until <= Instant::now()
        {
            self.state = State::Done;
            return false;
        }
        if self.is_all_out() && Pin::new(&mut self.stream).poll_shutdown(cx).is_pending() {
            return false;
        }
        let discarded = discard(&mut self.stream, cx, (READ_BYTES, READS_PER_POLL));
        if discarded == Discarded::Ended {
            self.state = State::Done;
        }
        discarded == Discarded::More
    }
}
