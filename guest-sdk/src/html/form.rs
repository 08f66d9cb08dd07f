//! A form: its fields as a browser would send them.

use super::reader::{Reader, is_hidden, name, value};
use super::scan::tags;
use crate::http::{self, Multipart, Request};

/// The hidden fields of a page, of all its forms, in order.
///
/// ```
/// let page = r#"<form><input type=hidden name=csrf_token value="a&amp;b"></form>"#;
/// assert_eq!(lt_sdk::html::hidden_fields(page), [("csrf_token".to_owned(), "a&b".to_owned())]);
/// ```
#[must_use]
pub fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let hidden = tags(page).filter(is_hidden);
    hidden
        .filter_map(|tag| Some((name(&tag)?, value(&tag))))
        .collect()
}

/// A form of a page: where it leads, and its fields with the values they have.
///
/// Fields are those that a browser would send: inputs (boxes and radio buttons only if they are checked), the selected options, text
/// areas; no buttons, no files, nothing disabled. A button is added with [`set`](Self::set) if it is to count as pressed.
///
/// ```
/// use lt_sdk::html::Form;
///
/// let form = Form::parse(r#"<form action="/login" method="post">
///     <input type="hidden" name="csrf_token" value="s3cr3t"> <input name="username">
/// </form>"#).unwrap();
/// assert_eq!(form.value("csrf_token"), Some("s3cr3t"));
/// assert_eq!(form.action(), "/login");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    pub(super) id: String,
    pub(super) action: String,
    pub(super) method: Method,
    pub(super) fields: Vec<(String, String)>,
}

/// How a form is sent (HTML standard, section 4.10.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    PostMultipart,
}

impl Form {
    /// The first form of a page.
    ///
    /// ```
    /// use lt_sdk::html::Form;
    ///
    /// assert!(Form::parse("<form></form>").is_some());
    /// assert!(Form::parse("<p>no form</p>").is_none());
    /// ```
    #[must_use]
    pub fn parse(page: &str) -> Option<Self> {
        Self::all(page).into_iter().next()
    }

    /// The form with this `id`.
    ///
    /// ```
    /// use lt_sdk::html::Form;
    ///
    /// let page = "<form id=search></form><form id=login action=/login></form>";
    /// assert_eq!(Form::by_id(page, "login").unwrap().action(), "/login");
    /// ```
    #[must_use]
    pub fn by_id(page: &str, id: &str) -> Option<Self> {
        Self::all(page).into_iter().find(|form| form.id == id)
    }

    /// The first form whose `action` is this text.
    ///
    /// ```
    /// use lt_sdk::html::Form;
    ///
    /// let page = "<form action=/search></form><form action=/login><input name=user></form>";
    /// assert_eq!(Form::by_action(page, "/login").unwrap().value("user"), Some(""));
    /// ```
    #[must_use]
    pub fn by_action(page: &str, action: &str) -> Option<Self> {
        Self::all(page)
            .into_iter()
            .find(|form| form.action == action)
    }

    /// All forms of a page in their order.
    ///
    /// ```
    /// assert_eq!(lt_sdk::html::Form::all("<form></form><form></form>").len(), 2);
    /// ```
    #[must_use]
    pub fn all(page: &str) -> Vec<Self> {
        let mut reader = Reader::default();
        for tag in tags(page) {
            reader.read(&tag);
        }
        reader.finish()
    }

