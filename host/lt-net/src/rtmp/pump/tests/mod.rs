//! Connections against servers that say what a script says.

mod calling;
mod faults;
mod gathering;
mod playing;
mod publishing;
mod sharing;
mod timing;
mod watching;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};

use super::*;
use crate::dial::tcp;
use crate::peer::{Peer, local_paused};
use crate::rtmp::command::{CSID_AUDIO, CSID_VIDEO, type_id};
use crate::rtmp::connection::Opened;
use crate::rtmp::message::Incoming;
use crate::rtmp::player::Player;
use crate::rtmp::publisher::Publisher;
use crate::rtmp::*;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// The number that nginx-rtmp gives every stream.
const STREAM: u32 = 1;

/// What the pump said of a connection or a stream, in words.
#[derive(Debug, Default)]
struct Log {
    said: RefCell<Vec<String>>,
    bytes: Cell<(u64, u64)>,
    received: Cell<Counted>,
    /// How often that was told.
    tellings: Cell<u32>,
    sent: Cell<Counted>,
    late: RefCell<Vec<Duration>>,
    seconds: RefCell<Vec<(Duration, u64)>>,
    end_to_end: Cell<u32>,
    is_over: Cell<bool>,
}

impl Log {
    fn say(&self, text: impl Into<String>) {
        assert!(!self.is_over.get(), "nothing behind the end");
        self.said.borrow_mut().push(text.into());
    }

    #[track_caller]
    fn check(&self, said: &[&str]) {
        assert_eq!(*self.said.borrow(), said);
    }

    fn has(&self, text: &str) -> bool {
        self.said.borrow().iter().any(|said| said.contains(text))
    }
}

impl Observer for Rc<Log> {
    fn bytes(&self, sent: u64, received: u64) {
        assert!(!self.is_over.get(), "nothing behind the end");
        let before = self.bytes.get();
        self.bytes.set((before.0 + sent, before.1 + received));
    }

    fn error(&self, status: &Status) {
        self.say(format!("error {}", status.code));
    }

    fn ended(&self, close: &Close, _: Duration) {
        self.say(format!("ended {}", close.ending.as_str()));
        self.is_over.set(true);
    }
}

fn add(cell: &Cell<Counted>, more: Counted) {
    let before = cell.get();
    cell.set(Counted {
        audio: before.audio + more.audio,
        video: before.video + more.video,
        data: before.data + more.data,
        bytes: before.bytes + more.bytes,
    });
}

impl StreamObserver for Log {
    fn started(&self, _: Duration, failed: Option<&RtmpError>) {
        match failed {
            None => self.say("started"),
            Some(error) => {
                self.say(format!("not started: {error}"));
                self.is_over.set(true);
            }
        }
    }

    fn first_byte(&self, took: Duration) {
        self.say(format!("first byte {}", took.as_millis()));
    }

    fn first_frame(&self, took: Duration) {
        self.say(format!("first frame {}", took.as_millis()));
    }

    fn first_key_frame(&self, took: Duration) {
        self.say(format!("first key frame {}", took.as_millis()));
    }

    fn received(&self, counted: Counted) {
        add(&self.received, counted);
        self.tellings.set(self.tellings.get() + 1);
    }

    fn sent(&self, counted: Counted) {
        add(&self.sent, counted);
    }

    fn paced(&self, late: Duration) {
        self.late.borrow_mut().push(late);
    }

    fn second(&self, lag: Duration, bits: u64) {
        self.seconds.borrow_mut().push((lag, bits));
    }

    fn stalled(&self) {
        self.say("stalled");
    }

    fn resumed(&self, gap: Duration, lag: Duration) {
        self.say(format!("resumed {} {}", gap.as_millis(), lag.as_millis()));
    }

    fn end_to_end(&self, _: Duration) {
        self.end_to_end.set(self.end_to_end.get() + 1);
    }

