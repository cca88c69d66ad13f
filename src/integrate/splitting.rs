//! Symplectic splitting: drifts q += a h dT/dp and kicks p -= b h dV/dq in turn.

use super::error::IntegrateError;
use super::method::Method;
use crate::field::SeparableHamiltonian;
use crate::linalg::{Real, ZipInlined};

/// A symmetric symplectic splitting method for H = T(p) + V(q): drift a_1, kick b_1, drift a_2,
/// ..., kick b_s, drift a_{s+1}.
///
/// The last drift of a step and the first of the next are one, so that a step costs s forces.
#[derive(Clone, Debug, PartialEq)]
pub struct Splitting {
    order: usize,
    drifts: Vec<f64>,
    kicks: Vec<f64>,
}

impl Splitting {
    /// The method of order 2, 4, 6 or 8 for any separable Hamiltonian.
    ///
    /// - 2: two forces; McLachlan 1995 (SIAM J. Sci. Comput. 16, 151), the optimal two-stage
    ///   method.
    /// - 4: six forces; Blanes & Moan 2002 (J. Comput. Appl. Math. 142, 313, table 2), method S6.
    /// - 6: ten forces; ibid., method S10.
    /// - 8: seventeen forces; Kahan & Li 1997 (Math. Comp. 66, 1089), s17odr8a, a composition of
    ///   leapfrog steps.
    ///
    /// # Errors
    /// [`IntegrateError::Order`] for any other order.
    pub fn new(order: usize) -> Result<Self, IntegrateError> {
        match order {
            2 => {
                let root = (2.0 * 326f64.sqrt() + 36.0).cbrt();
                Ok(Self::symmetric(2, &[0.5 - root / 12.0 + 1.0 / (6.0 * root)], &[]))
            }
            4 => Ok(Self::symmetric(4, &S6_DRIFTS, &S6_KICKS)),
            6 => Ok(Self::symmetric(6, &S10_DRIFTS, &S10_KICKS)),
            8 => Ok(Self::leapfrogs(8, &S17)),
            _ => Err(IntegrateError::Order { method: "splitting", order, accepted: "2, 4, 6, 8" }),
        }
    }

    /// The method of order 6 or 8 for a kinetic energy that is quadratic in p (Runge-Kutta-Nystrom
    /// splitting), far more accurate per force than [`new`](Self::new); on any other kinetic energy
    /// its order falls.
    ///
    /// - 6: fourteen forces; Blanes & Moan 2002 (J. Comput. Appl. Math. 142, 313), method SRKN14.
    /// - 8: eighteen forces; Blanes, Casas & Escorihuela-Tomas 2022 (arXiv:2202.01541, table 4),
    ///   method A18.
    ///
    /// # Errors
    /// [`IntegrateError::Order`] for any other order.
    pub fn nystrom(order: usize) -> Result<Self, IntegrateError> {
        match order {
            6 => Ok(Self::symmetric(6, &SRKN14_DRIFTS, &SRKN14_KICKS)),
            8 => Ok(Self::symmetric(8, &A18_DRIFTS, &A18_KICKS)),
            _ => {
                Err(IntegrateError::Order { method: "Nystrom splitting", order, accepted: "6, 8" })
            }
        }
    }

    /// Forces evaluated in a step.
    pub fn forces(&self) -> usize {
        self.kicks.len()
    }

    /// Completes the first n drifts and n - 1 kicks of 2 n + 1 and 2 n by symmetry; those in the
    /// middle make the sums 1 to roundoff.
    fn symmetric(order: usize, drifts: &[f64], kicks: &[f64]) -> Self {
        let middle_drift = 1.0 - 2.0 * drifts.iter().sum::<f64>();
        let middle_kick = 0.5 - kicks.iter().sum::<f64>();
        let drifts = drifts
            .iter()
            .copied()
            .chain([middle_drift])
            .chain(drifts.iter().rev().copied())
            .collect();
        let kicks = kicks
            .iter()
            .copied()
            .chain([middle_kick; 2])
            .chain(kicks.iter().rev().copied())
            .collect();
        Self { order, drifts, kicks }
    }

