//! Damaged binary files: each is refused with a typed error, or is as good as the original. Nothing panics.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{AnyZkey, FormatError, FormatErrorKind, R1csFile, WtnsFile};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use support::{bytes, pool, section, sections, with_sections};

const DIRS: [&str; 2] = ["bls12-381", "bn254"];

/// Reads everything there is to read in an r1cs file; returns a digest of it.
fn r1cs(bytes: &[u8]) -> Result<Vec<u64>, FormatError> {
    fn rows<C: Curve>(file: &R1csFile<'_>) -> Result<Vec<u64>, FormatError> {
        let mut seen = Vec::new();
        for row in file.rows() {
            let row = row?;
            for combination in [row.a, row.b, row.c] {
                for term in combination.terms::<C::Fr>() {
                    seen.push(term?.0.into());
                }
                seen.push(u64::MAX);
            }
        }
        Ok(seen)
    }
    let file = R1csFile::from_slice("c.r1cs", bytes)?;
    match file.header().curve {
        CurveId::Bls12_381 => rows::<Bls12_381>(&file),
        CurveId::Bn254 => rows::<Bn254>(&file),
    }
}

fn wtns(bytes: &[u8]) -> Result<Vec<u64>, FormatError> {
    thread_local!(static POOL: rayon::ThreadPool = pool());
    let file = WtnsFile::from_slice("w.wtns", bytes)?;
    POOL.with(|pool| {
        Ok(vec![match file.header().curve {
            CurveId::Bls12_381 => file.witness::<Bls12_381>(pool)?.len() as u64,
            CurveId::Bn254 => file.witness::<Bn254>(pool)?.len() as u64,
        }])
    })
}

fn zkey(bytes: &[u8]) -> Result<Vec<u64>, FormatError> {
    fn read<C: Curve>(key: &forebay_formats::ZkeyFile<'_, C>) -> Result<Vec<u64>, FormatError> {
        let mut seen = vec![key.ic().len() as u64, key.b2().len() as u64, key.h().len() as u64];
        for c in key.coefficients().iter() {
            let c = c?;
            seen.push((u64::from(c.row) << 32) | u64::from(c.wire));
        }
        Ok(seen)
    }
    match AnyZkey::from_slice("k.zkey", bytes)? {
        AnyZkey::Bls12_381(key) => read(&key),
        AnyZkey::Bn254(key) => read(&key),
    }
}

type Parser = fn(&[u8]) -> Result<Vec<u64>, FormatError>;

/// The three formats, with the sections that must be there.
const FORMATS: [(&str, Parser, &[u32]); 3] = [
    ("multiplier.r1cs", r1cs, &[1, 2]),
    ("multiplier.wtns", wtns, &[1, 2]),
    ("multiplier.zkey", zkey, &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
];

/// Runs a check on each format and curve.
fn each(check: impl Fn(&[u8], Parser, &[u32])) {
    for dir in DIRS {
        for (name, parse, required) in FORMATS {
            let file = bytes(dir, name);
            parse(&file).unwrap();
            check(&file, parse, required);
        }
    }
}

/// Overwrites bytes.
fn patched(file: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + new.len()].copy_from_slice(new);
    file
}

/// Checks that a file is refused with a message that names the file and contains `expected`.
#[track_caller]
fn refused(result: Result<Vec<u64>, FormatError>, expected: &str) -> FormatError {
    let error = result.expect_err(expected);
    let message = error.to_string();
    assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    assert!(!message.contains('\n') && message.starts_with(error.file()), "{message:?}");
    error
}

#[test]
fn every_prefix_is_refused() {
    each(|file, parse, _| {
        for len in 0..file.len() {
            assert!(parse(&file[..len]).is_err(), "{len} of {} bytes", file.len());
        }
    });
}

