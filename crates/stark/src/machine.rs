//! Statements compiled into keys.

use crate::{
    air::{Air, AirBuilder, Column, Interaction, Node, Program, When},
    domain::Domains,
    error::SetupError,
    field::F,
    hash::Digest,
    lde::{Arena, Scratch, extend_tables},
    merkle::{Cap, Matrix, Tree, TreeSettings},
    params::{MAX_LOG_ROWS, MIN_LOG_ROWS, Parameters},
    simd,
    tuning::Tuning,
};
use p3_field::PrimeField64;
use rayon::ThreadPool;
use std::collections::{BTreeMap, BTreeSet};

/// One table as prover and verifier see it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) width: usize,
    pub(crate) preprocessed: usize,
    pub(crate) publics: usize,
    /// log₂ of the height, where preprocessed columns fix it.
    pub(crate) log_rows: Option<u32>,
    pub(crate) program: Program,
    pub(crate) interactions: Vec<Interaction>,
    /// Columns that some constraint reads in the next row, ascending: preprocessed and main.
    pub(crate) next: [Vec<usize>; 2],
}

impl Table {
    /// Extension columns of the bus argument: two interactions a column, the last group in the accumulator.
    pub(crate) fn aux_columns(&self) -> usize {
        self.interactions.len().div_ceil(2)
    }

    /// Powers of the folding challenge that the table's constraints take.
    pub(crate) fn folded(&self) -> usize {
        let bus = if self.interactions.is_empty() { 0 } else { self.aux_columns() + 1 };
        self.program.constraints.len() + bus
    }
}

/// What a verifier needs of a statement.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    pub(crate) tables: Vec<Table>,
    pub(crate) parameters: Parameters,
    pub(crate) cap: Cap,
    pub(crate) digest: Digest,
}

impl VerifyingKey {
    /// Identifies parameters, tables, constraints, interactions and preprocessed columns.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The parameters.
    pub fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Number of constraints of each table, in order.
    pub fn constraints(&self) -> impl Iterator<Item = usize> {
        self.tables.iter().map(|t| t.program.constraints.len())
    }

    /// Names of the tables, in order.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|t| t.name.as_str())
    }
}

/// What a prover needs of a statement: the verifier's part, and the preprocessed columns as committed.
pub struct ProvingKey {
    pub(crate) verifying: VerifyingKey,
    /// Per table, the preprocessed columns.
    pub(crate) preprocessed: Vec<Vec<Vec<F>>>,
    /// Extensions of the tables that have preprocessed columns, in order.
    pub(crate) arena: Arena,
    pub(crate) tree: Option<Tree>,
}

impl ProvingKey {
    /// The verifier's part.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }
}

/// Compiles a statement; work runs on `pool`.
pub fn setup(pool: &ThreadPool, airs: &[&dyn Air], parameters: Parameters) -> Result<ProvingKey, SetupError> {
    parameters.check()?;
    if airs.is_empty() {
        return Err(SetupError::Empty);
    }
    let preprocessed: Vec<Vec<Vec<F>>> = airs.iter().map(|air| air.preprocessed()).collect();
    let tables: Vec<Table> = airs
        .iter()
        .zip(&preprocessed)
        .map(|(air, columns)| table(*air, columns, &parameters))
        .collect::<Result<_, _>>()?;
    check_arities(&tables)?;
    let (arena, tree) = pool.install(|| commit(&preprocessed, &parameters));
    let cap = tree.as_ref().map(|t| t.cap().to_vec()).unwrap_or_default();
    let digest = digest(&tables, &parameters, &cap);
    let verifying = VerifyingKey { tables, parameters, cap, digest };
    Ok(ProvingKey { verifying, preprocessed, arena, tree })
}

fn commit(preprocessed: &[Vec<Vec<F>>], parameters: &Parameters) -> (Arena, Option<Tree>) {
    let present: Vec<_> = preprocessed.iter().filter(|columns| !columns.is_empty()).collect();
    let log = |columns: &Vec<Vec<F>>| columns[0].len().ilog2();
    let Some(most) = present.iter().map(|c| log(c)).max() else { return (Arena::default(), None) };
    let domains = Domains::new(most, parameters.log_blowup, parameters.shift);
    let mut arena = Arena::new(present.iter().map(|c| (log(c) + parameters.log_blowup, c.len())));
    let traces: Vec<Vec<&[u64]>> =
        present.iter().map(|columns| columns.iter().map(|c| simd::as_words(c)).collect()).collect();
    extend_tables(&domains, &traces, &mut arena, &Scratch::new(rayon::current_num_threads()));
    let matrices: Vec<Matrix<'_>> =
        (0..arena.tables()).map(|t| Matrix { columns: arena.columns(t) }).collect();
    let tree = Tree::new(&matrices, TreeSettings::new(parameters.log_cap, Tuning::default()));
    drop(matrices);
    (arena, Some(tree))
}

