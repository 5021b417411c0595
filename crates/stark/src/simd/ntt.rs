//! Transforms of one column, without bit reversals: decimation in frequency takes natural order to bit-reversed order,
//! decimation in time takes it back (Gentleman and Sande, 1966; Cooley and Tukey, 1965).
//!
//! Layers run two at a time, depth first: a block of 2^[`BASE`] words is finished in L1 before its neighbour, then the
//! pair of layers above runs where four blocks are complete, and so on. The lowest log₂(lanes) layers work on squares
//! transposed in registers. Cost: log₂(n)/2 passes over memory, of which all but (log₂(n) − 11)/2 stay in L1.

use super::{
    Level,
    lanes::{Lanes, Portable},
    level,
};

/// log₂ of the words of a block that stays in L1 with its twiddles (16 + 16 KiB of 32).
const BASE: u32 = 11;

/// Twiddles of all layers: those of the layer with blocks of 2^k words stand at 2^(k−1) .. 2^k.
type Table = *const u64;

/// How coefficients become the input of the forward transform: position p of the output blocks holds coefficient
/// (p >> log_blowup)·stride + offset, scaled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expansion<'a> {
    /// Coefficients in bit-reversed order.
    pub(crate) coefficients: &'a [u64],
    /// Every how manyth coefficient is taken, and from which on.
    pub(crate) stride: usize,
    /// The first one.
    pub(crate) offset: usize,
    /// log₂ of how often each is repeated: the layers that zero padding makes trivial.
    pub(crate) log_blowup: u32,
}

/// One layer on a pair: (a + b, (a − b)·w).
#[inline(always)]
unsafe fn frequency<V: Lanes>(a: V, b: V, w: V) -> (V, V) {
    // SAFETY: the features are the caller's.
    unsafe {
        let (sum, difference) = a.add_sub(b);
        (sum, difference.mul(w))
    }
}

/// One layer on a pair: (a + b·w, a − b·w).
#[inline(always)]
unsafe fn time<V: Lanes>(a: V, b: V, w: V) -> (V, V) {
    // SAFETY: the features are the caller's.
    unsafe { a.add_sub(b.mul(w)) }
}

/// Layers with blocks of 4q and 2q words on one block of 4q words; q a multiple of the width.
///
/// # Safety
/// 4q words at `x`; `table` covers these layers.
#[inline(always)]
unsafe fn dif_two_layers<V: Lanes>(x: *mut u64, q: usize, table: Table) {
    let mut j = 0;
    while j < q {
        // SAFETY: j + WIDTH <= q.
        unsafe {
            let (p0, p1, p2, p3) = (x.add(j), x.add(q + j), x.add(2 * q + j), x.add(3 * q + j));
            let outer = table.add(2 * q + j);
            let inner = V::load(table.add(q + j));
            let (a, c) = frequency(V::load(p0), V::load(p2), V::load(outer));
            let (b, d) = frequency(V::load(p1), V::load(p3), V::load(outer.add(q)));
            let (a, b) = frequency(a, b, inner);
            let (c, d) = frequency(c, d, inner);
            a.store(p0);
            b.store(p1);
            c.store(p2);
            d.store(p3);
        }
        j += V::WIDTH;
    }
}

/// Layers with blocks of 2q and 4q words on one block of 4q words.
///
/// # Safety
/// As [`dif_two_layers`].
#[inline(always)]
unsafe fn dit_two_layers<V: Lanes>(x: *mut u64, q: usize, table: Table) {
    let mut j = 0;
    while j < q {
        // SAFETY: j + WIDTH <= q.
        unsafe {
            let (p0, p1, p2, p3) = (x.add(j), x.add(q + j), x.add(2 * q + j), x.add(3 * q + j));
            let outer = table.add(2 * q + j);
            let inner = V::load(table.add(q + j));
            let (a, b) = time(V::load(p0), V::load(p1), inner);
            let (c, d) = time(V::load(p2), V::load(p3), inner);
            let (a, c) = time(a, c, V::load(outer));
            let (b, d) = time(b, d, V::load(outer.add(q)));
            a.store(p0);
            b.store(p1);
            c.store(p2);
            d.store(p3);
        }
        j += V::WIDTH;
    }
}

