//! Elements as text.

use std::fmt;

use super::{CLIENT, Element, Node};

impl Element {
    /// Its XML. The namespace `jabber:client` is not written at the top: on a stream it is the default.
    ///
    /// ```
    /// use lt_sdk::xmpp::Element;
    ///
    /// let presence = Element::new("presence").namespace("jabber:client").to("bob@localhost");
    /// assert_eq!(presence.to_xml(), "<presence to='bob@localhost'/>");
    /// ```
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = String::with_capacity(128);
        self.write(CLIENT, &mut xml);
        xml
    }

    fn write(&self, inherited: &str, xml: &mut String) {
        let namespace = self.namespace.as_deref().unwrap_or(inherited);
        xml.push('<');
        xml.push_str(&self.name);
        if namespace != inherited {
            write_attribute("xmlns", namespace, xml);
        }
        for (name, value) in &self.attributes {
            write_attribute(name, value, xml);
        }
        if self.nodes.is_empty() {
            xml.push_str("/>");
            return;
        }
        xml.push('>');
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.write(namespace, xml),
                Node::Text(text) => escape(text, xml),
            }
        }
        xml.push_str("</");
        xml.push_str(&self.name);
        xml.push('>');
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_xml())
    }
}

fn write_attribute(name: &str, value: &str, xml: &mut String) {
    xml.push(' ');
    xml.push_str(name);
    xml.push_str("='");
    escape(value, xml);
    xml.push('\'');
}

/// With references for what means something in texts or attributes, and for white space that a parser would change there.
fn escape(text: &str, xml: &mut String) {
    for character in text.chars() {
        let reference = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\'' => "&apos;",
            '\r' => "&#13;",
            '\n' => "&#10;",
            '\t' => "&#9;",
            _ => {
                xml.push(character);
                continue;
            }
        };
        xml.push_str(reference);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_written_where_they_change() {
        let forwarded = Element::new("message").child(
            Element::new("forwarded")
                .namespace("urn:xmpp:forward:0")
                .child(Element::new("same").namespace("urn:xmpp:forward:0"))
                .child(
                    Element::new("message")
                        .namespace(CLIENT)
                        .child(Element::new("body")),
                ),
        );
        assert_eq!(
            forwarded.to_xml(),
            "<message><forwarded xmlns='urn:xmpp:forward:0'><same/>\
             <message xmlns='jabber:client'><body/></message></forwarded></message>"
        );
    }

    #[test]
    fn what_means_something_in_xml_is_escaped() {
        let text = "<a b='c' d=\"e\">&amp;\r\n\t]]>grün";
        let element = Element::new("body").attribute("a", text).text(text);
        let minidom: xmpp_parsers::minidom::Element = element
            .clone()
            .namespace("urn:test")
            .to_xml()
            .parse()
            .unwrap();
        assert_eq!(minidom.attr("a"), Some(text));
        assert_eq!(minidom.text(), text);
        assert_eq!(Element::parse(&element.to_xml()).unwrap().content(), text);
    }
}
