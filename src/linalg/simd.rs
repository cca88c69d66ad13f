//! Runtime choice of vector instructions, and what loops inside of them are written with.

use super::{LANES, Lanes};

/// Runs `f` with the widest vector instructions that the machine has.
///
/// Code that `f` inlines (mark it `#[inline(always)]`) is compiled for each instruction set. No
/// fused multiply-add is made from a product and a sum, so the result is the same to the last bit
/// on every machine.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    struct Op<F>(F);
    impl<F: FnOnce() -> R, R> pulp::NullaryFnOnce for Op<F> {
        type Output = R;
        #[inline(always)]
        fn call(self) -> R {
            self.0()
        }
    }
    pulp::Arch::new().dispatch(Op(f))
}

/// Sets all to zero. As [`ZipInlined`]: `fill` is a function call where units are small.
#[inline(always)]
pub fn set_zero(x: &mut [Lanes]) {
    for x in x {
        *x = Lanes([0.0; LANES]);
    }
}

/// Two iterators side by side, for loops over a few [`Lanes`].
///
/// [`Iterator::zip`] has no inline attribute: in the dev profile, which builds many small units and
/// optimises none across them, each such loop would call a function compiled without vector
/// instructions. Over long slices of numbers [`Iterator::zip`] is the better one: its loops are
/// vectorised.
pub trait ZipInlined: Iterator + Sized {
    /// Pairs of the items of both, until one ends.
    #[inline(always)]
    fn zip_inlined<B: IntoIterator>(self, other: B) -> Zipped<Self, B::IntoIter> {
        Zipped(self, other.into_iter())
    }
}

impl<I: Iterator> ZipInlined for I {}

/// What [`ZipInlined::zip_inlined`] gives.
#[derive(Clone, Debug)]
pub struct Zipped<A, B>(A, B);

impl<A: Iterator, B: Iterator> Iterator for Zipped<A, B> {
    type Item = (A::Item, B::Item);
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.1.next()?))
    }
}
