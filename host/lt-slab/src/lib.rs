//! Guest memories and stacks from two large mappings: no kernel mapping per user.
//!
//! wasmtime's own allocators ask the kernel for two to six mappings per guest, and Linux allows a process 65 530
//! (`vm.max_map_count`): they end at some 13 000 users. Here one mapping holds every guest memory and another every
//! guest stack; a user costs only the pages it touches and their page tables, and the number of mappings in the
//! process stays what it was with no user at all.
//!
//! * [`MemorySlab`] hands out linear memories, [`StackSlab`] the stacks on which guests and their host calls run.
//! * [`configure`] puts both into a [`wasmtime::Config`], together with the settings they depend on. Nobody else sets
//!   those: a slab under other settings would let a guest write past the end of its memory.
//! * [`guard_install_supported`] and [`reservation_possible`] let `lt-host doctor` say beforehand what this machine
//!   can do.
//!
//! What this does **not** give is an inaccessible gap between neighbouring memories: bounds are checked by compiled
//! code, so a bug in the compiler's checks could reach another guest's memory. That suits guests of one tenant; run
//! tenants that do not trust each other in processes of their own.
#![allow(
    unsafe_code,
    reason = "the one crate for it: mmap, madvise and wasmtime's unsafe creator traits"
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod bookkeeping;
#[cfg(not(miri))]
mod config;
mod error;
#[cfg(not(miri))]
mod memory;
#[cfg(not(miri))]
mod region;
#[cfg(not(miri))]
mod stack;

pub use crate::error::SlabError;
#[cfg(not(miri))]
pub use crate::{
    config::{HOST_STACK_BYTES, configure},
    memory::{MemorySlab, SLOT_BYTES_MAX},
    region::{GuardKind, guard_install_supported, reservation_possible},
    stack::{STACK_BYTES_MIN, StackSlab},
};
