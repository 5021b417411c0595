//! Writing zkeys that snarkjs reads, section by section, as streams.

use super::{
    A, B1, B2, C as C_SECTION, COEFFICIENTS, CONTRIBUTIONS, H, HEADER, IC, PROTOCOL, ZkeyHeader,
    coefficients::{Coefficient, encode},
};
use crate::{
    atomic::{Access, AtomicFile},
    error::{FormatError, FormatErrorKind, Result, Section},
};
use forebay_msm::{AffinePoint, Bases, Curve};
use std::{
    io::{Seek, SeekFrom, Write},
    marker::PhantomData,
    path::Path,
};

/// The sections of points in G1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum G1Section {
    /// Section 3: nPublic + 1 points.
    Ic,
    /// Section 5: nVars points.
    A,
    /// Section 6: nVars points.
    B1,
    /// Section 8: nVars − nPublic − 1 points.
    C,
    /// Section 9: domainSize points.
    H,
}

impl G1Section {
    fn section(self) -> Section {
        match self {
            G1Section::Ic => IC,
            G1Section::A => A,
            G1Section::B1 => B1,
            G1Section::C => C_SECTION,
            G1Section::H => H,
        }
    }
}

/// Writes a zkey as a stream: each section once, in any order, then [`finish`](ZkeyWriter::finish). Memory: one buffer of
/// the output.
///
/// Points are written as they are, without checks.
#[derive(Debug)]
pub struct ZkeyWriter<C: Curve> {
    out: AtomicFile,
    n_vars: u32,
    n_public: u32,
    domain_size: u32,
    /// Bit `id` is set once section `id` is written.
    written: u32,
    curve: PhantomData<C>,
}

/// Sections 1 to 10.
const ALL_SECTIONS: u32 = 0b111_1111_1110;

impl<C: Curve> ZkeyWriter<C> {
    /// Starts a file and writes sections 1 and 2.
    ///
    /// # Errors
    /// As [`AtomicFile::create`]; [`FormatErrorKind::Header`] or [`FormatErrorKind::Key`] if the counts contradict each
    /// other; errors of writing.
    pub fn create(path: &Path, header: &ZkeyHeader<C>) -> Result<Self> {
        header.check_counts().map_err(|kind| FormatError::new(path.display().to_string(), kind))?;
        let ZkeyHeader { n_vars, n_public, domain_size, .. } = *header;
        let out = AtomicFile::create(path, Access::Public)?;
        let mut this = ZkeyWriter { out, n_vars, n_public, domain_size, written: 0, curve: PhantomData };
        this.put(b"zkey")?;
        this.put(&1u32.to_le_bytes())?;
        this.put(&ALL_SECTIONS.count_ones().to_le_bytes())?;
        this.section(PROTOCOL, 4)?;
        this.put(&1u32.to_le_bytes())?;
        let bytes = header_bytes(header);
        this.section(HEADER, bytes.len() as u64)?;
        this.put(&bytes)?;
        Ok(this)
    }

    /// Writes section 4.
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] for a row or wire out of range, 2^32 coefficients or more, or a second call; errors of
    /// writing.
    pub fn coefficients(&mut self, coefficients: impl IntoIterator<Item = Coefficient<C::Fr>>) -> Result<()> {
        self.section(COEFFICIENTS, 0)?;
        let start = self.position()?;
        self.put(&0u32.to_le_bytes())?;
        let mut count = 0u32;
        for c in coefficients {
            if c.row >= self.domain_size || c.wire >= self.n_vars {
                return Err(self.misuse("a coefficient's row or wire is out of range"));
            }
            let Some(next) = count.checked_add(1) else {
                return Err(self.misuse("2^32 coefficients or more"));
            };
            count = next;
            self.put(&encode(&c))?;
        }
        let end = self.position()?;
        self.seek(start - 8)?;
        self.put(&(end - start).to_le_bytes())?;
        self.put(&count.to_le_bytes())?;
        self.seek(end)
    }

    /// Writes a section of points in G1, given in chunks.
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] for another number of points than the header asks for or a second call; errors of
    /// writing.
    pub fn g1<I>(&mut self, section: G1Section, chunks: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: AsRef<[C::G1Affine]>,
    {
        let count = match section {
            G1Section::Ic => u64::from(self.n_public) + 1,
            G1Section::A | G1Section::B1 => self.n_vars.into(),
            G1Section::C => u64::from(self.n_vars) - u64::from(self.n_public) - 1,
            G1Section::H => self.domain_size.into(),
        };
        self.points(section.section(), count, chunks)
    }

    /// Writes section 7, the points of B in G2, given in chunks.
    ///
    /// # Errors
    /// As [`g1`](Self::g1).
    pub fn b2<I>(&mut self, chunks: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: AsRef<[C::G2Affine]>,
    {
        self.points(B2, self.n_vars.into(), chunks)
    }

    /// Writes section 10 without contributions, completes the file and gives it its name.
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] if a section is missing; errors of writing.
    pub fn finish(mut self, circuit_hash: &[u8; 64]) -> Result<()> {
        self.section(CONTRIBUTIONS, 68)?;
        self.put(circuit_hash)?;
        self.put(&0u32.to_le_bytes())?;
        if self.written != ALL_SECTIONS {
            return Err(self.misuse("a section is missing"));
        }
        self.out.commit()
    }

    fn points<A, I>(&mut self, section: Section, count: u64, chunks: I) -> Result<()>
    where
        A: AffinePoint,
        I: IntoIterator,
        I::Item: AsRef<[A]>,
    {
        self.section(section, count * A::BYTES as u64)?;
        let mut left = count;
        for chunk in chunks {
            let chunk = Bases::from_slice(chunk.as_ref());
            let Some(rest) = left.checked_sub(chunk.len() as u64) else {
                return Err(self.misuse("more points than the header asks for"));
            };
            left = rest;
            self.put(chunk.as_bytes())?;
        }
        if left != 0 {
            return Err(self.misuse("fewer points than the header asks for"));
        }
        Ok(())
    }

    /// Writes a section's head.
    fn section(&mut self, section: Section, length: u64) -> Result<()> {
        if self.written & (1 << section.id) != 0 {
            return Err(self.misuse("a section is written twice"));
        }
        self.written |= 1 << section.id;
        self.put(&section.id.to_le_bytes())?;
        self.put(&length.to_le_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| self.out.error(e))
    }

    fn position(&mut self) -> Result<u64> {
        self.out.stream_position().map_err(|e| self.out.error(e))
    }

    fn seek(&mut self, position: u64) -> Result<()> {
        self.out.seek(SeekFrom::Start(position)).map(drop).map_err(|e| self.out.error(e))
    }

    fn misuse(&self, what: &'static str) -> FormatError {
        FormatError::new(self.out.path().display().to_string(), FormatErrorKind::Misuse(what))
    }
}

fn header_bytes<C: Curve>(header: &ZkeyHeader<C>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let r = C::ID.scalar_modulus_le();
    for modulus in [C::BASE_MODULUS_LE, &r] {
        out.extend((modulus.len() as u32).to_le_bytes());
        out.extend(modulus);
    }
    for n in [header.n_vars, header.n_public, header.domain_size] {
        out.extend(n.to_le_bytes());
    }
    out.extend(header.alpha1.as_raw_bytes());
    out.extend(header.beta1.as_raw_bytes());
    for p in [&header.beta2, &header.gamma2] {
        out.extend(p.as_raw_bytes());
    }
    out.extend(header.delta1.as_raw_bytes());
    out.extend(header.delta2.as_raw_bytes());
    out
}
