//! A directory of a test's own, gone with the value.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Numbers the directories of one process; the process id keeps those of parallel processes apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory that is deleted on drop, unless the test panics: then it stays for whoever looks for the reason.
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new, empty directory.
    #[must_use]
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lt-tests-{}-{number}", std::process::id()));
        // Left over from an earlier process with this id, which failed.
        let _absent = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the system's temporary directory can be written to");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Write a file into it, with the directories above it, and return its path.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a directory can be made");
        }
        std::fs::write(&path, contents).expect("a file can be written");
        path
    }
}

impl Default for TempDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("left for inspection: {}", self.0.display());
        } else {
            let _gone = std::fs::remove_dir_all(&self.0);
        }
    }
}
