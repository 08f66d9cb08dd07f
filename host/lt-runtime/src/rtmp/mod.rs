//! A user's RTMP connections and streams: connecting on its I/O task, and what is recorded of all that.
//!
//! As with WebSockets ([`crate::sockets`]), the fiber hands a [`Dial`] to the I/O task and waits for an [`OpenConnection`]; what reads
//! and writes from then on is the connection's pump, a task of its own on the same thread. FLV over HTTP goes the same way and comes to
//! an [`OpenPlayer`] at once.

pub(crate) mod assets;
mod record;
pub(crate) mod streams;
pub(crate) mod told;

use std::rc::Rc;

use lt_metrics::Direction;
use lt_net::NetError;
use lt_net::rtmp::{
    Connection, Opened, OpenedFlv, Player, Publisher, RtmpError, StreamObserver, default_name,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::bindings::rtmp as wit;
use crate::bindings::rtmp::ErrorCode;
use crate::core::{GroupId, record_bytes};
use crate::interfaces::rtmp::options;
use crate::io_link::IoLink;
use crate::sockets::{Place, StillOpen};
use record::{Failure, Labelled};
use told::{Told, ToldStream};

pub(crate) use record::Labelled as ConnectionLabels;
pub(crate) use streams::{StreamsOfCore, StreamsOfUser};

/// Number of a connect or a start whose user ended before there was an answer (`wit/rtmp.wit`).
const CUT_OFF: u16 = 2120;

/// What a fiber hands to its I/O task to connect. Options are looked through there: on the fiber that would dirty two more pages of
/// its stack for the user's whole life.
pub(crate) struct Dial {
    pub(crate) url: String,
    pub(crate) options: Option<Box<wit::ConnectOptions>>,
    /// The group that the user connects in.
    pub(crate) group: GroupId,
}

/// The same for FLV over HTTP.
pub(crate) struct FlvDial {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) options: Option<Box<wit::PlayOptions>>,
    /// The group that the user plays in.
    pub(crate) group: GroupId,
}

/// What came of connecting.
pub(crate) type Connected = Result<OpenConnection, ErrorCode>;

/// What came of playing over HTTP.
pub(crate) type Playing = Result<OpenPlayer, ErrorCode>;

/// The user's end of a connection. Dropping it abandons it, with its streams.
pub(crate) struct OpenConnection {
    pub(crate) connection: Rc<Connection>,
    pub(crate) labels: Rc<ConnectionLabels>,
    _place: Place,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connection.abandon();
    }
}

/// The user's end of what it publishes. Dropping it ends that; a start that was not answered yet is counted as cut off.
pub(crate) struct OpenPublisher {
    pub(crate) publisher: Rc<Publisher>,
    pub(crate) told: Rc<ToldStream>,
}

impl Drop for OpenPublisher {
    fn drop(&mut self) {
        self.told.left();
        self.publisher.abandon();
    }
}

/// The user's end of what it plays. Dropping it ends that; a start that was not answered yet is counted as cut off.
pub(crate) struct OpenPlayer {
    pub(crate) player: Rc<Player>,
    pub(crate) told: Rc<ToldStream>,
    /// What its frames may take, and of one over HTTP its connection.
    pub(crate) _place: Option<Place>,
}

impl Drop for OpenPlayer {
    fn drop(&mut self) {
        self.told.left();
        self.player.abandon();
    }
}

/// Connect, on the I/O task; the pump is spawned from here, so that it is none of the fiber's.
pub(crate) async fn connect(link: &IoLink, dial: Box<Dial>, answer: oneshot::Sender<Connected>) {
    let connected = dialled(link, *dial).await;
    // Nobody waits any more: dropping the connection abandons it.
    let _unheard = answer.send(connected);
}

async fn dialled(link: &IoLink, dial: Dial) -> Connected {
    let (request, labels) = options::connect(link, dial)?;
    let place = Place::take(link.sockets(), 0).map_err(ErrorCode::TooMany)?;
    let labelled = Rc::new(Labelled::new(&link.core, link.who, labels, || {
        default_name(&request.url)
    }));
    let connecting = Connecting::begin(&labelled, link.streams());
    let (attempt, outcome) = link.client.connect_rtmp(request).await;
    connecting.finish();
    match outcome {
        Ok(Opened { connection, pump }) => {
            labelled.record(&attempt, None);
            link.streams().connected();
            let told = Told::new(&link.core, labelled.tags);
            tokio::task::spawn_local(pump.run(told));
            Ok(OpenConnection {
                connection,
                labels: labelled,
                _place: place,
            })
        }
        Err(error) => {
            // What makes no sense was not attempted.
            if !is_senseless(&error) {
                labelled.record(&attempt, Some(&Failure::of(&error)));
                link.streams().connect_failed(labelled.name.clone());
            }
            Err(error.into())
        }
    }
}

/// Play FLV over HTTP, on the I/O task.
pub(crate) async fn open_flv(link: &IoLink, dial: Box<FlvDial>, answer: oneshot::Sender<Playing>) {
    let playing = opened_flv(link, *dial).await;
    let _unheard = answer.send(playing);
}

async fn opened_flv(link: &IoLink, dial: FlvDial) -> Playing {
    let (request, labels) = options::flv(dial)?;
    let frames = request.options.frames.as_ref();
    let bytes = frames.map_or(0, |inbox| inbox.bytes_max);
    let place = Place::take(link.sockets(), bytes).map_err(ErrorCode::TooMany)?;
    let core = &link.core;
    let labelled = Labelled::new(core, link.who, labels, || options::name_of(&request.url));
    let told = ToldStream::new(&labelled, link.streams(), Direction::Play);
    let cut_off = CutOff(&told);
    let still_open = core.sockets.begin();
    let (attempt, outcome) = link.client.open_flv(request, told.clone()).await;
    {
        let mut recorder = core.recorder.borrow_mut();
        let (sent, received) = (attempt.bytes_sent, attempt.bytes_received);
        record_bytes(&mut recorder, told.tags(), sent, received);
    }
    let playing = match outcome {
        Ok(OpenedFlv { player, pump }) => {
            told.started(player.started(), None);
            told.plays(&player);
            tokio::task::spawn_local(pump.run(Told::new(core, told.tags())));
            Ok(OpenPlayer {
                player,
                told: told.clone(),
                _place: Some(place),
            })
        }
        Err(error) => {
            // What makes no sense was not attempted, unless it was a server that led there.
            if is_senseless(&error) && attempt.status.is_none() {
                told.withdrawn();
            } else {
                told.not_started(&error);
            }
            Err(error.into())
        }
    };
    drop((cut_off, still_open));
    playing
}

fn is_senseless(error: &RtmpError) -> bool {
    matches!(error, RtmpError::Net(NetError::InvalidRequest(_)))
}

/// A stream over HTTP that is being asked for. If its user ends first it is counted all the same.
struct CutOff<'a>(&'a ToldStream);

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        self.0.cut_off();
    }
}

/// A connect under way. If its user ends first it is counted all the same: else a server that never answers would be no failure.
struct Connecting<'a> {
    labelled: &'a Labelled,
    streams: &'a StreamsOfUser,
    begun: Instant,
    finished: bool,
    _still_open: StillOpen,
}

impl<'a> Connecting<'a> {
    fn begin(labelled: &'a Labelled, streams: &'a StreamsOfUser) -> Self {
        Self {
            labelled,
            streams,
            begun: Instant::now(),
            finished: false,
            _still_open: labelled.core.sockets.begin(),
        }
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.labelled.record_cut_off(self.begun.elapsed());
            self.streams.connect_failed(self.labelled.name.clone());
        }
    }
}
