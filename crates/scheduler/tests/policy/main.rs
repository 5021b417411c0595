//! The policy by hand: small schedules whose every action is known.
#![allow(clippy::unwrap_used)] // a test may panic

mod bench;
mod ends;
mod order;
mod pacing;
