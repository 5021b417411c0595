//! Transforms and the quotient on the device.
//!
//! A transform of 2^27 elements is three passes over device memory, each up to ten levels (see `cuda/ntt/ntt.cuh`). Coset
//! factors are applied as the first pass reads, 1/n and inverse coset factors as the last one writes, which also undoes the
//! bit reversal. In the quotient the inverse transforms leave the bit-reversed order and the transforms to the coset begin
//! with it; the last pass of one and the first of the other work on the same tiles and are one launch, as are the last pass
//! of a, the step a·b − c and the first pass after it. With p > 1 passes a transform the quotient is 6p − 3 passes in the
//! odd coset's basis and 7p − 4 in coefficients; a, b and c stay on the device throughout.

mod passes;
mod tables;

pub use passes::Shape;

use crate::{
    device::{Args, DevicePtr, Launch},
    memory::{Lease, Plan, Region, TableKey},
};
use forebay_msm::{
    BackendError, Curve, CurveId, ScalarField,
    backend::{DomainSpec, QuotientBasis, Transform},
    domain::root_of_unity,
    field::as_limbs,
};
use passes::{Flags, Pass};
pub(crate) use tables::PowersOf;
use tables::{Powers, twiddle_factors};

/// Bytes of a scalar.
const SCALAR: usize = 32;
/// Threads of a block, `ntt::THREADS` of the kernels.
const THREADS: u32 = 256;

/// The transforms of one domain, with what they need on the device.
#[derive(Debug)]
pub(crate) struct Transforms<F> {
    spec: DomainSpec,
    shape: Shape,
    twiddle_table: usize,
    /// Where the two halves of the twiddle table's factors wait to be multiplied.
    factors: Region,
    /// Powers and their tables: the low half, then the high one.
    powers: Vec<(PowersOf, usize)>,
    log_low: u32,
    names: Names,
    field: core::marker::PhantomData<F>,
}

/// The kernels of one field.
#[derive(Clone, Copy, Debug)]
struct Names {
    analysis: &'static str,
    synthesis: &'static str,
    turning: &'static str,
    joining: &'static str,
    twiddles: &'static str,
}

impl Names {
    fn of(curve: CurveId) -> Names {
        match curve {
            CurveId::Bls12_381 => Names {
                analysis: "ntt_analysis_bls12_381",
                synthesis: "ntt_synthesis_bls12_381",
                turning: "ntt_turning_bls12_381",
                joining: "ntt_joining_bls12_381",
                twiddles: "ntt_twiddles_bls12_381",
            },
            CurveId::Bn254 => Names {
                analysis: "ntt_analysis_bn254",
                synthesis: "ntt_synthesis_bn254",
                turning: "ntt_turning_bn254",
                joining: "ntt_joining_bn254",
                twiddles: "ntt_twiddles_bn254",
            },
        }
    }
}

/// The largest domain, as a logarithm: positions are 32-bit integers, and the field has no larger ones than this.
pub(crate) fn max_log_domain<F: ScalarField>() -> u32 {
    F::S.min(30)
}

impl<F: ScalarField> Transforms<F> {
    /// Writes what transforms on this domain need into the plan.
    ///
    /// # Errors
    /// A defect of the caller if the field has no such domain.
    pub(crate) fn new<C: Curve<Fr = F>>(
        spec: DomainSpec,
        shape: Shape,
        plan: &mut Plan,
        powers: &[PowersOf],
    ) -> Result<Self, BackendError> {
        root_of_unity::<F>(spec.log_n, spec.generator)?;
        if spec.log_n > max_log_domain::<F>() {
            return Err(BackendError::bug("domain", format!("2^{} is above the kernels' 2^30", spec.log_n)));
        }
        let kind = match C::ID {
            CurveId::Bls12_381 => "twiddle factors, bls12-381",
            CurveId::Bn254 => "twiddle factors, bn254",
        };
        let key = |code| TableKey { kind, parameters: [u64::from(spec.log_n), spec.generator.0, code] };
        let log_low = spec.log_n.div_ceil(2);
        Ok(Transforms {
            spec,
            shape,
            twiddle_table: plan.table(key(0), (spec.size() / 2).max(1) * SCALAR),
            factors: plan.public((2 * SCALAR) << log_low),
            powers: powers.iter().map(|p| (*p, plan.table(key(p.code()), (2 * SCALAR) << log_low))).collect(),
            log_low,
            names: Names::of(C::ID),
            field: core::marker::PhantomData,
        })
    }

