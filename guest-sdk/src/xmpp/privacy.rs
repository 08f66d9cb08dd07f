//! Privacy lists (XEP-0016): rules about who may send what.

use super::Element;

const PRIVACY: &str = "jabber:iq:privacy";

fn query(child: Element) -> Element {
    Element::new("query").namespace(PRIVACY).child(child)
}

fn named(element: &'static str, name: impl Into<String>) -> Element {
    Element::new(element).attribute("name", name)
}

/// Ask for the names of the lists (XEP-0016, section 2.3).
///
/// ```
/// let request = lt_sdk::xmpp::privacy::lists();
/// assert_eq!(request.to_string(), "<iq type='get'><query xmlns='jabber:iq:privacy'/></iq>");
/// ```
pub fn lists() -> Element {
    super::get(Element::new("query").namespace(PRIVACY))
}

/// Ask for a list (XEP-0016, section 2.3).
///
/// ```
/// let request = lt_sdk::xmpp::privacy::list("public");
/// assert!(request.to_string().contains("<list name='public'/>"));
/// ```
pub fn list(name: impl Into<String>) -> Element {
    super::get(query(named("list", name)))
}

/// Make or change a list (XEP-0016, sections 2.6 and 2.7): its rules in their order.
///
/// ```
/// use lt_sdk::xmpp::privacy::{self, Rule};
///
/// let request = privacy::set("quiet", [Rule::deny().jid("bob@localhost").messages(), Rule::allow()]);
/// assert!(request.to_string().contains("<item action='deny' order='1' type='jid' value='bob@localhost'><message/></item>"));
/// ```
pub fn set(name: impl Into<String>, rules: impl IntoIterator<Item = Rule>) -> Element {
    let rules = rules.into_iter().zip(1_u32..).map(|(rule, order)| {
        Element::new("item")
            .attribute("action", rule.action)
            .attribute("order", order.to_string())
            .attribute_some("type", rule.whom.as_ref().map(|(kind, _)| *kind))
            .attribute_some("value", rule.whom.map(|(_, value)| value))
            .with_children(rule.what.into_iter().map(Element::new))
    });
    super::set(query(named("list", name).with_children(rules)))
}

/// Remove a list (XEP-0016, section 2.8).
///
/// ```
/// let request = lt_sdk::xmpp::privacy::remove("quiet");
/// assert!(request.to_string().starts_with("<iq type='set'>"));
/// ```
pub fn remove(name: impl Into<String>) -> Element {
    super::set(query(named("list", name)))
}

/// Use a list in this session (XEP-0016, section 2.4); `None` uses none.
///
/// ```
/// let request = lt_sdk::xmpp::privacy::activate("quiet");
/// assert!(request.to_string().contains("<active name='quiet'/>"));
/// ```
pub fn activate<'a>(name: impl Into<Option<&'a str>>) -> Element {
    super::set(query(
        Element::new("active").attribute_some("name", name.into()),
    ))
}

/// Use a list wherever no other is active (XEP-0016, section 2.5); `None` uses none.
///
/// ```
/// let request = lt_sdk::xmpp::privacy::set_default("quiet");
/// assert!(request.to_string().contains("<default name='quiet'/>"));
/// ```
pub fn set_default<'a>(name: impl Into<Option<&'a str>>) -> Element {
    super::set(query(
        Element::new("default").attribute_some("name", name.into()),
    ))
}

/// A rule of a list (XEP-0016, section 2.1): for everybody and everything unless said otherwise.
///
/// ```
/// use lt_sdk::xmpp::privacy::Rule;
///
/// let rule = Rule::deny().group("enemies").presences_out();
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is to be put into a list"]
pub struct Rule {
    action: &'static str,
    whom: Option<(&'static str, String)>,
    what: Vec<&'static str>,
}

impl Rule {
    const fn new(action: &'static str) -> Self {
        Self {
            action,
            whom: None,
            what: Vec::new(),
        }
    }

    /// Let it through.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::allow();
    /// ```
    pub const fn allow() -> Self {
        Self::new("allow")
    }

    /// Keep it out.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny();
    /// ```
    pub const fn deny() -> Self {
        Self::new("deny")
    }

    /// Only for this JID.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny().jid("bob@localhost");
    /// ```
    pub fn jid(mut self, jid: impl Into<String>) -> Self {
        self.whom = Some(("jid", jid.into()));
        self
    }

    /// Only for contacts in this group of the roster.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny().group("enemies");
    /// ```
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.whom = Some(("group", group.into()));
        self
    }

    /// Only for contacts whose subscription is this: `none`, `to`, `from`, `both`.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny().subscription("none");
    /// ```
    pub fn subscription(mut self, subscription: impl Into<String>) -> Self {
        self.whom = Some(("subscription", subscription.into()));
        self
    }

    fn of(mut self, what: &'static str) -> Self {
        self.what.push(what);
        self
    }

    /// For messages that come.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny().messages();
    /// ```
    pub fn messages(self) -> Self {
        self.of("message")
    }

    /// For requests that come.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny().requests();
    /// ```
    pub fn requests(self) -> Self {
        self.of("iq")
    }

    /// For presences that come.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny().presences();
    /// ```
    pub fn presences(self) -> Self {
        self.of("presence-in")
    }

    /// For presences that go out.
    ///
    /// ```
    /// let rule = lt_sdk::xmpp::privacy::Rule::deny().presences_out();
    /// ```
    pub fn presences_out(self) -> Self {
        self.of("presence-out")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_as_in_the_specification() {
        // XEP-0016, example 33 and the others, without what is the host's: ids.
        let rules = [
            Rule::allow().subscription("both"),
            Rule::deny().group("Enemies").messages().requests(),
            Rule::deny().jid("a@b").presences().presences_out(),
            Rule::deny(),
        ];
        assert_eq!(
            set("public", rules).to_xml(),
            "<iq type='set'><query xmlns='jabber:iq:privacy'><list name='public'>\
             <item action='allow' order='1' type='subscription' value='both'/>\
             <item action='deny' order='2' type='group' value='Enemies'><message/><iq/></item>\
             <item action='deny' order='3' type='jid' value='a@b'><presence-in/><presence-out/></item>\
             <item action='deny' order='4'/></list></query></iq>"
        );
        let inside = |name: &str| {
            format!("<iq type='set'><query xmlns='jabber:iq:privacy'>{name}</query></iq>")
        };
        assert_eq!(remove("public").to_xml(), inside("<list name='public'/>"));
        assert_eq!(activate(None).to_xml(), inside("<active/>"));
        assert_eq!(
            set_default("public").to_xml(),
            inside("<default name='public'/>")
        );
    }
}
