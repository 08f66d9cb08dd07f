//! Compiled components on disk, by content: a second start of the same scenario takes a millisecond instead of a hundred.
//!
//! A key is the hash of the component, of the engine's settings and of this build; a file that wasmtime finds unfit is
//! compiled anew. Files are only ever written by this program, into a directory that only its user may enter.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

/// A directory of compiled components.
pub(crate) struct CompileCache {
    dir: PathBuf,
    settings: u64,
}

impl CompileCache {
    pub(crate) fn new(dir: &Path, engine: &wasmtime::Engine) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        Self {
            dir: dir.to_owned(),
            settings: hasher.finish(),
        }
    }

    /// The compiled component, from the cache if it is there. A cache that cannot be used costs time, never the run.
    pub(crate) fn load(
        &self,
        engine: &wasmtime::Engine,
        wasm: &[u8],
    ) -> wasmtime::Result<Component> {
        let path = self
            .dir
            .join(format!("{}-{:016x}.cwasm", hex_sha256(wasm), self.settings));
        if let Some(component) = self.read(engine, &path) {
            return Ok(component);
        }
        let compiled = engine.precompile_component(wasm)?;
        if let Err(error) = self.write(&path, &compiled) {
            tracing::debug!("compile cache {}: {error}", self.dir.display());
        }
        deserialize_own(engine, &compiled)
    }

    fn read(&self, engine: &wasmtime::Engine, path: &Path) -> Option<Component> {
        if !private_to_us(&self.dir) || !path.exists() {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(64)?)?;
        // A torn or damaged file must not be executed.
        (hex_sha256(content).as_bytes() == sum).then_some(())?;
        deserialize_own(engine, content)
            .inspect_err(|error| tracing::debug!("compile cache {}: {error:#}", path.display()))
            .ok()
    }

    fn write(&self, path: &Path, compiled: &[u8]) -> std::io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        if !private_to_us(&self.dir) {
            return Err(std::io::Error::other(
                "the directory is open to others (remedy: chmod 700)",
            ));
        }
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file = fs::File::create(&temporary)?;
        file.write_all(compiled)?;
        file.write_all(hex_sha256(compiled).as_bytes())?;
        fs::rename(&temporary, path)
    }
}

/// Whether a directory belongs to us and no one else may write into it.
fn private_to_us(dir: &Path) -> bool {
    let ours = |meta: fs::Metadata| {
        meta.uid() == rustix::process::geteuid().as_raw() && meta.permissions().mode() & 0o022 == 0
    };
    fs::metadata(dir).is_ok_and(ours)
}

/// SHA-256 in hexadecimal: 64 characters.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

#[expect(
    unsafe_code,
    reason = "wasmtime trusts compiled code; this code is our own"
)]
fn deserialize_own(engine: &wasmtime::Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes come from `precompile_component` of this program: directly, or through a file in a directory that
    // only our user may write to, whose checksum was verified. wasmtime itself checks version and settings.
    unsafe { Component::deserialize(engine, compiled) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_standard_one() {
        assert_eq!(
            hex_sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_damaged_file_is_compiled_anew() {
        let dir = std::env::temp_dir().join(format!("lt-cache-test-{}", std::process::id()));
        let engine = wasmtime::Engine::default();
        let cache = CompileCache::new(&dir, &engine);
        let wasm = b"\0asm\x0d\0\x01\0"; // the empty component
        cache.load(&engine, wasm).unwrap();
        let file = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
        assert!(cache.read(&engine, &file).is_some());
        let mut bytes = fs::read(&file).unwrap();
        bytes[100] ^= 1;
        fs::write(&file, bytes).unwrap();
        assert!(cache.read(&engine, &file).is_none());
        cache.load(&engine, wasm).unwrap();
        assert!(cache.read(&engine, &file).is_some());
        fs::remove_dir_all(&dir).unwrap();
    }
}
