//! Sockets against peers that write frames by hand.

mod closing;
mod faults;
mod flood;
mod messages;
mod timing;
mod tls;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::Instant;

use super::*;
use crate::dial::tcp::{self, Stream};
use crate::peer::Peer;

pub(super) const TEXT: u8 = 0x81;
pub(super) const BINARY: u8 = 0x82;
pub(super) const CLOSE: u8 = 0x88;
pub(super) const PING: u8 = 0x89;
pub(super) const PONG: u8 = 0x8a;

/// What the pump said.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) received: Cell<u64>,
    pub(super) sent: Cell<u64>,
    pub(super) dropped: Cell<u64>,
    pub(super) waiting_max: Cell<usize>,
    pub(super) pongs: RefCell<Vec<Duration>>,
    pub(super) bytes: Cell<(u64, u64)>,
    pub(super) ended: RefCell<Vec<Close>>,
    /// Messages with this content are not kept.
    pub(super) unwanted: Option<&'static str>,
}

impl Observer for Rc<Log> {
    fn received(&self, content: Borrowed<'_>, arrived: Instant) -> bool {
        assert!(arrived <= Instant::now());
        assert!(self.ended.borrow().is_empty());
        self.received.set(self.received.get() + 1);
        self.unwanted
            .is_none_or(|unwanted| content != Borrowed::Text(unwanted))
    }

    fn waiting(&self, messages: usize) {
        self.waiting_max.set(self.waiting_max.get().max(messages));
    }

    fn dropped(&self, messages: u64) {
        self.dropped.set(self.dropped.get() + messages);
    }

    fn sent(&self, messages: u64) {
        self.sent.set(self.sent.get() + messages);
    }

    fn pong(&self, took: Duration) {
        self.pongs.borrow_mut().push(took);
    }

    fn bytes(&self, sent: u64, received: u64) {
        assert!(self.ended.borrow().is_empty());
        let before = self.bytes.get();
        self.bytes.set((before.0 + sent, before.1 + received));
    }

    fn ended(&self, close: &Close, _: Duration) {
        self.ended.borrow_mut().push(close.clone());
    }
}

/// A socket, what its pump said, and the pump.
pub(super) struct Client {
    pub(super) socket: Rc<Socket>,
    pub(super) log: Rc<Log>,
    pub(super) pump: JoinHandle<()>,
    /// Says that the server's script came to its end; it is silent if that failed.
    pub(super) server: oneshot::Receiver<()>,
}

impl Client {
    pub(super) async fn receive(&self) -> Option<Message> {
        poll_fn(|cx| self.socket.poll_receive(cx)).await;
        self.socket.try_receive()
    }

    /// The next message, which is a text.
    pub(super) async fn text(&self) -> String {
        match self.receive().await.unwrap().content {
            Content::Text(text) => text.into(),
            Content::Binary(bytes) => panic!("binary: {bytes:?}"),
        }
    }

    /// The end, which the pump tells once and then ends itself.
    pub(super) async fn closed(self) -> Close {
        let close = poll_fn(|cx| self.socket.poll_closed(cx)).await;
        assert_eq!(*self.log.ended.borrow(), std::slice::from_ref(&close));
        assert_eq!(self.socket.closed(), Some(close.clone()));
        assert_eq!(
            self.socket.try_send(text("late")),
            Err(Unsent::Closed(close.clone()))
        );
        self.pump.await.unwrap();
        assert_eq!(self.log.ended.borrow().len(), 1);
        self.server.await.expect("the server's script failed");
        close
    }

    /// Nobody wants it any more.
    pub(super) async fn leave(self) {
        self.socket.abandon();
        assert_eq!(self.closed().await.code, 1001);
    }

    /// Send, waiting for room.
    pub(super) async fn send(&self, content: Content) {
        let mut content = content;
        loop {
            match self.socket.try_send(content) {
                Ok(()) => return,
                Err(Unsent::Full(back)) => content = back,
                Err(Unsent::Closed(close)) => panic!("{close:?}"),
            }
            poll_fn(|cx| self.socket.poll_room(cx)).await;
        }
    }
}

pub(super) fn text(text: &str) -> Content {
    Content::Text(text.into())
}

/// A client with usual options and a server that does what the script says.
pub(super) async fn pair<F: Future<Output = ()> + 'static>(
    script: impl Fn(Server) -> F + 'static,
) -> Client {
    pair_with(&ConnectOptions::default(), script).await
}

