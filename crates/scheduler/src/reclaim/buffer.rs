//! Owned memory of an arena.

use super::arena::Arena;
use core::ptr::NonNull;

/// Memory of an arena. Dropping it gives it back.
#[derive(Debug)]
pub struct Buffer {
    arena: Arena,
    start: NonNull<u8>,
    bytes: usize,
    secret: bool,
}

// SAFETY: a buffer owns its memory; the arena's table only remembers it.
unsafe impl Send for Buffer {}
// SAFETY: a shared buffer gives out shared slices only.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// The owner of memory that `arena` has in its table as out.
    pub(super) fn new(arena: Arena, start: NonNull<u8>, bytes: usize, secret: bool) -> Self {
        Buffer { arena, start, bytes, secret }
    }

    /// Says that the contents are secret: they are overwritten after the buffer was given back.
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Its address, a multiple of [`ALIGN`](super::ALIGN).
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.start
    }

    /// Its size in bytes, as it was asked for.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Its bytes. They are initialised, in whatever way: pages come as zeros.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the memory is ours, mapped, initialised, and at least this long.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// Its bytes.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else refers to it.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }

    /// Gives up ownership: address and size. It must come back through [`Arena::give`] or [`Arena::from_raw`].
    pub fn into_raw(self) -> (NonNull<u8>, usize) {
        let raw = (self.start, self.bytes);
        let mut this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the arena's handle is dropped once, here.
        unsafe { core::ptr::drop_in_place(&mut this.arena) };
        raw
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: we own the memory and do not use it any more.
        let given = unsafe { self.arena.give(self.start, self.bytes, self.secret) };
        debug_assert!(given.is_ok(), "a live buffer is in its arena's table");
    }
}
