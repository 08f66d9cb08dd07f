//! What kind of thing went wrong with a user: a stable name to count by, apart from the text for people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Distinct messages kept per class: enough to see that there are several causes, few enough to read.
pub const FAILURE_MESSAGES_MAX: usize = 5;
/// Bytes kept of one message: a panic message with its place, or the top of a stack.
pub const FAILURE_MESSAGE_BYTES_MAX: usize = 512;

/// Why an iteration or a user failed: the tag `class` of `user_failures`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// The scenario returned a failure.
    Failure,
    /// The scenario panicked.
    Panic,
    /// The scenario asked for more memory than a user may have.
    Memory,
    /// The scenario burned more CPU between two waits than a user may.
    Cpu,
    /// The scenario recursed beyond its stack.
    Stack,
    /// The scenario called something it was not granted.
    Denied,
    /// Another trap: a division by zero, an access out of bounds, an export that broke the contract.
    Trap,
    /// The host failed the user: a fault of ours, or a limit of this machine.
    Host,
}

impl FailureClass {
    /// All classes, in the order they are shown.
    pub const ALL: [Self; 8] = [
        Self::Failure,
        Self::Panic,
        Self::Memory,
        Self::Cpu,
        Self::Stack,
        Self::Denied,
        Self::Trap,
        Self::Host,
    ];

    /// The value of the tag.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Panic => "panic",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Stack => "stack",
            Self::Denied => "denied",
            Self::Trap => "trap",
            Self::Host => "host",
        }
    }

    /// Position in [`FailureClass::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The distinct messages of one class with their counts, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    kept: Vec<(String, u64)>,
}

impl Messages {
    /// Count a message: if it is known, or if there is room for another; else it is only counted with its class.
    pub(crate) fn add(&mut self, text: &str, count: u64) {
        let text = cut(text);
        if let Some(known) = self.kept.iter_mut().find(|(known, _)| known == text) {
            known.1 += count;
        } else if self.kept.len() < FAILURE_MESSAGES_MAX {
            self.kept.push((text.to_owned(), count));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.kept
            .iter()
            .map(|(text, count)| (text.as_str(), *count))
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }
}

/// The beginning of a text, at most [`FAILURE_MESSAGE_BYTES_MAX`] bytes, whole characters.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(FAILURE_MESSAGE_BYTES_MAX);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_know_their_place() {
        for (position, class) in FailureClass::ALL.iter().enumerate() {
            assert_eq!(class.index(), position);
        }
    }

    #[test]
    fn messages_are_distinct_bounded_and_cut_at_a_character() {
        let mut messages = Messages::default();
        for number in 0..20 {
            messages.add(&format!("number {number}"), 1);
            messages.add("number 0", 2);
        }
        assert_eq!(messages.iter().count(), FAILURE_MESSAGES_MAX);
        assert_eq!(messages.iter().next(), Some(("number 0", 41)));
        let long = "ä".repeat(FAILURE_MESSAGE_BYTES_MAX);
        assert_eq!(cut(&long).len(), FAILURE_MESSAGE_BYTES_MAX);
        assert_eq!(
            cut(&format!("x{long}")).len(),
            FAILURE_MESSAGE_BYTES_MAX - 1
        );
    }
}