    fn discontinuity(&self, milliseconds: i64) {
        self.say(format!("discontinuity {milliseconds}"));
    }

    fn dropped(&self, frames: u64) {
        self.say(format!("dropped {frames}"));
    }

    fn error(&self, status: &Status) {
        self.say(format!("error {}", status.code));
    }

    fn ended(&self, close: &Close, _: Duration) {
        let code = if close.code.is_empty() {
            "-"
        } else {
            &close.code
        };
        self.say(format!("ended {} {code}", close.ending.as_str()));
        self.is_over.set(true);
    }
}

/// A connection, what its pump said, and the pump.
struct Client {
    connection: Rc<Connection>,
    log: Rc<Log>,
    pump: JoinHandle<()>,
    /// Says that the server's script came to its end; it is silent if that failed.
    server: oneshot::Receiver<()>,
}

impl Client {
    /// The end, which the pump tells once and then ends itself.
    async fn closed(self) -> Close {
        let close = poll_fn(|cx| self.connection.poll_closed(cx)).await;
        let (said, ending) = (self.log.said.borrow().clone(), close.ending.as_str());
        assert_eq!(said.last(), Some(&format!("ended {ending}")));
        self.pump.await.unwrap();
        self.server.await.expect("the server's script failed");
        let late = self.connection.call("late", Vec::new());
        assert_eq!(late.unwrap_err(), RtmpError::Closed(close.clone()));
        close
    }

    /// The user closes it.
    async fn close(self) {
        self.connection.begin_close();
        assert_eq!(self.closed().await, Close::by_us());
    }

    fn play_with(&self, request: PlayRequest) -> (Rc<Player>, Rc<Log>) {
        let log = Rc::new(Log::default());
        let player = self.connection.play(request, log.clone()).unwrap();
        (player, log)
    }

    fn play(&self) -> (Rc<Player>, Rc<Log>) {
        self.play_with(play_request("cam"))
    }

    fn publish_with(&self, request: PublishRequest) -> (Rc<Publisher>, Rc<Log>) {
        let log = Rc::new(Log::default());
        let publisher = self.connection.publish(request, log.clone()).unwrap();
        (publisher, log)
    }

    /// Publish without stamps, which would stand between the frames.
    fn publish(&self) -> (Rc<Publisher>, Rc<Log>) {
        self.publish_with(publish_request("cam"))
    }
}

fn play_request(name: &str) -> PlayRequest {
    PlayRequest {
        name: name.to_owned(),
        start: PlayStart::LiveOrRecorded,
        length: None,
        buffer: SECOND * 3,
        options: PlayOptions {
            timeout: SECOND * 30,
            stall_after: Duration::from_millis(500),
            lag_after: SECOND * 3,
            silence_max: None,
            frames: None,
            payload: false,
        },
    }
}

fn publish_request(name: &str) -> PublishRequest {
    PublishRequest {
        name: name.to_owned(),
        timeout: SECOND * 30,
        kind: PublishKind::Live,
        stamping: Stamping::None,
        unsent_max: SECOND * 30,
    }
}

async fn started(player: &Player) -> Result<Duration, RtmpError> {
    poll_fn(|cx| player.poll_started(cx)).await
}

async fn published(publisher: &Publisher) -> Result<Duration, RtmpError> {
    poll_fn(|cx| publisher.poll_started(cx)).await
}

async fn ended(player: &Player) -> Close {
    poll_fn(|cx| player.poll_stopped(cx)).await
}

/// What happened, in words, up to now.
fn happenings(player: &Player) -> Vec<String> {
    std::iter::from_fn(|| player.try_event())
        .map(|event| match event.what {
            Happening::Status(status) => status.code,
            Happening::Metadata(fields) => format!("metadata of {}", fields.len()),
            Happening::Ended(close) => format!("ended {}", close.ending.as_str()),
            other => format!("{other:?}"),
        })
        .collect()
}

