//! The simulator: calibration, the published table, directions, and what it refuses. All deterministic.
#![allow(clippy::unwrap_used)] // a test may panic

use forebay_scheduler::sim::{
    Machine, Point, Report, Settings, SimError, Workload, run, run_fleet, tables, update,
};

const ONE: Point = Point { jobs: 1, in_flight: 1 };
const FULL: Point = Point { jobs: 20, in_flight: 15 };

fn at(point: Point, pairs: &[&str]) -> Report {
    let (machine, workload) = (Machine::shipped(), Workload::shipped());
    run(&machine, &workload, &workload.settings.with(pairs).unwrap(), point).unwrap()
}

fn near(x: f64, published: f64, tolerance: f64) {
    assert!((x / published - 1.0).abs() <= tolerance, "{x} is not within {tolerance} of {published}");
}

/// The published figures that parameters were fitted to.
#[test]
fn calibration() {
    let w = Workload::shipped();
    near(w.stages.witness.seconds + w.stages.evaluate.seconds, 32.1, 0.01);
    near(w.tail.serial_s + w.tail.work_s / 192.0, 0.4, 0.01);
    near(w.tail.serial_s + w.tail.work_s / 32.0, 0.6, 0.01);
    // The spreads are random: means over seeds.
    let runs: Vec<Report> = (0..20)
        .map(|seed| run(&Machine::shipped(), &Workload { seed, ..w.clone() }, &w.settings, ONE).unwrap())
        .collect();
    let mean = |f: fn(&Report) -> f64| runs.iter().map(f).sum::<f64>() / runs.len() as f64;
    near(mean(|r| r.synthesis.mean_s), 35.0, 0.02);
    near(mean(|r| r.avg_device_s), 4.9, 0.02);
    near(mean(|r| r.prepare.max_s), 2.7, 0.03);
    assert_eq!(at(FULL, &[]).unmapping.1, 3.0);
}

/// Means of the model over twenty seeds, by column, less the published figures, relative.
fn errors(published: [f64; 4], point: &str) -> [f64; 4] {
    let (machine, workload) = (Machine::shipped(), Workload::shipped());
    let mut sums = [0.0; 4];
    for seed in 0..20 {
        let workload = Workload { seed, ..workload.clone() };
        let r = run(&machine, &workload, &workload.settings, point.parse().unwrap()).unwrap();
        near(r.s_per_proof, published[0], 0.05);
        let figures = [r.s_per_proof, r.avg_prove_s, r.avg_device_s, 100.0 * r.device_util];
        sums.iter_mut().zip(figures).for_each(|(sum, x)| *sum += x / 20.0);
    }
    std::array::from_fn(|i| sums[i] / published[i] - 1.0)
}

/// Every figure of the table within 5 %, and its error as documented, to half a per cent; s/proof, which was not fitted to,
/// within 5 % for each of twenty seeds.
#[test]
fn the_published_table_is_reproduced() {
    for (point, published, documented) in [
        ("5x5", [41.4, 50.3, 5.0, 84.9], [-1.7, 4.1, 4.8, -2.5]),
        ("10x10", [38.7, 56.3, 5.6, 89.7], [-1.2, -3.4, -2.9, -5.0]),
        ("15x15", [38.2, 54.3, 5.4, 88.0], [-2.3, 3.5, 4.1, -0.3]),
        ("20x15", [38.0, 60.0, 6.0, 90.8], [-2.9, -3.8, -3.8, -1.1]),
    ] {
        for (error, documented) in errors(published, point).into_iter().zip(documented) {
            assert!(error.abs() <= 0.05, "{point}: {error}");
            assert!((100.0 * error - documented).abs() < 0.5, "{point}: {error} is not {documented} %");
        }
    }
}

/// A worker by itself: its preparation runs beside the device's first kernels.
#[test]
fn a_lone_worker_is_as_slow_as_published() {
    let w = Workload::shipped().stages;
    // Alone, without anything that synthesises: 32.1 s for ten partitions.
    let alone = w.prepare.seconds.max(w.quotient.seconds) + w.device.seconds + 0.4 + w.finish.seconds;
    near(10.0 * alone, 32.1, 0.02);
    near(at(FULL, &["gw=1"]).avg_prove_s, 41.3, 0.05);
}

/// Published as ranges: under load, each stage is slower than alone, and reaches the published extremes, by which it goes
/// further than published as documented: 9.3 s against 7.5 s, 3.1 s against 2.7 s.
#[test]
fn inflation_reaches_the_published_ranges() {
    let r = at(FULL, &[]);
    assert!(
        r.avg_device_s > 4.9 * 1.1 && (7.5..=9.3).contains(&r.max_device_s),
        "{} {}",
        r.avg_device_s,
        r.max_device_s
    );
    assert!(r.prepare.mean_s > 1.7 * 1.2 && (2.7..=3.1).contains(&r.prepare.max_s), "{:?}", r.prepare);
    let (mean, longest) = r.job_synthesis_s;
    assert!((35.0..=54.0).contains(&mean) && longest >= 54.0 * 0.95, "{mean} {longest}");
}

