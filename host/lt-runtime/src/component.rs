//! From bytes to a scenario: look before compiling, refuse early and clearly, link once.

use std::sync::Arc;

use lt_spec::description::Description;
use wasmparser::{Encoding, Parser, Payload};
use wasmtime::component::{Component, Linker};

use crate::bindings::ScenarioPre;
use crate::cache::hex_sha256;
use crate::ctx::UserCtx;
use crate::engine::Engine;
use crate::{describe, interfaces, wasi};

/// The contract's package.
pub(crate) const PACKAGE: &str = "lt:scenario/";
/// The contract's version, as major, minor, patch. A component for a later minor version (while major is 0) is refused.
const CONTRACT: (u64, u64, u64) = (0, 1, 0);
/// What a scenario must export.
const EXPORTS: [&str; 6] = ["describe", "init", "join", "iterate", "leave", "terminate"];

/// Why bytes are not a scenario that runs here. Texts name the fault and the remedy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LoadError {
    /// Not WebAssembly at all.
    #[error(
        "not a WebAssembly component: the file does not begin with the magic bytes \\0asm \
             (remedy: give the .wasm file that `cargo component build --release` prints)"
    )]
    NotWasm,
    /// A core module.
    #[error(
        "a core WebAssembly module, not a component \
             (remedy: build with `cargo component build --release` or for the target wasm32-wasip2)"
    )]
    CoreModule,
    /// A component for a newer contract.
    #[error(
        "made for version {found} of the contract lt:scenario; this lt-host speaks {supported} \
             (remedy: a newer lt-host, or build with an lt-sdk of version {supported})"
    )]
    NewerContract {
        /// The component's version.
        found: String,
        /// Ours.
        supported: String,
    },
    /// A component of another world.
    #[error(
        "a component of another world: it does not export {missing} of lt:scenario \
             (remedy: use #[lt_sdk::scenario] on an `impl Scenario`)"
    )]
    OtherWorld {
        /// The exports it lacks.
        missing: String,
    },
    /// An import that the contract does not have.
    #[error("cannot be linked: {0} (remedy: a scenario may import only lt:scenario and WASI 0.2)")]
    Import(String),
    /// Damaged, or of an unsupported kind.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// `describe` failed.
    #[error(
        "its `describe` failed: {0} (remedy: describe must only build a value; it has no network and no user)"
    )]
    Describe(String),
}

/// A compiled, linked and described scenario. Cheap to clone.
#[derive(Clone)]
pub struct Scenario {
    pub(crate) engine: Engine,
    pub(crate) pre: ScenarioPre<UserCtx>,
    /// Whether its users speak to the target: then each has an I/O task, whose cookies both interfaces share.
    pub(crate) uses_network: bool,
    pub(crate) uses_coordination: bool,
    description: Arc<Description>,
    hash: Arc<str>,
    imports: Arc<[String]>,
}

impl Engine {
    /// Load a scenario: check, compile (or take from the cache), link, and ask it to describe itself.
    ///
    /// # Errors
    /// If the bytes are not a scenario that runs here.
    pub fn load(&self, wasm: &[u8]) -> Result<Scenario, LoadError> {
        let imports = inspect(wasm)?;
        let component = match &self.cache {
            Some(cache) => cache.load(&self.engine, wasm),
            None => Component::new(&self.engine, wasm),
        }
        .map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        let description = describe::describe(self, &component)?;
        let linker =
            linker(&self.engine).map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(ScenarioPre::new)
            .map_err(|error| LoadError::Import(format!("{error:#}")))?;
        let uses = |interface: &str| imports.iter().any(|name| name.starts_with(interface));
        Ok(Scenario {
            engine: self.clone(),
            pre,
            uses_network: ["http", "websocket", "xmpp", "rtmp"]
                .iter()
                .any(|name| uses(&format!("lt:scenario/{name}@"))),
            uses_coordination: uses("lt:scenario/coordination@"),
            description: Arc::new(description),
            hash: hex_sha256(wasm).into(),
            imports: imports.into(),
        })
    }
}

