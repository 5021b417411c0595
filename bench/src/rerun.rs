//! One process per number of threads.
//!
//! rayon's global pool (halo2curves, where no pool is installed) and bellperson's pool are made once, from environment
//! variables. So this program starts itself with those set. blst's own pool has no setting: it takes all cores, which is
//! why one thread goes through blst's single-threaded entry.

use std::{env, process::Command};

/// What bellperson's pool reads, and how a child knows that it is one.
const BELLPERSON_THREADS: &str = "EC_GPU_NUM_THREADS";
/// What rayon's global pool reads.
const RAYON_THREADS: &str = "RAYON_NUM_THREADS";

/// The number of threads of this process, if its environment says so and it is one of those asked for.
pub(crate) fn threads_of_this_process(wanted: &[usize]) -> Option<usize> {
    let set = |name| env::var(name).ok()?.parse::<usize>().ok();
    let threads = set(BELLPERSON_THREADS)?;
    (set(RAYON_THREADS)? == threads && wanted.contains(&threads)).then_some(threads)
}

/// Runs this command once for each number of threads.
pub(crate) fn for_each(threads: &[usize]) -> anyhow::Result<()> {
    for threads in threads {
        let status = Command::new(env::current_exe()?)
            .args(env::args_os().skip(1))
            .env(BELLPERSON_THREADS, threads.to_string())
            .env(RAYON_THREADS, threads.to_string())
            .status()?;
        anyhow::ensure!(status.success(), "with {threads} threads: {status}");
    }
    Ok(())
}
