//! RSA: whether a signature was made with a private key. RFC 8017, section 8.2.2.
//!
//! That takes no more than a power of public numbers, here by Montgomery's multiplication. Nothing is secret, so
//! nothing has to take the same time whatever its value. A library for any numbers costs the component 25 KB or more.

use std::cmp::Ordering;

use sha2::{Digest, Sha256};

/// A public key.
#[derive(Debug, Clone)]
pub(crate) struct Rsa {
    modulus: Number,
    exponent: u32,
    /// Minus the inverse of the modulus, modulo 2^32.
    inverse: u32,
    /// Of the modulus, and of a signature, in bytes.
    length: usize,
}

/// A number below the modulus, or the modulus: the least significant limb first, and two limbs that are 0 but in
/// between.
type Number = Vec<u32>;

/// How many bytes a modulus has. RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used". Larger than
/// 4096 bits is only slower.
const LENGTHS: std::ops::RangeInclusive<usize> = 256..=512;

/// RFC 8017, section 9.2, note 1: the beginning of the `DigestInfo` of SHA-256.
const SHA_256: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

impl Rsa {
    /// The key with this modulus and this exponent, the most significant byte first; `None` if it is too short, too
    /// long, or cannot be one.
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Rsa> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let length = modulus.len();
        // Shorter than its bytes say, it would have less bits.
        let has_all_bits = modulus.first().is_some_and(|first| first.leading_zeros() == 0);
        if !LENGTHS.contains(&length) || (length == *LENGTHS.start() && !has_all_bits) || exponent.len() > 4 {
            return None;
        }
        let exponent = exponent.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
        let modulus = number(modulus, length);
        let lowest = *modulus.first()?;
        let is_odd = |value: u32| value & 1 == 1;
        (is_odd(lowest) && is_odd(exponent) && exponent > 1).then(|| {
            // Newton: each step doubles how many bits are right, from 3.
            let inverse = (0..4)
                .fold(lowest, |inverse, _| inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse))));
            Rsa { modulus, exponent, inverse: inverse.wrapping_neg(), length }
        })
    }

    /// Whether the private key made this signature of `signed`. What the signature should be the root of is made, and
    /// compared as a whole: there is nothing to parse, and so no room for a forger.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        if signature.len() != self.length {
            return false;
        }
        let root = number(signature, self.length);
        if !is_less(&root, &self.modulus) {
            return false;
        }
        let hash = Sha256::digest(signed);
        let end = [&[0][..], &SHA_256, &hash].concat();
        let padding = self.length.saturating_sub(end.len()).saturating_sub(2);
        let expected = [&[0, 1], &*vec![0xff; padding], &end].concat();
        self.power(self.scaled(root)) == self.scaled(number(&expected, self.length))
    }

    /// `base` to the exponent; both it and the result are [scaled](Rsa::scaled).
    fn power(&self, base: Number) -> Number {
        let mut power = base.clone();
        // From the bit after the highest one.
        for bit in (0..self.exponent.ilog2()).rev() {
            power = self.product(&power, &power);
            if self.exponent >> bit & 1 == 1 {
                power = self.product(&power, &base);
            }
        }
        power
    }

    /// `a * b / R`, modulo the modulus, where R is 2^32 to the number of limbs.
    fn product(&self, a: &Number, b: &Number) -> Number {
        let mut sum = vec![0; self.modulus.len()];
        for limb in a.iter().take(self.limbs()) {
            add_product(&mut sum, b, *limb);
            // What is added makes the lowest limb 0, which goes. The sum stays below twice the modulus.
            let factor = sum.first().map_or(0, |lowest| lowest.wrapping_mul(self.inverse));
            add_product(&mut sum, &self.modulus, factor);
            sum.rotate_left(1);
        }
        self.reduced(sum)
    }

    /// `number * R`, modulo the modulus: how numbers are that are multiplied.
    fn scaled(&self, mut number: Number) -> Number {
        for _ in 0..self.limbs().saturating_mul(32) {
            let mut carry = 0;
            for limb in &mut number {
                (*limb, carry) = (*limb << 1 | carry, *limb >> 31);
            }
            number = self.reduced(number);
        }
        number
    }

    /// A number below twice the modulus, modulo it.
    fn reduced(&self, mut number: Number) -> Number {
        if !is_less(&number, &self.modulus) {
            let mut borrow = false;
            for (limb, other) in number.iter_mut().zip(&self.modulus) {
                let (difference, first) = limb.overflowing_sub(*other);
                let (difference, second) = difference.overflowing_sub(borrow.into());
                (*limb, borrow) = (difference, first | second);
            }
        }
        number
    }

    /// Of the modulus, without the two that are 0.
    fn limbs(&self) -> usize {
        self.modulus.len().saturating_sub(2)
    }
}

