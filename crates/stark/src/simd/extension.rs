//! Kernels on extension columns: three base columns, one for each coefficient (X³ = X + 1).

use super::{check_lengths, dispatch, lanes::Lanes};
use crate::field::F;
use p3_field::{PrimeCharacteristicRing, PrimeField64};

/// Three columns read.
pub(crate) type Cols<'a> = [&'a [u64]; 3];

/// A product in the extension, after Karatsuba: 6 products and 14 sums.
#[inline(always)]
unsafe fn product<V: Lanes>(a: [V; 3], b: [V; 3]) -> [V; 3] {
    // SAFETY: the features are the caller's.
    unsafe {
        let d0 = a[0].mul(b[0]);
        let d1 = a[1].mul(b[1]);
        let d2 = a[2].mul(b[2]);
        let m01 = a[0].add(a[1]).mul(b[0].add(b[1]));
        let m02 = a[0].add(a[2]).mul(b[0].add(b[2]));
        let m12 = a[1].add(a[2]).mul(b[1].add(b[2]));
        let e = d0.sub(d1);
        let c3 = m12.sub(d1);
        [e.add(m12).sub(d2), m01.sub(d0).add(c3.sub(d1)), m02.sub(e)]
    }
}

/// # Safety
/// Three words at offset `i` .. `i` + WIDTH of each pointer.
#[inline(always)]
unsafe fn load3<V: Lanes>(p: [*const u64; 3], i: usize) -> [V; 3] {
    // SAFETY: the caller's.
    unsafe { [V::load(p[0].add(i)), V::load(p[1].add(i)), V::load(p[2].add(i))] }
}

/// # Safety
/// As [`load3`], writable.
#[inline(always)]
unsafe fn store3<V: Lanes>(v: [V; 3], p: [*mut u64; 3], i: usize) {
    // SAFETY: the caller's.
    unsafe {
        v[0].store(p[0].add(i));
        v[1].store(p[1].add(i));
        v[2].store(p[2].add(i));
    }
}

#[inline(always)]
unsafe fn splat3<V: Lanes>(e: [u64; 3]) -> [V; 3] {
    // SAFETY: the features are the caller's.
    unsafe { [V::splat(e[0]), V::splat(e[1]), V::splat(e[2])] }
}

#[inline(always)]
unsafe fn add3<V: Lanes>(a: [V; 3], b: [V; 3]) -> [V; 3] {
    // SAFETY: the features are the caller's.
    unsafe { [a[0].add(b[0]), a[1].add(b[1]), a[2].add(b[2])] }
}

/// Replaces a by its adjugate and writes its norm: a⁻¹ = adjugate/norm.
///
/// The matrix of multiplication by a has the rows (a0, a2, a1), (a1, s, t), (a2, a1, s), s = a0 + a2, t = a1 + a2; the
/// adjugate's coefficients are the cofactors of its first row.
///
/// # Safety
/// `n` words at each pointer; `n` a multiple of the width.
#[inline(always)]
unsafe fn adjugate_body<V: Lanes>(a: [*mut u64; 3], norms: *mut u64, n: usize) {
    let mut i = 0;
    while i < n {
        // SAFETY: i + WIDTH <= n.
        unsafe {
            let [a0, a1, a2] = load3::<V>([a[0], a[1], a[2]], i);
            let s = a0.add(a2);
            let t = a1.add(a2);
            let b0 = s.mul(s).sub(t.mul(a1));
            let b1 = t.mul(a2).sub(a1.mul(s));
            let b2 = a1.mul(a1).sub(s.mul(a2));
            a0.mul(b0).add(a2.mul(b1)).add(a1.mul(b2)).store(norms.add(i));
            store3([b0, b1, b2], a, i);
        }
        i += V::WIDTH;
    }
}