#[test]
fn trailing_bytes_are_refused() {
    each(|file, parse, _| {
        refused(parse(&[file, &[0]].concat()), "1 unexpected bytes at the end");
        refused(parse(&[file, file].concat()), "unexpected bytes at the end");
        for (i, (id, _)) in sections(file).into_iter().enumerate() {
            // Section 10 of a zkey is opaque after its head; section 4 and 5 of an r1cs are not in the fixtures.
            if id == 10 {
                continue;
            }
            let mut longer = sections(file);
            longer[i].1.push(0);
            let error = parse(&with_sections(file, &longer)).unwrap_err();
            assert_eq!(error.section().unwrap().id, id, "{error}");
        }
    });
}

#[test]
fn no_bit_makes_a_reader_panic() {
    each(|file, parse, _| {
        for bit in 0..8 * file.len() {
            let _ = parse(&patched(file, bit / 8, &[file[bit / 8] ^ (1 << (bit % 8))]));
        }
    });
}

#[test]
fn no_count_makes_a_reader_panic() {
    each(|file, parse, _| {
        for at in 0..file.len() {
            for new in [&[0; 4][..], &[0xff; 4], &[0; 8], &[0xff; 8], &[0, 0, 0, 0x80], &[1, 0, 0, 0]] {
                if at + new.len() <= file.len() {
                    let _ = parse(&patched(file, at, new));
                }
            }
        }
    });
}

#[test]
fn containers_must_be_what_they_say() {
    each(|file, parse, required| {
        refused(parse(&patched(file, 0, b"nope")), "it does not start with");
        refused(parse(&patched(file, 4, &9u32.to_le_bytes())), "offset 4: version 9 is not supported");
        refused(parse(&patched(file, 8, &0u32.to_le_bytes())), "unexpected bytes at the end");
        let error = refused(parse(&patched(file, 8, &[0xff; 4])), "4294967295 sections are too many");
        assert_eq!(error.offset(), Some(8));
        let n = u32::from_le_bytes(file[8..12].try_into().unwrap());
        refused(parse(&patched(file, 8, &(n + 1).to_le_bytes())), "truncated");
        for id in required {
            let missing: Vec<_> = sections(file).into_iter().filter(|s| s.0 != *id).collect();
            let error = refused(parse(&with_sections(file, &missing)), "the section is missing");
            assert_eq!(error.section().unwrap().id, *id);
            let twice =
                [sections(file), sections(file).into_iter().filter(|s| s.0 == *id).collect()].concat();
            let error = refused(parse(&with_sections(file, &twice)), "the section occurs twice");
            assert_eq!(error.section().unwrap().id, *id);
        }
        // Any order is fine, and so is a section that nobody knows.
        let good = parse(file).unwrap();
        let mut turned = sections(file);
        turned.reverse();
        assert_eq!(parse(&with_sections(file, &turned)).unwrap(), good);
        turned.push((77, vec![1, 2, 3]));
        assert_eq!(parse(&with_sections(file, &turned)).unwrap(), good);
    });
}

#[test]
fn sections_cannot_overlap_or_overflow() {
    each(|file, parse, _| {
        let mut at = 12;
        for (id, data) in sections(file) {
            let length_at = at + 4;
            let length = data.len() as u64;
            for (new, what) in [(u64::MAX, "truncated"), (u64::MAX - 12, "truncated"), (1 << 63, "truncated")]
            {
                let error = refused(parse(&patched(file, length_at, &new.to_le_bytes())), what);
                assert_eq!((error.section().unwrap().id, error.offset()), (id, Some(at as u64 + 12)));
            }
            // One that ends inside of itself, or reaches into the next.
            for new in [0, 1, length - 1, length + 1, length + 12, length + 13] {
                let error = parse(&patched(file, length_at, &new.to_le_bytes()));
                assert!(error.is_err(), "section {id}: {new} instead of {length}");
            }
            at += 12 + data.len();
        }
    });
}

/// Offset of a value in a section.
fn place(file: &[u8], id: u32, at: usize) -> usize {
    section(file, id).start + at
}

