//! What the integration tests share.
#![allow(dead_code)]

use std::path::PathBuf;

/// A file made by circom or snarkjs.
pub(crate) fn fixture(dir: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(dir).join(name)
}

/// The bytes of a fixture.
pub(crate) fn bytes(dir: &str, name: &str) -> Vec<u8> {
    std::fs::read(fixture(dir, name)).unwrap()
}

/// A pool of two threads.
pub(crate) fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}

/// Where the data of a section starts and how long it is, found independently of the crate.
pub(crate) fn section(file: &[u8], id: u32) -> std::ops::Range<usize> {
    let mut at = 12;
    loop {
        let found = u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let length = u64::from_le_bytes(file[at + 4..at + 12].try_into().unwrap()) as usize;
        if found == id {
            return at + 12..at + 12 + length;
        }
        at += 12 + length;
    }
}

/// A binary file with another list of sections: (id, data).
pub(crate) fn with_sections(file: &[u8], sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = file[..8].to_vec();
    out.extend((sections.len() as u32).to_le_bytes());
    for (id, data) in sections {
        out.extend(id.to_le_bytes());
        out.extend((data.len() as u64).to_le_bytes());
        out.extend(data);
    }
    out
}

/// The sections of a binary file in its order.
pub(crate) fn sections(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut out = Vec::new();
    let mut at = 12;
    while at < file.len() {
        let id = u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let range = section(file, id);
        at = range.end;
        out.push((id, file[range].to_vec()));
    }
    out
}
