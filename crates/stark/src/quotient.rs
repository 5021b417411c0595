//! The quotient of one table: its constraints, folded with powers of one challenge, over what vanishes where they hold.
//!
//! A group of two interactions asks t·f_a·f_b = m_a·f_b + m_b·f_a. Fingerprints are linear in the columns, so the
//! folding power is put into the coefficients of f_a; with constant multiplicities the right side of all groups is one
//! linear form of the whole table. That leaves two products in the extension a group.
//!
//! Rows are worked on in blocks that stay in L1 and L2; constraints hold in four kinds of rows, each kind with an
//! accumulator, so that selectors are multiplied in once.

use crate::{
    air::{Column, ExtForm, Linear, Plan, When, Workspace},
    domain::Domain,
    field::{E, F, invert_chunk, root_of_unity, words},
    logup::{BusChallenges, base_form},
    machine::Table,
    simd::{self, word},
};
use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;

/// Rows of a block: 256 rows of some twenty columns are 40 KiB.
const BLOCK: usize = 256;

/// The columns of one table over the coset.
pub(crate) struct Extended<'a> {
    pub(crate) preprocessed: Vec<&'a [u64]>,
    pub(crate) main: Vec<&'a [u64]>,
    pub(crate) aux: Vec<&'a [u64]>,
}

/// One group of interactions, with the folding power put in.
struct GroupForms {
    first: ExtForm,
    second: Option<ExtForm>,
    /// Multiplicities that depend on the row, each with what it multiplies.
    products: Vec<(Linear, ExtForm)>,
}

/// Everything about a table that does not depend on the row.
pub(crate) struct Quotient<'a> {
    table: &'a Table,
    domain: &'a Domain,
    cells: Extended<'a>,
    plan: Plan,
    powers: Vec<E>,
    groups: Vec<GroupForms>,
    /// Sum of all linear parts.
    linear: ExtForm,
    /// L/n.
    step: E,
    /// The last block's next rows, where they wrap around, by cell.
    wrapped: [Vec<Vec<u64>>; 3],
    block: usize,
}

