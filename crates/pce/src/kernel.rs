//! Evaluation of one chunk.

use crate::chunk::{FAR_BYTES, Group, Item, Items, NEAR_BYTES, Slot};
use crate::dictionary::{Code, Dictionary};
use crate::reduce::{Products, SEGMENT, Sum};
use crate::simd::Path;
use forebay_msm::ScalarField;
use forebay_msm::field::mont4;

type Limbs = [u64; 4];

/// What a chunk is evaluated with.
pub(crate) struct Inputs<'a> {
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) witness: &'a [Limbs],
    /// Added to near columns.
    pub(crate) base: usize,
    /// The instructions to use.
    pub(crate) path: Path,
}

/// Coefficients of the group at hand; kept from group to group.
#[derive(Default)]
pub(crate) struct Scratch {
    small: Vec<u64>,
    large: Vec<Limbs>,
}

/// How many terms were computed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Terms {
    pub(crate) all: u64,
    /// Those in combinations that were computed eight at a time.
    pub(crate) in_lanes: u64,
}

pub(crate) const COLUMN: &str = "a column is out of range";
const SLOT: &str = "a row or matrix is out of range";
const COEFFICIENT: &str = "a coefficient is not in the dictionary";

/// Computes the combinations of a chunk into `out` (a, b and, if the circuit has it, c; else an empty slice), whose
/// other rows become 0.
pub(crate) fn chunk<F: ScalarField>(
    bytes: &[u8],
    inputs: &Inputs<'_>,
    scratch: &mut Scratch,
    out: &mut [&mut [Limbs]; 3],
) -> Result<Terms, &'static str> {
    for rows in out.iter_mut() {
        rows.fill([0; 4]);
    }
    let mut items = Items::new(bytes);
    let mut terms = Terms::default();
    while let Some(item) = items.next()? {
        match item {
            Item::Group(g) => {
                let each = (g.terms() + usize::from(g.constant.is_some())) as u64;
                let in_lanes = group::<F>(&g, inputs, scratch, out)?;
                terms.all += g.combinations() as u64 * each;
                terms.in_lanes += in_lanes as u64 * each;
            }
            Item::Copies(pairs) => copies(pairs, out)?,
        }
    }
    Ok(terms)
}

fn copies(pairs: &[[u8; 4]], out: &mut [&mut [Limbs]; 3]) -> Result<(), &'static str> {
    for &[t0, t1, f0, f1] in pairs {
        let from = Slot::read([f0, f1]);
        let value = *out.get(from.matrix()).and_then(|rows| rows.get(from.row())).ok_or(SLOT)?;
        *output(out, Slot::read([t0, t1]))? = value;
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn output<'a>(out: &'a mut [&mut [Limbs]; 3], slot: Slot) -> Result<&'a mut Limbs, &'static str> {
    out.get_mut(slot.matrix()).and_then(|rows| rows.get_mut(slot.row())).ok_or(SLOT)
}

/// Computes a group and returns how many of its combinations were computed eight at a time.
fn group<F: ScalarField>(
    g: &Group<'_>,
    inputs: &Inputs<'_>,
    scratch: &mut Scratch,
    out: &mut [&mut [Limbs]; 3],
) -> Result<usize, &'static str> {
    g.coefficients(inputs.dictionary, &mut scratch.small, &mut scratch.large)?;
    let constant = constant_term::<F>(g.constant, inputs)?;
    let split = g.counts[2].min(scratch.small.len());
    let (plus, minus) = scratch.small.split_at(split);
    let pattern = Pattern {
        start: Sum::new::<F>(&constant),
        constant,
        plus_ones: g.counts[0],
        minus_ones: g.counts[1],
        plus,
        minus,
        large: &scratch.large,
    };
    match g.far {
        false => combinations::<F, NEAR_BYTES>(g, &pattern, inputs, inputs.base, out),
        true => combinations::<F, FAR_BYTES>(g, &pattern, inputs, 0, out),
    }
}

