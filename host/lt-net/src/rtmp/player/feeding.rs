//! What a pump does with a player: hands in what came, and when, and asks what is due.

use super::*;

impl Player {
    /// The pump is about to look at everything; whoever changes something after this wakes it.
    pub(crate) fn keep_pump(&self, cx: &Context<'_>) {
        self.stream.ends.keep_pump(cx);
    }

    /// What the user wants of its end.
    pub(crate) fn wish(&self) -> Wish {
        self.stream.wish()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stream.is_over()
    }

    /// Whether what frames carry is wanted.
    pub(crate) fn keeps_payload(&self) -> bool {
        self.frames.as_ref().is_some_and(|frames| frames.payload)
    }

    /// Over this one the server can be asked to pause and to seek.
    pub(in crate::rtmp) fn let_ask(&self) {
        self.can_ask.set(true);
    }

    /// The server says yes.
    pub(crate) fn start(&self, now: Instant) {
        self.heard.set(now);
        self.stream.start(now);
    }

    /// More of a frame came.
    pub(crate) fn hear(&self, now: Instant) {
        self.heard.set(now);
    }

    /// The first bytes of a frame came.
    pub(crate) fn begun(&self, now: Instant) {
        self.heard.set(now);
        let mut playback = self.playback.borrow_mut();
        playback.begun(now, &mut |change| self.change(change, now));
    }

    /// Something came that is a stream's affair and no status.
    pub(crate) fn incoming(&self, incoming: Incoming, now: Instant) {
        match incoming {
            Incoming::MediaBegun { .. } => self.begun(now),
            Incoming::Frame { head, payload, .. } => self.frame(head, payload, now),
            Incoming::Data {
                timestamp,
                handler,
                values,
                size,
                payload,
                ..
            } => {
                let head = data_head(timestamp, size);
                self.frame(head, payload, now);
                self.data(&handler, &values, now);
            }
            _ => self.heard.set(now),
        }
    }

    fn frame(&self, head: FrameHead, payload: Option<Box<[u8]>>, now: Instant) {
        self.heard.set(now);
        let mut playback = self.playback.borrow_mut();
        playback.frame(&head, now, &mut |change| self.change(change, now));
        let media_time = playback.media_time();
        drop(playback);
        let mut counted = self.counted.get();
        counted.bytes += u64::from(head.size);
        match head.kind {
            FrameKind::Audio => counted.audio += 1,
            FrameKind::Video => counted.video += 1,
            FrameKind::Data => counted.data += 1,
        }
        self.counted.set(counted);
        if head.kind != FrameKind::Data {
            self.has_media.set(true);
            self.recognise(&head, now);
        }
        if self
            .watched
            .get()
            .is_some_and(|wanted| media_time >= wanted)
        {
            self.watched.set(None);
            self.stream.ends.wake_user();
        }
        if self.frames.is_some() {
            self.put(Frame {
                head,
                arrived: now,
                data: payload.unwrap_or_default(),
            });
        }
    }

    /// Look whether a publisher of this process has sent this frame, and when. The first key frame may have lain in the server, which
    /// begins with it for each player; where data messages stamp the stream they say it better.
    fn recognise(&self, head: &FrameHead, now: Instant) {
        let is_video = head.kind == FrameKind::Video;
        self.has_video.set(self.has_video.get() || is_video);
        if !Stamps::wants(head) || (!is_video && self.has_video.get()) {
            return;
        }
        let is_first = is_video && !self.has_key_frame.replace(true);
        let is_stamped = self
            .stamped
            .get()
            .is_some_and(|at| now.saturating_duration_since(at) < STAMPS_APART_MAX);
        if is_first || is_stamped {
            return;
        }
        if let Some(sent) = self.stamps.seen(&self.name, head) {
            self.took(now.saturating_duration_since(sent));
        }
    }

    /// Whether what comes may lie in the kernel for a moment: it flows as it should, and nobody wants each frame.
    pub(in crate::rtmp) fn may_gather(&self) -> bool {
        !self.is_prompt && self.frames.is_none() && self.playback.borrow().is_flowing()
    }

