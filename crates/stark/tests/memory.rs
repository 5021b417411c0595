//! The peak that a proof reserves is the peak that it has. One test: the allocator counts for the whole process.

use forebay_scheduler::{
    budget::{Amounts, Budget},
    cancel::Wait,
    timeline::{Lane, Timeline},
};
use forebay_stark::{
    Options, Parameters, Shared, air::Air, peak_bytes, programs::workload::Workload, prove, setup, verify,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn the_reservation_is_an_upper_bound_and_close() {
    for (threads, log_n, log_blowup, log_arity) in
        [(1, 13, 1, 3), (2, 15, 1, 3), (4, 14, 1, 3), (2, 13, 2, 3), (2, 14, 1, 1), (8, 14, 1, 3)]
    {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let workload = Workload { log_n, limb_bits: 11 };
        let parameters =
            Parameters { queries: 20, grinding_bits: 1, log_blowup, log_arity, ..Parameters::default() };
        let boxed = workload.airs();
        let airs: Vec<&dyn Air> = boxed.iter().map(AsRef::as_ref).collect();
        let key = setup(&pool, &airs, parameters).unwrap();
        let verifying = key.verifying_key();
        let whole = peak_bytes(verifying, &[log_n, log_n - 1, 11], threads).unwrap();

        // With room for all threads, and with room for one alone.
        let least = peak_bytes(verifying, &[log_n, log_n - 1, 11], 1).unwrap();
        for total in [u64::MAX, least + (threads as u64) * (256 << 10)] {
            let before = ALLOCATOR.current_usage();
            let (traces, public) = workload.traces();
            let (budget, timeline) = (Budget::new(Amounts::host(total)), Timeline::default());
            let shared = Shared {
                budget: &budget,
                timeline: &timeline,
                wait: Wait::forever(),
                job: 0,
                partition: 0,
                lane: Lane::Worker(0),
            };
            ALLOCATOR.reset_peak_usage();
            let options = Options { shared: Some(shared), ..Options::default() };
            let proof = prove(&pool, &key, traces, &public, options).unwrap();
            let measured = (ALLOCATOR.peak_usage() - before) as u64;
            assert_eq!(verify(verifying, &public, &proof), Ok(()));
            let reserved = budget.usage().peak.host;
            let case = format!(
                "{threads} threads, 2^{log_n}, 2^{log_blowup}, 2^{log_arity}, {total}: measured {measured}, reserved {reserved}"
            );
            println!("{case} {:.3}", reserved as f64 / measured as f64);
            assert!(reserved >= measured, "{case}");
            assert!(reserved <= measured + measured / 4 + (4 << 20), "{case}");
            assert!(reserved <= total && reserved <= whole, "{case}");
            assert_eq!(budget.usage().used, Amounts::ZERO);
        }
    }
}
