//! The tables of `docs/scheduling.md`, computed. `cargo run -p forebay-scheduler --example tables` prints them, and with
//! the document's path writes them into it, between markers; a test compares.

use super::{FleetReport, Machine, Point, Report, Settings, SimError, Workload, published, run, run_fleet};
use std::fmt::Write;

/// A table with a name, by which the document's markers refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Headings.
    pub head: Vec<String>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(name: &'static str, head: &[&str]) -> Table {
        Table { name, head: head.iter().map(|s| (*s).into()).collect(), rows: Vec::new() }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// As Markdown.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("| {} |\n|{}\n", self.head.join(" | "), "---|".repeat(self.head.len()));
        for row in &self.rows {
            // Writing to a string cannot fail.
            _ = writeln!(out, "| {} |", row.join(" | "));
        }
        out
    }
}

/// Replaces what stands between `<!-- table NAME -->` and `<!-- end -->` by the tables. Names without markers are
/// returned as errors.
pub fn update(document: &str, tables: &[Table]) -> Result<String, &'static str> {
    let mut text = document.to_owned();
    for table in tables {
        let start = format!("<!-- table {} -->\n", table.name);
        let from = text.find(&start).ok_or(table.name)? + start.len();
        let to = from + text[from..].find("<!-- end -->").ok_or(table.name)?;
        text.replace_range(from..to, &table.to_markdown());
    }
    Ok(text)
}

/// What the text's three interventions were expected to give at the same points.
const EXPECTED: [&str; 4] = ["38.0", "35.5", "34.5", "34.0"];

pub(super) const FULL: Point = Point { jobs: 20, in_flight: 15 };

pub(super) struct Shipped {
    pub(super) machine: Machine,
    pub(super) workload: Workload,
}

impl Shipped {
    pub(super) fn at(&self, point: Point, pairs: &[&str]) -> Result<Report, SimError> {
        run(&self.machine, &self.workload, &self.settings(pairs)?, point)
    }

    fn settings(&self, pairs: &[&str]) -> Result<Settings, SimError> {
        self.workload.settings.with(pairs)
    }
}

const SHIPPED: fn() -> Shipped = || Shipped { machine: Machine::shipped(), workload: Workload::shipped() };

/// All tables but the fleet's, from the shipped machine and workload: about two seconds.
pub fn tables() -> Result<Vec<Table>, SimError> {
    let s = SHIPPED();
    Ok(vec![
        published::phase9(&s)?,
        published::lone(&s)?,
        published::inflation(&s)?,
        published::seeds(&s)?,
        interventions(&s)?,
        workers(&s)?,
        pacing(&s)?,
        sensitivity(&s)?,
        devices(&s)?,
    ])
}

pub(super) fn one(x: f64) -> String {
    format!("{x:.1}")
}

pub(super) fn percent(x: f64) -> String {
    format!("{:+.1} %", 100.0 * x)
}

fn interventions(s: &Shipped) -> Result<Table, SimError> {
    let mut t = Table::new(
        "interventions",
        &["settings", "5×5", "10×10", "15×15", "20×15", "against published settings", "synthesis", "device"],
    );
    let base = s.at(FULL, &[])?.s_per_proof;
    for (name, pairs) in [
        ("published settings", &[][..]),
        ("1: `reclaim=mutex`", &["reclaim=mutex"]),
        ("`reclaim=arena`", &["reclaim=arena"]),
        ("2: `msm_threads=32`", &["msm_threads=32"]),
        ("3: `gate=yield`", &["gate=yield"]),
        ("`gate=park:8`", &["gate=park:8"]),
        ("`gate=adaptive`", &["gate=adaptive"]),
        ("`pinning=on`", &["pinning=on"]),
        ("`huge_pages=1g`", &["huge_pages=1g"]),
        ("1 + 2 + 3, as the text proposes", &["reclaim=mutex", "msm_threads=32", "gate=yield"]),
        ("arena, 32", &["reclaim=arena", "msm_threads=32"]),
        ("arena, 32, park:8", &["reclaim=arena", "msm_threads=32", "gate=park:8"]),
        ("arena, 32, adaptive", &["reclaim=arena", "msm_threads=32", "gate=adaptive"]),
        ("arena, 32, pinning, 1g", &["reclaim=arena", "msm_threads=32", "pinning=on", "huge_pages=1g"]),
    ] {
        let mut cells = Vec::new();
        for p in published::PHASE_9 {
            cells.push(one(s.at(p.point, pairs)?.s_per_proof));
        }
        let r = s.at(FULL, pairs)?;
        let gain = percent(r.s_per_proof / base - 1.0);
        let tail = [gain, format!("{:.1} s", r.synthesis.mean_s), format!("{:.2} s", r.avg_device_s)];
        t.rows.push([name.to_owned()].into_iter().chain(cells).chain(tail).collect());
    }
    let expected = EXPECTED.iter().map(|x| (*x).to_owned());
    let rest = ["−10.5 %", "–", "–"].map(str::to_owned);
    t.rows.push(
        ["the text's expectation for 1 + 2 + 3".to_owned()].into_iter().chain(expected).chain(rest).collect(),
    );
    Ok(t)
}

