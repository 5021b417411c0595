//! Tests on every instruction set that is there.

use super::eight::Task;

/// Runs what is to be compiled with the features, so that the vector functions are inlined into something that may use them.
pub(super) struct Test<T>(pub(super) T);

impl<T: FnOnce()> Task for Test<T> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
        (self.0)()
    }
}

/// The instruction sets that are there.
macro_rules! on_lanes {
    (|$lanes:ident| $test:expr) => {{
        if $crate::kernels::Avx2::detect().is_some() {
            type $lanes = $crate::lanes::msm::Avx2Lanes;
            // SAFETY: the CPU has the features.
            unsafe { <$lanes as $crate::lanes::eight::Eight>::run($crate::lanes::testing::Test(|| $test)) }
        }
        if $crate::kernels::Ifma::detect().is_some() {
            type $lanes = $crate::lanes::msm::IfmaLanes;
            // SAFETY: the CPU has the features.
            unsafe { <$lanes as $crate::lanes::eight::Eight>::run($crate::lanes::testing::Test(|| $test)) }
        }
    }};
}

pub(super) use on_lanes;
