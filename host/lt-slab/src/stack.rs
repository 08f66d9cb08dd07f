//! Stacks: the slots of one mapping, each with an inaccessible page below it.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{StackCreator, StackMemory};

use crate::bookkeeping::{FreeList, Layout};
use crate::region::{GuardKind, Region, guard_install_supported, page_bytes};
use crate::{HOST_STACK_BYTES, SlabError};

/// The smallest stack: as much for the guest as [`HOST_STACK_BYTES`] keeps for the host's own frames.
pub const STACK_BYTES_MIN: usize = 2 * HOST_STACK_BYTES;

/// The largest stack. Only touched pages cost, but a guest that recurses without end touches them all before it
/// ends: 8 MiB is what Linux gives a whole process.
const STACK_BYTES_MAX: usize = 8 << 20;

/// Stacks for guests and for the host calls they make, all from one mapping.
///
/// A stack grows down; the page below it is inaccessible, so that host code that overflows it ends the process
/// instead of writing into the neighbour. (A guest that overflows is stopped earlier, by compiled checks, and only
/// that guest ends.) Slots lie side by side, so that eight stacks of 256 KiB share one page of page tables.
#[derive(Debug)]
pub struct StackSlab {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    region: Region,
    layout: Layout,
    stack_bytes: usize,
    guard_bytes: usize,
    guard_kind: GuardKind,
    free: Mutex<FreeList>,
}

impl StackSlab {
    /// Reserves `slots` stacks of `stack_bytes` bytes each, a multiple of the page size from [`STACK_BYTES_MIN`] on,
    /// guard pages not counted.
    ///
    /// # Errors
    /// Sizes that make no sense, and a kernel that will not reserve that many addresses.
    pub fn new(slots: usize, stack_bytes: usize) -> Result<Arc<Self>, SlabError> {
        let kind = if guard_install_supported() {
            GuardKind::Madvise
        } else {
            GuardKind::Mprotect
        };
        Self::with_guard_kind(slots, stack_bytes, kind)
    }

    /// As [`StackSlab::new`], with guard pages made the way the caller says: [`GuardKind::Mprotect`] also serves
    /// where another tool forbids the newer call, and lets a test see both on one kernel.
    ///
    /// # Errors
    /// As [`StackSlab::new`]. A kind the kernel does not know shows when the first stack is taken.
    pub fn with_guard_kind(
        slots: usize,
        stack_bytes: usize,
        kind: GuardKind,
    ) -> Result<Arc<Self>, SlabError> {
        let page = page_bytes();
        if !(STACK_BYTES_MIN..=STACK_BYTES_MAX).contains(&stack_bytes)
            || !stack_bytes.is_multiple_of(page)
        {
            return Err(SlabError::SlotBytes {
                what: "stack",
                bytes: stack_bytes,
                unit: page,
                min: STACK_BYTES_MIN,
                max: STACK_BYTES_MAX,
            });
        }
        let layout = Layout::new(slots, stack_bytes + page, 0)?;
        let region = Region::reserve(layout.total)?;
        let free = Mutex::new(FreeList::new(layout.slots));
        let inner = Inner {
            region,
            layout,
            stack_bytes,
            guard_bytes: page,
            guard_kind: kind,
            free,
        };
        Ok(Arc::new(Self {
            inner: Arc::new(inner),
        }))
    }

    /// How many stacks there can be at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.inner.layout.slots as usize
    }

    /// Bytes of each stack, its guard page not counted.
    #[must_use]
    pub fn stack_bytes(&self) -> usize {
        self.inner.stack_bytes
    }

    /// How many stacks there are now. wasmtime keeps a store's stack until the store is dropped.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.inner
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .in_use()
    }

    /// How guard pages are made here; under [`GuardKind::Mprotect`] every stack takes two of `vm.max_map_count`.
    #[must_use]
    pub fn guard_kind(&self) -> GuardKind {
        self.inner.guard_kind
    }
}

