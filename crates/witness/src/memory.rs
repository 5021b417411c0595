//! Linear memories that are used again.
//!
//! A run that maps and unmaps its memory costs page faults, and every core a flush of its TLB. Here the memory of a run that
//! ends is wiped and kept, accessible and resident, for the next run of the same engine. So there are as many as runs were
//! at the same time. One that has grown is unmapped: generators of circom do not grow theirs.

use core::ptr::NonNull;
use core::sync::atomic::{Ordering, compiler_fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::{Error, LinearMemory, MemoryCreator, MemoryType, Result};

/// What 32-bit WebAssembly can address.
const ADDRESSABLE: usize = 1 << 32;

/// Memories that wait for a run. Clones are one pool.
#[derive(Clone, Default)]
pub(crate) struct Memories(Arc<Mutex<Vec<Region>>>);

impl Memories {
    fn lock(&self) -> MutexGuard<'_, Vec<Region>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one of these sizes out, or maps one.
    fn take(&self, reserved: usize, accessible: usize) -> Option<Region> {
        let mut kept = self.lock();
        let fits = |r: &Region| r.reserved == reserved && r.accessible == accessible;
        match kept.iter().position(fits) {
            Some(at) => Some(kept.swap_remove(at)),
            None => {
                drop(kept);
                Region::map(reserved, accessible)
            }
        }
    }

    /// How many wait, and whether all their bytes are zero.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> (usize, bool) {
        let kept = self.lock();
        (kept.len(), kept.iter().all(|region| region.bytes().iter().all(|byte| *byte == 0)))
    }
}

// SAFETY: a new memory is a region that nobody else has: mapped just now, or taken out of the pool. It is zero (fresh from
// the kernel, or wiped when it came back), `minimum` bytes of it are accessible, and what follows them up to the
// end of reservation and guard is mapped without access.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let capacity = reserved.or(maximum).unwrap_or(ADDRESSABLE).max(minimum);
        let region = capacity.checked_add(guard).and_then(|all| self.take(all, minimum));
        let region = region.ok_or("no memory for the module's linear memory")?;
        Ok(Box::new(Lease { memories: self.clone(), initial: minimum, capacity, region: Some(region) }))
    }
}

/// A region that a run has.
struct Lease {
    memories: Memories,
    initial: usize,
    capacity: usize,
    /// `None` only while it is dropped.
    region: Option<Region>,
}

// SAFETY: the region does not move and is this lease's alone; exactly `byte_size` bytes of it are accessible.
unsafe impl LinearMemory for Lease {
    fn byte_size(&self) -> usize {
        self.region.as_ref().map_or(0, |r| r.accessible)
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, size: usize) -> Result<()> {
        let grown = size <= self.capacity && self.region.as_mut().is_some_and(|r| r.open(size));
        if grown { Ok(()) } else { Err(Error::msg("the linear memory cannot grow so far")) }
    }

    fn as_ptr(&self) -> *mut u8 {
        self.region.as_ref().map_or(NonNull::dangling(), |r| r.start).as_ptr()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut region) = self.region.take() else { return };
        region.wipe();
        if region.accessible == self.initial {
            self.memories.lock().push(region);
        }
    }
}

/// Addresses of our own; the first `accessible` bytes are memory. Unmapped when dropped.
struct Region {
    start: NonNull<u8>,
    reserved: usize,
    accessible: usize,
}

// SAFETY: a region owns its memory; nothing else refers to it.
unsafe impl Send for Region {}
// SAFETY: a shared region can only be read.
unsafe impl Sync for Region {}

impl Region {
    fn map(reserved: usize, accessible: usize) -> Option<Region> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that exists.
        let base = unsafe { libc::mmap(core::ptr::null_mut(), reserved, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return None;
        }
        let mut region = Region { start: NonNull::new(base.cast())?, reserved, accessible: 0 };
        region.open(accessible).then_some(region)
    }

    /// Makes the first `size` bytes accessible, a multiple of the page size; false if there is no memory.
    fn open(&mut self, size: usize) -> bool {
        if size > self.reserved {
            return false;
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range is inside the region, which is ours; more access invalidates no reference.
        let opened = size <= self.accessible
            || unsafe { libc::mprotect(self.start.as_ptr().cast(), size, access) } == 0;
        if opened {
            self.accessible = self.accessible.max(size);
        }
        opened
    }

    /// Overwrites everything accessible with zeros, in a way that the compiler keeps.
    fn wipe(&mut self) {
        // SAFETY: so many bytes are accessible, and nobody else refers to them.
        unsafe { core::ptr::write_bytes(self.start.as_ptr(), 0, self.accessible) };
        // The pointer came from the kernel and goes back to it or to the pool: the stores are not dead.
        compiler_fence(Ordering::SeqCst);
        std::hint::black_box(self.start);
    }

    #[cfg(test)]
    fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes are accessible and initialised by the kernel.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.accessible) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this is the range that was mapped, and nobody else refers to it.
        let failed = unsafe { libc::munmap(self.start.as_ptr().cast(), self.reserved) } != 0;
        debug_assert!(!failed, "unmapping failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 1 << 16;

    fn lease(memories: &Memories) -> Lease {
        let region = memories.take(8 * PAGE, PAGE).unwrap();
        Lease { memories: memories.clone(), initial: PAGE, capacity: 4 * PAGE, region: Some(region) }
    }

    fn write(lease: &Lease, at: usize) {
        assert!(at < lease.byte_size());
        // SAFETY: inside what is accessible.
        unsafe { lease.as_ptr().add(at).write(7) };
    }

    #[test]
    fn a_memory_is_kept_wiped_and_used_again() {
        let memories = Memories::default();
        let (one, two) = (lease(&memories), lease(&memories));
        assert_ne!(one.as_ptr(), two.as_ptr());
        write(&one, PAGE - 1);
        let place = one.as_ptr();
        drop(one);
        assert_eq!(memories.kept(), (1, true));
        assert_eq!(lease(&memories).as_ptr(), place);
        drop(two);
        assert_eq!(memories.kept(), (2, true));
    }

    #[test]
    fn a_memory_that_has_grown_is_not_kept() {
        let memories = Memories::default();
        let mut grown = lease(&memories);
        grown.grow_to(4 * PAGE).unwrap();
        assert_eq!(grown.byte_size(), 4 * PAGE);
        write(&grown, 4 * PAGE - 1);
        assert!(grown.grow_to(5 * PAGE).is_err());
        drop(grown);
        assert_eq!(memories.kept(), (0, true));
    }
}
