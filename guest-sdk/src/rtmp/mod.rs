//! RTMP streams (Adobe's specification 1.0), and FLV over HTTP: publishing in real time, and playing without decoding. The host reads at
//! once, stamps what comes, paces what is sent and measures both; that goes on while the user sleeps, and costs it nothing.
//!
//! Somebody publishes a file of the run (`--asset video=video.flv`):
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::rtmp::Connection;
//!
//! # fn iterate() -> Result<()> {
//! let connection = Connection::to("rtmp://127.0.0.1:1935/live").name("ingest").connect()?;
//! let publisher = connection.publish("stream").start()?;
//! publisher.publish_asset("video").start()?;
//! publisher.wait()?;
//! # Ok(())
//! # }
//! ```
//!
//! Others watch it:
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::rtmp::Connection;
//!
//! # fn iterate() -> Result<()> {
//! let connection = Connection::to("rtmp://127.0.0.1:1935/live").connect()?;
//! let player = connection.play("stream").live().start()?;
//! player.watch(Duration::from_secs(60))?;
//! check!("never stalled", player.statistics().stalls == 0);
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | connect | [`Connection::to`], [`connect`]; [`Request`] has the choices |
//! | publish | [`Connection::publish`]; then [`Publisher::publish_asset`], [`send_tag`](Publisher::send_tag), [`send_metadata`](Publisher::send_metadata) |
//! | play | [`Connection::play`]; FLV over HTTP: [`Player::http`] |
//! | watch | [`Player::watch`], [`statistics`](Player::statistics), [`is_healthy`](Player::is_healthy), [`next_event`](Player::next_event) |
//! | look at frames | [`Play::frames`], [`Player::receive`] |
//! | move in what is recorded | [`Player::pause`], [`seek`](Player::seek) |
//! | ask an application | [`Connection::call`] |
//! | come back | [`reconnect`] |
//!
//! A connection lives until it is closed or dropped, also across iterations, and so do streams: keep both in the user. A stream that is dropped ends;
//! so do all streams of a connection that is.
//!
//! In `async` code there are [`Publisher::next_event_async`], [`Player::next_event_async`] and [`Player::receive_async`]. All other calls are the same there,
//! and those that wait (connecting, starting, watching) let the user's other branches wait with them.
//!
//! # Metrics
//! `rtmp_connecting` and `rtmp_connect_failed`, `rtmp_handshake`, `rtmp_connections`, `rtmp_starting`, `rtmp_stream_failed` and `rtmp_stream_duration`,
//! `rtmp_first_frame`, `rtmp_stalls` and `rtmp_stall_duration`, `rtmp_lag`, `rtmp_end_to_end_lag`, `rtmp_bitrate`, `rtmp_discontinuities`,
//! `rtmp_pacing_error`, `rtmp_streams`, `rtmp_errors`.

mod close;
mod connection;
mod error;
mod event;
mod frame;
mod play;
mod player;
mod publish;
mod publisher;
mod receiving;
mod reconnect;
mod request;
mod statistics;
mod value;

pub use crate::websocket::{Inbox, Overflow};
pub use close::{Close, Ending};
pub use connection::{Connected, Connection, Timings};
pub use error::Error;
pub use event::{Event, Happening, Status};
pub use frame::{Frame, TagKind};
pub use play::{OverHttp, OverRtmp, Play};
pub use player::Player;
pub use publish::{AssetRequest, Publish, PublishKind, Stamping};
pub use publisher::Publisher;
pub use reconnect::reconnect;
pub use request::{Request, connect};
pub use statistics::{Broadcast, Playback};
pub use value::Value;

/// The result of a call; `E` is [`Error`] unless said otherwise.
///
/// ```no_run
/// use lt_sdk::rtmp::{self, Connection};
///
/// fn edge(number: u32) -> rtmp::Result<Connection> {
///     rtmp::connect(format!("rtmp://127.0.0.{number}/live"))
/// }
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;
