//! Checking a native key, once per file.

use super::{A, B1, B2, H, IC, L, NativeKeyFile, POINTS, SECTIONS};
use crate::{
    error::{FormatErrorKind, Place, PointName, Result, Section},
    store::{Digest, Outcome, ValidatedStore},
    validate::{Validation, find_bad},
};
use forebay_msm::{AffinePoint, Bases, Curve};
use rayon::ThreadPool;
use std::time::{Duration, SystemTime};

/// A file that changed this recently is not remembered: a later change could leave the same times behind. The coarsest
/// file system in use (FAT) counts in 2 s; git treats its index alike ("racy git").
const SETTLED: Duration = Duration::from_secs(2);

impl<C: Curve> NativeKeyFile<'_, C> {
    /// Checks the digest of every section and the key to a level, in parallel in `pool`. The error names the first
    /// offender of the first bad section.
    ///
    /// # Errors
    /// [`FormatErrorKind::Digest`], [`FormatErrorKind::Key`], [`FormatErrorKind::Point`].
    pub fn validate(&self, level: Validation, pool: &ThreadPool) -> Result<()> {
        pool.install(|| {
            SECTIONS.into_iter().try_for_each(|section| self.check_digest(section))?;
            let place = self.place(POINTS);
            // The key may be from arkworks, whose generators are drawn at random.
            self.points()
                .check_for_any_generators()
                .map_err(|kind| place.error_at(self.offset(POINTS), kind))?;
            for check in [Validation::Canonical, Validation::OnCurve, Validation::Subgroup] {
                if check > level {
                    break;
                }
                self.check_points(IC, self.ic(), check)?;
                self.check_points(A, self.a(), check)?;
                self.check_points(B1, self.b1(), check)?;
                self.check_points(B2, self.b2(), check)?;
                self.check_points(L, self.l(), check)?;
                self.check_points(H, self.h(), check)?;
            }
            Ok(())
        })
    }

    /// Validates unless `store` remembers that this very file passed `level` or more; remembers it if it passes.
    ///
    /// The file is known by its header's digest and by what the file system says of it: device, inode, size, and the
    /// times of modification and of change. So a second load does not read the file. Where these are not to be had
    /// (bytes of the caller; other systems than Unix), or the file changed less than 2 s ago, it is checked each time.
    ///
    /// # Errors
    /// As [`NativeKeyFile::validate`]. A record that cannot be written is no error: the next load checks again.
    pub fn validate_once(
        &self,
        level: Validation,
        pool: &ThreadPool,
        store: &ValidatedStore,
    ) -> Result<Outcome> {
        let identity = self.identity();
        if let Some((identity, _)) = &identity
            && store.lookup(identity).is_some_and(|passed| passed >= level)
        {
            return Ok(Outcome::Remembered);
        }
        self.validate(level, pool)?;
        // The file must still be what was checked.
        self.check_unchanged()?;
        if let Some((identity, changed)) = identity
            && self.identity() == Some((identity, changed))
            && SystemTime::now().duration_since(changed).is_ok_and(|age| age >= SETTLED)
        {
            let _ = store.remember(&identity, level);
        }
        Ok(Outcome::Checked)
    }

    /// What this file is remembered by, and when it last changed.
    fn identity(&self) -> Option<(Digest, SystemTime)> {
        let stamp = self.data.stamp()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"forebay native key, by file\n").update(&self.root);
        stamp.fields.iter().for_each(|v| {
            hasher.update(&v.to_le_bytes());
        });
        Some((Digest(*hasher.finalize().as_bytes()), stamp.changed))
    }

    fn check_digest(&self, section: Section) -> Result<()> {
        let expected = self.entries.get((section.id as usize).wrapping_sub(1)).map(|e| e.digest);
        let found = blake3::Hasher::new().update_rayon(self.section_bytes(section)).finalize();
        match expected == Some(*found.as_bytes()) {
            true => Ok(()),
            false => {
                Err(self.place(section).error_at(self.offset(section), FormatErrorKind::Digest("section")))
            }
        }
    }

    fn check_points<P: AffinePoint>(
        &self,
        section: Section,
        points: Bases<'_, P>,
        check: Validation,
    ) -> Result<()> {
        let Some(i) = find_bad::<C, P>(points, check) else { return Ok(()) };
        let kind = FormatErrorKind::Point { point: PointName::Index(i as u64), check };
        Err(self.place(section).error_at(self.offset(section) + (i * P::BYTES) as u64, kind))
    }

    fn place(&self, section: Section) -> Place<'_> {
        Place { file: self.name(), section: Some(section) }
    }

    fn offset(&self, section: Section) -> u64 {
        super::range(&self.entries, section).start as u64
    }
}
