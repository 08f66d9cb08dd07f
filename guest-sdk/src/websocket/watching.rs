//! What the host does with messages as they come.

use super::{Result, WebSocket};
use crate::bindings::lt::scenario::websocket as host;

/// Which messages are meant. Expressions and pointers have at most 4 KiB; the host keeps one copy of those that many users share.
///
/// ```
/// use lt_sdk::websocket::Pattern;
///
/// let chat = Pattern::json("/type", "chat");
/// let mine = Pattern::contains("user-7");
/// ```
#[derive(Clone, Debug)]
pub struct Pattern(host::Pattern);

impl Pattern {
    /// Every message.
    ///
    /// ```
    /// let any = lt_sdk::websocket::Pattern::any();
    /// ```
    #[must_use]
    pub const fn any() -> Self {
        Self(host::Pattern::Any)
    }

    /// Messages whose bytes contain these: the cheapest.
    ///
    /// ```
    /// let pattern = lt_sdk::websocket::Pattern::contains("welcome");
    /// ```
    #[must_use]
    pub fn contains(text: impl Into<String>) -> Self {
        Self(host::Pattern::Contains(text.into()))
    }

    /// Texts that a regular expression finds something in (syntax of the Rust crate `regex`).
    ///
    /// ```
    /// let pattern = lt_sdk::websocket::Pattern::regex("^(welcome|hello)");
    /// ```
    #[must_use]
    pub fn regex(expression: impl Into<String>) -> Self {
        Self(host::Pattern::Regex(expression.into()))
    }

    /// JSON in which what a JSON pointer (RFC 6901) names is this text, or this number, `true`, `false` or `null` as it is written.
    ///
    /// ```
    /// let pattern = lt_sdk::websocket::Pattern::json("/payload/room", "7");
    /// ```
    #[must_use]
    pub fn json(pointer: impl Into<String>, value: impl Into<String>) -> Self {
        Self(host::Pattern::Json((pointer.into(), value.into())))
    }

    pub(super) const fn host(&self) -> &host::Pattern {
        &self.0
    }
}

/// Where in a message its id is.
///
/// ```
/// use lt_sdk::websocket::Key;
///
/// // In {"payload":{"message":"hello id=17-4"}} it is 17-4.
/// let id = Key::regex("id=([0-9a-f-]+)").at("/payload/message");
/// ```
#[derive(Clone, Debug)]
pub struct Key(host::Key);

impl Key {
    /// The whole message.
    ///
    /// ```
    /// let id = lt_sdk::websocket::Key::whole();
    /// ```
    #[must_use]
    pub const fn whole() -> Self {
        Self(host::Key {
            pointer: None,
            regex: None,
        })
    }

    /// The text that a JSON pointer (RFC 6901) names.
    ///
    /// ```
    /// let id = lt_sdk::websocket::Key::pointer("/id");
    /// ```
    #[must_use]
    pub fn pointer(pointer: impl Into<String>) -> Self {
        Self::whole().at(pointer)
    }

    /// What a regular expression finds in the text: its first group, or all it matches if it has none.
    ///
    /// ```
    /// let id = lt_sdk::websocket::Key::regex("id=([0-9a-f-]+)");
    /// ```
    #[must_use]
    pub fn regex(expression: impl Into<String>) -> Self {
        Self(host::Key {
            pointer: None,
            regex: Some(expression.into()),
        })
    }

    /// The same, not in the whole message but in the text that a JSON pointer names.
    ///
    /// ```
    /// let id = lt_sdk::websocket::Key::regex("[0-9]+$").at("/payload/message");
    /// ```
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into());
        self
    }
}

/// What the host is to do with messages as they come: count them, take the time to delivery, keep them or not. It begins with those that wait
/// in the inbox.
///
/// ```
/// use lt_sdk::websocket::{Key, Pattern, Watch};
///
/// let chat = Watch::new(Pattern::json("/type", "chat")).named("chat").delivery(Key::pointer("/id")).discard();
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is to be given to a socket"]
pub struct Watch(host::Watch);

