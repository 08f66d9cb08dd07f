//! Real guests on the slabs: what compiled code may and may not do, and what the process pays for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]

use std::sync::Arc;

use lt_slab::{GuardKind, HOST_STACK_BYTES, MemorySlab, STACK_BYTES_MIN, StackSlab, configure};
use wasmtime::{Config, Engine, Instance, Module, Store, Trap};

/// 32 WebAssembly pages: small enough to reach its end quickly.
const SLOT_BYTES: usize = 2 << 20;
const WASM_PAGE: usize = 64 << 10;

struct Host {
    engine: Engine,
    memory: Arc<MemorySlab>,
    stacks: Arc<StackSlab>,
}

fn host(slots: usize) -> Host {
    let memory = MemorySlab::new(slots, SLOT_BYTES).unwrap();
    let stacks = StackSlab::new(slots, STACK_BYTES_MIN).unwrap();
    let mut config = Config::new();
    configure(&mut config, Arc::clone(&memory), Arc::clone(&stacks));
    Host {
        engine: Engine::new(&config).unwrap(),
        memory,
        stacks,
    }
}

/// Two pages of memory, and a way to touch any byte of it.
fn toucher(engine: &Engine) -> Module {
    let text = r#"(module
        (memory (export "memory") 2)
        (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "load-far") (param i32) (result i64) (i64.load offset=65536 (local.get 0)))
        (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
        (func (export "fill") (param i32 i32 i32)
            (memory.fill (local.get 0) (local.get 1) (local.get 2)))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func $down (export "recurse") (param i32) (result i32)
            (i32.add (call $down (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    )"#;
    Module::new(engine, wat::parse_str(text).unwrap()).unwrap()
}

struct Guest {
    store: Store<()>,
    instance: Instance,
}

impl Guest {
    fn new(host: &Host, module: &Module) -> Self {
        Self::try_new(host, module).unwrap()
    }

    fn try_new(host: &Host, module: &Module) -> wasmtime::Result<Self> {
        let mut store = Store::new(&host.engine, ());
        let instance = Instance::new(&mut store, module, &[])?;
        Ok(Self { store, instance })
    }

    fn call<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        name: &str,
        params: P,
    ) -> wasmtime::Result<R> {
        let function = self
            .instance
            .get_typed_func::<P, R>(&mut self.store, name)?;
        function.call(&mut self.store, params)
    }

    /// The whole memory as the host sees it.
    fn bytes(&mut self) -> &[u8] {
        self.instance
            .get_memory(&mut self.store, "memory")
            .unwrap()
            .data(&self.store)
    }
}

fn trap<T: std::fmt::Debug>(result: wasmtime::Result<T>) -> Trap {
    *result.unwrap_err().downcast_ref::<Trap>().expect("a trap")
}

#[test]
fn a_reused_memory_is_zero_again() {
    let host = host(1);
    let module = toucher(&host.engine);
    for round in 0..3 {
        let mut guest = Guest::new(&host, &module);
        assert!(
            guest.bytes().iter().all(|&byte| byte == 0),
            "round {round} sees an earlier guest's data"
        );
        assert_eq!(guest.call::<_, i32>("grow", 6).unwrap(), 2);
        assert!(
            guest.bytes().iter().all(|&byte| byte == 0),
            "round {round} sees an earlier guest's data"
        );
        guest
            .call::<_, ()>("fill", (0, 0xab, 8 * WASM_PAGE as i32))
            .unwrap();
        assert!(guest.bytes().iter().all(|&byte| byte == 0xab));
    }
}

#[test]
fn a_memory_grows_to_its_slot_and_no_further() {
    let host = host(2);
    let module = toucher(&host.engine);
    let mut guest = Guest::new(&host, &module);
    let mut neighbour = Guest::new(&host, &module);
    let pages = (SLOT_BYTES / WASM_PAGE) as i32;
    assert_eq!(
        guest.call::<_, i32>("grow", pages - 2 + 1).unwrap(),
        -1,
        "one page too many"
    );
    assert_eq!(guest.call::<_, i32>("grow", pages - 2).unwrap(), 2);
    assert_eq!(
        guest.call::<_, i32>("grow", 1).unwrap(),
        -1,
        "the slot is full"
    );
    guest
        .call::<_, ()>("fill", (0, 0xff, SLOT_BYTES as i32))
        .unwrap();
    assert!(neighbour.bytes().iter().all(|&byte| byte == 0));
    assert_eq!(
        trap(guest.call::<_, i32>("load", SLOT_BYTES as i32)),
        Trap::MemoryOutOfBounds
    );
}

/// Everything beyond the size a memory has now traps, also where the slot would have room: a memory limit binds, and
/// no page stays dirty that is not cleared.
#[test]
fn an_access_beyond_the_size_traps_although_the_slot_goes_on() {
    let host = host(2);
    let module = toucher(&host.engine);
    let mut guest = Guest::new(&host, &module);
    let end = 2 * WASM_PAGE as i32;
    assert_eq!(guest.call::<_, i32>("load", end - 1).unwrap(), 0);
    for address in [
        end,
        end + 4096,
        SLOT_BYTES as i32 - 1,
        SLOT_BYTES as i32,
        i32::MAX,
        -1,
    ] {
        assert_eq!(
            trap(guest.call::<_, i32>("load", address)),
            Trap::MemoryOutOfBounds,
            "load {address}"
        );
        assert_eq!(
            trap(guest.call::<_, ()>("store", (address, 1))),
            Trap::MemoryOutOfBounds,
            "store {address}"
        );
        assert_eq!(
            trap(guest.call::<_, i64>("load-far", address)),
            Trap::MemoryOutOfBounds,
            "far {address}"
        );
    }
    assert_eq!(
        guest
            .call::<_, i64>("load-far", WASM_PAGE as i32 - 8)
            .unwrap(),
        0,
        "the last eight bytes"
    );
    assert_eq!(
        trap(guest.call::<_, i64>("load-far", WASM_PAGE as i32 - 7)),
        Trap::MemoryOutOfBounds
    );
    assert_eq!(
        trap(guest.call::<_, ()>("fill", (end - 1, 1, 2))),
        Trap::MemoryOutOfBounds
    );
}

#[test]
fn a_module_that_wants_more_than_a_slot_is_refused() {
    let host = host(1);
    let text = format!("(module (memory {}))", SLOT_BYTES / WASM_PAGE + 1);
    let module = Module::new(&host.engine, wat::parse_str(text).unwrap()).unwrap();
    let error = Guest::try_new(&host, &module).err().unwrap();
    assert!(
        format!("{error:#}").contains("does not fit its slot"),
        "{error:#}"
    );
    assert_eq!(host.memory.in_use(), 0);
}

#[test]
fn a_full_slab_says_so_and_serves_again_when_a_guest_goes() {
    let host = host(2);
    let module = toucher(&host.engine);
    let first = Guest::new(&host, &module);
    let _second = Guest::new(&host, &module);
    let error = Guest::try_new(&host, &module).err().unwrap();
    assert!(
        format!("{error:#}").contains("all 2 guest memory slots are in use"),
        "{error:#}"
    );
    drop(first);
    Guest::new(&host, &module);
    assert_eq!(host.memory.in_use(), 1);
}

type Change = fn(&mut Config);

/// An engine that would rely on inaccessible pages must not run on a slab that has none.
#[test]
fn an_engine_with_other_settings_is_refused() {
    let checks: [(&str, Change); 2] = [
        ("reservation", |config| {
            config.memory_reservation(SLOT_BYTES as u64);
        }),
        ("guard", |config| {
            config.memory_guard_size(1 << 16);
        }),
    ];
    for (word, change) in checks {
        let memory = MemorySlab::new(1, SLOT_BYTES).unwrap();
        let stacks = StackSlab::new(1, STACK_BYTES_MIN).unwrap();
        let mut config = Config::new();
        configure(&mut config, Arc::clone(&memory), Arc::clone(&stacks));
        change(&mut config);
        let host = Host {
            engine: Engine::new(&config).unwrap(),
            memory,
            stacks,
        };
        let error = Guest::try_new(&host, &toucher(&host.engine)).err().unwrap();
        assert!(format!("{error:#}").contains(word), "{error:#}");
    }
}

#[test]
fn sizes_that_make_no_sense_are_refused() {
    for bytes in [0, 1, WASM_PAGE - 1, WASM_PAGE + 4096, (4 << 30) + WASM_PAGE] {
        assert!(MemorySlab::new(1, bytes).is_err(), "{bytes}");
    }
    for bytes in [0, HOST_STACK_BYTES, STACK_BYTES_MIN + 1, 1 << 30] {
        assert!(StackSlab::new(1, bytes).is_err(), "{bytes}");
    }
    assert!(MemorySlab::new(0, SLOT_BYTES).is_err());
    let error = MemorySlab::new(100_000_000, 4 << 30).unwrap_err();
    assert!(error.to_string().contains("overcommit"), "{error}");
}

/// Runs `future` to its end; nothing in these tests ever waits.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the guest waits"),
    }
}

