//! Products of tensors with tensors.

use crate::linalg::{Lanes, Real, ZipInlined};

/// Where the components of some tensors are in a tile: component k of tensor i, of those that
/// belong to the acting tensor t, is at `first + k * component + t * acting + i`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub first: usize,
    pub component: usize,
    pub acting: usize,
}

/// The form F = scale sum_(r,c,t,i) T_t(r,c) u_(t,i)(c) v_(t,i)(r), with tensors T_t that act as
/// matrices, vectors u that they act on and vectors v that meet what they give. Each of three
/// methods adds the derivatives of F by one of the three.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contraction {
    pub scale: f64,
    /// First component of the tensors T, number of tensors side by side, number of those that act.
    pub tensors: (usize, usize, usize),
    pub rows: usize,
    pub columns: usize,
    /// Number of u and v for each T_t.
    pub across: usize,
    pub u: Strides,
    pub v: Strides,
}

impl Contraction {
    /// Calls `f` with the places of T_t(r,c), of u_(t,0)(c) and of v_(t,0)(r).
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, usize, usize)) {
        let (first, count, acting) = self.tensors;
        for r in 0..self.rows {
            for c in 0..self.columns {
                for t in 0..acting {
                    f(
                        first + (r * self.columns + c) * count + t,
                        self.u.first + c * self.u.component + t * self.u.acting,
                        self.v.first + r * self.v.component + t * self.v.acting,
                    );
                }
            }
        }
    }

    /// v += scale T u.
    #[inline(always)]
    pub fn add_images(&self, tensors: &[Lanes], u: &[Lanes], v: &mut [Lanes]) {
        self.each(
            #[inline(always)]
            |tensor, at_u, at_v| {
                let matrix = tensors[tensor] * self.scale;
                for (v, u) in
                    v[at_v..at_v + self.across].iter_mut().zip_inlined(&u[at_u..at_u + self.across])
                {
                    *v += matrix * *u;
                }
            },
        );
    }

    /// u += scale T^T v.
    #[inline(always)]
    pub fn add_preimages(&self, tensors: &[Lanes], v: &[Lanes], u: &mut [Lanes]) {
        self.each(
            #[inline(always)]
            |tensor, at_u, at_v| {
                let matrix = tensors[tensor] * self.scale;
                for (v, u) in
                    v[at_v..at_v + self.across].iter().zip_inlined(&mut u[at_u..at_u + self.across])
                {
                    *u += matrix * *v;
                }
            },
        );
    }

    /// T += scale v u^T.
    #[inline(always)]
    pub fn add_outer(&self, u: &[Lanes], v: &[Lanes], tensors: &mut [Lanes]) {
        self.each(
            #[inline(always)]
            |tensor, at_u, at_v| {
                let mut sum = Lanes::zero();
                for (v, u) in
                    v[at_v..at_v + self.across].iter().zip_inlined(&u[at_u..at_u + self.across])
                {
                    sum += *u * *v;
                }
                tensors[tensor] += sum * self.scale;
            },
        );
    }
}
