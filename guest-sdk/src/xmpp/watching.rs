//! What the host does with stanzas as they come.

use super::message::{STAMP, STAMP_TIME};
use super::{Filters, Result, Session};
use crate::bindings::lt::scenario::xmpp as host;
use crate::timing::{Duration, nanos};

/// Where in a stanza a value is: names of elements from a child of the stanza down, separated by `/`, each with its namespace before it in
/// braces if that matters; then `@` and an attribute, else the text is meant.
///
/// ```
/// use lt_sdk::xmpp::Key;
///
/// let origin = Key::path("{urn:xmpp:sid:0}origin-id@id");
/// // In <message><body>hello id=17-4</body></message> it is 17-4.
/// let in_body = Key::path("body").regex("id=([0-9a-f-]+)");
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is to be given to a watch"]
pub struct Key(host::Key);

impl Key {
    /// The stanza's id.
    ///
    /// ```
    /// let id = lt_sdk::xmpp::Key::id();
    /// ```
    pub fn id() -> Self {
        Self::path("@id")
    }

    /// What stands at this path.
    ///
    /// ```
    /// let body = lt_sdk::xmpp::Key::path("body");
    /// ```
    pub fn path(path: impl Into<String>) -> Self {
        Self(host::Key {
            path: path.into(),
            regex: None,
        })
    }

    /// Of that what a regular expression finds: its first group, or all it matches if it has none (syntax of the Rust crate `regex`).
    ///
    /// ```
    /// let number = lt_sdk::xmpp::Key::path("body").regex("[0-9]+$");
    /// ```
    pub fn regex(mut self, expression: impl Into<String>) -> Self {
        self.0.regex = Some(expression.into());
        self
    }
}

/// What one of a stamp's units is.
///
/// ```
/// use lt_sdk::timing::Duration;
/// use lt_sdk::xmpp::Unit;
///
/// assert_eq!(Duration::from(Unit::Microseconds), Duration::from_micros(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl From<Unit> for Duration {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Seconds => Self::from_secs(1),
            Unit::Milliseconds => Self::from_millis(1),
            Unit::Microseconds => Self::from_micros(1),
            Unit::Nanoseconds => Self::from_nanos(1),
        }
    }
}

/// What the host is to do with stanzas as they come, before they are put into the inbox: count them, take the time to delivery, answer them,
/// keep them or not. It begins with those that wait in the inbox. Answers to requests of this user, and what a handler answers, are not
/// shown to watches.
///
/// ```
/// use lt_sdk::xmpp::{Filter, Key, Watch};
///
/// let chat = Watch::new(Filter::chat()).named("chat").delivery(Key::id()).discard();
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is to be given to a session"]
pub struct Watch(host::Watch);

impl Watch {
    /// Watch for stanzas that one of these fits, and let the user receive them all the same.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Watch};
    ///
    /// let messages = Watch::new([Filter::chat(), Filter::group_chat()]);
    /// ```
    pub fn new(filters: impl Into<Filters>) -> Self {
        Self(host::Watch {
            filters: filters.into().into_host(),
            name: None,
            delivery: None,
            stamp: None,
            reply: None,
            keep: true,
        })
    }

    /// Count them in `xmpp_stanzas_matched` with this text as the tag `watch`.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Watch};
    ///
    /// let presence = Watch::new(Filter::presence()).named("presence");
    /// ```
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    /// Mark them as received under the id that is found there, at the time they came
    /// (see [`coordination::mark_received`](crate::coordination::mark_received)); feeds `xmpp_message_delivery` too. Delayed stanzas (XEP-0203) are received, and
    /// not timed.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Key, Watch};
    ///
    /// let chat = Watch::new(Filter::chat()).delivery(Key::id());
    /// ```
    pub fn delivery(mut self, id: Key) -> Self {
        self.0.delivery = Some(id.0);
        self
    }

