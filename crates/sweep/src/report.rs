//! Tables, lines for machines, and a page with charts.

use crate::measure::Sample;
use forebay_scheduler::timeline::{
    Baselines,
    chart::{self, Bar},
    html,
};

/// Spread of a setting's runs above which a comparison of medians says little: twice the 3 % that the sweep is asked
/// to tell apart.
const UNRELIABLE: f64 = 0.06;

/// The runs of one setting at one point.
pub(crate) struct Row {
    pub(crate) runs: Vec<Sample>,
}

impl Row {
    /// The run with the median time per proof.
    pub(crate) fn median(&self) -> &Sample {
        let mut order: Vec<&Sample> = self.runs.iter().collect();
        order.sort_by(|a, b| a.s_per_proof.total_cmp(&b.s_per_proof));
        order[order.len() / 2]
    }

    fn times(&self) -> impl Iterator<Item = f64> + '_ {
        self.runs.iter().map(|s| s.s_per_proof)
    }

    fn extremes(&self) -> (f64, f64) {
        (self.times().fold(f64::INFINITY, f64::min), self.times().fold(0.0, f64::max))
    }

    /// Half the distance of the extremes over the median.
    fn spread(&self) -> f64 {
        let (least, most) = self.extremes();
        (most - least) / 2.0 / self.median().s_per_proof
    }

    fn label(&self) -> String {
        let s = self.median();
        format!("{} {}x{}", s.setting, s.c, s.j)
    }
}

const HEAD: [&str; 14] = [
    "setting",
    "c × j",
    "s/proof",
    "±",
    "CPU s/proof",
    "avg prove",
    "avg device",
    "device util",
    "inflation: evaluate",
    "device",
    "tail",
    "peak RSS",
    "mmap+munmap /proof",
    "faults /proof",
];

fn cells(row: &Row) -> Vec<String> {
    let s = row.median();
    let inflation =
        |stage: &str| s.inflation.get(stage).map_or_else(|| "–".to_owned(), |i| format!("{i:.2}"));
    vec![
        s.setting.clone(),
        format!("{} × {}", s.c, s.j),
        format!("{:.3}", s.s_per_proof),
        format!("{:.1} %", 100.0 * row.spread()),
        format!("{:.3}", s.cpu_s_per_proof),
        format!("{:.3}", s.avg_prove_s),
        format!("{:.4}", s.avg_device_s),
        format!("{:.1} %", 100.0 * s.device_util),
        inflation("evaluate"),
        inflation("device"),
        inflation("tail"),
        s.peak_rss_bytes.map_or_else(|| "?".to_owned(), |n| format!("{:.1} MB", n as f64 / 1e6)),
        format!("{:.1}", s.mmaps_per_proof + s.munmaps_per_proof),
        s.minor_faults_per_proof.map_or_else(|| "?".to_owned(), |n| format!("{n:.0}")),
    ]
}

/// A table in Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut out = line(&HEAD.map(str::to_owned));
    out += &format!("|{}\n", "---|".repeat(HEAD.len()));
    rows.iter().for_each(|row| out += &line(&cells(row)));
    out + &warnings(rows)
}

/// Comma-separated values.
pub(crate) fn csv(rows: &[Row]) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |cells: &[String]| cells.iter().map(|c| quote(c)).collect::<Vec<_>>().join(",") + "\n";
    let mut out = line(&HEAD.map(str::to_owned));
    rows.iter().for_each(|row| out += &line(&cells(row)));
    out
}

fn warnings(rows: &[Row]) -> String {
    let loud = |row: &&Row| row.runs.len() > 1 && row.spread() > UNRELIABLE;
    let names: Vec<String> = rows.iter().filter(loud).map(Row::label).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("\nThe runs of {} differ too much for a comparison to be relied on.\n", names.join(", "))
}

/// A page: the table, charts, and the waterfall of the last row's median run.
pub(crate) fn page(title: &str, rows: &[Row], baselines: &Baselines) -> String {
    let bars = |value: &dyn Fn(&Sample) -> f64, spread: bool| -> Vec<Bar> {
        let one = |row: &Row| Bar {
            label: row.label(),
            value: value(row.median()),
            spread: (spread && row.runs.len() > 1).then(|| row.extremes()),
        };
        rows.iter().map(one).collect()
    };
    let table: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let mut body = html::table(&HEAD, &table);
    body += &warnings(rows);
    body += &chart::bars("seconds per proof", "s", &bars(&|s| s.s_per_proof, true));
    body += &chart::bars("CPU seconds per proof", "s", &bars(&|s| s.cpu_s_per_proof, false));
    let megabytes = |s: &Sample| s.peak_rss_bytes.unwrap_or(0) as f64 / 1e6;
    body += &chart::bars("peak resident memory", "MB", &bars(&megabytes, false));
    body += &chart::bars("device utilisation", "%", &bars(&|s| 100.0 * s.device_util, false));
    if let Some(last) = rows.last() {
        body += &format!("<h2>{}</h2>\n", last.label());
        body += &html::waterfall(&last.median().spans, baselines);
    }
    html::page(title, &body)
}
