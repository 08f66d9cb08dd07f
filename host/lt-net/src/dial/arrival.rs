//! When bytes came to this machine: the kernel's stamp of each segment, and not when somebody found the time to read it.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd as _;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::cmsg_space;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use tokio::io::{Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The two clocks are read some 50 ns apart; what is longer is an interruption.
const CLOCKS_APART_MAX: Duration = Duration::from_micros(20);
/// Readings of the clocks before what there is must do.
const CLOCK_READINGS_MAX: usize = 4;

thread_local! {
    /// Room for the one stamp of a read, so that reading allocates nothing.
    static CONTROL: RefCell<Vec<u8>> = RefCell::new(cmsg_space!(TimeSpec));
}

/// Reads a TCP connection so that it knows when the bytes came. A read of several segments has the stamp of its last.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// When the last byte that was read came.
    latest: Cell<Instant>,
    /// A moment after which all came that has not been read yet.
    empty_at: Cell<Instant>,
}

impl Arrivals {
    /// Ask the kernel for stamps from now on. What is read without one came when it was read.
    pub(super) fn of(tcp: &TcpStream) -> Self {
        let now = Instant::now();
        // A system that cannot stamp still reads.
        let _ = setsockopt(tcp, ReceiveTimestampns, &true);
        Self {
            latest: Cell::new(now),
            empty_at: Cell::new(now),
        }
    }

    /// When the last byte that was read came; before the first, when stamping began.
    pub(crate) fn latest(&self) -> Instant {
        self.latest.get()
    }

    /// [`tokio::io::AsyncRead::poll_read`] of the connection.
    pub(super) fn poll_read(
        &self,
        tcp: &TcpStream,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(tcp.poll_read_ready(cx))?;
            let mut drained = None;
            let received = tcp.try_io(Interest::READABLE, || {
                let room = buffer.initialize_unfilled();
                let length = self.receive(tcp, room)?;
                if (1..room.len()).contains(&length) {
                    // Less than there is room for was all there was. To say so spares the call that would find nothing; a
                    // peer's end that came in the meantime stays ready (tokio's own `poll_read` does the same).
                    drained = Some(length);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(length)
            });
            let length = match (received, drained) {
                (Ok(length), _) | (Err(_), Some(length)) => length,
                (Err(error), None) if error.kind() == io::ErrorKind::WouldBlock => continue,
                (Err(error), None) => return Poll::Ready(Err(error)),
            };
            buffer.advance(length);
            return Poll::Ready(Ok(()));
        }
    }

    fn receive(&self, tcp: &TcpStream, room: &mut [u8]) -> io::Result<usize> {
        let called = Instant::now();
        let size = room.len();
        match receive_stamped(tcp, room) {
            Ok((length @ 1.., stamp)) => {
                let (now, wall) = both_clocks();
                let stamp = stamp.and_then(|since_epoch| UNIX_EPOCH.checked_add(since_epoch));
                let age = stamp.and_then(|stamp| wall.duration_since(stamp).ok());
                // The wall clock may have been set in between: then the stamp says nothing, but these bounds still hold.
                let earliest = self.empty_at.get().max(self.latest.get());
                let arrived = now.checked_sub(age.unwrap_or_default()).unwrap_or(earliest);
                self.latest.set(arrived.max(earliest));
                if length < size {
                    self.empty_at.set(called);
                }
                Ok(length)
            }
            Ok((length, _)) => Ok(length),
            Err(error) => {
                if error.kind() == io::ErrorKind::WouldBlock {
                    self.empty_at.set(called);
                }
                Err(error)
            }
        }
    }
}

/// The two clocks at one moment. The thread may be put aside between reading one and the other: then they are read again.
fn both_clocks() -> (Instant, SystemTime) {
    let mut now = Instant::now();
    for _ in 0..CLOCK_READINGS_MAX {
        let wall = SystemTime::now();
        let after = Instant::now();
        if after - now < CLOCKS_APART_MAX {
            return (now, wall);
        }
        now = after;
    }
    (now, SystemTime::now())
}

/// Read, with the kernel's stamp as time since the epoch if there is one.
fn receive_stamped(tcp: &TcpStream, room: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
    CONTROL.with_borrow_mut(|control| {
        let mut slices = [IoSliceMut::new(room)];
        let message = recvmsg::<()>(
            tcp.as_raw_fd(),
            &mut slices,
            Some(control),
            MsgFlags::empty(),
        )?;
        let stamp = message.cmsgs().ok().and_then(|mut controls| {
            controls.find_map(|control| match control {
                ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp.into()),
                _ => None,
            })
        });
        Ok((message.bytes, stamp))
    })
}

#[cfg(test)]
#[path = "arrival_tests.rs"]
mod tests;
