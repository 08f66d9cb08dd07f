//! What is known of an exchange under way, readable also when a deadline drops it midway.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use super::Failure;
use crate::dial::Watch;
use crate::dial::tcp::{Counters, Wire};
use crate::error::NetError;
use crate::timings::{Phase, Stopwatch};
use crate::tls::TlsInfo;

/// Shared by reference by the layers of one exchange.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) clock: Stopwatch,
    remote: Cell<Option<SocketAddr>>,
    tls: Cell<Option<TlsInfo>>,
    counters: RefCell<Option<Rc<Counters>>>,
    /// Whether a TCP connection was made for this exchange.
    opened: Cell<bool>,
    /// Bytes of attempts that were given up.
    earlier: Cell<(u64, u64)>,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self {
            clock: Stopwatch::start(Phase::Blocked),
            remote: Cell::new(None),
            tls: Cell::new(None),
            counters: RefCell::new(None),
            opened: Cell::new(false),
            earlier: Cell::new((0, 0)),
        }
    }

    /// The exchange goes on over this connection.
    pub(crate) fn on(&self, remote: SocketAddr, tls: Option<TlsInfo>, counters: &Rc<Counters>) {
        self.remote.set(Some(remote));
        self.tls.set(tls);
        *self.counters.borrow_mut() = Some(counters.clone());
    }

    /// This attempt is given up for another: its bytes count, its time is `blocked`.
    pub(crate) fn start_over(&self) {
        self.earlier.set(self.bytes());
        self.counters.borrow_mut().take();
        self.clock.start_over();
    }

    /// Bytes sent and received for this exchange: whatever its connection has moved since someone last asked. Exact in
    /// HTTP/1.1, and exact in sum in HTTP/2, where frames of several requests share a write.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let (sent, received) = self.earlier.take();
        let (more_sent, more_received) = self
            .counters
            .borrow()
            .as_ref()
            .map_or((0, 0), |counters| counters.take());
        (sent + more_sent, received + more_received)
    }

    /// End without a response.
    pub(crate) fn failure(&self, error: NetError) -> Failure {
        let timings = self.clock.read();
        let (bytes_sent, bytes_received) = self.bytes();
        Failure {
            error,
            timings,
            bytes_sent,
            bytes_received,
            remote: self.remote.get(),
            tls: self.tls.get(),
            opened: self.opened.get(),
        }
    }
}

impl Watch for Progress {
    fn stopwatch(&self) -> &Stopwatch {
        &self.clock
    }

    fn connected(&self, wire: &Wire) {
        self.opened.set(true);
        self.on(wire.remote(), None, wire.counters());
    }

    fn secured(&self, tls: TlsInfo) {
        self.tls.set(Some(tls));
    }
}
