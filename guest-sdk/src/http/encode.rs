//! Texts as URLs, forms and headers want them.

/// How a byte is written that cannot stand for itself.
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Append a name or value as `application/x-www-form-urlencoded` (URL standard, section 5.2; also right in a query).
pub(super) fn form(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                into.push(char::from(byte))
            }
            b' ' => into.push('+'),
            _ => {
                into.push('%');
                into.push(char::from(HEX[usize::from(byte >> 4)]));
                into.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// Append one pair to a form or query, after an `&` unless it is the first.
pub(super) fn pair(name: &str, value: &str, first: bool, into: &mut String) {
    if !first {
        into.push('&');
    }
    form(name, into);
    into.push('=');
    form(value, into);
}

/// Base 64 with padding (RFC 4648, section 4).
pub(super) fn base64(bytes: &[u8]) -> String {
    let digit = |six_bits: u32| {
        char::from(match (six_bits & 63) as u8 {
            value @ 0..=25 => b'A' + value,
            value @ 26..=51 => b'a' + value - 26,
            value @ 52..=61 => b'0' + value - 52,
            62 => b'+',
            _ => b'/',
        })
    };
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        text.push(digit(bits >> 18));
        text.push(digit(bits >> 12));
        text.push(if chunk.len() > 1 {
            digit(bits >> 6)
        } else {
            '='
        });
        text.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_escaped_as_forms_want_them() {
        let mut text = String::new();
        pair("a b", "1&2=ü/~", true, &mut text);
        pair("c", "", false, &mut text);
        assert_eq!(text, "a+b=1%262%3D%C3%BC%2F%7E&c=");
    }

    #[test]
    fn base64_as_in_rfc_4648_section_10() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
