//! What is to be proved: partitions of one circuit, each with what its witness is made from.

use crate::{Error, circuit::CircuitId};
use bellpepper_core_02::SynthesisError;
use blstrs::Scalar as Fr;
use forebay_msm::SecretVec;
use forebay_pce::bellpepper::WitnessCs;

/// The partitions of a proof, each synthesised when its turn comes.
pub(crate) trait Partitions: Send + Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Collects the values of a partition's variables.
    fn synthesise(&self, partition: usize, cs: &mut WitnessCs<Fr>) -> Result<(), SynthesisError>;
}

/// One request: the partitions of a PoRep or a PoSt.
pub struct FilecoinJob {
    circuit: CircuitId,
    partitions: Box<dyn Partitions>,
}

impl FilecoinJob {
    pub(crate) fn new(circuit: CircuitId, partitions: impl Partitions + 'static) -> Self {
        FilecoinJob { circuit, partitions: Box::new(partitions) }
    }

    /// The circuit of every partition.
    pub fn circuit(&self) -> CircuitId {
        self.circuit
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> usize {
        self.partitions.count()
    }

    /// The witness of a partition, for a circuit with so many inputs (the constant one among them) and auxiliary variables.
    ///
    /// # Errors
    /// [`Error::NoPartition`], [`Error::Witness`].
    pub fn witness(&self, partition: usize, inputs: usize, aux: usize) -> Result<SecretVec<Fr>, Error> {
        if partition >= self.partitions() {
            return Err(Error::NoPartition { partition, count: self.partitions() });
        }
        let mut cs = WitnessCs::with_capacity(inputs, aux);
        self.partitions.synthesise(partition, &mut cs)?;
        let found = [cs.inputs().len(), cs.aux().len()];
        if found != [inputs, aux] {
            return Err(Error::Witness { expected: [inputs, aux], found });
        }
        Ok(cs.into_witness())
    }
}
