//! Rows of a column-major table, as the bytes that are hashed.

use super::{dispatch, lanes::Lanes};

/// Eight rows, eight columns at a time: transposed in registers, canonical.
///
/// # Safety
/// `columns` are `count` pointers to eight words each; `out` has room for eight rows of `row_words` words, a multiple of
/// eight that is at least `count`.
#[inline(always)]
unsafe fn pack_body<V: Lanes>(columns: *const *const u64, count: usize, row_words: usize, out: *mut u64) {
    let mut row = 0;
    while row < 8 {
        let mut c = 0;
        while c < row_words {
            // SAFETY: reads stay inside `columns` by the test, writes inside eight rows.
            unsafe {
                let mut block = [V::splat(0); 8];
                let mut i = 0;
                while i < V::WIDTH {
                    if c + i < count {
                        block[i] = V::load((*columns.add(c + i)).add(row)).canonical();
                    }
                    i += 1;
                }
                V::transpose(&mut block);
                let mut i = 0;
                while i < V::WIDTH {
                    block[i].store(out.add((row + i) * row_words + c));
                    i += 1;
                }
            }
            c += V::WIDTH;
        }
        row += V::WIDTH;
    }
}

dispatch! {
    fn raw_pack = pack_body(columns: *const *const u64, count: usize, row_words: usize, out: *mut u64);
}

/// Writes rows `start .. start + rows` of the columns to `out`, each padded with zeros to `row_words`; canonical words.
///
/// # Panics
/// When `rows` or `row_words` is no multiple of eight, or something is too short.
pub(crate) fn pack_rows(columns: &[&[u64]], start: usize, rows: usize, row_words: usize, out: &mut [u64]) {
    assert!(
        rows.is_multiple_of(8)
            && row_words.is_multiple_of(8)
            && row_words >= columns.len()
            && out.len() >= rows * row_words
    );
    let mut pointers: Vec<*const u64> = columns.iter().map(|c| c[start..start + rows].as_ptr()).collect();
    for eight in out[..rows * row_words].chunks_exact_mut(8 * row_words) {
        // SAFETY: eight more rows are left in each column; `out` holds eight rows.
        unsafe { raw_pack(pointers.as_ptr(), pointers.len(), row_words, eight.as_mut_ptr()) };
        for p in &mut pointers {
            *p = p.wrapping_add(8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_padded_and_canonical() {
        for count in [1, 3, 8, 11, 16] {
            let columns: Vec<Vec<u64>> = (0..count)
                .map(|c| (0..32u64).map(|r| if r == 5 { u64::MAX } else { 100 * c + r }).collect())
                .collect();
            let columns: Vec<&[u64]> = columns.iter().map(Vec::as_slice).collect();
            let words = (count as usize).next_multiple_of(8);
            let mut out = vec![7; 16 * words];
            pack_rows(&columns, 2, 16, words, &mut out);
            for (i, row) in out.chunks(words).enumerate() {
                for (c, &word) in row.iter().enumerate() {
                    let expected = match columns.get(c) {
                        Some(_) if i + 2 == 5 => 0xffff_fffe,
                        Some(column) => column[i + 2],
                        None => 0,
                    };
                    assert_eq!(word, expected);
                }
            }
        }
    }
}
