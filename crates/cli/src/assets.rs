//! The demo's circuit, embedded: sources in `circuits/membership.circom`, built by `circuits/build.mjs`.

use crate::exit::{Failure, Status};
use forebay_msm::CurveId;
use std::io::Read;

/// No embedded file is larger when unpacked.
const MAX_UNPACKED: u64 = 64 << 20;

/// The demo on one curve.
pub(crate) struct Demo {
    r1cs: &'static [u8],
    wasm: &'static [u8],
    /// One input per member, with a name.
    pub(crate) inputs: [(&'static str, &'static str); 3],
}

macro_rules! demo {
    ($curve:literal) => {
        Demo {
            r1cs: include_bytes!(concat!("../assets/", $curve, "/membership.r1cs.br")),
            wasm: include_bytes!(concat!("../assets/", $curve, "/membership.wasm.br")),
            inputs: [
                ("member-1", include_str!(concat!("../assets/", $curve, "/inputs/member-1.json"))),
                ("member-2", include_str!(concat!("../assets/", $curve, "/inputs/member-2.json"))),
                ("member-3", include_str!(concat!("../assets/", $curve, "/inputs/member-3.json"))),
            ],
        }
    };
}

static BLS12_381: Demo = demo!("bls12-381");
static BN254: Demo = demo!("bn254");

impl Demo {
    /// The demo on `curve`.
    pub(crate) fn on(curve: CurveId) -> &'static Demo {
        match curve {
            CurveId::Bls12_381 => &BLS12_381,
            CurveId::Bn254 => &BN254,
        }
    }

    /// The circuit's constraints.
    pub(crate) fn r1cs(&self) -> Result<Vec<u8>, Failure> {
        unpack(self.r1cs)
    }

    /// The circuit's witness generator.
    pub(crate) fn wasm(&self) -> Result<Vec<u8>, Failure> {
        unpack(self.wasm)
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let mut reader = brotli_decompressor::Decompressor::new(packed, 1 << 16).take(MAX_UNPACKED);
    reader
        .read_to_end(&mut out)
        .map_err(|e| Failure::new(Status::Internal, format!("unpacking an embedded file: {e}")))?;
    Ok(out)
}