/// One layer on one block of 2q words, either way.
///
/// # Safety
/// 2q words at `x`; `table` covers the layer.
#[inline(always)]
unsafe fn one_layer<V: Lanes>(x: *mut u64, q: usize, table: Table, in_time: bool) {
    let mut j = 0;
    while j < q {
        // SAFETY: j + WIDTH <= q.
        unsafe {
            let (a, b, w) = (V::load(x.add(j)), V::load(x.add(q + j)), V::load(table.add(q + j)));
            let (a, b) = if in_time { time(a, b, w) } else { frequency(a, b, w) };
            a.store(x.add(j));
            b.store(x.add(q + j));
        }
        j += V::WIDTH;
    }
}

/// The layers with blocks of at most WIDTH words, on WIDTH² words: rows are transposed, so that a layer pairs vectors.
/// `skip` layers, the lowest, are left out.
///
/// # Safety
/// WIDTH² words at `x`; `table` covers these layers.
#[inline(always)]
unsafe fn square<V: Lanes>(x: *mut u64, table: Table, in_time: bool, skip: u32) {
    // SAFETY: as the caller.
    unsafe {
        let mut v = [V::splat(0); 8];
        let mut i = 0;
        while i < V::WIDTH {
            v[i] = V::load(x.add(i * V::WIDTH));
            i += 1;
        }
        V::transpose(&mut v);
        let mut step = skip;
        while step < V::LOG {
            let layer = if in_time { step } else { V::LOG - 1 - step };
            let q = 1usize << layer;
            let mut block = 0;
            while block < V::WIDTH {
                let mut j = 0;
                while j < q {
                    let w = V::splat(*table.add(q + j));
                    let (a, b) = (v[block + j], v[block + j + q]);
                    let (a, b) = if in_time { time(a, b, w) } else { frequency(a, b, w) };
                    v[block + j] = a;
                    v[block + j + q] = b;
                    j += 1;
                }
                block += 2 * q;
            }
            step += 1;
        }
        V::transpose(&mut v);
        let mut i = 0;
        while i < V::WIDTH {
            v[i].store(x.add(i * V::WIDTH));
            i += 1;
        }
    }
}

/// All layers of one block of 2^log words, at least WIDTH².
///
/// # Safety
/// 2^log words at `x`; `table` covers its layers.
#[inline(always)]
unsafe fn dif_block<V: Lanes>(x: *mut u64, log: u32, table: Table) {
    let n = 1usize << log;
    let mut size = log;
    // SAFETY: every block lies in the 2^log words.
    unsafe {
        while size >= V::LOG + 2 {
            let mut start = 0;
            while start < n {
                dif_two_layers::<V>(x.add(start), 1 << (size - 2), table);
                start += 1 << size;
            }
            size -= 2;
        }
        if size > V::LOG {
            let mut start = 0;
            while start < n {
                one_layer::<V>(x.add(start), 1 << (size - 1), table, false);
                start += 1 << size;
            }
        }
        let mut start = 0;
        while V::LOG > 0 && start < n {
            square::<V>(x.add(start), table, false, 0);
            start += V::WIDTH * V::WIDTH;
        }
    }
}

/// All layers of one block of 2^log words, at least WIDTH², but the lowest `skip`.
///
/// # Safety
/// As [`dif_block`].
#[inline(always)]
unsafe fn dit_block<V: Lanes>(x: *mut u64, log: u32, table: Table, skip: u32) {
    let n = 1usize << log;
    let mut done = if V::LOG > skip { V::LOG } else { skip };
    // SAFETY: every block lies in the 2^log words.
    unsafe {
        let mut start = 0;
        while V::LOG > skip && start < n {
            square::<V>(x.add(start), table, true, skip);
            start += V::WIDTH * V::WIDTH;
        }
        if (log - done) % 2 == 1 {
            let mut start = 0;
            while start < n {
                one_layer::<V>(x.add(start), 1 << done, table, true);
                start += 2 << done;
            }
            done += 1;
        }
        while done < log {
            let mut start = 0;
            while start < n {
                dit_two_layers::<V>(x.add(start), 1 << done, table);
                start += 4 << done;
            }
            done += 2;
        }
    }
}

/// log₂ of the block that is done at a stretch: the distance to `log` is even, so that pairs of layers fit.
#[inline(always)]
fn base_of(log: u32) -> u32 {
    if log <= BASE { log } else { BASE - (log - BASE) % 2 }
}

