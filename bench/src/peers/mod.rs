//! Peers behind one shape each.

pub(crate) mod ark;
pub(crate) mod bellperson;
pub(crate) mod blst;
pub(crate) mod blstrs;
pub(crate) mod halo2curves;
pub(crate) mod snarkjs;
