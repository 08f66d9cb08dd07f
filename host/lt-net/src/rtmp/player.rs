//! The user's end of what is played. It is measured here too, whatever the media come over: RTMP's pump or that of FLV over HTTP
//! hands in what came, and when.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher as _, Hasher as _};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::message::Incoming;
use super::playback::{Change, Playback};
use super::pump::gather::is_next_prompt;
use super::stamps::Stamps;
use super::stream::{NetStream, Wish};
use super::{
    Close, Codec, Counted, Ending, Event, Frame, FrameHead, FrameKind, Happening, PlayOptions,
    PlaybackStatistics, RtmpError, STAMP_FIELD, STAMP_HANDLER, StreamObserver, Value,
};
use crate::error::NetError;
use crate::inbox::{self, Inbox, Pushed};

mod feeding;

/// Where data messages stamp a stream, frames are not looked up: not for this long behind the last stamp.
const STAMPS_APART_MAX: Duration = Duration::from_secs(3);

impl inbox::Incoming for Frame {
    fn bytes(&self) -> usize {
        self.data.len()
    }
}

/// What the user asked the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Pause(bool),
    Seek(Duration),
}

/// A question and what came of it.
#[derive(Debug)]
struct Asking {
    question: Question,
    is_sent: bool,
    answer: Option<Result<(), RtmpError>>,
}

/// Frames for the user.
#[derive(Debug)]
struct Frames {
    inbox: RefCell<Inbox<Frame>>,
    /// One for which there is no room (overflow `pause`).
    stalled: RefCell<Option<Frame>>,
    dropped: Cell<u64>,
    overflowed: Cell<bool>,
    payload: bool,
}

/// Something played. All of it is for the thread of its pump. The polling methods keep one waker between them: one task waits for
/// whatever it waits for, and may be woken for less.
#[derive(Debug)]
pub struct Player {
    pub(super) stream: NetStream,
    name: Box<str>,
    stamps: Arc<Stamps>,
    playback: RefCell<Playback>,
    frames: Option<Box<Frames>>,
    pub(super) timeout: Duration,
    silence_max: Option<Duration>,
    /// When something came last.
    heard: Cell<Instant>,
    /// How much media the user waits for.
    watched: Cell<Option<Duration>>,
    asking: RefCell<Option<Box<Asking>>>,
    /// Whether there is a server to ask for pausing and seeking.
    can_ask: Cell<bool>,
    is_paused: Cell<bool>,
    /// Frames and bytes since the observer was told.
    counted: Cell<Counted>,
    end_to_end: Cell<Option<Duration>>,
    /// When a data message stamped the stream last.
    stamped: Cell<Option<Instant>>,
    /// Whether all that comes is read at once: the others do without what would be blurred if it is not.
    is_prompt: bool,
    has_media: Cell<bool>,
    has_key_frame: Cell<bool>,
    has_video: Cell<bool>,
    /// Of the last metadata, stamps left out.
    metadata: Cell<u64>,
}

