//! Linear memories: the slots of one mapping.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use crate::SlabError;
use crate::bookkeeping::{FreeList, Layout, round_up};
use crate::region::{Region, page_bytes};

/// Bytes of a WebAssembly page: what guests grow by, hence the unit of a slot.
const WASM_PAGE_BYTES: usize = 64 << 10;

/// The largest slot: all that a 32-bit guest can address.
pub const SLOT_BYTES_MAX: usize = 4 << 30;

/// Bytes mapped by one page of page-table entries on x86-64 and on aarch64 with 4 KiB pages. Slots start on such a
/// boundary, so that a guest that touches only its first 2 MiB needs one such page and not two.
const PAGE_TABLE_SPAN_BYTES: usize = 2 << 20;

/// Linear memories for guests, all from one mapping.
///
/// Every slot reserves `slot_bytes` of addresses, the most its guest can ever have; only touched pages take memory.
/// Freed slots are emptied at once and handed out again last in, first out.
///
/// Page tables cost 4 KiB per guest whatever the size of a slot (from 2 MiB up): a Rust guest touches the pages
/// around its address 1 MiB, where its stack ends and its data and heap begin, and the memory of the next guest
/// starts a whole slot later. Sharing would need slots that overlap.
#[derive(Debug)]
pub struct MemorySlab {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    region: Region,
    /// Bytes from the start of the region to the first slot.
    first: usize,
    layout: Layout,
    slot_bytes: usize,
    page_bytes: usize,
    free: Mutex<FreeList>,
}

impl MemorySlab {
    /// Reserves `slots` slots of `slot_bytes` bytes, a multiple of 64 KiB up to [`SLOT_BYTES_MAX`].
    ///
    /// # Errors
    /// Sizes that make no sense, and a kernel that will not reserve that many addresses.
    pub fn new(slots: usize, slot_bytes: usize) -> Result<Arc<Self>, SlabError> {
        if slot_bytes == 0
            || slot_bytes > SLOT_BYTES_MAX
            || !slot_bytes.is_multiple_of(WASM_PAGE_BYTES)
        {
            return Err(SlabError::SlotBytes {
                what: "memory",
                bytes: slot_bytes,
                unit: WASM_PAGE_BYTES,
                min: WASM_PAGE_BYTES,
                max: SLOT_BYTES_MAX,
            });
        }
        let layout = Layout::new(slots, slot_bytes, PAGE_TABLE_SPAN_BYTES)?;
        let region = Region::reserve(layout.total)?;
        let first = region.base().as_ptr().align_offset(PAGE_TABLE_SPAN_BYTES);
        let free = Mutex::new(FreeList::new(layout.slots));
        let inner = Inner {
            region,
            first,
            layout,
            slot_bytes,
            page_bytes: page_bytes(),
            free,
        };
        Ok(Arc::new(Self {
            inner: Arc::new(inner),
        }))
    }

    /// How many memories there can be at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.inner.layout.slots as usize
    }

    /// The most bytes a memory can have.
    #[must_use]
    pub fn slot_bytes(&self) -> usize {
        self.inner.slot_bytes
    }

    /// How many memories there are now.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.inner
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .in_use()
    }
}

impl Inner {
    /// Takes a slot and hands it out as a memory of `bytes` bytes.
    fn take(self: &Arc<Self>, bytes: usize) -> Result<MemorySlot, SlabError> {
        self.check(bytes)?;
        let taken = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let index = taken
            .ok_or(SlabError::Exhausted {
                what: "memory",
                slots: self.layout.slots as usize,
            })?
            .index;
        // SAFETY: `first` is below the slack of the layout and `offset` below the rest of it, so the sum lies within
        // the region.
        let base = unsafe {
            self.region
                .base()
                .add(self.first + self.layout.offset(index))
        };
        Ok(MemorySlot {
            slab: Arc::clone(self),
            index,
            base,
            bytes,
        })
    }

    /// Refuses a size that no slot holds.
    fn check(&self, bytes: usize) -> Result<(), SlabError> {
        if bytes <= self.slot_bytes {
            return Ok(());
        }
        Err(SlabError::BeyondSlot {
            what: "memory",
            asked: bytes,
            slot_bytes: self.slot_bytes,
        })
    }
}

// SAFETY: the contract is: page-aligned memory, zero-filled, reserved to the size asked for, with `guard_size` bytes
// inaccessible after it. Slots start on page boundaries of a fresh mapping and are cleared before they are handed out
// again; a reservation or a guard that the slab does not give is refused here.
unsafe impl MemoryCreator for MemorySlab {
    fn new_memory(
        &self,
        ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        // Code compiled for a reservation checks an address against the reservation, not against the size the memory
        // has, and leaves the rest to inaccessible pages. A slot has none.
        let relied_on = if reserved_size_in_bytes.unwrap_or(0) > 0 {
            Some("a reservation whose unused part is inaccessible")
        } else if guard_size_in_bytes > 0 {
            Some("a guard region after each memory")
        } else if ty.is_shared() {
            Some("memory shared between threads")
        } else {
            None
        };
        if let Some(what) = relied_on {
            return Err(SlabError::Settings { what }.to_string());
        }
        let slot = self
            .inner
            .take(minimum)
            .map_err(|error| error.to_string())?;
        Ok(Box::new(slot))
    }
}

