//! What users say, and what the server says to them.

use lt_sdk::json::{self, Value};
use lt_sdk::rand::Rng;
use lt_sdk::serde::Deserialize;

/// Finds the id in a chat as the server sends it, wherever in the message that is: escaping leaves it as it is.
pub(crate) const ID: &str = r"\[id:([0-9a-f-]+)\]";

/// The text that says that a user is alive: a JSON string.
pub(crate) const HEARTBEAT: &str = r#""heartbeat""#;

/// Longest name of an error that becomes a tag: more would be a text with something of its own in it.
const CODE_CHARS_MAX: usize = 64;

/// Lines to say, with what HTML has to escape.
const LINES: [&str; 12] = [
    "Come in, come in: the lamps are lit & all the chairs are free,",
    "\"Is this seat taken?\" asked the first; the second said, \"By me.\"",
    "The ones who came at eight o'clock were < those who came at nine,",
    "& those who came at ten o'clock stood > a mile in line.",
    "It's loud in here, it's warm in here, there's hardly room to think;",
    "A voice cries \"Order!\", one cries 'Hush!', & one just wants a drink.",
    "Then someone says a clever thing, & no one hears a word;",
    "It's said again, & once again, until it has been heard.",
    "If noise > sense & talk > thought, then what's a crowd to do?",
    "Two & two & two drift off to where there's just the two.",
    "They're back before the song is sung, they're gone before the end:",
    "\"So long!\" <waves> \"So long!\" <waves back> 'Good night, good night, my friend.'",
];

/// The id of what a user says: unique in the run by user and iteration, and another in a run with another seed.
pub(crate) fn id(user: u64, iteration: u64, rng: &mut Rng) -> String {
    format!("{user:x}-{iteration:x}-{:08x}", rng.next_u64() >> 32)
}

/// Something to say, with the id in it.
pub(crate) fn line(id: &str, rng: &mut Rng) -> String {
    let line = rng.pick(&LINES).copied().unwrap_or_default();
    [line, " [id:", id, "]"].concat()
}

/// What the server says when it refuses something: the name of the error. `None` for everything else.
///
/// Errors come as messages of that type, and in breakouts also as a `presence` with an `error_code` in it. Other messages may be
/// long lists of members: they are not even read.
pub(crate) fn error_in(message: &str) -> Option<String> {
    if !message.contains("\"error") {
        return None;
    }
    let message: Value = json::from_slice(message.as_bytes()).ok()?;
    let payload = &message["payload"];
    let code = payload["error_code"].as_str();
    match message["type"].as_str()? {
        "error" => {
            let text = payload["error"].as_str().or(message["error"].as_str());
            Some(short(code.or(text).unwrap_or("unnamed")))
        }
        "presence" => code.map(short),
        _ => None,
    }
}

/// Whether a message is a list of members, as who comes into a room is sent. It may be long: only its type is kept.
pub(crate) fn is_presence(message: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(crate = "lt_sdk::serde")]
    struct Typed {
        r#type: String,
    }
    json::from_slice(message.as_bytes()).is_ok_and(|message: Typed| message.r#type == "presence")
}

/// Whether an error of this name is part of the game: somebody else was faster, or the user came by a second way.
pub(crate) fn is_refusal(code: &str) -> bool {
    matches!(code, "over-capacity" | "already-connected")
}

/// With which code a server closes whose plenary is full; one under daphne has no word for it.
const OVER_CAPACITY: u16 = 4013;

/// Why the server does not let a user in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The name of the reason, to count by.
    pub(crate) code: String,
    /// For people.
    pub(crate) text: String,
}

impl Refusal {
    /// By an error of this name.
    pub(crate) fn told(code: String) -> Self {
        Self {
            text: format!("the server says: {code}"),
            code,
        }
    }

