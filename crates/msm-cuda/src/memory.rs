//! Device memory, planned before anything is launched.
//!
//! Allocating and freeing are device-wide operations of the driver that stall every stream, so the backend takes one block
//! of its budget's size once. An operation writes down what it needs as a [`Plan`]; [`Arena::begin`] refuses it as out of
//! memory if the budget does not hold it, before a byte is copied. Working memory lies at the start of the block; tables
//! that later operations may use again (twiddle factors, points) lie at its end and make way when room is needed.
//! Regions that hold secrets are overwritten with zeros when the operation ends, also when it fails.
//!
//! Where the scheduler has a budget, a plan's bytes are reserved in it before anything is copied, and given back when the
//! operation ends; points that stay on the device stay reserved, and the block shrinks to what they leave. Nothing waits for
//! device bytes: whoever asks holds the device, so nobody else would give any back.

use crate::{
    device::{Device, DeviceMemory, DevicePtr, Stream},
    staging::{Staging, Uploads},
};
use forebay_msm::{BackendError, ErrorClass};
use forebay_scheduler::budget::{Amounts, Budget, Reservation};
use std::sync::Arc;

/// Regions begin at multiples of this, which is what the driver guarantees for blocks.
const ALIGNMENT: usize = 256;

/// A part of the arena's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    offset: usize,
    bytes: usize,
}

impl Region {
    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn end(&self) -> usize {
        self.offset + self.bytes
    }
}

/// What a table is: its kind, and parameters that tell it from others of the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableKey {
    /// What it holds, and for which curve.
    pub kind: &'static str,
    /// What else decides about its contents.
    pub parameters: [u64; 3],
}

/// The memory of one operation.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    end: usize,
    regions: Vec<Region>,
    secret: Vec<Region>,
    tables: Vec<(TableKey, usize)>,
}

impl Plan {
    /// Nothing yet.
    pub fn new() -> Plan {
        Plan::default()
    }

    /// Room for something public, and a gap behind it in which nothing may be read or written.
    pub fn public(&mut self, bytes: usize) -> Region {
        let region = Region { offset: self.end, bytes };
        self.end = self.end.saturating_add(rounded(bytes)).saturating_add(ALIGNMENT);
        self.regions.push(region);
        region
    }

    /// Room for something secret, wiped at the operation's end.
    pub fn secret(&mut self, bytes: usize) -> Region {
        let region = self.public(bytes);
        self.secret.push(region);
        region
    }

    /// A table that may be there already. The number names it in [`Lease::table`].
    pub fn table(&mut self, key: TableKey, bytes: usize) -> usize {
        self.tables.push((key, rounded(bytes)));
        self.tables.len() - 1
    }

