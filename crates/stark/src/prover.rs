//! The prover.
//!
//! - Main columns are extended and committed.
//! - With z and α the bus columns are built from the traces, which are then dropped, extended and committed.
//! - With β each table's quotient is evaluated, split by degree and committed.
//! - At ζ all columns are opened.
//! - With λ one codeword a height is built; FRI folds them together.
//!
//! Peak memory is the extensions, 2^b·8 bytes a cell, one codeword and its folds; the quotient is evaluated in the place
//! of its own extension, bus columns in that of theirs.

use crate::{
    domain::Domains,
    error::{ProveError, VerifyError},
    field::{E, EXTENSION_DEGREE, F},
    fri::{self, Schedule},
    layout::{Layout, Public, ROUNDS, Round},
    lde::{Arena, Scratch, extend_tables, split_and_extend},
    logup::{BusChallenges, Cells, accumulate},
    machine::{ProvingKey, VerifyingKey},
    merkle::{Matrix, Opening, Tree, TreeSettings},
    opening::{Batch, codeword, values},
    proof::Proof,
    quotient::{Extended, Quotient},
    sharing::{Admission, Shared, SideBySide, peak},
    simd,
    transcript::Transcript,
    tuning::Tuning,
    verifier::constraints_hold,
};
use p3_field::PrimeCharacteristicRing;
use rayon::{ThreadPool, prelude::*};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// The columns of one table, as many rows each as the table has.
pub type Trace = Vec<Vec<F>>;

/// Hears of every stage.
pub trait Observer: Sync {
    /// A stage ended; `bytes` is what it left in memory.
    fn stage(&self, name: &'static str, start: Instant, end: Instant, bytes: u64);
}

/// How many tables are worked on side by side in the rounds that go table by table. Rows within a table are always
/// shared out too; nothing is oversubscribed, since all work runs on one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableParallelism {
    /// A third of the pool's threads, at least one; fewer, and fewer columns at once, where the budget is too small.
    #[default]
    Auto,
    /// This many, and a column a thread.
    Fixed(usize),
}

/// What does not change the proof.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Tables side by side.
    pub tables: TableParallelism,
    /// Who hears of the stages.
    pub observer: Option<&'a dyn Observer>,
    /// The scheduler's budget and timeline, and the wish to stop.
    pub shared: Option<Shared<'a>>,
    /// Finishes proofs of false statements instead of refusing them: for tests of verifiers.
    pub even_if_false: bool,
    /// How the work is done.
    pub tuning: Tuning,
    /// Changes the bus columns of every table before they are committed.
    #[cfg(test)]
    pub(crate) tamper: Option<fn(&mut [&mut [u64]])>,
}

/// Proves a statement; work runs on `pool`. The traces are consumed.
pub fn prove(
    pool: &ThreadPool,
    key: &ProvingKey,
    traces: Vec<Trace>,
    public: &Public,
    options: Options<'_>,
) -> Result<Proof, ProveError> {
    let log_rows = heights(key, &traces)?;
    let shape = |e: VerifyError| ProveError::Shape(e.to_string());
    let layout = Layout::new(&key.verifying, &log_rows).map_err(shape)?;
    public.check(&key.verifying).map_err(shape)?;
    let threads = pool.current_num_threads();
    let bytes = |side| peak(&key.verifying, &layout, side, threads, options.tuning);
    let total = options.shared.map_or(u64::MAX, |s| s.budget.usage().total.host);
    let side = SideBySide::new(options.tables, threads, total, bytes);
    // Waits in the caller's thread: the pool's threads are for those who have their memory.
    let admission = options.shared.map(|shared| Admission::new(shared, bytes(side))).transpose()?;
    let (admission, scratch) = (Mutex::new(admission), Scratch::new(side.columns));
    let prover = Prover { key, public, layout, tables: side.tables, options, scratch, admission };
    pool.install(|| prover.run(traces))
}

