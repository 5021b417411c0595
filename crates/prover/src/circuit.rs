//! From files to what the prover and the setup work on.

use crate::ProveError;
use ff::Field;
use forebay_formats::{Matrix as KeyMatrix, R1csFile, ZkeyFile};
use forebay_msm::{Curve, ScalarField};
use forebay_pce::{Circuit, CircuitBuilder, Coefficient, EvalOptions, Matrix, Outputs, Shape};
use rand_core::OsRng;
use rayon::ThreadPool;

/// The counts of a constraint system. Variables are ordered: the constant one, the public ones, the private ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Variables, the constant one included.
    pub num_variables: usize,
    /// Public variables, the constant one not included.
    pub num_public: usize,
    /// Rows.
    pub num_constraints: usize,
}

impl Counts {
    /// As the evaluator counts: the constant is an input.
    fn shape(&self) -> Result<Shape, ProveError> {
        let too_many = |_| ProveError::Setup(format!("{} variables do not fit 32 bits", self.num_variables));
        let num_inputs = u32::try_from(self.num_public + 1).map_err(too_many)?;
        let num_variables = u32::try_from(self.num_variables).map_err(too_many)?;
        let num_aux = num_variables.checked_sub(num_inputs).ok_or_else(|| {
            ProveError::Setup(format!(
                "{} variables with {} public ones",
                self.num_variables, self.num_public
            ))
        })?;
        Ok(Shape { num_inputs, num_aux })
    }
}

/// One linear combination: variables and coefficients; a variable may occur more than once.
pub type Terms<'a, F> = &'a [(u32, F)];

/// Something that lists the constraints A·z ∘ B·z = C·z, as often as asked, in the same order.
pub trait ConstraintSource<F: ScalarField> {
    /// The counts.
    fn counts(&self) -> Counts;

    /// Visits every row in order, until `visit` fails.
    ///
    /// # Errors
    /// What reading or `visit` reports.
    fn for_each(&self, visit: &mut Visit<'_, F>) -> Result<(), ProveError>;
}

/// Takes the combinations A, B and C of one row.
pub type Visit<'a, F> = dyn FnMut(Terms<'_, F>, Terms<'_, F>, Terms<'_, F>) -> Result<(), ProveError> + 'a;

/// The constraints of an r1cs file.
pub struct R1csSource<'a, F> {
    file: &'a R1csFile<'a>,
    field: core::marker::PhantomData<F>,
}

impl<'a, F: ScalarField> R1csSource<'a, F> {
    /// Reads from `file`, whose field must be `F`'s.
    ///
    /// # Errors
    /// If the file's field is another one.
    pub fn new<C: Curve<Fr = F>>(file: &'a R1csFile<'a>) -> Result<Self, ProveError> {
        file.expect_curve(C::ID)?;
        Ok(R1csSource { file, field: core::marker::PhantomData })
    }
}

impl<F: ScalarField> ConstraintSource<F> for R1csSource<'_, F> {
    fn counts(&self) -> Counts {
        let header = self.file.header();
        Counts {
            num_variables: header.n_wires as usize,
            num_public: header.n_public() as usize,
            num_constraints: header.n_constraints as usize,
        }
    }

    fn for_each(&self, visit: &mut Visit<'_, F>) -> Result<(), ProveError> {
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        for row in self.file.rows() {
            let row = row?;
            row.a.summed_terms(&mut a)?;
            row.b.summed_terms(&mut b)?;
            row.c.summed_terms(&mut c)?;
            visit(&a, &b, &c)?;
        }
        Ok(())
    }
}

/// Compiles the evaluator: the constraints, then a row x·0 = 0 per public input, the constant included, as both snarkjs
/// and bellperson append them.
///
/// # Errors
/// What reading the source or compiling reports.
pub fn compile_source<F: ScalarField>(source: &dyn ConstraintSource<F>) -> Result<Circuit<F>, ProveError> {
    let mut builder = CircuitBuilder::new(source.counts().shape()?)?;
    source.for_each(&mut |a, b, c| Ok(builder.push_row(a, b, c)?))?;
    builder.push_input_rows()?;
    Ok(builder.finish()?)
}

/// Compiles the evaluator from a key, which holds A and B alone.
///
/// # Errors
/// What reading the key or compiling reports.
pub fn compile_zkey<C: Curve>(key: &ZkeyFile<'_, C>) -> Result<Circuit<C::Fr>, ProveError> {
    let header = key.header();
    let counts = Counts {
        num_variables: header.n_vars as usize,
        num_public: header.n_public as usize,
        num_constraints: 0,
    };
    let coefficients = key.coefficients();
    let get = |i| -> Result<Coefficient<C::Fr>, ProveError> {
        let c = coefficients
            .get(i)
            .ok_or_else(|| ProveError::Setup(format!("there is no coefficient {i}")))??;
        let matrix = match c.matrix {
            KeyMatrix::A => Matrix::A,
            KeyMatrix::B => Matrix::B,
        };
        Ok(Coefficient { matrix, row: c.row, column: c.wire, value: c.value })
    };
    Circuit::from_coefficients(counts.shape()?, header.domain_size, coefficients.len(), get)
}

/// Refuses a key whose matrices A and B are not the circuit's.
///
/// Both are applied to one random vector: different matrices agree there with probability 1/r < 2^−253 (Freivalds,
/// "Probabilistic machines can use less running time", IFIP 1977).
///
/// # Errors
/// [`ProveError::KeyMismatch`] or [`ProveError::KeyMatrixMismatch`].
pub fn check_key_matrices<C: Curve>(
    key: &ZkeyFile<'_, C>,
    circuit: &Circuit<C::Fr>,
    pool: &ThreadPool,
) -> Result<(), ProveError> {
    let header = key.header();
    let n = header.domain_size as usize;
    let counts = [
        ("variables", header.n_vars as usize, circuit.num_variables()),
        ("public inputs", header.n_public as usize + 1, circuit.num_inputs()),
        ("rows", n, circuit.num_rows().max(n)),
    ];
    for (what, key, circuit) in counts {
        if key != circuit {
            return Err(ProveError::KeyMismatch { what, key, circuit });
        }
    }
    let of_key = compile_zkey(key)?;
    let x: Vec<C::Fr> = (0..circuit.num_variables()).map(|_| C::Fr::random(OsRng)).collect();
    let product = |circuit: &Circuit<C::Fr>| -> Result<[Vec<C::Fr>; 2], ProveError> {
        let zeros = || vec![C::Fr::ZERO; n];
        let (mut a, mut b, mut c) = (zeros(), zeros(), zeros());
        circuit.evaluate(&x, Outputs { a: &mut a, b: &mut b, c: &mut c }, EvalOptions::new(pool))?;
        Ok([a, b])
    };
    let (ours, theirs) = (product(circuit)?, product(&of_key)?);
    for (i, matrix) in ['A', 'B'].into_iter().enumerate() {
        if ours[i] != theirs[i] {
            return Err(ProveError::KeyMatrixMismatch { matrix });
        }
    }
    Ok(())
}
