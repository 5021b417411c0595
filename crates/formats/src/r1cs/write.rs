//! Writing r1cs files, constraint by constraint.

use super::{CONSTRAINTS, HEADER, R1csHeader, WIRE_MAP};
use crate::{
    atomic::{Access, AtomicFile},
    error::{FormatError, FormatErrorKind, Result},
};
use forebay_msm::ScalarField;
use std::{
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

/// Writes an r1cs file as a stream. Memory: one buffer of the output.
#[derive(Debug)]
pub struct R1csWriter {
    out: AtomicFile,
    header: R1csHeader,
    written: u32,
    /// Where the length of the constraints section stands.
    length_at: u64,
}

impl R1csWriter {
    /// Starts a file. Each wire gets itself as its label.
    ///
    /// # Errors
    /// As [`AtomicFile::create`]; [`FormatErrorKind::Header`] if there are more inputs and outputs than wires.
    pub fn create(path: &Path, header: &R1csHeader) -> Result<Self> {
        header.check().map_err(|kind| FormatError::new(path.display().to_string(), kind))?;
        let mut out = AtomicFile::create(path, Access::Public)?;
        let length_at = start(&mut out, header).map_err(|e| out.error(e))?;
        Ok(R1csWriter { out, header: *header, written: 0, length_at })
    }

    /// Writes the next constraint, (A·w)·(B·w) = C·w, each combination as (wire, coefficient).
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] for a wire out of range or one constraint too many; errors of writing.
    pub fn row<F: ScalarField>(&mut self, combinations: [&[(u32, F)]; 3]) -> Result<()> {
        if self.written == self.header.n_constraints {
            return Err(self.misuse("more constraints than the header says"));
        }
        if combinations.iter().any(|c| c.iter().any(|t| t.0 >= self.header.n_wires)) {
            return Err(self.misuse("a wire is out of range"));
        }
        for combination in combinations {
            let Ok(len) = u32::try_from(combination.len()) else {
                return Err(self.misuse("a combination has 2^32 terms or more"));
            };
            self.put(&len.to_le_bytes())?;
            for (wire, coefficient) in combination {
                self.put(&wire.to_le_bytes())?;
                self.put(&coefficient.to_canonical_le_bytes())?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// [`FormatErrorKind::Misuse`] if constraints are missing; errors of writing.
    pub fn finish(mut self) -> Result<()> {
        if self.written != self.header.n_constraints {
            return Err(self.misuse("fewer constraints than the header says"));
        }
        self.complete().map_err(|e| self.out.error(e))?;
        self.out.commit()
    }

    fn complete(&mut self) -> io::Result<()> {
        let out = &mut self.out;
        let end = out.stream_position()?;
        out.seek(SeekFrom::Start(self.length_at))?;
        out.write_all(&(end - self.length_at - 8).to_le_bytes())?;
        out.seek(SeekFrom::Start(end))?;
        out.write_all(&WIRE_MAP.id.to_le_bytes())?;
        out.write_all(&(8 * u64::from(self.header.n_wires)).to_le_bytes())?;
        for wire in 0..u64::from(self.header.n_wires) {
            out.write_all(&wire.to_le_bytes())?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| self.out.error(e))
    }

    fn misuse(&self, what: &'static str) -> FormatError {
        FormatError::new(self.out.path().display().to_string(), FormatErrorKind::Misuse(what))
    }
}

/// Writes everything before the first constraint; returns where the constraints' length stands.
fn start(out: &mut AtomicFile, header: &R1csHeader) -> io::Result<u64> {
    out.write_all(b"r1cs")?;
    for v in [1, 3, HEADER.id] {
        out.write_all(&u32::to_le_bytes(v))?;
    }
    let mut h = Vec::with_capacity(64);
    h.extend(32u32.to_le_bytes());
    h.extend(header.curve.scalar_modulus_le());
    for v in [header.n_wires, header.n_pub_out, header.n_pub_in, header.n_prv_in] {
        h.extend(v.to_le_bytes());
    }
    h.extend(header.n_labels.to_le_bytes());
    h.extend(header.n_constraints.to_le_bytes());
    out.write_all(&(h.len() as u64).to_le_bytes())?;
    out.write_all(&h)?;
    out.write_all(&CONSTRAINTS.id.to_le_bytes())?;
    let length_at = out.stream_position()?;
    out.write_all(&0u64.to_le_bytes())?;
    Ok(length_at)
}
