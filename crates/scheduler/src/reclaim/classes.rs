//! Size classes: a buffer's size rounded up, so that proofs of similar circuits share buffers.
//!
//! Eight classes per power of two, so at most an eighth is wasted (beyond the rounding to a page or a huge page).

/// A huge page of x86-64 and most others, in bytes.
pub const HUGE_PAGE: usize = 2 << 20;

/// The smallest region, in bytes: a page.
pub(super) const PAGE: usize = 4096;

/// The bytes that are mapped for a buffer of this size; `None` if it is beyond what can be addressed.
pub fn class_size(bytes: usize) -> Option<usize> {
    let unit = if bytes < HUGE_PAGE { PAGE } else { HUGE_PAGE };
    let pages = bytes.max(1).checked_next_multiple_of(unit)?;
    // An eighth of the greatest power of two that is not above.
    let step = (1 << (usize::BITS - 1 - pages.leading_zeros())) / 8;
    let size = pages.checked_next_multiple_of(step.max(unit))?;
    (size <= isize::MAX as usize).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn classes_are_big_enough_and_waste_little(bytes in 1usize..1 << 44) {
            let size = class_size(bytes).unwrap();
            let unit = if bytes < HUGE_PAGE { PAGE } else { HUGE_PAGE };
            prop_assert!(size >= bytes);
            prop_assert!(size - bytes <= bytes / 8 + unit);
            prop_assert_eq!(size % unit, 0);
            prop_assert_eq!(class_size(size), Some(size));
        }
    }

    #[test]
    fn what_cannot_be_addressed_has_no_class() {
        assert_eq!(class_size(usize::MAX), None);
        assert_eq!(class_size(isize::MAX as usize), None);
        assert_eq!(class_size(0), Some(PAGE));
    }
}
