//! The wasmtime engine of the process: settings measured, not guessed, with the reason beside each number.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lt_slab::{MemorySlab, StackSlab};
use lt_spec::limits::{EPOCH_TICK, USER_MEMORY_BYTES_MAX, USERS_MAX};
use wasmtime::{Config, OptLevel};

use crate::cache::CompileCache;
use crate::meter::Ticks;

/// Stack of one user: half for the guest, half for the host functions it calls. Virtual: two pages are touched.
const STACK_BYTES: usize = 256 << 10;
/// Stores beside the users: describe, init, terminate, and one being rebuilt on each core while the old one is dropped.
const SPARE_SLOTS: usize = 4096;
/// Frames in a trap's backtrace: enough to see where a scenario failed, cheap to collect.
const BACKTRACE_FRAMES_MAX: usize = 16;
/// Fewest users an engine is made for: if the address space does not even hold these, there is no point.
const USERS_MIN: usize = 1000;

/// What an engine is made for.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Most users at a time. Address space is reserved for them, no memory.
    pub users_max: u64,
    /// Most linear memory of one user.
    pub user_memory_bytes: usize,
    /// Where compiled components are kept; `None` compiles each time.
    pub cache_dir: Option<PathBuf>,
    /// Keep the compiler's defence against speculative reads out of bounds: for scenarios of other people. Costs up to
    /// twice the CPU in code that is heavy on memory.
    pub hardened: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            users_max: USERS_MAX,
            user_memory_bytes: USER_MEMORY_BYTES_MAX,
            cache_dir: None,
            hardened: false,
        }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The address space cannot be reserved.
    #[error(
        "cannot reserve address space for {users} users of {memory_bytes} bytes: {reason}; \
             lower --memory-limit, or allow overcommit (sysctl vm.overcommit_memory=1, ulimit -v unlimited)"
    )]
    AddressSpace {
        /// Users asked for.
        users: usize,
        /// Memory of each.
        memory_bytes: usize,
        /// The system's reason.
        reason: String,
    },
    /// wasmtime refused its settings.
    #[error("cannot start the WebAssembly engine: {0}")]
    Settings(String),
}

/// The process's engine. Cheap to clone; the epoch ticker ends with the last clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) ticks: Ticks,
    pub(crate) cache: Option<Arc<CompileCache>>,
    pub(crate) user_memory_bytes: usize,
}

impl Engine {
    /// Make an engine and start its epoch ticker.
    ///
    /// # Errors
    /// If the address space cannot be reserved even for a thousand users.
    pub fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        let users = usize::try_from(options.users_max).unwrap_or(usize::MAX);
        let (memory, stacks) = reserve(users, options.user_memory_bytes)?;
        let config = config(options, memory, stacks)
            .map_err(|error| EngineError::Settings(format!("{error:#}")))?;
        let engine = wasmtime::Engine::new(&config)
            .map_err(|error| EngineError::Settings(format!("{error:#}")))?;
        let ticks = Ticks::default();
        start_ticker(&engine, &ticks)?;
        let cache = options
            .cache_dir
            .as_ref()
            .map(|dir| Arc::new(CompileCache::new(dir, &engine)));
        Ok(Self {
            engine,
            ticks,
            cache,
            user_memory_bytes: options.user_memory_bytes,
        })
    }

    /// A length of time in whole ticks, at least one.
    pub(crate) fn ticks_of(time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / EPOCH_TICK.as_nanos())
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

/// Reserve the slabs, for fewer users if the system has not that much address space.
fn reserve(
    users: usize,
    memory_bytes: usize,
) -> Result<(Arc<MemorySlab>, Arc<StackSlab>), EngineError> {
    let mut slots = users.saturating_add(SPARE_SLOTS);
    loop {
        let slabs = MemorySlab::new(slots, memory_bytes)
            .and_then(|memory| Ok((memory, StackSlab::new(slots, STACK_BYTES)?)));
        match slabs {
            Ok(slabs) => return Ok(slabs),
            Err(_) if slots / 2 >= USERS_MIN => slots /= 2,
            Err(error) => {
                return Err(EngineError::AddressSpace {
                    users,
                    memory_bytes,
                    reason: error.to_string(),
                });
            }
        }
    }
}

fn config(
    options: &EngineOptions,
    memory: Arc<MemorySlab>,
    stacks: Arc<StackSlab>,
) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    // Memory and stacks from the slabs: no kernel mapping per user, so `vm.max_map_count` does not bound their number.
    lt_slab::configure(&mut config, memory, stacks);
    // Epochs cost a load and a compare per loop; fuel would cost twice that and counts instructions, not time.
    config.epoch_interruption(true).consume_fuel(false);
    if !options.hardened {
        without_spectre_guard(&mut config);
    }
    // Compiling must not take all cores from users that run: wasmtime is built without its parallel compilation.
    config.cranelift_opt_level(OptLevel::Speed);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX));
    Ok(config)
}

#[expect(
    unsafe_code,
    reason = "wasmtime marks every Cranelift flag unsafe; this one only drops a mitigation"
)]
fn without_spectre_guard(config: &mut Config) {
    // SAFETY: the flag changes no semantics: bounds are still checked. It drops the conditional move that keeps the
    // processor from *speculating* past a failed check, which makes memory-heavy code 2.3 times slower. The scenario is
    // the tester's own; `--hardened` keeps the guard for others'.
    unsafe {
        config.cranelift_flag_set("enable_heap_access_spectre_mitigation", "false");
    }
}

/// Tick the epoch every 10 ms from a thread of its own. It holds the engine weakly and ends with it.
fn start_ticker(engine: &wasmtime::Engine, ticks: &Ticks) -> Result<(), EngineError> {
    let (engine, ticks) = (engine.weak(), ticks.clone());
    std::thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(EPOCH_TICK);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                ticks.fetch_add(1, Ordering::Relaxed);
                engine.increment_epoch();
            }
        })
        .map(drop)
        .map_err(|error| EngineError::Settings(format!("no thread for the epoch ticker: {error}")))
}
