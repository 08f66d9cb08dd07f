//! Which stanzas are meant.

use super::{Stanza, jid};
use crate::websocket::Borrowed;
use crate::websocket::pattern::Pattern;

/// What all must hold of a stanza that is meant: `record filter` of `wit/xmpp.wit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Name of the element.
    pub name: Option<String>,
    /// Its type; that of a message without one is `normal`, of a presence without one `available`.
    pub kind: Option<String>,
    /// Who sent it; a bare JID stands for all its resources.
    pub from: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// Namespace of one of its children.
    pub namespace: Option<String>,
    /// Name of that child.
    pub payload: Option<String>,
    /// Its XML contains this.
    pub contains: Option<String>,
    /// A regular expression finds something in its XML.
    pub regex: Option<String>,
}

/// A filter makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Field of [`Filter`].
    pub field: &'static str,
    /// What is wrong with it.
    pub text: String,
}

/// Filters of one call: a stanza is meant if one of them fits. Compiled once, shared by whoever uses the same.
#[derive(Debug)]
pub struct Filters {
    filters: Box<[Compiled]>,
}

#[derive(Debug)]
struct Compiled {
    name: Option<Box<str>>,
    kind: Option<Box<str>>,
    from: Option<Box<str>>,
    id: Option<Box<str>>,
    namespace: Option<Box<str>>,
    payload: Option<Box<str>>,
    contains: Option<Pattern>,
    regex: Option<Pattern>,
}

impl Filters {
    /// Of at least one; none at all would mean no stanza.
    ///
    /// # Errors
    /// The field of a filter that makes no sense.
    pub fn new(filters: Vec<Filter>) -> Result<Self, FilterError> {
        let filters = filters
            .into_iter()
            .map(Compiled::new)
            .collect::<Result<_, _>>()?;
        Ok(Self { filters })
    }

    /// Whether one fits.
    #[must_use]
    pub fn matches(&self, stanza: &Stanza) -> bool {
        self.filters.iter().any(|filter| filter.matches(stanza))
    }

    /// Whether one fits that says of what type a stanza must be.
    #[must_use]
    pub fn matches_by_kind(&self, stanza: &Stanza) -> bool {
        let mut filters = self.filters.iter().filter(|filter| filter.kind.is_some());
        filters.any(|filter| filter.matches(stanza))
    }
}

impl Compiled {
    fn new(filter: Filter) -> Result<Self, FilterError> {
        let wrong = |field| move |text| FilterError { field, text };
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        let from = match filter.from {
            None => None,
            Some(from) => Some(
                jid::parse(&from)
                    .map_err(wrong("from"))?
                    .into_inner()
                    .into(),
            ),
        };
        let regex = filter.regex.as_deref().map(Pattern::regex).transpose();
        Ok(Self {
            name: boxed(filter.name),
            kind: boxed(filter.kind),
            from,
            id: boxed(filter.id),
            namespace: boxed(filter.namespace),
            payload: boxed(filter.payload),
            contains: filter.contains.as_deref().map(Pattern::contains),
            regex: regex.map_err(wrong("regex"))?,
        })
    }

    /// The cheap ones first.
    fn matches(&self, stanza: &Stanza) -> bool {
        fn is(wanted: Option<&str>, found: Option<&str>) -> bool {
            wanted.is_none() || wanted == found
        }
        let finds = |pattern: &Option<Pattern>| {
            let xml = Borrowed::Text(stanza.xml());
            pattern.as_ref().is_none_or(|pattern| pattern.matches(xml))
        };
        is(self.name.as_deref(), Some(stanza.name()))
            && is(self.kind.as_deref(), stanza.effective_kind())
            && is(self.id.as_deref(), stanza.id())
            && self.has_payload(stanza)
            && self.is_from(stanza)
            && finds(&self.contains)
            && finds(&self.regex)
    }

    fn has_payload(&self, stanza: &Stanza) -> bool {
        if self.namespace.is_none() && self.payload.is_none() {
            return true;
        }
        let is = |wanted: &Option<Box<str>>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        stanza
            .payloads()
            .any(|(namespace, name)| is(&self.namespace, namespace) && is(&self.payload, name))
    }

    fn is_from(&self, stanza: &Stanza) -> bool {
        let Some(wanted) = self.from.as_deref() else {
            return true;
        };
        let Some(sender) = stanza.sender() else {
            return false;
        };
        let sender = jid::normalise(sender);
        if jid::resource(wanted).is_some() {
            *sender == *wanted
        } else {
            jid::bare(&sender) == wanted
        }
    }
}