pub(super) async fn pair_with<F: Future<Output = ()> + 'static>(
    options: &ConnectOptions,
    script: impl Fn(Server) -> F + 'static,
) -> Client {
    pair_from(options, Vec::new(), Log::default(), script).await
}

/// With bytes that came behind the head of the answer.
pub(super) async fn pair_from<F: Future<Output = ()> + 'static>(
    options: &ConnectOptions,
    rest: Vec<u8>,
    log: Log,
    script: impl Fn(Server) -> F + 'static,
) -> Client {
    let (Opened { socket, pump }, server) = opened(options, rest, script).await;
    let log = Rc::new(log);
    let pump = spawn_local(pump.run(log.clone()));
    Client {
        socket,
        log,
        pump,
        server,
    }
}

/// A connection whose pump nobody drives yet, and what says that the server's script came to its end.
pub(super) async fn opened<F: Future<Output = ()> + 'static>(
    options: &ConnectOptions,
    rest: Vec<u8>,
    script: impl Fn(Server) -> F + 'static,
) -> (Opened, oneshot::Receiver<()>) {
    let (done, server) = oneshot::channel();
    let done = RefCell::new(Some(done));
    let peer = Peer::start(move |_, stream| {
        let (script, done) = (script(Server { stream }), done.take().unwrap());
        async move {
            script.await;
            // A test may have ended without asking.
            let _ = done.send(());
        }
    })
    .await;
    let wire = tcp::connect(&[peer.address], None).await.unwrap();
    (over(Stream::Plain(wire), rest, options), server)
}

/// A connection that was just upgraded.
pub(super) fn over(stream: Stream, rest: Vec<u8>, options: &ConnectOptions) -> Opened {
    let upgraded = handshake::Upgraded {
        remote: stream.wire().remote(),
        stream,
        rest,
        subprotocol: "chat".to_owned(),
        headers: vec![("x".to_owned(), b"y".to_vec())],
        url: "ws://x/".to_owned(),
        timings: Timings::default(),
        total: Duration::from_millis(3),
    };
    Socket::open(upgraded, options)
}

/// A server's end of a connection.
pub(super) struct Server<S = TcpStream> {
    pub(super) stream: S,
}

/// A frame of a client, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) first: u8,
    pub(super) payload: Vec<u8>,
}

impl Seen {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).unwrap()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Server<S> {
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        // Over TLS it is not with the kernel before.
        self.stream.flush().await.unwrap();
    }

    pub(super) async fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, payload)).await;
    }

    pub(super) async fn text(&mut self, text: &str) {
        self.send(TEXT, text.as_bytes()).await;
    }

    /// The next frame; nothing at the end of the stream.
    pub(super) async fn see(&mut self) -> Option<Seen> {
        let first = self.stream.read_u8().await.ok()?;
        let second = self.stream.read_u8().await.unwrap();
        assert!(second & 0x80 != 0, "a client masks");
        let length = match second & 0x7f {
            126 => u64::from(self.stream.read_u16().await.unwrap()),
            127 => self.stream.read_u64().await.unwrap(),
            short => u64::from(short),
        };
        let mut mask = [0; 4];
        self.stream.read_exact(&mut mask).await.unwrap();
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await.unwrap();
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[index % 4];
        }
        Some(Seen { first, payload })
    }

    /// The next frame is a close frame with this code, or none; and nothing follows it.
    pub(super) async fn see_close(&mut self, code: Option<u16>) -> String {
        let seen = self.see().await.unwrap();
        assert_eq!(seen.first, CLOSE, "{seen:?}");
        let Some(code) = code else {
            assert_eq!(seen.payload, b"");
            return String::new();
        };
        assert_eq!(seen.payload[..2], code.to_be_bytes());
        String::from_utf8(seen.payload[2..].to_vec()).unwrap()
    }

    /// Send back every message until the client leaves.
    pub(super) async fn echo(mut self) {
        loop {
            let seen = self.see().await.unwrap();
            if seen.first == CLOSE {
                return;
            }
            self.send(seen.first, &seen.payload).await;
        }
    }

    /// Wait until nobody wants the socket any more.
    pub(super) async fn left(mut self) {
        self.see_close(Some(1001)).await;
        self.end().await;
    }

    /// Wait for the client's end of the stream, before which nothing comes.
    pub(super) async fn end(mut self) {
        let seen = self.see().await;
        assert_eq!(seen, None);
    }
}

/// A server's frame.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(u8::try_from(length).unwrap()),
        length @ 126..0x1_0000 => {
            bytes.push(126);
            bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

pub(super) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}
