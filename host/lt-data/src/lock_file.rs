//! A file that is there to be locked: beside the state file, which each save replaces by another and so cannot be locked itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// Times that another may remove the file between our opening and our locking it: each time a run has just ended.
const TRIES: u32 = 100;

/// A lock that is held until this is dropped, or the process ends however it ends.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    /// The lock goes with the open file.
    _file: File,
}

impl LockFile {
    /// Take the lock; `None` if another has it, in this process or in another.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn take(path: PathBuf) -> io::Result<Option<Self>> {
        for _ in 0..TRIES {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever had it may have removed the file meanwhile: a lock on what is no more keeps nobody out.
            let ours = file.metadata()?;
            match fs::metadata(&path) {
                Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
                    return Ok(Some(Self { path, _file: file }));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // While it is still locked. Best effort: a file that is left behind is taken by the next run.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn one_holds_it_at_a_time_and_nothing_is_left() {
        let scratch = Scratch::new();
        let path = scratch.path(".lock");
        let first = LockFile::take(path.clone()).unwrap().unwrap();
        assert!(LockFile::take(path.clone()).unwrap().is_none());
        drop(first);
        assert!(!path.exists());
        // What a killed process left is no obstacle.
        let path = scratch.file(".lock", b"");
        let second = LockFile::take(path.clone()).unwrap();
        assert!(second.is_some());
        drop(second);
        assert!(!path.exists());
        assert!(LockFile::take(scratch.path("none/.lock")).is_err());
    }

    #[test]
    fn many_who_take_and_drop_it_never_hold_it_together() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let scratch = Scratch::new();
        let path = scratch.path(".lock");
        let (holders, taken) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if let Some(_lock) = LockFile::take(path.clone()).unwrap() {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            taken.fetch_add(1, Ordering::SeqCst);
                            holders.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert!(taken.into_inner() > 0 && !path.exists());
    }
}
