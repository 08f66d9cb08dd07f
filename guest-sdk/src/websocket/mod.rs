//! WebSocket connections (RFC 6455). The host reads at once, stamps each message when it comes, answers pings, and keeps what came
//! until it is asked for; heartbeats, counting and times to delivery go on while the user sleeps, and cost it nothing.
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::websocket::{self, Key, Pattern, Watch};
//!
//! # fn iterate() -> Result<()> {
//! let socket = websocket::connect("ws://127.0.0.1:8080/room/7")?;
//! // Said every 25 s for as long as it is held.
//! let heartbeat = socket.send_text_every(Duration::from_secs(25), "\"heartbeat\"")?;
//! // Chat is counted and timed as it comes, and not kept: nobody reads it.
//! let chat = Watch::new(Pattern::json("/type", "chat")).named("chat").delivery(Key::pointer("/id")).discard();
//! let chat = socket.watch(chat)?;
//!
//! socket.send_json(&lt_sdk::json!({ "type": "join" }))?;
//! let welcome = socket.receive_matching(&Pattern::json("/type", "welcome"), Duration::from_secs(5))?;
//! timing::sleep(Duration::from_secs(600));
//! log::info!("{} messages were chat", chat.matched());
//! socket.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | connect | [`connect`]; with header fields, subprotocols, limits: [`WebSocket::request`]; beside a page's URL: [`url`] |
//! | send | [`WebSocket::send_text`], [`send_json`](WebSocket::send_json), [`send_binary`](WebSocket::send_binary) |
//! | receive | [`WebSocket::receive`], [`receive_matching`](WebSocket::receive_matching), [`drain`](WebSocket::drain) |
//! | leave work to the host | [`WebSocket::watch`], [`send_text_every`](WebSocket::send_text_every), [`ping_every`](WebSocket::ping_every) |
//! | come back | [`reconnect`] |
//!
//! A connection lives until it is closed or dropped, also across iterations: keep it in the user.
//!
//! In `async` code there are [`WebSocket::receive_async`] and [`WebSocket::receive_matching_async`]. All other calls are the same there, and
//! those that wait (connecting, pinging, closing, sending more than the network takes) let the user's other branches wait with them.
//!
//! # Metrics
//! `ws_connecting` and `ws_connect_failed`, `ws_sessions`, `ws_session_duration`, `ws_session_failed` and `ws_closes`, `ws_msgs_sent`,
//! `ws_msgs_received`, `ws_msgs_dropped`, `ws_msgs_matched`, `ws_ping`, `ws_inbox_depth`; what is marked by a watch feeds `delivery_time`.

mod close;
mod error;
mod message;
mod periodic;
mod receiving;
mod reconnect;
mod request;
mod socket;
mod url;
mod watching;

pub use close::{Close, Ending};
pub use error::{Error, Refusal};
pub use message::{Content, Message};
pub use periodic::{Every, Heartbeat};
pub use receiving::Receiving;
pub use reconnect::reconnect;
pub use request::{Inbox, Overflow, Request, connect};
pub use socket::{Statistics, Timings, WebSocket};
pub use url::url;
pub use watching::{Key, Pattern, Watch, Watcher};

/// The result of a call; `E` is [`Error`] unless said otherwise.
///
/// ```no_run
/// use lt_sdk::websocket::{self, WebSocket};
///
/// fn room(number: u32) -> websocket::Result<WebSocket> {
///     websocket::connect(format!("ws://127.0.0.1:8080/room/{number}"))
/// }
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;