/// A guest that recurses without end is stopped on its own stack; others and the next one on that slot are well.
#[test]
fn endless_recursion_ends_only_its_own_guest() {
    for kind in [
        GuardKind::Mprotect,
        StackSlab::new(1, STACK_BYTES_MIN).unwrap().guard_kind(),
    ] {
        let memory = MemorySlab::new(2, SLOT_BYTES).unwrap();
        let stacks = StackSlab::with_guard_kind(2, STACK_BYTES_MIN, kind).unwrap();
        let mut config = Config::new();
        configure(&mut config, Arc::clone(&memory), Arc::clone(&stacks));
        let host = Host {
            engine: Engine::new(&config).unwrap(),
            memory,
            stacks,
        };
        let module = toucher(&host.engine);
        for _ in 0..3 {
            let mut guest = Guest::new(&host, &module);
            let recurse = guest
                .instance
                .get_typed_func::<i32, i32>(&mut guest.store, "recurse")
                .unwrap();
            assert_eq!(
                trap(run(recurse.call_async(&mut guest.store, 0))),
                Trap::StackOverflow
            );
            assert!(host.stacks.in_use() <= 1);
            let mut other = Guest::new(&host, &module);
            let load = other
                .instance
                .get_typed_func::<i32, i32>(&mut other.store, "load")
                .unwrap();
            assert_eq!(run(load.call_async(&mut other.store, 5)).unwrap(), 0);
        }
        assert_eq!(host.stacks.in_use(), 0);
    }
}

#[test]
fn a_second_stack_beyond_the_slab_is_an_error_of_that_call() {
    let memory = MemorySlab::new(2, SLOT_BYTES).unwrap();
    let stacks = StackSlab::new(1, STACK_BYTES_MIN).unwrap();
    let mut config = Config::new();
    configure(&mut config, Arc::clone(&memory), Arc::clone(&stacks));
    let host = Host {
        engine: Engine::new(&config).unwrap(),
        memory,
        stacks,
    };
    let module = toucher(&host.engine);
    let mut guests = [Guest::new(&host, &module), Guest::new(&host, &module)];
    let mut outcomes = guests.iter_mut().map(|guest| {
        let load = guest
            .instance
            .get_typed_func::<i32, i32>(&mut guest.store, "load")
            .unwrap();
        run(load.call_async(&mut guest.store, 5)).map_err(|error| format!("{error:#}"))
    });
    assert_eq!(outcomes.next().unwrap(), Ok(0));
    let refused = outcomes.next().unwrap().unwrap_err();
    assert!(
        refused.contains("all 1 guest stack slots are in use"),
        "{refused}"
    );
}
