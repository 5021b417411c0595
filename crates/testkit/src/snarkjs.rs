//! snarkjs: ceremonies, proofs, verdicts.

use crate::cache::{digest, entry, read};
use crate::packages::{node_modules, versions};
use crate::process::{Outcome, run};
use forebay_msm::CurveId;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The largest power of two, as its exponent, whose powers of tau a test can afford (15 s) on both curves.
///
/// snarkjs 0.7.6 with node 20 on two busy cores, new + contribute + prepare phase 2: BN254 3.9, 6.4 and 12.5 s at 2^7,
/// 2^8 and 2^9; BLS12-381 7.4, 13.0 and 28.3 s. The keys of a circuit that fills 2^8 take 2.3 and 6.6 s more.
pub const MAX_POWER: u32 = 8;

/// A key that snarkjs set up. The files are shared and must not be changed.
#[derive(Clone, Debug)]
pub struct SnarkjsKeys {
    /// The proving key, after one contribution.
    pub zkey: PathBuf,
    /// The verification key as JSON.
    pub vkey: PathBuf,
    /// The prepared powers of tau that it was made from.
    pub ptau: PathBuf,
}

/// A proof and its public signals, both as JSON.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The proof.
    pub proof: PathBuf,
    /// The public signals.
    pub public: PathBuf,
}

/// The whole ceremony: powers of tau up to 2^`power`, a contribution, preparation for phase 2, Groth16 set-up, another
/// contribution, the verification key. The powers are made once per curve and power, the keys once per circuit.
///
/// # Panics
/// If `power` is above [`MAX_POWER`]: the ceremony would take minutes.
#[track_caller]
pub fn snarkjs_setup(r1cs: &Path, curve: CurveId, power: u32) -> SnarkjsKeys {
    assert!(power <= MAX_POWER, "a ceremony of 2^{power} is too slow for a test");
    let powers = entry("ptau", &format!("{}-{power}-{}", curve.name(), versions()), |folder| {
        let [new, more, done] =
            ["new.ptau", "contributed.ptau", "prepared.ptau"].map(|name| folder.join(name));
        let size = power.to_string();
        snarkjs(
            folder,
            &[
                "powersoftau".as_ref(),
                "new".as_ref(),
                curve.snarkjs_name().as_ref(),
                size.as_ref(),
                new.as_os_str(),
            ],
        )
        .expect_success();
        let entropy = OsStr::new("-e=forebay client tests");
        snarkjs(
            folder,
            &["powersoftau".as_ref(), "contribute".as_ref(), new.as_os_str(), more.as_os_str(), entropy],
        )
        .expect_success();
        snarkjs(
            folder,
            &[
                "powersoftau".as_ref(),
                "prepare".as_ref(),
                "phase2".as_ref(),
                more.as_os_str(),
                done.as_os_str(),
            ],
        )
        .expect_success();
    });
    let ptau = powers.join("prepared.ptau");
    let key = digest(&[&read(r1cs), &read(&ptau)]);
    let folder = entry("keys", &format!("{}-{power}-{key}", curve.name()), |folder| {
        let [first, zkey, vkey] = ["first.zkey", "final.zkey", "vkey.json"].map(|name| folder.join(name));
        let steps: [&[&OsStr]; 3] = [
            &["groth16".as_ref(), "setup".as_ref(), r1cs.as_os_str(), ptau.as_os_str(), first.as_os_str()],
            &[
                "zkey".as_ref(),
                "contribute".as_ref(),
                first.as_os_str(),
                zkey.as_os_str(),
                "-e=forebay client tests".as_ref(),
            ],
            &[
                "zkey".as_ref(),
                "export".as_ref(),
                "verificationkey".as_ref(),
                zkey.as_os_str(),
                vkey.as_os_str(),
            ],
        ];
        for step in steps {
            snarkjs(folder, step).expect_success();
        }
    });
    SnarkjsKeys { zkey: folder.join("final.zkey"), vkey: folder.join("vkey.json"), ptau }
}

/// Proves with snarkjs; the files are put into `out`.
#[track_caller]
pub fn snarkjs_prove(zkey: &Path, wtns: &Path, out: &Path) -> Proof {
    let (proof, public) = (out.join("snarkjs-proof.json"), out.join("snarkjs-public.json"));
    let arguments: [&OsStr; 6] = [
        "groth16".as_ref(),
        "prove".as_ref(),
        zkey.as_os_str(),
        wtns.as_os_str(),
        proof.as_os_str(),
        public.as_os_str(),
    ];
    snarkjs(out, &arguments).expect_success();
    Proof { proof, public }
}

/// What snarkjs says of a proof that it refuses: the pairing, a public signal not below r, a point off the curve.
const REFUSALS: [&str; 3] =
    ["Invalid proof", "Public inputs are not valid.", "Proof commitments are not valid."];

/// snarkjs's verdict on a proof. Panics if it gives none.
#[track_caller]
pub fn snarkjs_verify(vkey: &Path, public: &Path, proof: &Path) -> bool {
    let arguments: [&OsStr; 5] =
        ["groth16".as_ref(), "verify".as_ref(), vkey.as_os_str(), public.as_os_str(), proof.as_os_str()];
    verdict(snarkjs(&crate::cache::root(), &arguments), "OK!", &REFUSALS)
}

/// snarkjs's verdict on whether a witness satisfies a circuit. Panics if it gives none.
#[track_caller]
pub fn snarkjs_wtns_check(r1cs: &Path, wtns: &Path) -> bool {
    let arguments: [&OsStr; 4] = ["wtns".as_ref(), "check".as_ref(), r1cs.as_os_str(), wtns.as_os_str()];
    verdict(snarkjs(&crate::cache::root(), &arguments), "WITNESS IS CORRECT", &["WITNESS IS NOT CORRECT"])
}

/// snarkjs's verdict on whether a key comes from this circuit and these powers of tau. Panics if it gives none.
#[track_caller]
pub fn snarkjs_zkey_verify(r1cs: &Path, ptau: &Path, zkey: &Path) -> bool {
    let arguments: [&OsStr; 5] =
        ["zkey".as_ref(), "verify".as_ref(), r1cs.as_os_str(), ptau.as_os_str(), zkey.as_os_str()];
    verdict(snarkjs(&crate::cache::root(), &arguments), "ZKey Ok!", &["INVALID"])
}

/// Exit status and text must agree: a crash is neither yes nor no.
#[track_caller]
fn verdict(outcome: Outcome, yes: &str, no: &[&str]) -> bool {
    let refused = no.iter().any(|text| outcome.text.contains(text));
    match (outcome.success, outcome.text.contains(yes), refused) {
        (true, true, false) => true,
        (false, false, true) => false,
        _ => outcome.unexpected(),
    }
}

#[track_caller]
fn snarkjs(folder: &Path, arguments: &[&OsStr]) -> Outcome {
    let cli = node_modules().join("snarkjs/build/cli.cjs");
    let all: Vec<&OsStr> = std::iter::once(cli.as_os_str()).chain(arguments.iter().copied()).collect();
    run("node", &all, folder)
}