impl Watch {
    /// Watch for these messages, and let the user receive them all the same.
    ///
    /// ```
    /// use lt_sdk::websocket::{Pattern, Watch};
    ///
    /// let everything = Watch::new(Pattern::any());
    /// ```
    pub fn new(pattern: Pattern) -> Self {
        Self(host::Watch {
            pattern: pattern.0,
            name: None,
            delivery: None,
            keep: true,
        })
    }

    /// Count them in `ws_msgs_matched` with this text as the tag `watch`.
    ///
    /// ```
    /// use lt_sdk::websocket::{Pattern, Watch};
    ///
    /// let presence = Watch::new(Pattern::json("/type", "presence")).named("presence");
    /// ```
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    /// Mark them as received under the id that is found there, at the time they came:
    /// see [`coordination::mark_received`](crate::coordination::mark_received).
    ///
    /// ```
    /// use lt_sdk::websocket::{Key, Pattern, Watch};
    ///
    /// let chat = Watch::new(Pattern::json("/type", "chat")).delivery(Key::pointer("/id"));
    /// ```
    pub fn delivery(mut self, id: Key) -> Self {
        self.0.delivery = Some(id.0);
        self
    }

    /// Do not let the user receive them: they do not go into the inbox.
    ///
    /// ```
    /// use lt_sdk::websocket::{Pattern, Watch};
    ///
    /// let presence = Watch::new(Pattern::json("/type", "presence")).discard();
    /// ```
    pub fn discard(mut self) -> Self {
        self.0.keep = false;
        self
    }
}

/// Something that the host does with a socket's messages. Dropping it ends it.
///
/// ```no_run
/// # fn look(chat: &lt_sdk::websocket::Watcher) {
/// lt_sdk::log::info!("{} messages were chat", chat.matched());
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Watcher(host::Watcher);

impl Watcher {
    /// How many messages matched.
    ///
    /// ```no_run
    /// # fn look(chat: &lt_sdk::websocket::Watcher) {
    /// let count = chat.matched();
    /// # }
    /// ```
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.0.matched()
    }
}

impl WebSocket {
    /// Have the host look at messages as they come, for as long as the [`Watcher`] is held; those that wait in the inbox, such as what
    /// came with the upgrade, are seen at once, in their order, and taken out if it does not keep them. All watches see each message; if
    /// one does not keep it, the user does not get it. At most 16 a socket.
    ///
    /// # Errors
    /// If a regular expression or a JSON pointer is none, or there are too many watches.
    ///
    /// ```no_run
    /// use lt_sdk::websocket::{Pattern, Watch};
    ///
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// let presence = socket.watch(Watch::new(Pattern::json("/type", "presence")).named("presence").discard())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, watch: Watch) -> Result<Watcher> {
        Ok(Watcher(self.host().watch(&watch.0)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_reach_the_contract() {
        let watch = Watch::new(Pattern::json("/type", "chat"))
            .named("chat")
            .delivery(Key::regex("id=(.*)").at("/message"))
            .discard()
            .0;
        assert!(matches!(
            watch.pattern,
            host::Pattern::Json((pointer, value)) if pointer == "/type" && value == "chat"
        ));
        assert_eq!(watch.name.as_deref(), Some("chat"));
        let key = watch.delivery.unwrap();
        assert_eq!(key.pointer.as_deref(), Some("/message"));
        assert_eq!(key.regex.as_deref(), Some("id=(.*)"));
        assert!(!watch.keep);
    }

    #[test]
    fn a_plain_watch_only_counts_for_itself() {
        let watch = Watch::new(Pattern::any()).0;
        assert!(watch.name.is_none() && watch.delivery.is_none() && watch.keep);
        let whole = Key::whole().0;
        assert!(whole.pointer.is_none() && whole.regex.is_none());
        assert!(Key::pointer("/id").0.regex.is_none());
    }
}
