//! The user's end of what is published.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::COMMAND_BYTES_MAX;
use super::flv::Asset;
use super::sending::{Outgoing, Sending};
use super::stamps::Stamps;
use super::stream::{NetStream, Wish};
use super::{
    AssetOptions, BroadcastStatistics, Close, Event, FrameKind, PublishRequest, RtmpError,
    StreamObserver, Value,
};

/// Bytes given to send that are not with the kernel yet: who has more waits. Two seconds of 4 Mbit/s.
pub const UNSENT_BYTES_MAX: usize = 1 << 20;
/// The same in messages, for those that are small: each costs some hundred bytes beside what it carries.
pub const UNSENT_MESSAGES_MAX: usize = 4096;
/// Most bytes of one tag: a message's length has 24 bits (RTMP, section 5.3.1.2.1).
pub const TAG_BYTES_MAX: usize = 0xff_ffff;

/// Why a tag was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsent {
    /// Too much is unsent: here it is, for when [`Publisher::poll_room`] is ready.
    Full(Box<[u8]>),
    /// More than [`TAG_BYTES_MAX`].
    TooLarge(u64),
    /// The stream has ended, or is about to.
    Closed(Close),
}

/// Something published. All of it is for the thread of its pump. The polling methods keep one waker between them: one task waits for
/// whatever it waits for, and may be woken for less.
#[derive(Debug)]
pub struct Publisher {
    pub(super) stream: NetStream,
    pub(super) request: PublishRequest,
    pub(super) stamps: Arc<Stamps>,
    pub(super) sending: RefCell<Sending>,
    /// Length of the tag for which there was no room.
    refused: Cell<Option<usize>>,
}

impl Publisher {
    pub(super) fn new(
        request: PublishRequest,
        stamps: Arc<Stamps>,
        observer: Rc<dyn StreamObserver>,
    ) -> Self {
        Self {
            stream: NetStream::new(Instant::now(), observer),
            sending: RefCell::new(Sending::new(request.stamping)),
            request,
            stamps,
            refused: Cell::new(None),
        }
    }

    /// Ready when the server has said yes, with how long that took from the call, or when there is no stream, and why.
    pub fn poll_started(&self, cx: &mut Context<'_>) -> Poll<Result<Duration, RtmpError>> {
        self.stream.poll_started(cx)
    }

    /// From the call to the server's yes; zero before it.
    #[must_use]
    pub fn started(&self) -> Duration {
        self.stream.started()
    }

    /// Publish an asset in real time, its metadata first. It replaces what is under way; time stamps go on.
    ///
    /// # Errors
    /// `Closed`.
    pub fn publish_asset(&self, asset: Arc<Asset>, options: AssetOptions) -> Result<(), RtmpError> {
        self.stream.check_open().map_err(RtmpError::Closed)?;
        self.sending.borrow_mut().publish(asset, options);
        self.stream.ends.wake_pump();
        Ok(())
    }

    /// Give a tag to the pump, which sends in order: what stands behind the header of an FLV tag, as it is.
    ///
    /// # Errors
    /// The tag itself if there is no room ([`UNSENT_BYTES_MAX`], [`UNSENT_MESSAGES_MAX`]; one that is larger by itself is
    /// taken when nothing is unsent), that it is too large, or the end.
    pub fn try_send_tag(
        &self,
        kind: FrameKind,
        timestamp: u32,
        data: Box<[u8]>,
    ) -> Result<(), Unsent> {
        self.stream.check_open().map_err(Unsent::Closed)?;
        if data.len() > TAG_BYTES_MAX {
            return Err(Unsent::TooLarge(data.len() as u64));
        }
        let mut sending = self.sending.borrow_mut();
        if !sending.has_room(data.len()) {
            self.refused.set(Some(data.len()));
            return Err(Unsent::Full(data));
        }
        sending.push(Outgoing::Tag {
            kind,
            timestamp,
            data,
        });
        drop(sending);
        self.stream.ends.wake_pump();
        Ok(())
    }

