//! The input file: JSON read as circom's `witness_calculator.js` reads it.
//!
//! An object of signal names and values. A value is an integer, text that holds one, or a boolean; arrays of any
//! depth are flattened row-major; objects (circom's buses) qualify the name with a dot (`"p": {"x": 1}` is `p.x`) and,
//! inside arrays, with their index (`p[0].x`).
//!
//! Stricter than JavaScript where that only hides mistakes: a repeated name and the empty text are refused. More exact
//! where JavaScript loses digits: whole numbers up to 64 bits are read as written; longer ones must be text.

use crate::error::InputError;
use crate::number::Number;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// The input signals of one run. Wiped when dropped; its `Debug` shows names and lengths only.
pub struct Inputs {
    signals: Vec<Signal>,
}

pub(crate) struct Signal {
    pub(crate) name: String,
    /// Row-major.
    pub(crate) values: Vec<Number>,
}

impl Inputs {
    /// Reads the text of an input file. The depth of nesting is limited (128).
    ///
    /// # Errors
    /// [`InputError`] if it is not a JSON object of signals.
    pub fn from_json(json: &[u8]) -> Result<Self, InputError> {
        let root: Node = serde_json::from_slice(json)
            .map_err(|e| InputError::Json { line: e.line(), column: e.column() })?;
        let Node::Object(fields) = root else { return Err(InputError::NotAnObject) };
        let mut signals = Vec::new();
        for (name, node) in fields {
            qualify(name, node, &mut signals)?;
        }
        let mut names = HashSet::with_capacity(signals.len());
        if let Some(twice) = signals.iter().find(|s| !names.insert(s.name.as_str())) {
            return Err(InputError::Duplicate { signal: twice.name.clone() });
        }
        drop(names);
        Ok(Self { signals })
    }

