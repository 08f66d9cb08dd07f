//! Texts without what costs every user memory: slicing, whose panics bring 3 KB of tables, and formats where a text will do.

use std::fmt;

/// An error's text and what it carries, as all errors of the SDK tell them.
pub(crate) fn write_explained(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    detail: Option<&str>,
) -> fmt::Result {
    f.write_str(text)?;
    if let Some(detail) = detail {
        f.write_str(": ")?;
        f.write_str(detail)?;
    }
    Ok(())
}

/// A text in two at a byte; all of it and nothing if that is outside, or inside a character.
pub(crate) fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Where a text begins in another. The standard search slices texts inside.
pub(crate) fn find(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes()
        .windows(wanted.len().max(1))
        .position(|window| window == wanted.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{cut, find};

    #[test]
    fn texts_are_found_where_they_begin() {
        assert_eq!(find("a-->b", "-->"), Some(1));
        assert_eq!(find("->", "-->"), None);
    }

    #[test]
    fn what_cannot_be_cut_stays_whole() {
        assert_eq!(cut("grün", 2), ("gr", "ün"));
        assert_eq!(cut("grün", 3), ("grün", ""));
        assert_eq!(cut("grün", 9), ("grün", ""));
    }
}