#[test]
fn r1cs_headers_are_checked() {
    for dir in DIRS {
        let file = bytes(dir, "multiplier.r1cs");
        let with = |at: usize, new: &[u8]| r1cs(&patched(&file, place(&file, 1, at), new));
        refused(with(0, &31u32.to_le_bytes()), "of no known curve");
        refused(with(0, &[0xff; 4]), "truncated: 4294967295 bytes are needed");
        refused(with(4, &[9]), "of no known curve");
        refused(with(36, &0u32.to_le_bytes()), "more inputs and outputs than wires");
        refused(with(36, &[0xff; 4]), "section 3 (wire map)");
        for field in [40, 44, 48] {
            refused(with(field, &[0xff; 4]), "section 1 (header)");
        }
        refused(with(60, &0u32.to_le_bytes()), "unexpected bytes at the end");
        refused(with(60, &2u32.to_le_bytes()), "unexpected bytes at the end");
        refused(with(60, &[0xff; 4]), "truncated");
        // Labels are not used: any number is as good.
        with(52, &[0xff; 8]).unwrap();
    }
}

#[test]
fn r1cs_constraints_are_checked() {
    for dir in DIRS {
        let file = bytes(dir, "multiplier.r1cs");
        let with = |at: usize, new: &[u8]| r1cs(&patched(&file, place(&file, 2, at), new));
        let terms = u32::from_le_bytes(file[place(&file, 2, 0)..][..4].try_into().unwrap());
        for count in [0, terms - 1, u32::MAX] {
            assert!(with(0, &count.to_le_bytes()).is_err(), "{count} terms");
        }
        refused(with(0, &[0xff; 4]), "truncated: 154618822620 bytes are needed");
        let n_wires = u32::from_le_bytes(file[place(&file, 1, 36)..][..4].try_into().unwrap());
        let error = refused(with(4, &n_wires.to_le_bytes()), "is out of range (there are");
        assert_eq!(error.offset(), Some(place(&file, 2, 4) as u64));
        for value in unreduced(dir) {
            let error = refused(with(8, &value), "coefficient is not below the field's modulus");
            assert_eq!(error.offset(), Some(place(&file, 2, 8) as u64));
        }
        let custom = |id: u32, data: &[u8]| {
            let all = [sections(&file), vec![(id, data.to_vec())]].concat();
            r1cs(&with_sections(&file, &all))
        };
        for id in [4, 5] {
            custom(id, &[0; 4]).unwrap();
            refused(custom(id, &[1, 0, 0, 0]), "custom gates are not supported");
            refused(custom(id, &[0; 8]), "custom gates are not supported");
        }
    }
}

/// r, r + 1 and all ones.
fn unreduced(dir: &str) -> [[u8; 32]; 3] {
    let id = CurveId::ALL.into_iter().find(|id| id.name() == dir).unwrap();
    let r = id.scalar_modulus_le();
    let mut r1 = r;
    r1[0] += 1;
    [r, r1, [0xff; 32]]
}

#[test]
fn witnesses_are_checked() {
    for dir in DIRS {
        let file = bytes(dir, "multiplier.wtns");
        let header = |at: usize, new: &[u8]| wtns(&patched(&file, place(&file, 1, at), new));
        let value = |i: usize, new: &[u8]| wtns(&patched(&file, place(&file, 2, 32 * i), new));
        for count in [0, 1, 7, 9, u32::MAX] {
            refused(header(36, &count.to_le_bytes()), "where the header asks for");
        }
        refused(header(4, &[9]), "of no known curve");
        for first in [0u8, 2] {
            let error = refused(value(0, &[first]), "the first value of a witness must be 1");
            assert_eq!(error.offset(), Some(place(&file, 2, 0) as u64));
        }
        for new in unreduced(dir) {
            for i in [0, 3, 7] {
                let error = refused(value(i, &new), "value is not below the field's modulus");
                assert_eq!(error.offset(), Some(place(&file, 2, 32 * i) as u64));
            }
        }
        let empty = with_sections(&patched(&file, place(&file, 1, 36), &[0; 4]), &{
            let mut s = sections(&patched(&file, place(&file, 1, 36), &[0; 4]));
            s[1].1.clear();
            s
        });
        refused(wtns(&empty), "the first value of a witness must be 1");
    }
}