/// By Little's law, slots that are always busy turn out pw partitions per synthesis.
#[test]
fn throughput_obeys_littles_law() {
    let r = at(Point { jobs: 200, in_flight: 15 }, &[]);
    near(r.s_per_proof, r.synthesis.mean_s, 0.03);
    assert!(r.utilisation.synthesis_slots > 0.97);
}

#[test]
fn the_same_arguments_give_the_same_report() {
    assert_eq!(at(FULL, &["pacing=jit"]), at(FULL, &["pacing=jit"]));
}

#[test]
fn better_machines_are_not_slower() {
    let workload = Workload::shipped();
    let base = at(FULL, &[]).s_per_proof;
    let with = |change: fn(&mut Machine)| {
        let mut machine = Machine::shipped();
        change(&mut machine);
        run(&machine, &workload, &workload.settings, FULL).unwrap().s_per_proof
    };
    // One part in a hundred for the order of events, which is another one.
    assert!(with(|m| m.memory.bandwidth_gb_s *= 2.0) <= base * 1.01);
    assert!(with(|m| m.cpu.l3_mib *= 4.0) <= base * 1.01);
    assert!(with(|m| m.tlb.flush_us = 0.0) <= base * 1.01);
    assert!(with(|m| m.device.count = 2) <= base * 1.01);
    // And worse ones are slower.
    assert!(with(|m| m.memory.bandwidth_gb_s /= 2.0) > base * 1.05);
    assert!(with(|m| m.tlb.flush_us *= 10.0) > base * 1.05);
    let fewer = |m: &mut Machine| (m.cpu.cores, m.cpu.threads) = (24, 48);
    assert!(with(fewer) > base * 1.05);
}

#[test]
fn more_slots_are_faster_until_the_device_is_busy() {
    let proof = |pw: &str| at(FULL, &[pw, "gw=3", "reclaim=arena", "msm_threads=32"]).s_per_proof;
    let all: Vec<f64> = ["pw=4", "pw=6", "pw=8", "pw=10"].map(proof).into();
    assert!(all.windows(2).all(|w| w[1] < w[0]), "{all:?}");
    // No faster than the device lock allows.
    assert!(proof("pw=40") >= 21.0);
}

/// A machine whose CPU is the device, stages of milliseconds: pacing must not cost what it cannot save.
#[test]
fn pacing_leaves_few_short_proofs_alone() {
    let machine = Machine::from_toml(include_str!("../machines/two-cores.toml")).unwrap();
    let workload = Workload::from_toml(include_str!("../machines/membership.toml")).unwrap();
    for point in ["1x1", "5x5", "20x15"] {
        let run = |pacing| {
            let settings = workload.settings.with(&[pacing]).unwrap();
            run(&machine, &workload, &settings, point.parse().unwrap()).unwrap().s_per_proof
        };
        assert_eq!(run("pacing=jit"), run("pacing=off"), "{point}");
        assert!(run("pacing=jit") <= run("pacing=jit:0:0.25:2:0.75"), "{point}");
    }
}

#[test]
fn pacing_saves_memory_and_costs_little() {
    let others = ["gw=3", "pw=32", "reclaim=arena", "msm_threads=32"];
    let run = |pacing| at(FULL, &[&others[..], &[pacing]].concat());
    let (off, jit) = (run("pacing=off"), run("pacing=jit"));
    assert!(jit.peak_gib < off.peak_gib - 50.0, "{} {}", jit.peak_gib, off.peak_gib);
    assert!(jit.s_per_proof < off.s_per_proof * 1.01);
    // The device does not starve: from its first partition to its last, some worker has one.
    assert!(jit.device_util > 0.99, "{}", jit.device_util);
}

/// With buffers recycled, what the policy commits is what is resident: never more than there is.
#[test]
fn memory_is_never_exceeded_where_buffers_are_recycled() {
    let (mut machine, workload) = (Machine::shipped(), Workload::shipped());
    for gib in [90.0, 128.0, 256.0, 384.0] {
        machine.memory.gib = gib;
        let settings = workload.settings.with(&["reclaim=arena", "pw=32"]).unwrap();
        let r = run(&machine, &workload, &settings, Point { jobs: 5, in_flight: 5 }).unwrap();
        assert!(r.peak_gib <= gib, "{} of {gib}", r.peak_gib);
        assert_eq!(r.delivered, 5);
    }
}

#[test]
fn a_partition_that_cannot_fit_is_refused() {
    let (mut machine, workload) = (Machine::shipped(), Workload::shipped());
    machine.memory.gib = 80.0;
    let refused = run(&machine, &workload, &workload.settings, ONE);
    assert!(matches!(refused, Err(SimError::Refused(_))), "{refused:?}");
    machine = Machine::shipped();
    machine.device.memory_gib = 8.0;
    assert!(matches!(run(&machine, &workload, &workload.settings, ONE), Err(SimError::Refused(_))));
}