/// # Safety
/// `n` words at each pointer; `n` a multiple of the width.
#[inline(always)]
unsafe fn mac_body<V: Lanes>(acc: [*mut u64; 3], k: [u64; 3], column: *const u64, n: usize) {
    let mut i = 0;
    // SAFETY: i + WIDTH <= n.
    unsafe {
        let k = splat3::<V>(k);
        while i < n {
            let c = V::load(column.add(i));
            let a = load3::<V>([acc[0], acc[1], acc[2]], i);
            store3(add3(a, [c.mul(k[0]), c.mul(k[1]), c.mul(k[2])]), acc, i);
            i += V::WIDTH;
        }
    }
}

/// Two columns at once: half the traffic of the accumulators.
///
/// # Safety
/// As [`mac_body`].
#[inline(always)]
unsafe fn mac2_body<V: Lanes>(acc: [*mut u64; 3], k: [[u64; 3]; 2], columns: [*const u64; 2], n: usize) {
    let mut i = 0;
    // SAFETY: i + WIDTH <= n.
    unsafe {
        let k = [splat3::<V>(k[0]), splat3::<V>(k[1])];
        while i < n {
            let c = V::load(columns[0].add(i));
            let d = V::load(columns[1].add(i));
            let a = load3::<V>([acc[0], acc[1], acc[2]], i);
            let a = add3(a, [c.mul(k[0][0]), c.mul(k[0][1]), c.mul(k[0][2])]);
            store3(add3(a, [d.mul(k[1][0]), d.mul(k[1][1]), d.mul(k[1][2])]), acc, i);
            i += V::WIDTH;
        }
    }
}

/// # Safety
/// `n` words at each pointer; `n` a multiple of the width. `dst` may be `a` or `b`.
#[inline(always)]
unsafe fn mul_body<V: Lanes>(dst: [*mut u64; 3], a: [*const u64; 3], b: [*const u64; 3], n: usize) {
    let mut i = 0;
    while i < n {
        // SAFETY: i + WIDTH <= n.
        unsafe { store3(product(load3::<V>(a, i), load3::<V>(b, i)), dst, i) };
        i += V::WIDTH;
    }
}

/// # Safety
/// `n` words at each pointer; `n` a multiple of the width.
#[inline(always)]
unsafe fn scale_add_body<V: Lanes>(acc: [*mut u64; 3], k: [u64; 3], v: [*const u64; 3], n: usize) {
    let mut i = 0;
    // SAFETY: i + WIDTH <= n.
    unsafe {
        let k = splat3::<V>(k);
        while i < n {
            let a = load3::<V>([acc[0], acc[1], acc[2]], i);
            store3(add3(a, product(load3::<V>(v, i), k)), acc, i);
            i += V::WIDTH;
        }
    }
}

/// # Safety
/// `n` words at each pointer; `n` a multiple of the width. `dst` may be `lo`.
#[inline(always)]
unsafe fn fold_body<V: Lanes>(
    dst: [*mut u64; 3],
    lo: [*const u64; 3],
    hi: [*const u64; 3],
    x: *const u64,
    beta: [u64; 3],
    n: usize,
) {
    let mut i = 0;
    // SAFETY: i + WIDTH <= n.
    unsafe {
        let beta = splat3::<V>(beta);
        while i < n {
            let (a, b) = (load3::<V>(lo, i), load3::<V>(hi, i));
            let x = V::load(x.add(i));
            let (s0, d0) = a[0].add_sub(b[0]);
            let (s1, d1) = a[1].add_sub(b[1]);
            let (s2, d2) = a[2].add_sub(b[2]);
            let odd = product([d0.mul(x), d1.mul(x), d2.mul(x)], beta);
            store3(add3([s0, s1, s2], odd), dst, i);
            i += V::WIDTH;
        }
    }
}