    /// Composition of leapfrog steps of lengths w_1, .., w_n, w_0, w_n, .., w_1, whose middle one
    /// makes the sum 1.
    fn leapfrogs(order: usize, w: &[f64]) -> Self {
        let middle = 1.0 - 2.0 * w.iter().sum::<f64>();
        let kicks: Vec<f64> =
            w.iter().copied().chain([middle]).chain(w.iter().rev().copied()).collect();
        let ends = std::iter::once(&0.0).chain(&kicks).zip(kicks.iter().chain(&[0.0]));
        let drifts = ends.map(|(a, b)| 0.5 * (a + b)).collect();
        Self { order, drifts, kicks }
    }
}

impl<H: SeparableHamiltonian> Method<H> for Splitting {
    fn order(&self) -> usize {
        self.order
    }

    fn work_len(&self, dim: usize) -> usize {
        dim / 2
    }

    #[inline(always)]
    fn advance<T: Real>(
        &self,
        system: &H,
        h: f64,
        steps: usize,
        z: &mut [T],
        work: &mut [T],
    ) -> Result<(), IntegrateError> {
        // The system's own dimension is a constant where this is inlined: loops over components
        // unroll.
        let n = system.dim() / 2;
        let (q, p) = z[..2 * n].split_at_mut(n);
        // On the stack the compiler keeps it in registers, which saves a sixth of the time.
        let mut small = [T::zero(); SMALL];
        let rate = if n <= SMALL { &mut small[..n] } else { &mut work[..n] };
        let (first, drifts) = (self.drifts[0], &self.drifts[1..]);
        system.velocity_into(p, rate);
        add_into(first * h, rate, q);
        for step in 1..=steps {
            for (i, (&drift, &kick)) in drifts.iter().zip_inlined(&self.kicks).enumerate() {
                let joined = if i + 1 == drifts.len() && step < steps { first } else { 0.0 };
                system.force_into(q, rate);
                add_into(kick * h, rate, p);
                system.velocity_into(p, rate);
                add_into((drift + joined) * h, rate, q);
            }
        }
        Ok(())
    }
}

/// Components of the momentum up to which a step needs no memory: four particles in space.
const SMALL: usize = 12;

#[inline(always)]
fn add_into<T: Real>(a: f64, x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip_inlined(x) {
        *y += x * a;
    }
}

const S6_DRIFTS: [f64; 3] = [0.0792036964311957, 0.353172906049774, -0.0420650803577195];
const S6_KICKS: [f64; 2] = [0.209515106613362, -0.143851773179818];

const S10_DRIFTS: [f64; 5] = [
    0.0502627644003922,
    0.413514300428344,
    0.0450798897943977,
    -0.188054853819569,
    0.541960678450780,
];
const S10_KICKS: [f64; 4] =
    [0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175];

const S17: [f64; 8] = [
    0.13020248308889008,
    0.56116298177510838,
    -0.38947496264484729,
    0.15884190655515560,
    -0.39590389413323757,
    0.18453964097831571,
    0.25837438768632205,
    0.29501172360931030,
];

const SRKN14_DRIFTS: [f64; 7] = [
    0.0378593198406116,
    0.102635633102435,
    -0.0258678882665587,
    0.314241403071447,
    -0.130144459517415,
    0.106417700369543,
    -0.00879424312851058,
];
const SRKN14_KICKS: [f64; 6] = [
    0.09171915262446165,
    0.183983170005006,
    -0.05653436583288827,
    0.004914688774712854,
    0.143761127168358,
    0.328567693746804,
];

const A18_DRIFTS: [f64; 9] = [
    0.0866003822712445920,
    -0.0231572735424388070,
    0.191410576083774089,
    0.378895558692931580,
    -0.0467359566364556112,
    -0.156198111997810415,
    0.156025836895094824,
    0.252844012473796334,
    -0.640644212172254240,
];
const A18_KICKS: [f64; 8] = [
    -0.08,
    0.209460550048243262,
    0.274887805875735484,
    -0.224214208870409561,
    0.347657740563761656,
    -0.168783183866211679,
    0.144209344805460874,
    0.0116851121360265483,
];
