//! From bellperson's parameters to a native key.

use super::{NativeHeader, NativeKeyWriter, NativePart, PointSink};
use crate::{
    bellperson::{Densities, Density, ParamsFile, Part},
    error::{FormatError, FormatErrorKind, Result},
    validate::Validation,
};
use forebay_msm::{
    AffinePoint, Bases, Bls12_381,
    backend::{DomainSpec, QuotientBasis, RootGenerator},
};
use rayon::ThreadPool;
use std::path::Path;

impl ParamsFile<'_> {
    /// Converts the key into a native one at `path`, in one pass: decodes in parallel in `pool`, checks each point to
    /// `level` ([`Validation::Canonical`] at least), puts infinity where `densities` says that bellperson left it out.
    ///
    /// # Errors
    /// As [`ParamsFile::validate`]; [`FormatErrorKind::Count`] if the densities are not this key's; errors of writing.
    /// The target is written whole or not at all.
    pub fn write_native(
        &self,
        path: &Path,
        densities: &Densities,
        level: Validation,
        pool: &ThreadPool,
    ) -> Result<()> {
        self.check_densities(densities)?;
        self.vkey()?;
        let counts = self.counts();
        let header = NativeHeader {
            // The reader has checked that variables fit 32 bits and that there is an input.
            num_variables: counts.variables() as u32,
            num_public: counts.inputs as u32 - 1,
            domain: DomainSpec {
                log_n: counts.domain_log2,
                generator: RootGenerator::of_field::<Bls12_381>(),
            },
            basis: QuotientBasis::Coefficients,
        };
        let mut out = NativeKeyWriter::<Bls12_381>::create(path, header, self.points())?;
        for (to, from) in [(NativePart::Ic, Part::Ic), (NativePart::L, Part::L), (NativePart::H, Part::H)] {
            out.g1(to, |sink| {
                self.decode_g1(from, level, pool, |points| {
                    pool.install(|| sink.push(Bases::from_slice(points)))
                })
            })?;
        }
        for (to, from, density) in
            [(NativePart::A, Part::A, &densities.a), (NativePart::B1, Part::B1, &densities.b)]
        {
            out.g1(to, |sink| {
                let mut spread = Spread::new(density);
                self.decode_g1(from, level, pool, |points| pool.install(|| spread.push(points, sink)))?;
                spread.finish(sink)
            })?;
        }
        out.b2(|sink| {
            let mut spread = Spread::new(&densities.b);
            self.decode_b2(level, pool, |points| pool.install(|| spread.push(points, sink)))?;
            spread.finish(sink)
        })?;
        self.check_unchanged()?;
        out.finish()
    }

    fn check_densities(&self, densities: &Densities) -> Result<()> {
        let counts = self.counts();
        let (Densities { a, b }, variables) = (densities, counts.variables());
        let numbers = [
            ("variables in A's density", a.variables(), variables),
            ("variables in B's density", b.variables(), variables),
            ("inputs in A's density", a.leading().min(counts.inputs), counts.inputs),
            ("variables that occur in A", a.count(), counts.a),
            ("variables that occur in B", b.count(), counts.b),
        ];
        match numbers.into_iter().find(|(_, found, expected)| found != expected) {
            None => Ok(()),
            Some((what, found, expected)) => {
                let kind = FormatErrorKind::Count { what, found: found as u64, expected: expected as u64 };
                Err(FormatError::new(self.name(), kind))
            }
        }
    }
}

/// Puts points where their variables are, and infinity elsewhere.
struct Spread<'a, P> {
    density: &'a Density,
    next: usize,
    out: Vec<P>,
}

/// Points handed on at a time.
const CHUNK: usize = 1 << 14;

impl<'a, P: AffinePoint> Spread<'a, P> {
    fn new(density: &'a Density) -> Self {
        Spread { density, next: 0, out: Vec::with_capacity(CHUNK) }
    }

    fn push(&mut self, points: &[P], sink: &mut PointSink<'_, P>) -> Result<()> {
        for point in points {
            self.pass_absent(sink)?;
            self.put(*point, sink)?;
        }
        Ok(())
    }

    fn finish(mut self, sink: &mut PointSink<'_, P>) -> Result<()> {
        self.pass_absent(sink)?;
        sink.push(Bases::from_slice(&self.out))
    }

    fn pass_absent(&mut self, sink: &mut PointSink<'_, P>) -> Result<()> {
        while self.next < self.density.variables() && !self.density.contains(self.next) {
            // In memory all zeros, by the contract of `AffinePoint`.
            self.put(P::identity(), sink)?;
        }
        Ok(())
    }

    fn put(&mut self, point: P, sink: &mut PointSink<'_, P>) -> Result<()> {
        self.next += 1;
        self.out.push(point);
        if self.out.len() == CHUNK {
            sink.push(Bases::from_slice(&self.out))?;
            self.out.clear();
        }
        Ok(())
    }
}
