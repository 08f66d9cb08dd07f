//! XMPP sessions (RFC 6120, 6121, 7395). The host reads at once, stamps each stanza when it comes, answers pings, disco and receipts, and keeps
//! what came until it is asked for; counting, times to delivery and pings of one's own go on while the user sleeps, and cost it nothing.
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::xmpp::{self, Account, Filter, Key, Pings, Watch};
//!
//! # fn iterate() -> Result<()> {
//! let session = Account::new("user_1@localhost", "password_1").address("127.0.0.1:5222").presence().connect()?;
//! let pings = session.ping_every(Pings::every(Duration::from_secs(60)).timeout(Duration::from_secs(10)))?;
//! // Chat is counted and timed as it comes, and not kept: nobody reads it.
//! let chat = session.watch(Watch::new(Filter::chat()).named("chat").delivery(Key::id()).discard())?;
//!
//! session.send(&xmpp::chat("user_2@localhost", "hello").with_id())?;
//! let contacts = xmpp::roster::read_items(&session.request(&xmpp::roster::get())?)?;
//! timing::sleep(Duration::from_secs(600));
//! log::info!("{} messages were chat", chat.matched());
//! session.close();
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | connect | [`Account`]; its [`Step`]s, [`Security`], [`Mechanism`]s, [`StreamManagement`] |
//! | build stanzas | [`chat`], [`group_chat`], [`presence()`], [`get`], [`set`]; the modules below; [`Element`] for everything else |
//! | send | [`Session::send`], [`send_xml`](Session::send_xml), [`send_raw`](Session::send_raw) |
//! | ask | [`Session::request`], [`start_request`](Session::start_request), [`archive`](Session::archive) |
//! | receive | [`Session::receive`] with [`Filter`]s, [`drain`](Session::drain); [`Stanza`] |
//! | leave work to the host | [`Session::watch`], [`send_every`](Session::send_every), [`ping_every`](Session::ping_every); [`Handlers`] |
//! | go and come back | [`Session::close`], [`kill`](Session::kill), [`resumption`](Session::resumption), [`Account::resume`], [`reconnect`] |
//! | make and remove accounts | [`Account::register`], [`Session::unregister`] |
//!
//! A session lives until it is closed or dropped, also across iterations: keep it in the user.
//!
//! In `async` code there are [`Session::receive_async`] and [`Session::start_request`], whose [`Pending`] is awaited. All other calls are the same there,
//! and those that wait (connecting, closing, sending more than the network takes) let the user's other branches wait with them.
//!
//! # Metrics
//! `xmpp_connecting` (by `step`) and `xmpp_connect_failed`, `xmpp_sessions`, `xmpp_session_duration` and `xmpp_session_failed`, `xmpp_stanzas_sent` and
//! `xmpp_stanzas_received`, `xmpp_stanzas_matched`, `xmpp_request_duration`, `xmpp_message_delivery`, `xmpp_errors`, `xmpp_unexpected`; what is marked by a watch
//! feeds `delivery_time`.

mod account;
pub mod ad_hoc;
pub mod blocking;
pub mod carbons;
mod chatter;
mod close;
pub mod csi;
mod date;
pub mod disco;
mod element;
mod error;
mod filter;
mod form;
mod jid;
mod login;
pub mod mam;
mod message;
pub mod muc;
#[cfg(test)]
mod oracle;
pub mod pep;
mod periodic;
mod presence;
pub mod privacy;
pub mod pubsub;
mod queries;
mod receiving;
mod reconnect;
mod request;
pub mod roster;
mod session;
mod stanza;
mod steps;
pub mod upload;
pub mod vcard;
mod watching;

pub use crate::websocket::{Every, Inbox, Overflow};
pub use account::Account;
pub use chatter::Chatter;
pub use close::{Close, Ending};
pub use date::date_time;
pub use element::{Element, Node};
pub use error::{Error, StanzaError, StreamError};
pub use filter::{Filter, Filters};
pub use form::Form;
pub use jid::{bare, resource};
pub use login::Login;
pub use message::{ChatState, chat, group_chat, marker, message, new_id, receipt};
pub use periodic::{Periodic, Pings};
pub use presence::{Show, presence, subscribe, subscribed, unavailable, unsubscribe, unsubscribed};
pub use queries::{Version, last, ping, read_last, read_version, time, version};
pub use receiving::Receiving;
pub use reconnect::reconnect;
pub use request::{Answer, Pending, change_password, get, register, set, unregister};
pub use session::{Connected, Resumption, Session, Statistics};
pub use stanza::Stanza;
pub use steps::{Handlers, Mechanism, Security, Step, StreamManagement};
pub use watching::{Key, Unit, Watch, Watcher};

/// The result of a call; `E` is [`Error`] unless said otherwise.
///
/// ```no_run
/// use lt_sdk::xmpp::{self, Account, Session};
///
/// fn login(number: u32) -> xmpp::Result<Session> {
///     Account::new(format!("user_{number}@localhost"), format!("password_{number}")).connect()
/// }
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;
