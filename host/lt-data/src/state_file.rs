//! The file in which the store outlives a run.
//!
//! A JSON object, `{"version":1,"entries":{"key":"text","other":{"base64":"AAE="}}}`, one entry a line: values that are UTF-8
//! are texts, others are base64. It holds sessions, which are secrets: only its owner may read it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::lock_file::LockFile;
use crate::{DataError, DataProblem};

/// The only layout there is yet.
const VERSION: u64 = 1;

/// What problems call it.
const NAME: &str = "state file";

/// Where the store is kept.
#[derive(Debug)]
pub(crate) struct StateFile {
    /// As it was typed, for messages.
    typed: PathBuf,
    /// The file itself, behind links.
    path: PathBuf,
    /// Beside it: what is written before it takes its place.
    unfinished: PathBuf,
    /// Keeps other runs out until this one has saved for the last time.
    _lock: LockFile,
}

impl StateFile {
    /// Read the file's entries, none if it does not exist. Also sees to it that it could be written, and that nobody else writes
    /// it meanwhile: of two runs with one file, whichever saves last would undo what the other has saved.
    pub(crate) fn open(typed: &Path) -> Result<(Self, Vec<(String, Bytes)>), DataProblem> {
        let path = resolve(typed)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Of this process only: two that save at the same time must not write into one file.
        let unfinished = path.with_file_name(format!(".{name}.{}.unfinished", std::process::id()));
        let lock = lock(typed, path.with_file_name(format!(".{name}.lock")))?;
        let file = Self {
            typed: typed.to_owned(),
            path,
            unfinished,
            _lock: lock,
        };
        let entries = file.read()?;
        // Better known now than after hours of load.
        let probed = file
            .create()
            .and_then(|_| fs::remove_file(&file.unfinished));
        probed.map_err(|error| {
            problem(
                typed,
                format!("nothing can be written beside it: {error}"),
                "let the user who runs lt-host write to its directory",
            )
        })?;
        Ok((file, entries))
    }

    /// Put these entries into the file, in one step.
    pub(crate) fn write(&self, entries: &BTreeMap<Arc<str>, Bytes>) -> io::Result<()> {
        let written = self.try_write(entries);
        if written.is_err() {
            // Best effort: what could not be written may not be removable either.
            let _ = fs::remove_file(&self.unfinished);
        }
        written
    }

    /// What to say of an entry that the store does not take.
    pub(crate) fn problem(&self, key: &str, error: &DataError) -> DataProblem {
        let key: String = key.chars().take(80).collect();
        problem(
            &self.typed,
            format!("entry {key:?} cannot be kept: {error}"),
            "remove entries from the file, or begin with a new one",
        )
    }

    fn read(&self) -> Result<Vec<(String, Bytes)>, DataProblem> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(problem(
                    &self.typed,
                    format!("it cannot be read: {error}"),
                    "let the user who runs lt-host read it",
                ));
            }
        };
        let content: Result<Content, _> = serde_json::from_reader(BufReader::new(file));
        let remedy = "name a file that lt-host wrote, or remove it to begin anew";
        let content = content.map_err(|error| DataProblem {
            line: u64::try_from(error.line()).ok().filter(|&line| line > 0),
            ..problem(&self.typed, format!("it is no state file: {error}"), remedy)
        })?;
        if content.version != VERSION {
            let message = format!(
                "it has version {}, and this lt-host knows only version {VERSION}",
                content.version
            );
            return Err(problem(&self.typed, message, remedy));
        }
        Ok(content.entries.0)
    }

    fn try_write(&self, entries: &BTreeMap<Arc<str>, Bytes>) -> io::Result<()> {
        let mut writer = BufWriter::new(self.create()?);
        write!(writer, "{{\"version\":{VERSION},\"entries\":{{")?;
        let mut separator = "\n";
        for (key, value) in entries {
            writer.write_all(separator.as_bytes())?;
            separator = ",\n";
            serde_json::to_writer(&mut writer, key.as_ref())?;
            writer.write_all(b":")?;
            match std::str::from_utf8(value) {
                Ok(text) => serde_json::to_writer(&mut writer, text)?,
                Err(_) => write!(writer, "{{\"base64\":\"{}\"}}", STANDARD.encode(value))?,
            }
        }
        writer.write_all(b"\n}}\n")?;
        let file = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        // First the content, then the name: after a crash the file is the old one or the new one.
        file.sync_all()?;
        fs::rename(&self.unfinished, &self.path)?;
        match self.path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }

    /// The unfinished file, empty. What an earlier process of this number left there is removed, whoever could read it.
    fn create(&self) -> io::Result<File> {
        match fs::remove_file(&self.unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.unfinished)
    }
}

/// Keep others out.
fn lock(typed: &Path, path: PathBuf) -> Result<LockFile, DataProblem> {
    let taken = LockFile::take(path).map_err(|error| {
        problem(
            typed,
            format!("nothing can be written and locked beside it: {error}"),
            "let the user who runs lt-host write to its directory, on a file system that has locks",
        )
    })?;
    taken.ok_or_else(|| {
        problem(
            typed,
            "another run has it open".to_owned(),
            "wait until that run has ended, or name another file",
        )
    })
}

