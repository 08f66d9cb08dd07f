//! The streams of a connection: how each begins, and what it asks for.
//!
//! | from | when | to |
//! |---|---|---|
//! | – | the user asks for a stream: `createStream` is sent | `Creating` |
//! | `Creating` | its answer has the stream's number: `publish` or `play` is sent | `Starting` |
//! | `Starting` | the server says yes, or sends media | `Live` |
//! | `Live` | the user stops what is published | `Stopping` |
//! | any | the server says no, or ends it; the time for its start is over; the user stops or drops it; the connection ends | gone |
//! | `Stopping` | the kernel has the last words, or the time for that is over | gone |

use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::{Pump, refused};
use crate::rtmp::call::Call;
use crate::rtmp::command;
use crate::rtmp::connection::CLOSE_TIMEOUT;
use crate::rtmp::player::{Player, Question};
use crate::rtmp::publisher::Publisher;
use crate::rtmp::stream::{NetStream, Wish};
use crate::rtmp::{Close, PlayRequest, PlayStart, RtmpError, Status};

/// Commands whose answers are waited for: those of calls and streams, and as many again whose streams were given up.
pub(super) const WAITING_MAX: usize = 64;

/// Numbers of streams that are remembered: those of all that there may be, and of as many that have just ended.
const GIVEN_MAX: usize = 64;
/// Said of a stream that got the number of another.
const TAKEN_NUMBER: &str = "the server gave the number of a stream that is there already: it takes one stream a connection";

/// Who waits for the answer to a command.
#[derive(Debug)]
pub(super) enum Waiting {
    /// `createStream` of this lane, which may be gone: what is created then is deleted.
    Create(u32),
    /// `publish` or `play`.
    Start(u32),
    /// `pause` or `seek`.
    Question(u32),
    /// Unless the user has dropped it.
    Call(Weak<Call>),
}

#[derive(Debug)]
pub(super) enum Flow {
    Publish(Rc<Publisher>),
    /// With what is to be sent once the stream has a number.
    Play(Rc<Player>, Option<Box<PlayRequest>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Creating,
    Starting,
    Live,
    /// `is_said`: the last words are encoded.
    Stopping {
        until: Instant,
        is_said: bool,
    },
}

/// One stream.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) key: u32,
    pub(super) flow: Flow,
    pub(super) progress: Progress,
    /// Its number with the server (section 7.2.1.3); 0 before there is one.
    pub(super) stream_id: u32,
    /// Until when the server must have said yes.
    pub(super) start_until: Option<Instant>,
    /// Whether it was asked to play what is recorded, or a part: then the server's `Stop` is the end.
    pub(super) is_bounded: bool,
}

impl Lane {
    pub(super) fn stream(&self) -> &NetStream {
        match &self.flow {
            Flow::Publish(publisher) => &publisher.stream,
            Flow::Play(player, _) => &player.stream,
        }
    }

    pub(super) fn player(&self) -> Option<&Rc<Player>> {
        match &self.flow {
            Flow::Play(player, _) => Some(player),
            Flow::Publish(_) => None,
        }
    }

    pub(super) fn publisher(&self) -> Option<&Rc<Publisher>> {
        match &self.flow {
            Flow::Publish(publisher) => Some(publisher),
            Flow::Play(..) => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.stream().is_over()
    }

    pub(super) fn is_full(&self) -> bool {
        self.player().is_some_and(|player| player.is_full())
    }

    pub(super) fn is_starting(&self) -> bool {
        matches!(self.progress, Progress::Creating | Progress::Starting)
    }

    /// Tell the stream's observer what was counted.
    pub(super) fn tell(&self) {
        match &self.flow {
            Flow::Play(player, _) => player.tell(),
            Flow::Publish(publisher) => {
                let counted = publisher.sending.borrow_mut().take_counted();
                if let Some(counted) = counted {
                    publisher.stream.observer.sent(counted);
                }
            }
        }
    }

    /// The end; what it would still have sent goes nowhere.
    pub(super) fn end(&self, close: Close, now: Instant) {
        match &self.flow {
            Flow::Play(player, _) => player.end(close, now),
            Flow::Publish(publisher) => {
                self.tell();
                publisher.sending.borrow_mut().clear();
                publisher.stream.end(close, now);
            }
        }
    }

    /// There is no stream, and this is why.
    pub(super) fn fail_start(&self, error: RtmpError, now: Instant) {
        self.stream().fail_start(error, now);
    }
}

impl Pump {
    pub(super) fn begin_publishing(&mut self, publisher: Rc<Publisher>) {
        let until = publisher
            .stream
            .asked
            .checked_add(publisher.request.timeout);
        let name = publisher.request.name.clone();
        for command in ["releaseStream", "FCPublish"] {
            let number = self.number();
            self.say(&command::named(command, number, &name));
        }
        self.begin_lane(Flow::Publish(publisher), until, false);
    }

