//! A forwarder between a client and a server, with a gate: what the server sends can be held back, delayed, or cut off, at a moment that
//! the test chooses.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::peers::TcpPeer;

/// Bytes of one read.
const CHUNK_BYTES: usize = 64 << 10;
/// Reads that wait behind a closed gate: many megabytes, so that the server does not notice that it is closed.
const CHUNKS_HELD: usize = 4096;

#[derive(Default)]
struct State {
    is_held: bool,
    delay: Duration,
    /// Connections by their number.
    open: Vec<(usize, Arc<Ends>)>,
}

/// Both ends of a connection.
struct Ends {
    client: TcpStream,
    server: TcpStream,
    /// Nothing more is said to the client, not even that it is over.
    is_reset: AtomicBool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait until what was read at this time may go on.
    fn pass(&self, read: Instant) {
        let mut state = self.lock();
        while state.is_held {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let due = read + state.delay;
        drop(state);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// See the module.
pub struct Gate {
    peer: TcpPeer,
    shared: Arc<Shared>,
}

impl Gate {
    /// Forward to this port of 127.0.0.1.
    #[must_use]
    pub fn to(port: u16) -> Self {
        let shared = Arc::new(Shared::default());
        let of = shared.clone();
        let peer = TcpPeer::start(move |client, number| {
            let _over = forward(client, number, port, &of);
        });
        Self { peer, shared }
    }

    /// Its own port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// Hold back what the server sends.
    pub fn hold(&self) {
        self.shared.lock().is_held = true;
    }

    /// Let it go, all that was held back at once.
    pub fn release(&self) {
        self.shared.lock().is_held = false;
        self.shared.changed.notify_all();
    }

    /// Hold it back for this time. Returns how long it was in truth.
    #[must_use]
    pub fn hold_for(&self, time: Duration) -> Duration {
        let begun = Instant::now();
        self.hold();
        std::thread::sleep(time);
        self.release();
        begun.elapsed()
    }

    /// Deliver what the server sends so much later.
    pub fn delay(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    /// End all connections, as their ends would. Returns how many there were.
    pub fn cut(&self) -> usize {
        self.end(|_| {})
    }

    /// End all connections with a reset.
    pub fn reset(&self) -> usize {
        self.end(|ends| {
            let now = Some(Duration::ZERO);
            let _gone = rustix::net::sockopt::set_socket_linger(&ends.client, now);
            ends.is_reset.store(true, Ordering::SeqCst);
        })
    }

    fn end(&self, prepare: impl Fn(&Ends)) -> usize {
        let open = std::mem::take(&mut self.shared.lock().open);
        for (_, ends) in &open {
            prepare(ends);
            // Whoever reads from them then lets go of them: a reset is what the last of them does.
            let _gone = ends.server.shutdown(Shutdown::Both);
            let _gone = ends.client.shutdown(Shutdown::Read);
        }
        open.len()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
        self.cut();
    }
}

/// Carry bytes both ways until one side ends.
fn forward(client: TcpStream, number: usize, port: u16, shared: &Arc<Shared>) -> Option<()> {
    let server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let _refused = server.set_nodelay(true);
    let (mut from_client, mut to_server) = (client.try_clone().ok()?, server.try_clone().ok()?);
    let mut from_server = server.try_clone().ok()?;
    let ends = Arc::new(Ends {
        client,
        server,
        is_reset: AtomicBool::new(false),
    });
    shared.lock().open.push((number, ends.clone()));
    let up = std::thread::spawn(move || {
        let _ended = std::io::copy(&mut from_client, &mut to_server);
        let _closed = to_server.shutdown(Shutdown::Write);
    });
    let (held, waiting) = sync_channel(CHUNKS_HELD);
    let down = std::thread::spawn({
        let shared = shared.clone();
        move || deliver(&ends, &waiting, &shared)
    });
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(read @ 1..) = from_server.read(&mut chunk) {
        let bytes = chunk.get(..read).unwrap_or_default().to_vec();
        if held.send((Instant::now(), bytes)).is_err() {
            break;
        }
    }
    drop(held);
    let _over = down.join();
    shared.lock().open.retain(|(of, _)| *of != number);
    let _over = up.join();
    Some(())
}

/// Give the client what was read, when it may have it.
fn deliver(ends: &Ends, waiting: &Receiver<(Instant, Vec<u8>)>, shared: &Shared) {
    let mut client = &ends.client;
    while let Ok((read, bytes)) = waiting.recv() {
        shared.pass(read);
        if client.write_all(&bytes).is_err() {
            break;
        }
    }
    if !ends.is_reset.load(Ordering::SeqCst) {
        let _gone = client.shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that counts up, a byte each millisecond, and a client of it.
    fn counting() -> (TcpPeer, Gate, TcpStream) {
        let server = TcpPeer::start(|mut stream, _| {
            let mut bytes = (0..=u8::MAX).cycle();
            while stream.write_all(&[bytes.next().unwrap_or(0)]).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let gate = Gate::to(server.port());
        let client = TcpStream::connect(("127.0.0.1", gate.port())).unwrap();
        (server, gate, client)
    }

    fn next(client: &mut TcpStream) -> u8 {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        byte[0]
    }

    #[test]
    fn what_is_held_comes_later_and_whole() {
        let (_server, gate, mut client) = counting();
        assert_eq!(next(&mut client), 0);
        gate.hold();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                gate.release();
            });
            // What had passed before, and the first that had not.
            for expected in 1..100 {
                assert_eq!(next(&mut client), expected);
            }
        });
        assert!(begun.elapsed() >= Duration::from_millis(300));
    }

    #[test]
    fn a_delay_is_there_from_the_first_byte() {
        let server = TcpPeer::start(|mut stream, _| {
            let _gone = stream.write_all(b"hello");
        });
        let gate = Gate::to(server.port());
        gate.delay(Duration::from_millis(200));
        let begun = Instant::now();
        let mut client = TcpStream::connect(("127.0.0.1", gate.port())).unwrap();
        assert_eq!(next(&mut client), b'h');
        assert!(begun.elapsed() >= Duration::from_millis(200));
    }

    #[test]
    fn a_cut_is_an_end_and_a_reset_is_none() {
        let (_server, gate, mut client) = counting();
        assert_eq!(next(&mut client), 0);
        assert_eq!(gate.cut(), 1);
        let mut rest = Vec::new();
        assert!(client.read_to_end(&mut rest).is_ok());
        let mut client = TcpStream::connect(("127.0.0.1", gate.port())).unwrap();
        assert_eq!(next(&mut client), 0);
        assert_eq!(gate.reset(), 1);
        let error = client.read_to_end(&mut rest).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(gate.connections(), 2);
    }
}