    /// All of it.
    pub fn bytes(&self) -> usize {
        self.tables.iter().fold(self.end, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

fn rounded(bytes: usize) -> usize {
    bytes.saturating_add(ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT
}

#[derive(Debug)]
struct Table {
    key: TableKey,
    region: Region,
    filled: bool,
}

/// The block and the tables in it.
#[derive(Debug)]
pub struct Arena {
    device: Arc<dyn Device>,
    budget: usize,
    /// The scheduler's budget.
    shared: Option<Budget>,
    staging: Option<Staging>,
    block: Option<DeviceMemory>,
    tables: Vec<Table>,
}

impl Arena {
    /// An arena of `budget` bytes, which are allocated when first needed.
    pub fn new(device: &Arc<dyn Device>, budget: usize) -> Arena {
        let budget = budget / ALIGNMENT * ALIGNMENT;
        let (shared, staging, tables) = (None, None, Vec::new());
        Arena { device: Arc::clone(device), budget, shared, staging, block: None, tables }
    }

    /// Reserves what operations use in the scheduler's budget too.
    pub fn share(&mut self, budget: Budget) {
        self.shared = Some(budget);
    }

    /// Lets uploads go through page-locked memory.
    pub fn stage(&mut self, staging: Staging) {
        self.staging = Some(staging);
    }

    /// The bytes that an operation may have: its own limit, and what the scheduler's budget has left.
    pub fn budget(&self) -> usize {
        let left = self.shared.as_ref().map_or(u64::MAX, |budget| {
            let usage = budget.usage();
            usage.total.device.saturating_sub(usage.used.device)
        });
        self.budget.min(usize::try_from(left).unwrap_or(usize::MAX)) / ALIGNMENT * ALIGNMENT
    }

    /// Reserves device bytes, if there is a budget to reserve them in.
    ///
    /// # Errors
    /// Out of memory, at once, if the budget has not as many.
    pub(crate) fn reserve(
        &self,
        operation: &'static str,
        bytes: usize,
    ) -> Result<Option<Reservation>, BackendError> {
        let Some(budget) = &self.shared else { return Ok(None) };
        let refused =
            |e| BackendError::new(ErrorClass::OutOfMemory, operation, format!("{bytes} bytes: {e}"));
        budget.try_reserve(Amounts::device(bytes as u64)).map(Some).map_err(refused)
    }

    /// Gives the block back if it is larger than what the budget has left, so that what stays on the device has room beside it.
    pub(crate) fn make_way(&mut self) {
        if self.end() > self.budget() {
            self.release();
        }
    }

    /// Where the block ends.
    fn end(&self) -> usize {
        self.block.as_ref().map_or(0, DeviceMemory::len)
    }

    /// How many tables are kept.
    pub fn tables(&self) -> usize {
        self.tables.len()
    }

    /// Gives the block back, wiped, and forgets the tables.
    pub fn release(&mut self) {
        self.tables.clear();
        self.block = None;
    }

    /// Makes room for an operation.
    ///
    /// # Errors
    /// Out of memory, before anything happened, if the plan is larger than the budget or the device does not have it.
    pub fn begin<'a>(
        &'a mut self,
        operation: &'static str,
        plan: &Plan,
        stream: &'a Stream,
    ) -> Result<Lease<'a>, BackendError> {
        let (planned, budget) = (plan.bytes(), self.budget());
        if planned > budget {
            let detail = format!("{planned} bytes of device memory planned, the budget is {budget}");
            return Err(BackendError::new(ErrorClass::OutOfMemory, operation, detail));
        }
        if planned > self.end() || self.end() > budget {
            self.release();
        }
        let reservation = self.reserve(operation, planned)?;
        if self.block.is_none() {
            self.block = Some(DeviceMemory::new(&self.device, budget)?);
        }
        self.make_room(plan);
        let tables: Vec<usize> = plan.tables.iter().map(|(key, bytes)| self.place(key, *bytes)).collect();
        self.guard(plan, &tables);
        let secret = plan.secret.clone();
        Ok(Lease { arena: self, stream, secret, tables, finished: false, _reservation: reservation })
    }

    /// Nothing but what the plan names may be touched.
    fn guard(&self, plan: &Plan, tables: &[usize]) {
        let Some(block) = &self.block else { return };
        let named = tables.iter().map(|at| self.tables[*at].region);
        // SAFETY: the ranges are parts of the block.
        unsafe {
            self.device.guard(block.ptr(), block.len(), false);
            for region in plan.regions.iter().copied().chain(named) {
                self.device.guard(block.ptr().offset(region.offset), region.bytes, true);
            }
        }
    }

    /// Drops tables until the plan fits: first those that it does not name, then all.
    fn make_room(&mut self, plan: &Plan) {
        let missing: usize = plan
            .tables
            .iter()
            .filter(|(key, _)| !self.tables.iter().any(|t| t.key == *key))
            .map(|(_, bytes)| bytes)
            .sum();
        let fits = |arena: &Arena| plan.end + missing <= arena.low_end();
        if fits(self) {
            return;
        }
        // Tables lie one below the other, so that dropping one from the middle frees nothing. Those at the end stay.
        while let Some(last) = self.tables.last() {
            let named = plan.tables.iter().any(|(key, _)| *key == last.key);
            if named && fits(self) {
                return;
            }
            if named {
                self.tables.clear();
                return;
            }
            self.tables.pop();
            if fits(self) {
                return;
            }
        }
    }

    /// Where the lowest table begins.
    fn low_end(&self) -> usize {
        self.tables.last().map_or(self.end(), |t| t.region.offset)
    }

    fn place(&mut self, key: &TableKey, bytes: usize) -> usize {
        if let Some(at) = self.tables.iter().position(|t| t.key == *key) {
            return at;
        }
        let region = Region { offset: self.low_end() - bytes, bytes };
        self.tables.push(Table { key: key.clone(), region, filled: false });
        self.tables.len() - 1
    }
}

/// The arena while one operation uses it.
#[derive(Debug)]
pub struct Lease<'a> {
    arena: &'a mut Arena,
    stream: &'a Stream,
    secret: Vec<Region>,
    /// Indices into the arena's tables, in the plan's order.
    tables: Vec<usize>,
    finished: bool,
    /// Given back last of all.
    _reservation: Option<Reservation>,
}

impl Lease<'_> {
    /// The stream that the operation works on.
    pub fn stream(&self) -> &Stream {
        self.stream
    }