    fn took(&self, took: Duration) {
        if self.may_gather() {
            return;
        }
        self.end_to_end.set(Some(took));
        self.stream.observer.end_to_end(took);
    }

    fn data(&self, handler: &str, values: &[Value], now: Instant) {
        match handler {
            STAMP_HANDLER => self.stamp(values.first(), now),
            "onMetaData" => self.metadata(values.first(), now),
            "@setDataFrame" if values.first().and_then(Value::text) == Some("onMetaData") => {
                self.metadata(values.get(1), now);
            }
            _ => {}
        }
    }

    /// Metadata is news when it says something new, stamps left aside. Servers keep it for who comes later: a stamp in it counts only
    /// behind the first media.
    fn metadata(&self, value: Option<&Value>, now: Instant) {
        let Some(fields) = value.and_then(Value::fields) else {
            return;
        };
        let mut digest = rustc_hash::FxBuildHasher.build_hasher();
        let mut encoded = Vec::new();
        let fields_of_its_own = || fields.iter().filter(|(name, _)| name != STAMP_FIELD);
        for (name, value) in fields_of_its_own() {
            digest.write(name.as_bytes());
            encoded.clear();
            value.encode(&mut encoded);
            digest.write(&encoded);
        }
        // Not zero, which stands for none.
        let digest = digest.finish() | 1;
        if self.metadata.replace(digest) != digest {
            let fields = fields_of_its_own().cloned().collect();
            self.stream.tell(now, Happening::Metadata(fields));
        }
        if self.has_media.get() {
            let stamp = fields.iter().find(|(name, _)| name == STAMP_FIELD);
            self.stamp(stamp.map(|(_, value)| value), now);
        }
    }

    /// A publisher of ours wrote what time it was.
    fn stamp(&self, value: Option<&Value>, now: Instant) {
        let Some(sent_ms) = value.and_then(Value::number) else {
            return;
        };
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let ago = Instant::now().saturating_duration_since(now);
        let arrived = wall.unwrap_or_default().saturating_sub(ago);
        // What is no time, or one that is still to come by another machine's clock, took no time that could be told.
        let Ok(sent) = Duration::try_from_secs_f64(sent_ms / 1000.0) else {
            return;
        };
        self.stamped.set(Some(now));
        self.took(arrived.saturating_sub(sent));
    }

    fn change(&self, change: Change, now: Instant) {
        let (stream, observer) = (&self.stream, &self.stream.observer);
        match change {
            Change::FirstByte(took) => observer.first_byte(took),
            Change::FirstFrame(took) => {
                observer.first_frame(took);
                stream.tell(now, Happening::FirstFrame);
            }
            Change::FirstKeyFrame(took) => observer.first_key_frame(took),
            Change::Stalled => {
                observer.stalled();
                stream.tell(now, Happening::Stalled);
            }
            Change::Resumed { gap, lag } => {
                observer.resumed(gap, lag);
                stream.tell(now, Happening::Resumed(gap));
            }
            Change::Lagged => stream.tell(now, Happening::Lagged),
            Change::CaughtUp => stream.tell(now, Happening::CaughtUp),
            Change::Discontinuity(milliseconds) => {
                observer.discontinuity(milliseconds);
                stream.tell(now, Happening::Discontinuity(milliseconds));
            }
            Change::Second { lag, bits } => observer.second(lag, bits),
        }
    }

    /// Put a frame into the inbox.
    fn put(&self, frame: Frame) {
        let Some(frames) = &self.frames else {
            return;
        };
        let draining = self.stream.wish() != Wish::None || self.stream.is_over();
        let pushed = frames.inbox.borrow_mut().push(frame, draining);
        let dropped = match pushed {
            Pushed::Kept(dropped) => {
                self.stream.ends.wake_user();
                dropped
            }
            Pushed::Dropped => 1,
            Pushed::Stalled(frame) => {
                frames.stalled.replace(Some(frame));
                self.stream.ends.stalled.set(true);
                0
            }
            Pushed::Overflow => {
                frames.overflowed.set(true);
                1
            }
        };
        if dropped > 0 {
            frames.dropped.set(frames.dropped.get() + dropped);
            self.stream.observer.dropped(dropped);
        }
    }

