//! Handles and memory that give themselves back.

use super::{Device, DevicePtr, EventId, StreamId, Transfer};
use crate::error::{DeviceError, code};
use std::sync::Arc;

/// A stream that is destroyed when dropped.
#[derive(Debug)]
pub struct Stream {
    device: Arc<dyn Device>,
    id: StreamId,
}

impl Stream {
    /// A new stream.
    ///
    /// # Errors
    /// What the driver reports.
    pub fn new(device: &Arc<dyn Device>) -> Result<Stream, DeviceError> {
        Ok(Stream { id: device.create_stream()?, device: Arc::clone(device) })
    }

    /// Its handle.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Its device.
    pub fn device(&self) -> &Arc<dyn Device> {
        &self.device
    }

    /// Waits until its work is done.
    ///
    /// # Errors
    /// What the work or the driver reports.
    pub fn synchronize(&self) -> Result<(), DeviceError> {
        self.device.synchronize(self.id)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A device that is lost refuses both; there is nothing left to do about it then.
        let _ = self.device.synchronize(self.id);
        // SAFETY: the handle is this stream's own.
        let _ = unsafe { self.device.destroy_stream(self.id) };
    }
}

/// An event that is destroyed when dropped.
#[derive(Debug)]
pub struct Event {
    device: Arc<dyn Device>,
    id: EventId,
}

impl Event {
    /// A new event.
    ///
    /// # Errors
    /// What the driver reports.
    pub fn new(device: &Arc<dyn Device>) -> Result<Event, DeviceError> {
        Ok(Event { id: device.create_event()?, device: Arc::clone(device) })
    }

    /// Its handle.
    pub fn id(&self) -> EventId {
        self.id
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the handle is this event's own.
        let _ = unsafe { self.device.destroy_event(self.id) };
    }
}

/// A block of device memory. It is overwritten with zeros before it is given back.
#[derive(Debug)]
pub struct DeviceMemory {
    device: Arc<dyn Device>,
    ptr: DevicePtr,
    bytes: usize,
}

impl DeviceMemory {
    /// Allocates.
    ///
    /// # Errors
    /// Out of memory.
    pub fn new(device: &Arc<dyn Device>, bytes: usize) -> Result<DeviceMemory, DeviceError> {
        Ok(DeviceMemory { ptr: device.alloc(bytes.max(1))?, bytes, device: Arc::clone(device) })
    }

    /// Where it begins.
    pub fn ptr(&self) -> DevicePtr {
        self.ptr
    }

    /// Its size in bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Copies to the device from ordinary memory.
    ///
    /// # Errors
    /// What the driver reports; invalid value if the range is out of bounds.
    pub fn upload(&self, stream: &Stream, offset: usize, from: &[u8]) -> Result<(), DeviceError> {
        self.check("upload", offset, from.len())?;
        // SAFETY: the ranges are valid. The memory may be page-locked by its owner, so the copy is waited for.
        let begun = unsafe { self.device.transfer(stream.id, self.uploading(offset, from)) };
        stream.synchronize().and(begun)
    }

    /// Copies from the device, after all the stream's work, and waits for it.
    ///
    /// # Errors
    /// What the work or the driver reports; invalid value if the range is out of bounds.
    pub fn download(&self, stream: &Stream, offset: usize, to: &mut [u8]) -> Result<(), DeviceError> {
        self.check("download", offset, to.len())?;
        // The ranges are valid, and the copy is waited for.
        let (from, bytes) = (self.ptr.offset(offset), to.len());
        let what = Transfer::Download { to: to.as_mut_ptr(), from, bytes };
        // SAFETY: as said.
        let begun = unsafe { self.device.transfer(stream.id, what) };
        stream.synchronize().and(begun)
    }

    /// Sets a range to zeros, in the stream's order.
    ///
    /// # Errors
    /// As [`upload`](Self::upload).
    pub fn wipe(&self, stream: &Stream, offset: usize, bytes: usize) -> Result<(), DeviceError> {
        self.check("wipe", offset, bytes)?;
        // SAFETY: the range is valid, and dropping the memory waits for the default stream.
        unsafe { self.device.transfer(stream.id, self.zeroing(offset, bytes)) }
    }

    fn uploading(&self, offset: usize, from: &[u8]) -> Transfer {
        Transfer::Upload { to: self.ptr.offset(offset), from: from.as_ptr(), bytes: from.len() }
    }

    fn zeroing(&self, offset: usize, bytes: usize) -> Transfer {
        Transfer::Fill { to: self.ptr.offset(offset), value: 0, bytes }
    }

    fn check(&self, operation: &'static str, offset: usize, bytes: usize) -> Result<(), DeviceError> {
        let inside = offset.checked_add(bytes).is_some_and(|end| end <= self.bytes);
        let detail = || format!("{bytes} bytes at {offset} of {}", self.bytes);
        if inside { Ok(()) } else { Err(DeviceError::new(code::INVALID_VALUE, operation, detail())) }
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        // Streams of the backend are synchronized before their memory goes. A device that is lost refuses all of this.
        let default = StreamId(0);
        // SAFETY: this block is the memory's own, and nothing is launched on it any more.
        unsafe {
            self.device.guard(self.ptr, self.bytes, true);
            let _ = self.device.transfer(default, self.zeroing(0, self.bytes));
            let _ = self.device.synchronize(default);
            let _ = self.device.free(self.ptr);
        }
    }
}
