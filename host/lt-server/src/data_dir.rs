//! The directory where a host keeps what it was given and what its runs left: one process at a time, and whole files only.
//!
//! ```text
//! lock            held while a host runs
//! tmp/            files that are being written; emptied at the start
//! blobs/sha256/   bytes of scenarios and files, by digest
//! scenarios/      an index a name
//! files/          an index a name
//! runs/           a directory a run
//! cache/          compiled scenarios
//! damaged/        what could not be read at a start
//! ```
//!
//! A file is written to `tmp/`, synced, renamed into its place, and its directory synced: after a crash at any moment it is
//! there whole, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lt_spec::limits::DISK_FREE_BYTES_MIN;
use rustix::fs::{FlockOperation, flock, statvfs};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ApiResult};

/// For the owner alone: uploads may hold accounts, results addresses.
const MODE_DIR: u32 = 0o700;
/// As [`MODE_DIR`], for files.
const MODE_FILE: u32 = 0o600;

/// Why the directory cannot be used. Texts name the path, the fault, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error(
        "{0}: another lt-host serves from this directory (remedy: stop it, or give another directory)"
    )]
    Taken(PathBuf),
    /// The system does not let us.
    #[error(
        "{path}: cannot be used: {error} (remedy: give a directory that this user may write to)"
    )]
    Unusable {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// An open data directory; closed with the last clone.
#[derive(Clone, Debug)]
pub struct DataDir(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    temporaries: AtomicU64,
    _lock: File,
}

impl DataDir {
    /// Open it, made if it is not there; what a crash left half written is removed.
    ///
    /// # Errors
    /// If another process has it, or it cannot be written to.
    pub fn open(root: &Path) -> Result<Self, DataDirError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |error| DataDirError::Unusable { path, error }
        };
        make_dir(root).map_err(unusable(root))?;
        let path = root.join("lock");
        let mut options = OpenOptions::new();
        options
            .create(true)
            .truncate(false)
            .write(true)
            .mode(MODE_FILE);
        let lock = options.open(&path).map_err(unusable(&path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => DataDirError::Taken(root.to_owned()),
            other => unusable(&path)(other.into()),
        })?;
        let tmp = root.join("tmp");
        match fs::remove_dir_all(&tmp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unusable(&tmp)(error));
            }
            _ => make_dir(&tmp).map_err(unusable(&tmp))?,
        }
        Ok(Self(Arc::new(Inner {
            root: root.to_owned(),
            temporaries: AtomicU64::new(0),
            _lock: lock,
        })))
    }

    /// A directory in it, made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn dir(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.0.root.join(name);
        make_dir(&path)?;
        Ok(path)
    }

    /// A new file in `tmp/`, removed unless it is put into a place.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn temporary(&self) -> io::Result<Temporary> {
        let number = self.0.temporaries.fetch_add(1, Ordering::Relaxed);
        let path = self.0.root.join("tmp").join(number.to_string());
        let mut options = OpenOptions::new();
        let file = options
            .create_new(true)
            .write(true)
            .mode(MODE_FILE)
            .open(&path)?;
        Ok(Temporary {
            path,
            file: Some(file),
        })
    }

    /// Write a file whole.
    ///
    /// # Errors
    /// If it cannot be written; what was there before is still there.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut temporary = self.temporary()?;
        temporary.file().write_all(bytes)?;
        temporary.put(path)
    }

    /// Write a value as a JSON file, whole.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_json<T: Serialize>(&self, path: &Path, value: &T) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        self.write(path, &text)
    }

    /// Remove a file for good; one that is not there is fine.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_parent(path),
        }
    }

    /// Move a file that cannot be read out of the way, and tell; the host starts without it.
    pub fn set_aside(&self, path: &Path, why: &str) {
        let name = path.file_name().unwrap_or_default();
        let aside = self.dir("damaged").map(|dir| dir.join(name));
        let moved = aside.and_then(|aside| fs::rename(path, &aside).map(|()| aside));
        match moved {
            Ok(aside) => tracing::warn!(
                "{} cannot be used ({why}); moved to {}",
                path.display(),
                aside.display()
            ),
            Err(error) => tracing::error!(
                "{} cannot be used ({why}), nor moved: {error}",
                path.display()
            ),
        }
    }

    /// All JSON files of a directory, by the names they have without `.json`; what is none is set aside.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn read_all<T: DeserializeOwned>(&self, dir: &Path) -> io::Result<Vec<(String, T)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(name) = name.and_then(|name| name.strip_suffix(".json")) else {
                self.set_aside(&path, "it is no index");
                continue;
            };
            let read = fs::read(&path).map_err(|error| error.to_string());
            let read = read
                .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
            match read {
                Ok(value) => found.push((name.to_owned(), value)),
                Err(why) => self.set_aside(&path, &why),
            }
        }
        Ok(found)
    }

    /// Refuse to take so many bytes if the disk has not the room.
    ///
    /// # Errors
    /// `capacity`.
    pub fn check_room(&self, bytes: u64) -> ApiResult<()> {
        check_room(&self.0.root, bytes)
    }
}

