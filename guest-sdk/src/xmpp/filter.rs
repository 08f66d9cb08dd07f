//! Which stanzas are meant.

use crate::bindings::lt::scenario::xmpp as host;

/// Which stanzas are meant: all that is given must hold. Texts and expressions have at most 4 096 bytes.
///
/// ```
/// use lt_sdk::xmpp::Filter;
///
/// let from_bob = Filter::chat().from("bob@localhost");
/// let receipt = Filter::message().payload("received", "urn:xmpp:receipts");
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is to be given to a call"]
pub struct Filter(host::Filter);

impl Filter {
    /// Everything.
    ///
    /// ```
    /// let any = lt_sdk::xmpp::Filter::any();
    /// ```
    pub const fn any() -> Self {
        Self(host::Filter {
            name: None,
            kind: None,
            from: None,
            id: None,
            namespace: None,
            payload: None,
            contains: None,
            regex: None,
        })
    }

    /// Messages.
    ///
    /// ```
    /// let messages = lt_sdk::xmpp::Filter::message();
    /// ```
    pub fn message() -> Self {
        Self::element("message")
    }

    /// Messages of type `chat`.
    ///
    /// ```
    /// let chat = lt_sdk::xmpp::Filter::chat();
    /// ```
    pub fn chat() -> Self {
        Self::message().kind("chat")
    }

    /// Messages of type `groupchat`.
    ///
    /// ```
    /// let room = lt_sdk::xmpp::Filter::group_chat().from("lobby@muc.localhost");
    /// ```
    pub fn group_chat() -> Self {
        Self::message().kind("groupchat")
    }

    /// Presences.
    ///
    /// ```
    /// let gone = lt_sdk::xmpp::Filter::presence().kind("unavailable");
    /// ```
    pub fn presence() -> Self {
        Self::element("presence")
    }

    /// Requests, and answers to requests that nobody waits for any more.
    ///
    /// ```
    /// let pushes = lt_sdk::xmpp::Filter::iq().kind("set").namespace("jabber:iq:roster");
    /// ```
    pub fn iq() -> Self {
        Self::element("iq")
    }

    /// Elements of this name.
    ///
    /// ```
    /// let compressed = lt_sdk::xmpp::Filter::element("compressed");
    /// ```
    pub fn element(name: impl Into<String>) -> Self {
        let mut filter = Self::any();
        filter.0.name = Some(name.into());
        filter
    }

    /// Its type. A message without one is `normal`, a presence without one is `available`.
    ///
    /// ```
    /// let errors = lt_sdk::xmpp::Filter::message().kind("error");
    /// ```
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.0.kind = Some(kind.into());
        self
    }

    /// Who sent it; a bare JID stands for all its resources. What comes from the server or the own account without a `from` has the own bare
    /// JID.
    ///
    /// ```
    /// let from_bob = lt_sdk::xmpp::Filter::any().from("bob@localhost");
    /// ```
    pub fn from(mut self, jid: impl Into<String>) -> Self {
        self.0.from = Some(jid.into());
        self
    }

    /// Its id.
    ///
    /// ```
    /// let answer = lt_sdk::xmpp::Filter::message().id("m1");
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.0.id = Some(id.into());
        self
    }

    /// It has a child of this name and namespace.
    ///
    /// ```
    /// let receipt = lt_sdk::xmpp::Filter::message().payload("received", "urn:xmpp:receipts");
    /// ```
    pub fn payload(mut self, name: impl Into<String>, namespace: impl Into<String>) -> Self {
        self.0.payload = Some(name.into());
        self.namespace(namespace)
    }

    /// It has a child of this namespace.
    ///
    /// ```
    /// let carbons = lt_sdk::xmpp::Filter::message().namespace("urn:xmpp:carbons:2");
    /// ```
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.0.namespace = Some(namespace.into());
        self
    }

    /// Its XML contains this.
    ///
    /// ```
    /// let urgent = lt_sdk::xmpp::Filter::chat().contains("urgent");
    /// ```
    pub fn contains(mut self, text: impl Into<String>) -> Self {
        self.0.contains = Some(text.into());
        self
    }

    /// A regular expression finds something in its XML (syntax of the Rust crate `regex`; the host looks).
    ///
    /// ```
    /// let numbered = lt_sdk::xmpp::Filter::chat().regex("<body>[0-9]+</body>");
    /// ```
    pub fn regex(mut self, expression: impl Into<String>) -> Self {
        self.0.regex = Some(expression.into());
        self
    }
}

/// Filters of which one has to fit; none of them fits everything. A [`Filter`], an array and a vector of them become one by themselves.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::xmpp::{Filter, Session};
///
/// # fn iterate(session: &Session) -> Result<()> {
/// let five = Duration::from_secs(5);
/// let chat = session.receive(Filter::chat(), five)?;
/// let either = session.receive([Filter::chat(), Filter::group_chat()], five)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Filters(Vec<host::Filter>);

impl Filters {
    /// Everything.
    pub(super) const fn any() -> Self {
        Self(Vec::new())
    }

    pub(super) fn into_host(self) -> Vec<host::Filter> {
        self.0
    }

    pub(super) fn host(&self) -> &[host::Filter] {
        &self.0
    }
}

impl From<Filter> for Filters {
    fn from(filter: Filter) -> Self {
        Self(vec![filter.0])
    }
}

impl From<&Filter> for Filters {
    fn from(filter: &Filter) -> Self {
        filter.clone().into()
    }
}

impl From<Vec<Filter>> for Filters {
    fn from(filters: Vec<Filter>) -> Self {
        Self(filters.into_iter().map(|filter| filter.0).collect())
    }
}

impl<const N: usize> From<[Filter; N]> for Filters {
    fn from(filters: [Filter; N]) -> Self {
        Vec::from(filters).into()
    }
}

impl From<&[Filter]> for Filters {
    fn from(filters: &[Filter]) -> Self {
        filters.to_vec().into()
    }
}

impl From<&Self> for Filters {
    fn from(filters: &Self) -> Self {
        filters.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_reaches_the_contract() {
        let filter = Filter::chat()
            .from("a@b")
            .id("1")
            .payload("x", "urn:x")
            .contains("y")
            .regex("z")
            .0;
        assert_eq!(filter.name.as_deref(), Some("message"));
        assert_eq!(filter.kind.as_deref(), Some("chat"));
        assert_eq!(filter.from.as_deref(), Some("a@b"));
        assert_eq!(filter.id.as_deref(), Some("1"));
        assert_eq!(filter.payload.as_deref(), Some("x"));
        assert_eq!(filter.namespace.as_deref(), Some("urn:x"));
        assert_eq!(filter.contains.as_deref(), Some("y"));
        assert_eq!(filter.regex.as_deref(), Some("z"));
    }

    #[test]
    fn one_or_several_or_none_become_filters() {
        let names = |filters: Filters| -> Vec<_> {
            let filters = filters.into_host().into_iter();
            filters.map(|filter| filter.name.unwrap()).collect()
        };
        let (a, b) = (Filter::message(), Filter::iq());
        assert_eq!(names((&a).into()), ["message"]);
        assert_eq!(names([a.clone(), b.clone()].into()), ["message", "iq"]);
        assert_eq!(
            names([a.clone(), b.clone()].as_slice().into()),
            ["message", "iq"]
        );
        assert_eq!(names(vec![b].into()), ["iq"]);
        assert!(names(Filters::any()).is_empty());
        assert!(Filter::any().0.name.is_none());
    }
}
