//! Data forms (XEP-0004): what servers are configured with.

use super::{Element, Result, Stanza};

const FORMS: &str = "jabber:x:data";

/// A form, to be submitted or as it came.
///
/// ```
/// use lt_sdk::xmpp::Form;
///
/// let form = Form::new("http://jabber.org/protocol/muc#roomconfig").set("muc#roomconfig_persistentroom", "1");
/// assert_eq!(form.value("muc#roomconfig_persistentroom"), Some("1"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, Vec<String>)>,
}

impl Form {
    /// A form of this type (XEP-0068) without other fields; an empty type is none.
    ///
    /// ```
    /// let form = lt_sdk::xmpp::Form::new("http://jabber.org/protocol/pubsub#node_config");
    /// ```
    #[must_use]
    pub fn new(form_type: &str) -> Self {
        match form_type {
            "" => Self::default(),
            form_type => Self::default().set("FORM_TYPE", form_type),
        }
    }

    /// A form of this type with these fields.
    pub(super) fn with<'a>(
        form_type: &str,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let fields = fields.into_iter();
        fields.fold(Self::new(form_type), |form, (name, value)| {
            form.set(name, value)
        })
    }

    /// Set a field to one value.
    ///
    /// ```
    /// let form = lt_sdk::xmpp::Form::new("").set("name", "lobby");
    /// assert_eq!(form.value("name"), Some("lobby"));
    /// ```
    #[must_use]
    pub fn set(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_all(name, [value])
    }

    /// Set a field to several values.
    ///
    /// ```
    /// let form = lt_sdk::xmpp::Form::new("").set_all("owners", ["a@localhost", "b@localhost"]);
    /// assert_eq!(form.values("owners").len(), 2);
    /// ```
    #[must_use]
    pub fn set_all<V: Into<String>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let name = name.into();
        let values = values.into_iter().map(Into::into).collect();
        match self.fields.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = values,
            None => self.fields.push((name, values)),
        }
        self
    }

    /// The form in a stanza's payload, whichever it is.
    ///
    /// # Errors
    /// If there is none, or the stanza cannot be read.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// use lt_sdk::xmpp::{Form, muc};
    ///
    /// let answer = session.request(&muc::get_config("lobby@muc.localhost"))?;
    /// let form = Form::read(&answer)?.set("muc#roomconfig_persistentroom", "1");
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(stanza: &Stanza) -> Result<Self> {
        fn inside(element: &Element) -> Option<&Element> {
            let mut children = element.children();
            children.find_map(|child| match child.is("x", FORMS) {
                true => Some(child),
                false => inside(child),
            })
        }
        let element = stanza.element()?;
        let form = inside(&element).map(Self::from_element);
        form.ok_or(super::Error::Xml("there is no form"))
    }

    pub(super) fn from_element(form: &Element) -> Self {
        let read = |field: &Element| {
            let name = field.attr("var")?.to_owned();
            let values = field.all("value", FORMS).map(Element::content);
            Some((name, values.collect()))
        };
        Self {
            fields: form.all("field", FORMS).filter_map(read).collect(),
        }
    }

    /// A field's first value.
    ///
    /// ```
    /// assert_eq!(lt_sdk::xmpp::Form::new("").value("name"), None);
    /// ```
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().map(String::as_str)
    }

    /// A field's values.
    ///
    /// ```
    /// assert!(lt_sdk::xmpp::Form::new("").values("name").is_empty());
    /// ```
    #[must_use]
    pub fn values(&self, name: &str) -> &[String] {
        let found = self.fields.iter().find(|(other, _)| other == name);
        found.map_or(&[], |(_, values)| values)
    }

    /// The form as it is submitted.
    ///
    /// ```
    /// let form = lt_sdk::xmpp::Form::new("").set("name", "lobby");
    /// assert_eq!(
    ///     form.submit().to_string(),
    ///     "<x xmlns='jabber:x:data' type='submit'><field var='name'><value>lobby</value></field></x>"
    /// );
    /// ```
    pub fn submit(&self) -> Element {
        let field = |(name, values): &(String, Vec<String>)| {
            let values = values.iter();
            let values = values.map(|value| Element::new("value").text(value.as_str()));
            let field = Element::new("field").attribute("var", name.as_str());
            // Without its type, a form's type is not known for what it is (XEP-0068, section 3.1).
            let kind = (name == "FORM_TYPE").then_some("hidden");
            field.attribute_some("type", kind).with_children(values)
        };
        let form = Element::new("x").namespace(FORMS).kind("submit");
        form.with_children(self.fields.iter().map(field))
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle::parse;
    use super::super::stanza::tests::stanza;
    use super::*;
    use xmpp_parsers::data_forms::{DataForm, DataFormType};

    #[test]
    fn the_oracle_reads_forms() {
        let form = Form::new("urn:test")
            .set("a", "1")
            .set_all("b", ["2", "3"])
            .set("a", "4");
        let read: DataForm = parse(&form.submit());
        assert_eq!(read.type_, DataFormType::Submit);
        assert_eq!(read.form_type().unwrap(), "urn:test");
        let values = |name: &str| {
            let mut fields = read.fields.iter();
            let field = fields.find(|field| field.var.as_deref() == Some(name));
            field.unwrap().values.clone()
        };
        assert_eq!(values("a"), ["4"]);
        assert_eq!(values("b"), ["2", "3"]);
    }

    #[test]
    fn forms_are_found_and_read() {
        let answer = stanza(
            "<iq type='result'><query xmlns='urn:q'><x xmlns='jabber:x:data' type='form'><title>t</title>\
             <field var='FORM_TYPE' type='hidden'><value>urn:test</value></field><field type='fixed'><value>x</value></field>\
             <field var='a' type='text-multi'><value>1</value><value>2</value></field></x></query></iq>",
        );
        let form = Form::read(&answer).unwrap();
        assert_eq!(form.values("a"), ["1", "2"]);
        assert_eq!(form.value("FORM_TYPE"), Some("urn:test"));
        assert!(Form::read(&stanza("<iq/>")).is_err());
    }
}
