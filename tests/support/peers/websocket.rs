//! A WebSocket server that sends frames as a test wants them, also such as no server may send, and remembers what clients sent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::peers::http::{HttpPeer, Seen, Then};
use crate::process::wait_until;

/// Longest payload that is read: a test that is sent more has a fault of its own.
const PAYLOAD_BYTES_MAX: u64 = 64 << 20;
/// Time that clients get to end their connections after a run.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Opcodes of RFC 6455, section 5.2.
pub mod opcode {
    /// More of a fragmented message.
    pub const CONTINUATION: u8 = 0;
    /// Text.
    pub const TEXT: u8 = 1;
    /// Binary.
    pub const BINARY: u8 = 2;
    /// Close.
    pub const CLOSE: u8 = 8;
    /// Ping.
    pub const PING: u8 = 9;
    /// Pong.
    pub const PONG: u8 = 10;
}

/// A frame that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is the last of its message.
    pub fin: bool,
    /// What it is.
    pub opcode: u8,
    /// What it was masked with, as a client must.
    pub mask: Option<[u8; 4]>,
    /// Its payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Its payload as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// Whether it is data: neither close nor ping nor pong.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.opcode < opcode::CLOSE
    }

    /// Of a close frame its code, if it has one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk()?;
        (self.opcode == opcode::CLOSE).then(|| u16::from_be_bytes(*code))
    }
}

/// The server's end of an open connection. A client that has gone is no fault: that is what some tests are about.
pub struct Wire {
    stream: TcpStream,
    frames: Vec<Frame>,
    is_reset: bool,
}

impl Wire {
    /// Send bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Send one frame.
    pub fn frame(&mut self, fin: bool, opcode: u8, payload: &[u8]) -> bool {
        self.raw(&frame(fin, opcode, payload))
    }

    /// Send a whole text.
    pub fn text(&mut self, text: &str) -> bool {
        self.frame(true, opcode::TEXT, text.as_bytes())
    }

    /// Send a close frame.
    pub fn close(&mut self, code: u16, reason: &str) -> bool {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        self.frame(true, opcode::CLOSE, &payload)
    }

    /// The next frame; none at the end of the connection.
    pub fn read(&mut self) -> Option<Frame> {
        let [first, second] = self.take()?;
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.take()?)),
            127 => u64::from_be_bytes(self.take()?),
            short => u64::from(short),
        };
        assert!(length <= PAYLOAD_BYTES_MAX, "a frame of {length} bytes");
        let masked = second & 0x80 != 0;
        let mask: [u8; 4] = if masked { self.take()? } else { [0; 4] };
        let mut payload = vec![0; usize::try_from(length).ok()?];
        self.stream.read_exact(&mut payload).ok()?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        let frame = Frame {
            fin: first & 0x80 != 0,
            opcode: first & 0x0f,
            mask: masked.then_some(mask),
            payload,
        };
        self.frames.push(frame.clone());
        Some(frame)
    }

    /// Read to the end of the connection.
    pub fn read_to_end(&mut self) {
        while self.read().is_some() {}
    }

    /// Read until a close frame came, which is not answered.
    pub fn read_until_close(&mut self) -> Option<Frame> {
        std::iter::from_fn(|| self.read()).find(|frame| frame.opcode == opcode::CLOSE)
    }

    /// Read until a close frame comes, and answer it with the same.
    pub fn answer_close(&mut self) {
        if let Some(close) = self.read_until_close() {
            self.frame(true, opcode::CLOSE, &close.payload);
        }
    }

    /// Send back each frame as it came, answer pings, and the close frame.
    pub fn echo(&mut self) {
        while let Some(frame) = self.read() {
            match frame.opcode {
                opcode::PING => self.frame(true, opcode::PONG, &frame.payload),
                opcode::PONG => true,
                other => self.frame(frame.fin, other, &frame.payload),
            };
            if frame.opcode == opcode::CLOSE {
                return;
            }
        }
    }

    /// End the connection with a reset, as soon as the script is done.
    pub fn reset(&mut self) {
        let now = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&self.stream, now).expect("a socket can be told");
        // Whoever reads from here on comes to the end.
        let _gone = self.stream.shutdown(Shutdown::Read);
        self.is_reset = true;
    }

    /// The connection below.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// One frame as a server sends it: not masked.
#[must_use]
pub fn frame(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::from(fin) << 7 | opcode];
    match payload.len() {
        short @ 0..126 => bytes.push(short as u8),
        middle @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Answer an upgrade request as RFC 6455 section 4.2.2 wants it, with further header fields.
pub fn upgrade(seen: &Seen, stream: &mut TcpStream, headers: &[(&str, &str)]) {
    let key = seen.header("sec-websocket-key").unwrap_or_default();
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {}\r\n",
        derive_accept_key(key.as_bytes())
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let _gone = stream.write_all(head.as_bytes());
}

/// See the module.
pub struct WebSocketPeer {
    peer: HttpPeer,
    ended: Arc<Mutex<Vec<Vec<Frame>>>>,
}

impl WebSocketPeer {
    /// Upgrade every request and then do what the script says. When it is done, nothing more is sent, and what the client still
    /// sends is read.
    #[must_use]
    pub fn start(script: impl Fn(&Seen, &mut Wire) + Send + Sync + 'static) -> Self {
        let answer = |seen: &Seen, stream: &mut TcpStream| {
            upgrade(seen, stream, &[]);
            true
        };
        Self::answering(answer, script)
    }

    /// The same, but answer upgrade requests as a test wants it: with `false` there is no socket, and the connection is closed.
    #[must_use]
    pub fn answering(
        answer: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
        script: impl Fn(&Seen, &mut Wire) + Send + Sync + 'static,
    ) -> Self {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let remembered = ended.clone();
        let peer = HttpPeer::start(move |seen, stream| {
            if !answer(seen, stream) {
                return Then::Close;
            }
            let Ok(stream) = stream.try_clone() else {
                return Then::Close;
            };
            let mut wire = Wire {
                stream,
                frames: Vec::new(),
                is_reset: false,
            };
            script(seen, &mut wire);
            if !wire.is_reset {
                let _gone = wire.stream.shutdown(Shutdown::Write);
                wire.read_to_end();
            }
            let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.push(wire.frames);
            // To be closed after a reset would be an orderly end.
            if wire.is_reset {
                Then::Keep
            } else {
                Then::Close
            }
        });
        Self { peer, ended }
    }

    /// A server that sends back what it gets.
    #[must_use]
    pub fn echo() -> Self {
        Self::start(|_, wire| wire.echo())
    }

    /// A URL on it, of this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.peer.port())
    }

    /// The requests it got, and how many connections.
    #[must_use]
    pub fn http(&self) -> &HttpPeer {
        &self.peer
    }

    /// What clients sent, for each connection that has ended, once there are so many.
    #[must_use]
    pub fn await_ended(&self, count_min: usize) -> Vec<Vec<Frame>> {
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