impl Player {
    /// A player for which its pump still has to find a stream.
    pub(crate) fn open(
        options: &PlayOptions,
        name: &str,
        asked: Instant,
        stamps: Arc<Stamps>,
        observer: Rc<dyn StreamObserver>,
    ) -> Rc<Self> {
        let frames = options.frames.map(|inbox| {
            Box::new(Frames {
                inbox: RefCell::new(Inbox::new(inbox)),
                stalled: RefCell::new(None),
                dropped: Cell::new(0),
                overflowed: Cell::new(false),
                payload: options.payload,
            })
        });
        Rc::new(Self {
            stream: NetStream::new(asked, observer),
            name: name.into(),
            stamps,
            playback: RefCell::new(Playback::new(options, asked)),
            frames,
            timeout: options.timeout,
            silence_max: options.silence_max,
            heard: Cell::new(asked),
            watched: Cell::new(None),
            asking: RefCell::default(),
            can_ask: Cell::new(false),
            is_paused: Cell::new(false),
            counted: Cell::default(),
            end_to_end: Cell::new(None),
            stamped: Cell::new(None),
            is_prompt: is_next_prompt(),
            has_media: Cell::new(false),
            has_key_frame: Cell::new(false),
            has_video: Cell::new(false),
            metadata: Cell::new(0),
        })
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

    /// How it stands.
    #[must_use]
    pub fn statistics(&self) -> PlaybackStatistics {
        let mut statistics = self.playback.borrow().statistics(Instant::now());
        statistics.end_to_end = self.end_to_end.get();
        if let Some(frames) = &self.frames {
            statistics.waiting = frames.inbox.borrow().len();
            statistics.dropped = frames.dropped.get();
        }
        statistics
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

    /// Ready when so much media has been received, or the stream has ended.
    pub fn poll_media(&self, media_time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.playback.borrow().media_time() >= media_time || self.stream.is_over();
        self.watched.set((!ready).then_some(media_time));
        self.stream.ends.ready_or_wait(ready.then_some(()), cx)
    }

    /// Whether frames were asked for.
    #[must_use]
    pub fn keeps_frames(&self) -> bool {
        self.frames.is_some()
    }

    /// Whether a frame waits.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        let frames = self.frames.as_ref();
        frames.is_some_and(|frames| frames.inbox.borrow().len() > 0)
    }

    /// Take the oldest frame, also after the end.
    pub fn try_receive(&self) -> Option<Frame> {
        let frame = self.frames.as_ref()?.inbox.borrow_mut().take();
        self.stream.ends.made_room();
        frame
    }

    /// Ready when there is a frame, or the stream has ended.
    pub fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.has_frames() || self.stream.is_over();
        self.stream.ends.ready_or_wait(ready.then_some(()), cx)
    }

    /// Ask the server to pause, or to go on; [`Player::poll_answer`] has its word. A question takes the place of the one before.
    ///
    /// # Errors
    /// `Closed`; `InvalidRequest`: over HTTP.
    pub fn pause(&self, paused: bool) -> Result<(), RtmpError> {
        self.ask(Question::Pause(paused))
    }

    /// Ask the server to go on from there; [`Player::poll_answer`] has its word.
    ///
    /// # Errors
    /// `Closed`; `InvalidRequest`: over HTTP.
    pub fn seek(&self, position: Duration) -> Result<(), RtmpError> {
        self.ask(Question::Seek(position))
    }

    /// Ready once with the server's answer.
    ///
    /// # Errors
    /// `Refused`; `Closed`: the stream has ended before there was one.
    pub fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Result<(), RtmpError>> {
        let mut asking = self.asking.borrow_mut();
        let answer = asking.as_mut().and_then(|asking| asking.answer.take());
        let closed = || self.closed().map(|close| Err(RtmpError::Closed(close)));
        let answer = answer.or_else(closed);
        if answer.is_some() {
            *asking = None;
        }
        drop(asking);
        self.stream.ends.ready_or_wait(answer, cx)
    }

    /// Nobody waits for the answer any more. What the server does still counts.
    pub fn forget_answer(&self) {
        self.asking.take();
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.stream.closed()
    }

    /// End it. [`Player::poll_stopped`] says when it has ended.
    pub fn begin_stop(&self) {
        self.stream.wish_for(Wish::Stop);
    }

    /// Ready when it has ended.
    pub fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<Close> {
        self.stream.poll_closed(cx)
    }

    /// Nobody holds it any more.
    pub fn abandon(&self) {
        self.stream.wish_for(Wish::Abandon);
    }

    fn ask(&self, question: Question) -> Result<(), RtmpError> {
        self.stream.check_open().map_err(RtmpError::Closed)?;
        if !self.can_ask.get() {
            let text = "there is no pausing and no seeking over HTTP".to_owned();
            return Err(NetError::InvalidRequest(text).into());
        }
        self.asking.replace(Some(Box::new(Asking {
            question,
            is_sent: false,
            answer: None,
        })));
        self.stream.ends.wake_pump();
        Ok(())
    }
}
