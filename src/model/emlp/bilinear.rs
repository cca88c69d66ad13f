//! The bilinear layer.

use rand::RngCore;
use rand_distr::{Distribution, StandardNormal};

use super::contraction::{Contraction, Strides};
use super::representation::{Representation, power};
use crate::linalg::{
    Lanes, Real, TilePart, ZipInlined, add_outer, add_product, transpose_into, vectorised,
};
use crate::model::network::{Layer, Order, Scratch};
use crate::model::{ParameterBlock, ParameterMatrix};

/// What products are scaled by (Finzi et al. 2021, section 5).
const SCALE: f64 = 0.1;
/// Variance of the products, relative to that of the signal, at the start of training.
const SHARE: f64 = 1e-3;

/// y = x + 0.1 W(x) x, by component: a few of the signal's own tensors T act as matrices on its
/// tensors. A tensor of rank a + b takes one of rank a, by contraction of its last a indices, to
/// one of rank b, so that
///
/// y_o = x_o + 0.1 sum_a sum_t sum_i P_(o,t,i) T_t x_i
///
/// with x_i of rank a, T_t the first min(number there is, 3^(a+b)) of rank a + b, and parameters P.
/// It is equivariant under any group of orthogonal matrices.
#[derive(Clone, Debug)]
pub struct Bilinear {
    size: usize,
    products: Vec<Product>,
}

/// All that tensors of one rank do to tensors of another, in the cheaper one of two ways.
///
/// Either T acts first, T_t x_i, and the matrix P (o by (t, i)) mixes the products. Or the matrix
/// ((t, o) by i) mixes the inputs first and T acts on the mixtures. Products or mixtures are the
/// *middle*; the matrix takes `from` parts of tiles to `to` parts, one for each component.
#[derive(Clone, Debug)]
struct Product {
    acts_first: bool,
    /// Where the parameters begin.
    first: usize,
    deviation: f64,
    contraction: Contraction,
    /// Length of the middle's tiles.
    middle: usize,
    from: Vec<TilePart>,
    to: Vec<TilePart>,
}

impl Bilinear {
    /// The layer on signals of a representation.
    pub fn new(signal: &Representation) -> Self {
        let (mut products, mut first) = (Vec::new(), 0);
        for (b, a) in signal.ranks().flat_map(|b| signal.ranks().map(move |a| (b, a))) {
            if a + b > 0 && signal.count(a + b) > 0 {
                let product = Product::new(signal, a, b, first);
                first += product.parameters();
                products.push(product);
            }
        }
        Self { size: signal.size(), products }
    }
}

impl Product {
    /// The products that take tensors of rank a to tensors of rank b.
    fn new(signal: &Representation, a: usize, b: usize, first: usize) -> Self {
        let acting = |rank: usize| signal.count(rank).min(power(rank));
        let (inputs, outputs, t) = (signal.count(a), signal.count(b), acting(a + b));
        let acts_first = a >= b;
        // One part of a signal's tiles for each component of its tensors of a rank; one of the
        // middle's tiles likewise.
        let of_signal = |rank: usize| -> Vec<TilePart> {
            let part = |k| TilePart {
                size: signal.size(),
                first: signal.first(rank) + k * signal.count(rank),
                len: signal.count(rank),
            };
            (0..power(rank)).map(part).collect()
        };
        let (rank, across) = if acts_first { (b, inputs) } else { (a, outputs) };
        let (components, len) = (power(rank), t * across);
        let of_middle: Vec<TilePart> = (0..components)
            .map(|k| TilePart { size: components * len, first: k * len, len })
            .collect();
        let middle = Strides { first: 0, component: len, acting: across };
        let outer = |rank: usize| Strides {
            first: signal.first(rank),
            component: signal.count(rank),
            acting: 0,
        };
        let (u, v) = if acts_first { (outer(a), middle) } else { (middle, outer(b)) };
        let tensors = (signal.first(a + b), signal.count(a + b), t);
        let contraction =
            Contraction { scale: SCALE, tensors, rows: power(b), columns: power(a), across, u, v };
        let (from, to) =
            if acts_first { (of_middle, of_signal(b)) } else { (of_signal(a), of_middle) };
        // All products that give a rank have together a small part of the signal's variance: three
        // layers make powers of eight of a state, and with more of them a trajectory at the edge of
        // the data diverges at the start of training.
        let terms: usize = signal
            .ranks()
            .filter(|a| a + b > 0)
            .map(|a| acting(a + b) * signal.count(a) * power(a))
            .sum();
        let deviation = (SHARE / terms as f64).sqrt() / SCALE;
        Self { acts_first, first, deviation, contraction, middle: components * len, from, to }
    }

    fn parameters(&self) -> usize {
        self.from[0].len * self.to[0].len
    }

