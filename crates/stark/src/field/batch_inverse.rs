//! Many inverses for the price of one.
//!
//! Base field: Montgomery's trick, 3 products an element and one inversion a chunk (Montgomery, *Math. Comp.* 48, 1987).
//! Extension: the inverse is adjugate over norm. The adjugate takes 6 products of base elements and the norm 3; norms
//! are inverted in the base field (3) and scale the adjugates (3): 15 products an element, against 27 for the trick in
//! the extension itself.
//!
//! A chunk is at least [`MIN_CHUNK`] elements, since each costs an inversion (about 70 products); inputs below
//! [`PARALLEL_FROM`] are done by the calling thread. Both bounds are the seed's; `docs/stark.md` has measurements.

use super::F;
use crate::simd;
use p3_field::{Field, PrimeCharacteristicRing};
use rayon::{ThreadPool, prelude::*};

/// Least number of elements a chunk.
const MIN_CHUNK: usize = 256;
/// Inputs shorter than this are not worth a task.
const PARALLEL_FROM: usize = 1024;
/// Elements of one block of norms in the extension: three columns and the norms stay in L1.
const BLOCK: usize = 512;

/// A zero has no inverse: its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ZeroAt(pub(crate) usize);

/// Inverts every element in place, on `pool`. False (and a partly changed slice) when one is zero.
pub fn batch_inverse(pool: &ThreadPool, values: &mut [u64]) -> bool {
    if values.len() < PARALLEL_FROM {
        return invert_chunk(values).is_ok();
    }
    let chunk = values.len().div_ceil(chunks(pool, values.len())).next_multiple_of(8);
    pool.install(|| values.par_chunks_mut(chunk).all(|chunk| invert_chunk(chunk).is_ok()))
}

/// Inverts extension elements in place, given by their three columns of equal length, on `pool`.
/// False (and partly changed columns) when one is zero or the lengths differ.
pub fn batch_inverse_ext(pool: &ThreadPool, columns: [&mut [u64]; 3]) -> bool {
    let [a, b, c] = columns;
    if a.len() != b.len() || a.len() != c.len() {
        return false;
    }
    if a.len() < PARALLEL_FROM {
        return invert_ext_chunk([a, b, c]).is_ok();
    }
    // Whole vectors, so that only the last chunk has a tail.
    let chunk = a.len().div_ceil(chunks(pool, a.len())).next_multiple_of(8);
    let parts = a.par_chunks_mut(chunk).zip(b.par_chunks_mut(chunk)).zip(c.par_chunks_mut(chunk));
    pool.install(|| parts.all(|((a, b), c)| invert_ext_chunk([a, b, c]).is_ok()))
}

/// At least one, at most one a thread, none below the least size.
fn chunks(pool: &ThreadPool, len: usize) -> usize {
    pool.current_num_threads().min(len / MIN_CHUNK).max(1)
}

/// One chunk of the extension, in blocks of norms; whole vectors by [`invert_ext_block`], the tail element by element.
pub(crate) fn invert_ext_chunk(columns: [&mut [u64]; 3]) -> Result<(), ZeroAt> {
    let [a, b, c] = columns;
    let n = a.len();
    let whole = n - n % 8;
    let mut norms = [0u64; BLOCK];
    let mut start = 0;
    while start < whole {
        let end = (start + BLOCK).min(whole);
        let block = [&mut a[start..end], &mut b[start..end], &mut c[start..end]];
        invert_ext_block(block, &mut norms[..end - start]).map_err(|z| ZeroAt(start + z.0))?;
        start = end;
    }
    for i in whole..n {
        let inverse = super::ext([a[i], b[i], c[i]]).try_inverse().ok_or(ZeroAt(i))?;
        [a[i], b[i], c[i]] = super::words(inverse);
    }
    Ok(())
}

/// Norm descent on one block whose length is a multiple of eight; `norms` is scratch of the same length.
pub(crate) fn invert_ext_block(columns: [&mut [u64]; 3], norms: &mut [u64]) -> Result<(), ZeroAt> {
    let [a, b, c] = columns;
    simd::adjugate([&mut *a, &mut *b, &mut *c], norms);
    invert_chunk(norms)?;
    simd::mul_assign(a, norms);
    simd::mul_assign(b, norms);
    simd::mul_assign(c, norms);
    Ok(())
}