impl<'a> Quotient<'a> {
    pub(crate) fn new(
        table: &'a Table,
        domain: &'a Domain,
        cells: Extended<'a>,
        publics: &[F],
        challenges: &BusChallenges,
        beta: E,
        sum: E,
    ) -> Quotient<'a> {
        let powers = crate::field::powers(beta, table.folded());
        let bus_powers = &powers[table.program.constraints.len()..];
        let (groups, linear) = bus_forms(table, challenges, bus_powers);
        let block = BLOCK.min(1 << (domain.log_size() - 1));
        let wrap = |columns: &[&[u64]]| columns.iter().map(|c| wrapped(c, block, domain)).collect();
        let wrapped = [wrap(&cells.preprocessed), wrap(&cells.main), wrap(&cells.aux)];
        let step = sum * F::from_u64(1 << domain.key.log_rows).inverse();
        let plan = Plan::new(&table.program, publics);
        Quotient { table, domain, cells, plan, powers, groups, linear, step, wrapped, block }
    }

    /// Writes the quotient's evaluations over the whole coset to three columns.
    pub(crate) fn evaluate(&self, out: [&mut [u64]; 3]) {
        let [a, b, c] = out;
        let block = self.block;
        let jobs: Vec<_> = a
            .chunks_mut(block)
            .zip(b.chunks_mut(block))
            .zip(c.chunks_mut(block))
            .enumerate()
            .map(|(i, ((a, b), c))| (i * block, [a, b, c]))
            .collect();
        jobs.into_par_iter().with_min_len(8).for_each_init(
            || BlockBuffers::new(block),
            |buffers, (start, out)| self.block(start, out, buffers),
        );
    }

    /// The rows of a cell in the block at `start`.
    fn cell(&self, start: usize, column: Column, next: bool) -> &[u64] {
        match column {
            Column::Preprocessed(c) => self.rows(start, 0, self.cells.preprocessed[c], c, next),
            Column::Main(c) => self.rows(start, 1, self.cells.main[c], c, next),
        }
    }

    fn rows<'b>(
        &'b self,
        start: usize,
        kind: usize,
        column: &'b [u64],
        index: usize,
        next: bool,
    ) -> &'b [u64] {
        let from = if next { start + (1 << self.domain.key.log_blowup) } else { start };
        match column.get(from..from + self.block) {
            Some(rows) => rows,
            None => &self.wrapped[kind][index],
        }
    }

    fn block(&self, start: usize, out: [&mut [u64]; 3], buffers: &mut BlockBuffers) {
        let at = |column: Column, next: bool| self.cell(start, column, next);
        let BlockBuffers { workspace, kinds, .. } = buffers;
        for (kind, acc) in kinds.iter_mut().enumerate() {
            let [a, b, c] = acc;
            if kind == When::Always as usize {
                let terms = self.linear.terms.iter().map(|(&column, &k)| (words(k), at(column, false)));
                simd::linear_form([a, b, c], words(self.linear.constant), terms);
            } else {
                acc.iter_mut().for_each(|c| c.fill(0));
            }
        }
        self.plan.run(workspace, self.block, at);
        for (i, &(when, _)) in self.table.program.constraints.iter().enumerate() {
            let value = workspace.read(self.plan.results[i], at);
            let [a, b, c] = &mut kinds[when as usize];
            simd::mac([a, b, c], words(self.powers[i]), value);
        }
        self.buses(start, buffers);
        self.divide(start, out, buffers);
    }

    /// Adds what the interactions ask for.
    fn buses(&self, start: usize, buffers: &mut BlockBuffers) {
        let Some(last) = self.groups.len().checked_sub(1) else { return };
        let at = |column: Column| self.cell(start, column, false);
        let aux = |c: usize, next: bool| -> [&[u64]; 3] {
            [0, 1, 2].map(|k| self.rows(start, 2, self.cells.aux[3 * c + k], 3 * c + k, next))
        };
        let BlockBuffers { kinds, difference, form, product, multiplicity, scratch, .. } = buffers;
        // acc' − acc − Σ terms + L/n.
        let (here, next) = (aux(last, false), aux(last, true));
        for (k, d) in difference.iter_mut().enumerate() {
            multiplicity.fill(words(self.step)[k]);
            simd::sub(d, next[k], here[k]);
            simd::add_assign(d, multiplicity);
            for c in 0..last {
                simd::sub_assign(d, aux(c, false)[k]);
            }
        }
        for (g, group) in self.groups.iter().enumerate() {
            let term = if g == last { refs(difference) } else { aux(g, false) };
            evaluate_form(&group.first, form, at);
            simd::ext_mul(muts(product), term, refs(form));
            if let Some(second) = &group.second {
                evaluate_form(second, form, at);
                let [a, b, c] = product;
                simd::ext_mul_assign([a, b, c], refs(form));
            }
            add(&mut kinds[When::Always as usize], product);
            for (m, other) in &group.products {
                base_form(m, multiplicity, scratch, at);
                evaluate_form(other, form, at);
                for (f, acc) in form.iter_mut().zip(&mut kinds[When::Always as usize]) {
                    simd::mul_assign(f, multiplicity);
                    simd::sub_assign(acc, f);
                }
            }
        }
        // acc is zero in the first row.
        let power = self.powers[self.powers.len() - 1];
        simd::ext_scale_add(muts(&mut kinds[When::First as usize]), words(power), here);
    }

    /// Multiplies the selectors in: (A + (x − w)·T)/Z + F/(x − 1) + L/(x − w), w the last row's point.
    fn divide(&self, start: usize, out: [&mut [u64]; 3], buffers: &mut BlockBuffers) {
        let BlockBuffers { kinds, points, first, last, vanishing, vanishing_set, .. } = buffers;
        self.domain.points(start, points);
        if !*vanishing_set {
            self.fill_vanishing(vanishing);
            *vanishing_set = true;
        }
        let w = root_of_unity(self.domain.key.log_rows).inverse();
        first.fill(1);
        last.fill(word(w));
        subtract_from(points, first);
        subtract_from(points, last);
        let [always, transition, at_first, at_last] = kinds;
        for (a, t) in always.iter_mut().zip(transition) {
            simd::mul_assign(t, last);
            simd::add_assign(a, t);
            simd::mul_assign(a, vanishing);
        }
        // The coset is disjoint from H: nothing here is zero.
        let inverted = invert_chunk(first).is_ok() && invert_chunk(last).is_ok();
        debug_assert!(inverted);
        for (((out, a), f), l) in out.into_iter().zip(always).zip(at_first).zip(at_last) {
            simd::mul_assign(f, first);
            simd::mul_assign(l, last);
            simd::add(out, a, f);
            simd::add_assign(out, l);
        }
    }

    /// 1/(xⁿ − 1) takes as many values as the blowup, in turn.
    fn fill_vanishing(&self, out: &mut [u64]) {
        let key = self.domain.key;
        let mut x = F::new(key.shift).exp_power_of_2(key.log_rows as usize);
        let values: Vec<u64> = (0..1 << key.log_blowup)
            .map(|_| {
                let value = (x - F::ONE).try_inverse().unwrap_or(F::ZERO);
                x *= root_of_unity(key.log_blowup);
                word(value)
            })
            .collect();
        for (i, w) in out.iter_mut().enumerate() {
            *w = values[i % values.len()];
        }
    }
}

