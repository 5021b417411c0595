//! Proofs of 2 KiB sectors, made by Forebay and judged by filecoin-proofs and bellperson. One program, because each would
//! compile filecoin-proofs' generics again.
//!
//! Window PoSt runs always. `cargo test -p forebay-filecoin --release -- --include-ignored` runs the others too.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
mod porep;
mod scale;
mod window_post;
mod winning_post;