    /// By closing. Its name is what the server said, as its errors are written, or the code.
    pub(crate) fn closed(code: u16, said: &str) -> Self {
        let text = format!("the server closed with {code} before it let the user in");
        if code == OVER_CAPACITY {
            let code = "over-capacity".to_owned();
            return Self { code, text };
        }
        if said.is_empty() {
            let code = format!("closed-{code}");
            return Self { code, text };
        }
        Self {
            code: short(&said.to_ascii_lowercase().replace(' ', "-")),
            text: [&text, ": ", said].concat(),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(CODE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: Option<&str>) {
        assert_eq!(error_in(message).as_deref(), expected, "{message}");
    }

    #[test]
    fn errors_are_known_in_all_their_forms() {
        check(
            r#"{"type": "error", "payload": {"error": "Over capacity", "error_code": "over-capacity"}}"#,
            Some("over-capacity"),
        );
        check(
            r#"{"type": "error", "payload": {"error": "Invalid JSON", "error_code": null}}"#,
            Some("Invalid JSON"),
        );
        check(
            r#"{"error": "Missing type", "type": "error"}"#,
            Some("Missing type"),
        );
        check(r#"{"type": "error", "payload": "broken"}"#, Some("unnamed"));
        check(
            r#"{"type": "presence", "payload": {"members": [], "error_code": "already-connected"}}"#,
            Some("already-connected"),
        );
    }

    #[test]
    fn all_else_is_no_error() {
        for message in [
            r#"{"type": "presence", "payload": {"members": [{"id": 1, "username": "a"}], "lurkers": 0}}"#,
            r#"{"type": "chat", "payload": {"message": "\"type\": \"error\""}}"#,
            r#"{"type": "breakout_receive", "payload": [{"error_code": "x"}]}"#,
            "\"heartbeat\"",
            "[]",
            "not JSON",
            "",
        ] {
            check(message, None);
        }
    }

    #[test]
    fn names_of_errors_are_cut_between_characters() {
        let long = "ü".repeat(CODE_CHARS_MAX + 1);
        let message = format!(r#"{{"type": "error", "error": "{long}"}}"#);
        assert_eq!(error_in(&message), Some("ü".repeat(CODE_CHARS_MAX)));
    }

    #[test]
    fn reasons_for_closing_are_named_as_errors_are() {
        for (code, said, name, text) in [
            (
                4013,
                "",
                "over-capacity",
                "with 4013 before it let the user in",
            ),
            (
                4000,
                "Not now",
                "not-now",
                "with 4000 before it let the user in: Not now",
            ),
            (
                1011,
                "",
                "closed-1011",
                "with 1011 before it let the user in",
            ),
        ] {
            let refusal = Refusal::closed(code, said);
            assert_eq!(refusal.code, name);
            assert_eq!(refusal.text, ["the server closed ", text].concat());
        }
        let long = Refusal::closed(1000, &"x".repeat(100));
        assert_eq!(long.code.len(), CODE_CHARS_MAX);
    }

    #[test]
    fn who_is_told_the_members_is_in() {
        assert!(is_presence(
            r#"{"payload": {"type": "x", "members": [{"id": 1}]}, "type": "presence"}"#
        ));
        for other in [
            r#"{"type": "chat", "payload": {"type": "presence"}}"#,
            r#"{"type": "breakout_presence", "payload": {}}"#,
            r#"{"payload": "\"type\": \"presence\""}"#,
            "\"presence\"",
            "",
        ] {
            assert!(!is_presence(other), "{other}");
        }
    }

    #[test]
    fn full_rooms_are_part_of_the_game() {
        assert!(is_refusal("over-capacity") && is_refusal("already-connected"));
        assert!(!is_refusal("Plenary not found"));
    }

    #[test]
    fn what_is_said_follows_from_the_seed_and_has_an_id_of_its_own() {
        let say = |seed, iteration| {
            let mut rng = Rng::for_iteration(seed, iteration);
            let id = id(255, iteration, &mut rng);
            let line = line(&id, &mut rng);
            (id, line)
        };
        let (id, text) = say(1, 16);
        assert_eq!((id.clone(), text.clone()), say(1, 16));
        assert!(id.starts_with("ff-10-"));
        assert!(text.ends_with(&format!(" [id:{id}]")));
        let mut ids: Vec<_> = (0..1000)
            .map(|iteration| say(1, iteration).0)
            .chain([say(2, 16).0])
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1001);
    }

    #[test]
    fn ids_have_only_characters_that_the_pattern_finds_and_no_escaping_changes() {
        let mut rng = Rng::new(3);
        for number in [0, 9, 10, u64::MAX] {
            let id = id(number, number, &mut rng);
            assert!(
                id.bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')),
                "{id}"
            );
        }
    }

    #[test]
    fn lines_have_what_html_escapes() {
        let all = LINES.concat();
        assert!(
            ['<', '>', '&', '"', '\'']
                .iter()
                .all(|&it| all.contains(it))
        );
        assert!(!all.contains("[id:"));
    }
}
