//! The built-in server to practise on (`lt-host target`): routes that delay, fail, redirect, stream, set cookies and log in with
//! a CSRF form, WebSockets and a plenary chat, so that a first scenario needs no system of its own, and so that tests and the
//! demo have a peer.
//!
//! It speaks HTTP/1.1, and HTTP/2 to clients that begin with its preface. It is a target: it holds any number of idle connections, has
//! no timeouts of its own, and forgets everything when it ends. What it stores (sessions, items, accounts, rooms, what waits for a
//! slow client) is bounded. The routes are listed
//! in [`index::ROUTES`], which is also the page at `/`.

mod body;
mod compressed;
mod index;
mod items;
mod login;
mod mirror;
mod plain;
mod plenary;
mod random;
mod reply;
mod router;
mod sessions;
mod streams;
#[cfg(test)]
mod tests;
mod websocket;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;

use self::items::Items;
use self::sessions::Sessions;

/// How long accepting rests when the process has no file descriptor left: connections must end before there are new ones.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that may wait to be accepted. The standard library asks for 128; ten thousand users that join at once would
/// then wait a second for their next try. The kernel cuts it to `net.core.somaxconn`, 4096 by default.
const BACKLOG: i32 = 4096;

/// How the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TargetOptions {
    /// Threads that serve; at least one. Each connection stays on the thread that accepted it.
    pub(crate) threads: usize,
}

impl Default for TargetOptions {
    /// One thread: on the machine of a demo, the load generator needs the others.
    fn default() -> Self {
        Self { threads: 1 }
    }
}

/// What all threads share.
#[derive(Debug, Default)]
struct Shared {
    sessions: Mutex<Sessions>,
    items: Mutex<Items>,
    accounts: Mutex<plenary::Accounts>,
    plenary: plenary::Rooms,
    rooms: websocket::Rooms,
    counters: websocket::Counters,
}

/// Serve on this listener until `shutdown` is done; then close every connection at once.
///
/// # Errors
/// If the listener cannot be used, or no thread can be started.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    options: TargetOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // On a socket that listens already this only changes the number.
    rustix::net::listen(&listener, BACKLOG)?;
    let shared = Arc::new(Shared::default());
    let (stop, stopped) = watch::channel(());
    let mut workers = Vec::new();
    for number in 0..options.threads.max(1) {
        let (listener, shared, mut stopped) =
            (listener.try_clone()?, shared.clone(), stopped.clone());
        let (report, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("target-{number}"))
            .spawn(move || {
                let work = accept(listener, shared);
                // An error to stop means that the sender is gone, which also means stop.
                let result = run_thread(work, async move { drop(stopped.changed().await) });
                // Nobody waits for the report any more if `serve` itself was dropped.
                drop(report.send(result));
            })?;
        workers.push(ended);
    }
    drop(stopped);
    tokio::select! {
        () = shutdown => {}
        // No thread ends by itself, except by an error.
        result = first_failure(&mut workers) => return result,
    }
    drop(stop);
    for worker in workers {
        // A worker that panicked has said so on stderr; the server ends all the same.
        if let Ok(result) = worker.await {
            result?;
        }
    }
    Ok(())
}

/// Wait until the first worker ends. The workers stay with the caller, who still has to wait for the others.
async fn first_failure(workers: &mut [oneshot::Receiver<io::Result<()>>]) -> io::Result<()> {
    let ended = std::future::poll_fn(|context| {
        for worker in workers.iter_mut() {
            if let std::task::Poll::Ready(ended) = std::pin::Pin::new(worker).poll(context) {
                return std::task::Poll::Ready(ended);
            }
        }
        std::task::Poll::Pending
    })
    .await;
    ended.unwrap_or_else(|_| {
        Err(io::Error::other(
            "a thread of the target ended unexpectedly",
        ))
    })
}

fn run_thread(
    work: impl Future<Output = io::Result<()>>,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        tokio::select! {
            result = work => result,
            () = stopped => Ok(()),
        }
    })
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let builder = Rc::new(auto::Builder::new(LocalExecutor));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the target cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Without it a small answer may wait 40 ms for the client's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let (builder, shared) = (builder.clone(), shared.clone());
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(router::answer(&shared, request).await) }
            });
            if let Err(error) = builder
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await
            {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
}

/// Runs the tasks of HTTP/2 connections on the thread of their connection.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

/// The guarded value, also after another thread panicked while it held it: the stores have no invariant that could break.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