    /// Makes the tables that are not there.
    ///
    /// # Errors
    /// What the device reports.
    pub(crate) fn prepare(&self, lease: &mut Lease<'_>) -> Result<(), BackendError> {
        for (which, table) in &self.powers {
            let (region, filled) = lease.table(*table);
            if !filled {
                let powers = Powers::<F>::of(*which, self.spec)?;
                lease.upload(region, 0, bytes_of(&powers.low))?;
                lease.upload(region, SCALAR << self.log_low, bytes_of(&powers.high))?;
                lease.filled(*table);
            }
        }
        self.prepare_twiddles(lease)
    }

    /// One product each, from two short tables.
    fn prepare_twiddles(&self, lease: &mut Lease<'_>) -> Result<(), BackendError> {
        let (table, filled) = lease.table(self.twiddle_table);
        if filled {
            return Ok(());
        }
        let factors = twiddle_factors::<F>(self.spec)?;
        let high = SCALAR << self.log_low;
        lease.upload(self.factors, 0, bytes_of(&factors.low))?;
        lease.upload(self.factors, high, bytes_of(&factors.high))?;
        let count = (self.spec.size() / 2).max(1) as u32;
        let mut args = Args::new()
            .ptr(lease.ptr(self.factors))
            .ptr(lease.ptr(self.factors).offset(high))
            .ptr(lease.ptr(table))
            .u32(factors.log_low)
            .u32(count);
        let blocks = (count as usize).div_ceil(THREADS as usize).min(1 << 14);
        let launch = Launch::linear(blocks, THREADS.min(count.next_multiple_of(32)));
        // SAFETY: as the signature of twiddle_table says; the regions hold 2^log_low and `count` elements.
        unsafe { lease.device().launch(lease.stream().id(), self.names.twiddles, launch, &mut args)? };
        lease.filled(self.twiddle_table);
        Ok(())
    }

    /// Transforms `values`; the result is in `out`, which is another region.
    ///
    /// # Errors
    /// What the device reports.
    pub(crate) fn transform(
        &self,
        lease: &Lease<'_>,
        transform: Transform,
        values: Region,
        out: Region,
    ) -> Result<(), BackendError> {
        let flags = match transform {
            Transform::Forward => Flags::NONE,
            Transform::CosetForward(_) => Flags::SCALE_IN,
            Transform::Inverse | Transform::CosetInverse(_) => Flags::INVERSE | Flags::SCALE_OUT,
        };
        self.analyse(lease, flags, Self::powers_of(transform), values, out, 0)
    }

    /// The powers that a transform needs.
    pub(crate) fn powers_of(transform: Transform) -> Option<PowersOf> {
        match transform {
            Transform::Forward => None,
            Transform::Inverse => Some(PowersOf::Size),
            Transform::CosetForward(coset) => Some(PowersOf::Shift(coset)),
            Transform::CosetInverse(coset) => Some(PowersOf::InverseShift(coset)),
        }
    }

    /// The powers that a quotient needs.
    pub(crate) fn powers_of_quotient(basis: QuotientBasis) -> Vec<PowersOf> {
        let coset = basis.coset();
        let mut powers = vec![PowersOf::OntoCoset(coset)];
        if basis == QuotientBasis::Coefficients {
            powers.push(PowersOf::Quotient(coset));
        }
        powers
    }

    /// Analysis from pass `from` on, to the natural order in `out`.
    fn analyse(
        &self,
        lease: &Lease<'_>,
        flags: Flags,
        powers: Option<PowersOf>,
        values: Region,
        out: Region,
        from: usize,
    ) -> Result<(), BackendError> {
        let split = self.shape.split(self.spec.log_n);
        for i in from..split.len() {
            let mut pass = self.pass(lease, split[i], values, values, powers);
            pass.flags = flags & Flags::INVERSE;
            if i == 0 {
                pass.flags = pass.flags | flags & Flags::SCALE_IN;
            }
            if i == split.len() - 1 {
                pass.flags = pass.flags | flags & Flags::SCALE_OUT | Flags::REVERSE;
                pass.target = lease.ptr(out).0;
            }
            self.launch(lease, self.names.analysis, pass)?;
        }
        Ok(())
    }

