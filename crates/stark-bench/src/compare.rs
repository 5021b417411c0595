//! Two revisions or two settings beside each other, as pull requests are judged: interleaved runs in processes of their
//! own, medians, a table with marks at ±5 %, a warning where the runs spread too far; and how cost grows with size.

use crate::{measure::Sample, settings::Without};
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::{path::PathBuf, process::Command};

/// Differences below this share of the base are noise.
const MARK: f64 = 0.05;

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Logarithm of the rows of the largest table
    #[arg(long, default_value_t = 18)]
    log_n: u32,
    /// The base's benchmark binary [default: this one]
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// The change's benchmark binary [default: this one]
    #[arg(long, value_name = "FILE")]
    change: Option<PathBuf>,
    /// What the change leaves out
    #[arg(long, value_enum, value_delimiter = ',')]
    without: Vec<Without>,
}

/// Arguments of `ablate`.
#[derive(Debug, Args)]
pub struct AblateArgs {
    /// Logarithm of the rows of the largest table
    #[arg(long, default_value_t = 18)]
    log_n: u32,
}

/// Arguments of `growth`.
#[derive(Debug, Args)]
pub struct GrowthArgs {
    /// Logarithms of the rows of the largest table
    #[arg(long, value_delimiter = ',', default_value = "14,15,16,17,18")]
    log_n: Vec<u32>,
}

/// One contender: a binary and what it is told.
struct Contender {
    binary: PathBuf,
    arguments: Vec<String>,
}

impl Contender {
    fn new(binary: Option<&PathBuf>, threads: usize, log_n: u32, without: &[Without]) -> Result<Contender> {
        let binary = binary.cloned().map_or_else(std::env::current_exe, Ok)?;
        let mut arguments = vec!["--threads".into(), threads.to_string(), "once".into()];
        arguments.extend(["--log-n".into(), log_n.to_string()]);
        arguments.extend(without.iter().flat_map(|w| ["--without".into(), w.name()]));
        Ok(Contender { binary, arguments })
    }

    fn run(&self) -> Result<Sample> {
        let output = Command::new(&self.binary).args(&self.arguments).output();
        let output = output.with_context(|| self.binary.display().to_string())?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let value: Value = serde_json::from_slice(&output.stdout)?;
        let figure = |name: &str| value[name].as_f64().with_context(|| format!("no {name}"));
        let peak = figure("peak_bytes")? as usize;
        Ok(Sample { cpu: figure("cpu_s")?, wall: figure("wall_s")?, peak })
    }
}

/// All contenders in turn, `rounds` times.
fn interleave(contenders: &[Contender], rounds: usize) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for (contender, samples) in contenders.iter().zip(&mut samples) {
            samples.push(contender.run()?);
        }
    }
    Ok(samples)
}

