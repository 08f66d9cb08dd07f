//! Messages: texts to one or to a room, receipts (XEP-0184), markers (XEP-0333), chat states (XEP-0085), stamps.

use std::cell::Cell;

use super::Element;
use crate::timing::wall_clock;
use crate::user;

/// Namespace of the stamps that this crate writes.
pub(super) const STAMP: &str = "urn:lt-host";
/// The attribute that has a stamp's time.
pub(super) const STAMP_TIME: &str = "t";

const RECEIPTS: &str = "urn:xmpp:receipts";
const MARKERS: &str = "urn:xmpp:chat-markers:0";
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";

/// A message without a type and without a body (RFC 6121, section 5.2).
///
/// ```
/// let message = lt_sdk::xmpp::message("bob@localhost").kind("headline").body("news");
/// assert_eq!(message.to_string(), "<message to='bob@localhost' type='headline'><body>news</body></message>");
/// ```
pub fn message(to: impl Into<String>) -> Element {
    Element::new("message").to(to)
}

/// A message of type `chat` (RFC 6121, section 5.2.2).
///
/// ```
/// let message = lt_sdk::xmpp::chat("bob@localhost", "hello").id("m1");
/// assert_eq!(message.to_string(), "<message to='bob@localhost' type='chat' id='m1'><body>hello</body></message>");
/// ```
pub fn chat(to: impl Into<String>, body: impl Into<String>) -> Element {
    message(to).kind("chat").body(body)
}

/// A message to all in a room (XEP-0045, section 7.4).
///
/// ```
/// let message = lt_sdk::xmpp::group_chat("lobby@muc.localhost", "hello");
/// assert!(message.to_string().contains("type='groupchat'"));
/// ```
pub fn group_chat(room: impl Into<String>, body: impl Into<String>) -> Element {
    message(room).kind("groupchat").body(body)
}

/// The receipt for a message of this id (XEP-0184, section 5.4). [`Handlers::receipts`](super::Handlers::receipts) has the host send them.
///
/// ```
/// let receipt = lt_sdk::xmpp::receipt("bob@localhost/phone", "m1");
/// assert!(receipt.to_string().contains("<received xmlns='urn:xmpp:receipts' id='m1'/>"));
/// ```
pub fn receipt(to: impl Into<String>, id: impl Into<String>) -> Element {
    message(to).child(Element::new("received").namespace(RECEIPTS).id(id))
}

/// An id that no other message of the run has: the user's id, when it began to count, and a number. For stanzas
/// [`Element::with_id`] sets one.
///
/// ```no_run
/// let id = lt_sdk::xmpp::new_id();
/// ```
#[must_use]
pub fn new_id() -> String {
    thread_local! {
        /// When this user began to count, and how far it is. A user that is built anew begins again, later.
        static COUNTED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    }
    let (began, number) = match COUNTED.get() {
        (0, _) => (micros(), 1),
        (began, number) => (began, number + 1),
    };
    COUNTED.set((began, number));
    numbered(user::id(), began, number)
}

fn numbered(user: u64, began: u64, number: u64) -> String {
    [user, began, number]
        .map(|number| number.to_string())
        .join("-")
}

/// Microseconds since 1970.
fn micros() -> u64 {
    u64::try_from(wall_clock().as_micros()).unwrap_or(u64::MAX)
}

/// What somebody in a chat is doing (XEP-0085, section 5).
///
/// ```
/// use lt_sdk::xmpp::{self, ChatState};
///
/// let typing = xmpp::message("bob@localhost").kind("chat").chat_state(ChatState::Composing);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatState {
    /// Takes part.
    Active,
    /// Writes.
    Composing,
    /// Wrote, and stopped.
    Paused,
    /// Does not take part for now.
    Inactive,
    /// Left.
    Gone,
}

impl ChatState {
    const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Composing => "composing",
            Self::Paused => "paused",
            Self::Inactive => "inactive",
            Self::Gone => "gone",
        }
    }
}

