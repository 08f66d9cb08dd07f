//! An RTMP server that says what a test tells it to, byte for byte, also such as no server may say, and remembers what clients sent.

pub mod amf;
pub mod chunks;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use amf::Amf;
use chunks::Chunks;
pub use chunks::{Message, kind};

use crate::flv::Tag;
use crate::peers::TcpPeer;
use crate::process::wait_until;

/// Bytes of C1, S1, C2 and S2 (section 5.2).
pub const HANDSHAKE_BYTES: usize = 1536;
/// Chunk stream of control messages.
pub const CONTROL: u8 = 2;
/// Chunk stream of commands.
pub const COMMANDS: u8 = 3;
/// Chunk stream of audio.
pub const AUDIO: u8 = 4;
/// Chunk stream of video.
pub const VIDEO: u8 = 6;
/// The message stream of which there is one.
pub const STREAM: u32 = 1;
/// Time that clients get to end their connections after a run.
const END_LIMIT: Duration = Duration::from_secs(20);

/// A command that came.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its name.
    pub name: String,
    /// The number its answer has.
    pub transaction: f64,
    /// What follows: the command object, then arguments.
    pub values: Vec<Amf>,
    /// Its message stream.
    pub stream: u32,
}

impl Command {
    fn of(message: &Message) -> Option<Self> {
        if message.kind != kind::COMMAND {
            return None;
        }
        let mut values = Amf::decode(&message.payload).into_iter();
        Some(Self {
            name: values.next()?.as_text()?.to_owned(),
            transaction: values.next()?.as_number()?,
            values: values.collect(),
            stream: message.stream,
        })
    }
}

/// The server's end of a connection. A client that has gone is no fault: that is what some tests are about.
pub struct RtmpWire {
    stream: TcpStream,
    /// Number of the connection, counted from 0.
    pub connection: usize,
    /// Size of the chunks that are sent.
    chunk_bytes: usize,
    chunks: Chunks,
    /// Commands and messages of the client.
    seen: Vec<Message>,
    is_reset: bool,
}

impl RtmpWire {
    /// Say this, as it is.
    pub fn raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Say a message, in chunks as large as was announced.
    pub fn message(&mut self, csid: u8, message: &Message) -> bool {
        let bytes = chunks::chunks(csid, message, self.chunk_bytes).concat();
        self.raw(&bytes)
    }

    /// A message of a connection: on message stream 0, at no time.
    pub fn control(&mut self, kind: u8, payload: &[u8]) -> bool {
        let message = Message {
            kind,
            timestamp: 0,
            stream: 0,
            payload: payload.to_vec(),
        };
        self.message(CONTROL, &message)
    }

    /// Announce larger or smaller chunks, and send such.
    pub fn chunk_size(&mut self, bytes: u32) -> bool {
        let done = self.control(kind::CHUNK_SIZE, &bytes.to_be_bytes());
        self.chunk_bytes = bytes as usize;
        done
    }

    /// A command.
    pub fn command(&mut self, stream: u32, values: &[Amf]) -> bool {
        let message = Message {
            kind: kind::COMMAND,
            timestamp: 0,
            stream,
            payload: Amf::all(values),
        };
        self.message(COMMANDS, &message)
    }

    /// The answer to a command.
    pub fn answer(&mut self, transaction: f64, values: &[Amf]) -> bool {
        let mut all = vec![Amf::text("_result"), Amf::Number(transaction)];
        all.extend_from_slice(values);
        self.command(0, &all)
    }

    /// The answer to a command that failed.
    pub fn refuse(&mut self, transaction: f64, information: Amf) -> bool {
        let all = [
            Amf::text("_error"),
            Amf::Number(transaction),
            Amf::Null,
            information,
        ];
        self.command(0, &all)
    }

    /// Say something of the stream.
    pub fn status(&mut self, level: &str, code: &str, description: &str) -> bool {
        let all = [
            Amf::text("onStatus"),
            Amf::Number(0.0),
            Amf::Null,
            Amf::information(level, code, description),
        ];
        self.command(STREAM, &all)
    }

    /// Audio or video.
    pub fn media(&mut self, kind: u8, timestamp: u32, payload: &[u8]) -> bool {
        let csid = if kind == kind::AUDIO { AUDIO } else { VIDEO };
        let message = Message {
            kind,
            timestamp,
            stream: STREAM,
            payload: payload.to_vec(),
        };
        self.message(csid, &message)
    }

    /// A frame of H.264 that is none, but looks so from outside: so many bytes.
    pub fn frame(&mut self, timestamp: u32, is_key: bool, bytes: usize) -> bool {
        let mut payload = vec![if is_key { 0x17 } else { 0x27 }, 1, 0, 0, 0];
        payload.extend_from_slice(&timestamp.to_be_bytes());
        payload.resize(bytes.max(payload.len()), 0xab);
        self.media(kind::VIDEO, timestamp, &payload)
    }

    /// Frames 40 ms apart from this time stamp on, in real time, a key frame each second. Returns the time stamp of what would be next.
    pub fn frames(&mut self, from: u32, count: u32) -> u32 {
        let begun = Instant::now();
        for number in 0..count {
            let due = begun + Duration::from_millis(40) * number;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let timestamp = from.wrapping_add(40 * number);
            if !self.frame(timestamp, number.is_multiple_of(25), 500) {
                break;
            }
        }
        from.wrapping_add(40 * count)
    }

