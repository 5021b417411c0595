//! Multi-scalar multiplication in G1 and G2: everyone gets the same points and scalars.

use crate::{
    inputs,
    measure::{Contender, interleave},
    options::{GroupArg, MsmArgs, Peer, Scalars, Setting},
    peers::{ark, bellperson, blst, blstrs, halo2curves},
    report::Subject,
};
use clap::ValueEnum;
use forebay_msm::{AffinePoint, Backend, Bases, Bls12_381, Bn254, CpuBackend, Curve, CurveId};
use group::Curve as _;

/// What a contender of a multiplication is.
pub(crate) type Multiplier<'a, A> = Contender<'a, anyhow::Result<A>>;

/// A group, and who can multiply in it.
trait Case {
    const GROUP: &'static str;
    type Curve: Curve;
    type Affine: AffinePoint;

    fn points(n: usize) -> Vec<Self::Affine>;
    fn ours(
        backend: &CpuBackend,
        points: &[Self::Affine],
        scalars: &[<Self::Curve as Curve>::Fr],
    ) -> anyhow::Result<Self::Affine>;
    fn peers<'a>(
        setting: &'a Setting,
        points: &'a [Self::Affine],
        scalars: &'a [<Self::Curve as Curve>::Fr],
    ) -> Vec<Multiplier<'a, Self::Affine>>;
}

/// Prints a row per peer for everything that `args` asks for.
pub(crate) fn compare(setting: &Setting, args: &MsmArgs) -> anyhow::Result<()> {
    for curve in args.curves() {
        for group in &args.group {
            for log_n in &args.log_n {
                for kind in &args.scalars {
                    let compare = match (curve, group) {
                        (CurveId::Bls12_381, GroupArg::G1) => compare_in::<BlsG1>,
                        (CurveId::Bls12_381, GroupArg::G2) => compare_in::<BlsG2>,
                        (CurveId::Bn254, GroupArg::G1) => compare_in::<BnG1>,
                        (CurveId::Bn254, GroupArg::G2) => compare_in::<BnG2>,
                    };
                    compare(setting, *log_n, *kind)?;
                }
            }
        }
    }
    Ok(())
}

fn compare_in<T: Case>(setting: &Setting, log_n: u32, kind: Scalars) -> anyhow::Result<()> {
    let n = 1usize << log_n;
    let points = T::points(n);
    let scalars = inputs::scalars(kind, n);
    let (backend, portable) = (setting.backend()?, setting.portable()?);
    let mut contenders = vec![Contender::new("forebay", || T::ours(&backend, &points, &scalars))];
    if setting.wants(Peer::Portable) {
        contenders.push(Contender::new("portable", || T::ours(&portable, &points, &scalars)));
    }
    contenders.extend(T::peers(setting, &points, &scalars));
    let outcomes = interleave(contenders, setting.rounds);
    let kind = kind.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
    let bench = format!("msm {} {kind}", T::GROUP);
    Subject::new(setting, &bench, T::Curve::ID, log_n).print_all(setting, outcomes)
}

/// Those of `makers` that the setting asks for.
macro_rules! wanted {
    ($setting:expr, $($peer:ident => $make:expr),* $(,)?) => {{
        let mut contenders = Vec::new();
        $(if $setting.wants(Peer::$peer) {
            contenders.push($make);
        })*
        contenders
    }};
}

macro_rules! case {
    ($name:ident, $group:literal, $curve:ty, $projective:ident, $affine:ident, $msm:ident,
     |$setting:ident, $points:ident, $scalars:ident| $peers:expr) => {
        struct $name;

        impl Case for $name {
            const GROUP: &'static str = $group;
            type Curve = $curve;
            type Affine = <$curve as Curve>::$affine;

            fn points(n: usize) -> Vec<Self::Affine> {
                inputs::points::<<$curve as Curve>::$projective>(n)
            }

            fn ours(
                backend: &CpuBackend,
                points: &[Self::Affine],
                scalars: &[<$curve as Curve>::Fr],
            ) -> anyhow::Result<Self::Affine> {
                let sum = Backend::<$curve>::$msm(backend, Bases::from_slice(points), scalars)?;
                Ok(sum.to_affine())
            }

            fn peers<'a>(
                $setting: &'a Setting,
                $points: &'a [Self::Affine],
                $scalars: &'a [<$curve as Curve>::Fr],
            ) -> Vec<Multiplier<'a, Self::Affine>> {
                $peers
            }
        }
    };
}

case!(BlsG1, "g1", Bls12_381, G1, G1Affine, msm_g1, |setting, points, scalars| wanted!(setting,
    Blst => blst::msm_g1(setting, points, scalars),
    Blstrs => blstrs::msm_g1(points, scalars),
    Bellperson => bellperson::msm(points, scalars),
    Ark => ark::msm_g1::<Bls12_381>(setting, points, scalars),
    Halo2curves => halo2curves::msm_bls_g1(setting, points, scalars),
));
case!(BlsG2, "g2", Bls12_381, G2, G2Affine, msm_g2, |setting, points, scalars| wanted!(setting,
    Blst => blst::msm_g2(setting, points, scalars),
    Blstrs => blstrs::msm_g2(points, scalars),
    Bellperson => bellperson::msm(points, scalars),
    Ark => ark::msm_g2::<Bls12_381>(setting, points, scalars),
));
case!(BnG1, "g1", Bn254, G1, G1Affine, msm_g1, |setting, points, scalars| wanted!(setting,
    Ark => ark::msm_g1::<Bn254>(setting, points, scalars),
    Halo2curves => halo2curves::msm_bn_g1(setting, points, scalars),
));
case!(BnG2, "g2", Bn254, G2, G2Affine, msm_g2, |setting, points, scalars| wanted!(setting,
    Ark => ark::msm_g2::<Bn254>(setting, points, scalars),
    Halo2curves => halo2curves::msm_bn_g2(setting, points, scalars),
));
