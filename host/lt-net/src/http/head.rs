//! A response's header fields, kept as the bytes that came and parsed when asked for.

/// Header fields of a response: the lines between status line and empty line, in one allocation. Most responses of a load
/// test are never asked for a header, so nothing is parsed or copied before [`Head::fields`] or [`Head::get`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    lines: Box<[u8]>,
}

impl Head {
    /// Keep these lines. The parser has accepted them: each has a colon and none is folded.
    pub(crate) fn from_lines(lines: &[u8]) -> Self {
        Self {
            lines: lines.into(),
        }
    }

    /// Build the lines from fields that came in another form (HTTP/2).
    pub(crate) fn from_fields<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut lines = Vec::new();
        for (name, value) in fields {
            lines.extend_from_slice(name.as_bytes());
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value);
            lines.extend_from_slice(b"\r\n");
        }
        Self {
            lines: lines.into(),
        }
    }

    /// Bytes of all lines together.
    pub(crate) fn length(&self) -> usize {
        self.lines.len()
    }

    /// The fields in order, names as the server wrote them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        lines(&self.lines).filter_map(field)
    }

    /// The first field of this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// All fields of this name, in any case, in order.
    pub fn get_all<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        lines(&self.lines).filter_map(move |line| value_of(line, name))
    }

    /// The fields in order, names in lower case: what the guest is shown.
    #[must_use]
    pub fn to_vec(&self) -> Vec<(String, Vec<u8>)> {
        self.fields()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
            .collect()
    }
}

/// The lines, cut at their ends. The end is looked for many bytes at a time: every response is searched for cookies.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let (line, after) = match memchr::memchr(b'\n', bytes) {
            Some(end) => (&bytes[..end], Some(&bytes[end + 1..])),
            None => (bytes, None),
        };
        rest = after;
        Some(line)
    })
}

/// The value of a line if its field has this name, in any case. Most lines differ in where their colon is, so that most are
/// told apart by one byte.
fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    match rest {
        [b':', value @ ..] if found.eq_ignore_ascii_case(name.as_bytes()) => Some(trim(value)),
        _ => None,
    }
}

fn field(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = std::str::from_utf8(&line[..colon]).ok()?;
    Some((name, trim(&line[colon + 1..])))
}

/// Optional white space around a value is no part of it (RFC 9110, section 5.5).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_any_case_and_trimmed() {
        let head = Head::from_lines(b"Content-Type:text/html \r\nSet-Cookie: a=1\r\nX:\t\xff\t\r\nset-cookie:b=2\nEmpty:\r\n");
        assert_eq!(head.get("content-type"), Some(&b"text/html"[..]));
        assert_eq!(
            head.get_all("SET-COOKIE").collect::<Vec<_>>(),
            [b"a=1", b"b=2"]
        );
        assert_eq!(head.get("x"), Some(&b"\xff"[..]));
        assert_eq!(head.get("empty"), Some(&b""[..]));
        assert_eq!(head.get("absent"), None);
        assert_eq!(head.get("set-cookie2"), None);
        assert_eq!(head.get("set"), None);
        assert_eq!(head.to_vec()[0].0, "content-type");
        assert_eq!(head.fields().count(), 5);
    }

    #[test]
    fn fields_of_another_form_read_back_the_same() {
        let fields = [("a", &b"1"[..]), ("b", b"two words")];
        let head = Head::from_fields(fields.into_iter());
        assert_eq!(head.fields().collect::<Vec<_>>(), fields);
    }
}
