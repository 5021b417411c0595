//! The gate's protocol, without what is built on it.

#[path = "../../src/gate/evaluation.rs"]
pub mod evaluation;
#[path = "../../src/gate/protocol.rs"]
pub mod protocol;
