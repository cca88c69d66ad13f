//! Numbers that formulas are written over: `f64`, SIMD lanes, dual numbers.
//!
//! A known system writes its gradient once, over [`Real`]; it then runs on one state (`f64`), on
//! eight states side by side ([`Lanes`], structure of arrays) and on dual numbers ([`Dual`]),
//! against which the tests check every derivative made by hand.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// Number of states that a [`Lanes`] holds side by side.
pub const LANES: usize = 8;

/// A real number, or several of them treated alike.
pub trait Real:
    Copy
    + Debug
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Mul<f64, Output = Self>
    + Add<f64, Output = Self>
{
    /// The same value in every lane, with zero derivative.
    fn splat(x: f64) -> Self;
    /// Largest magnitude over lanes; NaN if any lane is NaN.
    fn max_abs(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Zero in every lane.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }
    /// Exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Tangent.
    fn tan(self) -> Self;
    /// Magnitude.
    fn abs(self) -> Self;
    /// Power with a constant exponent.
    fn powf(self, n: f64) -> Self;
}

macro_rules! elementary {
    ($wrap:path, $($f:ident)*) => {
        $(#[inline(always)]
        fn $f(self) -> Self {
            $wrap(self, f64::$f)
        })*
        #[inline(always)]
        fn powf(self, n: f64) -> Self {
            $wrap(self, |x| x.powf(n))
        }
    };
}

#[inline(always)]
fn apply(x: f64, f: impl Fn(f64) -> f64) -> f64 {
    f(x)
}

impl Real for f64 {
    #[inline(always)]
    fn splat(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn max_abs(self) -> f64 {
        f64::abs(self)
    }
    elementary!(apply, sqrt exp ln sin cos tan abs);
}

/// Eight numbers, one per state of a block; operations act lane by lane.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Lanes(pub [f64; LANES]);

impl Lanes {
    /// The first eight numbers of `x`.
    #[inline(always)]
    pub fn load(x: &[f64]) -> Self {
        Self(*x.first_chunk().expect("eight numbers"))
    }
    /// Writes the lanes to the first eight places of `x`.
    #[inline(always)]
    pub fn store(self, x: &mut [f64]) {
        *x.first_chunk_mut().expect("room for eight numbers") = self.0;
    }
    /// Adds the lanes to the first eight numbers of `x`.
    #[inline(always)]
    pub fn add_to(self, x: &mut [f64]) {
        for (k, x) in x[..LANES].iter_mut().enumerate() {
            *x += self.0[k];
        }
    }
    /// Applies `f` to every lane.
    #[inline(always)]
    pub fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        for a in &mut self.0 {
            *a = f(*a);
        }
        self
    }
    /// Sum over the lanes, in a fixed order.
    #[inline(always)]
    pub fn sum(self) -> f64 {
        let mut sum = self.0[0];
        for x in &self.0[1..] {
            sum += x;
        }
        sum
    }
}

macro_rules! lanewise {
    ($($op:ident $f:ident $assign:tt;)*) => {$(
        impl $op for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $f(mut self, other: Self) -> Self {
                for k in 0..LANES { self.0[k] $assign other.0[k]; }
                self
            }
        }
        impl $op<f64> for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $f(mut self, other: f64) -> Self {
                for a in &mut self.0 { *a $assign other; }
                self
            }
        }
    )*};
}
lanewise! { Add add +=; Sub sub -=; Mul mul *=; Div div /=; }

impl Neg for Lanes {
    type Output = Self;
    #[inline(always)]
    fn neg(mut self) -> Self {
        for a in &mut self.0 {
            *a = -*a;
        }
        self
    }
}

impl Real for Lanes {
    #[inline(always)]
    fn splat(x: f64) -> Self {
        Self([x; LANES])
    }
    #[inline(always)]
    fn max_abs(self) -> f64 {
        let mut most = 0.0_f64;
        for x in self.0 {
            most = if most.is_nan() || x.abs() <= most { most } else { x.abs() };
        }
        most
    }
    elementary!(Lanes::map, sqrt exp ln sin cos tan abs);
}

/// What sums over states are taken in: a number, or one for each lane.
pub trait Total: Real {
    /// The whole sum, taken over the lanes in a fixed order.
    fn total(self) -> f64;
}

impl Total for f64 {
    fn total(self) -> f64 {
        self
    }
}

impl Total for Lanes {
    fn total(self) -> f64 {
        self.sum()
    }
}

/// A value with its derivative along one direction (forward-mode automatic differentiation; nest it
/// for second derivatives).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<T> {
    /// The value.
    pub re: T,
    /// The derivative along the direction.
    pub eps: T,
}

impl<T: Real> Dual<T> {
    /// A value with a given derivative.
    pub fn new(re: T, eps: T) -> Self {
        Self { re, eps }
    }
}

impl<T: Real> Add for Dual<T> {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self::new(self.re + o.re, self.eps + o.eps)
    }
}
impl<T: Real> Sub for Dual<T> {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self::new(self.re - o.re, self.eps - o.eps)
    }
}
impl<T: Real> Mul for Dual<T> {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Self::new(self.re * o.re, self.eps * o.re + self.re * o.eps)
    }
}
impl<T: Real> Div for Dual<T> {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let q = self.re / o.re;
        Self::new(q, (self.eps - q * o.eps) / o.re)
    }
}
impl<T: Real> Neg for Dual<T> {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.re, -self.eps)
    }
}
impl<T: Real> Mul<f64> for Dual<T> {
    type Output = Self;
    fn mul(self, o: f64) -> Self {
        Self::new(self.re * o, self.eps * o)
    }
}
impl<T: Real> Add<f64> for Dual<T> {
    type Output = Self;
    fn add(self, o: f64) -> Self {
        Self::new(self.re + o, self.eps)
    }
}

macro_rules! assign {
    ($($op:ident $f:ident $sign:tt;)*) => {$(
        impl $op for Lanes {
            #[inline(always)]
            fn $f(&mut self, o: Self) { *self = *self $sign o; }
        }
        impl<T: Real> $op for Dual<T> {
            #[inline(always)]
            fn $f(&mut self, o: Self) { *self = *self $sign o; }
        }
    )*};
}
assign! { AddAssign add_assign +; SubAssign sub_assign -; MulAssign mul_assign *; }

impl<T: Real> Real for Dual<T> {
    fn splat(x: f64) -> Self {
        Self::new(T::splat(x), T::zero())
    }
    fn max_abs(self) -> f64 {
        f64::max(self.re.max_abs(), self.eps.max_abs())
    }
    fn sqrt(self) -> Self {
        let s = self.re.sqrt();
        Self::new(s, self.eps * 0.5 / s)
    }
    fn exp(self) -> Self {
        let e = self.re.exp();
        Self::new(e, self.eps * e)
    }
    fn ln(self) -> Self {
        Self::new(self.re.ln(), self.eps / self.re)
    }
    fn sin(self) -> Self {
        Self::new(self.re.sin(), self.eps * self.re.cos())
    }
    fn cos(self) -> Self {
        Self::new(self.re.cos(), -(self.eps * self.re.sin()))
    }
    fn tan(self) -> Self {
        let t = self.re.tan();
        Self::new(t, self.eps * (t * t + 1.0))
    }
    fn abs(self) -> Self {
        Self::new(self.re.abs(), self.eps * self.re / self.re.abs())
    }
    fn powf(self, n: f64) -> Self {
        Self::new(self.re.powf(n), self.eps * self.re.powf(n - 1.0) * n)
    }
}