    /// The device.
    pub fn device(&self) -> &dyn Device {
        &*self.arena.device
    }

    /// The address of a region.
    pub fn ptr(&self, region: Region) -> DevicePtr {
        self.block().map_or(DevicePtr::NULL, |block| block.ptr().offset(region.offset))
    }

    /// Copies into a region from `at` on. More bytes than the region has are refused.
    ///
    /// # Errors
    /// What the device reports.
    pub fn upload(&self, region: Region, at: usize, from: &[u8]) -> Result<(), BackendError> {
        let block = self.checked(region, at, from.len(), "upload")?;
        Ok(block.upload(self.stream, region.offset + at, from)?)
    }

    /// Copies that run beside the stream's work, of slices of at most `largest` bytes. Dropped before the lease.
    ///
    /// # Errors
    /// What the device reports.
    pub fn uploads<'s>(&self, largest: usize) -> Result<Uploads<'s>, BackendError> {
        Uploads::new(&self.arena.device, self.arena.staging.as_ref(), largest)
    }

    /// Queues the copy of a slice to a region's beginning.
    ///
    /// # Errors
    /// A defect if the region is smaller; what the device reports.
    pub(crate) fn send<'s>(
        &self,
        uploads: &mut Uploads<'s>,
        region: Region,
        from: &'s [u8],
    ) -> Result<(), BackendError> {
        let block = self.checked(region, 0, from.len(), "upload")?;
        // SAFETY: the block has the range, and is the arena's for longer than any lease. Operations drop their uploads, and
        // so wait for the copies, before the lease.
        unsafe { uploads.send(block.ptr().offset(region.offset), from) }
    }

    /// Copies out of a region from `at` on, once the stream's work is done.
    ///
    /// # Errors
    /// What the device reports, also of work before.
    pub fn download(&self, region: Region, at: usize, to: &mut [u8]) -> Result<(), BackendError> {
        let block = self.checked(region, at, to.len(), "download")?;
        Ok(block.download(self.stream, region.offset + at, to)?)
    }

    /// The region of the plan's n-th table, and whether its contents are there.
    pub fn table(&self, n: usize) -> (Region, bool) {
        let table = &self.arena.tables[self.tables[n]];
        (table.region, table.filled)
    }

    /// Says that the contents of the plan's n-th table are there (or will be, in the stream's order).
    pub fn filled(&mut self, n: usize) {
        self.arena.tables[self.tables[n]].filled = true;
    }

    /// Ends the operation: waits for the stream and wipes what was secret.
    ///
    /// # Errors
    /// What the device reports, also of work before.
    pub fn finish(mut self) -> Result<(), BackendError> {
        self.finished = true;
        self.wipe()
    }

    fn wipe(&mut self) -> Result<(), BackendError> {
        let done = self.stream.synchronize();
        if let Some(block) = self.block() {
            self.secret.iter().try_for_each(|r| block.wipe(self.stream, r.offset, r.bytes))?;
        }
        self.stream.synchronize()?;
        Ok(done?)
    }

    fn block(&self) -> Option<&DeviceMemory> {
        self.arena.block.as_ref()
    }

    fn checked(
        &self,
        region: Region,
        at: usize,
        bytes: usize,
        operation: &'static str,
    ) -> Result<&DeviceMemory, BackendError> {
        let inside = at.checked_add(bytes).is_some_and(|end| end <= region.bytes);
        match self.block().filter(|block| inside && region.end() <= block.len()) {
            Some(block) => Ok(block),
            None => Err(BackendError::bug(operation, format!("{bytes} bytes at {at} of {}", region.bytes))),
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // The operation failed, and its error is what the caller gets. Tables may be half filled.
            let _ = self.wipe();
            self.arena.tables.clear();
        }
    }
}
