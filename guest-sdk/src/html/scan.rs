//! A page as a sequence of tags.

use crate::text::{cut, find};

/// Elements whose content is text up to their end tag (HTML standard, sections 13.1.2.1 and 13.1.2.2).
const RAW_TEXT: [&str; 5] = ["script", "style", "textarea", "title", "noscript"];

/// One start or end tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    /// The name as it is written, in any case.
    pub(super) name: &'a str,
    /// Whether it is an end tag.
    pub(super) ends: bool,
    /// Everything between the name and `>`.
    attributes: &'a str,
    /// The text up to the next tag; for elements that hold only text, up to their end tag.
    pub(super) text: &'a str,
}

impl<'a> Tag<'a> {
    /// Whether this is the start tag of an element.
    pub(super) fn starts(&self, name: &str) -> bool {
        !self.ends && self.name.eq_ignore_ascii_case(name)
    }

    /// Whether this is the end tag of an element.
    pub(super) fn is_end_of(&self, name: &str) -> bool {
        self.ends && self.name.eq_ignore_ascii_case(name)
    }

    /// An attribute's value as it is written; empty if it has none. The first counts if there are several.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        while let Some((found, value, behind)) = next_attribute(rest) {
            if found.eq_ignore_ascii_case(name) {
                return Some(value);
            }
            rest = behind;
        }
        None
    }
}

/// The tags of a page in their order.
pub(super) struct Tags<'a> {
    rest: &'a str,
}

/// Scan a page.
pub(super) fn tags(page: &str) -> Tags<'_> {
    Tags { rest: page }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let (_, markup) = self.rest.split_once('<')?;
            if let Some(comment) = markup.strip_prefix("!--") {
                self.rest = cut(comment, find(comment, "-->")? + 3).1;
                continue;
            }
            let (ends, markup) = match markup.strip_prefix('/') {
                Some(markup) => (true, markup),
                None => (false, markup),
            };
            if !markup.starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.rest = markup;
                continue;
            }
            let name_length =
                markup.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')?;
            let (name, behind) = cut(markup, name_length);
            let (attributes, behind) = cut(behind, end_of_tag(behind)?);
            let (_, behind) = cut(behind, 1);
            let text = text_behind(name, ends, behind);
            self.rest = cut(behind, text.len()).1;
            return Some(Tag {
                name,
                ends,
                attributes,
                text,
            });
        }
    }
}

/// The text behind a tag.
fn text_behind<'a>(name: &str, ends: bool, behind: &'a str) -> &'a str {
    let raw = !ends && RAW_TEXT.iter().any(|raw| name.eq_ignore_ascii_case(raw));
    let length = if raw {
        end_of_raw_text(name, behind)
    } else {
        behind.find('<')
    };
    cut(behind, length.unwrap_or(behind.len())).0
}

/// Where `</name` stands, in any case.
fn end_of_raw_text(name: &str, text: &str) -> Option<usize> {
    let text = text.as_bytes();
    let is_end = |&at: &usize| {
        let candidate = text.get(at + 2..at + 2 + name.len());
        text.get(at..at + 2) == Some(b"</")
            && candidate.is_some_and(|candidate| candidate.eq_ignore_ascii_case(name.as_bytes()))
    };
    (0..text.len()).find(is_end)
}

/// Where a tag's `>` stands: not inside quotes that belong to a value.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut after_equals = false;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            _ => {}
        }
        after_equals = byte == b'=' || (after_equals && byte.is_ascii_whitespace());
    }
    None
}

/// The first attribute in a text: its name, its value, and what follows.
fn next_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
    if text.is_empty() {
        return None;
    }
    // A name may begin with `=`: what is never the end of a name cannot be skipped for ever.
    let end = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '/'));
    let (name, behind) = cut(text, end.map_or(text.len(), |(at, _)| at));
    let Some(value) = behind.trim_ascii_start().strip_prefix('=') else {
        return Some((name, "", behind));
    };
    let value = value.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, behind) = quoted.split_once(quote).unwrap_or((quoted, ""));
            return Some((name, value, behind));
        }
    }
    let end = value
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(value.len());
    let (value, behind) = cut(value, end);
    Some((name, value, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute<'a>(page: &'a str, name: &str) -> Option<&'a str> {
        tags(page).next().unwrap().attribute(name)
    }

    #[test]
    fn attributes_in_every_spelling() {
        for page in [
            r#"<input type="hidden" value="x">"#,
            "<input type='hidden' value='x'>",
            "<INPUT TYPE=hidden VALUE=x>",
            r#"<input value = "x" type=hidden/>"#,
            r#"<input disabled value="x"type="hidden" />"#,
            "<input\n\tvalue\n=\nx\ntype=hidden>",
            r#"<input title="a>b" value="x">"#,
            r#"<input value="x" value="y">"#,
        ] {
            assert_eq!(attribute(page, "value"), Some("x"), "{page}");
        }
        assert_eq!(attribute("<input value>", "value"), Some(""));
        assert_eq!(attribute("<input data-value=1>", "value"), None);
        assert_eq!(attribute("<input value=a/b>", "value"), Some("a/b"));
        assert_eq!(attribute("<input value=\"it's\">", "value"), Some("it's"));
        assert_eq!(attribute("<p title=it's value='x'>", "value"), Some("x"));
    }

    #[test]
    fn comments_scripts_and_texts_hide_tags() {
        let page = "a<!-- <a> --><script>if (1<2) { '<b>' }</SCRIPT><i>x<textarea><u></textarea><br/>1 < 2 <> </p >";
        let names: Vec<_> = tags(page)
            .map(|tag| (tag.name, tag.ends, tag.text))
            .collect();
        let expected = [
            ("script", false, "if (1<2) { '<b>' }"),
            ("SCRIPT", true, ""),
            ("i", false, "x"),
            ("textarea", false, "<u>"),
            ("textarea", true, ""),
            ("br", false, "1 "),
            ("p", true, ""),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn broken_pages_end_and_do_not_fail() {
        for page in [
            "<",
            "</",
            "<a",
            "<a href=\"",
            "<!--",
            "<a =",
            "<a = >",
            "<a / >",
            "<é>",
            "<script>",
            "<a \"'>",
            "<a ='",
        ] {
            for tag in tags(page) {
                assert_eq!(tag.attribute("none"), None, "{page}");
            }
        }
    }
}
