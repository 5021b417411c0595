//! What the three JSON files share: decimal field elements, points, bounded and strict reading.
//!
//! Numbers are decimal strings. A point of G1 is `[x, y, "1"]`, one of G2 `[[x.c0, x.c1], [y.c0, y.c1], ["1", "0"]]`
//! (zcash's byte encodings have c1 first, these files do not); infinity is `["0", "1", "0"]` and
//! `[["0", "0"], ["1", "0"], ["0", "0"]]`. Source: iden3/ffjavascript, `toObject`, and iden3/snarkjs.

use crate::{
    data::read_small,
    error::{FormatError, FormatErrorKind, Result},
};
use forebay_msm::{AffinePoint, Curve, ScalarField};
use group::prime::PrimeCurveAffine;
use num_bigint::BigUint;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::Path;

/// The largest JSON file read. A verification key with 2^16 public signals on BLS12-381 has 16 MB.
pub(crate) const MAX_JSON_BYTES: u64 = 64 << 20;

/// No field element has more decimal digits (2^384 has 116).
const MAX_DIGITS: usize = 116;

/// A number as it stands in the file.
pub(crate) type Decimal = String;
/// x, y, z of a point in G1.
pub(crate) type G1Json = [Decimal; 3];
/// x, y, z of a point in G2.
pub(crate) type G2Json = [[Decimal; 2]; 3];

/// Reads a file and parses it.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    read_small(path, MAX_JSON_BYTES)
}

/// Parses JSON of a fixed shape. Messages of serde_json that quote the input are not passed on: somebody may have given
/// a file of secrets by mistake.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T> {
    if bytes.len() as u64 > MAX_JSON_BYTES {
        let kind = FormatErrorKind::TooLarge { found: bytes.len() as u64, limit: MAX_JSON_BYTES };
        return Err(FormatError::new(name, kind));
    }
    serde_json::from_slice(bytes).map_err(|e| {
        let message = e.to_string();
        // "missing field `pi_a` at line 1 column 2": the field's name is ours.
        let ours = ["missing field", "duplicate field"].iter().any(|p| message.starts_with(p));
        let what = match e.classify() {
            serde_json::error::Category::Eof => "the JSON ends too early".into(),
            serde_json::error::Category::Data if ours => {
                message.split(" at line ").next().unwrap_or_default().into()
            }
            serde_json::error::Category::Data => "a field or value that does not belong here".into(),
            _ => "malformed JSON".into(),
        };
        FormatError::new(name, FormatErrorKind::Json { line: e.line(), column: e.column(), what })
    })
}

/// Parses a JSON object. (serde also takes an array of the fields' values for a struct, which no other reader does.)
pub(crate) fn parse_object<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T> {
    if bytes.trim_ascii_start().first().is_some_and(|b| *b != b'{') {
        let kind = FormatErrorKind::Json { line: 1, column: 1, what: "not a JSON object".into() };
        return Err(FormatError::new(name, kind));
    }
    parse(name, bytes)
}

/// Where a value stands, for messages: `pi_b[1][0]`.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) file: &'a str,
    pub(crate) name: &'a str,
    pub(crate) index: Option<usize>,
}

impl<'a> Field<'a> {
    pub(crate) fn new(file: &'a str, name: &'a str) -> Self {
        Field { file, name, index: None }
    }

    pub(crate) fn at(self, index: usize) -> Self {
        Field { index: Some(index), ..self }
    }

    pub(crate) fn error(&self, what: &'static str) -> FormatError {
        let field = match self.index {
            Some(i) => format!("{}[{i}]", self.name),
            None => self.name.to_string(),
        };
        FormatError::new(self.file, FormatErrorKind::JsonValue { field, what })
    }
}

fn is_canonical_decimal(s: &str) -> bool {
    !s.is_empty()
        && s.len() <= MAX_DIGITS
        && s.bytes().all(|b| b.is_ascii_digit())
        && (s.len() == 1 || !s.starts_with('0'))
}

/// A decimal as `out.len()` little-endian bytes.
fn decimal_to_le(field: Field<'_>, decimal: &str, out: &mut [u8]) -> Result<()> {
    const NOT_DECIMAL: &str = "not a decimal number without leading zeros";
    if !is_canonical_decimal(decimal) {
        return Err(field.error(NOT_DECIMAL));
    }
    let value = BigUint::parse_bytes(decimal.as_bytes(), 10).ok_or_else(|| field.error(NOT_DECIMAL))?;
    let bytes = value.to_bytes_le();
    let room = out.get_mut(..bytes.len()).ok_or_else(|| field.error("not below the field's modulus"))?;
    room.copy_from_slice(&bytes);
    Ok(())
}

/// Reads a scalar.
pub(crate) fn scalar<F: ScalarField>(field: Field<'_>, decimal: &str) -> Result<F> {
    let mut bytes = [0; 32];
    decimal_to_le(field, decimal, &mut bytes)?;
    F::from_canonical_le_bytes(&bytes).ok_or_else(|| field.error("not below the field's modulus"))
}

/// Writes a scalar.
pub(crate) fn scalar_decimal<F: ScalarField>(value: &F) -> Decimal {
    BigUint::from_bytes_le(&value.to_canonical_le_bytes()).to_string()
}