fn workers(s: &Shipped) -> Result<Table, SimError> {
    let mut t = Table::new("workers", &["gw", "settings", "pw=10", "pw=12", "pw=14", "pw=16"]);
    for gw in ["gw=1", "gw=2", "gw=3", "gw=4"] {
        for (name, extra) in [
            ("published", &[][..]),
            ("arena, 32", &["reclaim=arena", "msm_threads=32"]),
            ("arena, 32, jit", &["reclaim=arena", "msm_threads=32", "pacing=jit"]),
        ] {
            let mut cells = vec![gw[3..].to_owned(), name.to_owned()];
            for pw in ["pw=10", "pw=12", "pw=14", "pw=16"] {
                let pairs: Vec<&str> = [gw, pw].into_iter().chain(extra.iter().copied()).collect();
                let r = s.at(FULL, &pairs)?;
                cells.push(format!("{:.1} s, {:.0} GiB", r.s_per_proof, r.peak_gib));
            }
            t.rows.push(cells);
        }
    }
    Ok(t)
}

fn pacing(s: &Shipped) -> Result<Table, SimError> {
    let mut t = Table::new(
        "pacing",
        &["pacing", "gw, pw", "s/proof", "peak", "longest synthesis", "longest evaluation", "mean latency"],
    );
    for workers in [&["gw=2", "pw=16"], &["gw=2", "pw=32"], &["gw=3", "pw=20"], &["gw=3", "pw=32"]] {
        for mode in [
            "off",
            "jit:0:0.25:2:0",
            "jit:0:0.25:2:0.75",
            "jit:0.5:0.25:2:0",
            "jit:0.5:0.25:2:0.75",
            "jit:0.7:0.25:2:0",
            "jit:0.5:0:1:0",
            "jit:0.5:0.5:4:0",
        ] {
            let pacing = format!("pacing={mode}");
            let pairs = [workers[0], workers[1], "reclaim=arena", "msm_threads=32", &pacing];
            let r = s.at(FULL, &pairs)?;
            t.row([
                mode.to_owned(),
                format!("{}, {}", &workers[0][3..], &workers[1][3..]),
                one(r.s_per_proof),
                format!("{:.0} GiB", r.peak_gib),
                format!("{:.1} s", r.synthesis.max_s),
                format!("{:.1} s", r.evaluate.max_s),
                format!("{:.0} s", r.latency_s.0),
            ]);
        }
    }
    Ok(t)
}

