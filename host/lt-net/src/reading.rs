//! Reading for connections that share a thread: a buffer that all borrow, so that an idle one has none.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lend out the thread's buffer, of this size. Whoever borrows it a second time meanwhile gets one of its own.
pub(crate) fn with_buffer<T>(bytes: usize, read: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take();
    if buffer.len() < bytes {
        buffer.resize(bytes, 0);
    }
    let result = read(buffer.get_mut(..bytes).unwrap_or_default());
    BUFFER.replace(buffer);
    result
}

/// What became of reading that nobody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    /// There is nothing more now.
    Nothing,
    /// There may be more.
    More,
    /// The peer has closed the connection, or it failed.
    Ended,
}

/// Read so often at most, so many bytes each time, and look at nothing: for a peer that is to close first.
pub(crate) fn discard(
    stream: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
    (bytes, reads): (usize, usize),
) -> Discarded {
    with_buffer(bytes, |buffer| {
        for _ in 0..reads {
            let mut filled = ReadBuf::new(buffer);
            match Pin::new(&mut *stream).poll_read(cx, &mut filled) {
                Poll::Pending => return Discarded::Nothing,
                Poll::Ready(Ok(())) if !filled.filled().is_empty() => {}
                Poll::Ready(_) => return Discarded::Ended,
            }
        }
        Discarded::More
    })
}
