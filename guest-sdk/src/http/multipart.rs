//! Forms with files.

/// Fields and files of a `multipart/form-data` body (RFC 7578).
///
/// ```no_run
/// use lt_sdk::http::{self, Multipart};
///
/// # fn main() -> lt_sdk::Result<()> {
/// let parts = Multipart::new()
///     .text("title", "Cat")
///     .file("picture", "cat.png", "image/png", b"\x89PNG...");
/// http::post("http://127.0.0.1:8080/pictures").multipart(parts).send()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "parts do nothing until they are sent"]
pub struct Multipart {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    /// The part's header lines, each with its end.
    head: String,
    content: Vec<u8>,
}

impl Multipart {
    /// No parts yet.
    ///
    /// ```
    /// let parts = lt_sdk::http::Multipart::new();
    /// ```
    pub const fn new() -> Self {
        Self { parts: Vec::new() }
    }

    /// Add a field.
    ///
    /// ```
    /// let parts = lt_sdk::http::Multipart::new().text("title", "Cat");
    /// ```
    pub fn text(mut self, name: &str, value: &str) -> Self {
        let head = [
            "content-disposition: form-data; name=\"",
            &quoted(name),
            "\"\r\n",
        ]
        .concat();
        self.parts.push(Part {
            head,
            content: value.as_bytes().to_vec(),
        });
        self
    }

    /// Add a file: the field's name, the file's name, its media type and its content.
    ///
    /// ```
    /// let parts = lt_sdk::http::Multipart::new().file("notes", "notes.txt", "text/plain", b"buy milk");
    /// ```
    pub fn file(
        mut self,
        name: &str,
        filename: &str,
        media_type: &str,
        content: impl AsRef<[u8]>,
    ) -> Self {
        let head = [
            "content-disposition: form-data; name=\"",
            &quoted(name),
            "\"; filename=\"",
            &quoted(filename),
            "\"\r\ncontent-type: ",
            media_type,
            "\r\n",
        ]
        .concat();
        self.parts.push(Part {
            head,
            content: content.as_ref().to_vec(),
        });
        self
    }

    /// Content type and body.
    pub(super) fn finish(self) -> (String, Vec<u8>) {
        let boundary = self.boundary();
        let size = self
            .parts
            .iter()
            .map(|part| part.head.len() + part.content.len() + boundary.len() + 8)
            .sum::<usize>();
        let mut body = Vec::with_capacity(size + boundary.len() + 6);
        for part in &self.parts {
            for piece in ["--", &boundary, "\r\n", &part.head, "\r\n"] {
                body.extend_from_slice(piece.as_bytes());
            }
            body.extend_from_slice(&part.content);
            body.extend_from_slice(b"\r\n");
        }
        for piece in ["--", &boundary, "--\r\n"] {
            body.extend_from_slice(piece.as_bytes());
        }
        (["multipart/form-data; boundary=", &boundary].concat(), body)
    }

    /// A line that occurs in no part: the first of a fixed sequence that does not. Not random, so that a repeated run sends
    /// the same bytes.
    fn boundary(&self) -> String {
        let mut number: u64 = 0;
        loop {
            let boundary = format!("lt-host-{number:016x}");
            let occurs = |part: &Part| {
                part.content
                    .windows(boundary.len())
                    .any(|window| window == boundary.as_bytes())
            };
            if !self.parts.iter().any(occurs) {
                return boundary;
            }
            number += 1;
        }
    }
}

/// A name inside quotes, with what would end them escaped as browsers do (RFC 7578, section 2, and the HTML standard).
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_as_rfc_7578_wants_them() {
        let (content_type, body) = Multipart::new()
            .text("a\"b", "1")
            .file("f", "x.txt", "text/plain", b"hi")
            .finish();
        assert_eq!(
            content_type,
            "multipart/form-data; boundary=lt-host-0000000000000000"
        );
        let expected = "--lt-host-0000000000000000\r\n\
            content-disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n\
            --lt-host-0000000000000000\r\n\
            content-disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\ncontent-type: text/plain\r\n\r\nhi\r\n\
            --lt-host-0000000000000000--\r\n";
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn the_boundary_occurs_in_no_part() {
        let (content_type, _) = Multipart::new()
            .text("a", "--lt-host-0000000000000000")
            .finish();
        assert!(content_type.ends_with("lt-host-0000000000000001"));
    }
}