/// `sum + number * factor`
fn add_product(sum: &mut Number, number: &Number, factor: u32) {
    let mut carry = 0_u64;
    for (limb, other) in sum.iter_mut().zip(number) {
        // At most 2^64 - 1: the square of 2^32 - 1, and twice that.
        let total = (u64::from(*other).wrapping_mul(factor.into())).wrapping_add((*limb).into()).wrapping_add(carry);
        (*limb, carry) = (total as u32, total >> 32);
    }
}

fn is_less(a: &Number, b: &Number) -> bool {
    a.iter().rev().cmp(b.iter().rev()) == Ordering::Less
}

/// The number with these bytes, the most significant first, beside a modulus of `length` bytes.
fn number(bytes: &[u8], length: usize) -> Number {
    let limb = |bytes: &[u8]| bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
    let mut number: Number = bytes.rchunks(4).map(limb).collect();
    number.resize(length.div_ceil(4).saturating_add(2), 0);
    number
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(number: &Number) -> BigUint {
        BigUint::new(number.clone())
    }

    /// The library for any numbers is right.
    #[track_caller]
    fn check(modulus: &[u8], base: &[u8], exponent: u32) {
        let key = Rsa::new(modulus, &exponent.to_be_bytes()).unwrap();
        let base = BigUint::from_bytes_be(base) % BigUint::from_bytes_be(modulus);
        let limbs = number(&base.to_bytes_be(), key.length);
        let scale = BigUint::from(1_u32) << (32 * key.limbs());
        assert_eq!(big(&key.scaled(limbs.clone())), &base * &scale % big(&key.modulus));
        let power = key.power(key.scaled(limbs));
        assert!(is_less(&power, &key.modulus) && power.len() == key.modulus.len());
        let expected = base.modpow(&exponent.into(), &big(&key.modulus));
        assert_eq!(big(&power), expected * scale % big(&key.modulus));
    }

    #[test]
    fn a_power_is_that_which_a_library_has_also_where_limbs_are_full_or_empty() {
        let ones = vec![0xff; 256];
        let mut least = vec![0; 256];
        (least[0], least[255]) = (0x80, 1);
        let mut holes = vec![0xff; 258];
        holes[100..160].fill(0);
        for modulus in [&ones, &least, &holes, &vec![0xff; 512], &vec![0x81; 257]] {
            let mut below = modulus.clone();
            *below.last_mut().unwrap() -= 1;
            for base in [&[][..], &[1], &[2], &below, &[0xff; 256], &[0x80; 512]] {
                for exponent in [3, 5, 17, 65_537, u32::MAX] {
                    check(modulus, base, exponent);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 30, ..ProptestConfig::default() })]

        #[test]
        fn a_power_is_that_which_a_library_has(
            mut modulus in prop::collection::vec(any::<u8>(), 256..=512),
            base in prop::collection::vec(any::<u8>(), 0..=512),
            exponent in 1..u32::MAX / 2,
        ) {
            modulus[0] |= 0x80;
            *modulus.last_mut().unwrap() |= 1;
            check(&modulus, &base, exponent * 2 + 1);
        }
    }
}