    /// A tag of a file.
    pub fn tag(&mut self, tag: &Tag) -> bool {
        self.media(tag.kind, tag.timestamp, &tag.data)
    }

    /// The next message of the client; `None` at the end of the connection.
    pub fn read(&mut self) -> Option<Message> {
        let message = self.chunks.read(&mut self.stream)?;
        self.seen.push(message.clone());
        Some(message)
    }

    /// Read until a command of this name comes; what comes before it is only remembered.
    pub fn await_command(&mut self, name: &str) -> Option<Command> {
        loop {
            let message = self.read()?;
            if let Some(command) = Command::of(&message).filter(|command| command.name == name) {
                return Some(command);
            }
        }
    }

    /// Read to the end of the connection.
    pub fn read_to_end(&mut self) {
        while self.read().is_some() {}
    }

    /// Read C0 and C1: the version and what follows.
    pub fn await_handshake(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut bytes = vec![0; 1 + HANDSHAKE_BYTES];
        self.stream.read_exact(&mut bytes).ok()?;
        let rest = bytes.split_off(1);
        Some((bytes[0], rest))
    }

    /// All of the handshake.
    pub fn handshake(&mut self) -> Option<()> {
        let (_, c1) = self.await_handshake()?;
        let mut said = vec![3];
        said.extend_from_slice(&[0; 8]);
        said.extend((8..HANDSHAKE_BYTES).map(|place| (place % 251) as u8));
        said.extend_from_slice(&c1);
        self.raw(&said);
        let mut c2 = vec![0; HANDSHAKE_BYTES];
        self.stream.read_exact(&mut c2).ok()
    }

    /// Wait for the connect command.
    pub fn await_connect(&mut self) -> Option<Command> {
        self.handshake()?;
        self.await_command("connect")
    }

    /// Take whoever connects.
    pub fn accept(&mut self) -> Option<Command> {
        let connect = self.await_connect()?;
        self.control(kind::WINDOW, &2_500_000_u32.to_be_bytes());
        self.control(kind::BANDWIDTH, &[0, 0x26, 0x25, 0xa0, 2]);
        self.chunk_size(4096);
        let server = Amf::Object(vec![("fmsVer".to_owned(), Amf::text("scripted/1"))]);
        let success = Amf::information("status", "NetConnection.Connect.Success", "Connected");
        self.answer(connect.transaction, &[server, success]);
        Some(connect)
    }

    /// Wait for createStream, answer it, and wait for what is to be done on it: `play` or `publish`.
    pub fn await_stream(&mut self, command: &str) -> Option<Command> {
        let create = self.await_command("createStream")?;
        let number = Amf::Number(f64::from(STREAM));
        self.answer(create.transaction, &[Amf::Null, number]);
        self.await_command(command)
    }

    /// Take whoever connects and plays, up to the word that it begins.
    pub fn accept_player(&mut self) -> Option<Command> {
        self.accept()?;
        let play = self.await_stream("play")?;
        self.control(kind::USER_CONTROL, &[0, 0, 0, 0, 0, 1]);
        self.status("status", "NetStream.Play.Start", "Start live");
        Some(play)
    }

    /// Take whoever connects and publishes, up to the word that it may.
    pub fn accept_publisher(&mut self) -> Option<Command> {
        self.accept()?;
        let publish = self.await_stream("publish")?;
        self.status("status", "NetStream.Publish.Start", "Start publishing");
        Some(publish)
    }

    /// End the connection with a reset, as soon as the script is done.
    pub fn reset(&mut self) {
        let now = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&self.stream, now).expect("a socket can be told");
        self.is_reset = true;
    }
}

/// See the module.
pub struct RtmpPeer {
    peer: TcpPeer,
    ended: Arc<Mutex<Vec<Vec<Message>>>>,
}

impl RtmpPeer {
    /// Do on each connection what the script says. When it is done, nothing more is sent, and what the client still sends is read.
    #[must_use]
    pub fn start(script: impl Fn(&mut RtmpWire) + Send + Sync + 'static) -> Self {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let remembered = ended.clone();
        let peer = TcpPeer::start(move |stream, connection| {
            let mut wire = RtmpWire {
                stream,
                connection,
                chunk_bytes: 128,
                chunks: Chunks::new(),
                seen: Vec::new(),
                is_reset: false,
            };
            script(&mut wire);
            if !wire.is_reset {
                let _gone = wire.stream.shutdown(Shutdown::Write);
                wire.read_to_end();
            }
            let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.push(std::mem::take(&mut wire.seen));
        });
        Self { peer, ended }
    }

    /// The URL of an application on it.
    #[must_use]
    pub fn url(&self, application: &str) -> String {
        format!("rtmp://127.0.0.1:{}/{application}", self.peer.port())
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// What clients sent, for each connection that has ended, once there are so many.
    #[must_use]
    pub fn await_ended(&self, count_min: usize) -> Vec<Vec<Message>> {
        let ended = || {
            self.ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        let what = format!("{count_min} connections to end");
        wait_until(&what, END_LIMIT, || ended().len() >= count_min);
        ended()
    }
}

/// Names of the commands among these messages, in their order.
#[must_use]
pub fn commands(messages: &[Message]) -> Vec<String> {
    let commands = messages.iter().filter_map(Command::of);
    commands.map(|command| command.name).collect()
}