/// The client of a server that does what the script says.
async fn pair<F: Future<Output = ()> + 'static>(script: impl Fn(Server) -> F + 'static) -> Client {
    pair_with(Arc::default(), script).await
}

async fn pair_with<F: Future<Output = ()> + 'static>(
    stamps: Arc<Stamps>,
    script: impl Fn(Server) -> F + 'static,
) -> Client {
    let (done, server) = oneshot::channel();
    let done = RefCell::new(Some(done));
    let peer = Peer::start(move |_, stream| {
        let (script, done) = (script(Server::over(stream)), done.take().unwrap());
        async move {
            script.await;
            // A test may have ended without asking.
            let _ = done.send(());
        }
    })
    .await;
    let wire = tcp::connect(&[peer.address], None).await.unwrap();
    let Opened { connection, pump } = Connection::open(established(wire, stamps));
    let log = Rc::new(Log::default());
    let pump = spawn_local(pump.run(log.clone()));
    Client {
        connection,
        log,
        pump,
        server,
    }
}

/// A connection behind the server's yes.
fn established(wire: tcp::Wire, stamps: Arc<Stamps>) -> Established {
    let connected = Connected {
        status: Status::default(),
        server_version: String::new(),
        remote: wire.remote(),
        tls_version: "",
        timings: ConnectTimings::default(),
    };
    Established {
        stream: Stream::Plain(wire),
        reader: Reader::new(),
        encoder: Encoder::new(),
        rest: Vec::new(),
        connected,
        window: 0,
        acknowledged: 0,
        tc_url: String::new(),
        app: "live".to_owned(),
        next_transaction: 2.0,
        stamps,
    }
}

/// A command, as a server sees it.
#[derive(Debug)]
struct Told {
    stream_id: u32,
    name: String,
    transaction: f64,
    values: Vec<Value>,
}

/// A server's end of a connection.
struct Server {
    stream: TcpStream,
    reader: Reader,
    encoder: Encoder,
    heard: VecDeque<Incoming>,
    /// The number that it gives the next stream, and says things on.
    stream_id: u32,
}

impl Server {
    fn over(stream: TcpStream) -> Self {
        let mut reader = Reader::new();
        reader.keep_payload(STREAM, true);
        Self {
            stream,
            reader,
            encoder: Encoder::new(),
            heard: VecDeque::new(),
            stream_id: STREAM,
        }
    }

    /// The next message; nothing at the end of the stream.
    async fn next(&mut self) -> Option<Incoming> {
        while self.heard.is_empty() {
            let mut bytes = [0; 4096];
            let length = self.stream.read(&mut bytes).await.unwrap();
            if length == 0 {
                return None;
            }
            let mut input = &bytes[..length];
            while let Some(incoming) = self.reader.next(&mut input).unwrap() {
                self.heard.push_back(incoming);
            }
            assert!(input.is_empty());
        }
        self.heard.pop_front()
    }

    /// The next command, what is no command left aside.
    async fn told(&mut self) -> Option<Told> {
        loop {
            if let Incoming::Command {
                stream_id,
                name,
                transaction,
                values,
            } = self.next().await?
            {
                return Some(Told {
                    stream_id,
                    name,
                    transaction,
                    values,
                });
            }
        }
    }

    /// The next command is this one.
    async fn expect(&mut self, name: &str) -> Told {
        let told = self.told().await.unwrap();
        assert_eq!(told.name, name);
        told
    }

    /// Commands up to the one with this name.
    async fn until(&mut self, name: &str) -> Told {
        loop {
            let told = self.told().await.unwrap();
            if told.name == name {
                return told;
            }
        }
    }

