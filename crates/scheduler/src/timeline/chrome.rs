//! The timeline in the trace event format of Chrome, which Perfetto reads as well: one complete event (`"ph": "X"`) per
//! span, microseconds, one row per lane. Source: the Trace Event Format document of the Catapult project.

use super::{Lane, Span};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The trace as JSON text.
pub fn trace(spans: &[Span]) -> String {
    let lanes: BTreeSet<Lane> = spans.iter().map(|s| s.lane).collect();
    let names = lanes.iter().map(|&lane| {
        json!({ "ph": "M", "name": "thread_name", "pid": 1, "tid": row(lane), "args": { "name": lane.label() } })
    });
    let events: Vec<Value> = names.chain(spans.iter().map(event)).collect();
    json!({ "displayTimeUnit": "ms", "traceEvents": events }).to_string()
}

fn event(span: &Span) -> Value {
    let waited = span.waited.map(|(reason, time)| json!({ "for": reason.name(), "s": time.as_secs_f64() }));
    json!({
        "ph": "X", "name": span.stage, "cat": span.lane.label(), "pid": 1, "tid": row(span.lane),
        "ts": span.start.as_secs_f64() * 1e6, "dur": span.length().as_secs_f64() * 1e6,
        "args": { "job": span.job, "partition": span.partition, "bytes": span.bytes, "waited": waited, "ok": span.ok },
    })
}

/// A number per lane; lanes of one kind lie together.
fn row(lane: Lane) -> u64 {
    match lane {
        Lane::Host => 0,
        Lane::Synthesis(i) => (1 << 32) + u64::from(i),
        Lane::Worker(i) => (2 << 32) + u64::from(i),
        Lane::Device(i) => (3 << 32) + u64::from(i),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::WaitReason;
    use std::time::Duration;

    #[test]
    fn a_span_is_a_complete_event() {
        let span = Span {
            job: 4,
            partition: 1,
            stage: "msm h",
            lane: Lane::Device(0),
            start: Duration::from_micros(1500),
            end: Duration::from_micros(4000),
            bytes: 64,
            waited: Some((WaitReason::DeviceLock, Duration::from_millis(2))),
            ok: true,
        };
        let parsed: Value = serde_json::from_str(&trace(&[span])).unwrap();
        let [name, event] = &parsed["traceEvents"].as_array().unwrap()[..] else { panic!("two events") };
        assert_eq!((&name["ph"], &name["args"]["name"]), (&json!("M"), &json!("device 0")));
        assert_eq!((&event["ts"], &event["dur"]), (&json!(1500.0), &json!(2500.0)));
        assert_eq!(event["tid"], name["tid"]);
        assert_eq!(event["args"]["waited"]["for"], "device lock");
    }
}