#[test]
fn zkey_headers_are_checked() {
    for dir in DIRS {
        let file = bytes(dir, "multiplier.zkey");
        let base = if dir == "bn254" { 32 } else { 48 };
        let counts = 4 + base + 4 + 32;
        let with = |at: usize, new: &[u8]| zkey(&patched(&file, place(&file, 2, at), new));
        refused(
            zkey(&patched(&file, place(&file, 1, 0), &[2])),
            "section 1 (protocol), offset 24: the protocol is not Groth16",
        );
        refused(with(4, &[9]), "modulus of the base field is of no known curve");
        refused(with(8 + base, &[9]), "modulus of the scalar field is of no known curve");
        for vars in [0u32, 2] {
            refused(with(counts, &vars.to_le_bytes()), "more public signals than wires");
        }
        for vars in [3, 7, 9, u32::MAX] {
            refused(with(counts, &vars.to_le_bytes()), "section 5 (A), offset");
        }
        refused(with(counts + 4, &0u32.to_le_bytes()), "section 3 (IC)");
        refused(with(counts + 4, &3u32.to_le_bytes()), "section 3 (IC)");
        refused(with(counts + 4, &[0xff; 4]), "more public signals than wires");
        for domain in [0u32, 3, 6, u32::MAX] {
            let error = refused(with(counts + 8, &domain.to_le_bytes()), "is not a power of two");
            assert_eq!(error.offset(), Some(place(&file, 2, counts) as u64));
        }
        let largest = if dir == "bn254" { 27 } else { 31 };
        refused(with(counts + 8, &(1u32 << largest).to_le_bytes()), "section 9 (H)");
        if largest < 31 {
            refused(with(counts + 8, &(2u32 << largest).to_le_bytes()), "is above 2^27");
        }
        refused(with(counts + 8, &4u32.to_le_bytes()), "section 9 (H)");
        for point in 0..2 {
            let at = counts + 12 + point * 2 * base;
            refused(with(at, &vec![0xff; base]), "fails the check \"coordinates below the modulus\"");
        }
    }
    // q of one curve with r of the other.
    let bn = bytes("bn254", "multiplier.zkey");
    let mixed = patched(&bn, place(&bn, 2, 40), &CurveId::Bls12_381.scalar_modulus_le());
    refused(zkey(&mixed), "its two moduli are of different curves");
}

#[test]
fn zkey_coefficients_are_checked() {
    for dir in DIRS {
        let file = bytes(dir, "multiplier.zkey");
        let with = |at: usize, new: &[u8]| zkey(&patched(&file, place(&file, 4, at), new));
        for count in [0u32, 1, u32::MAX] {
            assert!(with(0, &count.to_le_bytes()).is_err(), "{count} coefficients");
        }
        refused(with(0, &[0xff; 4]), "truncated: 188978560980 bytes are needed");
        for (at, new, what) in [
            (4, 2u32, "matrix 2 is out of range (there are 2)"),
            (4, u32::MAX, "matrix 4294967295 is out of range"),
            (8, 8, "row 8 is out of range (there are 8)"),
            (8, u32::MAX, "row 4294967295 is out of range"),
            (12, 8, "wire 8 is out of range (there are 8)"),
            (12, u32::MAX, "wire 4294967295 is out of range"),
        ] {
            let error = refused(with(at, &new.to_le_bytes()), what);
            assert_eq!(error.offset(), Some(place(&file, 4, at) as u64));
            assert!(matches!(error.kind(), FormatErrorKind::OutOfRange { .. }));
        }
        for value in unreduced(dir) {
            refused(with(16, &value), "section 4 (coefficients), offset");
        }
        // Section 10: shorter than its head; no contributions, and yet more bytes.
        for (data, what) in [(vec![0; 67], "truncated"), (vec![0; 69], "1 unexpected bytes")] {
            let mut all = sections(&file);
            all.iter_mut().find(|s| s.0 == 10).unwrap().1 = data;
            refused(zkey(&with_sections(&file, &all)), what);
        }
        let without: Vec<_> = sections(&file).into_iter().filter(|s| s.0 != 10).collect();
        zkey(&with_sections(&file, &without)).unwrap();
    }
}
