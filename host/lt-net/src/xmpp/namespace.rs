//! Over a WebSocket every element says what it is (RFC 7395, section 3.3): over TCP the stream's header says it for all.

use std::borrow::Cow;

/// The element, in `jabber:client` if it names no namespace of its own. It is well-formed, or was checked by nobody: then what is made
/// of it is no worse than what it was.
pub(crate) fn with_namespace(xml: &str) -> Cow<'_, str> {
    let Some(name) = xml.find('<') else {
        return xml.into();
    };
    let rest = xml.get(name + 1..).unwrap_or_default();
    let end = rest.find(|char: char| char.is_ascii_whitespace() || matches!(char, '/' | '>'));
    let Some(end) = end else {
        return xml.into();
    };
    // A name with a prefix is in the prefix's namespace.
    let (name_text, tag) = rest.split_at(end);
    if name_text.contains(':') || declares(tag) {
        return xml.into();
    }
    let (head, tail) = xml.split_at(name + 1 + end);
    format!("{head} xmlns='jabber:client'{tail}").into()
}

/// Whether a start tag, behind its name, declares the default namespace.
fn declares(tag: &str) -> bool {
    let mut rest = tag;
    loop {
        rest = rest.trim_start();
        // Attributes end where the tag does.
        let Some((name, behind)) = rest.split_once('=') else {
            return false;
        };
        if name.contains(['>', '/']) {
            return false;
        }
        if name.trim_end() == "xmlns" {
            return true;
        }
        let behind = behind.trim_start();
        let mut chars = behind.chars();
        let Some(quote) = chars.next().filter(|char| matches!(char, '"' | '\'')) else {
            return false;
        };
        let Some((_, after)) = chars.as_str().split_once(quote) else {
            return false;
        };
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(xml: &str, wanted: &str) {
        assert_eq!(with_namespace(xml), wanted);
    }

    #[test]
    fn a_root_without_a_namespace_gets_one() {
        check("<iq/>", "<iq xmlns='jabber:client'/>");
        check(
            "<message to='a'><x xmlns='y'/></message>",
            "<message xmlns='jabber:client' to='a'><x xmlns='y'/></message>",
        );
        check(
            "<message\n to = \"xmlns='z'>\"\t>a=b</message>",
            "<message xmlns='jabber:client'\n to = \"xmlns='z'>\"\t>a=b</message>",
        );
        check("<a xmlns:b='c'/>", "<a xmlns='jabber:client' xmlns:b='c'/>");
    }

    #[test]
    fn one_with_a_namespace_is_left_alone() {
        for xml in [
            "<iq xmlns='jabber:client'/>",
            "<r type='x' xmlns = \"urn:xmpp:sm:3\"></r>",
            "<stream:error xmlns:stream='s'/>",
            "",
            " ",
            "<",
            "<a",
        ] {
            check(xml, xml);
        }
    }
}
