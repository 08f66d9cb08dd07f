//! The engine settings that the slabs rely on, in the one place that makes them.

use std::sync::Arc;

use wasmtime::Config;

use crate::{MemorySlab, StackSlab};

/// Bytes of every stack that compiled code leaves to the host's frames, which run on the same stack.
///
/// A guest that recurses is stopped when its own frames reach the rest. Host calls that hand their work to another
/// task need a few KiB; 128 KiB is what wasmtime's documentation asks for and costs nothing until it is touched.
pub const HOST_STACK_BYTES: usize = 128 << 10;

/// Makes `config` take memories and stacks from the slabs, with every setting that this depends on.
///
/// The rest of the configuration (epochs, optimisation, caches) is the caller's; it must not change these settings
/// afterwards. An engine made from `config` keeps both slabs alive.
pub fn configure(config: &mut Config, memory: Arc<MemorySlab>, stacks: Arc<StackSlab>) {
    // A stack and its bookkeeping per user, and nothing for tasks within a guest: 6 KB less, half the cost of a call.
    config.concurrency_support(false);
    config.gc_support(false); // else each store would take a second slot for its collected heap

    // No reservation and no guard, although a slot reserves plenty: with these the compiler checks each address
    // against the size the memory has. Told of a reservation, it would check against that (when the memory cannot
    // move) and leave the rest to inaccessible pages, which a slot does not have: a guest could then use its whole
    // slot whatever its limit, and the pages beyond its size would go to the next guest uncleared.
    config
        .memory_reservation(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false);
    // A memory may grow to the capacity of its slot, and its base can be kept in a register.
    config
        .memory_reservation_for_growth(0)
        .memory_may_move(false);
    // Copy-on-write images are mapped over a memory: impossible in a slot, and two to three mappings per user.
    config.memory_init_cow(false);

    config.async_stack_size(stacks.stack_bytes());
    config.max_wasm_stack(stacks.stack_bytes() - HOST_STACK_BYTES);
    config.with_host_memory(memory);
    config.with_host_stack(stacks);
}
