//! A zkey whose curve is known at run time alone.

use super::{HEADER, ZkeyFile, header::read_curve, read_table};
use crate::{
    data::{Data, Load},
    error::Result,
    iden3::section_cursor,
};
use forebay_msm::{Bls12_381, Bn254, CurveId};
use std::path::Path;

/// A proving key of whichever curve its file is for.
#[derive(Debug)]
pub enum AnyZkey<'a> {
    /// A key for BLS12-381.
    Bls12_381(ZkeyFile<'a, Bls12_381>),
    /// A key for BN254.
    Bn254(ZkeyFile<'a, Bn254>),
}

impl AnyZkey<'static> {
    /// Opens a file; the moduli in its header tell the curve.
    ///
    /// # Errors
    /// As [`ZkeyFile::open`], and [`UnknownCurve`](crate::FormatErrorKind::UnknownCurve).
    pub fn open(path: &Path, load: Load) -> Result<Self> {
        Self::parse(Data::open(path, load)?)
    }
}

impl<'a> AnyZkey<'a> {
    /// Reads from bytes; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`AnyZkey::open`].
    pub fn from_slice(name: &str, bytes: &'a [u8]) -> Result<Self> {
        Self::parse(Data::from_slice(name, bytes))
    }

    fn parse(data: Data<'a>) -> Result<Self> {
        let table = read_table(&data)?;
        let range = table.require(data.name(), HEADER)?;
        let curve = read_curve(&mut section_cursor(data.name(), &data, HEADER, &range))?;
        Ok(match curve {
            CurveId::Bls12_381 => AnyZkey::Bls12_381(ZkeyFile::with_table(data, &table)?),
            CurveId::Bn254 => AnyZkey::Bn254(ZkeyFile::with_table(data, &table)?),
        })
    }

    /// The curve.
    pub fn curve(&self) -> CurveId {
        match self {
            AnyZkey::Bls12_381(_) => CurveId::Bls12_381,
            AnyZkey::Bn254(_) => CurveId::Bn254,
        }
    }
}
