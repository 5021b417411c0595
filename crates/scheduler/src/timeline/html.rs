//! A report as one file: pictures and tables inline, no script, no style sheet or font from elsewhere.

use super::{Baselines, Span, analysis, svg};
use std::fmt::Write as _;

const STYLE: &str = "body{font:14px/1.4 sans-serif;margin:2em;color:#222;background:#fff}\
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}\
td:first-child,th:first-child{text-align:left}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td,th{border-color:#444}}";

/// A page with a title and a body of finished markup.
pub fn page(title: &str, body: &str) -> String {
    let title = svg::escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// A table with a head and rows of plain text.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        cells.fold(String::from("<tr>"), |row, text| row + &format!("<{tag}>{}</{tag}>", svg::escape(text)))
            + "</tr>\n"
    };
    let mut out = String::from("<table>\n") + &cells("th", &mut head.iter().copied());
    for row in rows {
        out += &cells("td", &mut row.iter().map(String::as_str));
    }
    out + "</table>\n"
}

/// A page with the waterfall and its figures.
pub fn report(title: &str, spans: &[Span], baselines: &Baselines) -> String {
    page(title, &waterfall(spans, baselines))
}

/// The waterfall with its figures: devices, then stages.
pub fn waterfall(spans: &[Span], baselines: &Baselines) -> String {
    let mut body = svg::waterfall(spans, 1200);
    for device in analysis::device_use(spans) {
        let _ = writeln!(
            body,
            "<p>Device {}: busy {:.1} % of {:.2?}; {} idle gaps, the longest {:.2?}.</p>",
            device.device,
            100.0 * device.utilisation(),
            device.window,
            device.gaps.len(),
            device.longest_gap(),
        );
    }
    let head = ["stage", "runs", "failed", "mean", "median", "longest", "GB/s", "mean wait", "inflation"];
    let rows: Vec<Vec<String>> = analysis::summarise(spans, baselines).iter().map(row).collect();
    body + &table(&head, &rows)
}

fn row(s: &analysis::StageSummary) -> Vec<String> {
    vec![
        s.stage.to_owned(),
        s.runs.to_string(),
        s.failed.to_string(),
        format!("{:.2?}", s.mean),
        format!("{:.2?}", s.median),
        format!("{:.2?}", s.longest),
        s.bytes_per_second.map_or_else(|| "–".to_owned(), |b| format!("{:.2}", b / 1e9)),
        format!("{:.2?}", s.mean_wait),
        s.inflation.map_or_else(|| "–".to_owned(), |i| format!("{i:.2}×")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Lane;
    use std::time::Duration;

    #[test]
    fn the_page_carries_everything_itself() {
        let span = Span {
            job: 0,
            partition: 0,
            stage: "evaluate",
            lane: Lane::Device(0),
            start: Duration::ZERO,
            end: Duration::from_secs(2),
            bytes: 4_000_000_000,
            waited: None,
            ok: true,
        };
        let page = report("twenty <proofs>", &[span], &Baselines([("evaluate".into(), 1.0)].into()));
        for part in ["twenty &lt;proofs&gt;", "<svg", "busy 100.0 %", "2.00×", "<td>2.00</td>"] {
            assert!(page.contains(part), "{part} is missing");
        }
        assert!(!page.contains("<script") && !page.contains("src="));
    }
}