fn values(samples: &[Sample], figure: fn(&Sample) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = samples.iter().map(figure).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn middle(values: &[f64]) -> f64 {
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// (largest − least)/median.
fn spread(values: &[f64]) -> f64 {
    match (values.first(), values.last()) {
        (Some(least), Some(most)) => (most - least) / middle(values),
        _ => 0.0,
    }
}

fn mark(change: f64) -> &'static str {
    match change {
        c if c > MARK => "🔴",
        c if c < -MARK => "🟢",
        _ => "⚪",
    }
}

type Metric = (&'static str, fn(&Sample) -> f64);
const METRICS: [Metric; 3] =
    [("Peak heap, MB", |s| s.peak as f64 / 1e6), ("Prove, CPU-s", |s| s.cpu), ("Prove, wall s", |s| s.wall)];

pub(crate) fn compare(args: &CompareArgs, threads: usize, rounds: usize) -> Result<()> {
    let base = Contender::new(args.base.as_ref(), threads, args.log_n, &[])?;
    let change = Contender::new(args.change.as_ref(), threads, args.log_n, &args.without)?;
    let samples = interleave(&[base, change], rounds)?;
    println!("**2^{} rows, {threads} threads, median of {rounds}**\n", args.log_n);
    println!("| Metric | base | change | Δ | |\n|---|---|---|---|---|");
    for (name, figure) in METRICS {
        let (a, b) = (values(&samples[0], figure), values(&samples[1], figure));
        let (base, change) = (middle(&a), middle(&b));
        let relative = change / base - 1.0;
        let delta = change - base;
        println!(
            "| {name} | {base:.3} | {change:.3} | {delta:+.3} ({:+.1}%) | {} |",
            100.0 * relative,
            mark(relative)
        );
        for (who, values) in [("base", &a), ("change", &b)] {
            let spread = spread(values);
            if spread > MARK {
                eprintln!("⚠️ {name}: the {who}'s runs spread by {:.1}%: less reliable", 100.0 * spread);
            }
        }
    }
    Ok(())
}

/// Every setting left out alone.
pub(crate) fn ablate(args: &AblateArgs, threads: usize, rounds: usize) -> Result<()> {
    let all = Without::value_variants();
    let mut contenders = vec![Contender::new(None, threads, args.log_n, &[])?];
    for &without in all {
        contenders.push(Contender::new(None, threads, args.log_n, &[without])?);
    }
    let samples = interleave(&contenders, rounds)?;
    println!("**2^{} rows, {threads} threads, median of {rounds}**\n", args.log_n);
    println!("| Without | CPU-s | Δ | peak MB | Δ |\n|---|---|---|---|---|");
    let medians: Vec<(f64, f64)> = samples
        .iter()
        .map(|s| (middle(&values(s, |s| s.cpu)), middle(&values(s, |s| s.peak as f64 / 1e6))))
        .collect();
    let (cpu, peak) = medians[0];
    println!("| (nothing) | {cpu:.3} | | {peak:.1} | |");
    for (without, &(c, p)) in all.iter().zip(&medians[1..]) {
        let (dc, dp) = (c / cpu - 1.0, p / peak - 1.0);
        println!(
            "| {} | {c:.3} | {:+.1}% {} | {p:.1} | {:+.1}% {} |",
            without.name(),
            100.0 * dc,
            mark(dc),
            100.0 * dp,
            mark(dp)
        );
    }
    let spread = spread(&values(&samples[0], |s| s.cpu));
    if spread > MARK {
        eprintln!("⚠️ the base's CPU-seconds spread by {:.1}%: less reliable", 100.0 * spread);
    }
    Ok(())
}

/// Cost at several sizes and the line through them.
pub(crate) fn growth(args: &GrowthArgs, threads: usize, rounds: usize) -> Result<()> {
    let contenders: Vec<Contender> =
        args.log_n.iter().map(|&log_n| Contender::new(None, threads, log_n, &[])).collect::<Result<_>>()?;
    let samples = interleave(&contenders, rounds)?;
    println!("| rows | CPU-s | peak MB |\n|---|---|---|");
    let mut points = Vec::new();
    for (&log_n, samples) in args.log_n.iter().zip(&samples) {
        let cpu = middle(&values(samples, |s| s.cpu));
        let peak = middle(&values(samples, |s| s.peak as f64 / 1e6));
        println!("| 2^{log_n} | {cpu:.3} | {peak:.1} |");
        points.push((f64::from(log_n).exp2() / 1e6, cpu, peak));
    }
    let seconds = fit(points.iter().map(|p| (p.0, p.1)));
    let megabytes = fit(points.iter().map(|p| (p.0, p.2)));
    println!("\nPer million rows: {:.2} CPU-s and {:.0} MB; ", seconds.1, megabytes.1);
    println!("at no rows: {:.2} CPU-s and {:.0} MB.", seconds.0, megabytes.0);
    Ok(())
}

/// Least squares: (intercept, slope).
fn fit(points: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    let n = points.clone().count() as f64;
    let (sx, sy) = points.clone().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mx, my) = (sx / n, sy / n);
    let (xx, xy) =
        points.fold((0.0, 0.0), |(a, b), (x, y)| (a + (x - mx) * (x - mx), b + (x - mx) * (y - my)));
    let slope = if xx == 0.0 { 0.0 } else { xy / xx };
    (my - slope * mx, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_fitted() {
        let (intercept, slope) = fit([1.0, 2.0, 5.0].into_iter().map(|x| (x, 3.0 + 4.0 * x)));
        assert!((intercept - 3.0).abs() < 1e-9 && (slope - 4.0).abs() < 1e-9);
    }

    #[test]
    fn marks_begin_at_five_per_cent() {
        assert_eq!([0.051, 0.049, -0.049, -0.051].map(mark), ["🔴", "⚪", "⚪", "🟢"]);
    }

    #[test]
    fn spreads_are_relative_to_the_median() {
        assert_eq!(spread(&[9.0, 10.0, 11.0]), 0.2);
        assert_eq!(middle(&[]), 0.0);
    }
}
