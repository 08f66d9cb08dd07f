//! What a server offers on a stream (RFC 6120, section 4.3.2).

use super::faults::NS_SASL;
use super::steps::unexpected;
use crate::xmpp::framer::NS_STREAMS;
use crate::xmpp::{Stanza, XmppError};

/// The session of RFC 3921.
const NS_SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// Types of channel binding (XEP-0440).
const NS_CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";

/// The features of a stream.
#[derive(Debug, Default)]
pub(super) struct Features {
    /// Namespaces of all, each once.
    pub(super) namespaces: Vec<String>,
    /// SASL mechanisms.
    pub(super) mechanisms: Vec<String>,
    /// Types of channel binding that the server knows; empty if it says nothing.
    pub(super) bindings: Vec<String>,
    /// A session is offered, and not called optional.
    pub(super) needs_session: bool,
}

impl Features {
    /// Read them.
    ///
    /// # Errors
    /// `Protocol`: it is something else.
    pub(super) fn of(stanza: &Stanza) -> Result<Self, XmppError> {
        if stanza.name() != "features" || stanza.namespace() != NS_STREAMS {
            return Err(unexpected(stanza, "the stream's features"));
        }
        let element = stanza.element().map_err(XmppError::protocol)?;
        let mut features = Self::default();
        for feature in element.children() {
            let namespace = feature.ns();
            match (namespace.as_str(), feature.name()) {
                (NS_SASL, "mechanisms") => features.mechanisms = texts(feature, "mechanism"),
                (NS_CHANNEL_BINDING, "sasl-channel-binding") => {
                    let types = feature.children().filter_map(|child| child.attr("type"));
                    features.bindings = types.map(str::to_owned).collect();
                }
                (NS_SESSION, "session") => {
                    features.needs_session = !feature.has_child("optional", NS_SESSION);
                }
                _ => {}
            }
            if !features.has(&namespace) {
                features.namespaces.push(namespace);
            }
        }
        features.namespaces.shrink_to_fit();
        Ok(features)
    }

    /// Whether something of this namespace is offered.
    pub(super) fn has(&self, namespace: &str) -> bool {
        self.namespaces.iter().any(|known| known == namespace)
    }
}

fn texts(element: &minidom::Element, name: &str) -> Vec<String> {
    let named = element.children().filter(|child| child.name() == name);
    named.map(|child| child.text().trim().to_owned()).collect()
}