    fn matrix<'w>(&self, weights: &'w [f64]) -> &'w [f64] {
        &weights[self.first..self.first + self.parameters()]
    }

    /// Writes the middle for all tiles of x.
    fn middle_into(
        &self,
        matrix: &[f64],
        x: &[Lanes],
        size: usize,
        order: Order,
        middle: &mut Vec<Lanes>,
    ) {
        middle.clear();
        middle.resize(x.len() / size * self.middle, Lanes::zero());
        if self.acts_first {
            let ((x, dx), (c, dc)) = (order.split(x), order.split_mut(middle));
            vectorised(
                #[inline(always)]
                || {
                    for (x, c) in x.chunks_exact(size).zip_inlined(c.chunks_exact_mut(self.middle))
                    {
                        self.contraction.add_images(x, x, c);
                    }
                    let tangents = x.chunks_exact(size).zip_inlined(dx.chunks_exact(size));
                    for ((x, dx), dc) in tangents.zip_inlined(dc.chunks_exact_mut(self.middle)) {
                        self.contraction.add_images(dx, x, dc);
                        self.contraction.add_images(x, dx, dc);
                    }
                },
            );
        } else {
            self.mix(matrix, x, middle);
        }
    }

    /// The matrix times x, component by component, added to y.
    fn mix(&self, matrix: &[f64], x: &[Lanes], y: &mut [Lanes]) {
        for (from, to) in self.from.iter().zip_inlined(&self.to) {
            add_product(matrix, x, *from, y, *to);
        }
    }

    /// Adds to all tiles of y.
    fn forward(
        &self,
        matrix: &[f64],
        x: &[Lanes],
        y: &mut [Lanes],
        size: usize,
        order: Order,
        middle: &mut Vec<Lanes>,
    ) {
        self.middle_into(matrix, x, size, order, middle);
        if self.acts_first {
            return self.mix(matrix, middle, y);
        }
        let ((x, dx), (m, dm), (y, dy)) = (order.split(x), order.split(middle), order.split_mut(y));
        vectorised(
            #[inline(always)]
            || {
                for ((x, m), y) in x
                    .chunks_exact(size)
                    .zip_inlined(m.chunks_exact(self.middle))
                    .zip_inlined(y.chunks_exact_mut(size))
                {
                    self.contraction.add_images(x, m, y);
                }
                let values = x.chunks_exact(size).zip_inlined(m.chunks_exact(self.middle));
                let tangents = dx.chunks_exact(size).zip_inlined(dm.chunks_exact(self.middle));
                for (((x, m), (dx, dm)), dy) in
                    values.zip_inlined(tangents).zip_inlined(dy.chunks_exact_mut(size))
                {
                    self.contraction.add_images(dx, m, dy);
                    self.contraction.add_images(x, dm, dy);
                }
            },
        );
    }

    /// Adds to all tiles of `x_bar`, and to the derivatives by the matrix where they are wanted.
    #[allow(clippy::too_many_arguments)]
    fn reverse(
        &self,
        matrix: &[f64],
        x: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        matrix_bar: Option<&mut [f64]>,
        size: usize,
        order: Order,
        scratch: &mut Scratch,
    ) {
        let Scratch { lanes, more, strips, matrix: transpose } = scratch;
        if !self.acts_first || matrix_bar.is_some() {
            self.middle_into(matrix, x, size, order, lanes);
        }
        more.clear();
        more.resize(x.len() / size * self.middle, Lanes::zero());
        transpose.resize(transpose.len().max(matrix.len()), 0.0);
        let transpose = &mut transpose[..matrix.len()];
        transpose_into(matrix, self.from[0].len, transpose);
        if self.acts_first {
            for (from, to) in self.from.iter().zip_inlined(&self.to) {
                add_product(transpose, y_bar, *to, more, *from);
            }
            self.pull_back_products(x, more, x_bar, size, order);
        } else {
            self.pull_back_mixtures(
                x,
                (lanes.as_slice(), y_bar),
                (more.as_mut_slice(), &mut *x_bar),
                size,
                order,
            );
            for (from, to) in self.from.iter().zip_inlined(&self.to) {
                add_product(transpose, more, *to, x_bar, *from);
            }
        }
        if let Some(bar) = matrix_bar {
            let (from, to) =
                if self.acts_first { (lanes.as_slice(), y_bar) } else { (x, more.as_slice()) };
            for (from_part, to_part) in self.from.iter().zip_inlined(&self.to) {
                add_outer(to, *to_part, from, *from_part, bar, strips);
            }
        }
    }

    /// Derivatives by x of what the tensors gave, T x.
    fn pull_back_products(
        &self,
        x: &[Lanes],
        c_bar: &[Lanes],
        x_bar: &mut [Lanes],
        size: usize,
        order: Order,
    ) {
        let ((x, dx), (c_bar, dc_bar), (x_bar, dx_bar)) =
            (order.split(x), order.split(c_bar), order.split_mut(x_bar));
        let form = &self.contraction;
        vectorised(
            #[inline(always)]
            || {
                let bars =
                    c_bar.chunks_exact(self.middle).zip_inlined(x_bar.chunks_exact_mut(size));
                for (x, (c_bar, x_bar)) in x.chunks_exact(size).zip_inlined(bars) {
                    form.add_outer(x, c_bar, x_bar);
                    form.add_preimages(x, c_bar, x_bar);
                }
                let bars = x_bar.chunks_exact_mut(size).zip_inlined(dx_bar.chunks_exact_mut(size));
                let tangents = x
                    .chunks_exact(size)
                    .zip_inlined(dx.chunks_exact(size))
                    .zip_inlined(dc_bar.chunks_exact(self.middle));
                for (((x, dx), dc_bar), (x_bar, dx_bar)) in tangents.zip_inlined(bars) {
                    form.add_outer(x, dc_bar, dx_bar);
                    form.add_preimages(x, dc_bar, dx_bar);
                    form.add_outer(dx, dc_bar, x_bar);
                    form.add_preimages(dx, dc_bar, x_bar);
                }
            },
        );
    }

    /// Derivatives by x and by the mixtures m of what the tensors gave, T m; those by m are
    /// written.
    fn pull_back_mixtures(
        &self,
        x: &[Lanes],
        (m, y_bar): (&[Lanes], &[Lanes]),
        (m_bar, x_bar): (&mut [Lanes], &mut [Lanes]),
        size: usize,
        order: Order,
    ) {
        let ((x, dx), (m, dm), (y_bar, dy_bar)) =
            (order.split(x), order.split(m), order.split(y_bar));
        let ((m_bar, dm_bar), (x_bar, dx_bar)) = (order.split_mut(m_bar), order.split_mut(x_bar));
        let (form, middle) = (&self.contraction, self.middle);
        vectorised(
            #[inline(always)]
            || {
                for t in 0..x.len() / size {
                    let (signal, middle) = (t * size..(t + 1) * size, t * middle..(t + 1) * middle);
                    let (x, m, y_bar) =
                        (&x[signal.clone()], &m[middle.clone()], &y_bar[signal.clone()]);
                    let (x_bar, m_bar) = (&mut x_bar[signal.clone()], &mut m_bar[middle.clone()]);
                    form.add_outer(m, y_bar, x_bar);
                    form.add_preimages(x, y_bar, m_bar);
                    if dx.is_empty() {
                        continue;
                    }
                    let (dx, dm, dy_bar) =
                        (&dx[signal.clone()], &dm[middle.clone()], &dy_bar[signal.clone()]);
                    form.add_outer(m, dy_bar, &mut dx_bar[signal]);
                    form.add_outer(dm, dy_bar, x_bar);
                    form.add_preimages(dx, dy_bar, m_bar);
                    form.add_preimages(x, dy_bar, &mut dm_bar[middle]);
                }
            },
        );
    }
}

