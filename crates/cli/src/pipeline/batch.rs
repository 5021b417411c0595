//! A batch file: jobs for `forebay prove --jobs`.
//!
//! ```toml
//! [[job]]
//! key = "membership.zkey"
//! r1cs = "membership.r1cs"            # optional: unsatisfied constraints are named
//! witnesses = ["a.wtns", "b.wtns"]    # one partition each; or
//! # wasm = "membership.wasm"
//! # inputs = ["a.json", "b.json"]
//! output = "proofs/members"           # folder: proof-0.json, public-0.json, …
//! priority = 1                        # optional, larger is more urgent
//! deadline-seconds = 60               # optional
//! ```
//!
//! Paths are relative to the batch file.

use super::load::{Loaded, WitnessSource};
use crate::{exit::Failure, session::Session, witness::Generator};
use forebay_formats::Validation;
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// More in one file are a mistake; the queue takes as many.
const MAX_JOBS: usize = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    job: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    key: PathBuf,
    r1cs: Option<PathBuf>,
    #[serde(default)]
    witnesses: Vec<PathBuf>,
    wasm: Option<PathBuf>,
    #[serde(default)]
    inputs: Vec<PathBuf>,
    output: PathBuf,
    #[serde(default)]
    priority: u8,
    deadline_seconds: Option<u64>,
}

/// A job of a batch, opened and checked.
pub(crate) struct BatchJob {
    pub(crate) loaded: Loaded,
    pub(crate) output: PathBuf,
    pub(crate) priority: u8,
    pub(crate) deadline: Option<Duration>,
}

/// Reads the file and opens everything that it names.
pub(crate) fn open(session: &Session, path: &Path, level: Validation) -> Result<Vec<BatchJob>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::io(path, &e))?;
    let entries = parse(&text).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    entries.into_iter().map(|entry| open_one(session, folder, entry, level)).collect()
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
    if file.job.is_empty() || file.job.len() > MAX_JOBS {
        return Err(format!("{} jobs: at least one and at most {MAX_JOBS} make sense", file.job.len()));
    }
    for (i, job) in file.job.iter().enumerate() {
        let complaint = match (job.witnesses.is_empty(), &job.wasm, job.inputs.is_empty()) {
            (false, None, true) | (true, Some(_), false) => continue,
            (true, Some(_), true) => "wasm needs inputs",
            (true, None, false) => "inputs need wasm",
            (true, None, true) => "give witnesses, or wasm and inputs",
            _ => "give witnesses or wasm with inputs, not both",
        };
        return Err(format!("job {}: {complaint}", i + 1));
    }
    Ok(file.job)
}

fn open_one(session: &Session, folder: &Path, entry: Entry, level: Validation) -> Result<BatchJob, Failure> {
    let key = folder.join(&entry.key);
    let r1cs = entry.r1cs.as_ref().map(|path| folder.join(path));
    let witnesses = witnesses(folder, &entry)?;
    Ok(BatchJob {
        loaded: Loaded::open(session, &key, r1cs.as_deref(), level, witnesses)?,
        output: folder.join(entry.output),
        priority: entry.priority,
        deadline: entry.deadline_seconds.map(Duration::from_secs),
    })
}

fn witnesses(folder: &Path, entry: &Entry) -> Result<Vec<WitnessSource>, Failure> {
    let Some(wasm) = &entry.wasm else {
        return Ok(entry.witnesses.iter().map(|path| WitnessSource::File(folder.join(path))).collect());
    };
    let wasm = folder.join(wasm);
    let module = std::fs::read(&wasm).map_err(|e| Failure::io(&wasm, &e))?;
    let generator = Arc::new(Generator::compile(&module, &wasm.display().to_string())?);
    let source = |path: &PathBuf| {
        let path = folder.join(path);
        let input = std::fs::read(&path).map(Zeroizing::new).map_err(|e| Failure::io(&path, &e))?;
        Ok(WitnessSource::Generated(Arc::clone(&generator), input))
    };
    entry.inputs.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read() {
        let text = "[[job]]\nkey='k'\nwitnesses=['a','b']\noutput='o'\npriority=3\ndeadline-seconds=9\n\
                    [[job]]\nkey='k'\nwasm='w'\ninputs=['i']\noutput='p'\n";
        let jobs = parse(text).unwrap();
        assert_eq!((jobs[0].witnesses.len(), jobs[0].priority, jobs[0].deadline_seconds), (2, 3, Some(9)));
        assert_eq!((jobs[1].inputs.len(), jobs[1].priority), (1, 0));
    }

    #[test]
    fn nonsense_is_refused_with_the_reason() {
        for (text, complaint) in [
            ("", "missing field `job`"),
            ("job = []", "0 jobs"),
            ("[[job]]\nkey='k'\noutput='o'", "job 1: give witnesses"),
            ("[[job]]\nkey='k'\noutput='o'\nwasm='w'", "wasm needs inputs"),
            ("[[job]]\nkey='k'\noutput='o'\ninputs=['i']", "inputs need wasm"),
            ("[[job]]\nkey='k'\noutput='o'\nwitnesses=['a']\nwasm='w'", "not both"),
            ("[[job]]\nkey='k'\noutput='o'\nwitness='a'", "unknown field `witness`"),
            ("[[job]]\nkey='k'\noutput='o'\nwitnesses=['a']\npriority=256", "priority"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(complaint), "{text:?}: {error}");
        }
    }
}
