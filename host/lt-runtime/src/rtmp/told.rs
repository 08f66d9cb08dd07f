//! What is recorded of open connections and of their streams.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{Direction, MetricId, TagsId, builtin};
use lt_net::rtmp::{
    Close, Counted, Ending, Observer, Player, Publisher, RtmpError, Status, StreamObserver,
};
use tokio::time::Instant;

use super::record::{Failure, Labelled, code_of, record_error, write_failure};
use super::streams::{Row, Source, StreamsOfUser};
use crate::core::Core;
use crate::sockets::StillOpen;

/// The pump's end of a connection. Until it is told of the end, the core has a connection whose samples are not complete.
pub(super) struct Told {
    core: Rc<Core>,
    tags: TagsId,
    still_open: Cell<Option<StillOpen>>,
}

impl Told {
    pub(super) fn new(core: &Rc<Core>, tags: TagsId) -> Self {
        Self {
            core: core.clone(),
            tags,
            still_open: Cell::new(Some(core.sockets.begin())),
        }
    }
}

impl Observer for Told {
    fn bytes(&self, sent: u64, received: u64) {
        record(&self.core, builtin::DATA_SENT, self.tags, sent);
        record(&self.core, builtin::DATA_RECEIVED, self.tags, received);
    }

    fn error(&self, status: &Status) {
        let mut recorder = self.core.recorder.borrow_mut();
        record_error(&mut recorder, self.tags, code_of(status));
    }

    fn ended(&self, _close: &Close, _lasted: Duration) {
        drop(self.still_open.take());
    }
}

/// Record a count, if it is one.
fn record(core: &Core, metric: MetricId, tags: TagsId, count: u64) {
    if count == 0 {
        return;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "frames and bytes since the last call stay far below 2^53"
    )]
    let count = count as f64;
    core.recorder.borrow_mut().record(metric, tags, count);
}

/// Where a stream is in its life: forwards only, so that it is counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It was asked for.
    Starting,
    /// The server said yes.
    Started,
    /// It is over, or there was none: nothing is counted any more.
    Over,
}

/// Told of one stream.
pub(crate) struct ToldStream {
    core: Rc<Core>,
    /// Whose it is.
    user: u64,
    /// Its name in samples.
    name: Arc<str>,
    /// Tags of the stream's samples.
    tags: TagsId,
    /// The same with the tag `kind`: audio, video, data.
    kind_tags: [TagsId; 3],
    row: Rc<Row>,
    /// Where the row is shown, as long as its user is there.
    streams: Weak<StreamsOfUser>,
    asked: Instant,
    stage: Cell<Stage>,
}

impl ToldStream {
    /// A stream is asked for from now on.
    pub(crate) fn new(
        labelled: &Labelled,
        streams: &Rc<StreamsOfUser>,
        direction: Direction,
    ) -> Rc<Self> {
        let core = labelled.core.clone();
        let tags = labelled.with(&[("direction", direction.name())]);
        let mut recorder = core.recorder.borrow_mut();
        let kind_tags =
            ["audio", "video", "data"].map(|kind| recorder.derive(tags, &[("kind", kind)]));
        drop(recorder);
        Rc::new(Self {
            core,
            user: labelled.who.id.0,
            name: labelled.name.clone(),
            tags,
            kind_tags,
            row: streams.begin(labelled.name.clone(), direction),
            streams: Rc::downgrade(streams),
            asked: Instant::now(),
            stage: Cell::new(Stage::Starting),
        })
    }

    /// Tags of the stream's samples.
    pub(super) fn tags(&self) -> TagsId {
        self.tags
    }

    /// What publishes it.
    pub(crate) fn publishes(&self, publisher: &Rc<Publisher>) {
        self.row.shows(Source::Publisher(Rc::downgrade(publisher)));
    }

    /// What plays it.
    pub(crate) fn plays(&self, player: &Rc<Player>) {
        self.row.shows(Source::Player(Rc::downgrade(player)));
    }

    /// It was not asked for after all: what the scenario wanted makes no sense, or is too much.
    pub(crate) fn withdrawn(&self) {
        self.stage.set(Stage::Over);
        self.show_no_more();
    }

    /// There is no stream; counted once, whoever says so.
    pub(crate) fn not_started(&self, error: &RtmpError) {
        self.record_start(self.asked.elapsed(), Some(&Failure::of(error)));
    }

    /// Nobody waits for the answer any more.
    pub(super) fn cut_off(&self) {
        self.record_start(self.asked.elapsed(), Some(&Failure::cut_off()));
    }

    /// Its user has let go of it.
    pub(super) fn left(&self) {
        self.cut_off();
        if self.stage.get() == Stage::Started {
            self.show_no_more();
        }
    }

    fn show_no_more(&self) {
        if let Some(streams) = self.streams.upgrade() {
            streams.end(&self.row);
        }
    }

