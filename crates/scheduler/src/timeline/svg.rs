//! The waterfall as a picture: one row per lane, one bar per span, the job by its colour. Plain SVG without scripts;
//! a bar's details are its `<title>`, which browsers show as a tooltip.

use super::{Lane, Span};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

const LABELS: f64 = 110.0;
const ROW: f64 = 22.0;
const AXIS: f64 = 26.0;

/// The waterfall of `spans`, `width` pixels wide.
pub fn waterfall(spans: &[Span], width: u32) -> String {
    let lanes: BTreeSet<Lane> = spans.iter().map(|s| s.lane).collect();
    let rows: BTreeMap<Lane, usize> = lanes.into_iter().enumerate().map(|(i, lane)| (lane, i)).collect();
    let (first, last) = extent(spans);
    let plot = (f64::from(width) - LABELS - 8.0).max(100.0);
    let scale = Scale { first, pixels_per_second: plot / (last - first).as_secs_f64().max(1e-9) };
    let height = rows.len() as f64 * ROW + AXIS;

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n"
    );
    for (lane, row) in &rows {
        let (y, label) = (*row as f64 * ROW, lane.label());
        let _ = writeln!(out, "<text x=\"2\" y=\"{:.1}\" fill=\"currentColor\">{label}</text>", y + 15.0);
    }
    for span in spans {
        bar(&mut out, span, rows[&span.lane], &scale);
    }
    axis(&mut out, &scale, last, rows.len() as f64 * ROW);
    out.push_str("</svg>\n");
    out
}

struct Scale {
    first: Duration,
    pixels_per_second: f64,
}

impl Scale {
    fn x(&self, at: Duration) -> f64 {
        LABELS + at.saturating_sub(self.first).as_secs_f64() * self.pixels_per_second
    }
}

fn extent(spans: &[Span]) -> (Duration, Duration) {
    let first = spans.iter().map(|s| s.start).min().unwrap_or_default();
    let last = spans.iter().map(|s| s.end).max().unwrap_or_default();
    (first, last)
}

fn bar(out: &mut String, span: &Span, row: usize, scale: &Scale) {
    let (x, y) = (scale.x(span.start), row as f64 * ROW + 2.0);
    let width = (scale.x(span.end) - x).max(0.5);
    let hue = span.job.wrapping_mul(137) % 360;
    let fill = if span.ok { format!("hsl({hue},60%,{}%)", tone(span.stage)) } else { "#d00".to_owned() };
    let waited = span.waited.map(|(reason, time)| format!(", waited {time:.2?} for {}", reason.name()));
    let _ = writeln!(
        out,
        "<rect x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{:.1}\" fill=\"{fill}\">\
         <title>{}, job {} partition {}: {:.2?}{}</title></rect>",
        ROW - 4.0,
        escape(span.stage),
        span.job,
        span.partition,
        span.length(),
        waited.unwrap_or_default(),
    );
}

/// A lightness per stage name, so that neighbouring stages of one job can be told apart.
fn tone(stage: &str) -> u32 {
    40 + stage.bytes().map(u32::from).sum::<u32>() * 7 % 35
}

/// Ticks at a round interval, about eight of them.
fn axis(out: &mut String, scale: &Scale, last: Duration, y: f64) {
    let length = (last - scale.first).as_secs_f64();
    let step = round_step(length / 8.0);
    let mut at = 0.0;
    while at <= length && step > 0.0 {
        let x = LABELS + at * scale.pixels_per_second;
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{y:.1}\" stroke=\"currentColor\" opacity=\"0.15\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" fill=\"currentColor\">{}</text>",
            y + 16.0,
            label(at),
        );
        at += step;
    }
}

/// The next of 1, 2, 5 times a power of ten.
pub(super) fn round_step(least: f64) -> f64 {
    if !least.is_finite() || least <= 0.0 {
        return 0.0;
    }
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|&s| s >= least).unwrap_or(10.0 * power)
}

fn label(seconds: f64) -> String {
    match seconds {
        0.0 => "0".to_owned(),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{} s", (s * 10.0).round() / 10.0),
    }
}

/// Text for an element's content or attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_is_a_bar_in_its_row() {
        let at = |job, lane, start: u64, end: u64| Span {
            job,
            partition: 0,
            stage: "a<b",
            lane,
            start: Duration::from_secs(start),
            end: Duration::from_secs(end),
            bytes: 0,
            waited: None,
            ok: true,
        };
        let spans = [at(0, Lane::Synthesis(0), 5, 10), at(1, Lane::Device(0), 10, 15)];
        let picture = waterfall(&spans, 918);
        assert_eq!(picture.matches("<rect").count(), 2);
        assert!(picture.contains("a&lt;b"), "names are escaped");
        assert!(picture.contains("x=\"110.00\" y=\"2.0\" width=\"400.00\""), "{picture}");
        assert!(picture.contains("x=\"510.00\" y=\"24.0\" width=\"400.00\""), "{picture}");
    }

    #[test]
    fn an_empty_timeline_is_a_picture_too() {
        assert!(waterfall(&[], 400).ends_with("</svg>\n"));
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([0.011, 0.3, 4.0, 7.0, 10.0].map(round_step), [0.02, 0.5, 5.0, 10.0, 10.0]);
        assert_eq!(round_step(f64::NAN), 0.0);
    }
}
