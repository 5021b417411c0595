//! Checks of a circuit that comes from a file: after them, evaluation finds everything in range.

use crate::chunk::{FAR_BYTES, Group, Item, Items, NEAR_BYTES, ROWS_PER_CHUNK, Slot};
use crate::circuit::{ChunkEntry, Counts};
use crate::dictionary::{Dictionary, MAX_ENTRIES};
use crate::error::FileError;
use crate::reduce::SMALL_BITS;
use forebay_msm::ScalarField;
use forebay_msm::field::mont4;
use rayon::prelude::*;

fn invalid(section: &'static str, offset: usize, what: &'static str) -> FileError {
    FileError::Invalid { section, offset: offset as u64, what }
}

/// Everything that evaluation relies on. Runs in the rayon pool that it is called in.
pub(crate) fn circuit<F: ScalarField>(
    counts: &Counts,
    dictionary: &Dictionary,
    chunks: &[ChunkEntry],
    payload: &[u8],
) -> Result<(), FileError> {
    let shape = counts.shape;
    if shape.num_inputs == 0 || shape.num_variables() > u64::from(u32::MAX) || counts.input_rows > counts.rows
    {
        return Err(invalid("header", 0, "impossible counts"));
    }
    tables::<F>(dictionary)?;
    chunk_table(counts, chunks, payload.len())?;
    chunks.par_windows(2).try_for_each(|pair| {
        let start = pair[0].offset as usize;
        // The table was checked: offsets ascend and end at the payload's end.
        chunk(counts, dictionary, pair, &payload[start..pair[1].offset as usize])
            .map_err(|(offset, what)| invalid("rows", start + offset, what))
    })
}

fn tables<F: ScalarField>(dictionary: &Dictionary) -> Result<(), FileError> {
    if dictionary.small.len() > MAX_ENTRIES || dictionary.large.len() > MAX_ENTRIES {
        return Err(invalid("coefficients", 0, "too many"));
    }
    if let Some(i) = dictionary.small.iter().position(|k| k >> SMALL_BITS != 0) {
        return Err(invalid("small coefficients", 8 * i, "not below 2^44"));
    }
    match dictionary.large.iter().position(|k| !mont4::is_reduced::<F>(k)) {
        Some(i) => Err(invalid("large coefficients", 32 * i, "not below the modulus")),
        None => Ok(()),
    }
}

fn chunk_table(counts: &Counts, chunks: &[ChunkEntry], payload: usize) -> Result<(), FileError> {
    let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
        return Err(invalid("chunks", 0, "no end entry"));
    };
    if first.row != 0 || first.offset != 0 {
        return Err(invalid("chunks", 0, "the first chunk is not at the start"));
    }
    if last.row != counts.rows || last.offset != payload as u64 {
        return Err(invalid("chunks", 16 * (chunks.len() - 1), "the last entry is not at the end"));
    }
    let wrong = chunks.windows(2).position(|pair| {
        let rows = pair[1].row.checked_sub(pair[0].row);
        !rows.is_some_and(|n| (1..=ROWS_PER_CHUNK as u32).contains(&n)) || pair[1].offset < pair[0].offset
    });
    wrong.map_or(Ok(()), |i| Err(invalid("chunks", 16 * (i + 1), "rows or offsets do not ascend")))
}

type Checked = Result<(), &'static str>;

fn chunk(
    counts: &Counts,
    dictionary: &Dictionary,
    pair: &[ChunkEntry],
    bytes: &[u8],
) -> Result<(), (usize, &'static str)> {
    let (matrices, rows) = (if counts.has_c { 3 } else { 2 }, (pair[1].row - pair[0].row) as usize);
    let slot = |slot: Slot| match slot.matrix() < matrices && slot.row() < rows {
        true => Ok(()),
        false => Err("a row or matrix is out of range"),
    };
    let (mut small, mut large) = (Vec::new(), Vec::new());
    let mut items = Items::new(bytes);
    loop {
        let start = items.offset();
        let checked = match items.next().map_err(|what| (start, what))? {
            None => return Ok(()),
            Some(Item::Group(g)) => g
                .coefficients(dictionary, &mut small, &mut large)
                .and_then(|()| constant(&g, dictionary))
                .and_then(|()| records(&g, u64::from(pair[0].base), counts.shape.num_variables(), slot)),
            Some(Item::Copies(pairs)) => pairs.iter().try_for_each(|&[t0, t1, f0, f1]| {
                slot(Slot::read([t0, t1]))?;
                slot(Slot::read([f0, f1]))
            }),
        };
        checked.map_err(|what| (start, what))?;
    }
}

fn constant(g: &Group<'_>, dictionary: &Dictionary) -> Checked {
    let entries = match g.constant {
        Some(code) if code.kind() == 4 => dictionary.large.len(),
        Some(code) if code.kind() > 1 => dictionary.small.len(),
        _ => return Ok(()),
    };
    match g.constant {
        Some(code) if code.index() as usize >= entries => Err("a coefficient is not in the dictionary"),
        _ => Ok(()),
    }
}

fn records(g: &Group<'_>, base: u64, variables: u64, slot: impl Fn(Slot) -> Checked) -> Checked {
    let mut largest = 0u32;
    for (to, columns) in g.split_records() {
        slot(to)?;
        largest = match g.far {
            true => {
                largest_of(columns.as_chunks::<FAR_BYTES>().0.iter().map(|c| u32::from_le_bytes(*c)), largest)
            }
            false => {
                let near = columns.as_chunks::<NEAR_BYTES>().0;
                largest_of(near.iter().map(|c| u32::from(u16::from_le_bytes(*c))), largest)
            }
        };
    }
    let last = u64::from(largest) + if g.far { 0 } else { base };
    // A group whose only term is the constant has no columns.
    if g.terms() > 0 && last >= variables { Err("a column is out of range") } else { Ok(()) }
}

fn largest_of(columns: impl Iterator<Item = u32>, start: u32) -> u32 {
    columns.fold(start, u32::max)
}