/// c = points − c.
fn subtract_from(points: &[u64], c: &mut [u64]) {
    let subtrahend = c.to_vec();
    simd::sub(c, points, &subtrahend);
}

/// Next rows of the last block: those that wrap around come from the top.
fn wrapped(column: &[u64], block: usize, domain: &Domain) -> Vec<u64> {
    let ahead = 1 << domain.key.log_blowup;
    let from = column.len() - block + ahead;
    [&column[from.min(column.len())..], &column[from.saturating_sub(column.len())..]].concat()[..block]
        .to_vec()
}

/// Forms of all groups and the table's linear part.
fn bus_forms(table: &Table, challenges: &BusChallenges, powers: &[E]) -> (Vec<GroupForms>, ExtForm) {
    let fingerprints = challenges.fingerprints(table);
    let mut linear = ExtForm::default();
    let mut groups = Vec::new();
    for ((g, interactions), &power) in table.interactions.chunks(2).enumerate().zip(powers) {
        let first = fingerprints[2 * g].scaled(power);
        let mut products = Vec::new();
        let second = (interactions.len() == 2).then(|| fingerprints[2 * g + 1].clone());
        match &second {
            None => linear.add_scaled(&lift(&interactions[0].multiplicity), -power),
            Some(second) => {
                let scaled = second.scaled(power);
                for (interaction, other) in interactions.iter().zip([&scaled, &first]) {
                    let multiplicity = &interaction.multiplicity;
                    if multiplicity.terms.is_empty() {
                        linear.add_scaled(other, -E::from(multiplicity.constant));
                    } else {
                        products.push((multiplicity.clone(), other.clone()));
                    }
                }
            }
        }
        groups.push(GroupForms { first, second, products });
    }
    (groups, linear)
}

fn lift(form: &Linear) -> ExtForm {
    let mut lifted = ExtForm { constant: form.constant.into(), ..ExtForm::default() };
    for &(column, c) in &form.terms {
        *lifted.terms.entry(column).or_default() += c;
    }
    lifted
}

fn evaluate_form<'b>(form: &ExtForm, out: &mut [Vec<u64>; 3], at: impl Fn(Column) -> &'b [u64]) {
    let terms = form.terms.iter().map(|(&column, &k)| (words(k), at(column)));
    simd::linear_form(muts(out), words(form.constant), terms);
}

fn refs(columns: &[Vec<u64>; 3]) -> [&[u64]; 3] {
    [&columns[0], &columns[1], &columns[2]]
}

fn muts(columns: &mut [Vec<u64>; 3]) -> [&mut [u64]; 3] {
    let [a, b, c] = columns;
    [a, b, c]
}

fn add(acc: &mut [Vec<u64>; 3], value: &[Vec<u64>; 3]) {
    for (a, v) in acc.iter_mut().zip(value) {
        simd::add_assign(a, v);
    }
}

/// Buffers of one thread for one table.
struct BlockBuffers {
    workspace: Workspace,
    /// By kind of row: always, transition, first, last.
    kinds: [[Vec<u64>; 3]; 4],
    difference: [Vec<u64>; 3],
    form: [Vec<u64>; 3],
    product: [Vec<u64>; 3],
    multiplicity: Vec<u64>,
    scratch: Vec<u64>,
    points: Vec<u64>,
    first: Vec<u64>,
    last: Vec<u64>,
    vanishing: Vec<u64>,
    vanishing_set: bool,
}

impl BlockBuffers {
    fn new(rows: usize) -> BlockBuffers {
        let column = || vec![0u64; rows];
        let three = || [column(), column(), column()];
        BlockBuffers {
            workspace: Workspace::default(),
            kinds: [three(), three(), three(), three()],
            difference: three(),
            form: three(),
            product: three(),
            multiplicity: column(),
            scratch: column(),
            points: column(),
            first: column(),
            last: column(),
            vanishing: column(),
            vanishing_set: false,
        }
    }
}
