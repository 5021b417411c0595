//! Parameters of a proof system instance.

use crate::{
    error::SetupError,
    field::{F, TWO_ADICITY},
};
use p3_field::{PrimeCharacteristicRing, PrimeField64};

/// log₂ of the least and the most rows of a table.
pub(crate) const MIN_LOG_ROWS: u32 = 3;
pub(crate) const MAX_LOG_ROWS: u32 = 27;

/// What prover and verifier agree on. All of it is bound into the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// log₂ of the blowup: constraints have degree at most 2^`log_blowup` + 1.
    pub log_blowup: u32,
    /// Number of queries.
    pub queries: u32,
    /// Leading zero bits of the proof of work before the queries.
    pub grinding_bits: u32,
    /// log₂ of the largest folding arity.
    pub log_arity: u32,
    /// log₂ of the most coefficients of the last polynomial of FRI.
    pub log_final: u32,
    /// log₂ of the digests of a commitment.
    pub log_cap: u32,
    /// Offset of the cosets that extensions are evaluated on.
    pub shift: F,
}

impl Default for Parameters {
    /// Blowup 2, 100 queries, 16 bits of work: 116 bits conjectured; see [`Parameters::security`] for what is proven.
    fn default() -> Parameters {
        Parameters {
            log_blowup: 1,
            queries: 100,
            grinding_bits: 16,
            log_arity: 3,
            log_final: 4,
            log_cap: 3,
            shift: F::from_u64(7),
        }
    }
}

impl Parameters {
    /// Refuses what is meaningless or beyond the bounds of this implementation.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let refuse = |what| Err(SetupError::Parameters { what });
        if !(1..=3).contains(&self.log_blowup) {
            return refuse("the blowup is 2, 4 or 8");
        }
        if self.queries == 0 || self.queries > 1000 {
            return refuse("there are 1 to 1000 queries");
        }
        if self.grinding_bits > 32 {
            return refuse("at most 32 bits of work");
        }
        if !(1..=4).contains(&self.log_arity) {
            return refuse("the arity is 2, 4, 8 or 16");
        }
        if self.log_final > 12 || self.log_cap > 10 {
            return refuse("at most 2^12 final coefficients and 2^10 digests a commitment");
        }
        if self.shift == F::ZERO || self.shift.exp_power_of_2(TWO_ADICITY as usize) == F::ONE {
            return refuse("the offset lies in a subgroup of two-power order");
        }
        Ok(())
    }

    pub(crate) fn blowup(&self) -> usize {
        1 << self.log_blowup
    }

    /// As the transcript and the digest of a key bind them.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let numbers =
            [self.log_blowup, self.queries, self.grinding_bits, self.log_arity, self.log_final, self.log_cap];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        bytes.extend(self.shift.as_canonical_u64().to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::root_of_unity;

    #[test]
    fn senseless_parameters_are_refused() {
        let good = Parameters::default();
        assert!(good.check().is_ok());
        let bad = [
            Parameters { log_blowup: 0, ..good },
            Parameters { log_blowup: 4, ..good },
            Parameters { queries: 0, ..good },
            Parameters { queries: u32::MAX, ..good },
            Parameters { grinding_bits: 64, ..good },
            Parameters { log_arity: 0, ..good },
            Parameters { log_final: 30, ..good },
            Parameters { log_cap: 30, ..good },
            Parameters { shift: F::ZERO, ..good },
            Parameters { shift: F::ONE, ..good },
            Parameters { shift: root_of_unity(9), ..good },
        ];
        for (i, bad) in bad.into_iter().enumerate() {
            assert!(bad.check().is_err(), "{i}");
        }
    }
}
