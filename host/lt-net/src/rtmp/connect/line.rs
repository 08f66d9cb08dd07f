//! A byte stream on which RTMP begins: the handshake, and messages until the server has said yes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::rtmp::RtmpError;
use crate::rtmp::chunk::encode::Encoder;
use crate::rtmp::command::{self, Message};
use crate::rtmp::handshake::Handshake;
use crate::rtmp::message::{Incoming, Reader};

/// Room for one read: what servers say before they answer is some 300 bytes, beside S0, S1 and S2.
const READ_BYTES: usize = 4096;
/// Messages that a server may send before it answers; some ten are usual. More is a server that would keep a user busy to its deadline.
const MESSAGES_MAX: usize = 1000;

/// Both directions of it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stream: Stream,
    pub(super) reader: Reader,
    pub(super) encoder: Encoder,
    /// What was read.
    input: Vec<u8>,
    /// How much of it was looked at.
    seen: usize,
    /// After how many bytes the peer wants an acknowledgement; zero if it has not said.
    pub(super) window: u32,
    pub(super) acknowledged: u64,
    messages: usize,
}

impl Line {
    /// From C0 to S2 (section 5.2).
    ///
    /// # Errors
    /// `Handshake`, which says what came instead; those of the connection.
    pub(super) async fn open(stream: Stream) -> Result<Self, RtmpError> {
        let mut line = Self {
            stream,
            reader: Reader::new(),
            encoder: Encoder::new(),
            input: Vec::new(),
            seen: 0,
            window: 0,
            acknowledged: 0,
            messages: 0,
        };
        // Any epoch will do (section 5.2.3), and zero is what most clients send.
        let mut handshake = Handshake::new(0);
        line.send(&handshake.c0c1()).await?;
        while !handshake.is_done() {
            line.read().await?;
            let mut unseen = line.unseen();
            let answer = handshake.feed(&mut unseen);
            line.seen = line.input.len() - unseen.len();
            if let Some(c2) = answer.map_err(RtmpError::Handshake)? {
                line.send(&c2).await?;
            }
        }
        Ok(line)
    }

    /// Send a message, to the kernel.
    pub(super) async fn say(&mut self, message: &Message) -> Result<(), RtmpError> {
        let mut out = Vec::new();
        message.write(&mut self.encoder, &mut out, 0);
        self.send(&out).await
    }

    /// The next message that is not the connection's own affair: windows are noted, pings answered, and what came is acknowledged.
    ///
    /// # Errors
    /// `Protocol`; those of the connection.
    pub(super) async fn hear(&mut self) -> Result<Incoming, RtmpError> {
        loop {
            let mut unseen = self.input.get(self.seen..).unwrap_or_default();
            let message = self.reader.next(&mut unseen);
            self.seen = self.input.len() - unseen.len();
            let Some(message) = message.map_err(RtmpError::Protocol)? else {
                self.read().await?;
                continue;
            };
            self.messages += 1;
            if self.messages > MESSAGES_MAX {
                let why = format!("{MESSAGES_MAX} messages, and no answer to `connect` among them");
                return Err(RtmpError::Protocol(why));
            }
            match message {
                Incoming::WindowAckSize(bytes) => self.window = bytes,
                Incoming::PingRequest(time) => self.say(&command::ping_response(time)).await?,
                message => {
                    self.acknowledge().await?;
                    return Ok(message);
                }
            }
            self.acknowledge().await?;
        }
    }

    /// What was read and not looked at.
    pub(super) fn into_rest(self) -> (Stream, Reader, Encoder, Vec<u8>) {
        let rest = self.unseen().to_vec();
        (self.stream, self.reader, self.encoder, rest)
    }

    /// Half a window is the usual time (section 5.4.3 demands it after a whole one, and peers count differently).
    async fn acknowledge(&mut self) -> Result<(), RtmpError> {
        let received = self.reader.received();
        let due = u64::from(self.window / 2).max(1);
        if self.window == 0 || received - self.acknowledged < due {
            return Ok(());
        }
        self.acknowledged = received;
        self.say(&command::acknowledgement(received)).await
    }

    fn unseen(&self) -> &[u8] {
        self.input.get(self.seen..).unwrap_or_default()
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), RtmpError> {
        let written = self.stream.write_all(bytes).await;
        // TLS keeps what it has made of them.
        let flushed = match written {
            Ok(()) => self.stream.flush().await,
            error => error,
        };
        // Servers answer in several small writes, and many hold back all but the first until it is acknowledged: 40 ms that are
        // nobody's time but the kernel's.
        self.stream.quick_ack();
        flushed.map_err(|error| NetError::from_io(&error).into())
    }

    async fn read(&mut self) -> Result<(), RtmpError> {
        self.input.drain(..self.seen.min(self.input.len()));
        self.seen = 0;
        self.input.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.input).await {
            Ok(0) => Err(NetError::ConnectionClosed.into()),
            Ok(_) => Ok(()),
            Err(error) => Err(NetError::from_io(&error).into()),
        }
    }
}
