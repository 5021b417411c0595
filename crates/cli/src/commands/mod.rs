//! One file per command.

pub(crate) mod batch;
pub(crate) mod compile;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod filecoin;
pub(crate) mod inspect;
pub(crate) mod prove;
pub(crate) mod setup;
pub(crate) mod simulate;
pub(crate) mod stark;
pub(crate) mod sweep;
pub(crate) mod verify;