/// # Safety
/// `n` words at each pointer, three at `out`; `n` a multiple of the width.
#[inline(always)]
unsafe fn dot_body<V: Lanes>(weights: [*const u64; 3], column: *const u64, n: usize, out: *mut u64) {
    // SAFETY: i + WIDTH <= n; three rows of eight words at `out`.
    unsafe {
        let mut acc = splat3::<V>([0; 3]);
        let mut i = 0;
        while i < n {
            let c = V::load(column.add(i));
            let w = load3::<V>(weights, i);
            acc = add3(acc, [c.mul(w[0]), c.mul(w[1]), c.mul(w[2])]);
            i += V::WIDTH;
        }
        store3(acc, [out, out.add(8), out.add(16)], 0);
    }
}

/// # Safety
/// `n` words at each pointer; `n` a multiple of the width.
#[inline(always)]
unsafe fn differences_body<V: Lanes>(dst: [*mut u64; 3], z: [u64; 3], points: *const u64, n: usize) {
    // SAFETY: i + WIDTH <= n.
    unsafe {
        let z = splat3::<V>(z);
        let mut i = 0;
        while i < n {
            store3([z[0].sub(V::load(points.add(i))), z[1], z[2]], dst, i);
            i += V::WIDTH;
        }
    }
}

dispatch! {
    fn raw_adjugate = adjugate_body(a: [*mut u64; 3], norms: *mut u64, n: usize);
    fn raw_mac = mac_body(acc: [*mut u64; 3], k: [u64; 3], column: *const u64, n: usize);
    fn raw_mac2 = mac2_body(acc: [*mut u64; 3], k: [[u64; 3]; 2], columns: [*const u64; 2], n: usize);
    fn raw_mul = mul_body(dst: [*mut u64; 3], a: [*const u64; 3], b: [*const u64; 3], n: usize);
    fn raw_scale_add = scale_add_body(acc: [*mut u64; 3], k: [u64; 3], v: [*const u64; 3], n: usize);
    fn raw_fold = fold_body(
        dst: [*mut u64; 3], lo: [*const u64; 3], hi: [*const u64; 3], x: *const u64, beta: [u64; 3], n: usize,
    );
    fn raw_dot = dot_body(weights: [*const u64; 3], column: *const u64, n: usize, out: *mut u64);
    fn raw_differences = differences_body(dst: [*mut u64; 3], z: [u64; 3], points: *const u64, n: usize);
}

fn pointers(columns: Cols<'_>) -> [*const u64; 3] {
    [columns[0].as_ptr(), columns[1].as_ptr(), columns[2].as_ptr()]
}

fn pointers_mut(columns: &mut [&mut [u64]; 3]) -> [*mut u64; 3] {
    [columns[0].as_mut_ptr(), columns[1].as_mut_ptr(), columns[2].as_mut_ptr()]
}

fn check3(columns: &[&mut [u64]; 3], others: &[usize]) -> usize {
    let n = columns[0].len();
    check_lengths(n, &[columns[1].len(), columns[2].len()]);
    check_lengths(n, others);
    n
}

fn lengths(columns: Cols<'_>) -> [usize; 3] {
    [columns[0].len(), columns[1].len(), columns[2].len()]
}