impl Scenario {
    /// What it says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Whether it reads files of the run or the store.
    #[must_use]
    pub fn uses_data(&self) -> bool {
        self.uses("lt:scenario/data@")
    }

    /// Whether its users may open XMPP sessions.
    #[must_use]
    pub fn uses_xmpp(&self) -> bool {
        self.uses("lt:scenario/xmpp@")
    }

    /// Whether its users may publish or play streams.
    #[must_use]
    pub fn uses_rtmp(&self) -> bool {
        self.uses("lt:scenario/rtmp@")
    }

    fn uses(&self, interface: &str) -> bool {
        let mut imports = self.imports.iter();
        imports.any(|name| name.starts_with(interface))
    }

    /// SHA-256 of its bytes, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Names of the interfaces it imports.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }
}

/// A linker with the whole contract and a WASI that denies everything.
fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<UserCtx>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    interfaces::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Look at a component without compiling it: is it one, for which contract, with which exports? Returns its imports.
fn inspect(wasm: &[u8]) -> Result<Vec<String>, LoadError> {
    if !wasm.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    let invalid = |error: wasmparser::BinaryReaderError| LoadError::Invalid(error.to_string());
    let mut imports = Vec::new();
    let mut exports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(invalid)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(LoadError::CoreModule);
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    check_version(&imports)?;
    let missing: Vec<_> = EXPORTS
        .into_iter()
        .filter(|name| !exports.iter().any(|export| export == name))
        .collect();
    if missing.is_empty() {
        Ok(imports)
    } else {
        Err(LoadError::OtherWorld {
            missing: missing.join(", "),
        })
    }
}

/// Refuse a component that imports a later contract than ours.
fn check_version(imports: &[String]) -> Result<(), LoadError> {
    let versions = imports
        .iter()
        .filter(|name| name.starts_with(PACKAGE))
        .filter_map(|name| name.split_once('@').map(|(_, version)| version));
    for version in versions {
        let mut parts = version
            .split(['.', '-', '+'])
            .map(|part| part.parse::<u64>().unwrap_or(0));
        let mut part = || parts.next().unwrap_or(0);
        let found = (part(), part(), part());
        // Within 0.x, and later within one major, a later patch may import what we do not have: refuse it as well.
        if found > CONTRACT {
            let (major, minor, patch) = CONTRACT;
            return Err(LoadError::NewerContract {
                found: version.to_owned(),
                supported: format!("{major}.{minor}.{patch}"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_scenario_is_named() {
        assert_eq!(inspect(b"# a text file").unwrap_err(), LoadError::NotWasm);
        assert_eq!(inspect(b"").unwrap_err(), LoadError::NotWasm);
        assert_eq!(
            inspect(b"\0asm\x01\0\0\0").unwrap_err(),
            LoadError::CoreModule
        );
        let LoadError::OtherWorld { missing } = inspect(b"\0asm\x0d\0\x01\0").unwrap_err() else {
            panic!("the empty component exports nothing");
        };
        assert!(missing.contains("iterate"), "{missing}");
        assert!(matches!(
            inspect(b"\0asm\x0d\0\x01\0\xff\xff").unwrap_err(),
            LoadError::Invalid(_)
        ));
    }

    #[test]
    fn a_newer_contract_is_refused_and_an_equal_or_older_one_is_not() {
        let check = |name: &str| check_version(&[name.to_owned()]);
        assert!(check("lt:scenario/types@0.1.0").is_ok());
        assert!(check("lt:scenario/types@0.0.9").is_ok());
        assert!(check("wasi:io/poll@0.2.6").is_ok());
        for newer in ["0.1.1", "0.2.0", "1.0.0", "0.2.0-rc.1"] {
            let found = check(&format!("lt:scenario/types@{newer}")).unwrap_err();
            assert!(matches!(found, LoadError::NewerContract { .. }), "{newer}");
        }
    }
}
