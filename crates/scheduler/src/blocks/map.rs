//! Anonymous memory from the kernel.

use super::classes::HUGE_PAGE;
use core::ptr::{self, NonNull};

/// Maps `bytes` of zeros, aligned to a page, or to a huge page if `huge` and they fill one; `None` if the kernel has no
/// more.
pub(super) fn map(bytes: usize, huge: bool) -> Option<NonNull<u8>> {
    if !huge || bytes < HUGE_PAGE {
        return reserve(bytes);
    }
    let spare = bytes.checked_add(HUGE_PAGE)?;
    let start = reserve(spare)?;
    let head = start.as_ptr().align_offset(HUGE_PAGE);
    // SAFETY: head < HUGE_PAGE and bytes + HUGE_PAGE were mapped, so both ends lie inside the mapping and nothing of
    // [aligned, aligned + bytes) is given back.
    unsafe {
        let aligned = NonNull::new_unchecked(start.as_ptr().add(head));
        unmap(start, head);
        unmap(aligned.add(bytes), HUGE_PAGE - head);
        advise_huge(aligned, bytes);
        Some(aligned)
    }
}

fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no existing memory.
    let start = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
    if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) }
}

/// Gives pages back to the kernel.
///
/// # Safety
/// `start` and `bytes` are a whole-page part of a mapping made here that nobody uses any more.
pub(super) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    if bytes > 0 {
        // SAFETY: the caller's promise. A failure (too many mappings) leaves the pages mapped, which is only a leak.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
    }
}

/// Asks for huge pages. That is a hint: its failure changes nothing but speed.
///
/// # Safety
/// The range is mapped by the caller.
unsafe fn advise_huge(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller's promise; the advice does not change contents.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}