/// Reads a point from the coefficients x, y, z, and checks that it is on the curve and in the subgroup.
fn point<A: AffinePoint>(field: Field<'_>, xy: &[&str], z: &[&str]) -> Result<A> {
    let one = |v: &[&str]| v.iter().enumerate().all(|(i, d)| *d == if i == 0 { "1" } else { "0" });
    let zero = |v: &[&str]| v.iter().all(|d| *d == "0");
    if zero(z) {
        let (x, y) = xy.split_at(xy.len() / 2);
        // Infinity, written in one way only.
        return match zero(x) && one(y) {
            true => Ok(A::identity()),
            false => Err(field.error("the point at infinity is not written as 0, 1, 0")),
        };
    }
    if !one(z) {
        return Err(field.error("the point's third coordinate is not 1"));
    }
    let mut bytes = vec![0; A::BYTES];
    for (decimal, out) in xy.iter().zip(bytes.chunks_exact_mut(A::COEFFICIENT_BYTES)) {
        decimal_to_le(field, decimal, out)?;
    }
    let point = A::read_canonical(&bytes).ok_or_else(|| field.error("not below the field's modulus"))?;
    if bool::from(point.is_identity()) {
        return Err(field.error("the point at infinity is not written as 0, 1, 0"));
    }
    if !point.is_on_curve() {
        return Err(field.error("the point is not on the curve"));
    }
    if !point.is_in_subgroup() {
        return Err(field.error("the point is not in the subgroup of order r"));
    }
    Ok(point)
}

/// Reads a point of G1.
pub(crate) fn g1<C: Curve>(field: Field<'_>, [x, y, z]: &G1Json) -> Result<C::G1Affine> {
    point(field, &[x, y], &[z])
}

/// Reads a point of G2.
pub(crate) fn g2<C: Curve>(field: Field<'_>, [[x0, x1], [y0, y1], [z0, z1]]: &G2Json) -> Result<C::G2Affine> {
    point(field, &[x0, x1, y0, y1], &[z0, z1])
}

/// The coefficients of a point as decimals.
fn decimals<A: AffinePoint>(point: &A) -> Vec<Decimal> {
    let mut bytes = vec![0; A::BYTES];
    point.write_canonical(&mut bytes);
    bytes.chunks_exact(A::COEFFICIENT_BYTES).map(|c| BigUint::from_bytes_le(c).to_string()).collect()
}

/// Writes a point of G1.
pub(crate) fn g1_json<C: Curve>(point: &C::G1Affine) -> G1Json {
    let z = !bool::from(point.is_identity());
    match <[Decimal; 2]>::try_from(decimals(point)) {
        Ok([x, y]) if z => [x, y, "1".into()],
        _ => ["0".into(), "1".into(), "0".into()],
    }
}

/// Writes a point of G2.
pub(crate) fn g2_json<C: Curve>(point: &C::G2Affine) -> G2Json {
    let z = !bool::from(point.is_identity());
    let pair = |a: &str, b: &str| [a.into(), b.into()];
    match <[Decimal; 4]>::try_from(decimals(point)) {
        Ok([x0, x1, y0, y1]) if z => [[x0, x1], [y0, y1], pair("1", "0")],
        _ => [pair("0", "0"), pair("1", "0"), pair("0", "0")],
    }
}

/// JSON as snarkjs lays it out: one space of indentation, and a line feed only between lines.
pub(crate) fn to_text<T: Serialize>(value: &T) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Strings, numbers and arrays into memory: neither the serializer nor the sink can fail.
    let done = value.serialize(&mut serializer).is_ok();
    debug_assert!(done, "plain data serialises");
    String::from_utf8(out).unwrap_or_default()
}

/// Checks `protocol` and `curve`.
pub(crate) fn check_kind<C: Curve>(file: &str, protocol: &str, curve: Option<&str>) -> Result<()> {
    if protocol != "groth16" {
        return Err(Field::new(file, "protocol").error("not \"groth16\""));
    }
    match curve.map(curve_of_name) {
        None => Ok(()),
        Some(Some(found)) if found == C::ID => Ok(()),
        Some(Some(found)) => {
            Err(FormatError::new(file, FormatErrorKind::WrongCurve { found, expected: C::ID }))
        }
        Some(None) => Err(Field::new(file, "curve").error("neither \"bn128\" nor \"bls12381\"")),
    }
}

fn curve_of_name(name: &str) -> Option<forebay_msm::CurveId> {
    forebay_msm::CurveId::ALL.into_iter().find(|id| id.snarkjs_name() == name)
}

/// The `curve` field alone, to find out which curve a file is for.
#[derive(Deserialize)]
struct CurveOnly {
    curve: Option<Decimal>,
}

/// The curve that a verification key or proof names, if it names a known one.
///
/// # Errors
/// [`FormatErrorKind::Json`] for malformed JSON, [`FormatErrorKind::JsonValue`] if the field holds another name.
pub fn curve_of_json(name: &str, bytes: &[u8]) -> Result<Option<forebay_msm::CurveId>> {
    let only: CurveOnly = parse_object(name, bytes)?;
    only.curve
        .map(|c| {
            curve_of_name(&c)
                .ok_or_else(|| Field::new(name, "curve").error("neither \"bn128\" nor \"bls12381\""))
        })
        .transpose()
}