/// Replaces each element by its adjugate and writes its norm.
pub(crate) fn adjugate(mut columns: [&mut [u64]; 3], norms: &mut [u64]) {
    let n = check3(&columns, &[norms.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_adjugate(pointers_mut(&mut columns), norms.as_mut_ptr(), n) }
}

/// acc += k·column, a base column and an extension constant.
pub(crate) fn mac(mut acc: [&mut [u64]; 3], k: [u64; 3], column: &[u64]) {
    let n = check3(&acc, &[column.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_mac(pointers_mut(&mut acc), k, column.as_ptr(), n) }
}

/// acc = constant + Σ kᵢ·columnᵢ.
pub(crate) fn linear_form<'a>(
    acc: [&mut [u64]; 3],
    constant: [u64; 3],
    terms: impl IntoIterator<Item = ([u64; 3], &'a [u64])>,
) {
    let [a, b, c] = acc;
    a.fill(constant[0]);
    b.fill(constant[1]);
    c.fill(constant[2]);
    let mut acc = [a, b, c];
    let n = check3(&acc, &[]);
    let mut terms = terms.into_iter();
    while let Some((k, column)) = terms.next() {
        check_lengths(n, &[column.len()]);
        let acc = pointers_mut(&mut acc);
        match terms.next() {
            Some((k2, column2)) => {
                check_lengths(n, &[column2.len()]);
                // SAFETY: lengths checked.
                unsafe { raw_mac2(acc, [k, k2], [column.as_ptr(), column2.as_ptr()], n) }
            }
            // SAFETY: lengths checked.
            None => unsafe { raw_mac(acc, k, column.as_ptr(), n) },
        }
    }
}

/// dst = a·b.
pub(crate) fn ext_mul(mut dst: [&mut [u64]; 3], a: Cols<'_>, b: Cols<'_>) {
    let n = check3(&dst, &lengths(a));
    check_lengths(n, &lengths(b));
    // SAFETY: lengths checked.
    unsafe { raw_mul(pointers_mut(&mut dst), pointers(a), pointers(b), n) }
}

/// a ·= b.
pub(crate) fn ext_mul_assign(mut a: [&mut [u64]; 3], b: Cols<'_>) {
    let n = check3(&a, &lengths(b));
    let p = pointers_mut(&mut a);
    // SAFETY: lengths checked; in place is allowed.
    unsafe { raw_mul(p, [p[0].cast_const(), p[1].cast_const(), p[2].cast_const()], pointers(b), n) }
}

/// acc += k·v, an extension constant and an extension column.
pub(crate) fn ext_scale_add(mut acc: [&mut [u64]; 3], k: [u64; 3], v: Cols<'_>) {
    let n = check3(&acc, &lengths(v));
    // SAFETY: lengths checked.
    unsafe { raw_scale_add(pointers_mut(&mut acc), k, pointers(v), n) }
}

/// dst = (lo + hi) + β·x·(lo − hi): one binary fold, times two.
pub(crate) fn ext_fold(mut dst: [&mut [u64]; 3], lo: Cols<'_>, hi: Cols<'_>, x: &[u64], beta: [u64; 3]) {
    let n = check3(&dst, &lengths(lo));
    check_lengths(n, &lengths(hi));
    check_lengths(n, &[x.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_fold(pointers_mut(&mut dst), pointers(lo), pointers(hi), x.as_ptr(), beta, n) }
}

/// lo = (lo + hi) + β·x·(lo − hi).
pub(crate) fn ext_fold_assign(mut lo: [&mut [u64]; 3], hi: Cols<'_>, x: &[u64], beta: [u64; 3]) {
    let n = check3(&lo, &lengths(hi));
    check_lengths(n, &[x.len()]);
    let p = pointers_mut(&mut lo);
    let lo = [p[0].cast_const(), p[1].cast_const(), p[2].cast_const()];
    // SAFETY: lengths checked; in place is allowed.
    unsafe { raw_fold(p, lo, pointers(hi), x.as_ptr(), beta, n) }
}

/// Σ wᵢ·cᵢ, extension weights and a base column.
pub(crate) fn dot(weights: Cols<'_>, column: &[u64]) -> [F; 3] {
    check_lengths(column.len(), &lengths(weights));
    let mut out = [0u64; 24];
    // SAFETY: lengths checked; unused lanes stay zero.
    unsafe { raw_dot(pointers(weights), column.as_ptr(), column.len(), out.as_mut_ptr()) };
    let sum = |c: usize| out[8 * c..8 * c + 8].iter().fold(F::ZERO, |acc, &w| acc + F::new(w));
    [sum(0), sum(1), sum(2)]
}

/// dst = z − points, with the points in the base field.
pub(crate) fn point_differences(mut dst: [&mut [u64]; 3], z: [u64; 3], points: &[u64]) {
    let n = check3(&dst, &[points.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_differences(pointers_mut(&mut dst), z, points.as_ptr(), n) }
}

/// The canonical word of a base element.
pub(crate) fn word(f: F) -> u64 {
    f.as_canonical_u64()
}