    /// The signals' names and how many values each got, in the file's order.
    pub fn signals(&self) -> impl Iterator<Item = (&str, usize)> {
        self.signals.iter().map(|s| (s.name.as_str(), s.values.len()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Signal> {
        self.signals.iter()
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.signals()).finish()
    }
}

/// JSON, with its numbers in wiped storage.
enum Node {
    Number(Number),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// `null`, or a number or text that is no integer.
    NotAnInteger,
}

/// Adds the signals below `node` under `name`.
fn qualify(name: String, node: Node, out: &mut Vec<Signal>) -> Result<(), InputError> {
    match node {
        Node::Number(value) => out.push(Signal { name, values: vec![value] }),
        Node::NotAnInteger => return Err(InputError::NotAnInteger { signal: name, index: 0 }),
        Node::Object(fields) => {
            for (field, node) in fields {
                qualify(format!("{name}.{field}"), node, out)?;
            }
        }
        Node::Array(nodes) => match first_leaf(&nodes) {
            Some(Node::Object(_)) => qualify_objects(&name, nodes, out)?,
            _ => {
                let mut values = Vec::new();
                flatten(&name, nodes, &mut values)?;
                out.push(Signal { name, values });
            }
        },
    }
    Ok(())
}

/// The first element, row-major, that is not an array.
fn first_leaf(nodes: &[Node]) -> Option<&Node> {
    nodes.iter().find_map(|node| match node {
        Node::Array(inner) => first_leaf(inner),
        leaf => Some(leaf),
    })
}

fn flatten(name: &str, nodes: Vec<Node>, values: &mut Vec<Number>) -> Result<(), InputError> {
    for node in nodes {
        match node {
            Node::Number(value) => values.push(value),
            Node::Array(inner) => flatten(name, inner, values)?,
            Node::Object(_) => return Err(InputError::MixedArray { signal: name.to_owned() }),
            Node::NotAnInteger => {
                return Err(InputError::NotAnInteger { signal: name.to_owned(), index: values.len() });
            }
        }
    }
    Ok(())
}

fn qualify_objects(name: &str, nodes: Vec<Node>, out: &mut Vec<Signal>) -> Result<(), InputError> {
    for (i, node) in nodes.into_iter().enumerate() {
        let element = format!("{name}[{i}]");
        match node {
            Node::Array(inner) => qualify_objects(&element, inner, out)?,
            Node::Object(_) => qualify(element, node, out)?,
            _ => return Err(InputError::MixedArray { signal: name.to_owned() }),
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Number(Number::from_u64(v.into())))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Number(Number::from_u64(v)))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Number(Number::from_i64(v)))
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Node, E> {
        Ok(Number::from_f64(v).map_or(Node::NotAnInteger, Node::Number))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Node, E> {
        Ok(Number::from_text(v).map_or(Node::NotAnInteger, Node::Number))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::NotAnInteger)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Node::Array(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_msm::{Bn254, Curve};

    type Fr = <Bn254 as Curve>::Fr;

    fn parse(json: &str) -> Vec<(String, Vec<Fr>)> {
        let inputs = Inputs::from_json(json.as_bytes()).unwrap();
        inputs.iter().map(|s| (s.name.clone(), s.values.iter().map(Number::reduce).collect())).collect()
    }

    fn values(v: &[u64]) -> Vec<Fr> {
        v.iter().map(|v| Fr::from(*v)).collect()
    }

    #[test]
    fn arrays_are_flattened_row_major_and_objects_qualify_names() {
        let got = parse(
            r#"{"a": [[1, "2"], [[true], "0x4"]], "p": {"x": 5, "q": {"y": [6]}}, "e": [], "b": false}"#,
        );
        let want = [("a", &[1, 2, 1, 4][..]), ("p.x", &[5]), ("p.q.y", &[6]), ("e", &[]), ("b", &[0])];
        assert_eq!(got, want.map(|(n, v)| (n.to_owned(), values(v))));
        let got = parse(r#"{"p": [[{"x": 1}, {"x": 2}], [{"x": [3, 4]}]]}"#);
        let want = [("p[0][0].x", &[1][..]), ("p[0][1].x", &[2]), ("p[1][0].x", &[3, 4])];
        assert_eq!(got, want.map(|(n, v)| (n.to_owned(), values(v))));
    }

    #[test]
    fn bad_inputs_name_the_signal_and_never_the_value() {
        let canary = "31337313373133731337";
        let integer = |signal: &str, index| InputError::NotAnInteger { signal: signal.into(), index };
        let cases = [
            (format!(r#"{{"a": [1, "{canary}z"]}}"#), integer("a", 1)),
            (r#"{"a": null}"#.into(), integer("a", 0)),
            (format!(r#"{{"a": {{"b": {canary}0}}}}"#), integer("a.b", 0)),
            (r#"{"a": 1.5}"#.into(), integer("a", 0)),
            (format!(r#"{{"a": [{canary}.0]}}"#), integer("a", 0)),
            (format!(r#"{{"a": 1, "a": "{canary}"}}"#), InputError::Duplicate { signal: "a".into() }),
            (r#"{"a": [1, {"b": 2}]}"#.into(), InputError::MixedArray { signal: "a".into() }),
            (r#"{"a": [{"b": 2}, 1]}"#.into(), InputError::MixedArray { signal: "a".into() }),
            (format!(r#"["{canary}"]"#), InputError::NotAnObject),
            (format!(r#"{{"a": {canary}x}}"#), InputError::Json { line: 1, column: 27 }),
            ("".into(), InputError::Json { line: 1, column: 0 }),
        ];
        for (json, want) in cases {
            let got = Inputs::from_json(json.as_bytes()).unwrap_err();
            assert_eq!(got, want, "{json}");
            assert!(!format!("{got} {got:?}").contains("31337"), "{got}");
        }
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        assert!(matches!(Inputs::from_json(deep.as_bytes()), Err(InputError::Json { .. })));
    }

    #[test]
    fn debug_shows_no_values() {
        let inputs = Inputs::from_json(br#"{"secret": ["31337", 2]}"#).unwrap();
        assert_eq!(format!("{inputs:?}"), r#"{"secret": 2}"#);
    }
}
