//! Which variables occur in a matrix.

use crate::builder::Shape;

/// A set of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BitSet {
    words: Vec<u64>,
    len: usize,
}

impl BitSet {
    /// The empty set over 0..len.
    pub fn new(len: usize) -> Self {
        BitSet { words: vec![0; len.div_ceil(64)], len }
    }

    /// The set with these words, bit i of word j standing for 64·j + i. `None` if there are too few or too many words, or
    /// bits beyond `len`.
    pub(crate) fn from_words(words: Vec<u64>, len: usize) -> Option<Self> {
        let spare = words.len().checked_mul(64)?.checked_sub(len)?;
        let clean = spare == 0 || words.last().is_some_and(|last| last.leading_zeros() as usize >= spare);
        (spare < 64 && clean).then_some(BitSet { words, len })
    }

    /// The number of variables, in the set or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no variables at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether variable `i` is in the set; false beyond the end.
    pub fn contains(&self, i: usize) -> bool {
        self.words.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
    }

    /// How many variables are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many variables of 0..end are in the set.
    pub fn count_below(&self, end: usize) -> usize {
        let end = end.min(self.len);
        let whole: usize = self.words[..end / 64].iter().map(|word| word.count_ones() as usize).sum();
        let last =
            self.words.get(end / 64).map_or(0, |word| (word & ((1 << (end % 64)) - 1)).count_ones() as usize);
        whole + last
    }

    /// The variables in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(j, &word)| {
            let mut rest = word;
            core::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(64 * j + bit)
            })
        })
    }

    /// The words: bit i of word j stands for variable 64·j + i.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Puts variable `i` into the set, which grows if it must.
    pub(crate) fn insert_growing(&mut self, i: usize) {
        if i >= self.len {
            self.len = i + 1;
            self.words.resize(self.len.div_ceil(64), 0);
        }
        self.words[i / 64] |= 1 << (i % 64);
    }

    /// Appends `other`, of which `len` variables count, after the first `at` variables.
    fn append(&mut self, at: usize, other: &BitSet) {
        let (skip, shift) = (at / 64, at % 64);
        for (j, &word) in other.words.iter().enumerate() {
            if word == 0 {
                continue;
            }
            self.words[skip + j] |= word << shift;
            let carried = if shift == 0 { 0 } else { word >> (64 - shift) };
            if carried != 0 {
                self.words[skip + j + 1] |= carried;
            }
        }
    }
}

/// Which variables occur, with a nonzero coefficient, in A and in B. A key in bellperson's format holds points for
/// these variables alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Density {
    /// Variables in A. The inputs are all in it, as bellperson has them (its rows xᵢ·0 = 0).
    pub a: BitSet,
    /// Variables in B.
    pub b: BitSet,
}

/// Density while the number of inputs is not known.
#[derive(Default)]
pub(crate) struct DensityBuilder {
    inputs: [BitSet; 2],
    aux: [BitSet; 2],
}

impl DensityBuilder {
    pub(crate) fn input(&mut self, matrix: usize, i: usize) {
        if let Some(set) = self.inputs.get_mut(matrix) {
            set.insert_growing(i);
        }
    }

    pub(crate) fn aux(&mut self, matrix: usize, i: usize) {
        if let Some(set) = self.aux.get_mut(matrix) {
            set.insert_growing(i);
        }
    }

    pub(crate) fn finish(self, shape: Shape) -> Density {
        let inputs = shape.num_inputs as usize;
        let join = |matrix: usize| {
            let mut set = BitSet::new(inputs + shape.num_aux as usize);
            set.append(0, &self.inputs[matrix]);
            set.append(inputs, &self.aux[matrix]);
            set
        };
        let (mut a, b) = (join(0), join(1));
        (0..inputs).for_each(|i| a.insert_growing(i));
        Density { a, b }
    }
}
