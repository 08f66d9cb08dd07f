//! The system calls: one private, unreserved mapping, guard pages inside it, and pages given back.

use std::io;
use std::ptr::{self, NonNull};

use crate::SlabError;

/// `MADV_GUARD_INSTALL` of Linux 6.13: an access faults, yet the mapping is not split in two as `mprotect` would.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// How a stack's guard page is made inaccessible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardKind {
    /// By `madvise(MADV_GUARD_INSTALL)`: costs no kernel mapping.
    Madvise,
    /// By `mprotect(PROT_NONE)`, where the kernel knows no better: costs two of `vm.max_map_count` per stack.
    Mprotect,
}

/// Bytes of a page of this machine.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: reads a constant of the system; no pointer is involved.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // POSIX demands that it is known; 4096 is what every kernel we have seen says.
    usize::try_from(bytes).unwrap_or(4096)
}

/// One anonymous mapping, readable and writable, of which only touched pages take memory. Unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a region is an address range owned by this value. Its methods are system calls that take `&self` and that
// the kernel serialises; they create no reference into the range.
unsafe impl Send for Region {}
// SAFETY: as for `Send`.
unsafe impl Sync for Region {}

impl Region {
    /// Reserves `bytes` bytes of zeroes.
    ///
    /// Huge pages are off: under `transparent_hugepage=always` the first touch of a guest would otherwise take
    /// 2 MiB, fifty times what it needs.
    pub(crate) fn reserve(bytes: usize) -> Result<Self, SlabError> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: asks for a new mapping at an address of the kernel's choice; nothing existing is touched.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(SlabError::Reserve {
                bytes,
                source: io::Error::last_os_error(),
            });
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(|| SlabError::Reserve {
            bytes,
            source: io::Error::from(io::ErrorKind::AddrNotAvailable),
        })?;
        // SAFETY: the range is the mapping just made. It may fail where the kernel has no huge pages: then there is
        // nothing to turn off.
        let _ = unsafe { libc::madvise(base.as_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE) };
        Ok(Self { base, bytes })
    }

    /// The first address.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Whether `[at, at + bytes)` lies inside.
    fn holds(&self, at: NonNull<u8>, bytes: usize) -> bool {
        let start = self.base.as_ptr() as usize;
        let at = at.as_ptr() as usize;
        at >= start
            && at
                .checked_add(bytes)
                .is_some_and(|end| end <= start + self.bytes)
    }

    /// Gives the pages of a range back to the kernel, or, where it will not have them, zeroes them here: either way
    /// the next access finds zeroes.
    ///
    /// # Safety
    /// Nobody may hold a reference into the range, or rely on what it contains.
    pub(crate) unsafe fn clear(&self, at: NonNull<u8>, bytes: usize) {
        debug_assert!(self.holds(at, bytes));
        // SAFETY: the range lies in our own mapping and the caller vouches that its contents are nobody's.
        let discarded =
            done(unsafe { libc::madvise(at.as_ptr().cast(), bytes, libc::MADV_DONTNEED) });
        if discarded.is_err() {
            // The kernel keeps pages that are locked (`mlockall`). The next guest must not see this one's data.
            // SAFETY: as above; and what is cleared is never guarded, hence writable.
            unsafe { at.as_ptr().write_bytes(0, bytes) };
        }
    }

    /// Makes a range inaccessible for good: any access faults. It survives [`Region::clear`] of its neighbours.
    ///
    /// # Safety
    /// As for [`Region::clear`].
    pub(crate) unsafe fn guard(
        &self,
        at: NonNull<u8>,
        bytes: usize,
        kind: GuardKind,
    ) -> io::Result<()> {
        debug_assert!(self.holds(at, bytes));
        let at = at.as_ptr().cast();
        // SAFETY: the range lies in our own mapping and the caller vouches that its contents are nobody's.
        done(unsafe {
            match kind {
                GuardKind::Madvise => libc::madvise(at, bytes, MADV_GUARD_INSTALL),
                GuardKind::Mprotect => libc::mprotect(at, bytes, libc::PROT_NONE),
            }
        })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone, and every slot keeps its slab alive, so nobody points into it any more.
        // Unmapping what `mmap` returned cannot fail in a way that could be mended here.
        let _ = unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

/// The result of a system call that returns 0 or sets `errno`.
fn done(status: libc::c_int) -> io::Result<()> {
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether this kernel can make a guard page without splitting a mapping (Linux 6.13 and later).
///
/// Where it cannot, every guest stack takes two mappings, and `vm.max_map_count` bounds the number of users.
#[must_use]
pub fn guard_install_supported() -> bool {
    let bytes = page_bytes();
    // SAFETY: the page was mapped for this question and nobody else knows of it.
    Region::reserve(bytes)
        .is_ok_and(|page| unsafe { page.guard(page.base(), bytes, GuardKind::Madvise) }.is_ok())
}

/// Whether the kernel would reserve `bytes` bytes of addresses now. Nothing stays reserved.
///
/// It refuses under `vm.overcommit_memory=2`, under `ulimit -v`, and beyond the processor's address space
/// (128 TiB with four levels of page tables).
#[must_use]
pub fn reservation_possible(bytes: usize) -> bool {
    bytes > 0 && Region::reserve(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_beyond_the_address_space_is_refused() {
        assert!(reservation_possible(1 << 20));
        assert!(!reservation_possible(1 << 60));
        assert!(!reservation_possible(0));
        let error = Region::reserve(1 << 60).unwrap_err();
        assert!(error.to_string().contains("overcommit"), "{error}");
    }

    #[test]
    fn a_cleared_page_reads_as_zero() {
        let region = Region::reserve(4 * page_bytes()).unwrap();
        let at = region.base();
        // SAFETY: the region is this test's own.
        unsafe {
            at.as_ptr().write(7);
            region.clear(at, page_bytes());
            assert_eq!(at.as_ptr().read(), 0);
        }
    }

    #[test]
    fn only_addresses_of_the_region_are_its_own() {
        let region = Region::reserve(2 * page_bytes()).unwrap();
        assert!(region.holds(region.base(), 2 * page_bytes()));
        assert!(!region.holds(region.base(), 2 * page_bytes() + 1));
        assert!(!region.holds(region.base(), usize::MAX));
    }
}