    fn record_start(&self, took: Duration, failure: Option<&Failure>) {
        if self.stage.get() != Stage::Starting {
            return;
        }
        let Some(failure) = failure else {
            self.stage.set(Stage::Started);
            self.time(builtin::RTMP_STARTING, took);
            return;
        };
        self.stage.set(Stage::Over);
        self.row.fail();
        let mut recorder = self.core.recorder.borrow_mut();
        let number = failure.number.to_string();
        let tags = recorder.derive(self.tags, &[("error_code", &number)]);
        recorder.record_time(builtin::RTMP_STARTING, tags, took);
        recorder.record(builtin::RTMP_STREAM_FAILED, tags, 1.0);
        recorder.kind(builtin::RTMP_STREAM_FAILED, &failure.kind, 1.0);
        if let Some(code) = &failure.code {
            record_error(&mut recorder, self.tags, code);
        }
        drop(recorder);
        write_failure(&self.core, self.user, &self.name, failure);
    }

    fn record_end(&self, close: &Close, lasted: Duration) {
        if self.stage.replace(Stage::Over) != Stage::Started {
            return;
        }
        let failure = Failure::of_end(close);
        let number = failure.as_ref().map(|failure| failure.number.to_string());
        let mut extra = vec![("ending", close.ending.as_str())];
        extra.extend(number.as_deref().map(|number| ("error_code", number)));
        let mut recorder = self.core.recorder.borrow_mut();
        let tags = recorder.derive(self.tags, &extra);
        recorder.record_time(builtin::RTMP_STREAM_DURATION, tags, lasted);
        let failed = if failure.is_some() { 1.0 } else { 0.0 };
        recorder.record(builtin::RTMP_STREAM_FAILED, tags, failed);
        if let Some(failure) = &failure {
            recorder.kind(builtin::RTMP_STREAM_FAILED, &failure.kind, 1.0);
        }
        drop(recorder);
        match failure {
            Some(failure) => {
                self.row.fail();
                write_failure(&self.core, self.user, &self.name, &failure);
            }
            // It is not what its user wanted to be over: it stays in the count of what was asked for.
            None if close.ending == Ending::ByPeer => self.row.end(),
            None => self.show_no_more(),
        }
    }

    fn time(&self, metric: MetricId, took: Duration) {
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.record_time(metric, self.tags, took);
    }

    fn count(&self, metric: MetricId, count: u64) {
        record(&self.core, metric, self.tags, count);
    }

    fn counted(&self, (frames, bytes): (MetricId, MetricId), counted: Counted) {
        let counts = [counted.audio, counted.video, counted.data];
        for (count, tags) in counts.into_iter().zip(self.kind_tags) {
            record(&self.core, frames, tags, count);
        }
        self.count(bytes, counted.bytes);
    }
}

impl StreamObserver for ToldStream {
    fn started(&self, took: Duration, failed: Option<&RtmpError>) {
        self.record_start(took, failed.map(Failure::of).as_ref());
    }

    fn first_byte(&self, took: Duration) {
        self.time(builtin::RTMP_FIRST_BYTE, took);
    }

    fn first_frame(&self, took: Duration) {
        self.time(builtin::RTMP_FIRST_FRAME, took);
    }

    fn first_key_frame(&self, took: Duration) {
        self.time(builtin::RTMP_FIRST_KEY_FRAME, took);
    }

    fn received(&self, counted: Counted) {
        let metrics = (builtin::RTMP_FRAMES_RECEIVED, builtin::RTMP_BYTES_RECEIVED);
        self.counted(metrics, counted);
    }

    fn sent(&self, counted: Counted) {
        let metrics = (builtin::RTMP_FRAMES_SENT, builtin::RTMP_BYTES_SENT);
        self.counted(metrics, counted);
    }

    fn paced(&self, late: Duration) {
        self.time(builtin::RTMP_PACING_ERROR, late);
    }

    fn second(&self, lag: Duration, bits: u64) {
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.record_time(builtin::RTMP_LAG, self.tags, lag);
        #[expect(
            clippy::cast_precision_loss,
            reason = "bits of one second stay far below 2^53"
        )]
        recorder.record(builtin::RTMP_BITRATE, self.tags, bits as f64 / 1000.0);
    }

    fn stalled(&self) {
        self.count(builtin::RTMP_STALLS, 1);
    }

    fn resumed(&self, gap: Duration, lag: Duration) {
        self.time(builtin::RTMP_STALL_DURATION, gap);
        self.time(builtin::RTMP_LAG, lag);
    }

    fn end_to_end(&self, took: Duration) {
        self.time(builtin::RTMP_END_TO_END_LAG, took);
    }

    fn discontinuity(&self, _milliseconds: i64) {
        self.count(builtin::RTMP_DISCONTINUITIES, 1);
    }

    fn dropped(&self, frames: u64) {
        self.count(builtin::RTMP_FRAMES_DROPPED, frames);
    }

    fn error(&self, status: &Status) {
        // The one that refuses a start is counted with it.
        if self.stage.get() == Stage::Started {
            let mut recorder = self.core.recorder.borrow_mut();
            record_error(&mut recorder, self.tags, code_of(status));
        }
    }

    fn ended(&self, close: &Close, lasted: Duration) {
        self.record_end(close, lasted);
    }
}
