//! Sums and products of columns, element by element, and the two passes of batch inversion.

use super::{check_lengths, dispatch, lanes::Lanes};

macro_rules! binary {
    ($($body:ident = $op:ident;)*) => {$(
        /// # Safety
        /// `n` words at each pointer; `n` a multiple of the width. `dst` may be `a` or `b`.
        #[inline(always)]
        unsafe fn $body<V: Lanes>(dst: *mut u64, a: *const u64, b: *const u64, n: usize) {
            let mut i = 0;
            while i < n {
                // SAFETY: i + WIDTH <= n.
                unsafe { V::load(a.add(i)).$op(V::load(b.add(i))).store(dst.add(i)) };
                i += V::WIDTH;
            }
        }
    )*};
}

binary! {
    add_body = add;
    sub_body = sub;
    mul_body = mul;
}

/// # Safety
/// `n` words at `values`; `n` a multiple of the width.
#[inline(always)]
unsafe fn scale_body<V: Lanes>(values: *mut u64, factor: u64, n: usize) {
    let mut i = 0;
    // SAFETY: i + WIDTH <= n.
    unsafe {
        let factor = V::splat(factor);
        while i < n {
            V::load(values.add(i)).mul(factor).store(values.add(i));
            i += V::WIDTH;
        }
    }
}

/// Eight interleaved chains: `prefix[i]` is the product of the earlier elements of i's chain, `totals` the whole chains.
///
/// # Safety
/// `n` words at both pointers, eight at `totals`; `n` a multiple of eight.
#[inline(always)]
unsafe fn forward_body<V: Lanes>(values: *const u64, prefix: *mut u64, totals: *mut u64, n: usize) {
    let mut lane = 0;
    while lane < 8 {
        // SAFETY: lane + WIDTH <= 8 and i + 8 <= n.
        unsafe {
            let mut product = V::splat(1);
            let mut i = 0;
            while i < n {
                product.store(prefix.add(i + lane));
                product = product.mul(V::load(values.add(i + lane)));
                i += 8;
            }
            product.store(totals.add(lane));
        }
        lane += V::WIDTH;
    }
}

/// # Safety
/// As [`forward_body`]; `totals` holds the inverses of the chains.
#[inline(always)]
unsafe fn backward_body<V: Lanes>(values: *mut u64, prefix: *const u64, totals: *mut u64, n: usize) {
    let mut lane = 0;
    while lane < 8 {
        // SAFETY: lane + WIDTH <= 8 and 8 <= i + 8 <= n.
        unsafe {
            let mut inverse = V::load(totals.add(lane));
            let mut i = n;
            while i > 0 {
                i -= 8;
                let value = V::load(values.add(i + lane));
                inverse.mul(V::load(prefix.add(i + lane))).store(values.add(i + lane));
                inverse = inverse.mul(value);
            }
        }
        lane += V::WIDTH;
    }
}

dispatch! {
    fn raw_add = add_body(dst: *mut u64, a: *const u64, b: *const u64, n: usize);
    fn raw_sub = sub_body(dst: *mut u64, a: *const u64, b: *const u64, n: usize);
    fn raw_mul = mul_body(dst: *mut u64, a: *const u64, b: *const u64, n: usize);
    fn raw_scale = scale_body(values: *mut u64, factor: u64, n: usize);
    fn raw_forward = forward_body(values: *const u64, prefix: *mut u64, totals: *mut u64, n: usize);
    fn raw_backward = backward_body(values: *mut u64, prefix: *const u64, totals: *mut u64, n: usize);
}

/// dst = a + b.
pub(crate) fn add(dst: &mut [u64], a: &[u64], b: &[u64]) {
    check_lengths(dst.len(), &[a.len(), b.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_add(dst.as_mut_ptr(), a.as_ptr(), b.as_ptr(), dst.len()) }
}

/// dst = a − b.
pub(crate) fn sub(dst: &mut [u64], a: &[u64], b: &[u64]) {
    check_lengths(dst.len(), &[a.len(), b.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_sub(dst.as_mut_ptr(), a.as_ptr(), b.as_ptr(), dst.len()) }
}

/// dst = a·b.
pub(crate) fn mul(dst: &mut [u64], a: &[u64], b: &[u64]) {
    check_lengths(dst.len(), &[a.len(), b.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_mul(dst.as_mut_ptr(), a.as_ptr(), b.as_ptr(), dst.len()) }
}

/// a += b.
pub(crate) fn add_assign(a: &mut [u64], b: &[u64]) {
    check_lengths(a.len(), &[b.len()]);
    let p = a.as_mut_ptr();
    // SAFETY: lengths checked; in place is allowed.
    unsafe { raw_add(p, p, b.as_ptr(), a.len()) }
}

/// a −= b.
pub(crate) fn sub_assign(a: &mut [u64], b: &[u64]) {
    check_lengths(a.len(), &[b.len()]);
    let p = a.as_mut_ptr();
    // SAFETY: lengths checked; in place is allowed.
    unsafe { raw_sub(p, p, b.as_ptr(), a.len()) }
}

/// a ·= b.
pub(crate) fn mul_assign(a: &mut [u64], b: &[u64]) {
    check_lengths(a.len(), &[b.len()]);
    let p = a.as_mut_ptr();
    // SAFETY: lengths checked; in place is allowed.
    unsafe { raw_mul(p, p, b.as_ptr(), a.len()) }
}

/// values ·= factor.
pub(crate) fn scale(values: &mut [u64], factor: u64) {
    check_lengths(values.len(), &[]);
    // SAFETY: length checked.
    unsafe { raw_scale(values.as_mut_ptr(), factor, values.len()) }
}

/// Products of what comes before each element in its chain, and of the eight chains.
pub(crate) fn inverse_forward(values: &[u64], prefix: &mut [u64], totals: &mut [u64; 8]) {
    check_lengths(values.len(), &[prefix.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_forward(values.as_ptr(), prefix.as_mut_ptr(), totals.as_mut_ptr(), values.len()) }
}

/// Turns `values` into inverses, given the prefixes and the inverses of the chains' products.
pub(crate) fn inverse_backward(values: &mut [u64], prefix: &[u64], totals: &mut [u64; 8]) {
    check_lengths(values.len(), &[prefix.len()]);
    // SAFETY: lengths checked.
    unsafe { raw_backward(values.as_mut_ptr(), prefix.as_ptr(), totals.as_mut_ptr(), values.len()) }
}