/// Inverses by products in the extension: up a tree of products of halves, one inversion of eight, and down again. Three
/// products in the extension an element, as Montgomery's trick. The length is a power of two, at least eight.
pub(crate) fn invert_ext_by_products(columns: [&mut [u64]; 3]) -> Result<(), ZeroAt> {
    let n = columns[0].len();
    if n <= 8 || !n.is_power_of_two() {
        return invert_ext_chunk(columns);
    }
    let half = n / 2;
    let mut products = [vec![0u64; half], vec![0u64; half], vec![0u64; half]];
    let [(a, a1), (b, b1), (c, c1)] = columns.map(|column| column.split_at_mut(half));
    {
        let [p, q, r] = &mut products;
        simd::ext_mul([p, q, r], [a, b, c], [a1, b1, c1]);
        invert_ext_by_products([p, q, r]).map_err(|zero| {
            let low = super::ext([a[zero.0], b[zero.0], c[zero.0]]);
            ZeroAt(if low == super::E::default() { zero.0 } else { zero.0 + half })
        })?;
    }
    let [p, q, r] = &products;
    let (low, high) = ([a.to_vec(), b.to_vec(), c.to_vec()], [a1.to_vec(), b1.to_vec(), c1.to_vec()]);
    simd::ext_mul([a, b, c], [p, q, r], [&high[0], &high[1], &high[2]]);
    simd::ext_mul([a1, b1, c1], [p, q, r], [&low[0], &low[1], &low[2]]);
    Ok(())
}

/// Montgomery's trick on one chunk. Whole vectors run as eight interleaved chains, so that their products are
/// independent; a short slice is one chain.
pub(crate) fn invert_chunk(values: &mut [u64]) -> Result<(), ZeroAt> {
    let n = values.len();
    if !n.is_multiple_of(8) || n < 32 {
        return invert_short(values);
    }
    let mut prefix = vec![0u64; n];
    let mut totals = [0u64; 8];
    simd::inverse_forward(values, &mut prefix, &mut totals);
    if invert_short(&mut totals).is_err() {
        let place = values.iter().position(|&v| F::new(v) == F::ZERO);
        return Err(ZeroAt(place.unwrap_or(0)));
    }
    simd::inverse_backward(values, &prefix, &mut totals);
    Ok(())
}

fn invert_short(values: &mut [u64]) -> Result<(), ZeroAt> {
    let mut prefix = Vec::with_capacity(values.len());
    let mut product = F::ONE;
    for (i, &v) in values.iter().enumerate() {
        prefix.push(product);
        product *= F::new(v);
        if product == F::ZERO {
            return Err(ZeroAt(i));
        }
    }
    let mut inverse = product.try_inverse().ok_or(ZeroAt(0))?;
    for (v, &before) in values.iter_mut().zip(&prefix).rev() {
        let this = inverse * before;
        inverse *= F::new(*v);
        *v = p3_field::PrimeField64::as_canonical_u64(&this);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{ext, words};

    fn pool() -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap()
    }

    fn sample(n: usize) -> Vec<u64> {
        (0..n as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1).collect()
    }

    #[test]
    fn inverts_every_length() {
        for n in [1, 2, 7, 8, 31, 32, 40, 255, 1023, 1024, 1025, 4096, 5000] {
            let values = sample(n);
            let mut inverses = values.clone();
            assert!(batch_inverse(&pool(), &mut inverses), "{n}");
            for (v, i) in values.iter().zip(&inverses) {
                assert_eq!(F::new(*v) * F::new(*i), F::ONE);
            }
        }
        assert!(batch_inverse(&pool(), &mut []));
    }

    #[test]
    fn inverts_extension_columns_of_every_length() {
        for n in [0, 1, 5, 8, 64, 513, 1024, 3001] {
            let columns = [sample(n), sample(2 * n)[n..].to_vec(), sample(3 * n)[2 * n..].to_vec()];
            let [mut a, mut b, mut c] = columns.clone();
            assert!(batch_inverse_ext(&pool(), [&mut a, &mut b, &mut c]));
            if n.is_power_of_two() && n >= 8 {
                let [mut d, mut e, mut f] = columns.clone();
                assert_eq!(invert_ext_by_products([&mut d, &mut e, &mut f]), Ok(()));
                for i in 0..n {
                    assert_eq!(ext([d[i], e[i], f[i]]), ext([a[i], b[i], c[i]]));
                }
            }
            for i in 0..n {
                let value = ext([columns[0][i], columns[1][i], columns[2][i]]);
                assert_eq!(words(value * ext([a[i], b[i], c[i]])), [1, 0, 0]);
            }
        }
    }

    #[test]
    fn a_zero_is_found_wherever_it_stands() {
        for n in [1usize, 8, 64, 2048] {
            for at in [0, n / 2, n - 1] {
                let mut values = sample(n);
                values[at] = 0xffff_ffff_0000_0001; // p, the other word of zero
                assert!(!batch_inverse(&pool(), &mut values.clone()), "{n} {at}");
                assert_eq!(invert_chunk(&mut values), Err(ZeroAt(at)));
                let mut b = sample(n);
                let mut c = sample(n);
                let mut a = sample(n);
                (a[at], b[at], c[at]) = (0, 0, 0);
                assert_eq!(
                    invert_ext_by_products([&mut a.clone(), &mut b.clone(), &mut c.clone()]),
                    Err(ZeroAt(at))
                );
                assert_eq!(invert_ext_chunk([&mut a, &mut b, &mut c]), Err(ZeroAt(at)));
            }
        }
    }
}