impl Inner {
    /// Takes a slot, and guards it if nobody has had it before.
    fn take(self: &Arc<Self>, bytes: usize) -> Result<StackSlot, SlabError> {
        if bytes > self.stack_bytes {
            return Err(SlabError::BeyondSlot {
                what: "stack",
                asked: bytes,
                slot_bytes: self.stack_bytes,
            });
        }
        let taken = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let taken = taken.ok_or(SlabError::Exhausted {
            what: "stack",
            slots: self.layout.slots as usize,
        })?;
        // SAFETY: the offset of a slot lies within the region.
        let guard = unsafe { self.region.base().add(self.layout.offset(taken.index)) };
        if taken.fresh {
            // SAFETY: the slot was taken just now and nobody has its addresses yet.
            let guarded = unsafe { self.region.guard(guard, self.guard_bytes, self.guard_kind) };
            if let Err(source) = guarded {
                self.give_back(taken.index, false);
                return Err(SlabError::Guard { source });
            }
        }
        // SAFETY: the guard page is followed by the stack, both within the slot.
        let base = unsafe { guard.add(self.guard_bytes) };
        Ok(StackSlot {
            slab: Arc::clone(self),
            index: taken.index,
            base,
        })
    }

    fn give_back(&self, index: u32, guarded: bool) {
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .give_back(index, guarded);
    }
}

// SAFETY: the contract is: page-aligned, zero-filled, at least `size` bytes, with an inaccessible page below. Slots
// are whole pages of a fresh mapping, guarded before their first use and cleared after each; a larger size is refused.
unsafe impl StackCreator for StackSlab {
    /// The stack is zero-filled whether `zeroed` or not: its pages go back to the kernel after each use.
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        Ok(Box::new(self.inner.take(size)?))
    }
}

/// One guest's stack; the slot goes back to the slab when it is dropped.
#[derive(Debug)]
struct StackSlot {
    slab: Arc<Inner>,
    index: u32,
    /// The lowest address; the guard page ends here.
    base: NonNull<u8>,
}

// SAFETY: the slot owns its addresses until it is dropped; it holds no reference into them and `&self` computes only
// addresses.
unsafe impl Send for StackSlot {}
// SAFETY: as for `Send`.
unsafe impl Sync for StackSlot {}

// SAFETY: `range` is readable and writable and ends at `top`, which is page-aligned; `guard_range` lies right below
// it and is inaccessible. All of it is this slot's alone.
unsafe impl StackMemory for StackSlot {
    fn top(&self) -> *mut u8 {
        self.base.as_ptr().wrapping_add(self.slab.stack_bytes)
    }

    fn range(&self) -> Range<usize> {
        let base = self.base.as_ptr() as usize;
        base..base + self.slab.stack_bytes
    }

    fn guard_range(&self) -> Range<*mut u8> {
        self.base.as_ptr().wrapping_sub(self.slab.guard_bytes)..self.base.as_ptr()
    }
}

