//! Writing native keys, section by section, as a stream.

use super::{A, B1, B2, H, IC, L, NativeHeader, POINTS, SECTIONS};
use crate::{
    atomic::{Access, AtomicFile},
    error::{FormatError, FormatErrorKind, Result, Section},
    key_points::KeyPoints,
};
use forebay_msm::{AffinePoint, Bases, Curve};
use std::{
    io::{Seek, SeekFrom, Write},
    marker::PhantomData,
    path::Path,
};

/// The sections of points in G1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativePart {
    /// The constant one and the public variables.
    Ic,
    /// One point per variable.
    A,
    /// One point per variable.
    B1,
    /// The private variables.
    L,
    /// The quotient's points.
    H,
}

impl NativePart {
    fn section(self) -> Section {
        match self {
            NativePart::Ic => IC,
            NativePart::A => A,
            NativePart::B1 => B1,
            NativePart::L => L,
            NativePart::H => H,
        }
    }
}

/// Writes a native key as a stream: each section once, in any order, then [`finish`](NativeKeyWriter::finish). Memory:
/// one buffer of the output. Digests are computed on the way, in the pool that is current.
///
/// Points are written as they are, without checks.
#[derive(Debug)]
pub struct NativeKeyWriter<C: Curve> {
    out: AtomicFile,
    header: NativeHeader,
    digests: [Option<[u8; 32]>; SECTIONS.len()],
    curve: PhantomData<C>,
}

impl<C: Curve> NativeKeyWriter<C> {
    /// Starts a file and writes α, β, γ and δ.
    ///
    /// # Errors
    /// As [`AtomicFile::create`]; [`FormatErrorKind::Header`] or [`FormatErrorKind::Key`] if the counts contradict each
    /// other; errors of writing.
    pub fn create(path: &Path, header: NativeHeader, points: &KeyPoints<C>) -> Result<Self> {
        header.check::<C>().map_err(|kind| FormatError::new(path.display().to_string(), kind))?;
        let out = AtomicFile::create(path, Access::Public)?;
        let mut this = NativeKeyWriter { out, header, digests: [None; SECTIONS.len()], curve: PhantomData };
        let g1 = [points.alpha1, points.beta1, points.delta1];
        let g2 = [points.beta2, points.gamma2, points.delta2];
        let bytes = [Bases::from_slice(&g1).as_bytes(), Bases::from_slice(&g2).as_bytes()].concat();
        let mut section = this.section::<C::G1Affine>(POINTS)?;
        section.put(&bytes)?;
        section.finish()?;
        Ok(this)
    }

    /// Writes a section of G1 with what `fill` puts into it.
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] for another number of points than the header asks for or a second call; errors of
    /// `fill` and of writing.
    pub fn g1(
        &mut self,
        part: NativePart,
        fill: impl FnOnce(&mut PointSink<'_, C::G1Affine>) -> Result<()>,
    ) -> Result<()> {
        self.points(part.section(), fill)
    }

    /// Writes B in G2 with what `fill` puts into it.
    ///
    /// # Errors
    /// As [`g1`](Self::g1).
    pub fn b2(&mut self, fill: impl FnOnce(&mut PointSink<'_, C::G2Affine>) -> Result<()>) -> Result<()> {
        self.points(B2, fill)
    }

    /// Writes the header, completes the file and gives it its name.
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] if a section is missing; errors of writing.
    pub fn finish(mut self) -> Result<()> {
        let mut digests = [[0; 32]; SECTIONS.len()];
        for (to, from) in digests.iter_mut().zip(self.digests) {
            *to = from.ok_or_else(|| misuse(&self.out, "a section is missing"))?;
        }
        let page = self.header.page::<C>(&digests);
        self.out.seek(SeekFrom::Start(0)).map_err(|e| self.out.error(e))?;
        self.out.write_all(&page).map_err(|e| self.out.error(e))?;
        self.out.commit()
    }

    fn points<P: AffinePoint>(
        &mut self,
        section: Section,
        fill: impl FnOnce(&mut PointSink<'_, P>) -> Result<()>,
    ) -> Result<()> {
        let mut sink = self.section(section)?;
        fill(&mut sink)?;
        sink.finish()
    }

    /// Goes to where a section belongs. Gaps are never written: the file system fills them with zeros.
    fn section<P: AffinePoint>(&mut self, section: Section) -> Result<PointSink<'_, P>> {
        let i = section.id as usize - 1;
        if self.digests[i].is_some() {
            return Err(misuse(&self.out, "a section is written twice"));
        }
        let (offset, left) = (self.header.offsets::<C>()[i], self.header.lengths::<C>()[i]);
        self.out.seek(SeekFrom::Start(offset)).map_err(|e| self.out.error(e))?;
        Ok(PointSink {
            out: &mut self.out,
            digest: &mut self.digests[i],
            hasher: Box::default(),
            left,
            point: PhantomData,
        })
    }
}

/// Takes the points of one section, in order.
#[derive(Debug)]
pub struct PointSink<'a, P> {
    out: &'a mut AtomicFile,
    digest: &'a mut Option<[u8; 32]>,
    hasher: Box<blake3::Hasher>,
    left: u64,
    point: PhantomData<P>,
}

impl<P: AffinePoint> PointSink<'_, P> {
    /// Appends points.
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] if they are more than the header asks for; errors of writing.
    pub fn push(&mut self, points: Bases<'_, P>) -> Result<()> {
        self.put(points.as_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            return Err(misuse(self.out, "more points than the header asks for"));
        };
        self.left = left;
        // Chunks of 1 MiB, so that a section handed over at once is hashed out of the cache that it is written from.
        for chunk in bytes.chunks(1 << 20) {
            self.hasher.update_rayon(chunk);
            self.out.write_all(chunk).map_err(|e| self.out.error(e))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        if self.left != 0 {
            return Err(misuse(self.out, "fewer points than the header asks for"));
        }
        *self.digest = Some(*self.hasher.finalize().as_bytes());
        Ok(())
    }
}

fn misuse(out: &AtomicFile, what: &'static str) -> FormatError {
    FormatError::new(out.path().display().to_string(), FormatErrorKind::Misuse(what))
}
