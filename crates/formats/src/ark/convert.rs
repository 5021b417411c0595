//! From arkworks' proving key to a native one.

use super::{ArkKeyFile, List};
use crate::{
    error::Result,
    native::{NativeKeyWriter, NativePart},
    validate::Validation,
};
use forebay_msm::{Bases, Curve};
use rayon::ThreadPool;
use std::path::Path;

impl<C: Curve> ArkKeyFile<'_, C> {
    /// Converts the key into a native one at `path`, in one pass: decodes in parallel in `pool` and checks each point to
    /// `level` ([`Validation::Canonical`] at least). The circuit's matrices come from elsewhere.
    ///
    /// # Errors
    /// As [`ArkKeyFile::validate`]; errors of writing. The target is written whole or not at all.
    pub fn write_native(&self, path: &Path, level: Validation, pool: &ThreadPool) -> Result<()> {
        self.vkey()?;
        let mut out = NativeKeyWriter::<C>::create(path, self.header, self.points())?;
        let lists = &self.lists;
        let parts: [(NativePart, &List); 5] = [
            (NativePart::Ic, &lists.ic),
            (NativePart::A, &lists.a),
            (NativePart::B1, &lists.b_g1),
            (NativePart::H, &lists.h),
            (NativePart::L, &lists.l),
        ];
        for (part, list) in parts {
            out.g1(part, |sink| {
                self.decode(list, level, pool, |points| pool.install(|| sink.push(Bases::from_slice(points))))
            })?;
        }
        out.b2(|sink| {
            self.decode(&lists.b_g2, level, pool, |points| {
                pool.install(|| sink.push(Bases::from_slice(points)))
            })
        })?;
        self.check_unchanged()?;
        out.finish()
    }
}
