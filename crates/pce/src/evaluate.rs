//! a = A·w, b = B·w, c = C·w, in parallel over chunks of rows.

use crate::circuit::{Circuit, Matrix};
use crate::error::EvalError;
use crate::kernel::{self, Inputs, Scratch, Terms};
use crate::simd::{self, Path};
use core::ops::{ControlFlow, Range};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use forebay_msm::field::{as_limbs, as_limbs_mut};
use forebay_msm::{Kernels, ScalarField};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::OnceLock;
use zeroize::Zeroize;

type Limbs = [u64; 4];

/// Chunks between two calls of the checkpoint, unless told otherwise. A chunk of sha256 takes about 0.07 ms on one core
/// (2.1 ms for its 31 chunks),
/// so a gate that wants to stop evaluators waits for about a millisecond.
pub const CHECKPOINT_EVERY: usize = 16;

/// Called by the evaluating threads every few chunks. It may block (to leave memory bandwidth to someone else), and it
/// may end the evaluation.
pub trait Checkpoint: Sync {
    /// Returns when the evaluation may go on; `Break` cancels it.
    fn check(&self) -> ControlFlow<()>;
}

impl<T: Fn() -> ControlFlow<()> + Sync> Checkpoint for T {
    fn check(&self) -> ControlFlow<()> {
        self()
    }
}

/// How to evaluate.
#[derive(Clone, Copy)]
pub struct EvalOptions<'a> {
    /// Where the work runs. No other thread is used.
    pub pool: &'a ThreadPool,
    /// Called before every [`checkpoint_every`](Self::checkpoint_every)-th chunk.
    pub checkpoint: Option<&'a dyn Checkpoint>,
    /// Chunks (of [`ROWS_PER_CHUNK`](crate::ROWS_PER_CHUNK) rows) between two calls; 0 counts as 1.
    pub checkpoint_every: usize,
    /// Whether to find the first row that the witness does not satisfy, while the rows are in the cache. Nothing is found
    /// if the circuit [has no C](Circuit::has_c).
    pub find_unsatisfied: bool,
    /// The kernels to run. Everyone but tests takes [`Kernels::Auto`].
    pub kernels: Kernels,
}

impl<'a> EvalOptions<'a> {
    /// No checkpoint, the fastest kernels.
    pub fn new(pool: &'a ThreadPool) -> Self {
        EvalOptions {
            pool,
            checkpoint: None,
            checkpoint_every: CHECKPOINT_EVERY,
            find_unsatisfied: false,
            kernels: Kernels::Auto,
        }
    }

    /// With this checkpoint, called every [`CHECKPOINT_EVERY`] chunks.
    pub fn with_checkpoint(self, checkpoint: &'a dyn Checkpoint) -> Self {
        EvalOptions { checkpoint: Some(checkpoint), ..self }
    }
}

/// The caller's buffers, each at least as long as there are rows; what is beyond (the padding up to a domain) becomes 0.
pub struct Outputs<'a, F> {
    /// A·w.
    pub a: &'a mut [F],
    /// B·w.
    pub b: &'a mut [F],
    /// C·w; a∘b if the circuit has no C.
    pub c: &'a mut [F],
}

/// What an evaluation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct EvalStats {
    /// Rows computed.
    pub rows: u64,
    /// Terms computed. Fewer than the circuit has when equal combinations were copied.
    pub terms: u64,
    /// Those of them in combinations that were computed eight at a time.
    pub terms_in_lanes: u64,
    /// Chunks computed.
    pub chunks: u64,
    /// Bytes of compressed rows, plus 32 per term for its witness value.
    pub bytes_read: u64,
    /// Bytes of the output buffers, with their padding.
    pub bytes_written: u64,
    /// The lowest row i of the circuit with aᵢ·bᵢ ≠ cᵢ, if [`EvalOptions::find_unsatisfied`] asked for it.
    pub first_unsatisfied_row: Option<usize>,
}

struct Run<'a> {
    witness: &'a [Limbs],
    rows: Range<usize>,
    path: Path,
    /// The lowest row found that is not satisfied.
    unsatisfied: AtomicUsize,
    options: EvalOptions<'a>,
    terms: AtomicU64,
    terms_in_lanes: AtomicU64,
    chunks: AtomicU64,
    bytes: AtomicU64,
    stopped: AtomicBool,
    error: OnceLock<EvalError>,
}

