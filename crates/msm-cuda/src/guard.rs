//! What happens when the device fails.
//!
//! A device error fails one attempt of one operation. [`Guarded`] tries a passing fault once more, and falls back to another
//! backend (the CPU) by its [`Policy`]. After so many faults in a row the device is *quarantined*: no operation goes there
//! until [`Guarded::release`]. An error after which the device answers nothing but errors (`DeviceLost`) quarantines it at
//! once, so that work in flight drains to the fallback. Inputs that an operation overwrites are kept for the next attempt in
//! a copy, which is wiped.
//!
//! A device can also answer, and wrongly. The prover verifies every proof; where one does not verify, it finds out which
//! operation was wrong and tries again, and the scheduler counts that against the device.

use core::fmt;
use forebay_msm::{
    Backend, BackendError, Bases, Capabilities, Curve, ErrorClass, SecretVec,
    backend::{DomainSpec, QuotientBasis, Transform},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

/// What to do about faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Further attempts of an operation after a passing fault.
    pub retries: u32,
    /// Whether an operation that the device cannot do runs on the fallback; otherwise its error is the caller's.
    pub fall_back: bool,
    /// Faults in a row after which the device is left alone.
    pub quarantine_after: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { retries: 1, fall_back: true, quarantine_after: 3 }
    }
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Attempts that failed.
    pub failed: u64,
    /// Operations that the fallback did.
    pub fallen_back: u64,
    /// Whether the device is left alone.
    pub quarantined: bool,
}

/// A device's backend with another one behind it.
pub struct Guarded<C: Curve> {
    device: Arc<dyn Backend<C>>,
    fallback: Arc<dyn Backend<C>>,
    policy: Policy,
    state: Arc<State>,
}

/// Shared by the guards of one device, whatever their curves.
#[derive(Debug, Default)]
pub struct State {
    /// Since the last success; `u32::MAX` once the device is lost.
    in_a_row: AtomicU32,
    failed: AtomicU64,
    fallen_back: AtomicU64,
}

impl State {
    /// What happened so far, under a policy.
    pub fn faults(&self, policy: &Policy) -> Faults {
        Faults {
            failed: self.failed.load(Relaxed),
            fallen_back: self.fallen_back.load(Relaxed),
            quarantined: self.in_a_row.load(Relaxed) >= policy.quarantine_after,
        }
    }

    fn count(&self, error: &BackendError) {
        self.failed.fetch_add(1, Relaxed);
        let lost = error.class() == ErrorClass::DeviceLost;
        let next = |n: u32| Some(if lost { u32::MAX } else { n.saturating_add(1) });
        // `next` never declines.
        let _ = self.in_a_row.fetch_update(Relaxed, Relaxed, next);
    }

    /// A success of an operation that began before the device was lost changes nothing about that.
    fn succeed(&self) {
        let _ = self.in_a_row.fetch_update(Relaxed, Relaxed, |n| (n != u32::MAX).then_some(0));
    }
}

impl<C: Curve> fmt::Debug for Guarded<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("policy", &self.policy)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<C: Curve> Guarded<C> {
    /// A guard over `device`. Guards of one device share `state`.
    pub fn new(
        device: Arc<dyn Backend<C>>,
        fallback: Arc<dyn Backend<C>>,
        policy: Policy,
        state: Arc<State>,
    ) -> Self {
        Guarded { device, fallback, policy, state }
    }

    /// What happened so far.
    pub fn faults(&self) -> Faults {
        self.state.faults(&self.policy)
    }

    /// Ends a quarantine.
    pub fn release(&self) {
        self.state.in_a_row.store(0, Relaxed);
    }

    /// `work` on the device, as often as the policy says, then on the fallback. `work` may be called any number of times.
    fn run<T>(
        &self,
        mut work: impl FnMut(&dyn Backend<C>) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let mut error = None;
        for _ in 0..=self.policy.retries {
            if self.faults().quarantined {
                break;
            }
            match work(&*self.device) {
                Ok(value) => {
                    self.state.succeed();
                    return Ok(value);
                }
                // The caller's mistake, which the fallback would report too.
                Err(e) if e.class() == ErrorClass::Bug => return Err(e),
                Err(e) => {
                    tracing::warn!(operation = e.operation(), class = %e.class(), "the device failed");
                    // Too little memory is no fault of the device, and trying again finds no more of it.
                    let again = e.class() == ErrorClass::Retryable;
                    if e.class() != ErrorClass::OutOfMemory {
                        self.state.count(&e);
                    }
                    error = Some(e);
                    if !again {
                        break;
                    }
                }
            }
        }
        match error {
            Some(error) if !self.policy.fall_back => Err(error),
            None if !self.policy.fall_back => {
                Err(BackendError::new(ErrorClass::DeviceLost, "device", "quarantined after repeated faults"))
            }
            _ => {
                self.state.fallen_back.fetch_add(1, Relaxed);
                work(&*self.fallback)
            }
        }
    }
}

/// A copy for another attempt, wiped when dropped.
fn copy<C: Curve>(operation: &'static str, values: &[C::Fr]) -> Result<SecretVec<C::Fr>, BackendError> {
    let out_of_memory = || BackendError::new(ErrorClass::OutOfMemory, operation, "a copy of the inputs");
    let mut copy = SecretVec::with_capacity(values.len()).ok_or_else(out_of_memory)?;
    values.iter().for_each(|value| copy.push(*value));
    Ok(copy)
}

impl<C: Curve> Backend<C> for Guarded<C> {
    fn capabilities(&self) -> Capabilities {
        self.device.capabilities()
    }

    fn scratch_bytes(&self, n: usize) -> usize {
        let copies = 3 * n * size_of::<C::Fr>();
        self.device.scratch_bytes(n).max(self.fallback.scratch_bytes(n)) + copies
    }

    fn msm_g1(&self, bases: Bases<'_, C::G1Affine>, scalars: &[C::Fr]) -> Result<C::G1, BackendError> {
        self.run(|backend| backend.msm_g1(bases, scalars))
    }

    fn msm_g2(&self, bases: Bases<'_, C::G2Affine>, scalars: &[C::Fr]) -> Result<C::G2, BackendError> {
        self.run(|backend| backend.msm_g2(bases, scalars))
    }

    fn ntt(&self, spec: DomainSpec, transform: Transform, values: &mut [C::Fr]) -> Result<(), BackendError> {
        // The device's backend writes `values` last of all, but for a copy that fails half-way.
        let original = copy::<C>("ntt", values)?;
        let mut first = true;
        self.run(|backend| {
            if !core::mem::take(&mut first) {
                values.copy_from_slice(&original);
            }
            backend.ntt(spec, transform, values)
        })
    }

    fn quotient(
        &self,
        spec: DomainSpec,
        basis: QuotientBasis,
        a: &mut [C::Fr],
        b: &mut [C::Fr],
        c: &mut [C::Fr],
    ) -> Result<(), BackendError> {
        let originals = [copy::<C>("quotient", a)?, copy::<C>("quotient", b)?, copy::<C>("quotient", c)?];
        let mut first = true;
        self.run(|backend| {
            if !core::mem::take(&mut first) {
                for (values, original) in [&mut *a, &mut *b, &mut *c].into_iter().zip(&originals) {
                    values.copy_from_slice(original);
                }
            }
            backend.quotient(spec, basis, a, b, c)
        })
    }
}
