//! The workload proves and verifies, at every height and in odd settings.

use forebay_stark::{
    Options, Parameters, Proof, ProveError, TableParallelism, Trace, Tuning, VerifyError,
    air::Air,
    field::{F, PrimeCharacteristicRing},
    programs::workload::Workload,
    prove, setup, verify, verify_bytes,
};
use rayon::{ThreadPool, ThreadPoolBuilder};

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

fn few() -> Parameters {
    Parameters { queries: 20, grinding_bits: 4, ..Parameters::default() }
}

fn airs(boxed: &[Box<dyn Air>]) -> Vec<&dyn Air> {
    boxed.iter().map(AsRef::as_ref).collect()
}

#[test]
fn proofs_verify() {
    let pool = pool(2);
    let settings = [
        few(),
        Parameters { log_blowup: 2, ..few() },
        Parameters { log_blowup: 3, log_arity: 4, log_cap: 0, ..few() },
        Parameters { log_arity: 1, log_final: 0, ..few() },
        Parameters { log_arity: 2, log_final: 9, log_cap: 6, ..few() },
        // Another coset of the same lengths.
        Parameters { shift: F::from_u64(49), ..few() },
    ];
    for parameters in settings {
        for (log_n, limb_bits) in [(4, 3), (5, 7), (8, 5), (11, 11), (12, 4)] {
            let workload = Workload { log_n, limb_bits };
            let boxed = workload.airs();
            let key = setup(&pool, &airs(&boxed), parameters).unwrap();
            let (traces, public) = workload.traces();
            let proof = prove(&pool, &key, traces, &public, Options::default()).unwrap();
            let name = format!("{log_n} {limb_bits} {parameters:?}");
            assert_eq!(verify(key.verifying_key(), &public, &proof), Ok(()), "{name}");
            let bytes = proof.to_bytes();
            assert_eq!(Proof::from_bytes(key.verifying_key(), &bytes).as_ref(), Ok(&proof), "{name}");
            assert_eq!(verify_bytes(key.verifying_key(), &public, &bytes), Ok(()));
        }
    }
}

#[test]
fn threads_and_settings_do_not_change_the_proof() {
    let workload = Workload { log_n: 9, limb_bits: 8 };
    let boxed = workload.airs();
    let mut proofs = Vec::new();
    for (threads, tables) in
        [(1, TableParallelism::Auto), (2, TableParallelism::Fixed(3)), (4, TableParallelism::Fixed(1))]
    {
        let pool = pool(threads);
        let key = setup(&pool, &airs(&boxed), few()).unwrap();
        let (traces, public) = workload.traces();
        let options = Options { tables, ..Options::default() };
        proofs.push(prove(&pool, &key, traces, &public, options).unwrap().to_bytes());
    }
    assert!(proofs.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn false_traces_are_not_proved() {
    let pool = pool(2);
    let workload = Workload { log_n: 6, limb_bits: 5 };
    let boxed = workload.airs();
    let key = setup(&pool, &airs(&boxed), few()).unwrap();
    let (good, public) = workload.traces();
    let attempt = |change: &dyn Fn(&mut Vec<Trace>)| {
        let mut traces = good.clone();
        change(&mut traces);
        prove(&pool, &key, traces, &public, Options::default())
    };
    assert!(attempt(&|_| {}).is_ok());
    // Values that no constraint allows, but that the buses do not see.
    for (column, row) in [(0, 0), (1, 5), (1, 63), (0, 62)] {
        let proof = attempt(&|t| t[0][column][row] += F::ONE);
        assert_eq!(proof.unwrap_err(), ProveError::Unsatisfied, "{column} {row}");
    }
    // Values that the buses see.
    let unbalanced = |change: &dyn Fn(&mut Vec<Trace>)| {
        assert_eq!(attempt(change).unwrap_err(), ProveError::Unbalanced);
    };
    unbalanced(&|t| t[0][2][9] += F::ONE);
    unbalanced(&|t| t[0][2][9] = F::from_u64(32));
    unbalanced(&|t| t[2][0][3] -= F::ONE);
    unbalanced(&|t| t[1][3][0] = F::ZERO);
    unbalanced(&|t| t[0][13][0] = F::ZERO);
    assert!(matches!(attempt(&|t| t.truncate(2)), Err(ProveError::Shape(_))));
    assert!(matches!(attempt(&|t| t[1][2].truncate(5)), Err(ProveError::Shape(_))));
    assert!(matches!(attempt(&|t| t[2].clear()), Err(ProveError::Shape(_))));
    assert!(matches!(attempt(&|t| t[0].iter_mut().for_each(|c| c.truncate(4))), Err(ProveError::Shape(_))));
    assert!(matches!(attempt(&|t| t[2][0].truncate(16)), Err(ProveError::Shape(_))), "preprocessed height");
    let proof = attempt(&|_| {}).unwrap();
    let mut other = public.clone();
    other.inputs[0][2] += F::ONE;
    assert_eq!(verify(key.verifying_key(), &other, &proof), Err(VerifyError::Constraints));
}

#[test]
fn tuning_does_not_change_the_proof() {
    let pool = pool(2);
    let workload = Workload { log_n: 11, limb_bits: 8 };
    let boxed = workload.airs();
    let key = setup(&pool, &airs(&boxed), few()).unwrap();
    let on = Tuning::default();
    let tunings = [
        on,
        Tuning { chunked_bus: false, ..on },
        Tuning { norm_descent: false, ..on },
        Tuning { parallel_prefix_sum: false, ..on },
        Tuning { shared_domains: false, ..on },
        Tuning { reused_buffers: false, ..on },
        Tuning { sequential_small_trees: false, ..on },
        Tuning { dropped_levels: false, ..on },
        Tuning { direct_fold_leaves: false, ..on },
    ];
    let proofs = tunings.map(|tuning| {
        let (traces, public) = workload.traces();
        prove(&pool, &key, traces, &public, Options { tuning, ..Options::default() }).unwrap().to_bytes()
    });
    assert!(proofs.windows(2).all(|w| w[0] == w[1]));
}
