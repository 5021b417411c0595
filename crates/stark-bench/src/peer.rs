//! The peer: Plonky3's batch STARK on the same workload.
//!
//! The tables, messages and parameters are those of [`forebay_stark::programs::workload`]; traces are given to both in
//! the layout that each asks for. The quotient, the columns of the bus argument and their grouping are the peer's own.

use forebay_stark::{
    Parameters, Public, Trace,
    field::{E, F},
    programs::workload::{CPU_WIDTH, LIMBS},
};
use p3_air::{Air, AirBuilder, BaseAir, PermutationAirBuilder, WindowAccess};
use p3_batch_stark::{BatchProof, ProverData, StarkInstance, prove_batch, verify_batch};
use p3_blake3::Blake3;
use p3_challenger::{HashChallenger, SerializingChallenger64};
use p3_commit::ExtensionMmcs;
use p3_dft::Radix2DitParallel;
use p3_field::{Field, PrimeCharacteristicRing};
use p3_fri::{FriParameters, TwoAdicFriPcs};
use p3_lookup::{Count, InteractionBuilder, LookupBus};
use p3_matrix::dense::RowMajorMatrix;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::{CompressionFunctionFromHasher, SerializingHasher};
use p3_uni_stark::StarkConfig;

type LeafHash = SerializingHasher<Blake3>;
type Compress = CompressionFunctionFromHasher<Blake3, 2, 32>;
type ValMmcs = MerkleTreeMmcs<F, u8, LeafHash, Compress, 2, 32>;
type ChallengeMmcs = ExtensionMmcs<F, E, ValMmcs>;
type Challenger = SerializingChallenger64<F, HashChallenger<u8, Blake3, 32>>;
type Pcs = TwoAdicFriPcs<F, Radix2DitParallel<F>, ValMmcs, ChallengeMmcs>;
type Config = StarkConfig<Pcs, E, Challenger>;

const RANGE: LookupBus<'static> = LookupBus::new("range");
const PRODUCT: LookupBus<'static> = LookupBus::new("product");

/// The workload's tables, as the peer's AIRs.
#[derive(Clone, Copy)]
enum Table {
    Cpu,
    Mul,
    Range(u32),
}

impl<T: Field> BaseAir<T> for Table {
    fn width(&self) -> usize {
        match self {
            Table::Cpu => CPU_WIDTH,
            Table::Mul => 4,
            Table::Range(_) => 1,
        }
    }

    fn preprocessed_trace(&self) -> Option<RowMajorMatrix<T>> {
        match self {
            Table::Range(bits) => Some(RowMajorMatrix::new((0..1u64 << bits).map(T::from_u64).collect(), 1)),
            _ => None,
        }
    }

    fn preprocessed_width(&self) -> usize {
        usize::from(matches!(self, Table::Range(_)))
    }

    fn num_public_values(&self) -> usize {
        if matches!(self, Table::Cpu) { 3 } else { 0 }
    }

    fn main_next_row_columns(&self) -> Vec<usize> {
        if matches!(self, Table::Cpu) { vec![0, 1] } else { Vec::new() }
    }

    fn preprocessed_next_row_columns(&self) -> Vec<usize> {
        Vec::new()
    }
}

