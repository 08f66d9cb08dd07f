//! Connections: so many at a time, each with bounds, served until the host ends.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use lt_spec::limits::{API_CONNECTIONS_MAX, API_HEAD_TIMEOUT, API_STREAMS_MAX};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::stream::{Bounded, Work};

/// Connections that the kernel keeps until we take them: as many as we serve.
const BACKLOG: i32 = 1024;
/// How long we wait when the system has no descriptor for a connection.
const STARVED_PAUSE: Duration = Duration::from_millis(100);
/// How long answers may take to leave when the host ends: what follows a run has ended with it.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// Bytes of a request's head, and of what is read ahead of it.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Headers of a request: browsers send twenty.
const HEADERS_MAX: usize = 100;

/// How far the host is with ending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// It serves.
    #[default]
    Not,
    /// It takes no connections any more; those there are live on.
    Closing,
    /// What is left is cut off.
    Closed,
}

/// Until the host is so far with ending.
async fn reached(ending: &mut watch::Receiver<Ending>, point: Ending) {
    // If nobody can tell any more, it has ended.
    let _told = ending.wait_for(|ending| *ending >= point).await;
}

/// Serve until told otherwise. Returns when all connections are closed.
///
/// # Errors
/// If the listener cannot be used.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    mut ending: watch::Receiver<Ending>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // The standard library asks for 128: a thousand clients at once would wait for their second SYN.
    rustix::net::listen(&listener, BACKLOG)?;
    let listener = TcpListener::from_std(listener)?;
    let service = Service {
        tls: tls.map(TlsAcceptor::from),
        router,
        ending: ending.clone(),
    };
    let places = Arc::new(Semaphore::new(API_CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = reached(&mut ending, Ending::Closing) => break,
            // Those that have ended are forgotten.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((socket, _)) => {
                let service = service.clone();
                connections.spawn(async move {
                    let _place = place;
                    service.talk(socket).await;
                });
            }
            Err(error) => {
                tracing::warn!("a connection cannot be taken: {error}");
                tokio::time::sleep(STARVED_PAUSE).await;
            }
        }
    }
    drop(listener);
    reached(&mut ending, Ending::Closed).await;
    let all = async { while connections.join_next().await.is_some() {} };
    let _cut_off = tokio::time::timeout(LAST_ANSWERS, all).await;
    Ok(())
}

/// The routes, and how many requests of a connection are worked on.
#[derive(Clone)]
struct Counted {
    router: Router,
    work: Work,
}

impl<B> tower::Service<Request<B>> for Counted
where
    Router: tower::Service<Request<B>, Response = Response, Error = Infallible>,
    <Router as tower::Service<Request<B>>>::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        tower::Service::<Request<B>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let working = self.work.begin();
        let answering = self.router.call(request);
        Box::pin(async move {
            let answer = answering.await;
            drop(working);
            answer
        })
    }
}

/// What serves one connection.
#[derive(Clone)]
struct Service {
    tls: Option<TlsAcceptor>,
    router: Router,
    ending: watch::Receiver<Ending>,
}

impl Service {
    async fn talk(self, socket: TcpStream) {
        // Answers and events are small and wanted now.
        let _slower = socket.set_nodelay(true);
        let work = Work::default();
        let socket = Bounded::new(socket, work.clone());
        let Some(tls) = &self.tls else {
            return self.speak_http(socket, work).await;
        };
        match tokio::time::timeout(API_HEAD_TIMEOUT, tls.accept(socket)).await {
            Ok(Ok(socket)) => self.speak_http(socket, work).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_) => tracing::debug!("a TLS handshake took over {API_HEAD_TIMEOUT:?}"),
        }
    }

    async fn speak_http(
        mut self,
        socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        work: Work,
    ) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(API_HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(API_STREAMS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX as u32);
        let router = self.router;
        let service = TowerToHyperService::new(Counted { router, work });
        let connection = builder.serve_connection(TokioIo::new(socket), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = reached(&mut self.ending, Ending::Closed) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // The caller left, or spoke something else: nothing to tell people of.
            tracing::debug!("a connection ended: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    struct Listening {
        address: std::net::SocketAddr,
        ending: watch::Sender<Ending>,
        serving: tokio::task::JoinHandle<io::Result<()>>,
    }

    fn listening() -> Listening {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ending, told) = watch::channel(Ending::Not);
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(serve(listener, None, router, told));
        Listening {
            address,
            ending,
            serving,
        }
    }

    /// Ask on a connection that stays; the answer is this short.
    async fn ask(socket: &mut TcpStream) -> String {
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"here") {
            answer.push(socket.read_u8().await.unwrap());
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn while_it_closes_who_is_there_is_served_and_nobody_else() {
        let host = listening();
        let mut known = TcpStream::connect(host.address).await.unwrap();
        assert!(ask(&mut known).await.starts_with("HTTP/1.1 200 OK"));
        host.ending.send_replace(Ending::Closing);
        // The listener goes in its own time: until it has, a connection may still be taken, and is closed unanswered.
        while TcpStream::connect(host.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(ask(&mut known).await.starts_with("HTTP/1.1 200 OK"));
        host.ending.send_replace(Ending::Closed);
        assert_eq!(known.read(&mut [0; 9]).await.unwrap(), 0);
        drop(known);
        host.serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_is_no_http_is_refused_and_the_next_is_served() {
        let host = listening();
        let mut odd = TcpStream::connect(host.address).await.unwrap();
        odd.write_all(b"\x16\x03\x01 hello\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        odd.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        let head = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nlong: {}\r\n\r\n",
            "x".repeat(HEAD_BYTES_MAX)
        );
        let mut long = TcpStream::connect(host.address).await.unwrap();
        // It may be cut off while it is sent.
        let _sent = long.write_all(head.as_bytes()).await;
        let mut answer = String::new();
        long.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        let mut next = TcpStream::connect(host.address).await.unwrap();
        assert!(ask(&mut next).await.starts_with("HTTP/1.1 200 OK"));
    }
}