    /// Audio, video and data, up to the next of these kinds.
    async fn frame(&mut self) -> Option<(FrameHead, Vec<u8>)> {
        loop {
            if let Incoming::Frame { head, payload, .. } = self.next().await? {
                return Some((head, payload.unwrap().into()));
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn say(&mut self, message: Message) {
        let mut out = Vec::new();
        message.write(&mut self.encoder, &mut out, 0);
        self.write(&out).await;
    }

    async fn status_on(&mut self, stream_id: u32, code: &str, level: &str) {
        let values = [Value::Null, info(code, level)];
        self.say(command::command(stream_id, "onStatus", 0.0, &values))
            .await;
    }

    async fn status(&mut self, code: &str) {
        self.status_on(self.stream_id, code, "status").await;
    }

    async fn error(&mut self, code: &str) {
        self.status_on(self.stream_id, code, "error").await;
    }

    async fn result(&mut self, told: &Told, value: Value) {
        let values = [Value::Null, value];
        let result = command::command(0, "_result", told.transaction, &values);
        self.say(result).await;
    }

    /// `createStream`, up to its answer.
    async fn create(&mut self) {
        let told = self.until("createStream").await;
        self.result(&told, Value::Number(f64::from(self.stream_id)))
            .await;
    }

    /// Play as nginx-rtmp does, up to `NetStream.Play.Start`.
    async fn play(&mut self) {
        self.create().await;
        let told = self.expect("play").await;
        assert_eq!(told.values[1], Value::Text("cam".to_owned()));
        self.say(command::user_control(0, &[self.stream_id])).await;
        self.status("NetStream.Play.Start").await;
    }

    /// Publish as nginx-rtmp does.
    async fn publish(&mut self) {
        self.create().await;
        self.expect("publish").await;
        self.status("NetStream.Publish.Start").await;
    }

    async fn send(&mut self, kind: FrameKind, timestamp: u32, payload: &[u8]) {
        let mut out = Vec::new();
        let (csid, type_id) = match kind {
            FrameKind::Audio => (CSID_AUDIO, type_id::AUDIO),
            FrameKind::Video | FrameKind::Data => (CSID_VIDEO, type_id::VIDEO),
        };
        let (encoder, stream_id) = (&mut self.encoder, self.stream_id);
        encoder.message(&mut out, csid, timestamp, type_id, stream_id, payload);
        self.write(&out).await;
    }

    /// A frame of video.
    async fn video(&mut self, timestamp: u32) {
        self.send(FrameKind::Video, timestamp, &video(1)).await;
    }

    /// Wait for the client's end of the stream, whatever it says before.
    async fn end(mut self) {
        while self.next().await.is_some() {}
    }
}

/// What `onStatus` says.
fn info(code: &str, level: &str) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Object(vec![
        ("level".to_owned(), text(level)),
        ("code".to_owned(), text(code)),
        ("description".to_owned(), text("so it is")),
    ])
}

/// An AVC frame, no key frame, with this in it.
fn video(content: u8) -> Vec<u8> {
    [&[0x27, 1, 0, 0, 0][..], &[content; 95]].concat()
}

/// An AVC key frame.
fn key_frame(content: u8) -> Vec<u8> {
    [&[0x17, 1, 0, 0, 0][..], &[content; 195]].concat()
}

/// An FLV file of these tags: type, time stamp, content.
fn flv(tags: &[(u8, u32, Vec<u8>)]) -> Arc<Asset> {
    let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for (kind, timestamp, content) in tags {
        let length = u32::try_from(content.len()).unwrap();
        file.push(*kind);
        file.extend_from_slice(&length.to_be_bytes()[1..]);
        let [high, time @ ..] = timestamp.to_be_bytes();
        file.extend_from_slice(&time);
        file.push(high);
        file.extend_from_slice(&[0, 0, 0]);
        file.extend_from_slice(content);
        file.extend_from_slice(&(length + 11).to_be_bytes());
    }
    Arc::new(Asset::parse(file.into()).unwrap())
}

/// Poll something once.
fn poll_now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(std::task::Waker::noop()))
}

/// Let all others do what they can without time going by.
async fn settle() {
    tokio::time::sleep(MILLISECOND).await;
}
