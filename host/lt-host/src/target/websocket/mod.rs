//! WebSockets of the target: the upgrade (RFC 6455, section 4.2), the sockets behind it, and the routes `/ws/…`.

mod chat;
mod members;
mod outbox;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

pub(super) use self::chat::{HEARTBEAT, Rooms, error_message, text_message};
pub(super) use self::members::Members;
pub(super) use self::outbox::{Message, Outbox};
pub(super) use self::session::Session;
use super::Shared;
use super::reply::{self, Reply};
use super::router::parameter;

/// The only version of the protocol (RFC 6455, section 4.1).
const VERSION: &str = "13";
/// Length of a `sec-websocket-key`: 16 bytes in base64.
const KEY_LENGTH: usize = 24;
/// Longest message that `/ws/echo` takes: as long as lt-host sends any.
pub(super) const ECHO_BYTES_MAX: usize = 16 << 20;
/// Longest message of a chat. It may wait once for all members, so that it costs no more where there are many.
pub(super) const CHAT_BYTES_MAX: usize = 64 << 10;
/// The subprotocol that `/ws/echo` chooses if it is offered.
const ECHO_PROTOCOL: &str = "echo";

/// What went over all WebSockets so far: `/ws/stats`. Messages are texts and binaries.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) opened: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    /// Sockets that were dropped because they did not take what was sent to them.
    pub(super) slow: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, number: u64) {
        // They are for people and tests, each on its own.
        counter.fetch_add(number, Ordering::Relaxed);
    }

    fn reply(&self, rooms: usize) -> Reply {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // The end first: a socket that ends in between is then open, and not less than none.
        let ended = read(&self.ended);
        let opened = read(&self.opened);
        let stats = json!({
            "open": opened.saturating_sub(ended),
            "opened": opened,
            "received": read(&self.received),
            "sent": read(&self.sent),
            "slow": read(&self.slow),
            "rooms": rooms,
        });
        reply::json(StatusCode::OK, &stats)
    }
}

/// What a route's sockets are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    /// The subprotocol that is chosen if the client offers it.
    protocol: Option<&'static str>,
    /// Longest message taken from the client.
    message_bytes_max: usize,
}

impl Offer {
    /// Sockets of people who talk.
    pub(super) const CHAT: Self = Self {
        protocol: None,
        message_bytes_max: CHAT_BYTES_MAX,
    };
}

/// `/ws/…`.
pub(super) fn answer(shared: &Arc<Shared>, request: &Request<Incoming>, rest: &str) -> Reply {
    match rest.split_once('/') {
        None if rest == "stats" => shared.counters.reply(shared.rooms.count()),
        None if rest == "echo" => {
            let offer = Offer {
                protocol: Some(ECHO_PROTOCOL),
                message_bytes_max: ECHO_BYTES_MAX,
            };
            upgrade(shared, request, offer, Session::echo)
        }
        Some(("chat", room)) => match chat::Guest::new(room, request.uri().query()) {
            Ok(guest) => upgrade(shared, request, Offer::CHAT, |session| {
                chat::visit(session, guest)
            }),
            Err(why) => reply::bad_request(why),
        },
        _ => reply::not_found(),
    }
}

/// Whether a request asks for a WebSocket, well or not.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    lists(headers, &UPGRADE, "websocket")
}

/// Answer with 101 and have `serve` talk over the connection then; or say why not.
pub(super) fn upgrade<F: Future<Output = ()> + 'static>(
    shared: &Arc<Shared>,
    request: &Request<Incoming>,
    offer: Offer,
    serve: impl FnOnce(Session) -> F + 'static,
) -> Reply {
    let accept = match accept_key(request.method(), request.headers()) {
        Ok(accept) => accept,
        Err(refusal) => return *refusal,
    };
    // Absent in HTTP/2, whose requests do not get this far: they have no "upgrade".
    let Some(upgraded) = request.extensions().get::<OnUpgrade>().cloned() else {
        return reply::bad_request("this connection cannot be upgraded");
    };
    let shared = shared.clone();
    tokio::task::spawn_local(async move {
        // The errors are connections that ended before they were upgraded.
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = downcast::<TokioIo<TcpStream>>(upgraded) else {
            return;
        };
        let (stream, read) = (parts.io.into_inner(), parts.read_buf);
        let session = Session::new(stream, &read, offer.message_bytes_max, shared).await;
        drop(read);
        serve(session).await;
    });
    let mut reply = reply::text(StatusCode::SWITCHING_PROTOCOLS, "");
    reply.headers_mut().clear();
    reply = reply::with(reply, CONNECTION, "Upgrade");
    reply = reply::with(reply, UPGRADE, "websocket");
    reply = reply::with(reply, SEC_WEBSOCKET_ACCEPT, &accept);
    match offer.protocol {
        Some(protocol) if lists(request.headers(), &SEC_WEBSOCKET_PROTOCOL, protocol) => {
            reply::with(reply, SEC_WEBSOCKET_PROTOCOL, protocol)
        }
        _ => reply,
    }
}

/// What proves to the client that this server knows the protocol; or what the request lacks.
fn accept_key(method: &Method, headers: &HeaderMap) -> Result<String, Box<Reply>> {
    let upgrade_required = |why: &str| {
        let text = format!("426: this route is a WebSocket: {why}\n");
        let reply = reply::text(StatusCode::UPGRADE_REQUIRED, text);
        let reply = reply::with(reply, CONNECTION, "Upgrade");
        let reply = reply::with(reply, UPGRADE, "websocket");
        Err(Box::new(reply::with(reply, SEC_WEBSOCKET_VERSION, VERSION)))
    };
    if method != Method::GET {
        return Err(Box::new(reply::method_not_allowed("GET")));
    }
    if !lists(headers, &UPGRADE, "websocket") || !lists(headers, &CONNECTION, "upgrade") {
        return upgrade_required(
            "ask for it with \"connection: upgrade\" and \"upgrade: websocket\"",
        );
    }
    let version = headers.get(SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version.as_bytes() != VERSION.as_bytes()) {
        return upgrade_required("the version is 13");
    }
    match headers.get(SEC_WEBSOCKET_KEY) {
        Some(key) if key.len() == KEY_LENGTH => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(Box::new(reply::bad_request(
            "sec-websocket-key is 16 bytes in base64",
        ))),
    }
}

/// Whether a header field that is a list has this element. Case does not count, as in RFC 6455, section 4.2.1; for the one
/// subprotocol there is, that is lenient.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|element| element.trim().eq_ignore_ascii_case(wanted))
}

/// A parameter of a query that may be absent.
fn option(query: Option<&str>, name: &str) -> Option<String> {
    parameter(query.unwrap_or_default(), name)
}