    pub(super) fn begin_playing(&mut self, player: Rc<Player>, request: Box<PlayRequest>) {
        let until = player.stream.asked.checked_add(player.timeout);
        let is_bounded =
            matches!(request.start, PlayStart::Recorded(_)) || request.length.is_some();
        player.let_ask();
        self.begin_lane(Flow::Play(player, Some(request)), until, is_bounded);
    }

    fn begin_lane(&mut self, flow: Flow, start_until: Option<Instant>, is_bounded: bool) {
        let key = self.next_lane;
        self.next_lane += 1;
        let transaction = self.transaction(Waiting::Create(key));
        self.say(&command::create_stream(transaction));
        self.lanes.push(Lane {
            key,
            flow,
            progress: Progress::Creating,
            stream_id: 0,
            start_until,
            is_bounded,
        });
    }

    /// The server has made a stream: say what it is for. If nobody wants it any more it is deleted.
    pub(super) fn created(&mut self, key: u32, stream_id: u32) {
        let index = self.lanes.iter().position(|lane| {
            lane.key == key && lane.progress == Progress::Creating && !lane.is_over()
        });
        let is_taken = self.has_number(stream_id);
        self.note_given(stream_id);
        let Some(lane) = index.and_then(|index| self.lanes.get_mut(index)) else {
            if !is_taken {
                let number = self.number();
                self.say(&command::delete_stream(number, stream_id));
            }
            return;
        };
        if is_taken {
            // nginx-rtmp has one stream a connection, which is always 1: it would mix up the two, or end the first.
            let status = Status {
                code: String::new(),
                level: "error".to_owned(),
                description: TAKEN_NUMBER.to_owned(),
            };
            self.fail_lane(key, refused(&status));
            return;
        }
        lane.stream_id = stream_id;
        lane.progress = Progress::Starting;
        match &mut lane.flow {
            Flow::Publish(publisher) => {
                let publisher = publisher.clone();
                let transaction = self.transaction(Waiting::Start(key));
                let request = &publisher.request;
                let message = command::publish(stream_id, transaction, &request.name, request.kind);
                self.say(&message);
            }
            Flow::Play(player, request) => {
                self.reader.keep_payload(stream_id, player.keeps_payload());
                let request = request.take();
                self.choose_payloads();
                if let Some(request) = request {
                    self.say_play(key, stream_id, &request);
                }
            }
        }
    }

    /// The specification says seconds (section 7.2.2.1); what servers and clients mean is milliseconds, −1000 for live only and −2000 for
    /// live or recorded: nginx-rtmp, ffmpeg and librtmp, after Adobe's own.
    fn say_play(&mut self, key: u32, stream_id: u32, request: &PlayRequest) {
        let start = match request.start {
            PlayStart::LiveOrRecorded => -2000.0,
            PlayStart::Live => -1000.0,
            PlayStart::Recorded(from) => milliseconds(from),
        };
        let length = request.length.map(milliseconds);
        let transaction = self.transaction(Waiting::Start(key));
        let message = command::play(stream_id, transaction, &request.name, start, length);
        self.say(&message);
        let buffer = u32::try_from(request.buffer.as_millis()).unwrap_or(u32::MAX);
        self.say(&command::set_buffer_length(stream_id, buffer));
    }

    /// The server says yes.
    pub(super) fn started(&mut self, index: usize) {
        let now = self.arrived;
        let Some(lane) = self.lanes.get_mut(index) else {
            return;
        };
        if lane.progress != Progress::Starting {
            return;
        }
        lane.progress = Progress::Live;
        lane.start_until = None;
        let is_it = |waiting: &Waiting| matches!(waiting, Waiting::Start(key) if *key == lane.key);
        self.waiting.retain(|(_, waiting)| !is_it(waiting));
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
        match &lane.flow {
            Flow::Play(player, _) => player.start(now),
            Flow::Publish(publisher) => {
                publisher.sending.borrow_mut().begin(now);
                publisher.stream.start(now);
            }
        }
    }

    /// A stream is over, or there is none: the server is told, and it is gone.
    pub(super) fn drop_lane(&mut self, index: usize, outcome: Result<Close, RtmpError>) {
        if index >= self.lanes.len() {
            return;
        }
        // A name that was refused is somebody else's.
        let had_name = !matches!(outcome, Err(RtmpError::Refused(_)));
        self.say_last_words(index, had_name);
        let lane = self.lanes.remove(index);
        let now = Instant::now();
        match outcome {
            Ok(close) => lane.end(close, now),
            Err(error) => lane.fail_start(error, now),
        }
        self.choose_payloads();
    }

