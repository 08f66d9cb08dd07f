//! Character references: `&amp;` and its like.

use std::borrow::Cow;

/// The text that a piece of a page stands for. What is no reference known here stays as it is, as browsers do.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        decoded.push_str(before);
        match reference(behind) {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = behind;
            }
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The character of the reference that begins here, behind its `&`, and what follows it.
fn reference(text: &str) -> Option<(char, &str)> {
    let (name, after) = text.split_once(';')?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character, after))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references_become_characters() {
        assert_eq!(
            decode("a&amp;b&lt;&gt;&quot;&apos;&#39;&#x2F;&#X2f;"),
            "a&b<>\"''//"
        );
        assert_eq!(decode("&#233;t&#xe9;"), "été");
    }

    #[test]
    fn anything_else_stays() {
        for text in [
            "a & b",
            "&",
            "&;",
            "&#;",
            "&#x;",
            "&#xD800;",
            "&#99999999999;",
            "&nosuch;",
            "a&b=c;d",
        ] {
            assert_eq!(decode(text), text);
        }
        assert_eq!(decode("&&amp;"), "&&");
    }
}