/// One guest's memory; the slot goes back to the slab when it is dropped.
#[derive(Debug)]
struct MemorySlot {
    slab: Arc<Inner>,
    index: u32,
    base: NonNull<u8>,
    /// How much the guest may use now. Nothing beyond it has ever been written: compiled code and the host check
    /// every access against it, so this much is what must be cleared in the end.
    bytes: usize,
}

// SAFETY: the slot owns its addresses until it is dropped; it holds no reference into them and `&self` reads only
// numbers.
unsafe impl Send for MemorySlot {}
// SAFETY: as for `Send`.
unsafe impl Sync for MemorySlot {}

// SAFETY: the base never moves, `byte_size` bytes from it are readable and writable, and so are all `byte_capacity`
// bytes, which lie in this slot alone.
unsafe impl LinearMemory for MemorySlot {
    fn byte_size(&self) -> usize {
        self.bytes
    }

    fn byte_capacity(&self) -> usize {
        self.slab.slot_bytes
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        self.slab.check(new_size)?;
        self.bytes = self.bytes.max(new_size);
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }
}

impl Drop for MemorySlot {
    fn drop(&mut self) {
        // The page size is a power of two and a slot a multiple of it, so this neither wraps nor leaves the slot.
        let touched = round_up(self.bytes, self.slab.page_bytes).unwrap_or(self.slab.slot_bytes);
        if touched > 0 {
            // SAFETY: the range is this slot's; its guest is gone, since wasmtime drops a memory last.
            unsafe { self.slab.region.clear(self.base, touched) };
        }
        // Only now: from here on another thread may have the slot.
        self.slab
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .give_back(self.index, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT_BYTES: usize = 4 << 20;

    fn slab(slots: usize) -> Arc<MemorySlab> {
        MemorySlab::new(slots, SLOT_BYTES).unwrap()
    }

    /// Writes to the last byte of each of `slot`'s first `pages` pages, and wants it to have been zero.
    fn touch(slot: &MemorySlot, pages: usize) {
        for page in 0..pages {
            // SAFETY: the slot is held by the caller and the address lies in it.
            unsafe {
                let at = slot.as_ptr().add(page * 4096 + 4095);
                assert_eq!(at.read(), 0, "page {page} was not cleared");
                at.write(1);
            }
        }
    }

    #[test]
    fn slots_are_aligned_and_apart() {
        let slab = slab(3);
        let slots: Vec<_> = (0..3).map(|_| slab.inner.take(0).unwrap()).collect();
        for pair in slots.windows(2) {
            assert_eq!(pair[0].as_ptr() as usize % PAGE_TABLE_SPAN_BYTES, 0);
            assert_eq!(
                pair[1].as_ptr() as usize - pair[0].as_ptr() as usize,
                SLOT_BYTES
            );
        }
        let last = &slots[2];
        touch(last, SLOT_BYTES / 4096);
        assert!(matches!(
            slab.inner.take(0),
            Err(SlabError::Exhausted { slots: 3, .. })
        ));
    }

    #[test]
    fn growing_beyond_the_slot_fails_and_changes_nothing() {
        let mut slot = slab(1).inner.take(65536).unwrap();
        slot.grow_to(SLOT_BYTES).unwrap();
        let base = slot.as_ptr();
        assert!(slot.grow_to(SLOT_BYTES + 65536).is_err());
        assert_eq!(
            (slot.byte_size(), slot.byte_capacity(), slot.as_ptr()),
            (SLOT_BYTES, SLOT_BYTES, base)
        );
    }

    /// A size that is not whole pages (custom page sizes) is cleared to the end of its last page.
    #[test]
    fn a_part_of_a_page_is_cleared_too() {
        let slab = slab(1);
        touch(&slab.inner.take(4097).unwrap(), 2);
        touch(&slab.inner.take(4097).unwrap(), 2);
    }

    /// Resident bytes of this process.
    fn resident_bytes() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * page_bytes()
    }

    #[test]
    fn a_hundred_thousand_memories_leave_nothing_behind() {
        /// What else the process may do meanwhile. A leak of one page in a hundred cycles would be 4 MiB, of each
        /// page touched 1.2 GiB.
        const SLACK_BYTES: usize = 32 << 20;
        let slab = slab(64);
        let before = resident_bytes();
        let mut held = Vec::new();
        for cycle in 0..100_000 {
            let mut slot = slab.inner.take(17 * WASM_PAGE_BYTES).unwrap();
            slot.grow_to((17 + cycle % 8) * WASM_PAGE_BYTES).unwrap();
            touch(&slot, 3);
            held.push(slot);
            if held.len() == 64 {
                held.drain(cycle % 64..);
            }
        }
        drop(held);
        assert_eq!(slab.in_use(), 0);
        let after = resident_bytes();
        assert!(
            after < before + SLACK_BYTES,
            "{before} bytes before, {after} after"
        );
    }

    #[test]
    fn threads_never_share_a_memory() {
        let slab = slab(6);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        // Two each: eight wanted, six there.
                        let pair = [slab.inner.take(3 * 4096), slab.inner.take(3 * 4096)];
                        pair.iter().flatten().for_each(|slot| touch(slot, 3));
                    }
                });
            }
        });
        assert_eq!(slab.in_use(), 0);
    }
}