impl<B: PermutationAirBuilder + InteractionBuilder> Air<B> for Table
where
    B::F: Field,
{
    fn eval(&self, builder: &mut B) {
        let main = builder.main();
        let local = main.current_slice();
        match self {
            Table::Cpu => {
                let next = main.next_slice();
                let public: Vec<B::Expr> = builder.public_values().iter().map(|&p| p.into()).collect();
                builder.when_first_row().assert_eq(local[0], public[0].clone());
                builder.when_first_row().assert_eq(local[1], public[1].clone());
                builder.when_transition().assert_eq(next[0], local[1]);
                builder.when_transition().assert_eq(next[1], local[0].into() + local[1].into());
                builder.when_last_row().assert_eq(local[1], public[2].clone());
                builder.assert_bool(local[13]);
                for limb in 0..LIMBS {
                    RANGE.lookup_key(builder, [local[2 + limb]], Count::bounded(B::Expr::ONE, 1));
                }
                let flag = Count::bounded(local[13].into(), 1);
                PRODUCT.lookup_key(builder, [local[10], local[11], local[12]], flag);
            }
            Table::Mul => {
                builder.assert_eq(local[0].into() * local[1].into(), local[2]);
                PRODUCT.table_entry(builder, [local[0], local[1], local[2]], local[3]);
            }
            Table::Range(_) => {
                let value = builder.preprocessed().current_slice()[0];
                RANGE.table_entry(builder, [value], local[0]);
            }
        }
    }
}

/// The peer, set up for one size.
pub(crate) struct Peer {
    config: Config,
    tables: [Table; 3],
    matrices: Vec<RowMajorMatrix<F>>,
    publics: Vec<Vec<F>>,
    data: ProverData<Config>,
}

impl Peer {
    /// Takes the traces over, row after row.
    pub(crate) fn new(parameters: Parameters, limb_bits: u32, traces: Vec<Trace>, public: &Public) -> Peer {
        let config = config(parameters);
        let tables = [Table::Cpu, Table::Mul, Table::Range(limb_bits)];
        let matrices: Vec<_> = traces.into_iter().map(row_major).collect();
        let publics = public.inputs.clone();
        let instances = instances(&tables, &matrices, &publics);
        let data = ProverData::from_instances(&config, &instances).expect("the workload suits the peer");
        drop(instances);
        Peer { config, tables, matrices, publics, data }
    }

    pub(crate) fn prove(&self) -> BatchProof<Config> {
        let instances = instances(&self.tables, &self.matrices, &self.publics);
        prove_batch(&self.config, &instances, &self.data).expect("the workload is provable")
    }

    pub(crate) fn verifies(&self, proof: &BatchProof<Config>) -> bool {
        verify_batch(&self.config, &self.tables, proof, &self.publics, &self.data.common).is_ok()
    }
}

pub(crate) fn bytes(proof: &BatchProof<Config>) -> usize {
    postcard::to_allocvec(proof).map_or(0, |bytes| bytes.len())
}

fn instances<'a>(
    tables: &'a [Table; 3],
    matrices: &'a [RowMajorMatrix<F>],
    publics: &[Vec<F>],
) -> Vec<StarkInstance<'a, Config, Table>> {
    let parts = tables.iter().zip(matrices).zip(publics);
    parts.map(|((air, trace), p)| StarkInstance { air, trace, public_values: p.clone() }).collect()
}

fn row_major(trace: Trace) -> RowMajorMatrix<F> {
    let (rows, width) = (trace[0].len(), trace.len());
    let mut values = F::zero_vec(rows * width);
    for (c, column) in trace.into_iter().enumerate() {
        column.into_iter().enumerate().for_each(|(r, v)| values[r * width + c] = v);
    }
    RowMajorMatrix::new(values, width)
}

fn config(parameters: Parameters) -> Config {
    let mmcs = ValMmcs::new(LeafHash::new(Blake3 {}), Compress::new(Blake3 {}), parameters.log_cap as usize);
    let fri = FriParameters {
        log_blowup: parameters.log_blowup as usize,
        log_final_poly_len: parameters.log_final as usize,
        max_log_arity: parameters.log_arity as usize,
        num_queries: parameters.queries as usize,
        batch_proof_of_work_bits: 0,
        commit_proof_of_work_bits: 0,
        query_proof_of_work_bits: parameters.grinding_bits as usize,
        mmcs: ChallengeMmcs::new(mmcs.clone()),
    };
    let pcs = Pcs::new(Radix2DitParallel::default(), mmcs, fri);
    StarkConfig::new(pcs, Challenger::from_hasher(Vec::new(), Blake3 {}))
}
