//! A bounded cursor: nothing is read, skipped or allocated before its length was checked against what is left.

use crate::error::{FormatError, FormatErrorKind, Place, Result, Section};

/// Reads little-endian values from bytes that nobody vouches for. Every error names the file, section and offset.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    place: Place<'a>,
    rest: &'a [u8],
    offset: u64,
}

impl<'a> Cursor<'a> {
    /// The same cursor in another section.
    pub(crate) fn enter(&mut self, section: Section) {
        self.place.section = Some(section);
    }

    /// A cursor over `bytes`, which start at `offset` of the file.
    pub(crate) fn new(place: Place<'a>, bytes: &'a [u8], offset: u64) -> Self {
        Cursor { place, rest: bytes, offset }
    }

    /// Position in the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    pub(crate) fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        let split = usize::try_from(n).ok().and_then(|n| self.rest.split_at_checked(n));
        let Some((taken, rest)) = split else {
            let left = self.rest.len() as u64;
            return Err(self.error(FormatErrorKind::Truncated { needed: n, left }));
        };
        self.rest = rest;
        self.offset += n;
        Ok(taken)
    }

    /// The next `count` items of `size` bytes each.
    pub(crate) fn take_items(&mut self, count: u64, size: u64) -> Result<&'a [u8]> {
        // A product that overflows is more than any file has.
        self.take(count.saturating_mul(size))
    }

    /// The next `N` bytes as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            let left = self.rest.len() as u64;
            return Err(self.error(FormatErrorKind::Truncated { needed: N as u64, left }));
        };
        self.rest = rest;
        self.offset += N as u64;
        Ok(taken)
    }

    /// The next four bytes as an integer.
    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(|b| u32::from_le_bytes(*b))
    }

    /// The next four bytes as a big-endian integer.
    pub(crate) fn u32_be(&mut self) -> Result<u32> {
        self.array().map(|b| u32::from_be_bytes(*b))
    }

    /// The next eight bytes as an integer.
    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(|b| u64::from_le_bytes(*b))
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            n => Err(self.error(FormatErrorKind::Trailing(n as u64))),
        }
    }

    /// An error at the current position.
    pub(crate) fn error(&self, kind: FormatErrorKind) -> FormatError {
        self.place.error_at(self.offset, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(bytes: &[u8]) -> Cursor<'_> {
        Cursor::new(Place { file: "t", section: None }, bytes, 100)
    }

    #[test]
    fn reads_little_endian_and_counts() {
        let mut c = cursor(&[1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!((c.u32().unwrap(), c.u64().unwrap(), c.offset()), (1, 2, 112));
        assert_eq!(c.finish().unwrap_err().to_string(), "t: offset 112: 1 unexpected bytes at the end");
        assert_eq!(c.take(1).unwrap(), [9]);
        c.finish().unwrap();
    }

    #[test]
    fn lengths_are_checked_before_use() {
        for (count, size) in [(u64::MAX, 1), (u64::MAX, 32), (1 << 62, 8), (4, 1), (u32::MAX.into(), 32)] {
            let mut c = cursor(&[0; 3]);
            let error = c.take_items(count, size).unwrap_err();
            assert!(matches!(error.kind(), FormatErrorKind::Truncated { left: 3, .. }), "{error}");
            assert_eq!(c.rest().len(), 3, "a failed read consumes nothing");
        }
        assert!(cursor(&[0; 3]).u32().is_err());
        assert!(cursor(&[0; 7]).u64().is_err());
    }
}
