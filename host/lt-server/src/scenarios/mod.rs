//! Uploaded scenarios: their versions by name, and what is compiled of them.

mod about;
mod api;
mod compiler;
mod index;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lt_runtime::{Engine, LoadError, Scenario};
use lt_spec::limits::{DESCRIPTION_BYTES_MAX, SCENARIO_NAMES_MAX, SCENARIOS_LOADED_MAX};

pub(crate) use api::routes;
pub use view::{ScenarioBrief, ScenarioList, ScenarioView, VersionView};

use crate::blobs::{Blobs, Received};
use crate::body::Pieces;
use crate::data_dir::DataDir;
use crate::error::{ApiError, ApiResult};
use crate::json::IfMatch;
use about::About;
use compiler::Compiler;
use index::{Index, Stored};

/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;

/// The scenarios of this host. Cheap to clone.
#[derive(Clone)]
pub struct Scenarios(Arc<Store>);

struct Store {
    data: DataDir,
    dir: PathBuf,
    blobs: Blobs,
    compiler: Compiler,
    now_unix_ns: fn() -> i64,
    /// What is known; readers never wait for the disk.
    names: Mutex<BTreeMap<String, Arc<Index>>>,
    /// Held by whoever changes an index, while it waits for the disk.
    changing: Mutex<()>,
    /// Compiled versions by digest, the one used last in front.
    loaded: Mutex<VecDeque<Arc<Scenario>>>,
}

/// A stored version, compiled.
#[derive(Clone)]
pub struct Loaded {
    /// The name it is stored under.
    pub name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// `VERSION+DIGEST8`: what samples and snapshots are tagged with.
    pub label: String,
    /// The scenario.
    pub scenario: Arc<Scenario>,
}

/// The label of a version: `0.1.0+3f2a91bc`.
#[must_use]
pub fn label(version: &str, digest: &str) -> String {
    let short = digest.get(..8).unwrap_or(digest);
    format!("{version}+{short}")
}

impl Scenarios {
    /// Read what a data directory has. Versions whose bytes are gone, and indexes that cannot be read, are told and left out.
    ///
    /// # Errors
    /// If the directory cannot be read, or there is no thread for the compiler.
    pub fn open(
        data: &DataDir,
        blobs: &Blobs,
        engine: Engine,
        now_unix_ns: fn() -> i64,
    ) -> io::Result<Self> {
        let dir = data.dir("scenarios")?;
        let mut names = BTreeMap::new();
        for (name, index) in data.read_all::<Index>(&dir)? {
            let place = dir.join(format!("{name}.json"));
            let is_there = |version: &Stored| {
                let is_there = blobs.adopt(&version.digest, version.size_bytes);
                if !is_there {
                    tracing::warn!(
                        "version {} of scenario {name} has lost its bytes",
                        version.digest
                    );
                }
                is_there
            };
            match index.without_lost(is_there) {
                Some(index) if is_name(&name) => drop(names.insert(name, Arc::new(index))),
                _ => data.set_aside(&place, "it has no version that can be used"),
            }
        }
        Ok(Self(Arc::new(Store {
            data: data.clone(),
            dir,
            blobs: blobs.clone(),
            compiler: Compiler::start(engine)?,
            now_unix_ns,
            names: Mutex::new(names),
            changing: Mutex::new(()),
            loaded: Mutex::default(),
        })))
    }

    /// The version of this digest (or unique prefix of 8 digits and more), or the current one; compiled if it must be, on the
    /// compiler's thread.
    ///
    /// # Errors
    /// `not_found`, `too_many` if too many wait for the compiler, or `internal` if its bytes are damaged.
    pub async fn load(&self, name: &str, digest: Option<&str>) -> ApiResult<Loaded> {
        let store = &self.0;
        let index = store.index(name)?;
        let version = index.find(digest)?;
        let scenario = match store.loaded(&version.digest) {
            Some(scenario) => scenario,
            None => {
                let (blobs, digest) = (store.blobs.clone(), version.digest.clone());
                let compiled = store.compiler.compile(move || blobs.read(&digest)).await?;
                // It was one when it came: this program may have changed since.
                store.remember(compiled.map_err(refusal)?)
            }
        };
        Ok(Loaded {
            name: name.to_owned(),
            digest: version.digest.clone(),
            label: label(&version.version, &version.digest),
            scenario,
        })
    }

