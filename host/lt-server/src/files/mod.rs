//! Uploaded files: what runs read as assets and feeders.

mod api;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lt_spec::limits::FILES_STORED_MAX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use api::routes;

use crate::blobs::{Blobs, Received};
use crate::body::Pieces;
use crate::data_dir::DataDir;
use crate::error::{ApiError, ApiResult};
use crate::json::IfMatch;

/// Bytes of a name.
const NAME_BYTES_MAX: usize = 128;

/// The files of this host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files(Arc<Store>);

#[derive(Debug)]
struct Store {
    data: DataDir,
    dir: PathBuf,
    blobs: Blobs,
    now_unix_ns: fn() -> i64,
    names: Mutex<BTreeMap<String, Kept>>,
    /// Held by whoever changes something, while it waits for the disk.
    changing: Mutex<()>,
}

/// What is known of a file: also the index that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    digest: String,
    size_bytes: u64,
    uploaded_at: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = File)]
pub struct FileView {
    /// Its name, for `assets` and `feeders` in run specs.
    #[schema(example = "accounts.csv")]
    pub name: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Their SHA-256.
    pub digest: String,
    /// When it came.
    pub uploaded_at: String,
}

/// All files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileList {
    /// By name.
    pub files: Vec<FileView>,
}

impl FileView {
    fn of(name: &str, kept: &Kept) -> Self {
        Self {
            name: name.to_owned(),
            size_bytes: kept.size_bytes,
            digest: kept.digest.clone(),
            uploaded_at: kept.uploaded_at.clone(),
        }
    }
}

impl Files {
    /// Read what a data directory has. A file whose bytes are gone is told and left out.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn open(data: &DataDir, blobs: &Blobs, now_unix_ns: fn() -> i64) -> io::Result<Self> {
        let dir = data.dir("files")?;
        let mut names = BTreeMap::new();
        for (name, kept) in data.read_all::<Kept>(&dir)? {
            if is_name(&name) && blobs.adopt(&kept.digest, kept.size_bytes) {
                names.insert(name, kept);
            } else {
                data.set_aside(&dir.join(format!("{name}.json")), "it has lost its bytes");
            }
        }
        Ok(Self(Arc::new(Store {
            data: data.clone(),
            dir,
            blobs: blobs.clone(),
            now_unix_ns,
            names: Mutex::new(names),
            changing: Mutex::new(()),
        })))
    }

    /// Where the bytes of a file lie. They never change, and go when the file is deleted or uploaded anew: whoever reads
    /// them opens them at once.
    ///
    /// # Errors
    /// `not_found`.
    pub fn path(&self, name: &str) -> ApiResult<PathBuf> {
        let file = self.show(name)?;
        Ok(self.0.blobs.path(&file.digest))
    }

    /// All files.
    #[must_use]
    pub fn list(&self) -> FileList {
        let names = self.0.lock();
        let files = names.iter().map(|(name, kept)| FileView::of(name, kept));
        FileList {
            files: files.collect(),
        }
    }

    /// One file.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, name: &str) -> ApiResult<FileView> {
        let names = self.0.lock();
        let kept = names.get(name).map(|kept| FileView::of(name, kept));
        kept.ok_or_else(|| ApiError::not_found("file", name))
    }

    /// Take the bytes of a file in.
    async fn receive(&self, pieces: impl Pieces, announced: Option<u64>) -> ApiResult<Received> {
        self.0.blobs.receive(pieces, announced).await
    }

    /// Keep what came, in place of what the name had. Tells whether the name is new.
    async fn put(
        &self,
        name: String,
        received: Received,
        if_match: IfMatch,
    ) -> ApiResult<(bool, FileView)> {
        self.change(move |store| store.put(&name, received, &if_match))
            .await
    }

    /// Remove a file.
    async fn remove(&self, name: String, if_match: IfMatch) -> ApiResult<()> {
        self.change(move |store| store.remove(&name, &if_match))
            .await
    }

    /// Change something on a thread that may wait for the disk, one change after the other. It is done also if the caller
    /// leaves meanwhile.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Store) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let store = self.0.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _alone = store
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            change(&store)
        });
        done.await.map_err(ApiError::internal)?
    }
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(
        &self,
        name: &str,
        received: Received,
        if_match: &IfMatch,
    ) -> ApiResult<(bool, FileView)> {
        let known = self.lock().get(name).cloned();
        match &known {
            Some(known) => if_match.check(&known.digest)?,
            None if if_match.is_given() => return Err(ApiError::not_found("file", name)),
            None if self.lock().len() >= FILES_STORED_MAX => {
                let message = format!("{FILES_STORED_MAX} files are kept, which is the limit");
                return Err(ApiError::capacity(message).remedy("delete files that are not needed"));
            }
            None => {}
        }
        if let Some(known) = known
            .as_ref()
            .filter(|known| known.digest == received.digest)
        {
            return Ok((false, FileView::of(name, known)));
        }
        let kept = Kept {
            digest: received.digest.clone(),
            size_bytes: received.size_bytes,
            uploaded_at: crate::uploads::rfc3339((self.now_unix_ns)()),
        };
        self.blobs.keep(received).map_err(ApiError::internal)?;
        if let Err(error) = self.data.write_json(&self.place(name), &kept) {
            self.blobs.release(&kept.digest);
            return Err(ApiError::internal(error));
        }
        let view = FileView::of(name, &kept);
        self.lock().insert(name.to_owned(), kept);
        if let Some(known) = &known {
            self.blobs.release(&known.digest);
        }
        Ok((known.is_none(), view))
    }

    fn remove(&self, name: &str, if_match: &IfMatch) -> ApiResult<()> {
        let known = self.lock().get(name).cloned();
        let known = known.ok_or_else(|| ApiError::not_found("file", name))?;
        if_match.check(&known.digest)?;
        self.data
            .remove(&self.place(name))
            .map_err(ApiError::internal)?;
        self.lock().remove(name);
        self.blobs.release(&known.digest);
        Ok(())
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= NAME_BYTES_MAX
        && bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Refuse a name that is none.
///
/// # Errors
/// `invalid`.
fn check_name(name: &str) -> ApiResult<()> {
    if is_name(name) {
        return Ok(());
    }
    let message = format!(
        "is not 1 to {NAME_BYTES_MAX} letters, digits, '.', '_' and '-', of which the first is a letter or digit"
    );
    Err(ApiError::invalid_field(
        "name",
        name,
        message,
        "give a name like accounts.csv",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["a", "accounts.csv", "A-1_b.flv", "a..b", &"a".repeat(128)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "-a",
            "a/b",
            "a\\b",
            "a\0",
            "a b",
            "é",
            &"a".repeat(129),
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
