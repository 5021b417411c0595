//! Whole proofs. Everyone gets the same key, assignment, r and s, so the proofs must be equal.

use crate::{
    Setting,
    measure::{Contender, interleave},
    peers::bellperson::BellpersonKey,
    report::Row,
};
use anyhow::Context;
use ff::Field;
use forebay_formats::Proof;
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, CurveId};
use forebay_prover::{
    Blinding, Cancel, Prover, ProvingKey,
    circuit::compile_source,
    setup::{Convention, InMemoryKey, development_key},
};
use forebay_reference::{
    ark::{ArkCurve, ArkKey, scalar},
    chain::Chain,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::Arc;

/// Prints a row per peer.
pub(crate) fn compare(setting: &Setting, curve: CurveId, log_n: u32) -> anyhow::Result<()> {
    match curve {
        CurveId::Bls12_381 => {
            let case = Case::<Bls12_381>::new(setting, log_n)?;
            let key = BellpersonKey::new(&*case.key, &case.chain)?;
            let bellperson =
                Contender { name: "bellperson", run: Box::new(|| key.prove(&case.z, case.r, case.s)) };
            case.compare(setting, log_n, vec![bellperson])
        }
        CurveId::Bn254 => Case::<Bn254>::new(setting, log_n)?.compare(setting, log_n, vec![]),
    }
}

/// One key, assignment and blinding, and our prover on them.
struct Case<C: ArkCurve> {
    chain: Chain,
    key: Arc<InMemoryKey<C>>,
    prover: Prover<C>,
    z: Vec<C::Fr>,
    r: C::Fr,
    s: C::Fr,
}

impl<C: ArkCurve> Case<C>
where
    CpuBackend: Backend<C>,
{
    fn new(setting: &Setting, log_n: u32) -> anyhow::Result<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(u64::from(log_n));
        // One less than a power of two in all: inputs take rows too.
        let n = (1usize << log_n).checked_sub(2).context("log-n must be at least 2")?;
        let chain = Chain { n };
        let convention = Convention::power_basis::<C>();
        let key =
            Arc::new(development_key::<C>(&chain, convention, &mut rng, &setting.pool, &Cancel::default())?);
        let circuit = Arc::new(compile_source::<C::Fr>(&chain)?);
        let backend = Arc::new(CpuBackend::new(Arc::clone(&setting.pool)));
        let prover = Prover::new(
            backend,
            Arc::clone(&key) as Arc<dyn ProvingKey<C>>,
            circuit,
            Arc::clone(&setting.pool),
        )?;
        let z = chain.assignment(C::Fr::random(&mut rng));
        let (r, s) = (C::Fr::random(&mut rng), C::Fr::random(&mut rng));
        Ok(Case { chain, key, prover, z, r, s })
    }

    fn compare<'a>(
        &'a self,
        setting: &'a Setting,
        log_n: u32,
        peers: Vec<Contender<'a, anyhow::Result<Proof<C>>>>,
    ) -> anyhow::Result<()> {
        let ark = ArkKey::<C>::new(&*self.key, &self.chain);
        let z_there: Vec<_> = self.z.iter().map(scalar::<C>).collect();
        let (r, s) = (scalar::<C>(&self.r), scalar::<C>(&self.s));
        let ours = Contender {
            name: "forebay",
            run: Box::new(|| {
                let blinding = Blinding::new(self.r, self.s);
                Ok(self.prover.prove_with(&self.z, &blinding, &Cancel::default(), &|_| ())?.proof)
            }),
        };
        let arkworks = Contender {
            name: "ark-groth16",
            run: Box::new(|| {
                Ok(ArkKey::<C>::proof_back(&setting.pool.install(|| ark.prove_there(&z_there, r, s))))
            }),
        };
        let mut contenders = vec![ours, arkworks];
        contenders.extend(peers);

        let mut outcomes = interleave(contenders, setting.rounds).into_iter();
        let ours = outcomes.next().context("our own run")?;
        let proof = ours.result?;
        for peer in outcomes {
            let row = Row {
                bench: "prove (chain)".into(),
                curve: C::ID,
                log_n,
                threads: setting.threads,
                peer: peer.name,
                ours: ours.median,
                theirs: peer.median,
                equal: peer.result? == proof,
            };
            row.print(setting.json);
        }
        Ok(())
    }
}
