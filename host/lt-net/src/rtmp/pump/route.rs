//! What becomes of a message: whose it is, and what is answered.

use super::lane::{Lane, Progress, Waiting};
use super::status::{self, Direction, Meaning};
use super::{Pump, refused};
use crate::rtmp::message::Incoming;
use crate::rtmp::{Close, Ending, Observer, RtmpError, Status, Value, command};

/// Answers to a peer that takes none are not kept beyond this.
const ANSWERS_BYTES_MAX: usize = 128 << 10;

impl Pump {
    pub(super) fn route(&mut self, incoming: Incoming, observer: &impl Observer) {
        match incoming {
            Incoming::Frame { stream_id, .. } | Incoming::MediaBegun { stream_id } => {
                self.take_media(stream_id, incoming);
            }
            Incoming::Data {
                stream_id,
                ref handler,
                ref values,
                ..
            } => {
                if matches!(handler.as_str(), "onStatus" | "onPlayStatus") {
                    let status = Status::of(values);
                    self.take_data(stream_id, incoming);
                    self.take_status(stream_id, status, observer);
                } else {
                    self.take_data(stream_id, incoming);
                }
            }
            Incoming::Command {
                stream_id,
                name,
                transaction,
                values,
            } => self.take_command(stream_id, &name, transaction, values, observer),
            Incoming::StreamEof(stream_id) => {
                let status = Status {
                    code: "StreamEOF".to_owned(),
                    level: "status".to_owned(),
                    description: String::new(),
                };
                if let Some(player) = self.player(stream_id).and_then(Lane::player) {
                    player.stream.tell_status(self.arrived, status);
                }
            }
            Incoming::StreamIsRecorded(stream_id) => {
                let index = self.player_index(stream_id);
                if let Some(lane) = index.and_then(|index| self.lanes.get_mut(index)) {
                    lane.is_bounded = true;
                }
            }
            Incoming::WindowAckSize(bytes) => self.window = bytes,
            Incoming::PeerBandwidth(bytes, _) => {
                // Section 5.4.5: the answer is the window, if it is another.
                if bytes != self.own_window && self.may_answer() {
                    self.own_window = bytes;
                    self.say(&command::window_ack_size(bytes));
                }
            }
            Incoming::PingRequest(timestamp) => {
                if self.may_answer() {
                    self.say(&command::ping_response(timestamp));
                }
            }
            Incoming::Acknowledgement(_)
            | Incoming::ChunkSize(_)
            | Incoming::Abort
            | Incoming::StreamBegin(_)
            | Incoming::StreamDry(_)
            | Incoming::PingResponse(_)
            | Incoming::UserOther(_)
            | Incoming::Unknown { .. } => {}
        }
    }

    /// Whether the peer takes answers: what it does not take is not to grow without a bound.
    pub(super) fn may_answer(&self) -> bool {
        self.out.len() <= ANSWERS_BYTES_MAX
    }

    /// Whether a stream that has ended here had this number: what still comes for it is nobody's.
    fn is_past(&self, stream_id: u32) -> bool {
        let is_there = |lane: &Lane| lane.stream_id == stream_id;
        self.given.contains(&stream_id) && !self.lanes.iter().any(is_there)
    }

    /// The player of this stream. A server that sends on 0 (`ffmpeg -listen`), or on a number of its own, means the only one.
    fn player_index(&self, stream_id: u32) -> Option<usize> {
        let plays = |lane: &Lane| lane.player().is_some() && lane.progress != Progress::Creating;
        let is_it = |lane: &Lane| lane.stream_id == stream_id && plays(lane);
        let exact = self.lanes.iter().rposition(is_it);
        if exact.is_some() || self.is_past(stream_id) {
            return exact;
        }
        let mut players =
            (0..self.lanes.len()).filter(|index| self.lanes.get(*index).is_some_and(plays));
        let only = players.next()?;
        players.next().is_none().then_some(only)
    }

