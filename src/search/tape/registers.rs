//! Where the steps of a tape leave their values and derivatives.

use crate::linalg::{Lanes, Real, ZipInlined};

/// Values (0, 0), slopes (a, 0), derivatives with respect to constants (0, b) and both (a, b) of
/// every step, zero where there is no dependence.
#[derive(Clone, Debug)]
pub(crate) struct Registers {
    pub(crate) blocks: usize,
    pub(crate) constants: usize,
    pub(crate) stride: usize,
    pub(crate) data: Vec<Lanes>,
    pub(crate) f: Vec<[Lanes; 3]>,
}

/// Registers of the steps before one.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    blocks: usize,
    constants: usize,
    stride: usize,
    data: &'a [Lanes],
}

/// The register of one step.
pub(crate) struct Out<'a> {
    blocks: usize,
    constants: usize,
    data: &'a mut [Lanes],
    f: &'a mut [[Lanes; 3]],
}

impl Registers {
    /// One component of a register.
    pub fn get(&self, r: usize, a: usize, b: usize) -> &[Lanes] {
        &self.data[r * self.stride + (a * self.constants + b) * self.blocks..][..self.blocks]
    }

    #[inline(always)]
    pub(crate) fn split(&mut self, r: usize) -> (Known<'_>, Out<'_>) {
        let (blocks, constants, stride) = (self.blocks, self.constants, self.stride);
        let (known, out) = self.data.split_at_mut(r * stride);
        let out = Out { blocks, constants, data: &mut out[..stride], f: &mut self.f };
        (Known { blocks, constants, stride, data: known }, out)
    }
}

impl<'a> Known<'a> {
    #[inline(always)]
    pub fn at(&self, r: usize, a: usize, b: usize, k: usize) -> Lanes {
        self.data[r * self.stride + (a * self.constants + b) * self.blocks + k]
    }

    #[inline(always)]
    pub fn slice(self, r: usize) -> &'a [Lanes] {
        &self.data[r * self.stride..][..self.blocks]
    }
}

/// The places of the bits that are set.
#[inline(always)]
fn bits(mask: u32) -> impl Iterator<Item = usize> {
    (0..u32::BITS - mask.leading_zeros()).filter(move |i| mask >> i & 1 == 1).map(|i| i as usize)
}

impl Out<'_> {
    #[inline(always)]
    pub fn get(&mut self, a: usize, b: usize) -> &mut [Lanes] {
        &mut self.data[(a * self.constants + b) * self.blocks..][..self.blocks]
    }

    /// Fills the components that are not zero.
    #[inline(always)]
    pub fn each(&mut self, slopes: u32, constants: u32, f: impl Fn(usize, usize, usize) -> Lanes) {
        for a in bits(slopes) {
            for b in bits(constants) {
                self.get(a, b).iter_mut().enumerate().for_each(|(k, out)| *out = f(a, b, k));
            }
        }
    }

    #[inline(always)]
    pub fn unary(
        &mut self,
        known: Known,
        r: usize,
        slopes: u32,
        constants: u32,
        f: impl Fn(Lanes) -> [Lanes; 3],
    ) {
        let values = &mut *self.f;
        for (f_of_x, x) in values.iter_mut().zip_inlined(known.slice(r)) {
            *f_of_x = f(*x);
        }
        let (n, blocks) = (self.constants, self.blocks);
        for a in bits(slopes) {
            for b in bits(constants) {
                let out = &mut self.data[(a * n + b) * blocks..][..blocks];
                for (k, (out, [y, slope, bend])) in
                    out.iter_mut().zip_inlined(self.f.iter()).enumerate()
                {
                    *out = match (a, b) {
                        (0, 0) => *y,
                        (0, _) | (_, 0) => *slope * known.at(r, a, b, k),
                        _ => {
                            *slope * known.at(r, a, b, k)
                                + *bend * known.at(r, a, 0, k) * known.at(r, 0, b, k)
                        }
                    };
                }
            }
        }
    }

    /// |x|^n with an exponent that is constant p.
    #[inline(always)]
    pub fn free_power(
        &mut self,
        known: Known,
        r: usize,
        n: f64,
        p: usize,
        slopes: u32,
        constants: u32,
    ) {
        for (f, x) in self.f.iter_mut().zip_inlined(known.slice(r)) {
            let log = x.abs().ln();
            *f = [(log * n).exp(), log, Lanes::splat(1.0) / *x];
        }
        let (count, blocks) = (self.constants, self.blocks);
        for a in bits(slopes) {
            for b in bits(constants) {
                let out = &mut self.data[(a * count + b) * blocks..][..blocks];
                for (k, (out, [y, log, inverse])) in
                    out.iter_mut().zip_inlined(self.f.iter()).enumerate()
                {
                    let slope = *y * *inverse * n;
                    let (own, at) = (b == p + 1, |a: usize, b: usize| known.at(r, a, b, k));
                    *out = match (a, b) {
                        (0, 0) => *y,
                        (_, 0) => slope * at(a, 0),
                        (0, _) => slope * at(0, b) + if own { *y * *log } else { Lanes::zero() },
                        _ => {
                            let bend = slope * *inverse * (n - 1.0);
                            let mixed = slope * at(a, b) + bend * at(a, 0) * at(0, b);
                            if own {
                                mixed + (slope * *log + *y * *inverse) * at(a, 0)
                            } else {
                                mixed
                            }
                        }
                    };
                }
            }
        }
    }
}
