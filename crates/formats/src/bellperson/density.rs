//! Which variables have a point in a query that leaves infinity out.

/// A set of variables, as one bit each. Variables are in Forebay's order: the constant one, the public ones, the private
/// ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Density {
    words: Vec<u64>,
    len: usize,
}

impl Density {
    /// The empty set of `len` variables.
    pub fn none(len: usize) -> Self {
        Density { words: vec![0; len.div_ceil(64)], len }
    }

    /// The set of those of `len` variables for which `dense` holds.
    pub fn from_fn(len: usize, mut dense: impl FnMut(usize) -> bool) -> Self {
        let mut this = Self::none(len);
        (0..len).filter(|i| dense(*i)).for_each(|i| this.insert(i));
        this
    }

    /// Adds a variable.
    ///
    /// # Panics
    /// If there is no such variable.
    pub fn insert(&mut self, variable: usize) {
        assert!(variable < self.len, "variable {variable} of {}", self.len);
        self.words[variable / 64] |= 1 << (variable % 64);
    }

    /// Whether a variable is in the set.
    pub fn contains(&self, variable: usize) -> bool {
        self.words.get(variable / 64).is_some_and(|w| w >> (variable % 64) & 1 == 1)
    }

    /// Number of variables, in the set or not.
    pub fn variables(&self) -> usize {
        self.len
    }

    /// Number of variables in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// How many variables at the start are in the set without a gap.
    pub fn leading(&self) -> usize {
        (0..self.len).take_while(|i| self.contains(*i)).count()
    }
}

/// The variables that occur in A and in B of a circuit. bellperson drops the points of all others from its keys. The rows
/// x·0 = 0 that it appends put every input into A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Densities {
    /// The variables with a point in `a`. All inputs are among them.
    pub a: Density,
    /// The variables with a point in `b_g1` and `b_g2`.
    pub b: Density,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_was_put_in() {
        for len in [0, 1, 63, 64, 65, 200] {
            let all = Density::from_fn(len, |_| true);
            assert_eq!((all.count(), all.leading(), all.variables()), (len, len, len));
            assert!(!all.contains(len) && !all.contains(len + 64));
            let thirds = Density::from_fn(len, |i| i % 3 != 2);
            assert_eq!(thirds.count(), (0..len).filter(|i| i % 3 != 2).count());
            assert_eq!(thirds.leading(), len.min(2));
            assert!((0..len).all(|i| thirds.contains(i) == (i % 3 != 2)));
        }
    }
}
