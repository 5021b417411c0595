//! Section 10 of a zkey: which circuit the key was made for, and how many took part in its ceremony.

use super::CONTRIBUTIONS;
use crate::{
    data::Data,
    error::Result,
    iden3::{Table, section_cursor},
};

/// The head of section 10. The contributions themselves are not parsed: only a verifier of the ceremony needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contributions {
    /// snarkjs's hash of the circuit and the parameters (BLAKE2b-512). Zeros in development keys.
    pub circuit_hash: [u8; 64],
    /// Number of contributions after the set-up. A snarkjs key with none is forgeable (γ = δ).
    pub count: u32,
}

impl Contributions {
    pub(super) fn read(data: &Data<'_>, table: &Table) -> Result<Option<Self>> {
        let file = data.name();
        let Some(range) = table.get(CONTRIBUTIONS.id) else { return Ok(None) };
        let mut cursor = section_cursor(file, data, CONTRIBUTIONS, &range);
        let circuit_hash = *cursor.array()?;
        let count = cursor.u32()?;
        if count == 0 {
            cursor.finish()?;
        }
        Ok(Some(Contributions { circuit_hash, count }))
    }
}
