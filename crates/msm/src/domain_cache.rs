//! The cache that shares domains and cosets among their users.

use crate::{
    backend::{Coset, DomainSpec, RootGenerator},
    curve::{Curve, CurveId},
    domain::{CosetTable, Domain, DomainError, root_of_unity},
};
use core::any::Any;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

/// What a cache entry is: the curve's subgroup of a size from a generator, or a coset of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    curve: CurveId,
    log_n: u32,
    generator: RootGenerator,
    coset: Option<Coset>,
}

type Cell = OnceLock<Arc<dyn Any + Send + Sync>>;

struct Entry {
    cell: Arc<Cell>,
    bytes: usize,
    last_use: u64,
}

#[derive(Default)]
struct Entries {
    map: HashMap<Key, Entry>,
    clock: u64,
}

/// Domains and cosets, shared: who asks for one that is being computed waits for it, who asks later gets the same.
///
/// Above `limit` bytes the least recently used entries are dropped from the cache (and from memory once their last
/// user is done).
pub struct DomainCache {
    entries: Mutex<Entries>,
    limit: usize,
}

impl Default for DomainCache {
    fn default() -> Self {
        Self::with_limit(usize::MAX)
    }
}

impl core::fmt::Debug for DomainCache {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DomainCache").field("entries", &self.len()).field("bytes", &self.bytes()).finish()
    }
}

impl DomainCache {
    /// A cache without a limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// A cache that holds at most `limit` bytes, one entry above it excepted: the newest always stays.
    pub fn with_limit(limit: usize) -> Self {
        DomainCache { entries: Mutex::default(), limit }
    }

    /// The domain of `spec` on the curve, computed at most once while it is held.
    ///
    /// # Errors
    /// As [`Domain::new`].
    pub fn domain<C: Curve>(&self, spec: DomainSpec) -> Result<Arc<Domain<C::Fr>>, DomainError> {
        let root = root_of_unity::<C::Fr>(spec.log_n, spec.generator)?;
        let key = Key { curve: C::ID, log_n: spec.log_n, generator: spec.generator, coset: None };
        Ok(self.get(key, || Domain::with_root(spec, root), Domain::bytes))
    }

    /// The coset table of `spec` on the curve, computed at most once while it is held.
    ///
    /// # Errors
    /// As [`CosetTable::new`].
    pub fn coset<C: Curve>(
        &self,
        spec: DomainSpec,
        coset: Coset,
    ) -> Result<Arc<CosetTable<C::Fr>>, DomainError> {
        let shift = CosetTable::<C::Fr>::shift_of(spec, coset)?;
        let key = Key { curve: C::ID, log_n: spec.log_n, generator: spec.generator, coset: Some(coset) };
        Ok(self.get(key, || CosetTable::with_shift(spec, shift), CosetTable::bytes))
    }

    /// Bytes of all tables held.
    pub fn bytes(&self) -> usize {
        self.lock().map.values().map(|e| e.bytes).sum()
    }

    /// How many domains and cosets are held.
    pub fn len(&self) -> usize {
        self.lock().map.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops every entry. Users keep what they hold.
    pub fn clear(&self) {
        self.lock().map.clear();
    }

    /// The entries stay consistent at every step, so a panic elsewhere while the lock was held does no harm.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `build` must not run rayon work: a worker that waits inside it could steal a task that waits for this cell.
    fn get<T: Any + Send + Sync>(
        &self,
        key: Key,
        build: impl FnOnce() -> T,
        bytes: impl Fn(&T) -> usize,
    ) -> Arc<T> {
        let cell = {
            let mut entries = self.lock();
            entries.clock += 1;
            let now = entries.clock;
            let entry = entries.map.entry(key).or_insert_with(|| Entry {
                cell: Arc::default(),
                bytes: 0,
                last_use: now,
            });
            entry.last_use = now;
            entry.cell.clone()
        };
        let value = cell.get_or_init(|| Arc::new(build())).clone();
        let Ok(value) = value.downcast::<T>() else {
            unreachable!("the key determines the type: its curve the field, its coset the kind of table")
        };
        self.account(key, &cell, bytes(&value));
        value
    }

    /// Enters the size of a finished entry and evicts others until the limit holds.
    fn account(&self, key: Key, cell: &Arc<Cell>, bytes: usize) {
        let mut entries = self.lock();
        if let Some(entry) = entries.map.get_mut(&key)
            && Arc::ptr_eq(&entry.cell, cell)
        {
            entry.bytes = bytes;
        }
        while entries.map.values().map(|e| e.bytes).sum::<usize>() > self.limit {
            let oldest = entries.map.iter().filter(|(k, e)| **k != key && e.bytes > 0);
            let Some((&oldest, _)) = oldest.min_by_key(|(_, e)| e.last_use) else { break };
            entries.map.remove(&oldest);
        }
    }
}