/// Messages.
impl Element {
    /// Give it an id that no other message of the run has.
    ///
    /// ```no_run
    /// let message = lt_sdk::xmpp::chat("bob@localhost", "hello").with_id();
    /// ```
    pub fn with_id(self) -> Self {
        self.id(new_id())
    }

    /// Add a body (RFC 6121, section 5.2.3).
    ///
    /// ```
    /// let message = lt_sdk::xmpp::message("bob@localhost").body("hello");
    /// assert_eq!(message.value("body").as_deref(), Some("hello"));
    /// ```
    pub fn body(self, text: impl Into<String>) -> Self {
        self.child(Self::new("body").text(text))
    }

    /// Add a subject (RFC 6121, section 5.2.4).
    ///
    /// ```
    /// let message = lt_sdk::xmpp::message("bob@localhost").subject("lunch");
    /// assert_eq!(message.value("subject").as_deref(), Some("lunch"));
    /// ```
    pub fn subject(self, text: impl Into<String>) -> Self {
        self.child(Self::new("subject").text(text))
    }

    /// Say to which conversation it belongs (RFC 6121, section 5.2.5).
    ///
    /// ```
    /// let message = lt_sdk::xmpp::chat("bob@localhost", "hello").thread("t1");
    /// assert_eq!(message.value("thread").as_deref(), Some("t1"));
    /// ```
    pub fn thread(self, id: impl Into<String>) -> Self {
        self.child(Self::new("thread").text(id))
    }

    /// Ask for a receipt (XEP-0184, section 5.3); the message needs an id.
    ///
    /// ```
    /// let message = lt_sdk::xmpp::chat("bob@localhost", "hello").id("m1").request_receipt();
    /// assert!(message.to_string().contains("<request xmlns='urn:xmpp:receipts'/>"));
    /// ```
    pub fn request_receipt(self) -> Self {
        self.child(Self::new("request").namespace(RECEIPTS))
    }

    /// Allow the receiver to send chat markers for it (XEP-0333, section 4.1); the message needs an id.
    ///
    /// ```
    /// let message = lt_sdk::xmpp::chat("bob@localhost", "hello").id("m1").markable();
    /// assert!(message.to_string().contains("<markable xmlns='urn:xmpp:chat-markers:0'/>"));
    /// ```
    pub fn markable(self) -> Self {
        self.child(Self::new("markable").namespace(MARKERS))
    }

    /// Say what the sender is doing (XEP-0085).
    ///
    /// ```
    /// use lt_sdk::xmpp::{self, ChatState};
    ///
    /// let message = xmpp::chat("bob@localhost", "hello").chat_state(ChatState::Active);
    /// assert!(message.to_string().contains("<active xmlns='http://jabber.org/protocol/chatstates'/>"));
    /// ```
    pub fn chat_state(self, state: ChatState) -> Self {
        self.child(Self::new(state.name()).namespace(CHAT_STATES))
    }

    /// Write the time into it, in microseconds since 1970 by this host's clock: [`Watch::stamp_micros`](super::Watch::stamp_micros) takes the time to delivery
    /// from that.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// session.send(&lt_sdk::xmpp::chat("bob@localhost", "hello").stamp_micros())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stamp_micros(self) -> Self {
        self.stamped(micros())
    }

    fn stamped(self, micros: u64) -> Self {
        let stamp = Self::new("stamp").namespace(STAMP);
        self.child(stamp.attribute(STAMP_TIME, micros.to_string()))
    }
}

/// Chat markers (XEP-0333): how far somebody has read.
pub mod marker {
    use super::{Element, MARKERS, message};

    fn marker(to: impl Into<String>, name: &'static str, id: impl Into<String>) -> Element {
        message(to).child(Element::new(name).namespace(MARKERS).id(id))
    }

