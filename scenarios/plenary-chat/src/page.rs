//! What a user reads in pages: the state that an event's page hands its own scripts, and what a form says that was not taken.

use std::borrow::Cow;
use std::fmt;

use lt_sdk::json::{self, Value};
use lt_sdk::prelude::*;
use lt_sdk::serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// What stands before the state in the page.
const MARK: &str = "__INITIAL_STATE__";

/// Words that scripts know as values and JSON does not: the first as Python writes what is no number.
const NO_VALUES: [&str; 4] = ["NaN", "-Infinity", "Infinity", "undefined"];

/// Longest text of a form's error that is told.
const ERROR_CHARS_MAX: usize = 120;

/// The first error that a form of Django's has in its list, as far as it is plain text.
pub(crate) fn first_error(page: &str) -> Option<String> {
    let (_, list) = page.split_once("errorlist")?;
    let (_, item) = list.split_once("<li")?;
    let (_, text) = item.split_once('>')?;
    let (text, _) = text.split_once('<')?;
    let words: Vec<_> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(ERROR_CHARS_MAX).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// The breakouts of an event, as its page has them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Breakouts {
    /// Those that users may join: no proposals and none that is dealt out at random, if the event has opened them.
    pub(crate) open: Vec<u64>,
    /// Whether the page has some that cannot be read: users go without those.
    pub(crate) some_unreadable: bool,
}

/// The breakouts in the page of an event. A page may name its state before it gives it, and have values that nobody needs to
/// understand: the first object behind the mark that has a plenary counts, and of it only what is asked for.
///
/// # Errors
/// If the page has no state, or none of an event.
pub(crate) fn breakouts(page: &str) -> Result<Breakouts> {
    let mut wrong = None;
    for (at, _) in page.match_indices(MARK) {
        let behind = page.get(at + MARK.len()..).unwrap_or_default();
        match object_assigned(behind).map(breakouts_in) {
            Some(Ok(found)) => return Ok(found),
            Some(Err(error)) => wrong = Some(error),
            None => {
                wrong.get_or_insert(Error::msg("no object is assigned to it, or it has no end"));
            }
        }
    }
    match wrong {
        Some(error) => Err(error.context(MARK)),
        None => bail!("the page has no window.{MARK}"),
    }
}

fn breakouts_in(state: &str) -> Result<Breakouts> {
    let state: InitialState = json::from_slice(as_json(state).as_bytes())?;
    ensure!(
        matches!(state.plenary, Value::Object(_)),
        "it has no plenary"
    );
    if state.plenary["breakouts_open"].as_bool() != Some(true) {
        return Ok(Breakouts::default());
    }
    let is = |breakout: &Value, kind: &str| breakout[kind].as_bool() == Some(true);
    let all = state.breakouts.elements();
    let for_all = all
        .iter()
        .filter(|breakout| !is(breakout, "is_proposal") && !is(breakout, "is_random"));
    let is_list = matches!(state.breakouts, Value::Array(_) | Value::Null);
    Ok(Breakouts {
        open: for_all
            .filter_map(|breakout| breakout["id"].as_u64())
            .collect(),
        some_unreadable: !is_list || all.iter().any(|breakout| breakout["id"].as_u64().is_none()),
    })
}

/// The object that a script assigns to what is named just before, as it is written.
fn object_assigned(behind_name: &str) -> Option<&str> {
    // Also `window["__INITIAL_STATE__"] = …`.
    let value = behind_name
        .trim_start_matches(['"', '\'', ']'])
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    value.get(..end_of_object(value)?)
}

/// Where an object ends that a text begins with. Braces inside strings do not count.
fn end_of_object(text: &str) -> Option<usize> {
    let (mut depth, mut strings) = (0_u32, Strings::default());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if strings.cover(byte) => {}
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The same with `null` for what is a value only to scripts; a copy only if there is some.
fn as_json(object: &str) -> Cow<'_, str> {
    if !NO_VALUES.iter().any(|word| object.contains(word)) {
        return object.into();
    }
    let (mut text, mut strings) = (String::new(), Strings::default());
    let (mut written, mut at) = (0, 0);
    while let Some(&byte) = object.as_bytes().get(at) {
        let is_outside = !strings.cover(byte);
        let rest = object.get(at..).filter(|_| is_outside).unwrap_or_default();
        let found = NO_VALUES.iter().find(|word| rest.starts_with(*word));
        at += found.map_or(1, |word| {
            text.push_str(object.get(written..at).unwrap_or_default());
            text.push_str("null");
            written = at + word.len();
            word.len()
        });
    }
    text.push_str(object.get(written..).unwrap_or_default());
    text.into()
}

/// Knows, byte by byte, what lies in the strings of a text.
#[derive(Default)]
struct Strings {
    inside: bool,
    escaped: bool,
}

impl Strings {
    /// Whether the next byte belongs to a string, its quotes included.
    fn cover(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.inside => self.escaped = true,
            b'"' => self.inside = !self.inside,
            _ => return self.inside,
        }
        true
    }
}

/// What the page says, as far as a user needs it. Of fields with the same name the last counts, as in scripts; the others, which may be
/// long, are not kept.
#[derive(Default)]
struct InitialState {
    plenary: Value,
    breakouts: Value,
}

impl<'de> Deserialize<'de> for InitialState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = InitialState;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<InitialState, A::Error> {
        let mut state = InitialState::default();
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "plenary" => state.plenary = fields.next_value()?,
                "breakouts" => state.breakouts = fields.next_value()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(state: &str) -> String {
        format!(
            "<html><script>\n  window.__INITIAL_STATE__ = {state};\n</script><script>let x = {{}};</script>"
        )
    }