/// The file behind links, or where it will be.
fn resolve(typed: &Path) -> Result<PathBuf, DataProblem> {
    if let Ok(path) = fs::canonicalize(typed) {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(problem(
                typed,
                "it is no regular file".to_owned(),
                "name a file",
            ))
        };
    }
    let no_directory = || {
        problem(
            typed,
            "the directory it is to lie in does not exist".to_owned(),
            "create the directory",
        )
    };
    let Some(name) = typed.file_name() else {
        return Err(problem(
            typed,
            "it is no name of a file".to_owned(),
            "name a file",
        ));
    };
    let parent = match typed.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = fs::canonicalize(parent).map_err(|_| no_directory())?;
    if !parent.is_dir() {
        return Err(no_directory());
    }
    Ok(parent.join(name))
}

fn problem(path: &Path, message: String, remedy: &str) -> DataProblem {
    DataProblem {
        name: NAME.to_owned(),
        path: path.to_owned(),
        line: None,
        message,
        remedy: remedy.to_owned(),
    }
}

#[derive(serde::Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with a version and entries"
)]
struct Content {
    version: u64,
    entries: Entries,
}

struct Entries(Vec<(String, Bytes)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, Value(value))) = map.next_entry()? {
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

struct Value(Bytes);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or {\"base64\": \"...\"}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value(Bytes::copy_from_slice(text.as_bytes())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let Some((key, text)) = map.next_entry::<String, String>()? else {
                    return Err(A::Error::missing_field("base64"));
                };
                if key != "base64" {
                    return Err(A::Error::unknown_field(&key, &["base64"]));
                }
                if map.next_key::<String>()?.is_some() {
                    return Err(A::Error::custom("a value has nothing beside its base64"));
                }
                let bytes = STANDARD.decode(text);
                let bytes = bytes.map_err(|error| A::Error::custom(format!("no base64: {error}")));
                Ok(Value(bytes?.into()))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn problem_of(path: &Path) -> String {
        StateFile::open(path).unwrap_err().to_string()
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let scratch = Scratch::new();
        let path = scratch.path("s.json");
        let (file, entries) = StateFile::open(&path).unwrap();
        assert!(entries.is_empty());
        let entries = [
            ("b", Bytes::from_static(b"te\"xt")),
            ("a", Bytes::from_static(&[0, 0xff])),
        ];
        let entries = entries.map(|(key, value)| (Arc::from(key), value));
        file.write(&entries.into()).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"version\":1,\"entries\":{\n\"a\":{\"base64\":\"AP8=\"},\n\"b\":\"te\\\"xt\"\n}}\n"
        );
        file.write(&BTreeMap::new()).unwrap();
        drop(file);
        assert!(StateFile::open(&path).unwrap().1.is_empty());
    }

    #[test]
    fn what_is_no_state_file_is_refused_with_its_line() {
        let scratch = Scratch::new();
        for (content, line, message) in [
            ("", ":1", "EOF while parsing a value"),
            ("[]", ":1", "expected an object with a version and entries"),
            ("{\"version\": 1}", ":1", "missing field `entries`"),
            (
                "{\"version\": 1, \"entries\": {},\n\"more\": 1}",
                ":2",
                "unknown field `more`",
            ),
            (
                "{\"version\": 1, \"entries\": {\n\"a\": 7}}",
                ":2",
                "expected a text or {\"base64\": \"...\"}",
            ),
            (
                "{\"version\": 1, \"entries\": {\n\n\"a\": {\"base64\": \"*\"}}}",
                ":3",
                "no base64",
            ),
            (
                "{\"version\": 1, \"entries\": {\"a\": {\"hex\": \"00\"}}}",
                ":1",
                "unknown field `hex`",
            ),
            ("{\"version\": 1, \"entries\": {}} x", ":1", "trailing"),
            (
                "{\"version\": 2, \"entries\": {}}",
                "",
                "it has version 2, and this lt-host knows only version 1",
            ),
        ] {
            let path = scratch.file("s.json", content.as_bytes());
            let text = problem_of(&path);
            assert!(
                text.contains(&format!("s.json{line}: it ")) && text.contains(message),
                "{content:?}: {text}"
            );
            assert!(
                text.ends_with(
                    "(remedy: name a file that lt-host wrote, or remove it to begin anew)"
                )
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), content, "it is kept");
        }
    }

    #[test]
    fn a_place_where_no_file_can_be_is_known_at_once() {
        let scratch = Scratch::new();
        let text = problem_of(&scratch.path("none/s.json"));
        assert!(text.contains("the directory it is to lie in does not exist"));
        let text = problem_of(&scratch.file("plain", b"").join("s.json"));
        assert!(text.contains("the directory it is to lie in does not exist"));
        assert!(problem_of(&scratch.path("")).contains("it is no regular file"));
        assert!(problem_of(Path::new("")).contains("it is no name of a file"));
    }
}
