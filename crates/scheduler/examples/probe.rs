//! probe
use forebay_scheduler::sim::*;
fn main() {
    let m = Machine::shipped();
    let w = Workload::shipped();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let a: Vec<&str> = args.iter().map(|s| s.as_str()).collect();
    let s = w.settings.with(&a).unwrap();
    for p in ["1x1", "5x5", "10x10", "15x15", "20x15"] {
        let r = run(&m, &w, &s, p.parse().unwrap()).unwrap();
        println!(
            "{p:>6} {:5.1} s/p  prove {:5.1} dev {:.2} max {:.2} util {:.1}% lockw {:.2} | synth {:.1} max {:.1} job {:.1}/{:.1} | wit {:.1} eval {:.1}/{:.1} prep {:.2}/{:.2} tail {:.2}/{:.2} fin {:.2} unm {:.1}/{} peak {:.0} lat {:.0}",
            r.s_per_proof,
            r.avg_prove_s,
            r.avg_device_s,
            r.max_device_s,
            r.device_util * 100.,
            r.lock_wait_s,
            r.synthesis.mean_s,
            r.synthesis.max_s,
            r.job_synthesis_s.0,
            r.job_synthesis_s.1,
            r.witness.mean_s,
            r.evaluate.mean_s,
            r.evaluate.max_s,
            r.prepare.mean_s,
            r.prepare.max_s,
            r.tail.mean_s,
            r.tail.max_s,
            r.finish.mean_s,
            r.unmapping.0,
            r.unmapping.1,
            r.peak_gib,
            r.latency_s.0
        );
    }
}