    pub(super) fn player(&self, stream_id: u32) -> Option<&Lane> {
        self.lanes.get(self.player_index(stream_id)?)
    }

    /// Audio or video. Media are as good as the server's yes.
    fn take_media(&mut self, stream_id: u32, incoming: Incoming) {
        let Some(index) = self.player_index(stream_id) else {
            return;
        };
        let Some(lane) = self.lanes.get(index) else {
            return;
        };
        if lane.progress == Progress::Starting {
            self.started(index);
        }
        self.hand_in(index, incoming);
    }

    fn take_data(&mut self, stream_id: u32, incoming: Incoming) {
        if let Some(index) = self.player_index(stream_id) {
            self.hand_in(index, incoming);
        }
    }

    fn hand_in(&mut self, index: usize, incoming: Incoming) {
        let player = self.lanes.get(index).and_then(Lane::player);
        let overflow = player.and_then(|player| {
            player.incoming(incoming, self.arrived);
            player.overflow()
        });
        if let Some(close) = overflow {
            self.drop_lane(index, Ok(close));
        }
    }

    fn take_command(
        &mut self,
        stream_id: u32,
        name: &str,
        transaction: f64,
        values: Vec<Value>,
        observer: &impl Observer,
    ) {
        match name {
            "_result" => self.take_result(transaction, values),
            "_error" => self.take_error(transaction, &values, observer),
            "onStatus" | "onPlayStatus" => {
                self.take_status(stream_id, Status::of(&values), observer);
            }
            "close" => {
                let text = "the server closed the connection";
                self.end(Close::plain(Ending::ByPeer, text), observer);
            }
            // What servers announce of themselves (`onBWDone`, `onFCPublish`) wants no answer.
            _ => {}
        }
    }

    fn take_waiting(&mut self, transaction: f64) -> Option<Waiting> {
        let is_it = |(number, _): &(f64, Waiting)| (number - transaction).abs() < 0.5;
        let index = self.waiting.iter().position(is_it)?;
        let (_, waiting) = self.waiting.remove(index);
        Some(waiting)
    }

    fn take_result(&mut self, transaction: f64, values: Vec<Value>) {
        match self.take_waiting(transaction) {
            Some(Waiting::Create(key)) => match values.get(1).and_then(stream_number) {
                Some(stream_id) => self.created(key, stream_id),
                None => {
                    let text = "the answer to createStream has no number of a stream";
                    self.fail_lane(key, RtmpError::Protocol(text.to_owned()));
                }
            },
            Some(Waiting::Call(call)) => {
                if let Some(call) = call.upgrade() {
                    call.answer(Ok(values));
                }
            }
            // What these wait for is a status.
            Some(Waiting::Start(_) | Waiting::Question(_)) | None => {}
        }
    }

    fn take_error(&mut self, transaction: f64, values: &[Value], observer: &impl Observer) {
        let status = Status::of(values);
        match self.take_waiting(transaction) {
            Some(Waiting::Create(key) | Waiting::Start(key)) => {
                if let Some(lane) = self.lanes.iter().find(|lane| lane.key == key) {
                    lane.stream().observer.error(&status);
                }
                self.fail_lane(key, refused(&status));
            }
            Some(Waiting::Question(key)) => {
                let lane = self.lanes.iter().find(|lane| lane.key == key);
                if let Some(player) = lane.and_then(Lane::player) {
                    player.stream.tell_status(self.arrived, status.clone());
                    player.answer(|_| true, Err(refused(&status)));
                }
            }
            Some(Waiting::Call(call)) => {
                observer.error(&status);
                if let Some(call) = call.upgrade() {
                    call.answer(Err(refused(&status)));
                }
            }
            // `releaseStream` and the like, which many servers do not know.
            None => {}
        }
    }

    /// The start of a stream has failed, unless it has started already.
    pub(super) fn fail_lane(&mut self, key: u32, error: RtmpError) {
        let lane = |lane: &Lane| lane.key == key && lane.is_starting();
        if let Some(index) = self.lanes.iter().position(lane) {
            self.drop_lane(index, Err(error));
        }
    }