impl Layer for Bilinear {
    fn inputs(&self) -> usize {
        self.size
    }
    fn outputs(&self) -> usize {
        self.size
    }
    fn parameters(&self) -> usize {
        self.products.iter().map(Product::parameters).sum()
    }
    fn matrices(&self) -> Vec<ParameterMatrix> {
        let of_product = |product: &Product| ParameterMatrix {
            rows: product.to[0].len,
            blocks: vec![ParameterBlock { first: product.first, columns: product.from[0].len }],
        };
        self.products.iter().map(of_product).collect()
    }

    fn initial_into(&self, theta: &mut [f64], rng: &mut dyn RngCore) {
        for product in &self.products {
            for t in &mut theta[product.first..product.first + product.parameters()] {
                let x: f64 = StandardNormal.sample(rng);
                *t = product.deviation * x;
            }
        }
    }

    fn forward(
        &self,
        weights: &[f64],
        x: &[Lanes],
        y: &mut [Lanes],
        order: Order,
        scratch: &mut Scratch,
    ) {
        y.copy_from_slice(x);
        for product in &self.products {
            product.forward(product.matrix(weights), x, y, self.size, order, &mut scratch.lanes);
        }
    }

    fn reverse(
        &self,
        weights: &[f64],
        x: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        mut weights_bar: Option<&mut [f64]>,
        order: Order,
        scratch: &mut Scratch,
    ) {
        x_bar.copy_from_slice(y_bar);
        for product in &self.products {
            let bar = weights_bar
                .as_deref_mut()
                .map(|bar| &mut bar[product.first..product.first + product.parameters()]);
            product.reverse(
                product.matrix(weights),
                x,
                y_bar,
                x_bar,
                bar,
                self.size,
                order,
                scratch,
            );
        }
    }
}
