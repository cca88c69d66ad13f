//! Explicit Runge-Kutta methods.

use super::error::IntegrateError;
use super::method::{Method, field_of};
use crate::field::VectorField;
use crate::linalg::{Real, ZipInlined};

/// An explicit Runge-Kutta method for any field: k_i = f(z + h sum_{j<i} a_ij k_j), z += h sum_i
/// b_i k_i.
#[derive(Clone, Debug, PartialEq)]
pub struct RungeKutta {
    order: usize,
    a: &'static [&'static [f64]],
    b: &'static [f64],
}

impl RungeKutta {
    /// The method of order 4 or 8.
    ///
    /// - 4: four stages; Kutta 1901, the classic one.
    /// - 8: twelve stages; Dormand & Prince as in Hairer, Norsett & Wanner 1993 (Solving ODEs I,
    ///   section II.5 and code DOP853).
    ///
    /// # Errors
    /// [`IntegrateError::Order`] for any other order.
    pub fn new(order: usize) -> Result<Self, IntegrateError> {
        match order {
            4 => Ok(Self { order, a: &RK4_A, b: &RK4_B }),
            8 => Ok(Self { order, a: &DP8_A, b: &DP8_B }),
            _ => Err(IntegrateError::Order { method: "Runge-Kutta", order, accepted: "4, 8" }),
        }
    }

    /// Number of stages s.
    pub fn stages(&self) -> usize {
        self.b.len()
    }

    /// Row i of the tableau, a_i0 .. a_i(i-1), for i in 0..s.
    pub fn a(&self, i: usize) -> &[f64] {
        self.a[i]
    }

    /// Weights b_0 .. b_(s-1).
    pub fn b(&self) -> &[f64] {
        self.b
    }

    /// Length of the scratch space for states of `dim` components: (s + 1) dim.
    pub fn work_len(&self, dim: usize) -> usize {
        (self.stages() + 1) * dim
    }

    /// One step of length `h`. `z` is any flat array that `field` understands: a state, or a batch
    /// of them. `work` is scratch of [`work_len`](Self::work_len)`(z.len())` numbers with any
    /// content.
    #[inline(always)]
    pub fn step<T: Real>(
        &self,
        field: &mut impl FnMut(&[T], &mut [T]),
        h: f64,
        z: &mut [T],
        work: &mut [T],
    ) {
        let n = z.len();
        let (stage, slopes) = work.split_at_mut(n);
        field(z, &mut slopes[..n]);
        for i in 1..self.stages() {
            let (done, rest) = slopes.split_at_mut(i * n);
            stage.copy_from_slice(z);
            combine_into(h, self.a[i], done, stage);
            field(stage, &mut rest[..n]);
        }
        combine_into(h, self.b, slopes, z);
    }
}

/// z += h sum_j weight_j k_j, with the k_j one after the other in `slopes`.
#[inline(always)]
fn combine_into<T: Real>(h: f64, weights: &[f64], slopes: &[T], z: &mut [T]) {
    for (&weight, slope) in weights.iter().zip_inlined(slopes.chunks_exact(z.len())) {
        if weight != 0.0 {
            for (z, &k) in z.iter_mut().zip_inlined(slope) {
                *z += k * (h * weight);
            }
        }
    }
}

impl<S: VectorField> Method<S> for RungeKutta {
    fn order(&self) -> usize {
        self.order
    }

    fn work_len(&self, dim: usize) -> usize {
        self.work_len(dim)
    }

    #[inline(always)]
    fn advance<T: Real>(
        &self,
        system: &S,
        h: f64,
        steps: usize,
        z: &mut [T],
        work: &mut [T],
    ) -> Result<(), IntegrateError> {
        for _ in 0..steps {
            self.step(&mut field_of(system), h, &mut z[..system.dim()], work);
        }
        Ok(())
    }
}

const RK4_A: [&[f64]; 4] = [&[], &[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]];
const RK4_B: [f64; 4] = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0];

const DP8_A: [&[f64]; 12] = [
    &[],
    &[0.0526001519587677319],
    &[0.0197250569845378995, 0.0591751170953613698],
    &[0.0295875854768068492, 0.0, 0.0887627564304205475],
    &[0.241365134159266686, 0.0, -0.884549479328286085, 0.924834003261792003],
    &[1.0 / 27.0, 0.0, 0.0, 0.170828608729473871, 0.125467687566822425],
    &[19.0 / 512.0, 0.0, 0.0, 0.170252211019544039, 0.0602165389804559607, -9.0 / 512.0],
    &[
        0.0370920001185047927,
        0.0,
        0.0,
        0.170383925712239994,
        0.107262030446373285,
        -0.0153194377486244018,
        0.00827378916381402289,
    ],
    &[
        0.624110958716075717,
        0.0,
        0.0,
        -3.36089262944694129,
        -0.868219346841726007,
        27.5920996994467083,
        20.1540675504778935,
        -43.4898841810699588,
    ],
    &[
        0.477662536438264366,
        0.0,
        0.0,
        -2.48811461997166764,
        -0.590290826836842996,
        21.2300514481811942,
        15.2792336328824236,
        -33.2882109689848629,
        -0.0203312017085086261,
    ],
    &[
        -0.937142430085987326,
        0.0,
        0.0,
        5.18637242884406370,
        1.09143734899672958,
        -8.14978701074692613,
        -18.5200656599969599,
        22.7394870993505043,
        2.49360555267965239,
        -3.04676447189821950,
    ],
    &[
        2.27331014751653821,
        0.0,
        0.0,
        -10.5344954667372502,
        -2.00087205822486250,
        -17.9589318631187989,
        27.9488845294199600,
        -2.85899827713502369,
        -8.87285693353062954,
        12.3605671757943030,
        0.643392746015763530,
    ],
];
const DP8_B: [f64; 12] = [
    0.0542937341165687622,
    0.0,
    0.0,
    0.0,
    0.0,
    4.45031289275240888,
    1.89151789931450038,
    -5.80120396001058478,
    0.311164366957819894,
    -0.152160949662516079,
    0.201365400804030348,
    0.0447106157277725905,
];
