//! Bar charts for reports: one bar per setting, with the spread of its runs.

use super::svg::{escape, round_step};
use std::fmt::Write as _;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What the bar stands for.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// The least and the greatest of the runs, if there were several.
    pub spread: Option<(f64, f64)>,
}

const ROW: f64 = 24.0;
const LABELS: f64 = 220.0;
const PLOT: f64 = 520.0;

/// Horizontal bars that begin at zero, with `unit` behind each figure.
pub fn bars(title: &str, unit: &str, bars: &[Bar]) -> String {
    let greatest = bars.iter().map(|b| b.spread.map_or(b.value, |s| s.1.max(b.value))).fold(0.0, f64::max);
    let top = if greatest > 0.0 { greatest } else { 1.0 };
    let x = |value: f64| LABELS + value.max(0.0) / top * PLOT;
    let height = ROW * (bars.len() as f64 + 2.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{height:.0}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<text x=\"2\" y=\"15\" font-weight=\"bold\" fill=\"currentColor\">{}</text>\n",
        escape(title)
    );
    for (i, bar) in bars.iter().enumerate() {
        let y = (i + 1) as f64 * ROW;
        let _ = writeln!(
            out,
            "<text x=\"2\" y=\"{:.1}\" fill=\"currentColor\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{:.1}\" width=\"{:.2}\" height=\"14\" fill=\"hsl(210,55%,55%)\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"currentColor\">{:.3} {}</text>",
            y + 13.0,
            escape(&bar.label),
            y + 2.0,
            x(bar.value) - LABELS,
            x(bar.spread.map_or(bar.value, |s| s.1.max(bar.value))) + 6.0,
            y + 13.0,
            bar.value,
            escape(unit),
        );
        if let Some((least, most)) = bar.spread {
            let middle = y + 9.0;
            let _ = writeln!(
                out,
                "<line x1=\"{:.2}\" x2=\"{:.2}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\" stroke=\"currentColor\"/>",
                x(least),
                x(most)
            );
        }
    }
    grid(&mut out, top, height, &x);
    out.push_str("</svg>\n");
    out
}

fn grid(out: &mut String, top: f64, height: f64, x: &dyn Fn(f64) -> f64) {
    let step = round_step(top / 6.0);
    let mut at = 0.0;
    while step > 0.0 && at <= top {
        let _ = writeln!(
            out,
            "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{ROW}\" y2=\"{1:.1}\" stroke=\"currentColor\" opacity=\"0.15\"/>\
             <text x=\"{0:.1}\" y=\"{2:.1}\" fill=\"currentColor\" opacity=\"0.7\">{3}</text>",
            x(at),
            height - ROW,
            height - 8.0,
            (at * 1000.0).round() / 1000.0,
        );
        at += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_proportional_and_begin_at_zero() {
        let bar = |label: &str, value, spread| Bar { label: label.to_owned(), value, spread };
        let picture = bars("s/proof", "s", &[bar("off & on", 1.0, None), bar("park", 0.5, Some((0.4, 0.6)))]);
        assert!(picture.contains("width=\"520.00\""));
        assert!(picture.contains("width=\"260.00\""));
        assert!(picture.contains("off &amp; on"));
        assert!(picture.contains(&format!("x1=\"{:.2}\"", 220.0 + 0.4 * 520.0)));
    }

    #[test]
    fn nothing_to_draw_is_no_division_by_zero() {
        assert!(!bars("t", "s", &[]).contains("NaN"));
        let zero = Bar { label: "x".into(), value: 0.0, spread: None };
        assert!(!bars("t", "s", &[zero]).contains("NaN"));
    }
}
