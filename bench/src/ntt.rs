//! Forward transforms. Every contender goes on transforming its own data, so that after equal numbers of runs all data
//! must be equal. The number is odd: two transforms reverse the order and multiply by n, whatever the root of unity is.

use crate::{
    inputs,
    measure::{Contender, Outcome, interleave},
    options::{NttArgs, Peer, Scalars, Setting},
    peers::{
        ark::ArkTransform,
        bellperson::BellpersonTransform,
        halo2curves::{Halo2Curve, Halo2Transform},
    },
    report::Subject,
};
use forebay_msm::{
    Backend, Bls12_381, Bn254, CpuBackend, CurveId, SecretVec,
    backend::{DomainSpec, RootGenerator, Transform},
};
use forebay_reference::ark::ArkCurve;

/// Data of a peer and how it transforms them.
pub(crate) trait Transformer<F> {
    const NAME: &'static str;
    fn transform(&mut self) -> anyhow::Result<()>;
    fn is(&self, expected: &[F]) -> bool;
}

/// Prints a row per peer for everything that `args` asks for.
pub(crate) fn compare(setting: &Setting, args: &NttArgs) -> anyhow::Result<()> {
    for curve in args.curves() {
        for log_n in &args.log_n {
            match curve {
                CurveId::Bls12_381 => {
                    let bellperson = |values: &[blstrs::Scalar]| BellpersonTransform::new(values);
                    compare_on::<Bls12_381, _>(setting, *log_n, Some(bellperson))?;
                }
                CurveId::Bn254 => {
                    let none = None::<fn(&[_]) -> anyhow::Result<Absent>>;
                    compare_on::<Bn254, _>(setting, *log_n, none)?;
                }
            }
        }
    }
    Ok(())
}

/// The peer that a curve lacks.
enum Absent {}

impl<F> Transformer<F> for Absent {
    const NAME: &'static str = "";
    fn transform(&mut self) -> anyhow::Result<()> {
        match *self {}
    }
    fn is(&self, _: &[F]) -> bool {
        match *self {}
    }
}

fn compare_on<C: ArkCurve + Halo2Curve, T: Transformer<C::Fr>>(
    setting: &Setting,
    log_n: u32,
    another: Option<impl Fn(&[C::Fr]) -> anyhow::Result<T>>,
) -> anyhow::Result<()>
where
    CpuBackend: Backend<C>,
{
    let spec = DomainSpec { log_n, generator: RootGenerator::of_field::<C>() };
    // Ours as the prover has them.
    let mut values = SecretVec::from(inputs::scalars::<C::Fr>(Scalars::Uniform, spec.size()));
    let mut ark = setting.wants(Peer::Ark).then(|| ArkTransform::<C>::new(setting, &values)).transpose()?;
    let mut halo2 = setting
        .wants(Peer::Halo2curves)
        .then(|| Halo2Transform::<C>::new(setting, spec, &values))
        .transpose()?;
    let another = another.filter(|_| setting.wants(Peer::Bellperson));
    let mut another = another.map(|make| make(&values)).transpose()?;
    let mut portable = setting.wants(Peer::Portable).then(|| SecretVec::from(values.to_vec()));

    let (backend, portable_backend) = (setting.backend()?, setting.portable()?);
    let forward = |backend: &CpuBackend, values: &mut SecretVec<C::Fr>| {
        Ok(Backend::<C>::ntt(backend, spec, Transform::Forward, values)?)
    };
    let mut contenders = vec![Contender::new("forebay", || forward(&backend, &mut values))];
    contenders.extend(contender(&mut ark));
    contenders.extend(contender(&mut halo2));
    contenders.extend(contender(&mut another));
    if let Some(values) = &mut portable {
        contenders.push(Contender::new("portable", || forward(&portable_backend, values)));
    }
    // One run before the counted rounds, which are even in number here.
    let outcomes = interleave(contenders, setting.rounds.next_multiple_of(2));
    let results = outcomes.into_iter().map(|o| {
        let equal = o.result.map(|()| match o.name {
            ArkTransform::<C>::NAME => ark.as_ref().is_some_and(|t| t.is(&values)),
            Halo2Transform::<C>::NAME => halo2.as_ref().is_some_and(|t| t.is(&values)),
            "portable" => portable.as_deref() == Some(&*values),
            "forebay" => true,
            _ => another.as_ref().is_some_and(|t| t.is(&values)),
        });
        Outcome { name: o.name, median: o.median, result: equal }
    });
    Subject::new(setting, "ntt forward", C::ID, log_n).print_all(setting, results.collect())
}

fn contender<F, T: Transformer<F>>(peer: &mut Option<T>) -> Option<Contender<'_, anyhow::Result<()>>> {
    peer.as_mut().map(|peer| Contender::new(T::NAME, || peer.transform()))
}
