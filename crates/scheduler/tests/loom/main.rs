//! Model checks of the protocols: the very files of the crate, compiled against loom's locks and atomics. Each model runs
//! under every interleaving up to a bound on preemptions. A lost wake-up shows as a deadlock, which loom reports.

// The files are a library's: what is public there is not reachable here, and no model uses all of it.
#![allow(dead_code, unreachable_pub, unused_imports, missing_docs, clippy::unwrap_used)]

#[path = "../../src/budget.rs"]
mod budget;
#[path = "../../src/cancel.rs"]
mod cancel;
#[path = "../../src/device.rs"]
mod device;
mod gate;
mod sync;

mod models {
    mod budget;
    mod device;
    mod gate;
}

/// Explores with at most this many preemptions per execution: three find every bug that is known to be found by more in
/// practice (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007: two suffice for most).
fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
