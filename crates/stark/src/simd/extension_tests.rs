//! Extension kernels against the field.

use super::extension::*;
use crate::field::{E, F, ext, words};
use p3_field::PrimeCharacteristicRing;

const N: usize = 40;

fn column(seed: u64) -> Vec<u64> {
    (0..N as u64).map(|i| (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(seed as u32)).collect()
}

fn columns(seed: u64) -> [Vec<u64>; 3] {
    [column(seed), column(seed + 100), column(seed + 200)]
}

fn at(columns: &[Vec<u64>; 3], i: usize) -> E {
    ext([columns[0][i], columns[1][i], columns[2][i]])
}

fn refs(columns: &[Vec<u64>; 3]) -> Cols<'_> {
    [&columns[0], &columns[1], &columns[2]]
}

fn muts(columns: &mut [Vec<u64>; 3]) -> [&mut [u64]; 3] {
    let [a, b, c] = columns;
    [a, b, c]
}

#[test]
fn extension_kernels_agree_with_the_field() {
    let (a, b, x) = (columns(1), columns(2), column(9));
    let k = ext([u64::MAX, 7, 1 << 40]);
    let mut product = columns(0);
    ext_mul(muts(&mut product), refs(&a), refs(&b));
    let mut scaled = columns(5);
    ext_scale_add(muts(&mut scaled), words(k), refs(&a));
    let mut folded = columns(0);
    ext_fold(muts(&mut folded), refs(&a), refs(&b), &x, words(k));
    let mut form = columns(0);
    linear_form(
        muts(&mut form),
        [3, 4, 5],
        [(words(k), &x[..]), ([1, 2, 3], &a[0][..]), ([9, 8, 7], &b[1][..])],
    );
    let mut differences = columns(0);
    point_differences(muts(&mut differences), words(k), &x);
    let mut sum = E::ZERO;
    for i in 0..N {
        let (ai, bi, xi) = (at(&a, i), at(&b, i), F::new(x[i]));
        assert_eq!(at(&product, i), ai * bi);
        assert_eq!(at(&scaled, i), at(&columns(5), i) + k * ai);
        assert_eq!(at(&folded, i), ai + bi + k * (ai - bi) * xi);
        let linear =
            ext([3, 4, 5]) + k * xi + ext([1, 2, 3]) * F::new(a[0][i]) + ext([9, 8, 7]) * F::new(b[1][i]);
        assert_eq!(at(&form, i), linear);
        assert_eq!(at(&differences, i), k - xi);
        sum += ai * xi;
    }
    assert_eq!(E::new(dot(refs(&a), &x)), sum);
}
