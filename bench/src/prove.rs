//! Whole proofs. Everyone gets the same key, assignment, r and s, so the proofs must be equal; snarkjs, which draws its
//! own blinding, gets the same key as a file, and its proof must verify.

use crate::{
    circuits::Subject,
    measure::{Contender, interleave},
    options::{Peer, ProveArgs, Setting},
    peers::{bellperson::BellpersonKey, snarkjs},
    report,
};
use ff::Field;
use forebay_formats::{Proof, write_wtns};
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, CurveId};
use forebay_prover::{
    Blinding, Cancel, Prover, ProvingKey,
    circuit::compile_source,
    setup::{Convention, InMemoryKey, development_key, write_zkey},
};
use forebay_reference::ark::{ArkCurve, ArkKey, scalar};
use forebay_testkit::TempDir;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::Arc;

/// Prints a row per peer for everything that `args` asks for.
pub(crate) fn compare(setting: &Setting, args: &ProveArgs) -> anyhow::Result<()> {
    for curve in args.curves() {
        match curve {
            CurveId::Bls12_381 => {
                for subject in Subject::<Bls12_381>::all(setting, &args.circuit, &args.log_n) {
                    compare_on(setting, &subject?, BellpersonKey::new, BellpersonKey::prove)?;
                }
            }
            CurveId::Bn254 => {
                for subject in Subject::<Bn254>::all(setting, &args.circuit, &args.log_n) {
                    let none =
                        |_: &dyn ProvingKey<Bn254>, _: &dyn forebay_prover::circuit::ConstraintSource<_>| {
                            anyhow::bail!("no bellperson on this curve")
                        };
                    compare_on(setting, &subject?, none, |_: &(), _, _, _| anyhow::bail!("no such peer"))?;
                }
            }
        }
    }
    Ok(())
}

/// One key, assignment and blinding, and our prover on them.
pub(crate) struct Case<'a, C: ArkCurve> {
    subject: &'a Subject<C>,
    pub(crate) key: Arc<InMemoryKey<C>>,
    prover: Prover<C>,
    pub(crate) r: C::Fr,
    pub(crate) s: C::Fr,
}

impl<'a, C: ArkCurve> Case<'a, C>
where
    CpuBackend: Backend<C>,
{
    pub(crate) fn new(
        setting: &Setting,
        subject: &'a Subject<C>,
        convention: Convention,
    ) -> anyhow::Result<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(u64::from(subject.log_n));
        let (key, circuit) = subject.with_source(|source| {
            let key = development_key::<C>(source, convention, &mut rng, &setting.pool, &Cancel::default())?;
            Ok((Arc::new(key), Arc::new(compile_source::<C::Fr>(source)?)))
        })?;
        let backend = Arc::new(setting.backend()?);
        let shared = Arc::clone(&key) as Arc<dyn ProvingKey<C>>;
        let prover = Prover::new(backend, shared, circuit, Arc::clone(&setting.pool))?;
        let (r, s) = (C::Fr::random(&mut rng), C::Fr::random(&mut rng));
        Ok(Case { subject, key, prover, r, s })
    }

    fn prove(&self) -> anyhow::Result<Proof<C>> {
        let blinding = Blinding::new(self.r, self.s);
        Ok(self.prover.prove_with(&self.subject.z, &blinding, &Cancel::default(), &|_| ())?.proof)
    }

    pub(crate) fn public(&self) -> &'a [C::Fr] {
        &self.subject.z[1..=self.key.shape.num_public]
    }
}

fn compare_on<C: ArkCurve, K>(
    setting: &Setting,
    subject: &Subject<C>,
    bellperson_key: impl Fn(
        &dyn ProvingKey<C>,
        &dyn forebay_prover::circuit::ConstraintSource<C::Fr>,
    ) -> anyhow::Result<K>,
    bellperson_prove: impl Fn(&K, &[C::Fr], C::Fr, C::Fr) -> anyhow::Result<Proof<C>>,
) -> anyhow::Result<()>
where
    CpuBackend: Backend<C>,
{
    if [Peer::Ark, Peer::Bellperson].into_iter().any(|peer| setting.wants(peer)) {
        let case = Case::new(setting, subject, Convention::power_basis::<C>())?;
        let wanted = C::ID == CurveId::Bls12_381 && setting.wants(Peer::Bellperson);
        let key =
            wanted.then(|| subject.with_source(|source| bellperson_key(&*case.key, source))).transpose()?;
        let mut contenders = vec![Contender::pooled("forebay", &setting.pool, || case.prove())];
        if setting.wants(Peer::Ark) {
            contenders.push(ark(setting, &case)?);
        }
        if let Some(key) = &key {
            let (prove, case) = (&bellperson_prove, &case);
            contenders
                .push(Contender::new("bellperson", move || prove(key, &case.subject.z, case.r, case.s)));
        }
        let outcomes = interleave(contenders, setting.rounds);
        heading(setting, subject).print_all(setting, outcomes)?;
    }
    if setting.wants(Peer::Snarkjs) {
        beside_snarkjs(setting, subject)?;
    }
    Ok(())
}

fn heading<C: ArkCurve>(setting: &Setting, subject: &Subject<C>) -> report::Subject {
    report::Subject::new(setting, &format!("prove {}", subject.name), C::ID, subject.log_n)
}

fn ark<'a, C: ArkCurve>(
    setting: &'a Setting,
    case: &Case<'a, C>,
) -> anyhow::Result<Contender<'a, anyhow::Result<Proof<C>>>>
where
    CpuBackend: Backend<C>,
{
    let key = case.subject.with_source(|source| Ok(ArkKey::<C>::new(&*case.key, source)))?;
    let z: Vec<_> = case.subject.z.iter().map(scalar::<C>).collect();
    let (r, s) = (scalar::<C>(&case.r), scalar::<C>(&case.s));
    Ok(Contender::new("ark-groth16", move || {
        Ok(ArkKey::<C>::proof_back(&setting.pool.install(|| key.prove_there(&z, r, s))))
    }))
}

/// On a key in the basis of a zkey. The result of either is whether it is a good proof.
fn beside_snarkjs<C: ArkCurve>(setting: &Setting, subject: &Subject<C>) -> anyhow::Result<()>
where
    CpuBackend: Backend<C>,
{
    let case = Case::new(setting, subject, Convention::SNARKJS)?;
    let files = TempDir::new()?;
    write_files(&case, files.path())?;
    let ours = Contender::new("forebay", || case.prove().map(|_| true)); // verified, or an error
    let vkey = &case.key.vkey;
    let theirs = snarkjs::prover(|| snarkjs::accepted_proof::<C>(files.path(), vkey, case.public()));
    let outcomes = interleave(vec![ours, theirs], setting.rounds);
    heading(setting, subject).print_all(setting, outcomes)
}

/// The key and the witness as snarkjs reads them.
pub(crate) fn write_files<C: ArkCurve>(case: &Case<'_, C>, folder: &std::path::Path) -> anyhow::Result<()> {
    case.subject.with_source(|source| Ok(write_zkey(&folder.join(snarkjs::ZKEY), &case.key, source)?))?;
    Ok(write_wtns::<C>(&folder.join(snarkjs::WTNS), &case.subject.z.clone().into())?)
}
