//! Sizes of blocks: four per doubling, so that rounding up wastes less than a quarter.

/// Requests below this stay with the system's allocator, which keeps small ones without the kernel's help.
pub(super) const SMALLEST: usize = 1 << 18;

/// 2^18 … 2^46 bytes, four classes per doubling.
pub(super) const CLASSES: usize = 4 * (46 - 18) + 1;

/// The class whose blocks hold `bytes`, which is at least [`SMALLEST`]; `None` beyond the largest.
pub(super) fn class_of(bytes: usize) -> Option<usize> {
    debug_assert!(bytes >= SMALLEST);
    let doubling = (bytes - 1).max(SMALLEST).ilog2() as usize;
    // Quarters of the doubling, rounded up: 1 … 4, where 4 is the next power of two.
    let quarter = 1usize << (doubling - 2);
    let quarters = (bytes - (1 << doubling).min(bytes)).div_ceil(quarter);
    let class = 4 * (doubling - SMALLEST.ilog2() as usize) + quarters;
    (class < CLASSES).then_some(class)
}

/// The size of the blocks of a class: a multiple of 64 KiB.
pub(super) const fn size_of_class(class: usize) -> usize {
    let doubling = SMALLEST << (class / 4);
    doubling + (doubling / 4) * (class % 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_requests_and_wastes_little() {
        let mut sizes: Vec<usize> =
            (18..45).flat_map(|k| [1 << k, (1 << k) + 1, (3 << k) / 2, (2 << k) - 1]).collect();
        sizes.extend((0..1000).map(|i| SMALLEST + i * 77_777));
        for bytes in sizes {
            let class = class_of(bytes).unwrap();
            assert!(size_of_class(class) >= bytes, "{bytes}");
            assert!(class == 0 || size_of_class(class - 1) < bytes, "{bytes} fits a smaller class");
            assert!(size_of_class(class) - bytes <= bytes / 4, "{bytes}");
        }
    }

    #[test]
    fn there_is_a_largest_class() {
        assert_eq!(class_of(1 << 46), Some(CLASSES - 1));
        assert_eq!(class_of((1 << 46) + 1), None);
        assert_eq!(class_of(usize::MAX), None);
        assert_eq!(size_of_class(CLASSES - 1), 1 << 46);
    }
}
