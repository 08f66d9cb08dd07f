//! What can go wrong with a slab, in words that name the remedy.

use std::io;

/// Why a slab could not be made, or could not give out a slot.
///
/// Making a slab fails at start-up, before any user exists. The other cases reach wasmtime, which fails that one
/// instantiation, call or growth with the text given here; no case takes the process down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlabError {
    /// The number of slots is zero or beyond what 32 bits can count.
    #[error("a slab needs between 1 and {max} slots, not {slots}", max = u32::MAX)]
    Slots {
        /// The number asked for.
        slots: usize,
    },
    /// The size of a slot is zero, too large, or not a whole number of the unit it is handed out in.
    #[error(
        "a {what} slot must be a multiple of {unit} bytes between {min} and {max}, not {bytes}"
    )]
    SlotBytes {
        /// `memory` or `stack`.
        what: &'static str,
        /// The size asked for.
        bytes: usize,
        /// The size must be a multiple of this.
        unit: usize,
        /// The smallest size allowed.
        min: usize,
        /// The largest size allowed.
        max: usize,
    },
    /// Slots times size does not fit the address space.
    #[error("{slots} slots of {slot_bytes} bytes do not fit the address space; lower one of them")]
    AddressSpace {
        /// The number of slots.
        slots: usize,
        /// Bytes from one slot to the next.
        slot_bytes: usize,
    },
    /// The kernel refused to reserve the addresses.
    #[error(
        "the kernel refused to reserve {bytes} bytes of addresses: {source}; lower the number of users or the memory \
         of each, lift `ulimit -v`, or set vm.overcommit_memory to 0 or 1"
    )]
    Reserve {
        /// The size of the mapping.
        bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused to make a stack's guard page inaccessible.
    #[error(
        "the kernel refused a stack's guard page: {source}; on a kernel before 6.13 each stack takes two mappings, \
         so raise vm.max_map_count"
    )]
    Guard {
        /// What the kernel said.
        source: io::Error,
    },
    /// Every slot is in use.
    #[error("all {slots} guest {what} slots are in use; make the slab larger or run fewer users")]
    Exhausted {
        /// `memory` or `stack`.
        what: &'static str,
        /// How many there are.
        slots: usize,
    },
    /// A memory or a stack was asked for, or asked to grow, beyond its slot.
    #[error("a guest {what} of {asked} bytes does not fit its slot of {slot_bytes} bytes")]
    BeyondSlot {
        /// `memory` or `stack`.
        what: &'static str,
        /// The size asked for.
        asked: usize,
        /// The size of the slot.
        slot_bytes: usize,
    },
    /// The engine's settings are not the ones [`configure`](crate::configure) makes.
    #[error("the engine relies on {what}, which a slab does not give; use lt_slab::configure")]
    Settings {
        /// What the engine would rely on.
        what: &'static str,
    },
}
