//! Independent stages side by side.
//!
//! A multiplication on n threads leaves some of them idle at its end, and wherever its work has no n parts. Two of them at a
//! time fill each other's gaps. Nothing is oversubscribed: a lane is a rayon task that waits inside the pool, where waiting
//! means taking whatever task is there. Two lanes and no more, since every stage in progress has working memory.
//!
//! The lanes run in the pool of the calling thread (rayon's global one, if it is in none); a backend with a pool of its own
//! does its work there, and the lanes only wait.

use crate::ProveError;
use forebay_msm::Capabilities;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// A stage, or stages that depend on each other.
pub(crate) type Task<'a> = Box<dyn FnOnce() -> Result<(), ProveError> + Send + 'a>;

/// Runs all tasks, begun in this order: two at a time on the CPU, one after the other on a device, which has one queue and
/// memory for one.
///
/// # Errors
/// Of the first task that failed; those that have not begun then never do.
pub(crate) fn run_in_lanes(capabilities: &Capabilities, tasks: VecDeque<Task<'_>>) -> Result<(), ProveError> {
    if capabilities.is_device {
        return tasks.into_iter().try_for_each(|task| task());
    }
    let tasks = Mutex::new(tasks);
    let lane = || -> Result<(), ProveError> {
        while let Some(task) = next(&tasks) {
            task().inspect_err(|_| lock(&tasks).clear())?;
        }
        Ok(())
    };
    let (one, other) = rayon::join(lane, lane);
    one.and(other)
}

/// The lock is not held while a task runs: that would let a waiting lane take it again.
fn next<'a>(tasks: &Mutex<VecDeque<Task<'a>>>) -> Option<Task<'a>> {
    lock(tasks).pop_front()
}

fn lock<'m, 'a>(tasks: &'m Mutex<VecDeque<Task<'a>>>) -> std::sync::MutexGuard<'m, VecDeque<Task<'a>>> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    fn capabilities(is_device: bool) -> Capabilities {
        Capabilities { name: "test", is_device, threads: 2, max_log_domain: 1 }
    }

    /// The most tasks that ran at a time, out of five that wait for company as long as there may be some.
    fn most_at_a_time(threads: usize, is_device: bool) -> usize {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let task = || -> Task<'_> {
            Box::new(|| {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                let begun = std::time::Instant::now();
                while running.load(SeqCst) < 2 && begun.elapsed().as_millis() < 50 {
                    std::thread::yield_now();
                }
                most.fetch_max(running.fetch_sub(1, SeqCst), SeqCst);
                Ok(())
            })
        };
        let tasks = (0..5).map(|_| task()).collect();
        pool.install(|| run_in_lanes(&capabilities(is_device), tasks)).unwrap();
        most.into_inner()
    }

    #[test]
    fn a_device_has_one_stage_at_a_time_and_the_cpu_two() {
        assert_eq!(most_at_a_time(4, true), 1);
        assert_eq!(most_at_a_time(4, false), 2);
        assert_eq!(most_at_a_time(1, false), 1);
    }

    #[test]
    fn after_an_error_nothing_begins() {
        let begun = AtomicUsize::new(0);
        let task = |fails: bool| -> Task<'_> {
            let begun = &begun;
            Box::new(move || {
                begun.fetch_add(1, SeqCst);
                if fails { Err(ProveError::Cancelled) } else { Ok(()) }
            })
        };
        for is_device in [false, true] {
            begun.store(0, SeqCst);
            let tasks = [true, false, false].map(task).into();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let outcome = pool.install(|| run_in_lanes(&capabilities(is_device), tasks));
            assert!(matches!(outcome, Err(ProveError::Cancelled)));
            assert_eq!(begun.load(SeqCst), 1);
        }
    }
}
