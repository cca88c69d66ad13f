//! Elementwise nonlinearities.

use super::{Layer, Order, Scratch};
use crate::linalg::{Lanes, Real, ZipInlined, sigmoid, vectorised};

/// A nonlinear function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x / (1 + e^-x) (Ramachandran, Zoph & Le 2017): smooth.
    Swish,
    /// x / (1 + e^-sx) with the sharpness s > 0: between a line (0), swish (1) and ReLU (infinity).
    Sharp(f64),
    /// max(x, 0). Of a Hamiltonian it makes a force that jumps where a unit switches. Integrators
    /// are of first order there, and the rollout loss jumps with the parameters, which neither its
    /// gradient nor the vector-Jacobian product sees: L-BFGS stops at the jumps.
    Relu,
}

/// y_i = f(x_i).
#[derive(Clone, Copy, Debug)]
pub struct Elementwise {
    activation: Activation,
    size: usize,
}

impl Activation {
    /// 1 / E[f(x)^2] for a standard normal x: what a matrix before the next layer has to make up
    /// for.
    pub fn gain(self) -> f64 {
        match self {
            Self::Swish => 2.812,
            Self::Sharp(_) | Self::Relu => 2.0,
        }
    }

    #[inline(always)]
    fn value(self, x: Lanes) -> Lanes {
        match self {
            Self::Swish => x * sigmoid(x),
            Self::Sharp(sharpness) => x * sigmoid(x * sharpness),
            Self::Relu => x.map(
                #[inline(always)]
                |x| if x < 0.0 { 0.0 } else { x },
            ),
        }
    }

    /// f'(x) and f''(x).
    #[inline(always)]
    fn slopes(self, x: Lanes) -> (Lanes, Lanes) {
        match self {
            Self::Swish => {
                let s = sigmoid(x);
                let ds = s * (Lanes::splat(1.0) - s);
                (s + x * ds, ds * (x * (s * -2.0 + 1.0) + 2.0))
            }
            Self::Sharp(sharpness) => {
                let s = sigmoid(x * sharpness);
                let ds = s * (Lanes::splat(1.0) - s) * sharpness;
                (s + x * ds, ds * (x * (s * -2.0 + 1.0) * sharpness + 2.0))
            }
            Self::Relu => {
                let step = x.map(
                    #[inline(always)]
                    |x| if x > 0.0 { 1.0 } else { 0.0 },
                );
                (step, Lanes::zero())
            }
        }
    }
}

impl Elementwise {
    /// The function on `size` components.
    pub fn new(activation: Activation, size: usize) -> Self {
        Self { activation, size }
    }
}

impl Layer for Elementwise {
    fn inputs(&self) -> usize {
        self.size
    }
    fn outputs(&self) -> usize {
        self.size
    }

    fn forward(&self, _: &[f64], x: &[Lanes], y: &mut [Lanes], order: Order, _: &mut Scratch) {
        let ((x, dx), (y, dy)) = (order.split(x), order.split_mut(y));
        vectorised(
            #[inline(always)]
            || {
                for (y, x) in y.iter_mut().zip_inlined(x) {
                    *y = self.activation.value(*x);
                }
                for ((dy, x), dx) in dy.iter_mut().zip_inlined(x).zip_inlined(dx) {
                    *dy = self.activation.slopes(*x).0 * *dx;
                }
            },
        );
    }

    fn reverse(
        &self,
        _: &[f64],
        x: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        _: Option<&mut [f64]>,
        order: Order,
        _: &mut Scratch,
    ) {
        let ((x, dx), (y_bar, dy_bar), (x_bar, dx_bar)) =
            (order.split(x), order.split(y_bar), order.split_mut(x_bar));
        vectorised(
            #[inline(always)]
            || {
                if dx.is_empty() {
                    for ((x_bar, x), y_bar) in x_bar.iter_mut().zip_inlined(x).zip_inlined(y_bar) {
                        *x_bar = self.activation.slopes(*x).0 * *y_bar;
                    }
                    return;
                }
                for i in 0..x.len() {
                    let (slope, bend) = self.activation.slopes(x[i]);
                    x_bar[i] = slope * y_bar[i] + bend * dx[i] * dy_bar[i];
                    dx_bar[i] = slope * dy_bar[i];
                }
            },
        );
    }
}