    /// Ready when there is room for what [`Publisher::try_send_tag`] gave back last, or the stream has ended.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let length = self.refused.get().unwrap_or_default();
        let ready = self.stream.check_open().is_err() || self.sending.borrow().has_room(length);
        if ready {
            self.refused.set(None);
        }
        self.stream.ends.ready_or_wait(ready.then_some(()), cx)
    }

    /// Set the stream's metadata: `@setDataFrame`, `onMetaData`.
    ///
    /// # Errors
    /// `Closed`; `TooLarge`: more than [`COMMAND_BYTES_MAX`], or so much that the peer has not taken yet.
    pub fn send_metadata(&self, fields: Vec<(String, Value)>) -> Result<(), RtmpError> {
        let length = encoded_length(&[Value::Map(fields.clone())]);
        self.send(length, Outgoing::Metadata(fields))
    }

    /// Send a data message.
    ///
    /// # Errors
    /// `Closed`; `TooLarge`: more than [`COMMAND_BYTES_MAX`], or so much that the peer has not taken yet.
    pub fn send_data(&self, handler: &str, arguments: Vec<Value>) -> Result<(), RtmpError> {
        let mut data = Vec::new();
        Value::Text(handler.to_owned()).encode(&mut data);
        for argument in &arguments {
            argument.encode(&mut data);
        }
        self.send(data.len(), Outgoing::Data(data.into_boxed_slice()))
    }

    fn send(&self, length: usize, outgoing: Outgoing) -> Result<(), RtmpError> {
        self.stream.check_open().map_err(RtmpError::Closed)?;
        let mut sending = self.sending.borrow_mut();
        if length > COMMAND_BYTES_MAX {
            return Err(RtmpError::TooLarge(length as u64));
        }
        if !sending.has_room(length) {
            return Err(RtmpError::TooLarge(
                (sending.unsent_bytes() + length) as u64,
            ));
        }
        sending.push(outgoing);
        drop(sending);
        self.stream.ends.wake_pump();
        Ok(())
    }

    /// Ready when the asset was sent as often as asked, all of it with the kernel; at once if there is none. An asset that was sent stays
    /// so when the stream ends.
    ///
    /// # Errors
    /// The end, if that was before, whoever brought it about.
    pub fn poll_asset_done(&self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let mut sending = self.sending.borrow_mut();
        let result = match self.stream.closed() {
            _ if sending.is_asset_done() => Some(Ok(())),
            Some(close) => Some(Err(close)),
            None => sending.has_no_asset().then_some(Ok(())),
        };
        sending.is_awaited = result.is_none();
        drop(sending);
        self.stream.ends.ready_or_wait(result, cx)
    }

    /// Some of it is with the kernel: whoever waits for that goes on.
    pub(super) fn wake_for_room(&self) {
        let sending = self.sending.borrow();
        let refused = self.refused.get();
        let has_room = refused.is_some_and(|length| sending.has_room(length));
        if has_room || (sending.is_awaited && sending.is_asset_done()) {
            drop(sending);
            self.stream.ends.wake_user();
        }
    }

    /// How it stands.
    #[must_use]
    pub fn statistics(&self) -> BroadcastStatistics {
        self.sending.borrow().statistics(Instant::now())
    }

    /// Take the oldest event, also after the end.
    pub fn try_event(&self) -> Option<Event> {
        self.stream.try_event()
    }

    /// Whether there is an event.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.stream.has_events()
    }

    /// Ready when there is an event, or the stream has ended.
    pub fn poll_event(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_event(cx)
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.stream.closed()
    }

    /// End it: no more of the asset; what was given to send goes first, for two seconds at most; then `FCUnpublish` and `deleteStream`.
    /// [`Publisher::poll_stopped`] says when it has ended.
    pub fn begin_stop(&self) {
        self.stream.wish_for(Wish::Stop);
    }

    /// Ready when it has ended.
    pub fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<Close> {
        self.stream.poll_closed(cx)
    }

    /// Nobody holds it any more: it ends as if stopped, and what was given to send is dropped.
    pub fn abandon(&self) {
        self.stream.wish_for(Wish::Abandon);
    }
}

fn encoded_length(values: &[Value]) -> usize {
    let mut out = Vec::new();
    for value in values {
        value.encode(&mut out);
    }
    out.len()
}
