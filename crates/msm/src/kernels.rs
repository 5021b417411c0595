//! The one place that chooses instructions: which kernels a [`CpuBackend`](crate::CpuBackend) runs.
//!
//! [`Kernels`] is what a caller asks for, `Path` what was chosen. `Path::Ifma` holds an `Ifma` and `Path::Avx2` an `Avx2`, which
//! exist only where the CPU has the instructions, so that whoever has one may call functions compiled for them. MSM, NTT
//! and quotient all take their path from here; environment variables play no part.

/// The kernels that a backend is asked to run. Tests force each; everyone else takes [`Kernels::Auto`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kernels {
    /// The fastest that the CPU has.
    #[default]
    Auto,
    /// Those that run on any target.
    Portable,
    /// AVX2 with FMA: MSM with eight field elements at once in two registers; all else as [`Kernels::Portable`].
    Avx2,
    /// AVX-512 with IFMA52: eight field elements at once.
    Ifma,
}

/// The CPU lacks the instructions of the kernels that were asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this CPU cannot run the {0:?} kernels")]
pub struct KernelsUnavailable(pub Kernels);

/// A witness that the CPU has AVX2 and FMA: the features that functions for `Path::Avx2` enable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// `Some` where the CPU (and the operating system) has both. The standard library caches the answer.
    pub fn detect() -> Option<Avx2> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Some(Avx2(()));
        }
        None
    }
}

/// A witness that the CPU has AVX-512 F, DQ, VL, BW and IFMA: the features that functions for `Path::Ifma`
/// enable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ifma(());

impl Ifma {
    /// `Some` where the CPU (and the operating system) has all of them. The standard library caches the answer.
    pub fn detect() -> Option<Ifma> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512ifma")
        {
            return Some(Ifma(()));
        }
        None
    }
}

/// The kernels that were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Those that run on any target.
    Portable,
    /// Twice four lanes of 52-bit limbs, multiplied as doubles.
    Avx2(Avx2),
    /// Eight lanes of 52-bit limbs.
    Ifma(Ifma),
}

impl Kernels {
    /// Every choice that this CPU can run, [`Kernels::Auto`] excepted: for tests over all paths.
    pub fn available() -> impl Iterator<Item = Kernels> {
        [Kernels::Portable, Kernels::Avx2, Kernels::Ifma].into_iter().filter(|k| k.choose().is_ok())
    }

    /// The path for this CPU. Every crate with kernels of its own asks here.
    ///
    /// # Errors
    /// If the CPU lacks the instructions that were asked for by name.
    pub fn choose(self) -> Result<Path, KernelsUnavailable> {
        let (avx2, ifma) = (Avx2::detect().map(Path::Avx2), Ifma::detect().map(Path::Ifma));
        match self {
            Kernels::Auto => Ok(ifma.or(avx2).unwrap_or(Path::Portable)),
            Kernels::Portable => Ok(Path::Portable),
            Kernels::Avx2 => avx2.ok_or(KernelsUnavailable(self)),
            Kernels::Ifma => ifma.ok_or(KernelsUnavailable(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forced_paths_are_taken() {
        let (avx2, ifma) = (Avx2::detect(), Ifma::detect());
        let unavailable = |kernels| Err(KernelsUnavailable(kernels));
        assert_eq!(Kernels::Portable.choose(), Ok(Path::Portable));
        assert_eq!(Kernels::Avx2.choose(), avx2.map_or(unavailable(Kernels::Avx2), |w| Ok(Path::Avx2(w))));
        assert_eq!(Kernels::Ifma.choose(), ifma.map_or(unavailable(Kernels::Ifma), |w| Ok(Path::Ifma(w))));
        let best = match (avx2, ifma) {
            (_, Some(ifma)) => Path::Ifma(ifma),
            (Some(avx2), None) => Path::Avx2(avx2),
            (None, None) => Path::Portable,
        };
        assert_eq!(Kernels::Auto.choose(), Ok(best));
        let count = 1 + usize::from(avx2.is_some()) + usize::from(ifma.is_some());
        assert_eq!(Kernels::available().count(), count);
    }
}
