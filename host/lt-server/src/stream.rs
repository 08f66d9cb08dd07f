//! A connection's bytes, with bounds: on how long it may be silent, and on how it ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lt_spec::limits::{API_HEAD_TIMEOUT, API_IDLE_TIMEOUT};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a caller who is still sending is listened to after the answer: who is cut off in the middle of sending may lose the
/// answer with it, because the kernel then throws away what was not read.
const LINGER: Duration = Duration::from_secs(2);
/// And how many bytes.
const LINGER_BYTES_MAX: usize = 256 << 20;
/// How much of that is read at a time.
const LINGER_PIECE_BYTES: usize = 16 << 10;

/// Requests of a connection that are worked on: until they are answered, the caller has nothing to say. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work(Arc<AtomicUsize>);

impl Work {
    /// One more, until what is returned is dropped.
    pub(crate) fn begin(&self) -> Working {
        self.0.fetch_add(1, Ordering::Relaxed);
        Working(self.clone())
    }

    fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// See [`Work::begin`].
pub(crate) struct Working(Work);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket that fails when nothing has come or gone for too long: the first byte must come sooner.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    socket: S,
    work: Work,
    silence: Pin<Box<Sleep>>,
    /// Bytes read since our side is closed.
    lingered: Option<usize>,
}

impl<S> Bounded<S> {
    pub(crate) fn new(socket: S, work: Work) -> Self {
        Self {
            socket,
            work,
            silence: Box::pin(sleep(API_HEAD_TIMEOUT)),
            lingered: None,
        }
    }

    fn heard(&mut self) {
        self.silence
            .as_mut()
            .reset(Instant::now() + API_IDLE_TIMEOUT);
    }

    /// Nothing can be done now: has that lasted too long?
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.silence.as_mut().poll(cx));
        if self.work.is_under_way() {
            // It is us who are silent: an upload is compiled. What is worked on has bounds of its own.
            self.heard();
            ready!(self.silence.as_mut().poll(cx));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                self.heard();
                Poll::Ready(read)
            }
            Poll::Pending => self.wait(cx),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.socket).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                self.heard();
                Poll::Ready(written)
            }
            Poll::Pending => self.wait(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.socket).poll_write_vectored(cx, pieces) {
            Poll::Ready(written) => {
                self.heard();
                Poll::Ready(written)
            }
            Poll::Pending => self.wait(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(flushed) => Poll::Ready(flushed),
            Poll::Pending => self.wait(cx),
        }
    }

    /// Close our side, then listen until the caller closes theirs, for a bounded time.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingered.is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.lingered = Some(0);
            self.silence.as_mut().reset(Instant::now() + LINGER);
        }
        let mut piece = [0; LINGER_PIECE_BYTES];
        while self.lingered.is_some_and(|bytes| bytes < LINGER_BYTES_MAX) {
            let mut buffer = ReadBuf::new(&mut piece);
            if self.silence.as_mut().poll(cx).is_ready() {
                break;
            }
            let read = ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer));
            let bytes = buffer.filled().len();
            if read.is_err() || bytes == 0 {
                break;
            }
            self.lingered = self.lingered.map(|before| before + bytes);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test(start_paused = true)]
    async fn the_first_byte_must_come_soon_and_silence_may_not_last() {
        let started = Instant::now();
        let (_caller, socket) = duplex(64);
        let error = Bounded::new(socket, Work::default())
            .read_u8()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed(), API_HEAD_TIMEOUT);

        let (mut caller, socket) = duplex(64);
        let mut socket = Bounded::new(socket, Work::default());
        caller.write_u8(7).await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), 7);
        let silent_since = Instant::now();
        assert!(socket.read_u8().await.is_err());
        assert_eq!(silent_since.elapsed(), API_IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_our_answer_may_be_silent() {
        let (mut caller, socket) = duplex(64);
        let work = Work::default();
        let mut socket = Bounded::new(socket, work.clone());
        caller.write_u8(7).await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), 7);
        let working = work.begin();
        let answering = async {
            tokio::time::sleep(API_IDLE_TIMEOUT * 5 / 2).await;
            drop(working);
            Instant::now()
        };
        let (read, answered) = tokio::join!(socket.read_u8(), answering);
        assert!(read.is_err());
        assert!(Instant::now() > answered);
        assert!(answered.elapsed() <= API_IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_cut_off_and_who_reads_is_not() {
        let (mut caller, socket) = duplex(8);
        let mut socket = Bounded::new(socket, Work::default());
        for _ in 0..10 {
            socket.write_all(b"12345678").await.unwrap();
            tokio::time::advance(API_IDLE_TIMEOUT / 2).await;
            let mut taken = [0; 8];
            caller.read_exact(&mut taken).await.unwrap();
        }
        socket.write_all(b"12345678").await.unwrap();
        let error = socket.write_all(b"9").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_still_sends_gets_the_answer() {
        let (mut caller, socket) = duplex(64);
        let mut socket = Bounded::new(socket, Work::default());
        let sending = tokio::spawn(async move {
            for _ in 0..100 {
                caller.write_all(&[0; 64]).await?;
            }
            let mut answer = String::new();
            caller.read_to_string(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        });
        socket.write_all(b"no").await.unwrap();
        socket.shutdown().await.unwrap();
        drop(socket);
        assert_eq!(sending.await.unwrap().unwrap(), "no");
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_closes_is_left() {
        let (_caller, socket) = duplex(64);
        let started = Instant::now();
        Bounded::new(socket, Work::default())
            .shutdown()
            .await
            .unwrap();
        assert_eq!(started.elapsed(), LINGER);
    }
}