/// Refuse to take so many bytes below a directory if its disk has not the room, beside what running tests may write.
///
/// # Errors
/// `capacity`.
pub(crate) fn check_room(dir: &Path, bytes: u64) -> ApiResult<()> {
    let Ok(disk) = statvfs(dir) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= bytes.saturating_add(DISK_FREE_BYTES_MIN) {
        return Ok(());
    }
    let message = format!(
        "the disk has {free} bytes free, of which {DISK_FREE_BYTES_MIN} are left to running tests; {bytes} more are asked for"
    );
    Err(ApiError::capacity(message)
        .remedy("delete old runs, scenarios or files, or give the host a larger disk"))
}

/// A file that is being written.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    file: Option<File>,
}

impl Temporary {
    /// To write to.
    pub fn file(&mut self) -> impl Write + '_ {
        Writer(self.file.as_mut())
    }

    /// Sync it and put it into its place, whatever was there before.
    ///
    /// # Errors
    /// If it cannot be synced or moved.
    pub fn put(mut self, place: &Path) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        fs::rename(&self.path, place)?;
        sync_parent(place)
    }

    /// Where it is until then.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // One that was put into its place is not here any more.
        let _moved = fs::remove_file(&self.path);
    }
}

/// A file, or nothing any more.
struct Writer<'a>(Option<&'a mut File>);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(file) => file.write(bytes),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(MODE_DIR)
        .create(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::Scratch;

    #[test]
    fn one_process_at_a_time_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new("lock");
        let root = scratch.path().join("a/b");
        let open = DataDir::open(&root).unwrap();
        assert!(matches!(DataDir::open(&root), Err(DataDirError::Taken(_))));
        let mode = fs::metadata(&root).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE_DIR);
        drop(open);
        assert!(DataDir::open(&root).is_ok());
    }

    #[test]
    fn what_cannot_be_a_directory_is_told() {
        let scratch = Scratch::new("unusable");
        let file = scratch.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDir::open(&file.join("below")).unwrap_err().to_string();
        assert!(
            error.contains("below") && error.contains("remedy"),
            "{error}"
        );
    }

    #[test]
    fn files_appear_whole_and_temporaries_vanish() {
        let scratch = Scratch::new("whole");
        let data = DataDir::open(scratch.path()).unwrap();
        let place = scratch.path().join("x.json");
        data.write_json(&place, &[1, 2]).unwrap();
        data.write_json(&place, &[3]).unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "[\n  3\n]\n");
        drop(data.temporary().unwrap());
        let left_by_a_crash = scratch.path().join("tmp/7");
        fs::write(&left_by_a_crash, "half").unwrap();
        drop(data);
        let _data = DataDir::open(scratch.path()).unwrap();
        assert_eq!(fs::read_dir(scratch.path().join("tmp")).unwrap().count(), 0);
        assert!(place.exists());
    }

    #[test]
    fn a_damaged_index_is_set_aside_and_the_others_are_read() {
        let scratch = Scratch::new("damaged");
        let data = DataDir::open(scratch.path()).unwrap();
        let dir = data.dir("scenarios").unwrap();
        data.write_json(&dir.join("good.json"), &7).unwrap();
        fs::write(dir.join("torn.json"), "{\"na").unwrap();
        fs::write(dir.join("note.txt"), "").unwrap();
        let found: Vec<(String, u32)> = data.read_all(&dir).unwrap();
        assert_eq!(found, [("good".to_owned(), 7)]);
        let aside = scratch.path().join("damaged");
        assert!(aside.join("torn.json").exists() && aside.join("note.txt").exists());
        assert!(!dir.join("torn.json").exists());
    }

    #[test]
    fn what_the_disk_cannot_hold_is_refused() {
        let scratch = Scratch::new("room");
        let data = DataDir::open(scratch.path()).unwrap();
        let error = data.check_room(u64::MAX / 2).unwrap_err();
        assert_eq!(error.code(), crate::error::Code::Capacity);
        assert!(error.to_string().contains("bytes free"), "{error}");
    }
}