impl Drop for StackSlot {
    fn drop(&mut self) {
        // SAFETY: the range is this slot's, without its guard; wasmtime drops a stack when nothing runs on it.
        unsafe { self.slab.region.clear(self.base, self.slab.stack_bytes) };
        // Only now: from here on another thread may have the slot.
        self.slab.give_back(self.index, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks the kernel to read one byte; an inaccessible address is an error and not a signal.
    fn readable(at: *mut u8) -> bool {
        let mut byte = 0_u8;
        let local = libc::iovec {
            iov_base: (&raw mut byte).cast(),
            iov_len: 1,
        };
        let remote = libc::iovec {
            iov_base: at.cast(),
            iov_len: 1,
        };
        // SAFETY: `local` is one byte of this frame; `remote` is checked by the kernel.
        let read = unsafe {
            libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
        };
        if read == -1 {
            assert_eq!(
                std::io::Error::last_os_error().raw_os_error(),
                Some(libc::EFAULT)
            );
        }
        read == 1
    }

    fn kinds() -> Vec<GuardKind> {
        let best = StackSlab::new(1, STACK_BYTES_MIN).unwrap().guard_kind();
        if best == GuardKind::Mprotect {
            vec![best]
        } else {
            vec![best, GuardKind::Mprotect]
        }
    }

    fn fill(slot: &StackSlot, byte: u8) {
        // SAFETY: the slot is held by the caller and the range is all of it.
        unsafe { slot.base.as_ptr().write_bytes(byte, slot.slab.stack_bytes) };
    }

    #[test]
    fn the_page_below_a_stack_is_inaccessible_also_when_it_is_reused() {
        for kind in kinds() {
            let slab = StackSlab::with_guard_kind(3, STACK_BYTES_MIN, kind).unwrap();
            for round in 0..3 {
                let stacks: Vec<_> = (0..3)
                    .map(|_| slab.inner.take(STACK_BYTES_MIN).unwrap())
                    .collect();
                for stack in &stacks {
                    let guard = stack.guard_range();
                    assert_eq!(guard.end as usize, stack.range().start);
                    assert_eq!(stack.top() as usize, stack.range().end);
                    assert!(!readable(guard.start), "{kind:?}, round {round}");
                    assert!(
                        !readable(guard.end.wrapping_sub(1)),
                        "{kind:?}, round {round}"
                    );
                    assert!(readable(guard.end), "{kind:?}, round {round}");
                    assert!(
                        readable(stack.top().wrapping_sub(1)),
                        "{kind:?}, round {round}"
                    );
                    fill(stack, 0xee);
                }
            }
        }
    }

    #[test]
    fn a_reused_stack_is_zero_again() {
        let slab = StackSlab::new(1, STACK_BYTES_MIN).unwrap();
        for _ in 0..2 {
            let stack = slab.inner.take(STACK_BYTES_MIN).unwrap();
            // SAFETY: the slot is held here and nobody writes to it while the slice lives.
            let bytes = unsafe { std::slice::from_raw_parts(stack.base.as_ptr(), STACK_BYTES_MIN) };
            assert!(bytes.iter().all(|&byte| byte == 0));
            fill(&stack, 0xee);
        }
    }

    /// Mappings of this process.
    fn mappings() -> usize {
        std::fs::read_to_string("/proc/self/maps")
            .unwrap()
            .lines()
            .count()
    }

    /// The reason for this crate, and the price of the fallback.
    #[test]
    fn guards_cost_no_mapping_unless_the_kernel_is_old() {
        const STACKS: usize = 2_000;
        /// What other tests may map meanwhile.
        const SLACK: usize = 500;
        for kind in kinds() {
            let slab = StackSlab::with_guard_kind(STACKS, STACK_BYTES_MIN, kind).unwrap();
            let before = mappings();
            let held: Vec<_> = (0..STACKS)
                .map(|_| slab.inner.take(STACK_BYTES_MIN).unwrap())
                .collect();
            let grown = mappings().saturating_sub(before);
            match kind {
                GuardKind::Madvise => {
                    assert!(grown < SLACK, "{grown} mappings for {STACKS} stacks")
                }
                GuardKind::Mprotect => assert!(
                    grown > 2 * STACKS - SLACK,
                    "{grown} mappings for {STACKS} stacks"
                ),
            }
            drop(held);
        }
    }

    #[test]
    fn a_stack_that_could_not_be_guarded_goes_back_unguarded() {
        let slab = StackSlab::new(1, STACK_BYTES_MIN).unwrap();
        let taken = slab.inner.free.lock().unwrap().take().unwrap();
        assert!(taken.fresh);
        slab.inner.give_back(taken.index, false);
        let stack = slab.inner.take(STACK_BYTES_MIN).unwrap();
        assert!(
            !readable(stack.guard_range().start),
            "the second attempt must guard it"
        );
    }

    #[test]
    fn a_larger_stack_than_the_slots_is_refused() {
        let slab = StackSlab::new(1, STACK_BYTES_MIN).unwrap();
        assert!(matches!(
            slab.inner.take(STACK_BYTES_MIN + 1),
            Err(SlabError::BeyondSlot { .. })
        ));
        assert_eq!(slab.in_use(), 0);
    }

    #[test]
    fn a_hundred_thousand_stacks_leave_nothing_behind_on_two_threads() {
        let slab = StackSlab::new(8, STACK_BYTES_MIN).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        let stack = slab.inner.take(STACK_BYTES_MIN).unwrap();
                        // SAFETY: the slot is held here; its last page is touched as a guest's first call would.
                        unsafe {
                            let last = stack.top().sub(8);
                            assert_eq!(last.read(), 0);
                            last.write(1);
                        }
                    }
                });
            }
        });
        assert_eq!(slab.in_use(), 0);
    }
}
