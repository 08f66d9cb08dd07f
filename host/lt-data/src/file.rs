//! Reads files whole, within their bounds, and says what is wrong with those that cannot be read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::problem::Faults;
use crate::records::Lines;

/// The bytes of a file of at most `bytes_max`; `None` once its faults are told.
pub(crate) fn read(path: &Path, bytes_max: u64, faults: &mut Faults<'_>) -> Option<Vec<u8>> {
    match try_read(path, bytes_max) {
        Ok(bytes) => Some(bytes),
        Err(Fault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            faults.file("there is no such file", "correct its path");
            None
        }
        Err(Fault::Io(error)) => {
            faults.file(
                format!("it cannot be read: {error}"),
                "let the user who runs lt-host read it",
            );
            None
        }
        Err(Fault::Directory) => {
            faults.file("it is a directory", "name a file in it");
            None
        }
        Err(Fault::NotRegular) => {
            faults.file(
                "it is no regular file",
                "write what it gives to a file, and name that",
            );
            None
        }
        Err(Fault::TooLarge) => {
            faults.file(
                format!("it is larger than {bytes_max} bytes"),
                "take a smaller file, or split it",
            );
            None
        }
    }
}

/// The text of a file's bytes, without the mark of byte order at its beginning.
pub(crate) fn text<'b>(bytes: &'b [u8], faults: &mut Faults<'_>) -> Option<&'b str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let at = error.valid_up_to();
            let good = bytes
                .get(..at)
                .and_then(|good| std::str::from_utf8(good).ok())
                .unwrap_or_default();
            let column = at - good.rfind(['\n', '\r']).map_or(0, |end| end + 1) + 1;
            faults.line(
                Lines::of(good).line_of(at),
                format!("it is not UTF-8 at byte {column} of this line (byte {at} of the file)"),
                "save it as UTF-8",
            );
            None
        }
    }
}

enum Fault {
    Io(io::Error),
    Directory,
    NotRegular,
    TooLarge,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn try_read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Fault> {
    // Before it is opened: opening a pipe that nobody writes to would wait for ever.
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(Fault::Directory);
    }
    if !metadata.is_file() {
        return Err(Fault::NotRegular);
    }
    if metadata.len() > bytes_max {
        return Err(Fault::TooLarge);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // It may grow while it is read.
    File::open(path)?
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Fault::TooLarge);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::testing::Scratch;

    fn faults_of(path: &Path, bytes_max: u64) -> Vec<String> {
        let mut faults = Faults::of("data", path);
        assert!(read(path, bytes_max, &mut faults).is_none());
        faults.finish().into_iter().map(|p| p.message).collect()
    }

    #[test]
    fn a_file_at_its_bound_is_read_and_one_beyond_is_not() {
        let scratch = Scratch::new();
        let path = scratch.file("four", b"1234");
        let mut faults = Faults::of("data", &path);
        assert_eq!(read(&path, 4, &mut faults).as_deref(), Some(&b"1234"[..]));
        assert!(faults.is_empty());
        assert_eq!(faults_of(&path, 3), ["it is larger than 3 bytes"]);
    }

    #[test]
    fn what_is_no_file_is_told_apart() {
        let scratch = Scratch::new();
        assert_eq!(
            faults_of(&scratch.path("none"), 9),
            ["there is no such file"]
        );
        assert_eq!(faults_of(&scratch.path(""), 9), ["it is a directory"]);
        let socket = scratch.path("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(faults_of(&socket, 9), ["it is no regular file"]);
        let below = scratch.file("plain", b"").join("below");
        assert!(faults_of(&below, 9)[0].starts_with("it cannot be read: "));
    }

    #[test]
    fn bytes_that_are_no_text_are_named_by_line_and_byte() {
        let mut faults = Faults::of("data", Path::new("x.csv"));
        assert_eq!(
            text(b"\xef\xbb\xbfname\nJos\xe9,1\n", &mut faults),
            None,
            "Latin-1"
        );
        assert_eq!(text(b"\xff\xfea\0", &mut faults), None, "UTF-16 of Windows");
        assert_eq!(text(b"\xef\xbb\xbfname", &mut faults), Some("name"));
        let texts: Vec<_> = faults.finish().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "x.csv:2: it is not UTF-8 at byte 4 of this line (byte 11 of the file) (remedy: save it as UTF-8)",
                "x.csv:1: it is not UTF-8 at byte 1 of this line (byte 0 of the file) (remedy: save it as UTF-8)"
            ]
        );
    }
}