    /// The form's `action`, as it is written; empty means the page's own URL.
    ///
    /// ```
    /// # let form = lt_sdk::html::Form::parse("<form action=/a></form>").unwrap();
    /// assert_eq!(form.action(), "/a");
    /// ```
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The value of the first field of this name.
    ///
    /// ```
    /// # let form = lt_sdk::html::Form::parse("<form><input name=a value=1></form>").unwrap();
    /// assert_eq!(form.value("a"), Some("1"));
    /// assert_eq!(form.value("b"), None);
    /// ```
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// All fields, names and values.
    ///
    /// ```
    /// # let form = lt_sdk::html::Form::parse("<form><input name=a value=1></form>").unwrap();
    /// assert_eq!(form.fields(), [("a".to_owned(), "1".to_owned())]);
    /// ```
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// Fill in the field of this name, or add one: a box that is to be checked, a button that is to be pressed.
    ///
    /// ```
    /// # let form = lt_sdk::html::Form::parse("<form><input name=a value=1></form>").unwrap();
    /// let form = form.set("a", "2").set("remember", "on");
    /// assert_eq!(form.value("a"), Some("2"));
    /// ```
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// The request that submitting the form in the page at `page_url` makes, to be sent as it is or with more said.
    ///
    /// ```
    /// # let form = lt_sdk::html::Form::parse("<form action=find><input name=q value='a b'></form>").unwrap();
    /// let request = form.submit("http://127.0.0.1:8080/shop/");
    /// assert_eq!(request.url(), "http://127.0.0.1:8080/shop/find?q=a+b");
    /// ```
    pub fn submit(&self, page_url: &str) -> Request {
        let mut url = http::resolve(page_url, &self.action);
        match self.method {
            Method::Get => {
                // The fields take the place of a query that the action has.
                url.truncate(url.find('?').unwrap_or(url.len()));
                http::get(url).query(&self.fields)
            }
            Method::Post => http::post(url).form(&self.fields),
            Method::PostMultipart => {
                let parts = self
                    .fields
                    .iter()
                    .fold(Multipart::new(), |parts, (name, value)| {
                        parts.text(name, value)
                    });
                http::post(url).multipart(parts)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_fields(page: &str, expected: &[(&str, &str)]) {
        let form = Form::parse(page).unwrap();
        let found: Vec<_> = form
            .fields()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn tokens_in_the_spellings_of_common_frameworks() {
        for page in [
            r#"<input type="hidden" name="csrf" value="t/0=&quot;">"#,
            r"<input type='hidden' name='csrf' value='t/0=&#34;'>",
            r#"<input name="csrf" type="hidden" value="t/0=&#x22;" />"#,
            r#"<INPUT VALUE='t/0="' NAME=csrf TYPE=HIDDEN>"#,
            r#"<form><p><input autocomplete="off" type="hidden" value="t/0=&quot;" name="csrf"/></p></form>"#,
        ] {
            assert_eq!(
                hidden_fields(page),
                [("csrf".to_owned(), "t/0=\"".to_owned())],
                "{page}"
            );
        }
        assert!(hidden_fields("<!-- <input type=hidden name=a> --><input name=b>").is_empty());
    }

    #[test]
    fn fields_are_those_that_a_browser_would_send() {
        let page = "<form>
            <input name=text value=1><input><input name=off disabled value=2>
            <input type=checkbox name=unchecked><input type=checkbox name=checked checked>
            <input type=radio name=size value=s><input type=radio name=size value=m checked>
            <input type=submit name=go value=Go><button name=b value=1>B</button><input type=file name=f>
            <textarea name=note>\n a &lt; b</textarea>
            <select name=first><option>one</option><option>two</option></select>
            <select name=second><option value=1>one<option value=2 selected>two</select>
            <select name=none multiple><option>one</select>
            </form><input name=outside>";
        let expected = [
            ("text", "1"),
            ("checked", "on"),
            ("size", "m"),
            ("note", " a < b"),
            ("first", "one"),
            ("second", "2"),
        ];
        check_fields(page, &expected);
    }

    #[test]
    fn a_field_may_name_its_form() {
        let page = "<input name=early form=b value=0><form id=a><input name=x form=b value=1></form><form id=b></form>";
        assert!(Form::by_id(page, "a").unwrap().fields().is_empty());
        let of_b = Form::by_id(page, "b").unwrap();
        assert_eq!(
            (of_b.value("early"), of_b.value("x")),
            (Some("0"), Some("1"))
        );
    }

    #[test]
    fn submitting_follows_method_action_and_encoding() {
        let submit = |form: &str| Form::parse(form).unwrap().submit("http://h/shop/item?id=7");
        let input = "<input name=q value='a b'></form>";
        assert_eq!(
            submit(&format!("<form>{input}")).url(),
            "http://h/shop/item?q=a+b"
        );
        assert_eq!(
            submit(&format!("<form action='/find?old=1'>{input}")).url(),
            "http://h/find?q=a+b"
        );
        assert_eq!(
            submit(&format!("<form method=POST>{input}")).url(),
            "http://h/shop/item?id=7"
        );
        assert_eq!(
            submit(&format!(
                "<form method=post action='../a?x=1&amp;y=2'>{input}"
            ))
            .url(),
            "http://h/a?x=1&y=2"
        );
    }
}
