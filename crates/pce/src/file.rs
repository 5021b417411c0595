//! A compiled circuit as one flat file, little-endian throughout.
//!
//! ```text
//! 0    magic "FBY-PCE\n"        8    u32 version           12   u32 flags (bit 0: C is there)
//! 16   modulus, 32 bytes        48   digest, 32 bytes      80   u32 inputs, aux, rows, input rows
//! 96   u64 terms of A, B, C     120  6 × {u64 offset, u64 length, blake3 of the section}
//! 408  blake3 of bytes 0..408   440  zeros up to 4096
//! ```
//! Sections start at multiples of 4096, in this order: rows, chunk table, small coefficients, large coefficients,
//! density of A, density of B; the file ends with the last one. Rows are used where they are mapped; the other sections,
//! which are small, are read into memory. Every checksum is verified at each load.

use crate::builder::Shape;
use crate::cache::Identity;
use crate::circuit::{ChunkEntry, Circuit, Counts, Payload};
use crate::density::{BitSet, Density};
use crate::dictionary::Dictionary;
use crate::error::FileError;
use crate::validate;
use core::marker::PhantomData;
use core::ops::Range;
use core::sync::atomic::AtomicU64;
use forebay_msm::ScalarField;
use forebay_msm::field::limbs_to_le_bytes;
use memmap2::Mmap;
use rayon::ThreadPool;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

const MAGIC: [u8; 8] = *b"FBY-PCE\n";
/// Changes with every change of the format, of what a digest covers, or of the compiler's output.
pub(crate) const VERSION: u32 = 1;
const PAGE: usize = 4096;
const SECTIONS: [&str; 6] =
    ["rows", "chunks", "small coefficients", "large coefficients", "density of A", "density of B"];
const TABLE: usize = 120;
const SEAL: usize = TABLE + 48 * SECTIONS.len();
const HAS_C: u32 = 1;

fn blake3_of(bytes: &[u8]) -> [u8; 32] {
    // Splits into the pool that it is called in; small inputs are hashed on the spot.
    *blake3::Hasher::new().update_rayon(bytes).finalize().as_bytes()
}

/// Writes `circuit` to `path` so that a reader sees the old file or the whole new one: a temporary file in the same
/// folder, synced, then renamed.
pub(crate) fn write<F: ScalarField>(
    circuit: &Circuit<F>,
    digest: &[u8; 32],
    path: &Path,
    pool: &ThreadPool,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let chunks: Vec<u8> = circuit.chunks.iter().flat_map(chunk_bytes).collect();
    let words = |words: &[u64]| -> Vec<u8> { words.iter().flat_map(|w| w.to_le_bytes()).collect() };
    let small = words(&circuit.dictionary.small);
    let large = words(circuit.dictionary.large.as_flattened());
    let (a, b) = (words(circuit.density.a.words()), words(circuit.density.b.words()));
    let sections = [circuit.payload.bytes(), &chunks, &small, &large, &a, &b];
    let header = pool.install(|| header::<F>(&circuit.counts, digest, sections));

    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::new(file.as_file_mut());
    out.write_all(&header)?;
    for (i, section) in sections.iter().enumerate() {
        out.write_all(section)?;
        if i + 1 < sections.len() {
            out.write_all(&[0; PAGE][..section.len().next_multiple_of(PAGE) - section.len()])?;
        }
    }
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The rename is durable once its folder is.
    File::open(folder)?.sync_all()
}

fn chunk_bytes(chunk: &ChunkEntry) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&chunk.offset.to_le_bytes());
    bytes[8..12].copy_from_slice(&chunk.row.to_le_bytes());
    bytes[12..].copy_from_slice(&chunk.base.to_le_bytes());
    bytes
}

fn header<F: ScalarField>(counts: &Counts, digest: &[u8; 32], sections: [&[u8]; 6]) -> Vec<u8> {
    let mut h = Vec::with_capacity(PAGE);
    h.extend(MAGIC);
    h.extend(VERSION.to_le_bytes());
    h.extend((if counts.has_c { HAS_C } else { 0 }).to_le_bytes());
    h.extend(limbs_to_le_bytes(&F::MODULUS_LIMBS));
    h.extend(digest);
    for n in [counts.shape.num_inputs, counts.shape.num_aux, counts.rows, counts.input_rows] {
        h.extend(n.to_le_bytes());
    }
    counts.terms.iter().for_each(|n| h.extend(n.to_le_bytes()));
    let mut offset = PAGE;
    for section in sections {
        h.extend((offset as u64).to_le_bytes());
        h.extend((section.len() as u64).to_le_bytes());
        h.extend(blake3_of(section));
        offset = (offset + section.len()).next_multiple_of(PAGE);
    }
    debug_assert_eq!(h.len(), SEAL, "the layout of the header");
    h.extend(blake3_of(&h));
    h.resize(PAGE, 0);
    h
}

/// Maps and checks the file at `path`.
pub(crate) fn load<F: ScalarField>(
    path: &Path,
    digest: &[u8; 32],
    pool: &ThreadPool,
) -> Result<Circuit<F>, FileError> {
    let file = open_regular(path)?;
    // SAFETY: the map is only read. Cache files are replaced by renaming, never written in place; should someone do so
    // all the same, the bytes read may be any bytes, which every reader of them checks.
    let map = unsafe { Mmap::map(&file)? };
    pool.install(|| parse(map, digest))
}