    /// Look whether there is room now for the frame that had none.
    pub(crate) fn put_stalled(&self) {
        if !self.stream.ends.stalled.replace(false) {
            return;
        }
        let frame = self
            .frames
            .as_ref()
            .and_then(|frames| frames.stalled.take());
        if let Some(frame) = frame {
            self.put(frame);
        }
    }

    /// Whether nothing more is to be handed in until there is room.
    pub(crate) fn is_full(&self) -> bool {
        self.stream.ends.stalled.get()
    }

    /// How it is to end, if what came was more than the inbox may hold.
    pub(crate) fn overflow(&self) -> Option<Close> {
        let frames = self.frames.as_ref()?;
        let close = || Close::plain(Ending::InboxOverflow, "the inbox is full");
        frames.overflowed.get().then(close)
    }

    /// When there is something to tell although nothing comes. Being told late makes no difference.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.playback.borrow().next()
    }

    /// Tell what is due.
    pub(crate) fn timer(&self, now: Instant) {
        let mut playback = self.playback.borrow_mut();
        if playback.next().is_some_and(|next| next <= now) {
            playback.timer(now, &mut |change| self.change(change, now));
        }
    }

    /// When the stream is over for silence, unless something comes.
    pub(crate) fn silent_at(&self) -> Option<Instant> {
        let may_be_silent = self.is_paused.get() || self.is_full() || !self.stream.is_started();
        let silence_max = self.silence_max.filter(|_| !may_be_silent)?;
        self.heard.get().checked_add(silence_max)
    }

    /// Tell what was counted: once a wake, after everything was read.
    pub(crate) fn tell(&self) {
        let counted = self.counted.take();
        if counted != Counted::default() {
            self.stream.observer.received(counted);
        }
    }

    /// The end.
    pub(crate) fn end(&self, close: Close, now: Instant) {
        if self.stream.is_over() {
            return;
        }
        if let Some(frames) = &self.frames
            && let Some(frame) = frames.stalled.take()
        {
            frames.inbox.borrow_mut().append(frame);
            self.stream.ends.stalled.set(false);
        }
        let mut playback = self.playback.borrow_mut();
        playback.end(now, &mut |change| self.change(change, now));
        drop(playback);
        self.tell();
        self.stream.end(close, now);
    }

    /// What is to be asked of the server, once.
    pub(in crate::rtmp) fn take_question(&self) -> Option<(Question, Duration)> {
        let mut asking = self.asking.borrow_mut();
        let asking = asking.as_mut().filter(|asking| !asking.is_sent)?;
        asking.is_sent = true;
        Some((asking.question, self.playback.borrow().media_time()))
    }

    /// The server paused, or goes on: whoever asked for it.
    pub(in crate::rtmp) fn paused(&self, paused: bool, now: Instant) {
        if self.is_paused.replace(paused) != paused {
            self.heard.set(now);
            let mut playback = self.playback.borrow_mut();
            playback.pause(paused, now, &mut |change| self.change(change, now));
        }
        self.answer(|question| question == Question::Pause(paused), Ok(()));
    }

    /// The server goes on from elsewhere.
    pub(in crate::rtmp) fn sought(&self, now: Instant) {
        self.heard.set(now);
        let mut playback = self.playback.borrow_mut();
        playback.seek(now, &mut |change| self.change(change, now));
        drop(playback);
        self.answer(|question| matches!(question, Question::Seek(_)), Ok(()));
    }

    /// What came of a question, if it is one of those.
    pub(in crate::rtmp) fn answer(
        &self,
        is_it: impl Fn(Question) -> bool,
        answer: Result<(), RtmpError>,
    ) {
        let mut asking = self.asking.borrow_mut();
        let asked = asking.as_mut();
        let asked = asked.filter(|asked| asked.is_sent && is_it(asked.question));
        if let Some(asked) = asked {
            asked.answer.get_or_insert(answer);
            drop(asking);
            self.stream.ends.wake_user();
        }
    }
}

fn data_head(timestamp: u32, size: u32) -> FrameHead {
    FrameHead {
        kind: FrameKind::Data,
        timestamp,
        size,
        key_frame: false,
        codec_header: false,
        codec: Codec::None,
        fingerprint: 0,
    }
}