    /// The quotient of a, b, c; the region that holds it then. What the others hold is unspecified. `arrive` is called with the
    /// index of each region before the first work on it is queued.
    ///
    /// # Errors
    /// What the device or `arrive` reports.
    pub(crate) fn quotient(
        &self,
        lease: &Lease<'_>,
        basis: QuotientBasis,
        [a, b, c]: [Region; 3],
        mut arrive: impl FnMut(usize) -> Result<(), BackendError>,
    ) -> Result<Region, BackendError> {
        let split = self.shape.split(self.spec.log_n);
        let onto = Some(PowersOf::OntoCoset(basis.coset()));
        for (i, region, less) in [(2, c, 0), (1, b, 0), (0, a, 1)] {
            arrive(i)?;
            self.to_coset(lease, &split, region, onto, less)?;
        }
        // Of b and c everything is done; of a, the synthesis of pass 0 is not, unless one pass is all.
        let synthesis = if split.len() > 1 { Flags::SYNTHESIS } else { Flags::NONE };
        let quotient = Some(PowersOf::Quotient(basis.coset()));
        let mut joining = self.pass(lease, split[0], a, a, quotient);
        (joining.b, joining.c) = (lease.ptr(b).0, lease.ptr(c).0);
        joining.flags = synthesis;
        if basis == QuotientBasis::OddCosetLagrange {
            self.launch(lease, self.names.joining, joining)?;
            return Ok(a);
        }
        joining.flags = synthesis | Flags::ANALYSIS;
        if split.len() == 1 {
            joining.flags = joining.flags | Flags::SCALE_OUT | Flags::REVERSE;
            self.launch(lease, self.names.joining, joining)?;
            return Ok(a);
        }
        self.launch(lease, self.names.joining, joining)?;
        self.analyse(lease, Flags::INVERSE | Flags::SCALE_OUT, quotient, a, c, 1)?;
        Ok(c)
    }

    /// Evaluations over the domain to evaluations over the coset, but for the synthesis of the first `less` passes.
    fn to_coset(
        &self,
        lease: &Lease<'_>,
        split: &[(u32, u32)],
        values: Region,
        powers: Option<PowersOf>,
        less: usize,
    ) -> Result<(), BackendError> {
        let last = split.len() - 1;
        for part in &split[..last] {
            let mut pass = self.pass(lease, *part, values, values, None);
            pass.flags = Flags::INVERSE;
            self.launch(lease, self.names.analysis, pass)?;
        }
        self.launch(lease, self.names.turning, self.pass(lease, split[last], values, values, powers))?;
        for part in split[..last].iter().skip(less).rev() {
            self.launch(lease, self.names.synthesis, self.pass(lease, *part, values, values, None))?;
        }
        Ok(())
    }

    fn pass(
        &self,
        lease: &Lease<'_>,
        (first, levels): (u32, u32),
        source: Region,
        target: Region,
        powers: Option<PowersOf>,
    ) -> Pass {
        let (table, _) = lease.table(self.twiddle_table);
        let powers = self.powers.iter().find(|(which, _)| Some(*which) == powers);
        let low = powers.map_or(DevicePtr::NULL, |(_, table)| lease.ptr(lease.table(*table).0));
        Pass {
            source: lease.ptr(source).0,
            target: lease.ptr(target).0,
            b: 0,
            c: 0,
            twiddles: lease.ptr(table).0,
            low: low.0,
            high: low.offset(SCALAR << self.log_low).0,
            log_n: self.spec.log_n,
            first,
            levels,
            columns: self.shape.columns(self.spec.log_n, first, levels),
            log_low: self.log_low,
            flags: Flags::NONE,
        }
    }

    fn launch(&self, lease: &Lease<'_>, kernel: &str, pass: Pass) -> Result<(), BackendError> {
        let log_tile = pass.levels + pass.columns;
        let threads = ((1u32 << log_tile) / 4).clamp(32, THREADS);
        let launch = Launch::linear(1 << (pass.log_n - log_tile), threads).with_shared(SCALAR << log_tile);
        // SAFETY: the parameter is the kernels' `Pass`; its regions hold n elements, the tables what their keys say.
        unsafe { lease.device().launch(lease.stream().id(), kernel, launch, &mut Args::new().value(pass))? };
        Ok(())
    }
}

/// Field elements as the bytes that they are on the device too.
pub(crate) fn bytes_of<F: ScalarField>(values: &[F]) -> &[u8] {
    let limbs = as_limbs(values);
    // SAFETY: 32 bytes each, without padding.
    unsafe { core::slice::from_raw_parts(limbs.as_ptr().cast(), size_of_val(limbs)) }
}

/// The same, to be overwritten with what the device holds, which is always reduced.
pub(crate) fn bytes_of_mut<F: ScalarField>(values: &mut [F]) -> &mut [u8] {
    let limbs = forebay_msm::field::as_limbs_mut(values);
    // SAFETY: 32 bytes each, without padding, and any bytes are valid limbs to the memory.
    unsafe { core::slice::from_raw_parts_mut(limbs.as_mut_ptr().cast(), size_of_val(limbs)) }
}
