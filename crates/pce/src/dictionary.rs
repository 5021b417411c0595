//! The distinct coefficients of a circuit, and how a coefficient is named.

use crate::error::BuildError;
use crate::reduce::SMALL_BITS;
use forebay_msm::ScalarField;
use forebay_msm::field::mont4;
use std::collections::HashMap;

/// The five kinds of coefficients, in the order in which a combination lists its terms.
pub(crate) const KINDS: usize = 5;

/// The name of a nonzero coefficient: its kind in the top three bits, its index in that kind's table below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Code(pub(crate) u32);

/// Most entries of one table.
pub(crate) const MAX_ENTRIES: usize = (1 << 29) - 1;

impl Code {
    pub(crate) const PLUS_ONE: Code = Code(0);
    pub(crate) const MINUS_ONE: Code = Code(1 << 29);
    const SMALL: u32 = 2 << 29;
    const MINUS_SMALL: u32 = 3 << 29;
    const LARGE: u32 = 4 << 29;

    /// 0: +1, 1: −1, 2: small, 3: minus small, 4: large.
    pub(crate) const fn kind(self) -> usize {
        (self.0 >> 29) as usize
    }

    /// The index in the table of the kind: small magnitudes for 2 and 3, large elements for 4.
    pub(crate) const fn index(self) -> u32 {
        self.0 & MAX_ENTRIES as u32
    }
}

/// The tables that codes point into.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dictionary {
    /// Magnitudes of small coefficients, below 2^44, none of them 0.
    pub(crate) small: Vec<u64>,
    /// Other coefficients, Montgomery limbs.
    pub(crate) large: Vec<[u64; 4]>,
}

/// Entries of the direct-mapped cache in front of the hash table (40 KiB): three times the 322 distinct coefficients of a
/// Poseidon Merkle path. It only saves time.
const CACHE: usize = 1024;

/// Names coefficients while a circuit is compiled.
pub(crate) struct Coder {
    pub(crate) dictionary: Dictionary,
    codes: HashMap<[u64; 4], Code>,
    magnitudes: HashMap<u64, u32>,
    cache: Vec<([u64; 4], Code)>,
}

impl Coder {
    pub(crate) fn new() -> Self {
        Coder {
            dictionary: Dictionary::default(),
            codes: HashMap::new(),
            magnitudes: HashMap::new(),
            // Zero is never looked up, so an all-zero key means "free".
            cache: vec![([0; 4], Code(0)); CACHE],
        }
    }

    /// The code of a nonzero coefficient.
    pub(crate) fn code<F: ScalarField>(&mut self, value: &F) -> Result<Code, BuildError> {
        let limbs = value.limbs();
        debug_assert_ne!(limbs, &[0; 4], "zero has no code");
        if *limbs == F::R {
            return Ok(Code::PLUS_ONE);
        }
        let slot = (limbs[0].wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % CACHE;
        if self.cache[slot].0 == *limbs {
            return Ok(self.cache[slot].1);
        }
        let code = match self.codes.get(limbs) {
            Some(&code) => code,
            None => {
                let code = self.classify::<F>(limbs)?;
                self.codes.insert(*limbs, code);
                code
            }
        };
        self.cache[slot] = (*limbs, code);
        Ok(code)
    }

    fn classify<F: ScalarField>(&mut self, limbs: &[u64; 4]) -> Result<Code, BuildError> {
        let value = F::from_limbs_unchecked(*limbs);
        if value == -F::ONE {
            return Ok(Code::MINUS_ONE);
        }
        let small = |v: [u64; 4]| (v[1..] == [0; 3] && v[0] >> SMALL_BITS == 0).then_some(v[0]);
        if let Some(magnitude) = small(value.to_canonical()) {
            return Ok(Code(Code::SMALL | self.magnitude(magnitude)?));
        }
        if let Some(magnitude) = small((-value).to_canonical()) {
            return Ok(Code(Code::MINUS_SMALL | self.magnitude(magnitude)?));
        }
        debug_assert!(mont4::is_reduced::<F>(limbs), "coefficients are reduced");
        let index = entry(self.dictionary.large.len())?;
        self.dictionary.large.push(*limbs);
        Ok(Code(Code::LARGE | index))
    }

    fn magnitude(&mut self, magnitude: u64) -> Result<u32, BuildError> {
        if let Some(&index) = self.magnitudes.get(&magnitude) {
            return Ok(index);
        }
        let index = entry(self.dictionary.small.len())?;
        self.dictionary.small.push(magnitude);
        self.magnitudes.insert(magnitude, index);
        Ok(index)
    }
}

fn entry(len: usize) -> Result<u32, BuildError> {
    if len >= MAX_ENTRIES {
        return Err(BuildError::TooMany { what: "distinct coefficients", limit: MAX_ENTRIES as u64 });
    }
    Ok(len as u32)
}
