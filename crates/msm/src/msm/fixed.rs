//! MSM over bases that stay the same: multiples 2^(D·j)·P of each are computed once, so that windows of all steps share
//! buckets. Brickell, Gordon, McCurley and Wilson, "Fast exponentiation with precomputation", EUROCRYPT 1992.
//!
//! The reduction of the buckets is paid once or a few times instead of once per window, so windows are wider: at 2^18
//! terms 15 additions per term and 2^16 buckets, against 17 and 17·2^14.

#[cfg(target_arch = "x86_64")]
use super::compiled::{Avx2, Ifma};
use super::{
    Endomorphism, MsmPoint, TILE,
    classify::{Classes, Term},
    compiled::Vectorised,
    digits::full_bits,
    fixed_shape::{Load, Shape, ordinary_cost},
    fixed_sort::{self, CHUNK, ENTRY_BYTES, PART, Place},
    fixed_table::fill_steps,
    memory::{CLASSES, Parts},
    pages::PagedPoints,
    pippenger,
    point::Xyzz,
    points::{Points, into_curve_point},
    reduce::Sums,
};
#[cfg(target_arch = "x86_64")]
use crate::lanes::msm as lanes;
use crate::{
    backend::{BackendError, ErrorClass},
    bases::Bases,
    field::ScalarField,
    kernels::Path,
};
use rayon::prelude::*;

/// Entries that a task adds up at most, but for the last chunk: 2 MiB, and what a part has at 2^18 terms.
const PIECE: usize = 1 << 19;

/// The least entries of a task where there are many threads: twice the additions of its reduction.
const MIN_PIECE: usize = 1 << 14;

/// Points that terms can name.
const MOST_POINTS: usize = (1 << 31) - 1;

/// Points of a plain sum's task.
const PLAIN: usize = 1 << 14;

/// Bases with precomputed multiples, made by [`CpuBackend::prepare_g1`](crate::CpuBackend::prepare_g1) and
/// [`prepare_g2`](crate::CpuBackend::prepare_g2). Holds nothing secret. Bases have order r, or an MSM over them is some
/// other sum.
pub struct FixedBases<A: MsmPoint> {
    /// Step after step.
    table: PagedPoints<A::Coordinate>,
    len: usize,
    steps: u32,
    step_bits: u32,
}

impl<A: MsmPoint> core::fmt::Debug for FixedBases<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let FixedBases { len, steps, step_bits, .. } = self;
        write!(f, "FixedBases({len} bases, {steps} multiples of each, {step_bits} bits apart)")
    }
}

impl<A: MsmPoint> FixedBases<A> {
    /// How many bases there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of the table, the bases themselves included.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// How many multiples of each base there are, the base itself included.
    pub fn multiples(&self) -> usize {
        self.steps as usize
    }

    fn points(&self) -> Points<'_, A::Coordinate> {
        Points::from_affine(&self.table)
    }

    /// The bases of a range.
    fn bases(&self, first: usize, len: usize) -> Points<'_, A::Coordinate> {
        Points::from_affine(&self.table[first..first + len])
    }
}

/// A table of at most `budget` bytes, on the pool of the calling thread.
pub(crate) fn prepare<A: MsmPoint>(
    operation: &'static str,
    bases: Bases<'_, A>,
    budget: usize,
) -> Result<FixedBases<A>, BackendError>
where
    A::Scalar: ScalarField,
{
    let refused = |detail: String| BackendError::new(ErrorClass::OutOfMemory, operation, detail);
    let len = bases.len();
    let of_step = len * A::BYTES;
    // Below 2^31 points: a term has a sign beside its index. Whole cache lines.
    let most = match len {
        0 => 1,
        1..=MOST_POINTS => ((budget & !63) / of_step).min(MOST_POINTS / len),
        _ => return Err(refused(format!("{len} bases are more than terms can name"))),
    };
    let shape = Shape::of_table(len.min(TILE), full_bits::<A::Scalar>(), most);
    let Some(Shape { steps, step_bits, .. }) = shape else {
        return Err(refused(format!("{len} bases take {of_step} bytes, the budget is {budget}")));
    };
    let points = len * steps as usize;
    let mut table = PagedPoints::infinities(points).map_err(|e| refused(e.to_string()))?;
    let source = Points::new(bases);
    table[..len].par_iter_mut().enumerate().for_each(|(i, p)| *p = source.signed(2 * i as Term));
    fill_steps(&mut table, len, step_bits);
    Ok(FixedBases { table, len, steps, step_bits })
}

/// Σ k_i·P_i on the pool of the calling thread. The lengths are equal.
pub(crate) fn msm<A: MsmPoint>(path: Path, fixed: &FixedBases<A>, scalars: &[A::Scalar]) -> A::Curve
where
    A::Scalar: ScalarField,
    A::Coordinate: Vectorised,
{
    let tiles = scalars.chunks(TILE).enumerate();
    let sum =
        tiles.fold(Xyzz::INFINITY, |acc, (i, scalars)| acc.add(&tile::<A>(path, fixed, i * TILE, scalars)));
    into_curve_point::<A>(sum.to_affine()).to_curve()
}

