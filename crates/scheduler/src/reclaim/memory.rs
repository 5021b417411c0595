//! Anonymous memory maps.

use super::classes::HUGE_PAGE;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, compiler_fence};

/// Memory of our own: mapped from here, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Region {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a region owns its memory; nothing else refers to it.
unsafe impl Send for Region {}

impl Region {
    /// Maps `len` bytes of zeros (`len` is a multiple of the page size and not 0), at a multiple of the huge page size if
    /// they are that many. `None` if there is no memory.
    pub(crate) fn map(len: usize, huge_pages: bool) -> Option<Region> {
        let huge = len >= HUGE_PAGE;
        let slack = if huge { HUGE_PAGE } else { 0 };
        let all = len.checked_add(slack)?;
        let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that exists.
        let base = unsafe { libc::mmap(core::ptr::null_mut(), all, prot, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return None;
        }
        let base = base.cast::<u8>();
        let skip = if huge { base.align_offset(HUGE_PAGE) } else { 0 };
        let start = base.wrapping_add(skip);
        // SAFETY: both pieces are of the mapping made above, which nobody else knows, and outside [start, start + len).
        unsafe {
            unmap(base, skip);
            unmap(start.wrapping_add(len), slack - skip);
        }
        let region = Region { start: NonNull::new(start)?, len };
        if huge {
            let advice = if huge_pages { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
            // SAFETY: the range is ours. The advice changes no contents; a kernel without huge pages refuses it.
            unsafe { libc::madvise(start.cast(), len, advice) };
        }
        Some(region)
    }

    /// Gives the region up; [`from_raw`](Self::from_raw) takes it back.
    pub(crate) fn into_raw(self) -> NonNull<u8> {
        core::mem::ManuallyDrop::new(self).start
    }

    /// Takes a region back.
    ///
    /// # Safety
    /// It was given up by [`into_raw`](Self::into_raw), had this length, and was not taken back since.
    pub(crate) unsafe fn from_raw(start: NonNull<u8>, len: usize) -> Region {
        Region { start, len }
    }

    /// The same pages and more (zeros), or fewer, perhaps at another address; nothing is copied. The region itself where that can't
    /// be had. `len` is a multiple of the page size and not 0.
    #[cfg(target_os = "linux")]
    pub(crate) fn resized(self, len: usize) -> Result<Region, Region> {
        // SAFETY: the whole range is one mapping of ours that nobody else refers to; if the kernel refuses, it is as it was.
        let moved = unsafe { libc::mremap(self.start.as_ptr().cast(), self.len, len, libc::MREMAP_MAYMOVE) };
        match NonNull::new(moved.cast::<u8>()) {
            Some(start) if moved != libc::MAP_FAILED => {
                core::mem::forget(self);
                Ok(Region { start, len })
            }
            _ => Err(self),
        }
    }

    /// The same region: this system can't resize one.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn resized(self, _len: usize) -> Result<Region, Region> {
        Err(self)
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Overwrites the first bytes with zeros, in a way that the compiler keeps.
    pub(super) fn wipe(&mut self, bytes: usize) {
        // SAFETY: the range is inside the region, which nobody else refers to.
        unsafe { wipe(self.start, bytes.min(self.len)) };
    }
}

/// Overwrites bytes with zeros, in a way that the compiler keeps.
///
/// # Safety
/// The range may be written, and nobody else refers to it.
pub(crate) unsafe fn wipe(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's range.
    unsafe { core::ptr::write_bytes(start.as_ptr(), 0, bytes) };
    // The stores are to memory that outlives this call and whose address an optimiser cannot follow through the
    // fence, so they are kept; and the memory may be given back next without a read.
    compiler_fence(Ordering::SeqCst);
    // SAFETY: no instruction; the pointer counts as read, so the stores above are not dead.
    unsafe { core::arch::asm!("/* {0} */", in(reg) start.as_ptr(), options(nostack, preserves_flags)) };
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this is exactly the range that was mapped and kept, and nobody else refers to it.
        unsafe { unmap(self.start.as_ptr(), self.len) };
    }
}

/// # Safety
/// The range was mapped here and nobody uses it any more.
unsafe fn unmap(start: *mut u8, len: usize) {
    if len > 0 {
        // SAFETY: the caller's.
        let failed = unsafe { libc::munmap(start.cast(), len) } != 0;
        debug_assert!(!failed, "unmapping failed");
    }
}
