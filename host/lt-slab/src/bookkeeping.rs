//! Which slot is whose, and where it lies: arithmetic without a system call, so that Miri can run its tests.

use crate::SlabError;

/// Where the slots of one mapping lie, relative to its start. All values are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// How many slots there are.
    pub(crate) slots: u32,
    /// Bytes from the start of one slot to the start of the next.
    pub(crate) stride: usize,
    /// Bytes of the whole mapping.
    pub(crate) total: usize,
}

impl Layout {
    /// Lays `slots` slots of `stride` bytes side by side, with `slack` bytes more for aligning the first.
    pub(crate) fn new(slots: usize, stride: usize, slack: usize) -> Result<Self, SlabError> {
        let count = u32::try_from(slots)
            .ok()
            .filter(|&count| count > 0)
            .ok_or(SlabError::Slots { slots })?;
        let total = slots
            .checked_mul(stride)
            .and_then(|bytes| bytes.checked_add(slack))
            // An allocation beyond isize::MAX could not be addressed by pointer offsets.
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or(SlabError::AddressSpace {
                slots,
                slot_bytes: stride,
            })?;
        Ok(Self {
            slots: count,
            stride,
            total,
        })
    }

    /// Offset of slot `index` from the (aligned) start.
    pub(crate) fn offset(&self, index: u32) -> usize {
        debug_assert!(index < self.slots, "slot {index} of {}", self.slots);
        // Cannot overflow: `new` has checked the product for every index below `slots`.
        index as usize * self.stride
    }
}

/// Rounds `bytes` up to a multiple of `unit`, a power of two; `None` when that does not fit a `usize`.
pub(crate) fn round_up(bytes: usize, unit: usize) -> Option<usize> {
    debug_assert!(unit.is_power_of_two());
    Some(bytes.checked_add(unit - 1)? & !(unit - 1))
}

/// A slot that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Which one.
    pub(crate) index: u32,
    /// Whether nobody has had it before, so that what is done once per slot is still to be done.
    pub(crate) fresh: bool,
}

/// The slots nobody has.
///
/// Last in, first out: the slot that was given back last still has its page tables, perhaps even in a cache. Slots
/// that nobody has had come in ascending order, so that neighbours share page tables from the start and the list
/// costs nothing for the slots that were never needed.
#[derive(Debug)]
pub(crate) struct FreeList {
    /// Given back after use, the last one at the end.
    used: Vec<u32>,
    /// Given back before they were ready for use: still fresh.
    unready: Vec<u32>,
    /// The lowest slot that nobody has had.
    next_fresh: u32,
    /// How many slots there are.
    slots: u32,
}

impl FreeList {
    /// All of `slots` slots are free and fresh.
    pub(crate) fn new(slots: u32) -> Self {
        Self {
            used: Vec::new(),
            unready: Vec::new(),
            next_fresh: 0,
            slots,
        }
    }

    /// Takes a slot; `None` when all are in use.
    pub(crate) fn take(&mut self) -> Option<Taken> {
        if let Some(index) = self.used.pop() {
            return Some(Taken {
                index,
                fresh: false,
            });
        }
        if let Some(index) = self.unready.pop() {
            return Some(Taken { index, fresh: true });
        }
        let index = self.next_fresh;
        if index == self.slots {
            return None;
        }
        self.next_fresh += 1;
        Some(Taken { index, fresh: true })
    }

    /// Gives a slot back; `ready` says that what is done once per slot has been done.
    pub(crate) fn give_back(&mut self, index: u32, ready: bool) {
        debug_assert!(index < self.next_fresh, "slot {index} was never taken");
        debug_assert!(self.in_use() > 0, "slot {index} was given back twice");
        if ready {
            self.used.push(index)
        } else {
            self.unready.push(index)
        }
    }