    #[track_caller]
    fn check_page(page: &str, open: &[u64], some_unreadable: bool) {
        let found = breakouts(page).map_err(|error| error.to_string());
        let expected = Breakouts {
            open: open.to_vec(),
            some_unreadable,
        };
        assert_eq!(found, Ok(expected), "{page}");
    }

    #[track_caller]
    fn check(state: &str, open: &[u64]) {
        check_page(&page(state), open, false);
    }

    #[test]
    fn breakouts_count_if_they_are_open_and_for_all() {
        let list = r#"[{"id": 7, "is_proposal": false, "is_random": false, "title": "a"},
            {"id": 8, "is_proposal": true, "is_random": false}, {"id": 9, "is_proposal": false, "is_random": true}, {"id": 10}]"#;
        let state =
            |open| format!(r#"{{"plenary": {{"breakouts_open": {open}}}, "breakouts": {list}}}"#);
        check(&state(true), &[7, 10]);
        check(&state(false), &[]);
        check(r#"{"plenary":{"breakouts_open":true}}"#, &[]);
        check(r#"{"plenary":{}}"#, &[]);
    }

    #[test]
    fn braces_quotes_and_what_looks_like_an_end_inside_texts_do_not_matter() {
        check(
            r#"{"plenary": {"description": "};\n</script> \"{\\", "breakouts_open": true, "max": null}, "breakouts": [{"id": 1, "members": [{}]}]}"#,
            &[1],
        );
    }

    #[test]
    fn the_first_error_of_a_form_is_found() {
        let form = r#"<form><ul class="errorlist nonfield" id="e"><li class="x">
            Not
            correct.</li><li>Another</li></ul><p><input name="login"></p></form>"#;
        assert_eq!(first_error(form).as_deref(), Some("Not correct."));
        let single = form.replace('"', "'");
        assert_eq!(first_error(&single).as_deref(), Some("Not correct."));
        for none in [
            "<form></form>",
            "<ul class=errorlist></ul>",
            "errorlist<li>",
            "errorlist <li></li>",
        ] {
            assert_eq!(first_error(none), None, "{none}");
        }
        let long = format!("errorlist<li>{}</li>", "ü".repeat(ERROR_CHARS_MAX + 1));
        assert_eq!(first_error(&long), Some("ü".repeat(ERROR_CHARS_MAX)));
    }

    #[test]
    fn odd_values_cost_no_user() {
        let state = |rest: &str| format!(r#"{{"plenary": {{"breakouts_open": true}}, {rest}}}"#);
        check(
            r#"{"plenary": {"breakouts_open": null}, "breakouts": [{"id": 1}]}"#,
            &[],
        );
        check(&state(r#""breakouts": null"#), &[]);
        check(
            &state(r#""breakouts": [{"id": 1, "is_random": null, "is_proposal": null}]"#),
            &[1],
        );
        check(
            &state(r#""breakouts": [{"id": 1}], "breakouts": [{"id": 2, "id": 3}]"#),
            &[3],
        );
        check(
            &state(
                r#""load": NaN, "a": [-Infinity, Infinity, undefined], "b": "NaN \" NaN", "breakouts": [{"id": 4}]"#,
            ),
            &[4],
        );
    }

    #[test]
    fn breakouts_that_cannot_be_read_are_told_and_left_out() {
        let state = |breakouts: &str| {
            page(&format!(
                r#"{{"plenary": {{"breakouts_open": true}}, "breakouts": {breakouts}}}"#
            ))
        };
        check_page(&state(r#"{"7": {"id": 7}}"#), &[], true);
        check_page(&state(r#"[{"id": "x"}, {"id": 2}, null]"#), &[2], true);
        check_page(&state("7"), &[], true);
    }

    #[test]
    fn the_state_may_be_named_before_it_is_given() {
        let given = page(r#"{"plenary": {"breakouts_open": true}, "breakouts": [{"id": 5}]}"#);
        for before in [
            "window.__INITIAL_STATE__ = window.__INITIAL_STATE__ || {};",
            "window.__INITIAL_STATE__ = {};",
            "if (window.__INITIAL_STATE__ == null) { x = {}; }",
            "// sets __INITIAL_STATE__",
        ] {
            check_page(&format!("<script>{before}</script>{given}"), &[5], false);
        }
        let by_index = given.replace("window.__INITIAL_STATE__", "window[\"__INITIAL_STATE__\"]");
        check_page(&by_index, &[5], false);
    }

    #[test]
    fn words_that_only_scripts_know_become_null_outside_of_strings() {
        assert_eq!(
            as_json(r#"{"NaN": NaN, "ü": [-Infinity]}"#),
            r#"{"NaN": null, "ü": [null]}"#
        );
        assert!(matches!(as_json(r#"{"a": 1}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn a_page_without_a_state_is_told() {
        const NO_OBJECT: &str = "__INITIAL_STATE__: no object is assigned to it, or it has no end";
        for (page, told) in [
            (
                "<p>Server error</p>".to_owned(),
                "the page has no window.__INITIAL_STATE__",
            ),
            (page("undefined"), NO_OBJECT),
            (
                "window.__INITIAL_STATE__ = {\"plenary\": {".to_owned(),
                NO_OBJECT,
            ),
            (page("{}"), "__INITIAL_STATE__: it has no plenary"),
            (
                page(r#"{"plenary": null}"#),
                "__INITIAL_STATE__: it has no plenary",
            ),
            (
                page(r#"{"plenary": {"a" 1}}"#),
                "__INITIAL_STATE__: this is no JSON at byte",
            ),
        ] {
            let error = breakouts(&page).map_err(|error| error.to_string());
            assert!(
                matches!(&error, Err(text) if text.starts_with(told)),
                "{page}: {error:?}"
            );
        }
    }
}
