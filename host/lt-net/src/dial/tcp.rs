//! TCP connections that count their bytes, and the byte stream over them.

use std::cell::{Cell, OnceCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

use super::arrival::Arrivals;
use crate::error::NetError;

/// Longest time for all attempts to connect to one host (k6's and Go's default dialer). Several addresses share it.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes that went over one connection, under TLS if there is any: what k6 counts as `data_sent` and `data_received`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: Cell<u64>,
    pub(crate) received: Cell<u64>,
    /// How much of both was handed out by [`Counters::take`].
    taken: Cell<(u64, u64)>,
    /// Set on connections that stamp; here, because all who read through TLS or frames can see it.
    arrivals: OnceCell<Box<Arrivals>>,
}

impl Counters {
    /// Bytes sent and received since the last call: each byte is reported by exactly one exchange.
    pub(crate) fn take(&self) -> (u64, u64) {
        let now = (self.sent.get(), self.received.get());
        let before = self.taken.replace(now);
        (now.0 - before.0, now.1 - before.1)
    }

    /// When the last byte that was read came to this machine; now, without stamps.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrivals
            .get()
            .map_or_else(Instant::now, |arrivals| arrivals.latest())
    }
}

/// A TCP connection that counts. The counters outlive it, because HTTP/2 and TLS swallow their stream.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    remote: SocketAddr,
    counters: Rc<Counters>,
}

impl Wire {
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(crate) fn counters(&self) -> &Rc<Counters> {
        &self.counters
    }

    #[cfg(test)]
    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Have the kernel stamp what arrives from now on: see [`Counters::arrived`].
    pub(crate) fn stamp_arrivals(&self) {
        self.counters
            .arrivals
            .get_or_init(|| Box::new(Arrivals::of(&self.tcp)));
    }

    /// Have the kernel acknowledge at once what comes next, where it can (Linux: `TCP_QUICKACK`). It forgets this by itself, so it is
    /// to be called whenever something was sent whose answer may be held back by the peer until it is acknowledged.
    pub(crate) fn quick_ack(&self) {
        // Whoever asks gets the delay that it wanted to be rid of, and nothing worse.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = self.tcp.set_quickack(true);
    }

    fn count_read(&self, length: usize) {
        self.counters
            .received
            .set(self.counters.received.get() + length as u64);
    }

    fn count_written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(length)) = written {
            self.counters
                .sent
                .set(self.counters.sent.get() + length as u64);
        }
        written
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let wire = &mut *self;
        let read = match wire.counters.arrivals.get() {
            None => Pin::new(&mut wire.tcp).poll_read(cx, buffer),
            Some(arrivals) => arrivals.poll_read(&wire.tcp, cx, buffer),
        };
        self.count_read(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.count_written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.count_written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

/// What a protocol is spoken over.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Wire),
    /// Boxed: a session is a kilobyte by itself, and plain connections should not pay for it.
    Tls(Box<TlsStream<Wire>>),
}

impl Stream {
    pub(crate) fn wire(&self) -> &Wire {
        match self {
            Self::Plain(wire) => wire,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// See [`Wire::quick_ack`].
    pub(crate) fn quick_ack(&self) {
        self.wire().quick_ack();
    }

    /// Whether an idle connection is still good: nothing came, above all not its end. Without news from the kernel this
    /// makes no system call; over TLS it also takes in session tickets.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut probe = [0; 1];
        match self {
            // `try_read` and not `poll_read`: it asks the readiness that the reactor has seen and keeps no waker.
            Self::Plain(wire) => {
                matches!(wire.tcp.try_read(&mut probe), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                Pin::new(stream)
                    .poll_read(&mut cx, &mut ReadBuf::new(&mut probe))
                    .is_pending()
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(wire) => wire.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

/// Connect to the first address that answers, in order. Each attempt gets an equal share of the time left, so that one
/// silent address does not use up the others'. If all fail, the first error is reported: later addresses are second choice.
pub(crate) async fn connect(
    addresses: &[SocketAddr],
    local: Option<IpAddr>,
) -> Result<Wire, NetError> {
    let usable: Vec<_> = addresses
        .iter()
        .filter(|address| local.is_none_or(|local| local.is_ipv4() == address.is_ipv4()))
        .collect();
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let mut first_error = None;
    for (index, address) in usable.iter().enumerate() {
        let attempts_left = u32::try_from(usable.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / attempts_left;
        let error = match timeout(share, connect_one(**address, local)).await {
            Ok(Ok(tcp)) => {
                return Ok(Wire {
                    tcp,
                    remote: **address,
                    counters: Rc::default(),
                });
            }
            Ok(Err(error)) => error,
            Err(_) => NetError::ConnectTimeout,
        };
        first_error.get_or_insert(error);
    }
    Err(first_error.unwrap_or_else(|| {
        NetError::Unreachable("no address of the local address's family".to_owned())
    }))
}

async fn connect_one(address: SocketAddr, local: Option<IpAddr>) -> Result<TcpStream, NetError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::TimedOut => NetError::ConnectTimeout,
        _ => NetError::from_io(&error),
    };
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let socket = socket.map_err(failed)?;
    // A request is one write; waiting to fill a segment would only add the peer's delayed acknowledgement to every time.
    socket.set_nodelay(true).map_err(failed)?;
    if let Some(local) = local {
        // Choose the port at connect, so that it need be unique only per target: 28 000 connections to each target instead
        // of to all together. A kernel without the option still binds.
        let _ = setsockopt(&socket, IpBindAddressNoPort, &true);
        socket
            .bind(SocketAddr::new(local, 0))
            .map_err(|error| match error.kind() {
                // Ports are looked for later, so none can be missing here.
                io::ErrorKind::AddrNotAvailable => {
                    NetError::Unreachable(format!("{local} is not an address of this machine"))
                }
                _ => failed(error),
            })?;
    }
    socket.connect(address).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_second_address_is_tried_when_the_first_refuses() {
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead_address = dead.local_addr().unwrap();
        drop(dead);
        let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive_address = alive.local_addr().unwrap();
        let wire = connect(&[dead_address, alive_address], None).await.unwrap();
        assert_eq!(wire.remote(), alive_address);
        assert!(wire.tcp.nodelay().unwrap());
        assert_eq!(
            connect(&[dead_address], None).await.unwrap_err(),
            NetError::ConnectionRefused
        );
    }

    #[tokio::test]
    async fn the_local_address_is_used() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        let _wire = connect(&[target], Some("127.0.0.9".parse().unwrap()))
            .await
            .unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), "127.0.0.9".parse::<IpAddr>().unwrap());
        let unbindable = connect(&[target], Some("192.0.2.1".parse().unwrap()))
            .await
            .unwrap_err();
        assert_eq!(
            unbindable.to_string(),
            "unreachable: 192.0.2.1 is not an address of this machine"
        );
        assert_eq!(unbindable.code(), 1213, "{unbindable}");
        let other_family = connect(&[target], Some("::1".parse().unwrap()))
            .await
            .unwrap_err();
        assert_eq!(other_family.code(), 1213, "{other_family}");
    }

    #[tokio::test]
    async fn an_idle_stream_is_quiet_until_the_peer_speaks_or_leaves() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = connect(&[listener.local_addr().unwrap()], None)
            .await
            .unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        let mut stream = Stream::Plain(wire);
        assert!(stream.is_quiet());
        drop(peer);
        while stream.is_quiet() {
            tokio::task::yield_now().await;
        }
    }
}
