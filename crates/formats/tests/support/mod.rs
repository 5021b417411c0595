//! What the integration tests share.
#![allow(dead_code)]

use std::path::PathBuf;

/// A file made by circom or snarkjs.
pub(crate) fn fixture(dir: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(dir).join(name)
}

/// The bytes of a fixture.
pub(crate) fn bytes(dir: &str, name: &str) -> Vec<u8> {
    std::fs::read(fixture(dir, name)).unwrap()
}

/// A pool of two threads.
pub(crate) fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}

/// Where the data of a section starts and how long it is, found independently of the crate.
pub(crate) fn section(file: &[u8], id: u32) -> std::ops::Range<usize> {
    let mut at = 12;
    loop {
        let found = u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let length = u64::from_le_bytes(file[at + 4..at + 12].try_into().unwrap()) as usize;
        if found == id {
            return at + 12..at + 12 + length;
        }
        at += 12 + length;
    }
}

/// A binary file with another list of sections: (id, data).
pub(crate) fn with_sections(file: &[u8], sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = file[..8].to_vec();
    out.extend((sections.len() as u32).to_le_bytes());
    for (id, data) in sections {
        out.extend(id.to_le_bytes());
        out.extend((data.len() as u64).to_le_bytes());
        out.extend(data);
    }
    out
}

/// The sections of a binary file in its order.
pub(crate) fn sections(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut out = Vec::new();
    let mut at = 12;
    while at < file.len() {
        let id = u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let range = section(file, id);
        at = range.end;
        out.push((id, file[range].to_vec()));
    }
    out
}

/// Points as zcash writes them uncompressed, by another way than the crate's reader.
pub(crate) fn zcash<A: forebay_msm::AffinePoint>(point: &A) -> Vec<u8> {
    let mut out = vec![0; A::BYTES];
    point.write_canonical(&mut out);
    let (x, y) = out.split_at_mut(A::BYTES / 2);
    x.reverse();
    y.reverse();
    out
}

/// A parameter file of bellperson in parts: the six points, then IC, h, l, a, b_g1, b_g2 without their counts.
#[derive(Clone)]
pub(crate) struct Params {
    pub(crate) points: Vec<u8>,
    pub(crate) parts: [Vec<Vec<u8>>; 6],
}

impl Params {
    /// The snarkjs fixture in bellperson's clothes: sound as a file, though h has points of another basis. Variables whose
    /// point is infinity are left out.
    pub(crate) fn fixture() -> Self {
        use forebay_msm::{AffinePoint, Bases, Bls12_381};
        use group::prime::PrimeCurveAffine;
        fn list<A: AffinePoint + PrimeCurveAffine>(bases: Bases<'_, A>) -> Vec<Vec<u8>> {
            let points = (0..bases.len()).map(|i| bases.get(i));
            points.filter(|p| !bool::from(p.is_identity())).map(|p| zcash(&p)).collect()
        }
        let file = bytes("bls12-381", "multiplier.zkey");
        let key = forebay_formats::ZkeyFile::<Bls12_381>::from_slice("k", &file).unwrap();
        let k = key.header().points();
        let (a1, b1, d1) = (zcash(&k.alpha1), zcash(&k.beta1), zcash(&k.delta1));
        let points = [a1, b1, zcash(&k.beta2), zcash(&k.gamma2), d1, zcash(&k.delta2)].concat();
        let mut h = list(key.h());
        h.pop();
        Params {
            points,
            parts: [list(key.ic()), h, list(key.c()), list(key.a()), list(key.b1()), list(key.b2())],
        }
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.points.clone();
        for part in &self.parts {
            out.extend((part.len() as u32).to_be_bytes());
            out.extend(part.concat());
        }
        out
    }

    /// Where the count of each part stands, and the file's length.
    pub(crate) fn counts_at(&self) -> Vec<usize> {
        let mut at = self.points.len();
        let mut out = vec![at];
        for part in &self.parts {
            at += 4 + part.iter().map(Vec::len).sum::<usize>();
            out.push(at);
        }
        out
    }
}

/// A point as ark-serialize writes it uncompressed, by another way than the crate's reader.
pub(crate) fn ark_point<C: forebay_msm::Curve, A: forebay_msm::AffinePoint>(point: &A) -> Vec<u8> {
    let identity = bool::from(point.is_identity());
    if C::ID == forebay_msm::CurveId::Bls12_381 {
        let mut out = zcash(point);
        out[0] |= u8::from(identity) << 6;
        return out;
    }
    let canonical = |p: &A| {
        let mut out = vec![0; A::BYTES];
        p.write_canonical(&mut out);
        out
    };
    // From the most significant byte of the last coefficient on.
    let y = |p: &A| canonical(p)[A::BYTES / 2..].iter().rev().copied().collect::<Vec<_>>();
    let negative = !identity && y(point) > y(&-*point);
    let mut out = canonical(point);
    out[A::BYTES - 1] |= u8::from(identity) << 6 | u8::from(negative) << 7;
    out
}

/// A proving key of arkworks in parts: α₁ β₂ γ₂ δ₂ β₁ δ₁, and the lists gamma_abc_g1, a, b_g1, b_g2, h, l.
#[derive(Clone)]
pub(crate) struct ArkParts {
    pub(crate) points: [Vec<u8>; 6],
    pub(crate) lists: [Vec<Vec<u8>>; 6],
}

impl ArkParts {
    /// The snarkjs fixture in arkworks' clothes: sound as a file, though h has points of another basis.
    pub(crate) fn fixture<C: forebay_msm::Curve>(dir: &str) -> Self {
        use forebay_msm::{AffinePoint, Bases, Curve};
        fn list<C: Curve, A: AffinePoint>(bases: Bases<'_, A>) -> Vec<Vec<u8>> {
            (0..bases.len()).map(|i| ark_point::<C, A>(&bases.get(i))).collect()
        }
        let file = bytes(dir, "multiplier.zkey");
        let key = forebay_formats::ZkeyFile::<C>::from_slice("k", &file).unwrap();
        let k = key.header().points();
        let mut h = list::<C, _>(key.h());
        h.pop();
        let g1 = ark_point::<C, C::G1Affine>;
        let g2 = ark_point::<C, C::G2Affine>;
        ArkParts {
            points: [g1(&k.alpha1), g2(&k.beta2), g2(&k.gamma2), g2(&k.delta2), g1(&k.beta1), g1(&k.delta1)],
            lists: [
                list::<C, _>(key.ic()),
                list::<C, _>(key.a()),
                list::<C, _>(key.b1()),
                list::<C, _>(key.b2()),
                h,
                list::<C, _>(key.c()),
            ],
        }
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.points[..4].concat();
        for (i, list) in self.lists.iter().enumerate() {
            out.extend((list.len() as u64).to_le_bytes());
            out.extend(list.concat());
            if i == 0 {
                out.extend(self.points[4..].concat());
            }
        }
        out
    }

    /// Where the count of each list stands.
    pub(crate) fn counts_at(&self) -> [usize; 6] {
        let mut at = self.points[..4].concat().len();
        let mut i = 0;
        self.lists.each_ref().map(|list| {
            let start = at;
            at += 8 + list.concat().len();
            at += if i == 0 { self.points[4..].concat().len() } else { 0 };
            i += 1;
            start
        })
    }
}