impl<F: ScalarField> Circuit<F> {
    /// Computes a = A·w, b = B·w and c = C·w (c = a∘b if the circuit [has no C](Self::has_c)).
    ///
    /// `witness` has the value of each variable, the constant first; w₀ is used as given.
    ///
    /// # Errors
    /// Wrong lengths, a checkpoint that cancelled, or damage to a mapped file after it was loaded. The buffers then hold
    /// unspecified values derived from the witness; wiping them is the caller's.
    pub fn evaluate(
        &self,
        witness: &[F],
        out: Outputs<'_, F>,
        options: EvalOptions<'_>,
    ) -> Result<EvalStats, EvalError> {
        self.evaluate_rows(0..self.num_rows(), witness, out, options)
    }

    /// [`evaluate`](Self::evaluate) for some rows: row `rows.start + i` goes to index i of the buffers. Ranges that begin
    /// and end at multiples of [`ROWS_PER_CHUNK`](crate::ROWS_PER_CHUNK) are the cheapest.
    ///
    /// # Errors
    /// As for [`evaluate`](Self::evaluate), and if the range is not inside the circuit.
    pub fn evaluate_rows(
        &self,
        rows: Range<usize>,
        witness: &[F],
        out: Outputs<'_, F>,
        options: EvalOptions<'_>,
    ) -> Result<EvalStats, EvalError> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        self.check_lengths(&rows, witness, &out)?;
        let out = [as_limbs_mut(out.a), as_limbs_mut(out.b), as_limbs_mut(out.c)];
        let bytes_written: u64 = out.iter().map(|rows| 32 * rows.len() as u64).sum();
        let run = Run {
            witness: as_limbs(witness),
            rows: rows.clone(),
            path: options.kernels.choose()?,
            unsatisfied: AtomicUsize::new(usize::MAX),
            options,
            terms: AtomicU64::new(0),
            terms_in_lanes: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            error: OnceLock::new(),
        };
        let len = rows.len();
        options.pool.install(|| {
            let [(a, pad_a), (b, pad_b), (c, pad_c)] = out.map(|rows| rows.split_at_mut(len));
            for pad in [pad_a, pad_b, pad_c] {
                pad.par_chunks_mut(1 << 14).for_each(|rows| rows.fill([0; 4]));
            }
            if len > 0 {
                self.split(self.chunks_of(&rows), [a, b, c], &run);
            }
        });
        if let Some(error) = run.error.into_inner() {
            return Err(error);
        }
        let terms = run.terms.into_inner();
        Ok(EvalStats {
            rows: len as u64,
            terms,
            terms_in_lanes: run.terms_in_lanes.into_inner(),
            chunks: run.chunks.into_inner(),
            bytes_read: run.bytes.into_inner() + 32 * terms,
            bytes_written,
            first_unsatisfied_row: Some(run.unsatisfied.into_inner()).filter(|&row| row != usize::MAX),
        })
    }

    fn check_lengths(
        &self,
        rows: &Range<usize>,
        witness: &[F],
        out: &Outputs<'_, F>,
    ) -> Result<(), EvalError> {
        if rows.start > rows.end || rows.end > self.num_rows() {
            return Err(EvalError::RowRange { start: rows.start, end: rows.end, rows: self.num_rows() });
        }
        if witness.len() != self.num_variables() {
            return Err(EvalError::WitnessLength { expected: self.num_variables(), found: witness.len() });
        }
        let lengths = [(Matrix::A, out.a.len()), (Matrix::B, out.b.len()), (Matrix::C, out.c.len())];
        match lengths.into_iter().find(|l| l.1 < rows.len()) {
            Some((matrix, found)) => Err(EvalError::OutputLength { matrix, needed: rows.len(), found }),
            None => Ok(()),
        }
    }

    /// The chunks that hold the rows, which are not empty.
    fn chunks_of(&self, rows: &Range<usize>) -> Range<usize> {
        let first = self.chunks.partition_point(|chunk| chunk.row as usize <= rows.start) - 1;
        let end = self.chunks.partition_point(|chunk| (chunk.row as usize) < rows.end);
        first..end
    }

    /// Halves the chunks until one is left.
    fn split(&self, chunks: Range<usize>, out: [&mut [Limbs]; 3], run: &Run<'_>) {
        if run.stopped.load(Ordering::Relaxed) {
            return;
        }
        if chunks.len() == 1 {
            return self.leaf(chunks.start, out, run);
        }
        let middle = chunks.start + chunks.len() / 2;
        let offset = |chunk: usize| (self.chunks[chunk].row as usize).max(run.rows.start);
        let at = offset(middle) - offset(chunks.start);
        let [(a0, a1), (b0, b1), (c0, c1)] = out.map(|rows| rows.split_at_mut(at));
        rayon::join(
            || self.split(chunks.start..middle, [a0, b0, c0], run),
            || self.split(middle..chunks.end, [a1, b1, c1], run),
        );
    }

    fn leaf(&self, chunk: usize, out: [&mut [Limbs]; 3], run: &Run<'_>) {
        let due = chunk.is_multiple_of(run.options.checkpoint_every.max(1));
        let checkpoint = run.options.checkpoint.filter(|_| due);
        let result = match checkpoint.map_or(ControlFlow::Continue(()), |c| c.check()) {
            ControlFlow::Break(()) => Err(EvalError::Cancelled),
            ControlFlow::Continue(()) => {
                self.chunk(chunk, out, run).map_err(|what| EvalError::Damaged { chunk, what })
            }
        };
        if let Err(error) = result {
            run.stopped.store(true, Ordering::Relaxed);
            // The first error stays.
            let _ = run.error.set(error);
        }
    }

    fn chunk(&self, chunk: usize, out: [&mut [Limbs]; 3], run: &Run<'_>) -> Result<(), &'static str> {
        let (entry, next) = (self.chunks[chunk], self.chunks[chunk + 1]);
        let (first, end) = (entry.row as usize, next.row as usize);
        let bytes = self
            .payload
            .bytes()
            .get(entry.offset as usize..next.offset as usize)
            .ok_or("the chunk is beyond the end of the file")?;
        let inputs = Inputs {
            dictionary: &self.dictionary,
            witness: run.witness,
            base: entry.base as usize,
            path: run.path,
        };
        let (wanted, whole) = (run.rows.start.max(first)..run.rows.end.min(end), first..end);
        let (terms, unsatisfied) = if wanted == whole {
            self.whole_chunk(bytes, &inputs, out, run)?
        } else {
            self.part_of_chunk(bytes, &inputs, whole, wanted.clone(), out, run)?
        };
        if let Some(row) = unsatisfied {
            run.unsatisfied.fetch_min(wanted.start + row, Ordering::Relaxed);
        }
        run.terms.fetch_add(terms.all, Ordering::Relaxed);
        run.terms_in_lanes.fetch_add(terms.in_lanes, Ordering::Relaxed);
        run.chunks.fetch_add(1, Ordering::Relaxed);
        run.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Computes a chunk; then, while its rows are in the cache, a∘b: into c if there is no matrix C, else to be compared with
    /// c if that was asked for. Returns the number of terms and the first of `out`'s rows that is not satisfied.
    fn whole_chunk(
        &self,
        bytes: &[u8],
        inputs: &Inputs<'_>,
        out: [&mut [Limbs]; 3],
        run: &Run<'_>,
    ) -> Result<(Terms, Option<usize>), &'static str> {
        let [a, b, c] = out;
        let mut scratch = Scratch::default();
        if !self.has_c() {
            let terms = kernel::chunk::<F>(bytes, inputs, &mut scratch, &mut [&mut *a, &mut *b, &mut []])?;
            simd::multiply::<F>(run.path, a, b, c);
            return Ok((terms, None));
        }
        let terms = kernel::chunk::<F>(bytes, inputs, &mut scratch, &mut [&mut *a, &mut *b, &mut *c])?;
        let check = run.options.find_unsatisfied;
        Ok((terms, if check { simd::first_unsatisfied::<F>(run.path, a, b, c) } else { None }))
    }

    /// Computes the chunk of the rows `whole` aside and copies those that are wanted.
    fn part_of_chunk(
        &self,
        bytes: &[u8],
        inputs: &Inputs<'_>,
        whole: Range<usize>,
        wanted: Range<usize>,
        out: [&mut [Limbs]; 3],
        run: &Run<'_>,
    ) -> Result<(Terms, Option<usize>), &'static str> {
        let mut aside = [(); 3].map(|()| vec![[0u64; 4]; whole.len()]);
        let computed = self.whole_chunk(bytes, inputs, aside.each_mut().map(|rows| rows.as_mut_slice()), run);
        let wanted = wanted.start - whole.start..wanted.end - whole.start;
        let [a, b, c] = aside.each_ref().map(|rows| &rows[wanted.clone()]);
        let check = computed.is_ok_and(|(_, unsatisfied)| unsatisfied.is_some());
        let unsatisfied = if check { simd::first_unsatisfied::<F>(run.path, a, b, c) } else { None };
        for (out, rows) in out.into_iter().zip(&mut aside) {
            out.copy_from_slice(&rows[wanted.clone()]);
            rows.as_flattened_mut().zeroize();
        }
        computed.map(|(terms, _)| (terms, unsatisfied))
    }
}