/// # Safety
/// 2^log words at `x`, log ≥ 2·LOG; `table` covers its layers.
#[inline(always)]
unsafe fn dif_body<V: Lanes>(x: *mut u64, log: u32, table: Table) {
    let base = base_of(log);
    let blocks = 1usize << (log - base);
    let mut b = 0usize;
    while b < blocks {
        // The larger blocks that begin here, largest first.
        let mut size = log;
        // SAFETY: block b and those that begin with it lie in the 2^log words.
        unsafe {
            while size > base {
                if b.is_multiple_of(1 << (size - base)) {
                    dif_two_layers::<V>(x.add(b << base), 1 << (size - 2), table);
                }
                size -= 2;
            }
            dif_block::<V>(x.add(b << base), base, table);
        }
        b += 1;
    }
}

/// # Safety
/// 2^log words at `x`, log ≥ 2·LOG; `table` covers its layers; the expansion covers 2^log words.
#[inline(always)]
unsafe fn dit_body<V: Lanes>(x: *mut u64, log: u32, table: Table, input: &Expansion<'_>) {
    let base = base_of(log);
    let blocks = 1usize << (log - base);
    let mut b = 0usize;
    while b < blocks {
        // SAFETY: block b and those that end with it lie in the 2^log words.
        unsafe {
            expand(x.add(b << base), b << base, 1 << base, input);
            dit_block::<V>(x.add(b << base), base, table, input.log_blowup);
            let mut size = base + 2;
            while size <= log && (b + 1).is_multiple_of(1 << (size - base)) {
                dit_two_layers::<V>(x.add((b + 1 - (1 << (size - base))) << base), 1 << (size - 2), table);
                size += 2;
            }
        }
        b += 1;
    }
}

/// Writes positions `start .. start + count` of the expanded input to `x`.
///
/// # Safety
/// `count` words at `x`; the coefficients cover the range.
#[inline(always)]
unsafe fn expand(x: *mut u64, start: usize, count: usize, input: &Expansion<'_>) {
    let repeat = 1usize << input.log_blowup;
    let mut from = (start >> input.log_blowup) * input.stride + input.offset;
    let coefficients = input.coefficients.as_ptr();
    let mut i = 0;
    while i < count {
        // SAFETY: the caller's.
        unsafe {
            let c = *coefficients.add(from);
            let mut r = 0;
            while r < repeat {
                *x.add(i + r) = c;
                r += 1;
            }
        }
        i += repeat;
        from += input.stride;
    }
}

super::dispatch! {
    fn raw_dif = dif_body(x: *mut u64, log: u32, table: Table);
    fn raw_dit = dit_body(x: *mut u64, log: u32, table: Table, input: &Expansion<'_>);
}

/// The lanes need whole squares: shorter columns go one element at a time.
fn is_short(log: u32) -> bool {
    let lanes = match level() {
        Level::Avx512 => 3,
        Level::Avx2 => 2,
        Level::Portable => 0,
    };
    log < 2 * lanes
}

/// Natural order to bit-reversed order, in place. With the twiddles of ω⁻¹ this is n times the inverse transform.
///
/// # Panics
/// When the length is no power of two or the table is too short.
pub(crate) fn dif(x: &mut [u64], table: &[u64]) {
    assert!(x.len().is_power_of_two() && table.len() >= x.len());
    let (log, p) = (x.len().ilog2(), x.as_mut_ptr());
    // SAFETY: lengths checked; short columns are done portably.
    unsafe {
        if is_short(log) {
            dif_body::<Portable>(p, log, table.as_ptr())
        } else {
            raw_dif(p, log, table.as_ptr())
        }
    }
}

/// Expanded coefficients in bit-reversed order to evaluations in natural order, written to `x`.
///
/// # Panics
/// When the length is no power of two, or the table or the coefficients are too short.
pub(crate) fn dit(x: &mut [u64], table: &[u64], input: Expansion<'_>) {
    assert!(x.len().is_power_of_two() && table.len() >= x.len());
    let (log, p) = (x.len().ilog2(), x.as_mut_ptr());
    assert!(input.log_blowup <= log && input.stride > 0);
    let last = ((x.len() >> input.log_blowup) - 1) * input.stride + input.offset;
    assert!(last < input.coefficients.len());
    // SAFETY: lengths checked; short columns are done portably.
    unsafe {
        if is_short(log) {
            dit_body::<Portable>(p, log, table.as_ptr(), &input);
        } else {
            raw_dit(p, log, table.as_ptr(), &input);
        }
    }
}
