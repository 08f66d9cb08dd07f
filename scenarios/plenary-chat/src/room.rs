//! A room over WebSocket: the plenary of an event, or one of its breakouts.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{
    Close, Ending, Error as SocketError, Heartbeat, Key, Pattern, Watch, Watcher, WebSocket,
};

use crate::words::{self, Refusal};

/// The code of an end that is as it should be (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;

/// The longest wait in which nobody looks whether the user is asked to end.
const LOOK_STOPPING: Duration = Duration::from_secs(1);

/// Where a room is, and how to be in it.
pub(crate) struct Door<'a> {
    /// URL of its socket.
    pub(crate) url: String,
    /// Name of its samples: of the kind of room, not of the room.
    pub(crate) name: &'static str,
    /// The event that it belongs to, as a tag.
    pub(crate) slug: &'a str,
    /// How often to say that the user is alive.
    pub(crate) heartbeat_interval: Duration,
    /// How long to wait for the connection and for the server to confirm the join, together.
    pub(crate) timeout: Duration,
}

/// What came of knocking.
pub(crate) enum Entry {
    /// The user is in, and this is how long that took from opening the socket.
    In(Room, Duration),
    /// The server does not want it.
    Refused(Refusal),
}

/// What happened in a room since the user looked last.
pub(crate) struct Heard {
    /// The names of the errors that the server told.
    pub(crate) errors: Vec<String>,
    /// How the connection ended, if it did.
    pub(crate) end: Option<Close>,
}

/// A room that the user is in. The host sends the heartbeats, reads what comes, marks chat as received by the id in it, and throws
/// it away with the lists of members: of those the user needs nothing, and there are many.
pub(crate) struct Room {
    _heartbeat: Heartbeat,
    _watchers: [Watcher; 2],
    socket: WebSocket,
}

impl Room {
    /// Open the socket and wait until the server shows that the user is in: each who joins is told who is there, and what is said in a room
    /// comes only to those in it.
    ///
    /// # Errors
    /// If there is no connection, it breaks, or the server does not let the user in in time.
    pub(crate) fn join(door: &Door<'_>) -> Result<Entry, SocketError> {
        let start = timing::now();
        let socket = WebSocket::request(door.url.as_str())
            .name(door.name)
            .tag("plenary", door.slug)
            .timeout(door.timeout)
            .connect()?;
        // At once: from the moment that the user is in, each chat counts.
        let chat = Watch::new(Pattern::json("/type", "chat"))
            .named("chat")
            .delivery(Key::regex(words::ID));
        let chat = socket.watch(chat.discard())?;
        let seen = socket.watch(presence())?;
        let arrived = match confirmation(&socket, start + door.timeout)? {
            Ok(arrived) => arrived,
            Err(refusal) => {
                // Some servers leave it open. What has ended already cannot be closed, and need not.
                let _ = socket.close_with(NORMAL, "");
                return Ok(Entry::Refused(refusal));
            }
        };
        // From here on nobody looks at lists of members. The new watch goes before the old: in between none is counted twice, since
        // nothing is read while a user does not wait.
        let presence = socket.watch(presence().discard())?;
        drop(seen);
        let heartbeat = socket.send_text_every(door.heartbeat_interval, words::HEARTBEAT)?;
        let room = Self {
            _heartbeat: heartbeat,
            _watchers: [chat, presence],
            socket,
        };
        Ok(Entry::In(room, arrived - start))
    }

    /// What the server told this user alone, and whether the connection still stands.
    ///
    /// # Errors
    /// If the host cannot tell; that the connection has ended is no error here.
    pub(crate) fn listen(&self) -> Result<Heard, SocketError> {
        let mut errors = Vec::new();
        loop {
            match self.socket.try_receive() {
                Ok(Some(message)) => errors.extend(message.text().and_then(words::error_in)),
                Ok(None) => return Ok(Heard { errors, end: None }),
                Err(SocketError::Closed(close)) => {
                    let end = Some(close);
                    return Ok(Heard { errors, end });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Say something; returns when the host has it.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(crate) fn say(&self, line: &str) -> Result<(), SocketError> {
        self.socket
            .send_json(&lt_sdk::json!({ "type": "chat", "payload": { "message": line } }))
    }

    /// Close the socket, and wait for the server to agree. What has ended already is told as it ended.
    ///
    /// # Errors
    /// If the host cannot close it.
    pub(crate) fn leave(self) -> Result<Close, SocketError> {
        match self.socket.close_with(NORMAL, "") {
            Err(SocketError::Closed(close)) => Ok(close),
            closed => closed,
        }
    }
}

/// Lists of members: counted.
fn presence() -> Watch {
    Watch::new(Pattern::json("/type", "presence")).named("presence")
}

/// When the list of members came, which only those in the room are sent, or why it does not. Other messages say nothing about that.
fn confirmation(
    socket: &WebSocket,
    deadline: Instant,
) -> Result<Result<Instant, Refusal>, SocketError> {
    loop {
        let left = deadline - timing::now();
        match socket.receive(left.min(LOOK_STOPPING)) {
            Ok(message) => {
                let text = message.text().unwrap_or_default();
                if let Some(code) = words::error_in(text) {
                    return Ok(Err(Refusal::told(code)));
                }
                if words::is_presence(text) {
                    return Ok(Ok(message.arrived));
                }
            }
            Err(SocketError::Closed(close)) if close.ending == Ending::ByPeer => {
                return Ok(Err(Refusal::closed(close.code, &close.reason)));
            }
            Err(SocketError::Timeout) if user::should_stop() => return Err(SocketError::Stopping),
            Err(SocketError::Timeout) if !left.is_zero() => {}
            Err(error) => return Err(error),
        }
    }
}