    /// The message of this id, and all before it, came to a client.
    ///
    /// ```
    /// let marker = lt_sdk::xmpp::marker::received("bob@localhost", "m1");
    /// assert!(marker.to_string().contains("<received xmlns='urn:xmpp:chat-markers:0' id='m1'/>"));
    /// ```
    pub fn received(to: impl Into<String>, id: impl Into<String>) -> Element {
        marker(to, "received", id)
    }

    /// The message of this id, and all before it, were shown to a person.
    ///
    /// ```
    /// let marker = lt_sdk::xmpp::marker::displayed("bob@localhost", "m1");
    /// assert!(marker.to_string().contains("<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"));
    /// ```
    pub fn displayed(to: impl Into<String>, id: impl Into<String>) -> Element {
        marker(to, "displayed", id)
    }

    /// The message of this id, and all before it, were acknowledged by a person.
    ///
    /// ```
    /// let marker = lt_sdk::xmpp::marker::acknowledged("bob@localhost", "m1");
    /// assert!(marker.to_string().contains("<acknowledged xmlns='urn:xmpp:chat-markers:0' id='m1'/>"));
    /// ```
    pub fn acknowledged(to: impl Into<String>, id: impl Into<String>) -> Element {
        marker(to, "acknowledged", id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle::{parse, payload};
    use super::*;
    use xmpp_parsers::message::{Message, MessageType};
    use xmpp_parsers::{chatstates, receipts};

    #[test]
    fn the_oracle_reads_what_is_said_to_whom() {
        let built = chat("bob@localhost", "1 < 2 & 'so on'")
            .id("m1")
            .subject("s")
            .thread("t");
        let message: Message = parse(&built);
        assert_eq!(message.to.unwrap().to_string(), "bob@localhost");
        assert_eq!(message.id.unwrap().0, "m1");
        assert_eq!(message.type_, MessageType::Chat);
        assert_eq!(message.bodies.values().next().unwrap(), "1 < 2 & 'so on'");
        assert_eq!(message.subjects.values().next().unwrap(), "s");
        assert_eq!(message.thread.unwrap().id, "t");
        let message: Message = parse(&group_chat("room@muc.localhost", "a"));
        assert_eq!(message.type_, MessageType::Groupchat);
        let message: Message = parse(&super::message("bob@localhost"));
        assert_eq!(message.type_, MessageType::Normal);
    }

    #[test]
    fn the_oracle_reads_receipts_and_chat_states() {
        let built = chat("b@c", "a")
            .request_receipt()
            .chat_state(ChatState::Paused);
        let _: receipts::Request = payload(&built, 1);
        let state: chatstates::ChatState = payload(&built, 2);
        assert_eq!(state, chatstates::ChatState::Paused);
        let received: receipts::Received = payload(&receipt("b@c", "m1"), 0);
        assert_eq!(received.id, "m1");
        for state in [
            ChatState::Active,
            ChatState::Composing,
            ChatState::Inactive,
            ChatState::Gone,
        ] {
            let _: chatstates::ChatState = payload(&message("b@c").chat_state(state), 0);
        }
    }

    #[test]
    fn markers_name_what_they_mark() {
        let markable = chat("b@c", "a").markable();
        assert!(
            markable
                .first("markable", "urn:xmpp:chat-markers:0")
                .is_some()
        );
        let marker = marker::displayed("b@c", "m1");
        let displayed = marker.first("displayed", "urn:xmpp:chat-markers:0");
        assert_eq!(displayed.and_then(|marker| marker.attr("id")), Some("m1"));
    }

    #[test]
    fn stamps_are_where_watches_look() {
        let stamped = chat("b@c", "a").stamped(1_700_000_000_000_001);
        assert_eq!(
            stamped.value("{urn:lt-host}stamp@t").as_deref(),
            Some("1700000000000001")
        );
    }

    #[test]
    fn ids_differ_by_user_beginning_and_number() {
        assert_eq!(numbered(7, 1_000, 3), "7-1000-3");
    }
}
