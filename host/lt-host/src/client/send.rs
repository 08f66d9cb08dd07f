//! Sending files: scenarios and what users read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lt_spec::limits::{ASSET_BYTES_MAX, SCENARIO_BYTES_MAX};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::call::{Answer, Client};
use super::runs::name_is_safe;
use crate::error::CommandError;
use crate::process::Process;
use crate::scenario_file::{engine, load, looking_only};

/// Bytes that are read and sent at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// Characters of a name that a host keeps a scenario under.
const SCENARIO_NAME_CHARS: usize = 64;
/// Characters of a file's own name that go into the name it is stored under, behind its digest.
const FILE_NAME_CHARS: usize = 100;
/// Characters of a digest that tell files of one name apart.
const DIGEST_CHARS: usize = 12;

/// A scenario that the host has.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The name it is stored under.
    pub(crate) name: String,
    /// The digest of the version.
    pub(crate) digest: String,
    /// Its version.
    pub(crate) version: String,
    /// What is new about it.
    pub(crate) news: News,
    /// The names of its settings.
    pub(crate) settings: Vec<String>,
    /// What the host told.
    pub(crate) answer: Answer,
}

/// What an upload changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// There was no scenario of this name.
    Name,
    /// There was no such version of it.
    Version,
    /// There was, but another was current.
    Current,
    /// All was there.
    Nothing,
}

impl News {
    /// In words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Name => "new",
            Self::Version => "new version",
            Self::Current => "known version, current again",
            Self::Nothing => "unchanged",
        }
    }
}

/// A stored scenario, as far as the commands need it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stored {
    pub(super) name: String,
    pub(super) digest: String,
    version: String,
    versions: Vec<StoredVersion>,
    settings: Vec<Named>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct StoredVersion {
    digest: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredFile {
    digest: String,
}

impl Stored {
    pub(super) fn settings(&self) -> Vec<String> {
        let names = self.settings.iter();
        names.map(|setting| setting.name.clone()).collect()
    }
}

/// Store a scenario under a name, unless the host has it there already.
///
/// # Errors
/// If the file cannot be read, and what the host says.
pub(crate) fn send_scenario(
    client: &Client,
    path: &Path,
    field: &str,
    name: &str,
    process: &Process,
) -> Result<Sent, CommandError> {
    check_name(name, "--name")?;
    let (size_bytes, digest) = digest_of(path, field, SCENARIO_BYTES_MAX)?;
    let known: Option<Stored> = match client.get(&["scenarios", name], &[]) {
        Ok(answer) => Some(answer.read()?),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let news = match &known {
        None => News::Name,
        Some(known) if known.digest == digest => News::Nothing,
        Some(known) if known.versions.iter().any(|it| it.digest == digest) => News::Current,
        Some(_) => News::Version,
    };
    let bytes = pieces(path, field, size_bytes, process)?;
    let as_wasm = ("application/wasm", digest.as_str());
    let answer = client.put(&["scenarios", name], as_wasm, (size_bytes, bytes))?;
    let stored: Stored = answer.read()?;
    Ok(Sent {
        settings: stored.settings(),
        name: stored.name,
        digest: stored.digest,
        version: stored.version,
        news,
        answer,
    })
}

/// Store a file that users read, under a name of which what it holds is a part: files of one name do not get in each other's
/// way, and one that the host has is not sent again. `name` is another name.
///
/// # Errors
/// As [`send_scenario`].
pub(crate) fn send_file(
    client: &Client,
    path: &Path,
    field: &str,
    name: Option<&str>,
    process: &Process,
) -> Result<(String, Answer), CommandError> {
    let (size_bytes, digest) = digest_of(path, field, ASSET_BYTES_MAX)?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => stored_name(path, &digest),
    };
    check_name(&name, "--name")?;
    let steps = ["files", name.as_str()];
    let files = client.get(&["files"], &[])?;
    let same = |file: &serde_json::Value| {
        file.get("name").and_then(serde_json::Value::as_str) == Some(name.as_str())
            && StoredFile::deserialize(file).is_ok_and(|file| file.digest == digest)
    };
    let listed = files
        .body
        .get("files")
        .and_then(serde_json::Value::as_array);
    if let Some(known) = listed.into_iter().flatten().find(|file| same(file)) {
        let answer = Answer {
            status: 200,
            body: known.clone(),
        };
        return Ok((name, answer));
    }
    let bytes = pieces(path, field, size_bytes, process)?;
    let as_bytes = ("application/octet-stream", digest.as_str());
    let answer = client.put(&steps, as_bytes, (size_bytes, bytes))?;
    Ok((name, answer))
}

/// The name that a scenario gives itself, else that of its file, as a host takes it.
pub(crate) fn described_name(path: &Path, process: &Process) -> String {
    // What is wrong with it, the host says better: it has the last word.
    let described = engine(&looking_only(process))
        .and_then(|engine| load(&engine, path, "FILE"))
        .map(|scenario| as_name(&scenario.description().name));
    let stem = || as_name(&path.file_stem().unwrap_or_default().to_string_lossy());
    match described {
        Ok(name) if !name.is_empty() => name,
        _ => stem(),
    }
}

/// Small letters, digits and '-'.
fn as_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|char| match char {
            '_' | ' ' | '.' => '-',
            char => char.to_ascii_lowercase(),
        })
        .filter(|char| char.is_ascii_alphanumeric() || *char == '-')
        .take(SCENARIO_NAME_CHARS)
        .collect();
    name.trim_matches('-').to_owned()
}