/// Reads integers off fixed offsets of the header page.
struct Fields<'a>(&'a [u8; PAGE]);

impl Fields<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        core::array::from_fn(|i| self.0[at + i])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }
}

/// The header page, once its magic, version and checksum are right.
fn sealed_header(file: &[u8]) -> Result<Fields<'_>, FileError> {
    let too_short = FileError::Length { expected: PAGE as u64, found: file.len() as u64 };
    let page = file.first_chunk::<PAGE>().ok_or(too_short)?;
    let h = Fields(page);
    if h.bytes(0) != MAGIC {
        return Err(FileError::Magic);
    }
    if h.u32(8) != VERSION {
        return Err(FileError::Version { found: h.u32(8), expected: VERSION });
    }
    if blake3_of(&page[..SEAL]) != h.bytes(SEAL) {
        return Err(FileError::Checksum { section: "header" });
    }
    Ok(h)
}

/// What the file at `path` says it is, from its header alone.
pub(crate) fn identify(path: &Path) -> Result<Identity, FileError> {
    let mut page = Vec::with_capacity(PAGE);
    open_regular(path)?.take(PAGE as u64).read_to_end(&mut page)?;
    let h = sealed_header(&page)?;
    Ok(Identity { modulus: h.bytes(16), digest: h.bytes(48) })
}

/// Opens a regular file. Looked at before it is opened: opening a FIFO would wait for a writer.
fn open_regular(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

fn parse<F: ScalarField>(map: Mmap, digest: &[u8; 32]) -> Result<Circuit<F>, FileError> {
    let h = sealed_header(&map)?;
    if h.bytes(16) != limbs_to_le_bytes(&F::MODULUS_LIMBS) {
        return Err(FileError::Field);
    }
    if h.bytes(48) != *digest {
        return Err(FileError::Digest);
    }
    let ranges = section_ranges(&h, map.len())?;
    for (i, range) in ranges.iter().enumerate() {
        // The ranges are inside the file.
        if blake3_of(&map[range.clone()]) != h.bytes(TABLE + 48 * i + 16) {
            return Err(FileError::Checksum { section: SECTIONS[i] });
        }
    }
    let counts = Counts {
        shape: Shape { num_inputs: h.u32(80), num_aux: h.u32(84) },
        rows: h.u32(88),
        input_rows: h.u32(92),
        has_c: h.u32(12) & HAS_C != 0,
        terms: [h.u64(96), h.u64(104), h.u64(112)],
    };
    let [rows, chunks, small, large, a, b] = ranges.each_ref().map(|range| &map[range.clone()]);
    let chunks: Vec<ChunkEntry> = chunks.as_chunks().0.iter().map(chunk_entry).collect();
    let limbs = |bytes: &[u8; 32]| core::array::from_fn(|i| le_u64(&bytes[8 * i..8 * i + 8]));
    let dictionary =
        Dictionary { small: words(small), large: large.as_chunks().0.iter().map(limbs).collect() };
    validate::circuit::<F>(&counts, &dictionary, &chunks, rows)?;
    let density = Density { a: bits(a, &counts, SECTIONS[4])?, b: bits(b, &counts, SECTIONS[5])? };
    let (start, len) = (ranges[0].start, rows.len());
    Ok(Circuit {
        counts,
        dictionary,
        chunks,
        payload: Payload::Mapped { map, start, len },
        density,
        evaluations: AtomicU64::new(0),
        field: PhantomData,
    })
}

/// Where the sections are, after checking that they fill the file as they should.
fn section_ranges(h: &Fields<'_>, file: usize) -> Result<[Range<usize>; 6], FileError> {
    let mut ranges = [const { 0..0 }; 6];
    let mut end = PAGE as u64;
    for (i, range) in ranges.iter_mut().enumerate() {
        let invalid =
            |what| FileError::Invalid { section: SECTIONS[i], offset: (TABLE + 48 * i) as u64, what };
        let (offset, len) = (h.u64(TABLE + 48 * i), h.u64(TABLE + 48 * i + 8));
        if Some(offset) != end.checked_next_multiple_of(PAGE as u64) {
            return Err(invalid("the section is not where it should be"));
        }
        if len % [1, 16, 8, 32, 8, 8][i] != 0 {
            return Err(invalid("not a whole number of entries"));
        }
        end = offset.checked_add(len).ok_or(invalid("the length overflows"))?;
        *range = offset as usize..end as usize;
        if end > file as u64 {
            return Err(FileError::Length { expected: end, found: file as u64 });
        }
    }
    if end != file as u64 {
        return Err(FileError::Length { expected: end, found: file as u64 });
    }
    Ok(ranges)
}

fn chunk_entry(bytes: &[u8; 16]) -> ChunkEntry {
    let word = |at: usize| u32::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
    ChunkEntry { offset: le_u64(&bytes[..8]), row: word(8), base: word(12) }
}

/// The little-endian integer in eight bytes.
fn le_u64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b))
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b)).collect()
}

fn bits(bytes: &[u8], counts: &Counts, section: &'static str) -> Result<BitSet, FileError> {
    let invalid = FileError::Invalid { section, offset: 0, what: "not one bit per variable" };
    BitSet::from_words(words(bytes), counts.shape.num_variables() as usize).ok_or(invalid)
}
