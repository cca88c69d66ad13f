//! Exponential and logistic function of eight numbers at once.

use super::{Lanes, Real};

/// Beyond these [`exp`] keeps its value: e^x stays a normal number.
const RANGE: (f64, f64) = (-708.0, 709.0);
/// Added to a number below 2^51 and taken away again, rounds it to an integer.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts; the first has 32 trailing zeros, so that its product with an exponent is
/// exact.
const LN2: (f64, f64) = (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10);
/// 1 / k! for k = 13 down to 2: on |r| <= ln(2) / 2 the rest of the series is below 5e-18.
const TAYLOR: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];

/// e^x in every lane, to one unit in the last place or so; below -708 it stays at e^-708, above 709
/// at e^709. NaN gives NaN.
///
/// Range reduction x = n ln 2 + r and a polynomial (Muller, Elementary Functions, 2016, section
/// 11.1). Fused products round alike on every machine, so the result is the same to the last bit;
/// call it inside [`vectorised`](super::vectorised), or each costs a function call.
#[inline(always)]
pub fn exp(x: Lanes) -> Lanes {
    x.map(
        #[inline(always)]
        |x| {
            let x = if x < RANGE.0 { RANGE.0 } else { x };
            let x = if x > RANGE.1 { RANGE.1 } else { x };
            let shifted = x.mul_add(std::f64::consts::LOG2_E, ROUND);
            let n = shifted - ROUND;
            let r = n.mul_add(-LN2.1, n.mul_add(-LN2.0, x));
            let mut p = TAYLOR[0];
            for c in &TAYLOR[1..] {
                p = p.mul_add(r, *c);
            }
            // The last bits of `shifted` are those of n: they become the exponent.
            let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
            (p * r).mul_add(r, r + 1.0) * power
        },
    )
}

/// The logistic function 1 / (1 + e^-x) in every lane.
#[inline(always)]
pub fn sigmoid(x: Lanes) -> Lanes {
    Lanes::splat(1.0) / (exp(-x) + 1.0)
}
