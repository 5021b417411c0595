//! The verifier's folds.

use super::{Commitments, LayerOpening, Schedule, prove::fold_group};
use crate::{
    error::VerifyError,
    field::{E, root_of_unity, words},
    merkle::{Opening, distinct, verify as verify_opening},
};
use p3_field::PrimeCharacteristicRing;
use std::collections::BTreeMap;

/// Checks every query's folds down to the last polynomial. `codewords` are, by log₂ of the height, the values that the
/// opened rows give at every index.
pub(crate) fn verify(
    schedule: &Schedule,
    commitments: &Commitments,
    betas: &[E],
    indices: &[usize],
    openings: &[LayerOpening],
    codewords: &BTreeMap<u32, BTreeMap<usize, E>>,
) -> Result<(), VerifyError> {
    let folds = schedule.log_arities.len();
    if openings.len() != folds || commitments.caps.len() != folds || betas.len() != folds {
        return Err(VerifyError::Malformed("number of folds"));
    }
    let none = BTreeMap::new();
    let mut current = codewords.get(&schedule.log_start).unwrap_or(&none).clone();
    let layers = schedule.layers().zip(openings).zip(&commitments.caps).zip(betas);
    for ((((log, arity), opening), cap), &beta) in layers {
        let groups = groups(&current, log, arity, indices, opening)?;
        check_groups(&groups, log - arity, arity, cap, indices, opening)?;
        let joining = codewords.get(&(log - arity));
        let factor = beta.exp_power_of_2(arity as usize);
        let mut next = BTreeMap::new();
        for (j, values) in groups {
            let mut folded = fold_group(values, j, log, beta);
            if let Some(joining) = joining {
                folded += factor * *joining.get(&j).ok_or(VerifyError::LowDegree)?;
            }
            next.insert(j, folded);
        }
        current = next;
    }
    for (index, value) in current {
        let x = root_of_unity(schedule.log_end).exp_u64(index as u64);
        let expected = commitments.last.iter().rev().fold(E::ZERO, |acc, &c| acc * x + c);
        if expected != value {
            return Err(VerifyError::LowDegree);
        }
    }
    Ok(())
}

/// All values of the groups that are opened: those known from before, and those of the opening.
fn groups(
    known: &BTreeMap<usize, E>,
    log: u32,
    arity: u32,
    indices: &[usize],
    opening: &LayerOpening,
) -> Result<BTreeMap<usize, Vec<E>>, VerifyError> {
    let height = 1usize << (log - arity);
    let mut given = opening.values.iter();
    let mut groups = BTreeMap::new();
    for j in distinct(indices, log - arity) {
        let value = |k: usize| known.get(&(j + k * height)).or_else(|| given.next()).copied();
        let values: Option<Vec<E>> = (0..1usize << arity).map(value).collect();
        groups.insert(j, values.ok_or(VerifyError::Malformed("too few values of a fold"))?);
    }
    if given.next().is_some() {
        return Err(VerifyError::Malformed("too many values of a fold"));
    }
    Ok(groups)
}

fn check_groups(
    groups: &BTreeMap<usize, Vec<E>>,
    log_height: u32,
    arity: u32,
    cap: &[crate::hash::Digest],
    indices: &[usize],
    opening: &LayerOpening,
) -> Result<(), VerifyError> {
    let row = groups.values().flatten().flat_map(|&v| words(v)).collect();
    let rows = Opening { rows: vec![row], siblings: opening.siblings.clone() };
    let shape = (log_height, 3usize << arity);
    if verify_opening(cap, &[shape], indices, &rows) { Ok(()) } else { Err(VerifyError::Opening) }
}