type Change = (&'static str, fn(&mut Machine, &mut Workload, f64));

/// Every assumed figure, and what multiplies it.
const ASSUMED: [Change; 9] = [
    ("smt_gain − 1", |m, _, x| m.cpu.smt_gain = 1.0 + (m.cpu.smt_gain - 1.0) * x),
    ("bandwidth efficiency (at most 1)", |m, _, x| m.memory.efficiency = (m.memory.efficiency * x).min(1.0)),
    ("flush_us", |m, _, x| m.tlb.flush_us *= x),
    ("witness: memory_share", |_, w, x| w.stages.witness.memory_share *= x),
    ("host's l3_sensitivity but prep_msm's", |_, w, x| {
        w.stages.witness.l3_sensitivity *= x;
        w.stages.evaluate.l3_sensitivity *= x;
        w.tail.l3_sensitivity *= x;
    }),
    ("device: l3_sensitivity", |_, w, x| {
        w.stages.quotient.l3_sensitivity *= x;
        w.stages.device.l3_sensitivity *= x;
    }),
    ("evaluate: l3_mib", |_, w, x| w.stages.evaluate.l3_mib *= x),
    ("evaluate: threads", |_, w, x| w.stages.evaluate.threads *= x),
    ("b_g2: bandwidth per thread", |_, w, x| w.tail.bandwidth_gb_s_per_thread *= x),
];

fn sensitivity(s: &Shipped) -> Result<Table, SimError> {
    let mut t = Table::new(
        "sensitivity",
        &["assumed figure", "× 0.5: 20×15", "arena", "32", "× 2: 20×15", "arena", "32"],
    );
    for (name, change) in ASSUMED {
        let mut cells = vec![name.to_owned()];
        for factor in [0.5, 2.0] {
            let (mut machine, mut workload) = (s.machine.clone(), s.workload.clone());
            change(&mut machine, &mut workload, factor);
            let changed = Shipped { machine, workload };
            let base = changed.at(FULL, &[])?.s_per_proof;
            cells.push(one(base));
            for pair in ["reclaim=arena", "msm_threads=32"] {
                cells.push(percent(changed.at(FULL, &[pair])?.s_per_proof / base - 1.0));
            }
        }
        t.rows.push(cells);
    }
    Ok(t)
}

/// A day's worth of load on one machine with 1 to 8 devices.
fn devices(s: &Shipped) -> Result<Table, SimError> {
    let mut t = Table::new(
        "devices",
        &["devices", "pw", "s/proof", "partitions a day", "peak", "saturates first", "next", "device locks"],
    );
    for count in [1, 2, 4, 8] {
        for pw in ["pw=20", "pw=32", "pw=64"] {
            let mut machine = s.machine.clone();
            machine.device.count = count;
            let pairs = ["gw=3", pw, "reclaim=arena", "msm_threads=32", "pacing=jit"];
            let r = run(&machine, &s.workload, &s.settings(&pairs)?, Point { jobs: 100, in_flight: 40 })?;
            let ranked = r.utilisation.ranked();
            let (first, used) = r.utilisation.saturates_first();
            let next = ranked.iter().find(|(name, _)| *name != first).copied().unwrap_or_default();
            let cell = |(name, used): (&str, f64)| format!("{name} {:.0} %", 100.0 * used);
            t.row([
                count.to_string(),
                pw[3..].to_owned(),
                one(r.s_per_proof),
                format!("{:.0}", r.partitions_per_day),
                format!("{:.0} GiB", r.peak_gib),
                cell((first, used)),
                cell(next),
                format!("{:.0} %", 100.0 * r.utilisation.device_locks),
            ]);
        }
    }
    Ok(t)
}

/// 10⁶ partitions a day, on machines of which there are enough, just enough and too few: several seconds.
pub fn fleet_table() -> Result<Table, SimError> {
    let s = SHIPPED();
    let mut t = Table::new(
        "fleet",
        &["machines", "devices each", "pw", "until the last", "mean latency", "longest", "peak", "busiest"],
    );
    for (machines, devices, pw) in
        [(100, 1, "pw=20"), (50, 1, "pw=20"), (40, 1, "pw=20"), (100, 8, "pw=32"), (20, 8, "pw=32")]
    {
        let settings = s.settings(&["gw=3", pw, "reclaim=arena", "msm_threads=32", "pacing=jit"])?;
        let mut machine = s.machine.clone();
        machine.device.count = devices;
        let r: FleetReport = run_fleet(&machine, &s.workload, &settings, machines, 1e5, 1.0)?;
        t.row([
            machines.to_string(),
            devices.to_string(),
            pw[3..].to_owned(),
            format!("{:.1} h", r.hours),
            format!("{:.0} s", r.latency_s.0),
            format!("{:.0} s", r.latency_s.1),
            format!("{:.0} GiB", r.peak_gib),
            format!("{} {:.0} %", r.saturates_first.0, 100.0 * r.saturates_first.1),
        ]);
    }
    Ok(t)
}
