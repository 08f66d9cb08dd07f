//! A WebSocket server that sends frames as a test wants them, also such as no server may send.

use std::io::{Read, Write};
use std::net::TcpStream;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::peers::http::{HttpPeer, Seen, Then};

/// Longest payload that is read: a test that is sent more has a fault of its own.
const PAYLOAD_BYTES_MAX: u64 = 64 << 20;

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
    /// Whether it was masked, as a client must.
    pub masked: bool,
    /// Its payload, unmasked.
    pub payload: Vec<u8>,
}

/// The server's end of an open connection. A client that has gone is no fault: that is what some tests are about.
pub struct Wire(TcpStream);

impl Wire {
    /// Send bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
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
        self.0.read_exact(&mut payload).ok()?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Some(Frame {
            fin: first & 0x80 != 0,
            opcode: first & 0x0f,
            masked,
            payload,
        })
    }

    /// Read to the end of the connection: all frames.
    pub fn read_to_end(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.read()).collect()
    }

    /// The connection below.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.0
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).ok()?;
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

/// A server that upgrades every request and then does what the test says.
#[must_use]
pub fn websocket_peer(script: impl Fn(&Seen, &mut Wire) + Send + Sync + 'static) -> HttpPeer {
    HttpPeer::start(move |seen, stream| {
        upgrade(seen, stream, &[]);
        let Ok(stream) = stream.try_clone() else {
            return Then::Close;
        };
        let mut wire = Wire(stream);
        script(seen, &mut wire);
        Then::Close
    })
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
