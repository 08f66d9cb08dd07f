//! Making an account in band (XEP-0077).

use minidom::Element;

use super::clock::name_of;
use super::steps::Connecting;
use crate::xmpp::channel::escape;
use crate::xmpp::{Stanza, XmppError};

/// In-band registration.
const NS_REGISTER: &str = "jabber:iq:register";
/// Data forms (XEP-0004).
const NS_FORM: &str = "jabber:x:data";

impl Connecting<'_> {
    /// `register`.
    pub(super) async fn register(&mut self, fields: &[(String, String)]) -> Result<(), XmppError> {
        let clock = self.clock;
        let registered = self.fill_in(fields);
        clock.step(&name_of("register"), registered).await
    }

    async fn fill_in(&mut self, fields: &[(String, String)]) -> Result<(), XmppError> {
        let asked = format!("<query xmlns='{NS_REGISTER}'/>");
        let form = self.request("get", &asked).await?;
        let name = self.plan.local.clone().unwrap_or_default();
        let own = [
            ("username", name),
            ("password", self.request.password.clone()),
        ];
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        // What the scenario says goes before what is said for it.
        let own = own.filter(|(name, _)| !fields.iter().any(|(field, _)| field == name));
        let given = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let filled = submission(&form, own.chain(given))?;
        self.request("set", &filled).await.map(|_| ())
    }
}

/// The answer to a form: in its fields, or in its data form if it has no others (section 4).
fn submission<'a>(
    form: &Stanza,
    values: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<String, XmppError> {
    let element = form.element().map_err(XmppError::protocol)?;
    let Some(query) = element.get_child("query", NS_REGISTER) else {
        return Err(XmppError::protocol("no form for registering"));
    };
    let data = query
        .get_child("x", NS_FORM)
        .filter(|_| !query.has_child("username", NS_REGISTER));
    let mut filled = format!("<query xmlns='{NS_REGISTER}'>");
    if let Some(data) = data {
        filled.push_str(&format!("<x xmlns='{NS_FORM}' type='submit'>"));
        let hidden = data.children().filter_map(hidden_field);
        hidden.for_each(|(name, value)| push_field(&mut filled, &name, &value));
        values.for_each(|(name, value)| push_field(&mut filled, name, value));
        filled.push_str("</x>");
    } else {
        for (name, value) in values {
            filled.push_str(&format!("<{name}>{}</{name}>", escape(value)));
        }
    }
    filled.push_str("</query>");
    Ok(filled)
}

/// Name and value of a field that goes back as it came.
fn hidden_field(field: &Element) -> Option<(String, String)> {
    let is_hidden = field.name() == "field" && field.attr("type") == Some("hidden");
    let value = field.get_child("value", NS_FORM).map(Element::text);
    is_hidden.then(|| {
        let name = field.attr("var").unwrap_or_default().to_owned();
        (name, value.unwrap_or_default())
    })
}

fn push_field(form: &mut String, name: &str, value: &str) {
    let (name, value) = (escape(name), escape(value));
    form.push_str(&format!(
        "<field var='{name}'><value>{value}</value></field>"
    ));
}
