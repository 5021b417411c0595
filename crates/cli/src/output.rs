//! Where words go: results to standard output, progress and complaints to standard error.

use crate::exit::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{io::IsTerminal, time::Duration};

/// The manner of speaking: text for people, or one JSON object for machines.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Output { json }
    }

    /// A line for people.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            println!("{}", text.as_ref());
        }
    }

    /// The result for machines.
    pub(crate) fn result(&self, value: &Value) {
        if self.json {
            println!("{value}");
        }
    }

    /// A spinner on a terminal, for work that takes longer than a moment; nothing elsewhere.
    pub(crate) fn progress(&self, what: &str) -> Progress {
        if self.json || !std::io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress(bar)
    }
}

/// A spinner that clears itself when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// What is being done now.
    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// One clear line, or one JSON object, on standard error.
pub(crate) fn report_failure(json: bool, failure: &Failure) {
    if json {
        let status = failure.status as u8;
        eprintln!("{}", json!({ "error": failure.to_string(), "status": status }));
    } else {
        eprintln!("forebay: {failure}");
    }
}

/// `12.3 ms`, `4.56 s`.
pub(crate) fn duration(d: Duration) -> String {
    let s = d.as_secs_f64();
    if s < 1.0 { format!("{:.1} ms", s * 1e3) } else { format!("{s:.2} s") }
}

/// `123 B`, `4.5 kB`, `6.7 MB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable() {
        assert_eq!(duration(Duration::from_micros(12_340)), "12.3 ms");
        assert_eq!(duration(Duration::from_millis(4_560)), "4.56 s");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(44_700_000), "44.7 MB");
    }
}