    /// How many slots are taken.
    pub(crate) fn in_use(&self) -> usize {
        self.next_fresh as usize - self.used.len() - self.unready.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn slots_lie_side_by_side_within_the_mapping() {
        let layout = Layout::new(1000, 3 * 4096, 4096).unwrap();
        assert_eq!(layout.offset(0), 0);
        for index in 1..1000 {
            assert_eq!(
                layout.offset(index) - layout.offset(index - 1),
                layout.stride
            );
        }
        assert_eq!(layout.offset(999) + layout.stride + 4096, layout.total);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(matches!(
            Layout::new(0, 4096, 0),
            Err(SlabError::Slots { slots: 0 })
        ));
        assert!(matches!(
            Layout::new(usize::MAX, 4096, 0),
            Err(SlabError::Slots { .. })
        ));
        assert!(matches!(
            Layout::new(1 << 31, 1 << 33, 0),
            Err(SlabError::AddressSpace { .. })
        ));
        assert!(matches!(
            Layout::new(1, isize::MAX as usize, 1),
            Err(SlabError::AddressSpace { .. })
        ));
        assert!(Layout::new(1, isize::MAX as usize, 0).is_ok());
    }

    #[test]
    fn rounding_goes_up_and_never_wraps() {
        assert_eq!(round_up(0, 4096), Some(0));
        assert_eq!(round_up(1, 4096), Some(4096));
        assert_eq!(round_up(4096, 4096), Some(4096));
        assert_eq!(round_up(usize::MAX - 4094, 4096), None);
    }

    #[test]
    fn the_last_slot_given_back_is_the_next_one_taken() {
        let mut list = FreeList::new(4);
        for index in 0..3 {
            assert_eq!(list.take(), Some(Taken { index, fresh: true }));
        }
        list.give_back(0, true);
        list.give_back(2, true);
        assert_eq!(
            list.take(),
            Some(Taken {
                index: 2,
                fresh: false
            })
        );
        assert_eq!(
            list.take(),
            Some(Taken {
                index: 0,
                fresh: false
            })
        );
        assert_eq!(
            list.take(),
            Some(Taken {
                index: 3,
                fresh: true
            })
        );
        assert_eq!(list.take(), None);
        assert_eq!(list.in_use(), 4);
    }

    #[test]
    fn a_slot_that_was_not_made_ready_stays_fresh() {
        let mut list = FreeList::new(1);
        assert_eq!(
            list.take(),
            Some(Taken {
                index: 0,
                fresh: true
            })
        );
        list.give_back(0, false);
        assert_eq!(list.in_use(), 0);
        assert_eq!(
            list.take(),
            Some(Taken {
                index: 0,
                fresh: true
            })
        );
        list.give_back(0, true);
        assert_eq!(
            list.take(),
            Some(Taken {
                index: 0,
                fresh: false
            })
        );
    }

    /// Under random order, a slot is never with two owners and none is lost.
    #[test]
    fn no_slot_is_ever_with_two_owners() {
        const SLOTS: u32 = 16;
        let mut list = FreeList::new(SLOTS);
        let mut held = Vec::new();
        let mut state = 1_u64;
        for _ in 0..2000 {
            // Knuth's multiplier: any full-period sequence will do.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let draw = (state >> 33) as usize;
            if draw.is_multiple_of(2) {
                let Some(taken) = list.take() else {
                    assert_eq!(
                        held.len(),
                        SLOTS as usize,
                        "exhausted only when all are held"
                    );
                    continue;
                };
                assert!(
                    !held.contains(&taken.index),
                    "slot {} was handed out twice",
                    taken.index
                );
                held.push(taken.index);
            } else if !held.is_empty() {
                let index = held.swap_remove(draw % held.len());
                list.give_back(index, !draw.is_multiple_of(3));
            }
            assert_eq!(list.in_use(), held.len());
        }
    }

    #[test]
    fn threads_share_the_list_behind_a_lock() {
        let list = Mutex::new(FreeList::new(8));
        let owned = Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let Some(taken) = list.lock().unwrap().take() else {
                            continue;
                        };
                        assert!(owned.lock().unwrap().insert(taken.index), "two owners");
                        assert!(owned.lock().unwrap().remove(&taken.index));
                        list.lock().unwrap().give_back(taken.index, true);
                    }
                });
            }
        });
        assert_eq!(list.lock().unwrap().in_use(), 0);
    }
}
