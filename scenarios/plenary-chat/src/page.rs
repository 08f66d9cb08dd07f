//! The event's page: the state that it hands its own scripts.

use lt_sdk::json;
use lt_sdk::prelude::*;
use lt_sdk::serde::Deserialize;

/// What stands before the state in the page.
const MARK: &str = "__INITIAL_STATE__";

/// The breakouts that users may join, from the page of an event: those that are no proposal and not dealt out at random, if the event
/// has opened them.
///
/// # Errors
/// If the page has no state, or it is not what an event's page has.
pub(crate) fn open_breakouts(page: &str) -> Result<Vec<u64>> {
    let text = state_text(page).context("the page has no window.__INITIAL_STATE__")?;
    let state: InitialState = json::from_slice(text.as_bytes()).context(MARK)?;
    if !state.plenary.breakouts_open {
        return Ok(Vec::new());
    }
    let open = state
        .breakouts
        .into_iter()
        .filter(|breakout| !breakout.is_proposal && !breakout.is_random);
    Ok(open.map(|breakout| breakout.id).collect())
}

/// The object behind `__INITIAL_STATE__ =`, as it is written.
fn state_text(page: &str) -> Option<&str> {
    let (_, behind) = page.split_once(MARK)?;
    let (_, value) = behind.split_once('=')?;
    let value = value.trim_start();
    value.get(..end_of_object(value)?)
}

/// Where an object ends that a text begins with. Braces inside strings do not count.
fn end_of_object(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
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

/// What the page says, as far as a user needs it.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct InitialState {
    plenary: PlenaryState,
    #[serde(default)]
    breakouts: Vec<BreakoutState>,
}

/// The plenary.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct PlenaryState {
    #[serde(default)]
    breakouts_open: bool,
}

/// A breakout.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct BreakoutState {
    id: u64,
    #[serde(default)]
    is_proposal: bool,
    #[serde(default)]
    is_random: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(state: &str) -> String {
        format!(
            "<html><script>\n  window.__INITIAL_STATE__ = {state};\n</script><script>let x = {{}};</script>"
        )
    }

    fn check(state: &str, expected: &[u64]) {
        let found = open_breakouts(&page(state)).map_err(|error| error.to_string());
        assert_eq!(found.as_deref(), Ok(expected), "{state}");
    }

    #[test]
    fn breakouts_count_if_they_are_open_and_for_all() {
        let breakouts = r#"[{"id": 7, "is_proposal": false, "is_random": false, "title": "a"},
            {"id": 8, "is_proposal": true, "is_random": false}, {"id": 9, "is_proposal": false, "is_random": true}, {"id": 10}]"#;
        let state = |open| {
            format!(r#"{{"plenary": {{"breakouts_open": {open}}}, "breakouts": {breakouts}}}"#)
        };
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
    fn a_page_without_a_state_is_told() {
        for (page, told) in [
            (
                "<p>Server error</p>".to_owned(),
                "the page has no window.__INITIAL_STATE__",
            ),
            (
                page("undefined"),
                "the page has no window.__INITIAL_STATE__",
            ),
            (
                "window.__INITIAL_STATE__ = {\"plenary\": {".to_owned(),
                "the page has no window.__INITIAL_STATE__",
            ),
            (page("{}"), MARK),
            (page(r#"{"plenary": {}, "breakouts": [{"id": "x"}]}"#), MARK),
        ] {
            let error = open_breakouts(&page).map_err(|error| error.to_string());
            assert!(
                matches!(&error, Err(text) if text.starts_with(told)),
                "{page}: {error:?}"
            );
        }
    }
}