fn tile<A: MsmPoint>(
    path: Path,
    fixed: &FixedBases<A>,
    first: usize,
    scalars: &[A::Scalar],
) -> Xyzz<A::Coordinate>
where
    A::Scalar: ScalarField,
    A::Coordinate: Vectorised,
{
    let bases = fixed.bases(first, scalars.len());
    let classes = Classes::of(scalars, |i| bases.is_infinity(i as usize));
    let load = Load { full: classes.full.len(), short: classes.short.len() };
    let shape = Shape::cut(fixed.steps, fixed.step_bits, load);
    let ordinary = ordinary_cost(full_bits::<A::Scalar>(), load);
    let Some(shape) = shape.filter(|shape| load.full + load.short == 0 || shape.cost(load) < ordinary) else {
        drop(classes);
        return super::tile(path, Endomorphism::Auto, bases, scalars);
    };
    let units = plain_sum(path, bases, &classes.units);
    if load.full + load.short == 0 {
        return units;
    }
    let place = Place { n: fixed.len, first };
    let chunks = fixed_sort::chunks(shape, place, scalars, [&classes.full, &classes.short]);
    drop(classes);
    units.add(&bucket_method(path, fixed.points(), shape, &chunks))
}

fn bucket_method<K: Vectorised>(
    path: Path,
    points: Points<'_, K>,
    shape: Shape,
    chunks: &[fixed_sort::Chunk],
) -> Xyzz<K> {
    let parts = fixed_sort::parts(shape);
    let limit = piece_limit(chunks.len() * CHUNK * shape.windows(), rayon::current_num_threads());
    let pieces = fixed_sort::pieces(chunks, parts.len(), limit);
    let sums: Vec<(u32, Xyzz<K>)> = pieces
        .into_par_iter()
        .with_max_len(1)
        .map(|piece| {
            let part = &parts[piece.part];
            let (sorted, ends) = fixed_sort::sort(chunks, &piece, part.buckets);
            let Sums { weighted, plain } = bucket_sums(path, points, &sorted, &ends);
            (part.group, weighted.add(&plain.mul_small(part.start)))
        })
        .collect();
    // Horner's rule over the windows of a step, the highest first.
    (0..shape.groups).rev().fold(Xyzz::INFINITY, |acc, group| {
        let acc = (0..shape.width(group)).fold(acc, |acc, _| acc.double());
        sums.iter().filter(|(g, _)| *g == group).fold(acc, |acc, (_, sum)| acc.add(sum))
    })
}

/// Entries at which a piece ends: a few pieces for each thread, however skewed the digits.
fn piece_limit(entries: usize, threads: usize) -> usize {
    if threads == 1 { PIECE } else { (entries / (4 * threads)).clamp(MIN_PIECE, PIECE) }
}

/// Σ ±P_i over the terms, none of which is of infinity.
fn plain_sum<K: Vectorised>(path: Path, points: Points<'_, K>, terms: &[Term]) -> Xyzz<K> {
    let part = |terms: &[Term]| bucket_sums(path, points, terms, &[terms.len() as u32]).plain;
    terms.par_chunks(PLAIN).map(part).reduce(|| Xyzz::INFINITY, |a, b| a.add(&b))
}

fn bucket_sums<K: Vectorised>(path: Path, points: Points<'_, K>, sorted: &[Term], ends: &[u32]) -> Sums<K> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(ifma) => lanes::sums::<Ifma<K>>(ifma, points, sorted, ends),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(avx2) => lanes::sums::<Avx2<K>>(avx2, points, sorted, ends),
        _ => pippenger::bucket_sums(points, sorted, ends),
    }
}

fn parts<K: Vectorised>(path: Path) -> Parts {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(_) => lanes::parts_of::<Ifma<K>>(),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(_) => lanes::parts_of::<Avx2<K>>(),
        _ => pippenger::parts::<K>(),
    }
}

/// The most bytes that [`msm`] allocates over that many threads.
pub(crate) fn scratch_bytes<A: MsmPoint>(path: Path, fixed: &FixedBases<A>, threads: usize) -> usize
where
    A::Scalar: ScalarField,
    A::Coordinate: Vectorised,
{
    let terms = fixed.len.min(TILE);
    let entries = Shape::most_entries(fixed.steps, fixed.step_bits, terms);
    let windows = (fixed.steps * fixed.step_bits) as usize / 5; // of five bits at least
    let chunk = CHUNK.min(terms) * windows;
    let parts = parts::<A::Coordinate>(path);
    let sorted = entries.min(PIECE + chunk) * parts.per_entry;
    let of_thread = (sorted + PART * parts.per_bucket + parts.adder).max(size_of::<i32>() * chunk);
    // The starts of parts in each chunk, a table of pieces, rayon's own.
    let small = (64 << 10) * (threads + 1) + terms.div_ceil(CHUNK) * (4 << 10);
    let with_table = (terms * CLASSES + entries * ENTRY_BYTES + threads * of_thread) + small;
    with_table.max(super::scratch_bytes::<A>(path, Endomorphism::Auto, terms, threads))
}
