//! Numbers as circom's inputs write them, reduced into a field.

use forebay_msm::ScalarField;
use zeroize::Zeroize;

/// One integer of an input file, of any size, wiped when dropped.
pub(crate) struct Number {
    negative: bool,
    radix: u64,
    digits: Digits,
}

enum Digits {
    Small(u64),
    /// ASCII digits of the radix, without sign or prefix.
    Text(String),
}

impl Drop for Number {
    fn drop(&mut self) {
        match &mut self.digits {
            Digits::Small(v) => v.zeroize(),
            Digits::Text(t) => t.zeroize(),
        }
    }
}

impl Number {
    pub(crate) fn from_u64(v: u64) -> Self {
        Self { negative: false, radix: 10, digits: Digits::Small(v) }
    }

    pub(crate) fn from_i64(v: i64) -> Self {
        Self { negative: v < 0, radix: 10, digits: Digits::Small(v.unsigned_abs()) }
    }

    /// A JSON number with a point, an exponent or more than 64 bits. Only integers that a double holds exactly
    /// (up to 2^53) are taken; anything longer must be written as text.
    pub(crate) fn from_f64(v: f64) -> Option<Self> {
        const EXACT: f64 = (1u64 << 53) as f64;
        (v.fract() == 0.0 && v.abs() <= EXACT).then(|| Self::from_i64(v as i64))
    }

    /// Text as JavaScript's `BigInt` reads it: decimal with an optional sign, or 0x, 0o, 0b without one. The empty
    /// text, which `BigInt` takes for 0, is refused.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, radix, digits) = match text.as_bytes() {
            [b'0', b'x' | b'X', ..] => (false, 16, &text[2..]),
            [b'0', b'o' | b'O', ..] => (false, 8, &text[2..]),
            [b'0', b'b' | b'B', ..] => (false, 2, &text[2..]),
            [b'-', ..] => (true, 10, &text[1..]),
            [b'+', ..] => (false, 10, &text[1..]),
            _ => (false, 10, text),
        };
        let valid = !digits.is_empty() && digits.bytes().all(|c| char::from(c).is_digit(radix));
        valid.then(|| Self { negative, radix: radix.into(), digits: Digits::Text(digits.to_owned()) })
    }

    /// The integer modulo the field's prime. Linear in the number of digits.
    pub(crate) fn reduce<F: ScalarField>(&self) -> F {
        let magnitude = match &self.digits {
            Digits::Small(v) => F::from(*v),
            Digits::Text(t) => reduce_digits(t.as_bytes(), self.radix),
        };
        if self.negative { -magnitude } else { magnitude }
    }
}

/// Horner's rule over groups of digits; 15 digits of any radix up to 16 fit 64 bits.
fn reduce_digits<F: ScalarField>(digits: &[u8], radix: u64) -> F {
    const GROUP: usize = 15;
    digits.chunks(GROUP).fold(F::ZERO, |sum, group| {
        let (value, scale) = group.iter().fold((0u64, 1u64), |(value, scale), &c| {
            (value * radix + u64::from(char::from(c).to_digit(16).unwrap_or(0)), scale * radix)
        });
        sum * F::from(scale) + F::from(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_msm::{Bls12_381, Bn254, Curve};

    fn text<F: ScalarField>(t: &str) -> F {
        Number::from_text(t).unwrap().reduce()
    }

    fn check_field<F: ScalarField>(modulus: &str, modulus_hex: &str) {
        assert_eq!(text::<F>("0"), F::ZERO);
        assert_eq!(text::<F>(" 42\n"), F::from(42));
        assert_eq!(text::<F>("-1"), -F::ONE);
        assert_eq!(text::<F>("+7"), F::from(7));
        assert_eq!(text::<F>("0b101"), F::from(5));
        assert_eq!(text::<F>("0o17"), F::from(15));
        assert_eq!(text::<F>("0xfF"), F::from(255));
        assert_eq!(text::<F>(modulus), F::ZERO);
        assert_eq!(text::<F>(modulus_hex), F::ZERO);
        assert_eq!(text::<F>(&format!("-{modulus}1")), -F::ONE);
        // 2^128 in decimal and in hexadecimal, and 10^40: group boundaries.
        assert_eq!(text::<F>("340282366920938463463374607431768211456"), F::from_u128(u128::MAX) + F::ONE);
        assert_eq!(text::<F>(&format!("0x1{}", "0".repeat(32))), F::from_u128(u128::MAX) + F::ONE);
        assert_eq!(text::<F>(&format!("1{}", "0".repeat(40))), F::from(10).pow_vartime([40]));
        assert_eq!(Number::from_i64(i64::MIN).reduce::<F>(), -F::from(1 << 63));
        assert_eq!(Number::from_u64(u64::MAX).reduce::<F>(), F::from(u64::MAX));
        assert_eq!(Number::from_f64(-9007199254740992.0).unwrap().reduce::<F>(), -F::from(1 << 53));
    }

    #[test]
    fn numbers_reduce_into_both_fields() {
        check_field::<<Bn254 as Curve>::Fr>(
            "21888242871839275222246405745257275088548364400416034343698204186575808495617",
            "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001",
        );
        check_field::<<Bls12_381 as Curve>::Fr>(
            "52435875175126190479447740508185965837690552500527637822603658699938581184513",
            "0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001",
        );
    }

    #[test]
    fn what_bigint_refuses_is_refused() {
        for bad in
            ["", " ", "-", "+", "0x", "-0x10", "1e3", "1.0", "0b2", "0o8", "0xg", "１", "1 2", "--1", "1_0"]
        {
            assert!(Number::from_text(bad).is_none(), "{bad:?}");
        }
        for bad in [0.5, f64::NAN, f64::INFINITY, 9007199254740994.0] {
            assert!(Number::from_f64(bad).is_none(), "{bad}");
        }
    }
}