    /// All names, with their current versions.
    #[must_use]
    pub fn list(&self) -> ScenarioList {
        let names = self.0.lock_names();
        let briefs = names
            .iter()
            .filter_map(|(name, index)| view::brief(name, index));
        ScenarioList {
            scenarios: briefs.collect(),
        }
    }

    /// One name, and all its versions.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, name: &str) -> ApiResult<ScenarioView> {
        view::full(name, &*self.0.index(name)?)
    }

    /// Check, compile and keep what came; it becomes the current version. Tells whether the name is new.
    pub(crate) async fn put(
        &self,
        name: &str,
        received: Received,
        if_match: IfMatch,
    ) -> ApiResult<(bool, ScenarioView)> {
        check_name(name)?;
        let received = Arc::new(received);
        let scenario = match self.0.loaded(&received.digest) {
            Some(scenario) => scenario,
            None => {
                let bytes = received.clone();
                let compiled = self.0.compiler.compile(move || bytes.read()).await?;
                let compiled = compiled.map_err(refusal)?;
                check_described(&compiled)?;
                self.0.remember(compiled)
            }
        };
        let received = Arc::into_inner(received)
            .ok_or_else(|| ApiError::internal("an upload is read twice"))?;
        let name = name.to_owned();
        self.change(move |store| store.publish(&name, received, &scenario, &if_match))
            .await
    }

    /// Take the bytes of a component in; [`put`](Self::put) makes a version of them.
    pub(crate) async fn receive(
        &self,
        pieces: impl Pieces,
        announced: Option<u64>,
    ) -> ApiResult<Received> {
        self.0.blobs.receive(pieces, announced).await
    }

    /// Go back to another version.
    pub(crate) async fn roll_back(
        &self,
        name: String,
        digest: Option<String>,
        if_match: IfMatch,
    ) -> ApiResult<ScenarioView> {
        self.change(move |store| {
            let mut index = Index::clone(&*store.index(&name)?);
            if_match.check(&index.current)?;
            index.roll_back(digest.as_deref())?;
            store.keep(&name, index)
        })
        .await
    }

    /// Remove a version, or with `None` all of them. `is_used` says whether a run uses a digest.
    pub(crate) async fn remove(
        &self,
        name: String,
        digest: Option<String>,
        if_match: IfMatch,
        is_used: impl Fn(&str) -> bool + Send + 'static,
    ) -> ApiResult<()> {
        self.change(move |store| store.remove(&name, digest.as_deref(), &if_match, is_used))
            .await
    }

    /// The digest of a version, and where its bytes lie.
    pub(crate) fn bytes(&self, name: &str, digest: Option<&str>) -> ApiResult<(String, PathBuf)> {
        let index = self.0.index(name)?;
        let digest = index.find(digest)?.digest.clone();
        let path = self.0.blobs.path(&digest);
        Ok((digest, path))
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
    fn lock_names(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Index>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, name: &str) -> ApiResult<Arc<Index>> {
        let index = self.lock_names().get(name).cloned();
        index.ok_or_else(|| ApiError::not_found("scenario", name))
    }

    /// A version that was compiled lately.
    fn loaded(&self, digest: &str) -> Option<Arc<Scenario>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let place = loaded
            .iter()
            .position(|scenario| scenario.hash() == digest)?;
        let found = loaded.remove(place)?;
        loaded.push_front(found.clone());
        Some(found)
    }

    fn remember(&self, scenario: Scenario) -> Arc<Scenario> {
        let scenario = Arc::new(scenario);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|known| known.hash() != scenario.hash());
        loaded.push_front(scenario.clone());
        loaded.truncate(SCENARIOS_LOADED_MAX);
        scenario
    }

    fn publish(
        &self,
        name: &str,
        received: Received,
        scenario: &Scenario,
        if_match: &IfMatch,
    ) -> ApiResult<(bool, ScenarioView)> {
        let known = self.lock_names().get(name).cloned();
        match &known {
            Some(index) => if_match.check(&index.current)?,
            None if if_match.is_given() => return Err(ApiError::not_found("scenario", name)),
            None if self.lock_names().len() >= SCENARIO_NAMES_MAX => {
                let message =
                    format!("{SCENARIO_NAMES_MAX} scenarios are kept, which is the limit");
                return Err(
                    ApiError::capacity(message).remedy("delete scenarios that are not needed")
                );
            }
            None => {}
        }
        let version = Stored {
            digest: received.digest.clone(),
            version: scenario.description().version.clone(),
            size_bytes: received.size_bytes,
            uploaded_at: crate::uploads::rfc3339((self.now_unix_ns)()),
            about: About::of(scenario),
        };
        let (index, is_new_version) = match &known {
            Some(index) => {
                let mut index = Index::clone(index);
                let is_new = index.publish(version)?;
                (index, is_new)
            }
            None => (Index::new(version), true),
        };
        let digest = received.digest.clone();
        if is_new_version {
            self.blobs.keep(received).map_err(ApiError::internal)?;
        }
        match self.keep(name, index) {
            Ok(view) => Ok((known.is_none(), view)),
            Err(error) => {
                if is_new_version {
                    self.blobs.release(&digest);
                }
                Err(error)
            }
        }
    }

    /// Write an index, then know it.
    fn keep(&self, name: &str, index: Index) -> ApiResult<ScenarioView> {
        let view = view::full(name, &index)?;
        let known = self.lock_names().get(name).cloned();
        if known.as_deref() != Some(&index) {
            let place = self.place(name);
            self.data
                .write_json(&place, &index)
                .map_err(ApiError::internal)?;
            self.lock_names().insert(name.to_owned(), Arc::new(index));
        }
        Ok(view)
    }

    fn remove(
        &self,
        name: &str,
        digest: Option<&str>,
        if_match: &IfMatch,
        is_used: impl Fn(&str) -> bool,
    ) -> ApiResult<()> {
        let mut index = Index::clone(&*self.index(name)?);
        if_match.check(&index.current)?;
        let removed = match digest {
            Some(digest) => vec![index.remove(digest)?],
            None => std::mem::take(&mut index.versions),
        };
        if let Some(used) = removed.iter().find(|version| is_used(&version.digest)) {
            let message = format!("a run uses version {}", label(&used.version, &used.digest));
            return Err(ApiError::conflict(message).remedy("stop the run first"));
        }
        if index.versions.is_empty() {
            self.data
                .remove(&self.place(name))
                .map_err(ApiError::internal)?;
            self.lock_names().remove(name);
        } else {
            self.keep(name, index)?;
        }
        for version in removed {
            self.blobs.release(&version.digest);
        }
        Ok(())
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = name.bytes();
    name.len() <= NAME_BYTES_MAX
        && bytes.next().is_some_and(is_plain)
        && bytes.all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_'))
}

