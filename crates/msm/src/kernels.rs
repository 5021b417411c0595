//! The one place that chooses instructions: which kernels a [`CpuBackend`](crate::CpuBackend) runs.
//!
//! [`Kernels`] is what a caller asks for, `Path` what was chosen. `Path::Ifma` holds an `Ifma`, which exists only where
//! the CPU has the instructions, so that whoever has one may call functions compiled for them. MSM, NTT and quotient
//! all take their path from here; environment variables play no part.

/// The kernels that a backend is asked to run. Tests force each; everyone else takes [`Kernels::Auto`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kernels {
    /// The fastest that the CPU has.
    #[default]
    Auto,
    /// Those that run on any target.
    Portable,
    /// AVX-512 with IFMA52: eight field elements at once.
    Ifma,
}

/// The CPU lacks the instructions of the kernels that were asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this CPU cannot run the {0:?} kernels")]
pub struct KernelsUnavailable(pub Kernels);

/// A witness that the CPU has AVX-512 F, DQ, VL, BW and IFMA: the features that functions under `ifma`
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
    /// Eight lanes of 52-bit limbs.
    Ifma(Ifma),
}

impl Kernels {
    /// Every choice that this CPU can run, [`Kernels::Auto`] excepted: for tests over all paths.
    pub fn available() -> impl Iterator<Item = Kernels> {
        [Kernels::Portable, Kernels::Ifma].into_iter().filter(|k| k.choose().is_ok())
    }

    /// The path for this CPU. Every crate with kernels of its own asks here.
    ///
    /// # Errors
    /// If the CPU lacks the instructions that were asked for by name.
    pub fn choose(self) -> Result<Path, KernelsUnavailable> {
        match (self, Ifma::detect()) {
            (Kernels::Portable, _) | (Kernels::Auto, None) => Ok(Path::Portable),
            (Kernels::Auto | Kernels::Ifma, Some(ifma)) => Ok(Path::Ifma(ifma)),
            (Kernels::Ifma, None) => Err(KernelsUnavailable(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forced_paths_are_taken() {
        assert_eq!(Kernels::Portable.choose(), Ok(Path::Portable));
        match Ifma::detect() {
            Some(ifma) => {
                assert_eq!(Kernels::Ifma.choose(), Ok(Path::Ifma(ifma)));
                assert_eq!(Kernels::Auto.choose(), Ok(Path::Ifma(ifma)));
                assert_eq!(Kernels::available().count(), 2);
            }
            None => {
                assert_eq!(Kernels::Ifma.choose(), Err(KernelsUnavailable(Kernels::Ifma)));
                assert_eq!(Kernels::Auto.choose(), Ok(Path::Portable));
                assert_eq!(Kernels::available().count(), 1);
            }
        }
    }
}