/// The product of the constant's coefficient and w₀.
fn constant_term<F: ScalarField>(code: Option<Code>, inputs: &Inputs<'_>) -> Result<Limbs, &'static str> {
    let Some(code) = code else { return Ok([0; 4]) };
    let one = inputs.witness.first().ok_or(COLUMN)?;
    let index = code.index() as usize;
    let mut sum = Sum::new::<F>(&[0; 4]);
    match code.kind() {
        0 => sum.add(one),
        1 => sum.sub(one),
        2 => sum.add_multiple(one, *inputs.dictionary.small.get(index).ok_or(COEFFICIENT)?),
        3 => sum.sub_multiple(one, *inputs.dictionary.small.get(index).ok_or(COEFFICIENT)?),
        _ => return Ok(mont4::mul::<F>(inputs.dictionary.large.get(index).ok_or(COEFFICIENT)?, one)),
    }
    Ok(sum.reduce::<F>())
}

/// The coefficients that the combinations of a group share.
#[derive(Clone, Copy)]
pub(crate) struct Pattern<'a> {
    /// The constant's term, as the sum that a combination starts with.
    start: Sum,
    /// The same as an element.
    pub(crate) constant: Limbs,
    pub(crate) plus_ones: usize,
    pub(crate) minus_ones: usize,
    pub(crate) plus: &'a [u64],
    pub(crate) minus: &'a [u64],
    pub(crate) large: &'a [Limbs],
}

fn combinations<F: ScalarField, const WIDTH: usize>(
    g: &Group<'_>,
    p: &Pattern<'_>,
    inputs: &Inputs<'_>,
    base: usize,
    out: &mut [&mut [Limbs]; 3],
) -> Result<usize, &'static str> {
    let witness = inputs.witness;
    if g.terms() > SEGMENT {
        for (slot, columns) in g.split_records() {
            *output(out, slot)? = long::<F, WIDTH>(p, columns.as_chunks().0, witness, base)?;
        }
        return Ok(0);
    }
    if g.terms() == 1 && p.plus_ones == 1 && g.constant.is_none() {
        for (slot, columns) in g.split_records() {
            let column = columns.first_chunk().ok_or(COLUMN)?;
            *output(out, slot)? = *at::<WIDTH>(column, witness, base)?;
        }
        return Ok(0);
    }
    let done = match inputs.path {
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(ifma) if g.terms() > 0 => {
            crate::simd::group::combinations::<F, WIDTH>(ifma, g, p, witness, base, out)?
        }
        _ => 0,
    };
    let g = &g.without_first(done);
    // The kinds that a group lacks are left out of its loop.
    match (p.plus.is_empty() && p.minus.is_empty(), p.large.is_empty()) {
        (true, true) => each::<F, WIDTH, false, false>(g, p, witness, base, out),
        (false, true) => each::<F, WIDTH, true, false>(g, p, witness, base, out),
        (_, false) => each::<F, WIDTH, true, true>(g, p, witness, base, out),
    }?;
    Ok(done)
}

fn each<F: ScalarField, const WIDTH: usize, const SMALL: bool, const LARGE: bool>(
    g: &Group<'_>,
    p: &Pattern<'_>,
    witness: &[Limbs],
    base: usize,
    out: &mut [&mut [Limbs]; 3],
) -> Result<(), &'static str> {
    for (slot, columns) in g.split_records() {
        let columns = columns.as_chunks().0;
        *output(out, slot)? = combination::<F, WIDTH, SMALL, LARGE>(p, columns, witness, base)?;
    }
    Ok(())
}

#[inline(always)]
fn at<'w, const WIDTH: usize>(
    column: &[u8; WIDTH],
    witness: &'w [Limbs],
    base: usize,
) -> Result<&'w Limbs, &'static str> {
    let mut bytes = [0; 8];
    bytes[..WIDTH].copy_from_slice(column);
    // At most (2^32 − 1) + (2^32 − 1): no overflow.
    witness.get(base + u64::from_le_bytes(bytes) as usize).ok_or(COLUMN)
}

