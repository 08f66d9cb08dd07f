//! Bytes by their SHA-256: what scenarios and files consist of. Each digest is kept once, however many names have it, and
//! goes with the last of them.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lt_spec::limits::UPLOADED_BYTES_MAX;
use sha2::{Digest, Sha256};

use crate::body::Pieces;
use crate::data_dir::{DataDir, Temporary};
use crate::error::{ApiError, ApiResult};

/// How much is gathered before a thread that may wait writes and hashes it: a few writes a megabyte, a megabyte an upload.
const PIECE_BYTES: usize = 1 << 20;

/// The bytes of a host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    data: DataDir,
    dir: PathBuf,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    blobs: HashMap<String, Blob>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Blob {
    size_bytes: u64,
    /// Names that have it.
    names: usize,
}

/// Bytes that came in and have no name yet: removed unless they are kept.
#[derive(Debug)]
pub struct Received {
    /// Their SHA-256, in hexadecimal.
    pub digest: String,
    /// How many.
    pub size_bytes: u64,
    temporary: Temporary,
}

impl Received {
    /// Read them.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(self.temporary.path())
    }
}

impl Blobs {
    /// What a data directory has. Names are told by [`adopt`](Self::adopt); then [`sweep`](Self::sweep).
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(data: &DataDir) -> io::Result<Self> {
        data.dir("blobs")?;
        let dir = data.dir("blobs/sha256")?;
        let mut kept = Kept::default();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let Ok(digest) = entry.file_name().into_string() else {
                continue;
            };
            let size_bytes = entry.metadata()?.len();
            kept.bytes += size_bytes;
            let blob = Blob {
                size_bytes,
                names: 0,
            };
            kept.blobs.insert(digest, blob);
        }
        Ok(Self {
            data: data.clone(),
            dir,
            kept: Arc::new(Mutex::new(kept)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name from an earlier life has this digest: is it there, with that many bytes?
    #[must_use]
    pub fn adopt(&self, digest: &str, size_bytes: u64) -> bool {
        match self.lock().blobs.get_mut(digest) {
            Some(blob) if blob.size_bytes == size_bytes => {
                blob.names += 1;
                true
            }
            _ => false,
        }
    }

    /// Remove what no name has: left by a crash between two writes.
    pub fn sweep(&self) {
        let mut kept = self.lock();
        let Kept { blobs, bytes } = &mut *kept;
        blobs.retain(|digest, blob| {
            if blob.names == 0 {
                *bytes -= blob.size_bytes;
                self.forget(digest);
            }
            blob.names > 0
        });
    }

    /// Take bytes in, to the disk.
    ///
    /// # Errors
    /// What their reader says; `capacity`, or `internal` if they cannot be written.
    pub(crate) async fn receive(
        &self,
        mut pieces: impl Pieces,
        announced: Option<u64>,
    ) -> ApiResult<Received> {
        self.check_room(announced.unwrap_or(0))?;
        let mut writing = Writing {
            temporary: self.data.temporary().map_err(ApiError::internal)?,
            hash: Sha256::new(),
            size_bytes: 0,
        };
        let mut piece = Vec::new();
        while let Some(bytes) = pieces.piece().await? {
            piece.extend_from_slice(&bytes);
            if piece.len() >= PIECE_BYTES {
                self.check_room(piece.len() as u64)?;
                (writing, piece) = write(writing, piece).await?;
            }
        }
        (writing, _) = write(writing, piece).await?;
        Ok(Received {
            digest: hex(&writing.hash.finalize()),
            size_bytes: writing.size_bytes,
            temporary: writing.temporary,
        })
    }

    /// Refuse more bytes than a host keeps, or than the disk has room for.
    fn check_room(&self, bytes: u64) -> ApiResult<()> {
        self.data.check_room(bytes)?;
        let kept = self.lock().bytes;
        if kept.saturating_add(bytes) <= UPLOADED_BYTES_MAX {
            return Ok(());
        }
        let message = format!(
            "scenarios and files take {kept} bytes of the {UPLOADED_BYTES_MAX} that are kept"
        );
        Err(ApiError::capacity(message).remedy("delete scenarios or files that are not needed"))
    }

    /// Keep bytes under one name more. Waits for the disk.
    ///
    /// # Errors
    /// If they cannot be put into their place.
    pub fn keep(&self, received: Received) -> io::Result<()> {
        let mut kept = self.lock();
        if let Some(blob) = kept.blobs.get_mut(&received.digest) {
            blob.names += 1;
            return Ok(());
        }
        received.temporary.put(&self.path(&received.digest))?;
        kept.bytes += received.size_bytes;
        let blob = Blob {
            size_bytes: received.size_bytes,
            names: 1,
        };
        kept.blobs.insert(received.digest, blob);
        Ok(())
    }

    /// One name less has these bytes; with the last of them they go. Waits for the disk.
    pub fn release(&self, digest: &str) {
        let mut kept = self.lock();
        let Some(blob) = kept.blobs.get_mut(digest) else {
            return;
        };
        blob.names = blob.names.saturating_sub(1);
        if blob.names == 0 {
            let size_bytes = blob.size_bytes;
            kept.blobs.remove(digest);
            kept.bytes -= size_bytes;
            self.forget(digest);
        }
    }

    fn forget(&self, digest: &str) {
        if let Err(error) = self.data.remove(&self.path(digest)) {
            tracing::warn!("bytes that nobody needs cannot be removed: {error}");
        }
    }

    /// Where bytes lie.
    #[must_use]
    pub fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(digest)
    }

    /// Read bytes, and see that they are still the same. Waits for the disk.
    ///
    /// # Errors
    /// If they cannot be read, or are others.
    pub fn read(&self, digest: &str) -> io::Result<Vec<u8>> {
        let bytes = fs::read(self.path(digest))?;
        if hex(&Sha256::digest(&bytes)) == digest {
            Ok(bytes)
        } else {
            Err(io::Error::other(format!(
                "the bytes kept as {digest} are damaged"
            )))
        }
    }
}

/// A file that bytes are written to as they come.
struct Writing {
    temporary: Temporary,
    hash: Sha256,
    size_bytes: u64,
}

/// Write a piece on a thread that may wait; the emptied buffer comes back.
async fn write(mut writing: Writing, mut piece: Vec<u8>) -> ApiResult<(Writing, Vec<u8>)> {
    let written = tokio::task::spawn_blocking(move || {
        writing.hash.update(&piece);
        writing.size_bytes += piece.len() as u64;
        writing.temporary.file().write_all(&piece)?;
        piece.clear();
        Ok::<_, io::Error>((writing, piece))
    });
    match written.await {
        Ok(Ok(written)) => Ok(written),
        Ok(Err(error)) => Err(ApiError::internal(format!(
            "an upload cannot be written: {error}"
        ))),
        Err(error) => Err(ApiError::internal(error)),
    }
}

/// In hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a text does not fail.
            let _written = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::Scratch;
    use crate::body::Incoming;
    use crate::error::Code;
    use axum::body::Body;

    async fn receive(blobs: &Blobs, text: &'static str) -> Received {
        let body = Incoming::new(Body::from(text), 100, "the file");
        blobs.receive(body, None).await.unwrap()
    }

    #[tokio::test]
    async fn bytes_are_kept_once_and_go_with_their_last_name() {
        let scratch = Scratch::new("blobs");
        let blobs = Blobs::open(&DataDir::open(scratch.path()).unwrap()).unwrap();
        let digest = hex(&Sha256::digest("abc"));
        for _ in 0..2 {
            let received = receive(&blobs, "abc").await;
            assert_eq!(
                (received.digest.as_str(), received.size_bytes),
                (digest.as_str(), 3)
            );
            blobs.keep(received).unwrap();
        }
        assert_eq!(blobs.read(&digest).unwrap(), b"abc");
        assert_eq!(blobs.lock().bytes, 3);
        blobs.release(&digest);
        assert!(blobs.path(&digest).exists());
        blobs.release(&digest);
        assert!(!blobs.path(&digest).exists());
        assert_eq!(blobs.lock().bytes, 0);
    }

    #[tokio::test]
    async fn what_is_too_large_or_not_kept_leaves_nothing() {
        let scratch = Scratch::new("blobs-none");
        let blobs = Blobs::open(&DataDir::open(scratch.path()).unwrap()).unwrap();
        let large = vec![0_u8; 3 << 20];
        let body = Incoming::new(Body::from(large), 2 << 20, "the file");
        let error = blobs.receive(body, None).await.unwrap_err();
        assert_eq!(error.code(), Code::TooLarge);
        let body = Incoming::new(Body::empty(), u64::MAX, "the file");
        let error = blobs.receive(body, Some(UPLOADED_BYTES_MAX + 1)).await;
        assert_eq!(error.unwrap_err().code(), Code::Capacity);
        drop(receive(&blobs, "abc").await);
        let left = fs::read_dir(scratch.path().join("tmp")).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[tokio::test]
    async fn after_a_restart_there_is_what_names_have_and_nothing_else() {
        let scratch = Scratch::new("blobs-restart");
        let data = DataDir::open(scratch.path()).unwrap();
        let blobs = Blobs::open(&data).unwrap();
        let (kept, orphan, damaged) = (
            receive(&blobs, "a").await,
            receive(&blobs, "b").await,
            receive(&blobs, "c").await,
        );
        let digests = [
            kept.digest.clone(),
            orphan.digest.clone(),
            damaged.digest.clone(),
        ];
        for received in [kept, orphan, damaged] {
            blobs.keep(received).unwrap();
        }
        fs::write(blobs.path(&digests[2]), "x").unwrap();
        let again = Blobs::open(&data).unwrap();
        assert!(again.adopt(&digests[0], 1) && again.adopt(&digests[2], 1));
        assert!(!again.adopt(&digests[0], 2) && !again.adopt("none", 1));
        again.sweep();
        assert!(again.read(&digests[0]).is_ok());
        assert!(!again.path(&digests[1]).exists());
        assert!(
            again
                .read(&digests[2])
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }
}
