//! snarkjs under node, as the testkit runs it: the whole process counts, start-up and reading the key included.

use crate::measure::Contender;
use anyhow::Context;
use forebay_formats::{Proof, PublicSignals, VerifyingKey};
use forebay_msm::Curve;
use forebay_prover::verify::verify;
use forebay_testkit::snarkjs_prove;
use std::path::Path;

/// Proves from a key and a witness in files. snarkjs draws its own blinding, so its proof is another; it is accepted if
/// it verifies under our key with the public values expected.
pub(crate) fn accepted_proof<C: Curve>(
    files: &Path,
    vkey: &VerifyingKey<C>,
    public: &[C::Fr],
) -> anyhow::Result<bool> {
    let made = snarkjs_prove(&files.join(ZKEY), &files.join(WTNS), files);
    let proof = Proof::<C>::read(&made.proof).context("snarkjs's proof")?;
    let theirs = PublicSignals::<C>::read(&made.public).context("snarkjs's public signals")?;
    Ok(theirs.0 == public && verify(vkey, public, &proof))
}

/// The key's name in the folder of a case.
pub(crate) const ZKEY: &str = "key.zkey";
/// The witness's.
pub(crate) const WTNS: &str = "witness.wtns";

/// One process, once.
pub(crate) fn prover<'a, T>(run: impl FnMut() -> anyhow::Result<T> + 'a) -> Contender<'a, anyhow::Result<T>> {
    Contender::once("snarkjs", run)
}