    /// Feed `xmpp_message_delivery` with the time since the stamp that is found there, by the clocks of both hosts: a decimal number, the time
    /// since 1970, UTC, in these units. Delayed stanzas are not timed.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Key, Unit, Watch};
    ///
    /// let chat = Watch::new(Filter::chat()).stamp(Key::path("body").regex("sent=([0-9]+)"), Unit::Milliseconds);
    /// ```
    pub fn stamp(mut self, at: Key, unit: impl Into<Duration>) -> Self {
        self.0.stamp = Some(host::Stamp {
            key: at.0,
            unit: nanos(unit.into()),
        });
        self
    }

    /// The same for what [`Element::stamp_micros`](super::Element::stamp_micros) wrote.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Watch};
    ///
    /// let chat = Watch::new(Filter::chat()).stamp_micros();
    /// ```
    pub fn stamp_micros(self) -> Self {
        let path = ["{", STAMP, "}stamp@", STAMP_TIME].concat();
        self.stamp(Key::path(path), Unit::Microseconds)
    }

    /// Send this element for each, in which `{from}`, `{to}`, `{id}` and `{type}` are replaced by those of the stanza. Errors
    /// are not replied to, unless a filter that fits names the kind `error`: what answers a refusal is refused again.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Watch};
    ///
    /// let echo = Watch::new(Filter::chat()).reply("<message to='{from}' type='{type}' id='{id}'><body>yes</body></message>");
    /// ```
    pub fn reply(mut self, xml: impl Into<String>) -> Self {
        self.0.reply = Some(xml.into());
        self
    }

    /// Do not let the user receive them: they do not go into the inbox.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Filter, Watch};
    ///
    /// let presence = Watch::new(Filter::presence()).discard();
    /// ```
    pub fn discard(mut self) -> Self {
        self.0.keep = false;
        self
    }
}

/// Something that the host does with a session's stanzas. Dropping it ends it.
///
/// ```no_run
/// # fn look(chat: &lt_sdk::xmpp::Watcher) {
/// lt_sdk::log::info!("{} messages were chat", chat.matched());
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Watcher(host::Watcher);

impl Watcher {
    /// How many stanzas matched.
    ///
    /// ```no_run
    /// # fn look(chat: &lt_sdk::xmpp::Watcher) {
    /// let count = chat.matched();
    /// # }
    /// ```
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.0.matched()
    }
}

impl Session {
    /// Have the host look at stanzas as they come, for as long as the [`Watcher`] is held; those that wait in the inbox are seen at once, in
    /// their order, and taken out if it does not keep them. All watches see each stanza; if one does not keep it, the user does not get
    /// it. At most 16 a session.
    ///
    /// # Errors
    /// If an expression, a path or a reply is none, or there are too many watches.
    ///
    /// ```no_run
    /// use lt_sdk::xmpp::{Filter, Watch};
    ///
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// let presence = session.watch(Watch::new(Filter::presence()).named("presence").discard())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, watch: Watch) -> Result<Watcher> {
        Ok(Watcher(self.host().watch(&watch.0)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::*;

    #[test]
    fn watches_reach_the_contract() {
        let watch = Watch::new([Filter::chat(), Filter::group_chat()])
            .named("chat")
            .delivery(Key::path("body").regex("id=(.*)"))
            .stamp_micros()
            .reply("<message to='{from}'/>")
            .discard()
            .0;
        assert_eq!(watch.filters.len(), 2);
        assert_eq!(watch.name.as_deref(), Some("chat"));
        let key = watch.delivery.unwrap();
        assert_eq!(key.path, "body");
        assert_eq!(key.regex.as_deref(), Some("id=(.*)"));
        let stamp = watch.stamp.unwrap();
        assert_eq!(stamp.key.path, "{urn:lt-host}stamp@t");
        assert_eq!(stamp.unit, 1_000);
        assert!(watch.reply.is_some() && !watch.keep);
    }

    #[test]
    fn a_plain_watch_only_counts_for_itself() {
        let watch = Watch::new(Filter::any()).0;
        assert!(watch.name.is_none() && watch.delivery.is_none() && watch.stamp.is_none());
        assert!(watch.reply.is_none() && watch.keep);
        assert_eq!(Key::id().0.path, "@id");
    }
}
