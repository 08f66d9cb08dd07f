//! Forms and fields, collected while a page's tags go by.

use super::entities::decode;
use super::form::{Form, Method};
use super::scan::Tag;

/// Collects forms and fields while the tags go by.
#[derive(Default)]
pub(super) struct Reader {
    forms: Vec<Form>,
    /// Whether the last form is still open.
    open: bool,
    /// Fields with a `form` attribute of their own: the form's id, and the field.
    associated: Vec<(String, (String, String))>,
    select: Option<Select>,
}

/// An open `<select>`, until its options are known.
struct Select {
    name: String,
    owner: Option<String>,
    multiple: bool,
    first: Option<String>,
    selected: Vec<String>,
}

impl Reader {
    pub(super) fn read(&mut self, tag: &Tag<'_>) {
        if tag.starts("form") && !self.open {
            self.forms.push(form(tag));
            self.open = true;
        } else if tag.is_end_of("form") {
            self.open = false;
        } else if tag.starts("input") && is_sent(tag) {
            let on = if is_box(tag) && tag.attribute("value").is_none() {
                "on".to_owned()
            } else {
                value(tag)
            };
            self.add(name(tag), owner(tag), on);
        } else if tag.starts("textarea") {
            // One line break behind the start tag is not part of the text.
            let text = tag
                .text
                .strip_prefix("\r\n")
                .or_else(|| tag.text.strip_prefix('\n'))
                .unwrap_or(tag.text);
            self.add(name(tag), owner(tag), decode(text).into_owned());
        } else if tag.starts("select") {
            self.select = name(tag).map(|name| Select {
                name,
                owner: owner(tag),
                multiple: tag.attribute("multiple").is_some(),
                first: None,
                selected: Vec::new(),
            });
        } else if tag.starts("option") {
            self.read_option(tag);
        } else if tag.is_end_of("select") {
            self.end_select();
        }
    }

    fn read_option(&mut self, tag: &Tag<'_>) {
        let Some(select) = &mut self.select else {
            return;
        };
        if tag.attribute("disabled").is_some() {
            return;
        }
        let value = tag.attribute("value").unwrap_or(tag.text.trim_ascii());
        let value = decode(value).into_owned();
        if tag.attribute("selected").is_some() {
            select.selected.push(value);
        } else if select.first.is_none() {
            select.first = Some(value);
        }
    }

    /// A list of which nothing is selected shows its first option; one that allows several sends none.
    fn end_select(&mut self) {
        let Some(select) = self.select.take() else {
            return;
        };
        let values = match (select.selected, select.multiple) {
            (selected, true) => selected,
            (mut selected, false) => selected.pop().or(select.first).into_iter().collect(),
        };
        for value in values {
            self.add(Some(select.name.clone()), select.owner.clone(), value);
        }
    }

    fn add(&mut self, name: Option<String>, owner: Option<String>, value: String) {
        let Some(name) = name else { return };
        match owner {
            Some(owner) => self.associated.push((owner, (name, value))),
            None if self.open => {
                if let Some(form) = self.forms.last_mut() {
                    form.fields.push((name, value));
                }
            }
            None => {}
        }
    }

    pub(super) fn finish(mut self) -> Vec<Form> {
        for (owner, field) in self.associated {
            if let Some(form) = self.forms.iter_mut().find(|form| form.id == owner) {
                form.fields.push(field);
            }
        }
        self.forms
    }
}

fn form(tag: &Tag<'_>) -> Form {
    let text = |name| {
        decode(tag.attribute(name).unwrap_or(""))
            .trim_ascii()
            .to_owned()
    };
    let is = |name, value: &str| {
        tag.attribute(name)
            .is_some_and(|given| given.trim_ascii().eq_ignore_ascii_case(value))
    };
    let method = match (is("method", "post"), is("enctype", "multipart/form-data")) {
        (true, true) => Method::PostMultipart,
        (true, false) => Method::Post,
        (false, _) => Method::Get,
    };
    Form {
        id: text("id"),
        action: text("action"),
        method,
        fields: Vec::new(),
    }
}

pub(super) fn is_hidden(tag: &Tag<'_>) -> bool {
    tag.starts("input")
        && tag
            .attribute("type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("hidden"))
}

fn is_box(tag: &Tag<'_>) -> bool {
    let kind = tag.attribute("type").unwrap_or("");
    kind.eq_ignore_ascii_case("checkbox") || kind.eq_ignore_ascii_case("radio")
}

/// Whether a browser would send this input without anybody pressing it.
fn is_sent(tag: &Tag<'_>) -> bool {
    let kind = tag.attribute("type").unwrap_or("");
    let pressed = ["submit", "button", "reset", "image", "file"]
        .iter()
        .any(|button| kind.eq_ignore_ascii_case(button));
    !pressed && (!is_box(tag) || tag.attribute("checked").is_some())
}

/// The field's name; `None` if it has none or is disabled, since it is not sent then.
pub(super) fn name(tag: &Tag<'_>) -> Option<String> {
    let name = tag.attribute("name").filter(|name| !name.is_empty())?;
    tag.attribute("disabled")
        .is_none()
        .then(|| decode(name).into_owned())
}

pub(super) fn value(tag: &Tag<'_>) -> String {
    decode(tag.attribute("value").unwrap_or("")).into_owned()
}

fn owner(tag: &Tag<'_>) -> Option<String> {
    tag.attribute("form").map(|id| decode(id).into_owned())
}