/// Refuse a name that is none.
///
/// # Errors
/// `invalid`.
pub(crate) fn check_name(name: &str) -> ApiResult<()> {
    if is_name(name) {
        return Ok(());
    }
    let message = format!(
        "is not 1 to {NAME_BYTES_MAX} small letters, digits, '-' and '_', of which the first is a letter or digit"
    );
    Err(ApiError::invalid_field(
        "name",
        name,
        message,
        "give a name like plenary-chat",
    ))
}

/// What is wrong with bytes that are no scenario, as a problem of the body.
fn refusal(error: LoadError) -> ApiError {
    let text = error.to_string();
    let (message, remedy) = text
        .split_once(" (remedy: ")
        .unwrap_or((&text, "build it again"));
    let remedy = remedy.strip_suffix(')').unwrap_or(remedy);
    ApiError::invalid_field("body", "", message, remedy)
}

/// What a scenario says of itself is kept and shown: refuse a book.
fn check_described(scenario: &Scenario) -> ApiResult<()> {
    let bytes = serde_json::to_vec(&About::of(scenario)).map_or(usize::MAX, |text| text.len());
    if bytes <= DESCRIPTION_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("its description has {bytes} bytes, and {DESCRIPTION_BYTES_MAX} are kept");
    Err(ApiError::invalid_field(
        "body",
        "",
        message,
        "shorten its documentation, or read long lists from a feeder",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for name in ["a", "0", "plenary-chat", "a_b", &"a".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "A",
            "-a",
            "_a",
            ".",
            "..",
            "a/b",
            "a.b",
            "a\0",
            "é",
            "a b",
            &"a".repeat(65),
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_refusal_tells_fault_and_remedy_apart() {
        let error = refusal(LoadError::NotWasm);
        let detail = error.detail();
        let [problem] = detail.problems.as_slice() else {
            panic!("{detail:?}");
        };
        assert!(problem.message.starts_with("not a WebAssembly component"));
        assert!(
            problem.remedy.starts_with("give the .wasm file") && problem.remedy.ends_with("prints")
        );
    }

    #[test]
    fn a_label_has_version_and_digest() {
        assert_eq!(label("0.1.0", "3f2a91bc00ff"), "0.1.0+3f2a91bc");
    }
}
