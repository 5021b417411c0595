//! How many bits of security parameters give: what is proven, and what is conjectured.
//!
//! Proven: FRI up to the Johnson bound (Ben-Sasson, Carmon, Ishai, Kopparty, Saraf, *Proximity Gaps for Reed–Solomon
//! Codes*, FOCS 2020, Theorems 1.5 and 8.3) with the multiplicity parameter that serves best, the DEEP-ALI list-decoding
//! terms of Haböck (ePrint 2022/1216, Theorem 8), and LogUp's sum (Haböck, ePrint 2022/1530). The
//! errors of the rounds are added; the proof of work counts for the queries alone. This is the interactive protocol's
//! round-by-round soundness, which Fiat–Shamir keeps in the random-oracle model.
//!
//! Conjectured: the toy problem of ethSTARK (ePrint 2021/582): each query gives log₂ of the blowup. Counterexamples of
//! 2025 (ePrint 2025/2046, 2025/2054) refute its original form near capacity; treat it as what is unbroken in practice.

use crate::params::Parameters;

/// Bits of security.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Security {
    /// Proven, up to the Johnson bound.
    pub provable: f64,
    /// Conjectured.
    pub conjectured: f64,
}

/// What the security of a statement depends on besides the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// log₂ of the rows of the tallest table.
    pub log_rows: u32,
    /// Columns opened, over all tables and points.
    pub columns: usize,
    /// Constraints folded into one quotient.
    pub constraints: usize,
    /// Messages sent and received, over all rows; 0 without buses.
    pub messages: u64,
    /// The most values of a message.
    pub arity: usize,
}

/// log₂ |E|.
const LOG_FIELD: f64 = 191.999_999;

impl Parameters {
    /// Bits for a statement of these sizes.
    pub fn security(&self, sizes: Sizes) -> Security {
        let conjectured = f64::from(self.queries * self.log_blowup + self.grinding_bits);
        let algebraic = -log_sum(&self.algebraic_errors(sizes, 1.0, 0.0));
        let provable = (3..=60).map(|m| self.johnson(sizes, f64::from(m))).fold(0.0, f64::max);
        Security { provable, conjectured: conjectured.min(algebraic) }
    }

    /// log₂ of the errors that do not depend on the queries, for lists of 2^`log_list` codewords.
    fn algebraic_errors(&self, sizes: Sizes, list: f64, batching: f64) -> Vec<f64> {
        let rows = f64::from(sizes.log_rows);
        let log_list = list.max(1.0).log2();
        let domain = rows + f64::from(self.log_blowup);
        let mut errors = vec![
            // The constraints' combination, and the out-of-domain point: degree (B + 2)·n over |E| less the domain.
            log_list + (sizes.constraints.max(1) as f64).log2() - LOG_FIELD,
            2.0 * log_list + rows + f64::from(self.log_blowup) + 1.0 - LOG_FIELD,
            // Batching the columns: that many powers of one challenge.
            batching.max(domain) + (sizes.columns.max(1) as f64).log2() - LOG_FIELD,
        ];
        if sizes.messages > 0 {
            // Two rational functions of that many poles agree at z, and two tuples collide at α.
            errors.push((sizes.messages as f64).log2() + 1.0 - LOG_FIELD);
            errors
                .push(2.0 * (sizes.messages as f64).log2() + (sizes.arity.max(1) as f64).log2() - LOG_FIELD);
        }
        errors
    }

    /// Bits with the multiplicity parameter m: proximity 1 − √ρ·(1 + 1/2m).
    fn johnson(&self, sizes: Sizes, m: f64) -> f64 {
        let log_rho = -f64::from(self.log_blowup);
        let log_domain = f64::from(sizes.log_rows + self.log_blowup);
        let list = (m + 0.5) / (log_rho / 2.0).exp2();
        // (m + 1/2)^7 |D|² / (3 ρ^{3/2} |E|), for every challenge of the batching.
        let batching = 7.0 * (m + 0.5).log2() + 2.0 * log_domain - 1.5 * log_rho - 3f64.log2();
        let mut errors = self.algebraic_errors(sizes, list, batching);
        // Each round combines `arity` pieces and at most one table that joins.
        let arity = f64::from((1u32 << self.log_arity) + 1);
        let rounds = f64::from(sizes.log_rows.max(1));
        errors.push(batching + (arity * rounds).log2() - LOG_FIELD);
        let per_query = log_rho / 2.0 + (1.0 + 1.0 / (2.0 * m)).log2();
        errors.push(f64::from(self.queries) * per_query - f64::from(self.grinding_bits));
        -log_sum(&errors)
    }
}

/// log₂ of Σ 2^e.
fn log_sum(errors: &[f64]) -> f64 {
    let most = errors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + errors.iter().map(|e| (e - most).exp2()).sum::<f64>().log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { log_rows: 20, columns: 60, constraints: 20, messages: 10 << 20, arity: 3 };

    #[test]
    fn the_two_figures_are_apart() {
        let security = Parameters::default().security(SIZES);
        assert_eq!(security.conjectured, 116.0);
        // 100 queries of at most half a bit and 16 bits of work.
        assert!((60.0..66.0).contains(&security.provable), "{security:?}");
    }

    #[test]
    fn more_queries_prove_more_until_the_field_ends_it() {
        let bits = |queries| Parameters { queries, ..Parameters::default() }.security(SIZES);
        assert!(bits(150).provable > bits(100).provable + 20.0);
        assert!(bits(1000).provable < 150.0, "the extension has 192 bits");
        assert!(bits(1000).conjectured < 150.0);
    }
}
