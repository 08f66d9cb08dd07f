//! A WebSocket server for the bench, on a thread of its own: it echoes, keeps idle connections, and hands one message to many.
//!
//! `/echo` returns what it gets; `/idle` only answers pings; what comes over `/fan/sender` is written to everybody at `/fan/receiver`, each
//! with the time of day at which it was written, so that whoever gets it can tell how good its stamp is.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bytes of a connection's read buffer: thousands of the default's would not fit.
const READ_BUFFER_BYTES: usize = 4096;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

type Receivers = Rc<RefCell<Vec<SplitSink<WebSocketStream<TcpStream>, Message>>>>;

/// The server; it ends with the value.
pub(crate) struct ChatServer {
    address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl ChatServer {
    /// Start it on a free port.
    pub(crate) fn start() -> Self {
        let (tell, told) = channel();
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            LocalSet::new().block_on(&runtime, async move {
                let socket = tokio::net::TcpSocket::new_v4().expect("a socket can be made");
                socket
                    .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
                    .expect("a free port can be had");
                let listener = socket.listen(BACKLOG).expect("it can be listened on");
                let address = listener.local_addr().expect("it has an address");
                tell.send(address).expect("somebody waits for it");
                tokio::select! {
                    () = accept(listener) => {}
                    _ = ended => {}
                }
            });
        });
        Self {
            address: told.recv().expect("the server tells its address"),
            _end: end,
        }
    }

    /// URL of one of its paths.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }
}

async fn accept(listener: TcpListener) {
    let receivers = Receivers::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(serve(stream, receivers.clone()));
            }
            // No descriptor left: those that are open go on.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the callback's type is tungstenite's"
)]
async fn serve(stream: TcpStream, receivers: Receivers) {
    stream.set_nodelay(true).expect("a connection has options");
    let mut path = String::new();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0);
    let callback = |request: &Request, response: Response| {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    let accepted =
        tokio_tungstenite::accept_hdr_async_with_config(stream, callback, Some(config)).await;
    // Whoever is gone before it is served, or while it is, ends here.
    let Ok(mut socket) = accepted else { return };
    let _gone = match path.as_str() {
        "/echo" => echo(&mut socket).await,
        "/fan/sender" => fan_out(&mut socket, &receivers).await,
        "/fan/receiver" => {
            let (sink, mut rest) = socket.split();
            receivers.borrow_mut().push(sink);
            while let Some(Ok(_)) = rest.next().await {}
            Ok(())
        }
        _ => {
            while let Some(Ok(_)) = socket.next().await {}
            Ok(())
        }
    };
}

async fn echo(socket: &mut WebSocketStream<TcpStream>) -> Result<(), Error> {
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

async fn fan_out(
    socket: &mut WebSocketStream<TcpStream>,
    receivers: &Receivers,
) -> Result<(), Error> {
    while let Some(message) = socket.next().await {
        let Message::Text(id) = message? else {
            continue;
        };
        let mut all = receivers.take();
        for receiver in &mut all {
            let written = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("it is after 1970")
                .as_nanos();
            let text = format!(r#"{{"type":"chat","id":"{id}","written":"{written}"}}"#);
            receiver.send(Message::text(text)).await?;
        }
        let new = receivers.replace(all);
        receivers.borrow_mut().extend(new);
    }
    Ok(())
}