    /// The stream that a status is of. Servers put it on the stream, or on the connection.
    fn lane_of_status(&self, stream_id: u32, code: &str) -> Option<usize> {
        if self.is_past(stream_id) {
            return None;
        }
        let direction = status::direction(code);
        let is_meant = |lane: &Lane| match direction {
            Direction::Publish => lane.publisher().is_some(),
            Direction::Play => lane.player().is_some(),
            Direction::Either => true,
        };
        let is_there = |lane: &Lane| lane.progress != Progress::Creating && is_meant(lane);
        let is_on_it = |lane: &Lane| lane.stream_id == stream_id && is_there(lane);
        let is_starting_on_it = |lane: &Lane| lane.progress == Progress::Starting && is_on_it(lane);
        let is_starting = |lane: &Lane| lane.progress == Progress::Starting && is_there(lane);
        let newest = |is_it: &dyn Fn(&Lane) -> bool| self.lanes.iter().rposition(is_it);
        newest(&is_starting_on_it)
            .or_else(|| newest(&is_on_it))
            .or_else(|| newest(&is_starting))
            .or_else(|| newest(&is_there))
    }

    fn take_status(&mut self, stream_id: u32, status: Status, observer: &impl Observer) {
        if status.code.starts_with("NetConnection.") {
            self.take_connection_status(&status, observer);
            return;
        }
        let is_of_stream = stream_id != 0 || status.code.starts_with("NetStream.");
        let index = self.lane_of_status(stream_id, &status.code);
        let Some(index) = index.filter(|_| is_of_stream) else {
            Self::tell_error(&status, observer);
            return;
        };
        let Some(lane) = self.lanes.get(index) else {
            return;
        };
        let meaning = match lane.player() {
            Some(_) => status::of_player(&status, lane.is_bounded),
            None => status::of_publisher(&status),
        };
        // Before it is told that the stream has started, that is not news.
        if meaning == Meaning::Start {
            self.started(index);
        }
        let Some(lane) = self.lanes.get(index) else {
            return;
        };
        lane.stream().tell_status(self.arrived, status.clone());
        let (key, player) = (lane.key, lane.player().cloned());
        let is_answer = matches!(
            meaning,
            Meaning::Paused(_) | Meaning::Sought | Meaning::QuestionRefused
        );
        let is_starting = lane.is_starting();
        if is_answer {
            self.forget_question(key);
        }
        let now = self.arrived;
        match (meaning, player) {
            (Meaning::Refused, _) if is_starting => {
                self.drop_lane(index, Err(refused(&status)));
            }
            (Meaning::Refused, _) => self.drop_lane(index, Ok(Close::refused(&status))),
            (Meaning::End, _) => self.drop_lane(index, Ok(Close::by_peer(&status))),
            (Meaning::Paused(paused), Some(player)) => player.paused(paused, now),
            (Meaning::Sought, Some(player)) => player.sought(now),
            (Meaning::QuestionRefused, Some(player)) => {
                player.answer(|_| true, Err(refused(&status)));
            }
            _ => {}
        }
    }

    /// The server speaks of the connection: some of that is its end.
    fn take_connection_status(&mut self, status: &Status, observer: &impl Observer) {
        Self::tell_error(status, observer);
        let is_end = matches!(
            status.code.as_str(),
            "NetConnection.Connect.Closed"
                | "NetConnection.Connect.Rejected"
                | "NetConnection.Connect.AppShutdown"
                | "NetConnection.Connect.IdleTimeOut"
        );
        if is_end && status.is_error() {
            self.end(Close::refused(status), observer);
        } else if is_end {
            self.end(Close::by_peer(status), observer);
        }
    }
}

/// A message stream's number: 32 bits, in AMF0's only number.
fn stream_number(value: &Value) -> Option<u32> {
    let number = value.number()?;
    let is_one = number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number of 32 bits"
    )]
    is_one.then_some(number as u32)
}
