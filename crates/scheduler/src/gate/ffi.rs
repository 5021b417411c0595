//! The gate through a C ABI: `include/forebay_gate.h`.
//!
//! The host may call functions, or count on the flag itself: add one (`fetch_add`) at the start of a critical stage and
//! subtract one at its end. It must never *store* 0 or 1: that would end the holds of others. Counting on the flag wakes
//! nobody, so parked evaluators notice within [`FOREIGN_POLL`](super::protocol::FOREIGN_POLL).
//!
//! No function unwinds into the host: none of them runs foreign code, and a null gate is answered with an error.

use super::evaluation::Evaluation;
use super::protocol::{BandwidthGate, Hold, Mode};
use crate::cancel::CancelToken;
use crate::sync::{Mutex, current};
use core::ffi::c_int;

/// A gate as the host sees it: opaque.
#[derive(Debug)]
pub struct ForebayGate {
    gate: BandwidthGate,
    /// Of the host's evaluators, all together.
    evaluation: Evaluation,
    /// Holds of the host, which has no guards. A thread releases its own, or any if it has none.
    holds: Mutex<Vec<Hold>>,
}

impl ForebayGate {
    /// Wraps a gate, for a host that does not create it. Give the result to the host with [`Box::into_raw`].
    pub fn new(gate: BandwidthGate) -> Self {
        let evaluation = gate.evaluation(CancelToken::new());
        ForebayGate { gate, evaluation, holds: Mutex::default() }
    }
}

/// Modes of `forebay_gate_create`: 0 is off, 1 yields, 2 parks.
fn mode(mode: u32, k: u32) -> Option<Mode> {
    match mode {
        0 => Some(Mode::Off),
        1 => Some(Mode::Yield),
        2 => Some(Mode::Park(k)),
        _ => None,
    }
}

/// A new gate; null if the mode is unknown.
#[unsafe(no_mangle)]
pub extern "C" fn forebay_gate_create(mode_number: u32, k: u32) -> *mut ForebayGate {
    match mode(mode_number, k) {
        Some(mode) => Box::into_raw(Box::new(ForebayGate::new(BandwidthGate::new(mode)))),
        None => core::ptr::null_mut(),
    }
}

/// Destroys a gate and ends the host's holds. Null is ignored.
///
/// # Safety
/// The gate is null or comes from [`forebay_gate_create`] (or [`Box::into_raw`]), is not used during or after the call,
/// and nobody uses its flag's address afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forebay_gate_destroy(gate: *mut ForebayGate) {
    if !gate.is_null() {
        // SAFETY: it was made by Box::into_raw and is given up by the host, says the caller's contract.
        drop(unsafe { Box::from_raw(gate) });
    }
}

/// Begins a critical stage. 0, or -1 for a null gate.
///
/// # Safety
/// The gate is null or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forebay_gate_hold(gate: *const ForebayGate) -> c_int {
    // SAFETY: null or live, says the caller's contract.
    let Some(gate) = (unsafe { gate.as_ref() }) else { return -1 };
    let hold = gate.gate.hold();
    gate.holds.lock().push(hold);
    0
}

/// Ends a critical stage. 0, or -1 for a null gate or if the host holds nothing through [`forebay_gate_hold`].
///
/// # Safety
/// The gate is null or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forebay_gate_release(gate: *const ForebayGate) -> c_int {
    // SAFETY: null or live, says the caller's contract.
    let Some(gate) = (unsafe { gate.as_ref() }) else { return -1 };
    let hold = {
        let mut holds = gate.holds.lock();
        let own = holds.iter().position(|hold| hold.thread == current());
        own.or(holds.len().checked_sub(1)).map(|at| holds.swap_remove(at))
    };
    if hold.is_some() { 0 } else { -1 }
}

/// A checkpoint of the host's evaluators, of which each thread is one. While the gate is held it yields, or parks until the
/// thread is one of the k that may run.
///
/// # Safety
/// The gate is null or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forebay_gate_checkpoint(gate: *const ForebayGate) {
    // SAFETY: null or live, says the caller's contract.
    let Some(gate) = (unsafe { gate.as_ref() }) else { return };
    // Nobody has the token, so there is no cancelling.
    let _ = gate.evaluation.checkpoint();
}

/// The calling thread, an evaluator of the host's, has no more work for now: another may run in its place. Without it, that
/// happens at the end of the hold.
///
/// # Safety
/// The gate is null or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forebay_gate_leave(gate: *const ForebayGate) {
    // SAFETY: null or live, says the caller's contract.
    if let Some(gate) = unsafe { gate.as_ref() } {
        gate.evaluation.leave();
    }
}

/// The address of the count of holds, a `std::atomic<int32_t>` to C++; null for a null gate. Valid until the gate is
/// destroyed.
///
/// # Safety
/// The gate is null or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forebay_gate_flag(gate: *const ForebayGate) -> *mut i32 {
    // SAFETY: null or live, says the caller's contract.
    match unsafe { gate.as_ref() } {
        Some(gate) => gate.gate.flag_address(),
        None => core::ptr::null_mut(),
    }
}
