//! The published figures, and the model beside them.

use super::{
    Point, Report, SimError, Workload, run,
    tables::{FULL, Shipped, Table, one, percent},
};

/// One row of the published table.
pub(super) struct Published {
    pub(super) point: Point,
    s_per_proof: f64,
    prove_s: f64,
    device_s: f64,
    /// In per cent.
    utilisation: f64,
}

const fn row(
    jobs: u32,
    in_flight: u32,
    [s_per_proof, prove_s, device_s, utilisation]: [f64; 4],
) -> Published {
    Published { point: Point { jobs, in_flight }, s_per_proof, prove_s, device_s, utilisation }
}

/// At gw = 2 and pw = 10.
pub(super) const PHASE_9: [Published; 4] = [
    row(5, 5, [41.4, 50.3, 5.0, 84.9]),
    row(10, 10, [38.7, 56.3, 5.6, 89.7]),
    row(15, 15, [38.2, 54.3, 5.4, 88.0]),
    row(20, 15, [38.0, 60.0, 6.0, 90.8]),
];

/// The published figures are each of one run; the model's are means over so many seeds.
const SEEDS: u64 = 20;

/// Reports of all seeds.
fn seeds_at(s: &Shipped, point: Point, pairs: &[&str]) -> Result<Vec<Report>, SimError> {
    let settings = s.workload.settings.with(pairs)?;
    let one = |seed| run(&s.machine, &Workload { seed, ..s.workload.clone() }, &settings, point);
    (0..SEEDS).map(one).collect()
}

fn mean(reports: &[Report], figure: fn(&Report) -> f64) -> f64 {
    reports.iter().map(figure).sum::<f64>() / reports.len() as f64
}

/// A column's name, what was published, and what the model says.
type Column = (&'static str, fn(&Published) -> f64, fn(&Report) -> f64);

pub(super) fn phase9(s: &Shipped) -> Result<Table, SimError> {
    let columns: [Column; 4] = [
        ("s/proof", |p| p.s_per_proof, |r| r.s_per_proof),
        ("prove, s", |p| p.prove_s, |r| r.avg_prove_s),
        ("device/partition, s", |p| p.device_s, |r| r.avg_device_s),
        ("utilisation, %", |p| p.utilisation, |r| 100.0 * r.device_util),
    ];
    let heads = columns.iter().flat_map(|(name, ..)| [*name, "model", ""]);
    let mut t = Table::new("phase9", &["c×j"].into_iter().chain(heads).collect::<Vec<_>>());
    for p in PHASE_9 {
        let reports = seeds_at(s, p.point, &[])?;
        let mut cells = vec![p.point.to_string()];
        for (_, published, model) in columns {
            let (published, model) = (published(&p), mean(&reports, model));
            cells.extend([one(published), one(model), percent(model / published - 1.0)]);
        }
        t.rows.push(cells);
    }
    Ok(t)
}

/// One worker per device: ten times the time that a partition has it.
pub(super) fn lone(s: &Shipped) -> Result<Table, SimError> {
    let mut t =
        Table::new("lone", &["gw = 1", "published, s/proof", "device worker, s/proof", "", "s/proof"]);
    for (name, point, published) in [("alone", Point { jobs: 1, in_flight: 1 }, 32.1), ("20×15", FULL, 41.3)]
    {
        let reports = seeds_at(s, point, &["gw=1"])?;
        let worker = mean(&reports, |r| r.avg_prove_s);
        let wall = mean(&reports, |r| r.s_per_proof);
        t.row([name.into(), one(published), one(worker), percent(worker / published - 1.0), one(wall)]);
    }
    Ok(t)
}

pub(super) fn inflation(s: &Shipped) -> Result<Table, SimError> {
    let mut t = Table::new(
        "inflation",
        &["seconds", "alone", "under load", "1×1 model", "20×15 model, mean", "longest"],
    );
    let (alone, load) = (s.at(Point { jobs: 1, in_flight: 1 }, &[])?, s.at(FULL, &[])?);
    let two = |x: f64| format!("{x:.2}");
    let mut row = |name: &str, published: [&str; 2], model: [String; 3]| {
        let [a, b, c] = model;
        t.row([name.into(), published[0].into(), published[1].into(), a, b, c]);
    };
    row(
        "device worker per partition",
        ["4.9", "6.0–7.5"],
        [two(alone.avg_device_s), two(load.avg_device_s), two(load.max_device_s)],
    );
    row(
        "prep_msm",
        ["1.7", "2.7"],
        [two(alone.prepare.mean_s), two(load.prepare.mean_s), two(load.prepare.max_s)],
    );
    row(
        "synthesis of a partition",
        ["35", "54"],
        [one(alone.synthesis.mean_s), one(load.synthesis.mean_s), one(load.synthesis.max_s)],
    );
    row(
        "synthesis of a job, first start to last end",
        ["35", "54"],
        [one(alone.job_synthesis_s.0), one(load.job_synthesis_s.0), one(load.job_synthesis_s.1)],
    );
    row("device lock held", ["–", "–"], [two(alone.lock_held_s), two(load.lock_held_s), "–".into()]);
    row("b_g2", ["0.4", "–"], [two(alone.tail.mean_s), two(load.tail.mean_s), two(load.tail.max_s)]);
    row(
        "threads that unmap at once",
        ["–", "2–3"],
        [one(alone.unmapping.0), one(load.unmapping.0), one(load.unmapping.1)],
    );
    Ok(t)
}

/// How much of the agreement is luck of the seed.
pub(super) fn seeds(s: &Shipped) -> Result<Table, SimError> {
    let mut t = Table::new("seeds", &["c×j", "published", "lowest of 20 seeds", "mean", "highest"]);
    for p in PHASE_9 {
        let all = seeds_at(s, p.point, &[])?;
        let low = all.iter().map(|r| r.s_per_proof).fold(f64::INFINITY, f64::min);
        let high = all.iter().map(|r| r.s_per_proof).fold(0.0, f64::max);
        let mean = mean(&all, |r| r.s_per_proof);
        t.row([p.point.to_string(), one(p.s_per_proof), one(low), one(mean), one(high)]);
    }
    Ok(t)
}
