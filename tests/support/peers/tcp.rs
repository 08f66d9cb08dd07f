//! A TCP server that hands each connection to a function.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A server's threads give a silent client up after this: longer than any run of the suite.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Accepts connections until it is dropped; each is served on a thread of its own, which ends with its connection.
pub struct TcpPeer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl TcpPeer {
    /// Serve each connection with `serve`, which also learns its number, counted from 0.
    pub fn start(serve: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let serve = Arc::new(serve);
        let accepting = std::thread::spawn({
            let (connections, stopping) = (connections.clone(), stopping.clone());
            move || {
                while let Ok((stream, _)) = listener.accept() {
                    if stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    let number = connections.fetch_add(1, Ordering::SeqCst);
                    let _refused = stream.set_read_timeout(Some(SILENCE_MAX));
                    let _refused = stream.set_nodelay(true);
                    let serve = serve.clone();
                    std::thread::spawn(move || serve(stream, number));
                }
            }
        });
        Self {
            address,
            connections,
            stopping,
            accepting: Some(accepting),
        }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A URL on it, of this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for TcpPeer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that it sees the flag.
        let woken = TcpStream::connect(self.address).is_ok();
        if let (true, Some(thread)) = (woken, self.accepting.take()) {
            let _ended = thread.join();
        }
    }
}
