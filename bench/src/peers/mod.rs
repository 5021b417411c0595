//! Peers behind one shape each.

pub(crate) mod bellperson;
