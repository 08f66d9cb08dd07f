//! From bytes to a scenario: look before compiling, refuse early and clearly, link once.

use std::sync::Arc;

use lt_spec::description::Description;
use wasmtime::component::{Component, Linker};

use crate::bindings::ScenarioPre;
use crate::cache::hex_sha256;
use crate::ctx::UserCtx;
use crate::engine::Engine;
use crate::inspect::{inspect, told};
use crate::{describe, interfaces, wasi};

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
    /// Imports that no scenario is granted.
    #[error(
        "imports what no scenario is granted: {imports} (remedy: reach the target through lt:scenario, as lt_sdk::http \
             does, and leave out what opens sockets or files of its own, such as std::net; of WASI 0.2 a scenario has \
             clocks, random numbers and output)"
    )]
    NotGranted {
        /// The imports, as the component names them.
        imports: String,
    },
    /// An import that is granted, but not in this form.
    #[error("cannot be linked: {0} (remedy: build it with the lt-sdk of this lt-host)")]
    Import(String),
    /// Larger than what is compiled.
    #[error(
        "too large to be compiled beside running tests: {what} is over {limit} (remedy: build with --release, and leave \
             out what the scenario does not use)"
    )]
    TooLarge {
        /// What there is too much of, and how much there is.
        what: String,
        /// The bound.
        limit: u64,
    },
    /// Damaged, or of an unsupported kind.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// `describe` failed.
    #[error(
        "its `describe` failed: {0} (remedy: describe must only build a value; it has no network and no user)"
    )]
    Describe(String),
    /// `describe` returned more than is taken in.
    #[error(
        "its `describe` tells too much: {what} is over {limit} (remedy: shorten it; what scenarios read much of belongs \
             into an asset or a feeder)"
    )]
    DescribesTooMuch {
        /// What there is too much of, and how much there is.
        what: String,
        /// The bound.
        limit: usize,
    },
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
        .map_err(|error| LoadError::Invalid(told(&format!("{error:#}"))))?;
        let description = describe::describe(self, &component)?;
        let linker =
            linker(&self.engine).map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(ScenarioPre::new)
            .map_err(|error| LoadError::Import(told(&format!("{error:#}"))))?;
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
