//! The compiled circuit.

use crate::builder::Shape;
use crate::density::Density;
use crate::dictionary::Dictionary;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU64, Ordering};
use forebay_msm::ScalarField;
use memmap2::Mmap;

/// One of the three matrices of a rank-1 constraint system (A·w) ∘ (B·w) = C·w.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// The left factor.
    A = 0,
    /// The right factor.
    B = 1,
    /// The product.
    C = 2,
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Matrix::A => "A",
            Matrix::B => "B",
            Matrix::C => "C",
        })
    }
}

/// Where a chunk of rows is. The table ends with an entry at the end of the rows and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkEntry {
    /// Offset of its bytes in the payload.
    pub(crate) offset: u64,
    /// Its first row.
    pub(crate) row: u32,
    /// Added to its near columns.
    pub(crate) base: u32,
}

/// The compressed rows: memory of our own, or a part of a mapped cache file.
pub(crate) enum Payload {
    Owned(Vec<u8>),
    Mapped { map: Mmap, start: usize, len: usize },
}

impl Payload {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Payload::Owned(bytes) => bytes,
            // The range was checked when the file was loaded.
            Payload::Mapped { map, start, len } => map.get(*start..*start + *len).unwrap_or(&[]),
        }
    }
}

/// The counts that describe a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) shape: Shape,
    pub(crate) rows: u32,
    pub(crate) input_rows: u32,
    pub(crate) has_c: bool,
    pub(crate) terms: [u64; 3],
}

/// A rank-1 constraint system compiled for evaluation over the field `F`.
///
/// Variables are numbered 0..[`num_variables`](Self::num_variables): the constant one, the other inputs, then the
/// auxiliary variables; a witness lists their values in this order.
pub struct Circuit<F> {
    pub(crate) counts: Counts,
    pub(crate) dictionary: Dictionary,
    pub(crate) chunks: Vec<ChunkEntry>,
    pub(crate) payload: Payload,
    pub(crate) density: Density,
    pub(crate) evaluations: AtomicU64,
    pub(crate) field: PhantomData<fn() -> F>,
}

impl<F: ScalarField> Circuit<F> {
    /// Public inputs, with the constant one.
    pub fn num_inputs(&self) -> usize {
        self.counts.shape.num_inputs as usize
    }

    /// Auxiliary (private) variables.
    pub fn num_aux(&self) -> usize {
        self.counts.shape.num_aux as usize
    }

    /// The length of a witness: inputs, then auxiliary variables.
    pub fn num_variables(&self) -> usize {
        self.num_inputs() + self.num_aux()
    }

    /// Rows, with the input rows xᵢ·0 = 0 if they were appended.
    pub fn num_rows(&self) -> usize {
        self.counts.rows as usize
    }

    /// Rows without the appended input rows.
    pub fn num_constraints(&self) -> usize {
        (self.counts.rows - self.counts.input_rows) as usize
    }

    /// Whether matrix C was compiled. If not (a snarkjs key has none), [`evaluate`](Self::evaluate) gives c = a∘b and
    /// the witness cannot be checked against the circuit.
    pub fn has_c(&self) -> bool {
        self.counts.has_c
    }

    /// Nonzero coefficients of a matrix.
    pub fn num_terms(&self, matrix: Matrix) -> u64 {
        self.counts.terms[matrix as usize]
    }

    /// Which variables occur in A and in B.
    pub fn density(&self) -> &Density {
        &self.density
    }

    /// Distinct coefficients other than 1 and −1, not counting signs of small ones.
    pub fn num_distinct_coefficients(&self) -> usize {
        self.dictionary.small.len() + self.dictionary.large.len()
    }

    /// Bytes that evaluation reads besides the witness: rows, chunk table and dictionary. Density is not among them.
    pub fn size_bytes(&self) -> usize {
        self.payload.bytes().len()
            + self.chunks.len() * size_of::<ChunkEntry>()
            + self.dictionary.small.len() * 8
            + self.dictionary.large.len() * 32
    }

    /// Evaluations started on this circuit since it was compiled or loaded. It only grows: a test reads it to see that
    /// a prover really came through here.
    pub fn evaluations(&self) -> u64 {
        self.evaluations.load(Ordering::Relaxed)
    }

    /// Whether the rows are used from a memory-mapped file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.payload, Payload::Mapped { .. })
    }
}

impl<F> fmt::Debug for Circuit<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit").field("counts", &self.counts).finish_non_exhaustive()
    }
}