/// Compiles and checks one table.
fn table(air: &dyn Air, preprocessed: &[Vec<F>], parameters: &Parameters) -> Result<Table, SetupError> {
    let refuse = |what: String| Err(SetupError::Table { table: air.name().to_owned(), what });
    if air.width() == 0 {
        return refuse("it has no columns".to_owned());
    }
    let mut log_rows = None;
    if let Some(first) = preprocessed.first() {
        let rows = first.len();
        if !rows.is_power_of_two() || preprocessed.iter().any(|c| c.len() != rows) {
            return refuse("preprocessed columns are of one length, a power of two".to_owned());
        }
        if !(MIN_LOG_ROWS..=MAX_LOG_ROWS).contains(&rows.ilog2()) {
            return refuse(format!("{rows} rows are out of bounds"));
        }
        log_rows = Some(rows.ilog2());
    }
    let mut builder = AirBuilder::default();
    air.define(&mut builder);
    let program = Program::new(&builder);
    let table = Table {
        name: air.name().to_owned(),
        width: air.width(),
        preprocessed: preprocessed.len(),
        publics: air.public_inputs(),
        log_rows,
        next: next_columns(&program),
        program,
        interactions: builder.interactions,
    };
    match fault(&table, parameters) {
        Some(what) => refuse(what),
        None => Ok(table),
    }
}

/// What names something that is not there, or has too high a degree.
fn fault(table: &Table, parameters: &Parameters) -> Option<String> {
    let missing = |column: Column| match column {
        Column::Main(c) => c >= table.width,
        Column::Preprocessed(c) => c >= table.preprocessed,
    };
    for node in &table.program.nodes {
        match *node {
            Node::Cell { column, .. } if missing(column) => return Some(format!("there is no {column:?}")),
            Node::Public(i) if i >= table.publics => return Some(format!("there is no public input {i}")),
            _ => {}
        }
    }
    let degrees = table.program.degrees();
    for (i, &(when, node)) in table.program.constraints.iter().enumerate() {
        let most = match when {
            When::Always | When::Transition => parameters.blowup() + 1,
            When::First | When::Last => parameters.blowup(),
        };
        if degrees[node] > most {
            return Some(format!("constraint {i} has degree {}, at most {most} is possible", degrees[node]));
        }
    }
    for interaction in &table.interactions {
        if interaction.bus >= F::ORDER_U64 {
            return Some(format!("{} is no bus", interaction.bus));
        }
        let forms = interaction.values.iter().chain([&interaction.multiplicity]);
        if let Some(&(column, _)) = forms.flat_map(|f| &f.terms).find(|t| missing(t.0)) {
            return Some(format!("there is no {column:?}"));
        }
    }
    None
}

fn next_columns(program: &Program) -> [Vec<usize>; 2] {
    let mut next = [BTreeSet::new(), BTreeSet::new()];
    for node in &program.nodes {
        match *node {
            Node::Cell { column: Column::Preprocessed(c), next: true } => next[0].insert(c),
            Node::Cell { column: Column::Main(c), next: true } => next[1].insert(c),
            _ => false,
        };
    }
    next.map(|set| set.into_iter().collect())
}

/// All messages of a bus have one length.
fn check_arities(tables: &[Table]) -> Result<(), SetupError> {
    let mut arities = BTreeMap::new();
    for interaction in tables.iter().flat_map(|t| &t.interactions) {
        let (bus, second) = (interaction.bus, interaction.values.len());
        let first = *arities.entry(bus).or_insert(second);
        if first != second {
            return Err(SetupError::Arity { bus, first, second });
        }
    }
    Ok(())
}

/// Binds all that a key stands for, each list with its length.
fn digest(tables: &[Table], parameters: &Parameters, cap: &[Digest]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("forebay-stark 1 key");
    let mut text = |s: String| {
        hasher.update(&(s.len() as u64).to_le_bytes());
        hasher.update(s.as_bytes());
    };
    text(format!("{:?}", parameters.encode()));
    text(format!("{cap:?}"));
    text(tables.len().to_string());
    for table in tables {
        text(table.name.clone());
        text(format!("{:?}", (table.width, table.preprocessed, table.publics, table.log_rows)));
        text(format!("{:?}", table.program.nodes));
        text(format!("{:?}", table.program.constraints));
        text(table.interactions.len().to_string());
        for i in &table.interactions {
            text(format!("{:?}", (i.bus, i.weight)));
            let forms = i.values.iter().chain([&i.multiplicity]);
            for form in forms {
                let terms = form.terms.iter().map(|(c, f)| (c, f.as_canonical_u64()));
                text(format!("{} {:?}", form.constant.as_canonical_u64(), terms.collect::<Vec<_>>()));
            }
        }
    }
    *hasher.finalize().as_bytes()
}