/// One combination of at most [`SEGMENT`] terms; without `SMALL` or `LARGE` it has no terms of that kind.
#[inline(always)]
fn combination<F: ScalarField, const WIDTH: usize, const SMALL: bool, const LARGE: bool>(
    p: &Pattern<'_>,
    columns: &[[u8; WIDTH]],
    witness: &[Limbs],
    base: usize,
) -> Result<Limbs, &'static str> {
    let mut sum = p.start;
    let (ones, columns) = columns.split_at_checked(p.plus_ones).ok_or(COLUMN)?;
    for c in ones {
        sum.add(at(c, witness, base)?);
    }
    let (ones, mut columns) = columns.split_at_checked(p.minus_ones).ok_or(COLUMN)?;
    for c in ones {
        sum.sub(at(c, witness, base)?);
    }
    if SMALL {
        let (small, rest) = columns.split_at_checked(p.plus.len()).ok_or(COLUMN)?;
        for (c, &k) in small.iter().zip(p.plus) {
            sum.add_multiple(at(c, witness, base)?, k);
        }
        let (small, rest) = rest.split_at_checked(p.minus.len()).ok_or(COLUMN)?;
        for (c, &k) in small.iter().zip(p.minus) {
            sum.sub_multiple(at(c, witness, base)?, k);
        }
        columns = rest;
    }
    if LARGE {
        large::<F, WIDTH>(p.large, columns, witness, base, &mut sum)?;
    }
    Ok(sum.reduce::<F>())
}

/// Adds the terms with large coefficients. A witness value of 0 or 1 needs no product: the coefficient is masked.
#[inline(always)]
fn large<F: ScalarField, const WIDTH: usize>(
    coefficients: &[Limbs],
    columns: &[[u8; WIDTH]],
    witness: &[Limbs],
    base: usize,
    sum: &mut Sum,
) -> Result<(), &'static str> {
    let mut products = Products::default();
    for (c, k) in columns.iter().zip(coefficients) {
        let w = at(c, witness, base)?;
        let mask = 0u64.wrapping_sub(u64::from(w[0] != 0));
        // The lowest limb decides nearly always; `|`, so that random bits are one predictable branch.
        let perhaps = (w[0] == 0) | (w[0] == F::R[0]);
        if perhaps && *w == F::R.map(|limb| limb & mask) {
            sum.add(&k.map(|limb| limb & mask));
        } else {
            products.add_product(k, w);
        }
    }
    products.reduce_into::<F>(sum);
    Ok(())
}

/// One combination of any length: segments of each kind, reduced one after the other.
#[cold]
fn long<F: ScalarField, const WIDTH: usize>(
    p: &Pattern<'_>,
    mut columns: &[[u8; WIDTH]],
    witness: &[Limbs],
    base: usize,
) -> Result<Limbs, &'static str> {
    let zero = Sum::new::<F>(&[0; 4]);
    let empty = Pattern {
        start: zero,
        constant: [0; 4],
        plus_ones: 0,
        minus_ones: 0,
        plus: &[],
        minus: &[],
        large: &[],
    };
    let mut total = p.start.reduce::<F>();
    let mut segment = |part: Pattern<'_>, n: usize| {
        let (head, tail) = columns.split_at_checked(n).ok_or(COLUMN)?;
        columns = tail;
        total = mont4::add::<F>(&total, &combination::<F, WIDTH, true, true>(&part, head, witness, base)?);
        Ok::<(), &'static str>(())
    };
    for n in segments(p.plus_ones) {
        segment(Pattern { plus_ones: n, ..empty }, n)?;
    }
    for n in segments(p.minus_ones) {
        segment(Pattern { minus_ones: n, ..empty }, n)?;
    }
    for plus in p.plus.chunks(SEGMENT) {
        segment(Pattern { plus, ..empty }, plus.len())?;
    }
    for minus in p.minus.chunks(SEGMENT) {
        segment(Pattern { minus, ..empty }, minus.len())?;
    }
    for large in p.large.chunks(SEGMENT) {
        segment(Pattern { large, ..empty }, large.len())?;
    }
    Ok(total)
}

/// The lengths of the segments of n terms.
fn segments(n: usize) -> impl Iterator<Item = usize> {
    (0..n).step_by(SEGMENT).map(move |start| SEGMENT.min(n - start))
}