/// The most bytes that a proof of these heights takes at once on so many threads, its traces included: what
/// [`Options::shared`] reserves when the budget has room for all threads.
pub fn peak_bytes(key: &VerifyingKey, log_rows: &[u32], threads: usize) -> Result<u64, VerifyError> {
    let layout = Layout::new(key, log_rows)?;
    let (setting, tuning) = (TableParallelism::Auto, Tuning::default());
    let bytes = |side| peak(key, &layout, side, threads, tuning);
    Ok(bytes(SideBySide::new(setting, threads, u64::MAX, bytes)))
}

/// log₂ of the rows of each table; all columns of a table agree.
fn heights(key: &ProvingKey, traces: &[Trace]) -> Result<Vec<u32>, ProveError> {
    let tables = &key.verifying.tables;
    if traces.len() != tables.len() {
        return Err(ProveError::Shape(format!("{} traces for {} tables", traces.len(), tables.len())));
    }
    traces
        .iter()
        .zip(tables)
        .map(|(trace, table)| {
            let rows = trace.first().map_or(0, Vec::len);
            if trace.len() != table.width || trace.iter().any(|c| c.len() != rows) || !rows.is_power_of_two()
            {
                let what = format!("table {} has {} columns of one power of two", table.name, table.width);
                return Err(ProveError::Shape(what));
            }
            Ok(rows.ilog2())
        })
        .collect()
}

/// What the statement's first part binds: key, heights and everything public.
pub(crate) fn begin(key: &VerifyingKey, log_rows: &[u32], public: &Public) -> Transcript {
    let mut transcript = Transcript::new("LogUp STARK, Goldilocks, X^3 - X - 1, BLAKE3");
    transcript.bytes("key", &key.digest);
    let heights: Vec<u8> = log_rows.iter().flat_map(|h| h.to_le_bytes()).collect();
    transcript.bytes("heights", &heights);
    transcript.base("public", &public.words());
    transcript
}

/// Challenges of the bus argument.
pub(crate) fn bus_challenges(transcript: &mut Transcript, key: &VerifyingKey) -> BusChallenges {
    let longest = key.tables.iter().flat_map(|t| &t.interactions).map(|i| i.values.len()).max();
    let (z, alpha) = (transcript.challenge("z"), transcript.challenge("alpha"));
    BusChallenges::new(z, alpha, longest.unwrap_or(0))
}

struct Prover<'a> {
    key: &'a ProvingKey,
    public: &'a Public,
    layout: Layout,
    /// Tables worked on side by side.
    tables: usize,
    options: Options<'a>,
    scratch: Scratch,
    /// Held until the proof is done.
    admission: Mutex<Option<Admission<'a>>>,
}