#[test]
fn a_thousand_jobs_are_delivered() {
    let r = at(Point { jobs: 1000, in_flight: 15 }, &["pacing=jit"]);
    assert_eq!((r.delivered, r.witness.count, r.finish.count), (1000, 10_000, 10_000));
    for (name, used) in r.utilisation.ranked() {
        assert!((0.0..=1.0).contains(&used), "{name} {used}");
    }
}

#[test]
fn a_fleet_finishes_what_arrives() {
    let (machine, workload) = (Machine::shipped(), Workload::shipped());
    let settings = workload.settings.with(&["reclaim=arena", "pacing=jit"]).unwrap();
    let r = run_fleet(&machine, &workload, &settings, 5, 1000.0, 0.1).unwrap();
    assert_eq!((r.machines, r.partitions, r.reports.len()), (5, 1000, 5));
    // Machines have their own arrivals.
    assert_ne!(r.reports[0].wall_s, r.reports[1].wall_s);
    assert!(run_fleet(&machine, &workload, &settings, 0, 1.0, 1.0).is_err());
}

#[test]
fn reports_are_json_and_markdown() {
    let r = at(ONE, &[]);
    let json = serde_json::to_value(&r).unwrap();
    assert_eq!(json["point"]["jobs"], 1);
    assert_eq!(json["s_per_proof"].as_f64(), Some(r.s_per_proof));
    assert!(r.to_markdown().contains(&format!("| s/proof | {:.1} |", r.s_per_proof)));
}

#[test]
fn toml_with_unknown_keys_or_nonsense_is_refused() {
    let machine = include_str!("../machines/threadripper-7995wx.toml");
    let workload = include_str!("../machines/porep-32g.toml");
    for (from, to, why) in [
        ("cores = 96 ", "cores = 0 ", "cpu.cores"),
        ("cores = 96 ", "cores = 96\ncorse = 1 ", "corse"),
        ("gib = 755.0", "gib = -1.0", "memory.gib"),
        ("gib = 755.0", "gib = 40.0", "memory.resident_gib"),
        ("gib = 755.0", "gib = nan", "memory.gib"),
        ("efficiency = 0.8", "efficiency = 1.5", "memory.efficiency"),
        ("threads = 192", "threads = 9000", "cpu.threads"),
        ("count = 1 ", "count = 100000 ", "device.count"),
    ] {
        let text = machine.replace(from, to);
        assert_ne!(text, machine);
        let error = Machine::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    for (from, to, why) in [
        ("partitions = 10 ", "partitions = 0 ", "partitions"),
        ("seconds = 26.0", "seconds = 0.0", "witness.seconds"),
        ("seconds = 26.0", "seconds = inf", "witness.seconds"),
        ("spread = 1.0 ", "spread = 27.0 ", "witness.spread"),
        ("gw = 2 ", "gw = 0 ", "gw"),
        ("gate = \"off\"", "gate = \"half\"", "gate"),
        ("reclaim = \"unbounded\"", "reclaim = \"never\"", "reclaim"),
        ("pinning = \"off\"", "pinning = \"maybe\"", "pinning"),
        ("seed = 1", "seeds = 1", "seeds"),
    ] {
        let text = workload.replace(from, to);
        assert_ne!(text, workload);
        let error = Workload::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn settings_and_points_are_read_from_words() {
    let base = Workload::shipped().settings;
    let all = "gw=3 pw=12 gate=park:2 reclaim=arena msm_threads=32 huge_pages=1g pinning=on pacing=jit";
    let words: Vec<&str> = all.split(' ').collect();
    assert_eq!(base.with(&words).unwrap().to_string(), all);
    assert_eq!(words.len(), Settings::KEYS.len());
    for bad in [
        "gw",
        "gw=0",
        "gw=x",
        "gate=park",
        "gate=park:x",
        "colour=red",
        "pacing=jit:1",
        "pacing=jit:1:1:nan:1",
    ] {
        assert!(base.with(&[bad]).is_err(), "{bad}");
    }
    assert_eq!("20x15".parse::<Point>().unwrap(), FULL);
    assert_eq!(FULL.to_string().parse::<Point>().unwrap(), FULL);
    for bad in ["", "20", "20x", "0x1", "1x0", "1x2x3", "-1x2", "99999999x1"] {
        assert!(bad.parse::<Point>().is_err(), "{bad}");
    }
}

/// The document's tables are the program's. `cargo run -p forebay-scheduler --example tables docs/scheduling.md` writes
/// them; the fleet's, which takes longer, is not compared.
#[test]
fn the_document_has_the_computed_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/scheduling.md");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(update(&text, &tables().unwrap()).unwrap(), text);
}
