//! Presences: who is there, and who may see it (RFC 6121, sections 3 and 4).

use super::Element;

/// A presence without a type: available (RFC 6121, section 4.2).
///
/// ```
/// use lt_sdk::xmpp::{self, Show};
///
/// let presence = xmpp::presence().show(Show::Away).status("at lunch").priority(5);
/// assert_eq!(
///     presence.to_string(),
///     "<presence><show>away</show><status>at lunch</status><priority>5</priority></presence>"
/// );
/// ```
pub fn presence() -> Element {
    Element::new("presence")
}

/// Not there any more (RFC 6121, section 4.5).
///
/// ```
/// assert_eq!(lt_sdk::xmpp::unavailable().to_string(), "<presence type='unavailable'/>");
/// ```
pub fn unavailable() -> Element {
    presence().kind("unavailable")
}

/// Ask to see somebody's presence (RFC 6121, section 3.1.1).
///
/// ```
/// assert_eq!(lt_sdk::xmpp::subscribe("bob@localhost").attr("type"), Some("subscribe"));
/// ```
pub fn subscribe(to: impl Into<String>) -> Element {
    presence().to(to).kind("subscribe")
}

/// Let somebody see one's presence (RFC 6121, section 3.1.4).
///
/// ```
/// assert_eq!(lt_sdk::xmpp::subscribed("bob@localhost").attr("type"), Some("subscribed"));
/// ```
pub fn subscribed(to: impl Into<String>) -> Element {
    presence().to(to).kind("subscribed")
}

/// See somebody's presence no longer (RFC 6121, section 3.3.1).
///
/// ```
/// assert_eq!(lt_sdk::xmpp::unsubscribe("bob@localhost").attr("type"), Some("unsubscribe"));
/// ```
pub fn unsubscribe(to: impl Into<String>) -> Element {
    presence().to(to).kind("unsubscribe")
}

/// Let somebody see one's presence no longer, or refuse it (RFC 6121, section 3.2.1).
///
/// ```
/// assert_eq!(lt_sdk::xmpp::unsubscribed("bob@localhost").attr("type"), Some("unsubscribed"));
/// ```
pub fn unsubscribed(to: impl Into<String>) -> Element {
    presence().to(to).kind("unsubscribed")
}

/// How available somebody is (RFC 6121, section 4.7.2.1).
///
/// ```
/// let presence = lt_sdk::xmpp::presence().show(lt_sdk::xmpp::Show::DoNotDisturb);
/// assert_eq!(presence.value("show").as_deref(), Some("dnd"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Away for a while.
    Away,
    /// Wants to chat.
    Chat,
    /// Busy.
    DoNotDisturb,
    /// Away for long.
    ExtendedAway,
}

/// Presences.
impl Element {
    /// Say how available one is.
    ///
    /// ```
    /// let presence = lt_sdk::xmpp::presence().show(lt_sdk::xmpp::Show::Chat);
    /// assert_eq!(presence.value("show").as_deref(), Some("chat"));
    /// ```
    pub fn show(self, show: Show) -> Self {
        let show = match show {
            Show::Away => "away",
            Show::Chat => "chat",
            Show::DoNotDisturb => "dnd",
            Show::ExtendedAway => "xa",
        };
        self.child(Self::new("show").text(show))
    }

    /// Say it in words (RFC 6121, section 4.7.2.2).
    ///
    /// ```
    /// let presence = lt_sdk::xmpp::presence().status("at lunch");
    /// assert_eq!(presence.value("status").as_deref(), Some("at lunch"));
    /// ```
    pub fn status(self, text: impl Into<String>) -> Self {
        self.child(Self::new("status").text(text))
    }

    /// Which of one's resources comes first (RFC 6121, section 4.7.2.3): a negative one gets no messages that are sent to the account.
    ///
    /// ```
    /// let presence = lt_sdk::xmpp::presence().priority(-1);
    /// assert_eq!(presence.value("priority").as_deref(), Some("-1"));
    /// ```
    pub fn priority(self, priority: i8) -> Self {
        self.child(Self::new("priority").text(priority.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle::parse;
    use super::*;
    use xmpp_parsers::presence as oracle;

    #[test]
    fn the_oracle_reads_presences() {
        let built = presence().show(Show::ExtendedAway).status("a").priority(-7);
        let read: oracle::Presence = parse(&built);
        assert_eq!(read.type_, oracle::Type::None);
        assert_eq!(read.show, Some(oracle::Show::Xa));
        assert_eq!(read.statuses.values().next().unwrap(), "a");
        assert_eq!(read.priority, oracle::Priority(-7));
        for show in [Show::Away, Show::Chat, Show::DoNotDisturb] {
            let read: oracle::Presence = parse(&presence().show(show));
            assert!(read.show.is_some());
        }
    }

    #[test]
    fn the_oracle_reads_their_types() {
        let check = |built: Element, kind| {
            let read: oracle::Presence = parse(&built);
            assert_eq!(read.type_, kind);
        };
        check(unavailable(), oracle::Type::Unavailable);
        check(subscribe("a@b"), oracle::Type::Subscribe);
        check(subscribed("a@b"), oracle::Type::Subscribed);
        check(unsubscribe("a@b"), oracle::Type::Unsubscribe);
        check(unsubscribed("a@b"), oracle::Type::Unsubscribed);
    }
}