/// The digest before the file's own name, whose ending tells what it is.
fn stored_name(path: &Path, digest: &str) -> String {
    let own = path.file_name().unwrap_or_default().to_string_lossy();
    let own: Vec<char> = own
        .chars()
        .map(|char| match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => char,
            _ => '_',
        })
        .collect();
    // The end is kept: it is what readers go by.
    let skipped = own.len().saturating_sub(FILE_NAME_CHARS);
    let own: String = own.into_iter().skip(skipped).collect();
    let digest: String = digest.chars().take(DIGEST_CHARS).collect();
    format!("{digest}-{own}")
}

fn check_name(name: &str, field: &str) -> Result<(), CommandError> {
    if name_is_safe(name) {
        return Ok(());
    }
    let remedy = "use small letters, digits, '-' and '_', beginning with a letter or a digit";
    Err(CommandError::input(
        field,
        name,
        "is no name that a host takes",
        remedy,
    ))
}

fn unreadable(path: &Path, field: &str, error: &std::io::Error) -> CommandError {
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    CommandError::input(
        field,
        path.display().to_string(),
        message,
        "give a file that can be read",
    )
}

/// The size of a file and its SHA-256 in hex.
fn digest_of(path: &Path, field: &str, bytes_max: u64) -> Result<(u64, String), CommandError> {
    let told = |error: std::io::Error| unreadable(path, field, &error);
    let mut file = File::open(path).map_err(told)?;
    let metadata = file.metadata().map_err(told)?;
    if !metadata.is_file() || metadata.len() > bytes_max {
        let message = match metadata.is_file() {
            true => format!("is larger than the {} MiB it may have", bytes_max >> 20),
            false => "is no file".to_owned(),
        };
        let remedy = "give a file that a host takes";
        let value = path.display().to_string();
        return Err(CommandError::input(field, value, message, remedy));
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut size_bytes = 0;
    loop {
        let length = file.read(&mut buffer).map_err(told)?;
        if length == 0 {
            break;
        }
        hash.update(buffer.get(..length).unwrap_or_default());
        size_bytes += length as u64;
    }
    let digest = hash.finalize();
    Ok((
        size_bytes,
        digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

/// A file in pieces, as many bytes as it had. A person sees how far it is.
fn pieces(
    path: &Path,
    field: &str,
    size_bytes: u64,
    process: &Process,
) -> Result<impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static, CommandError>
{
    let file = File::open(path).map_err(|error| unreadable(path, field, &error))?;
    let target = match process.stderr_is_terminal {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(size_bytes), target);
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:25}] {bytes}/{total_bytes}") {
        bar.set_style(style.progress_chars("=>-"));
    }
    bar.set_prefix("sending");
    let state = (file.take(size_bytes), bar);
    Ok(stream::unfold(state, |(mut file, bar)| async move {
        let mut buffer = vec![0; CHUNK_BYTES];
        match file.read(&mut buffer) {
            Ok(0) => {
                bar.finish_and_clear();
                None
            }
            Ok(length) => {
                buffer.truncate(length);
                bar.inc(length as u64);
                Some((Ok(Bytes::from(buffer)), (file, bar)))
            }
            Err(error) => Some((Err(error), (file, bar))),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_host_takes() {
        assert_eq!(as_name("http_get"), "http-get");
        assert_eq!(as_name("Shop v1.2"), "shop-v1-2");
        assert_eq!(as_name("../../etc"), "etc");
        assert_eq!(as_name("é"), "");
        assert_eq!(as_name(&"a".repeat(200)).len(), SCENARIO_NAME_CHARS);
    }

    #[test]
    fn a_stored_file_tells_what_it_holds_and_what_it_is() {
        let digest = "0123456789abcdef".repeat(4);
        let name = |path: &str| stored_name(Path::new(path), &digest);
        assert_eq!(name("/x/people.csv"), "0123456789ab-people.csv");
        assert_eq!(name("my people.csv"), "0123456789ab-my_people.csv");
        let long = name(&format!("/x/{}.csv", "a".repeat(300)));
        assert!(long.len() <= 128 && long.ends_with("a.csv"), "{long}");
        assert!(name_is_safe(&long));
    }

    #[test]
    fn a_digest_is_that_of_the_file() {
        let path = std::env::temp_dir().join(format!("lt-host-digest-{}", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        let (size, digest) = digest_of(&path, "FILE", 3).unwrap();
        assert_eq!(size, 3);
        assert_eq!(
            digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let error = digest_of(&path, "FILE", 2).unwrap_err().to_string();
        assert!(error.contains("is larger than"), "{error}");
        std::fs::remove_file(&path).unwrap();
        let error = digest_of(&path, "FILE", 2).unwrap_err().to_string();
        assert!(error.contains("there is no such file"), "{error}");
        let error = digest_of(Path::new("/"), "FILE", 2)
            .unwrap_err()
            .to_string();
        assert!(error.contains("is no file"), "{error}");
    }
}