    /// Whether a stream that is there has this number.
    fn has_number(&self, stream_id: u32) -> bool {
        let is_it = |lane: &Lane| lane.stream_id == stream_id && !lane.is_over();
        stream_id != 0 && self.lanes.iter().any(is_it)
    }

    fn note_given(&mut self, stream_id: u32) {
        if stream_id == 0 || self.given.contains(&stream_id) {
            return;
        }
        if self.given.len() >= GIVEN_MAX {
            self.given.pop_front();
        }
        self.given.push_back(stream_id);
    }

    /// What comes on numbers that the server did not give, as `ffmpeg -listen` sends on 0, is the only player's: also what it carries.
    pub(super) fn choose_payloads(&mut self) {
        let mut players = self.lanes.iter().filter(|lane| lane.stream_id != 0);
        let mut players = players.by_ref().filter_map(Lane::player);
        let keeps = players.next().is_some_and(|player| player.keeps_payload());
        let is_only = players.next().is_none();
        self.reader.keep_other_payloads(keeps && is_only);
    }

    /// Tell the server that a stream is over, as Adobe's clients do; `had_name`: it may have been published.
    pub(super) fn say_last_words(&mut self, index: usize, had_name: bool) {
        let Some(lane) = self.lanes.get_mut(index) else {
            return;
        };
        if matches!(lane.progress, Progress::Stopping { is_said: true, .. }) {
            return;
        }
        let stream_id = lane.stream_id;
        if let Progress::Stopping { is_said, .. } = &mut lane.progress {
            *is_said = true;
        }
        let publisher = lane.publisher().cloned();
        if let Some(publisher) = publisher.as_ref().filter(|_| had_name) {
            let number = self.number();
            self.say(&command::named(
                "FCUnpublish",
                number,
                &publisher.request.name,
            ));
        }
        let others = self.lanes.iter().enumerate();
        let is_others = others.filter(|(other, _)| *other != index);
        let is_others = is_others
            .filter(|(_, lane)| !lane.is_over())
            .any(|(_, lane)| lane.stream_id == stream_id);
        if stream_id == 0 || is_others {
            return;
        }
        if publisher.is_none() {
            self.reader.keep_payload(stream_id, false);
        }
        let number = self.number();
        self.say(&command::delete_stream(number, stream_id));
    }

    /// Do what the user wants of a stream's end.
    pub(super) fn take_wish(&mut self, index: usize) {
        let Some(lane) = self.lanes.get(index) else {
            return;
        };
        match lane.stream().wish() {
            Wish::None => {}
            Wish::Stop => self.stop(index, Instant::now() + CLOSE_TIMEOUT),
            Wish::Abandon => {
                self.say_last_words(index, true);
                if let Some(lane) = self.lanes.get(index) {
                    lane.end(Close::by_us(), Instant::now());
                }
            }
        }
    }

    /// End a stream in order: what is published goes on until the kernel has what was given to send.
    pub(super) fn stop(&mut self, index: usize, until: Instant) {
        let Some(lane) = self.lanes.get_mut(index) else {
            return;
        };
        if lane.is_over() {
            return;
        }
        match (&lane.flow, lane.progress) {
            (_, Progress::Stopping { .. }) => {}
            (Flow::Publish(publisher), Progress::Live) => {
                publisher.sending.borrow_mut().stop_asset();
                let is_said = false;
                lane.progress = Progress::Stopping { until, is_said };
            }
            _ => {
                self.say_last_words(index, true);
                if let Some(lane) = self.lanes.get(index) {
                    lane.end(Close::by_us(), Instant::now());
                }
            }
        }
    }

    /// Servers answer questions by a status: no other answer is to be waited for then.
    pub(super) fn forget_question(&mut self, key: u32) {
        let is_it = |waiting: &Waiting| matches!(waiting, Waiting::Question(of) if *of == key);
        self.waiting.retain(|(_, waiting)| !is_it(waiting));
    }

    /// Send what the user asks of the server.
    pub(super) fn take_question(&mut self, index: usize) {
        let Some(lane) = self.lanes.get(index) else {
            return;
        };
        let (key, stream_id) = (lane.key, lane.stream_id);
        let player = lane.player().filter(|_| lane.progress == Progress::Live);
        let Some((question, position)) = player.and_then(|player| player.take_question()) else {
            return;
        };
        // A question takes the place of the one before.
        self.forget_question(key);
        let transaction = self.transaction(Waiting::Question(key));
        let message = match question {
            Question::Pause(paused) => {
                command::pause(stream_id, transaction, paused, milliseconds(position))
            }
            Question::Seek(position) => {
                command::seek(stream_id, transaction, milliseconds(position))
            }
        };
        self.say(&message);
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
