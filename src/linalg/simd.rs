//! Runtime choice of vector instructions.

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