impl Prover<'_> {
    fn run(&self, traces: Vec<Trace>) -> Result<Proof, ProveError> {
        let parameters = &self.key.verifying.parameters;
        let mut transcript = begin(&self.key.verifying, &self.layout.log_rows, self.public);
        let start = Instant::now();
        let mut domains =
            Domains::new(self.layout.groups[0].log_rows, parameters.log_blowup, parameters.shift);
        domains.share = self.options.tuning.shared_domains;
        let domains = domains;
        if domains.share {
            self.layout.groups.iter().for_each(|g| drop(domains.of(g.log_rows)));
        }
        self.stage("twiddles", start, 0)?;

        let start = Instant::now();
        let words: Vec<Vec<&[u64]>> =
            traces.iter().map(|t| t.iter().map(|c| simd::as_words(c)).collect()).collect();
        let mut main = self.arena(Round::Main);
        extend_tables(&domains, &words, &mut main, &self.scratch);
        self.stage("main columns", start, main.bytes())?;
        let main_tree = self.commit("main tree", &main, &mut transcript)?;

        let challenges = bus_challenges(&mut transcript, &self.key.verifying);
        let (aux, sums) = self.buses(&domains, &challenges, &words)?;
        drop(words);
        drop(traces);
        let aux_tree = self.commit("bus tree", &aux, &mut transcript)?;
        transcript.ext("sums", &sums);
        if !self.options.even_if_false {
            self.check_balance(&challenges, &sums)?;
        }

        let beta = transcript.challenge("beta");
        let quotient = self.quotients(&domains, &main, &aux, &challenges, &sums, beta)?;
        let quotient_tree = self.commit("quotient tree", &quotient, &mut transcript)?;

        let arenas = [&self.key.arena, &main, &aux, &quotient];
        let zeta = transcript.out_of_domain("zeta");
        let start = Instant::now();
        let values = values(&self.layout, &domains, &arenas, zeta);
        values.iter().for_each(|v| transcript.ext("values", v));
        let checked = (&challenges, (beta, zeta));
        if !self.options.even_if_false && !self.holds(checked, &values, &sums) {
            return Err(ProveError::Unsatisfied);
        }
        self.stage("values", start, 0)?;

        let lambda = transcript.challenge("lambda");
        let start = Instant::now();
        let codewords: BTreeMap<u32, _> = self
            .layout
            .groups
            .iter()
            .map(|group| {
                let domain = domains.of(group.log_rows);
                let batch = Batch::new(group, &values, zeta, lambda);
                (domain.log_size(), codeword(group, &batch, &domain, &arenas))
            })
            .collect();
        self.stage("codewords", start, 0)?;

        let start = Instant::now();
        let schedule = Schedule::new(parameters, &self.layout);
        let (folding, sent) = fri::prove(
            parameters,
            &schedule,
            codewords,
            domains.inverse_twiddles(),
            &mut transcript,
            self.options.tuning,
        )?;
        self.stage("folds", start, folding.bytes())?;

        let start = Instant::now();
        let indices = transcript.indices("queries", parameters.queries as usize, self.layout.log_height());
        let trees = [self.key.tree.as_ref(), main_tree.as_ref(), aux_tree.as_ref(), quotient_tree.as_ref()];
        let openings = ROUNDS.map(|round| match trees[round as usize] {
            Some(tree) => tree.open(&matrices(arenas[round as usize]), &indices),
            None => Opening::default(),
        });
        let layers = folding.open(&indices);
        self.stage("queries", start, 0)?;
        let cap = |tree: Option<Tree>| tree.map(|t| t.cap().to_vec()).unwrap_or_default();
        Ok(Proof {
            log_rows: self.layout.log_rows.clone(),
            caps: [cap(main_tree), cap(aux_tree), cap(quotient_tree)],
            sums,
            values,
            fri: sent,
            openings,
            layers,
        })
    }

    /// A stage ended: those who want to know are told, and the proof ends too if nobody wants it any more.
    fn stage(&self, name: &'static str, start: Instant, bytes: u64) -> Result<(), ProveError> {
        let end = Instant::now();
        if let Some(observer) = self.options.observer {
            observer.stage(name, start, end, bytes);
        }
        match &mut *self.admission.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(admission) => {
                admission.record(name, start, end, bytes);
                admission.check()
            }
            None => Ok(()),
        }
    }

    fn arena(&self, round: Round) -> Arena {
        Arena::new(self.layout.shapes(round))
    }

    fn commit(
        &self,
        name: &'static str,
        arena: &Arena,
        transcript: &mut Transcript,
    ) -> Result<Option<Tree>, ProveError> {
        let start = Instant::now();
        let matrices = matrices(arena);
        let settings = TreeSettings::new(self.key.verifying.parameters.log_cap, self.options.tuning);
        let tree = (!matrices.is_empty()).then(|| Tree::new(&matrices, settings));
        transcript.cap("commitment", tree.as_ref().map_or(&[], Tree::cap));
        self.stage(name, start, tree.as_ref().map_or(0, Tree::bytes))?;
        Ok(tree)
    }

    /// The bus columns and each table's sum.
    fn buses(
        &self,
        domains: &Domains,
        challenges: &BusChallenges,
        words: &[Vec<&[u64]>],
    ) -> Result<(Arena, Vec<E>), ProveError> {
        let start = Instant::now();
        let mut arena = self.arena(Round::Aux);
        let mut members: Vec<_> =
            self.layout.rounds[Round::Aux as usize].iter().zip(arena.columns_mut()).collect();
        let mut sums = Vec::with_capacity(members.len());
        for batch in members.chunks_mut(self.tables) {
            let batch: Vec<Result<E, ProveError>> = batch
                .par_iter_mut()
                .map(|(member, columns)| {
                    let t = member.0;
                    let table = &self.key.verifying.tables[t];
                    let cells = Cells {
                        main: words[t].clone(),
                        preprocessed: self.key.preprocessed[t].iter().map(|c| simd::as_words(c)).collect(),
                    };
                    let rows = 1 << self.layout.log_rows[t];
                    let sum = accumulate(table, challenges, &cells, rows, columns, self.options.tuning)
                        .map_err(|z| ProveError::ZeroFingerprint { table: table.name.clone(), row: z.0 });
                    #[cfg(test)]
                    if let Some(tamper) = self.options.tamper {
                        tamper(columns);
                    }
                    sum
                })
                .collect();
            for sum in batch {
                sums.push(sum?);
            }
        }
        drop(members);
        self.stage("bus columns", start, 0)?;
        let start = Instant::now();
        let in_place: Vec<Vec<&[u64]>> = (0..arena.tables()).map(|t| vec![&[][..]; arena.width(t)]).collect();
        extend_tables(domains, &in_place, &mut arena, &self.scratch);
        self.stage("bus extension", start, arena.bytes())?;
        Ok((arena, sums))
    }

    fn check_balance(&self, challenges: &BusChallenges, sums: &[E]) -> Result<(), ProveError> {
        let mut total: E = sums.iter().copied().sum();
        for message in &self.public.messages {
            total += challenges.message(message).ok_or(ProveError::Unbalanced)?;
        }
        if total == E::ZERO { Ok(()) } else { Err(ProveError::Unbalanced) }
    }

    fn holds(&self, (challenges, points): (&BusChallenges, (E, E)), values: &[Vec<E>], sums: &[E]) -> bool {
        constraints_hold(&self.key.verifying, &self.layout, self.public, challenges, points, values, sums)
    }

    fn quotients(
        &self,
        domains: &Domains,
        main: &Arena,
        aux: &Arena,
        challenges: &BusChallenges,
        sums: &[E],
        beta: E,
    ) -> Result<Arena, ProveError> {
        let start = Instant::now();
        let mut arena = self.arena(Round::Quotient);
        let mut members: Vec<_> = arena.columns_mut().into_iter().enumerate().collect();
        for batch in members.chunks_mut(self.tables) {
            batch.par_iter_mut().for_each(|(t, columns)| {
                let domain = domains.of(self.layout.log_rows[*t]);
                let place = |round: Round| self.layout.rounds[round as usize].iter().position(|m| m.0 == *t);
                let aux_place = place(Round::Aux);
                let cells = Extended {
                    preprocessed: place(Round::Preprocessed)
                        .map_or(Vec::new(), |m| self.key.arena.columns(m)),
                    main: main.columns(*t),
                    aux: aux_place.map_or(Vec::new(), |m| aux.columns(m)),
                };
                let table = &self.key.verifying.tables[*t];
                let sum = aux_place.map_or(E::ZERO, |m| sums[m]);
                let publics = &self.public.inputs[*t];
                let quotient = Quotient::new(table, &domain, cells, publics, challenges, beta, sum);
                if let Some([a, b, c]) = columns.first_chunk_mut() {
                    quotient.evaluate([a, b, c]);
                }
            });
        }
        self.stage("quotient", start, 0)?;
        let start = Instant::now();
        let mut jobs = Vec::new();
        for (t, columns) in members {
            let mut pieces: [Vec<&mut [u64]>; EXTENSION_DEGREE] = Default::default();
            for (i, column) in columns.into_iter().enumerate() {
                pieces[i % EXTENSION_DEGREE].push(column);
            }
            jobs.extend(pieces.into_iter().map(|p| (t, p)));
        }
        self.scratch.each(jobs, |(t, mut pieces)| {
            let domain = domains.of(self.layout.log_rows[t]);
            let n = pieces[0].len();
            self.scratch.with(n, |buffer| split_and_extend(domains, &domain, &mut pieces, buffer));
        });
        self.stage("quotient extension", start, arena.bytes())?;
        Ok(arena)
    }
}

/// The tables of an arena, to be hashed or opened.
pub(crate) fn matrices(arena: &Arena) -> Vec<Matrix<'_>> {
    (0..arena.tables()).map(|t| Matrix { columns: arena.columns(t) }).collect()
}
