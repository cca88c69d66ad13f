//! The equations of motion integrated along paths: linear least squares that converges to the
//! rollout fit.
//!
//! Between two points of a chunk z' - z = sum_k theta_k (integral of f_k(z(t)) dt). The path z(t)
//! is at first the polynomial through the points around; once there is a model it is the model's
//! own flow from z, bent linearly so that it ends in z'. With the new parameters the path is
//! improved, and so on: each round is a linear problem, and where they settle the model's flow goes
//! through the points.

use std::ops::Range;

use ndarray::{Array2, s};

use crate::dataset::Trajectory;
use crate::linalg::{LANES, Lanes, Real, ZipInlined};
use crate::model::{ClosedForm, LinearModel, Model, ScalarHamiltonian};
use crate::parallel;

/// Nodes and weights of Gauss-Legendre quadrature on 0..1 with four nodes: exact to degree seven.
const GAUSS: [(f64, f64); 4] = [
    (0.069_431_844_202_973_71, 0.173_927_422_568_726_93),
    (0.330_009_478_207_571_87, 0.326_072_577_431_273_07),
    (0.669_990_521_792_428_1, 0.326_072_577_431_273_07),
    (0.930_568_155_797_026_3, 0.173_927_422_568_726_93),
];

/// Points that a first path goes through, at most.
const WINDOW: usize = 5;

/// A model with parameters whose flow makes the paths.
pub(crate) struct Flow<'a, M: Model> {
    pub model: &'a M,
    pub theta: &'a [f64],
}

/// Paths between the points of chunks: what any Hamiltonian's increments can be computed on.
pub(crate) struct Paths {
    dim: usize,
    weights: Vec<f64>,
    blocks: Vec<Block>,
}

/// Adds a field at eight states to a column of a matrix.
type AddToColumn<'a> = &'a mut dyn FnMut(usize, &[Lanes]);

/// Up to eight chunks side by side.
struct Block {
    /// Number of points of each chunk.
    points: Vec<usize>,
    /// First row of each chunk, and the number of rows.
    first: Vec<usize>,
    /// For each interval the nodes: weight times the interval's length, and state.
    nodes: Vec<Vec<(Lanes, Vec<Lanes>)>>,
    /// The increments, as they are.
    increments: Vec<f64>,
    /// Factor for the rows of each chunk; zero where its path fails: such rows are zero and count
    /// for nothing.
    trust: Vec<f64>,
    /// Factor for each row, if not one.
    factors: Vec<f64>,
}

/// The nodes of the paths through one chunk.
pub(crate) struct ChunkNodes {
    /// Number of intervals between its points.
    pub intervals: usize,
    /// Of every node the weight times the interval's length, interval by interval.
    pub weights: Vec<f64>,
    /// Of every node the components of its state.
    pub states: Vec<f64>,
    /// Of every interval the observed increments of the components.
    pub increments: Vec<f64>,
    /// Factors for these, once they are [`decorrelated`](decorrelation).
    pub factors: Vec<f64>,
}

impl Paths {
    /// Paths through the points of `chunks`, along the flow of a model where one is given, each
    /// interval cut into `pieces`. `weights` are those of the state's components, `trust` has a
    /// factor for the rows of each chunk.
    pub fn new<F: Model>(
        flow: Option<&Flow<F>>,
        chunks: &[Trajectory],
        weights: &[f64],
        pieces: usize,
        trust: &[f64],
    ) -> Self {
        let blocks: Vec<_> = chunks.chunks(LANES).zip(trust.chunks(LANES)).collect();
        let make = |work: &mut Option<F::Work>, k: usize| {
            let (chunks, trust) = blocks[k];
            Block::new(flow.zip(work.as_mut()), chunks, weights.len(), pieces, trust)
        };
        let blocks = parallel::map_with(blocks.len(), || flow.map(|f| f.model.work()), make);
        Self { dim: weights.len(), weights: weights.to_vec(), blocks }
    }

    /// Gives every row a factor, by blocks; what there is no factor for keeps one.
    pub fn with_factors(mut self, factors: &[Vec<f64>]) -> Self {
        self.blocks
            .iter_mut()
            .zip(factors)
            .for_each(|(block, factors)| block.factors.clone_from(factors));
        self
    }

    /// With the increments of other chunks of as many points in the place of its own.
    pub fn with_increments_of(mut self, chunks: &[&Trajectory]) -> Self {
        for (block, chunks) in self.blocks.iter_mut().zip(chunks.chunks(LANES)) {
            block.increments = chunks.iter().flat_map(|c| steps(c)).collect();
        }
        self
    }

    /// Polynomials through the points of `chunks`, all of which are trusted.
    pub fn through_points(chunks: &[Trajectory], weights: &[f64], pieces: usize) -> Self {
        let flow: Option<&Flow<ScalarHamiltonian<ClosedForm>>> = None;
        Self::new(flow, chunks, weights, pieces, &vec![1.0; chunks.len()])
    }

    /// The nodes chunk by chunk, for whoever computes increments of her own.
    pub fn chunks(&self) -> Vec<ChunkNodes> {
        let dim = self.dim;
        let of_lane = |(block, lane): (&Block, usize)| {
            let intervals = block.points[lane].saturating_sub(1);
            let nodes = || block.nodes[..intervals].iter().flatten();
            let rows = block.first[lane]..block.first[lane] + intervals * dim;
            let factor = |row: usize| {
                let given = block.factors.get(row).copied().unwrap_or(1.0);
                given * block.trust[lane] * self.weights[(row - rows.start) % dim].sqrt()
            };
            ChunkNodes {
                intervals,
                weights: nodes().map(|(weight, _)| weight.0[lane]).collect(),
                states: nodes().flat_map(|(_, z)| z.iter().map(|z| z.0[lane])).collect(),
                increments: block.increments[rows.clone()].to_vec(),
                factors: rows.clone().map(factor).collect(),
            }
        };
        let lanes = self.blocks.iter().flat_map(|b| (0..b.points.len()).map(move |l| (b, l)));
        lanes.map(of_lane).collect()
    }

    /// Columns of increments that are known of each row of each chunk, weighted and made
    /// uncorrelated: `values` writes those of all columns for one row, nothing where they are zero.
    pub fn of_rows(
        &self,
        number: usize,
        values: &(dyn Fn(usize, usize, &mut [f64]) + Sync),
    ) -> Vec<Array2<f64>> {
        let starts: Vec<usize> = self
            .blocks
            .iter()
            .scan(0, |next, block| {
                *next += block.points.len();
                Some(*next - block.points.len())
            })
            .collect();
        let rows = |(block, start): (&Block, &usize)| {
            let mut design = Array2::zeros((block.increments.len(), number));
            let mut row = vec![0.0; number];
            for lane in 0..block.points.len() {
                for at in block.first[lane]..block.first[lane + 1] {
                    row.fill(0.0);
                    values(start + lane, at - block.first[lane], &mut row);
                    design.row_mut(at).iter_mut().zip(&row).for_each(|(d, x)| *d = *x);
                }
            }
            self.finish(block, &mut design);
            design
        };
        parallel::map_items(self.blocks.iter().zip(&starts), rows)
    }

    /// The increments of given fields along the paths, weighted and made uncorrelated; one column a
    /// field. `fields` writes all fields at eight states, one after the other.
    pub fn of_fields(
        &self,
        number: usize,
        fields: &(dyn Fn(&[Lanes], &mut [Lanes]) + Sync),
    ) -> Vec<Array2<f64>> {
        let rows = |block: &Block| {
            let mut design = Array2::zeros((block.increments.len(), number));
            let mut values = vec![Lanes::zero(); number * self.dim];
            block.each(&mut design, &mut |z, add| {
                fields(z, &mut values);
                values.chunks_exact(self.dim).enumerate().for_each(|(k, field)| add(k, field));
            });
            self.finish(block, &mut design);
            design
        };
        parallel::map_slice(&self.blocks, rows)
    }

    /// The design matrix: for every parameter of the model a column of its increments, the observed
    /// increments, less those that the model has without parameters, in the last one; in blocks of
    /// rows. The increments of one component share the
    /// points between them; with independent errors of the points they are made uncorrelated, which
    /// is what a fit with free initial states comes to for short chunks.
    pub fn design<M: LinearModel>(&self, model: &M) -> Vec<Array2<f64>> {
        let n = model.parameters();
        let rows = |work: &mut M::Work, k: usize| {
            let block = &self.blocks[k];
            let mut design = Array2::zeros((block.increments.len(), n + 1));
            let mut offset = vec![Lanes::zero(); self.dim];
            block.each(&mut design, &mut |z, add| {
                model.columns(z, work, add);
                if model.offset(z, &mut offset) {
                    offset.iter_mut().for_each(|x| *x = -*x);
                    add(n, &offset);
                }
            });
            design.column_mut(n).iter_mut().zip(&block.increments).for_each(|(d, x)| *d += *x);
            self.finish(block, &mut design);
            design
        };
        parallel::map_with(self.blocks.len(), || model.work(), rows)
    }

    /// The increments of a model's flow along the paths, weighted and made uncorrelated, and the
    /// observed ones: a matrix of two columns for each block.
    pub fn increments<M: Model>(&self, model: &M, theta: &[f64]) -> Vec<Array2<f64>> {
        let rows = |work: &mut M::Work, k: usize| {
            let block = &self.blocks[k];
            let mut design = Array2::zeros((block.increments.len(), 2));
            let (mut flat, mut slope) = (vec![0.0; self.dim * LANES], vec![0.0; self.dim * LANES]);
            let mut field = vec![Lanes::zero(); self.dim];
            block.each(&mut design, &mut |z, add| {
                z.iter().zip(flat.chunks_exact_mut(LANES)).for_each(|(z, flat)| z.store(flat));
                model.field_into(theta, &flat, &mut slope, work);
                field
                    .iter_mut()
                    .zip(slope.chunks_exact(LANES))
                    .for_each(|(f, slope)| *f = Lanes::load(slope));
                add(0, &field);
            });
            design.column_mut(1).iter_mut().zip(&block.increments).for_each(|(d, x)| *d = *x);
            self.finish(block, &mut design);
            design
        };
        parallel::map_with(self.blocks.len(), || model.work(), rows)
    }

    fn finish(&self, block: &Block, design: &mut Array2<f64>) {
        for (lane, &trust) in block.trust.iter().enumerate() {
            let mut rows = design.slice_mut(s![block.first[lane]..block.first[lane + 1], ..]);
            if trust == 0.0 || rows.iter().any(|x| !x.is_finite()) {
                rows.fill(0.0);
                continue;
            }
            decorrelate(&mut rows, self.dim);
            for (row, mut values) in rows.outer_iter_mut().enumerate() {
                let factor = block.factors.get(block.first[lane] + row).copied().unwrap_or(1.0);
                values *= factor * trust * self.weights[row % self.dim].sqrt();
            }
        }
    }

    /// The mean square of the residuals `matrix . coefficients` (last column times -1) of each
    /// chunk, its trust taken out; infinite where the path failed.
    pub fn misfits(&self, blocks: &[Array2<f64>], coefficients: &[f64]) -> Vec<f64> {
        let mut misfits = Vec::new();
        for (block, design) in self.blocks.iter().zip(blocks) {
            let n = coefficients.len();
            let residual = design.slice(s![.., ..n]).dot(&ndarray::ArrayView1::from(coefficients))
                - design.column(n);
            for (lane, &trust) in block.trust.iter().enumerate() {
                let range = block.first[lane]..block.first[lane + 1];
                let rows = residual.slice(s![range.clone()]);
                let counted = (rows.len() as f64 * self.counted()).max(1.0);
                let squares = rows.dot(&rows) / (counted * trust * trust);
                // Rows that are not finite are zero throughout.
                let failed = trust == 0.0 || design.slice(s![range, ..]).iter().all(|x| *x == 0.0);
                misfits.push(if failed { f64::INFINITY } else { squares });
            }
        }
        misfits
    }

    /// Components of a state.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Of each block of rows those of each of its chunks.
    pub fn rows_of_chunks(&self) -> impl Iterator<Item = impl Iterator<Item = Range<usize>>> {
        self.blocks.iter().map(|block| block.first.windows(2).map(|w| w[0]..w[1]))
    }

    /// The sum over all rows that count of the squares of their trust: what sums of squares of residuals are
    /// divided by.
    pub fn weight(&self) -> f64 {
        let of = |block: &Block| -> f64 {
            let rows = block.first.windows(2).map(|w| (w[1] - w[0]) as f64);
            block.trust.iter().zip(rows).map(|(t, rows)| t * t * rows).sum()
        };
        self.counted() * self.blocks.iter().map(of).sum::<f64>()
    }

    /// The part of the components that count.
    fn counted(&self) -> f64 {
        let counted = self.weights.iter().filter(|weight| **weight > 0.0).count();
        counted as f64 / self.weights.len().max(1) as f64
    }
}

/// The increments of a chunk, interval by interval.
fn steps(c: &Trajectory) -> Vec<f64> {
    (1..c.times.len()).flat_map(|j| (&c.states.row(j) - &c.states.row(j - 1)).to_vec()).collect()
}

impl Block {
    fn new<F: Model>(
        mut flow: Option<(&Flow<F>, &mut F::Work)>,
        chunks: &[Trajectory],
        dim: usize,
        pieces: usize,
        trust: &[f64],
    ) -> Self {
        let points: Vec<usize> = chunks.iter().map(|c| c.times.len()).collect();
        let mut first = vec![0];
        for points in &points {
            first.push(first[first.len() - 1] + points.saturating_sub(1) * dim);
        }
        let mut failed = [false; LANES];
        let mut nodes = Vec::new();
        for j in 1..points.iter().copied().max().unwrap_or(0) {
            let mut path = first_path(chunks, j, dim, pieces);
            if let Some((flow, work)) = &mut flow {
                follow(flow, work, chunks, j, &mut path, pieces, &mut failed);
            }
            let length = Lanes(std::array::from_fn(|lane| {
                chunks
                    .get(lane)
                    .filter(|c| j < c.times.len())
                    .map_or(0.0, |c| c.times[j] - c.times[j - 1])
            }));
            nodes.push(path.into_iter().map(|(weight, z)| (length * weight, z)).collect());
        }
        let increments = chunks.iter().flat_map(steps).collect();
        let trust =
            trust.iter().zip(failed).map(|(t, failed)| if failed { 0.0 } else { *t }).collect();
        Self { points, first, nodes, increments, trust, factors: Vec::new() }
    }

    /// Calls `f` on the states of every node with a function that adds a field there, times the
    /// node's weight, to a column of a design matrix.
    fn each(&self, design: &mut Array2<f64>, f: &mut dyn FnMut(&[Lanes], AddToColumn)) {
        let width = design.ncols();
        let design = design.as_slice_mut().expect("a new array is one piece");
        for (j, nodes) in self.nodes.iter().enumerate() {
            let has_interval = |lane: &usize| j + 1 < self.points[*lane];
            let lanes: Vec<usize> = (0..self.points.len()).filter(has_interval).collect();
            for (weight, z) in nodes {
                f(z, &mut |column, field| {
                    for &lane in &lanes {
                        let first = (self.first[lane] + j * field.len()) * width;
                        let rows = design[first..].chunks_mut(width);
                        for (row, x) in rows.zip_inlined(field) {
                            row[column] += weight.0[lane] * x.0[lane];
                        }
                    }
                });
            }
        }
    }
}

/// Weights (of an interval of length one) and states of the nodes on the polynomial through the
/// points around interval `j`.
fn first_path(
    chunks: &[Trajectory],
    j: usize,
    dim: usize,
    pieces: usize,
) -> Vec<(f64, Vec<Lanes>)> {
    let mut nodes = Vec::with_capacity(4 * pieces);
    for (c, weight) in nodes_of(pieces) {
        let mut z = vec![Lanes::zero(); dim];
        for lane in 0..LANES {
            let chunk = &chunks[lane.min(chunks.len() - 1)];
            let j = j.min(chunk.times.len() - 1);
            let t = chunk.times[j - 1] + c * (chunk.times[j] - chunk.times[j - 1]);
            let window = chunk.times.len().min(WINDOW);
            let from = (j + 1).saturating_sub(window.div_ceil(2)).min(chunk.times.len() - window);
            let times = &chunk.times[from..from + window];
            for (i, ti) in times.iter().enumerate() {
                let lagrange: f64 = times
                    .iter()
                    .enumerate()
                    .filter(|(k, _)| *k != i)
                    .map(|(_, tk)| (t - tk) / (ti - tk))
                    .product();
                for (component, z) in z.iter_mut().enumerate() {
                    z.0[lane] += lagrange * chunk.states[[from + i, component]];
                }
            }
        }
        nodes.push((weight, z));
    }
    nodes
}

fn nodes_of(pieces: usize) -> impl Iterator<Item = (f64, f64)> {
    let scale = 1.0 / pieces as f64;
    (0..pieces).flat_map(move |p| GAUSS.map(|(c, w)| ((p as f64 + c) * scale, w * scale)))
}

/// Replaces the nodes by those of the flow from the start of interval `j`, bent to end in its last
/// point; marks chunks where that fails.
fn follow<F: Model>(
    flow: &Flow<F>,
    work: &mut F::Work,
    chunks: &[Trajectory],
    j: usize,
    nodes: &mut [(f64, Vec<Lanes>)],
    pieces: usize,
    failed: &mut [bool; LANES],
) {
    let dim = flow.model.dim();
    let chunk = |lane: usize| &chunks[lane.min(chunks.len() - 1)];
    let interval = |lane: usize| j.min(chunk(lane).times.len() - 1);
    let length: [f64; LANES] =
        std::array::from_fn(|l| chunk(l).times[interval(l)] - chunk(l).times[interval(l) - 1]);
    let state = |point: usize, c: usize| {
        Lanes(std::array::from_fn(|l| chunk(l).states[[interval(l) - 1 + point, c]]))
    };
    let mut z: Vec<Lanes> = (0..dim).map(|c| state(0, c)).collect();
    let mut runge = RungeKutta4::new(dim);
    let mut at = 0.0;
    let fractions: Vec<f64> = nodes_of(pieces).map(|(c, _)| c).collect();
    for ((_, node), &c) in nodes.iter_mut().zip(&fractions) {
        runge.step(flow, work, &length, c - at, &mut z);
        node.copy_from_slice(&z);
        at = c;
    }
    runge.step(flow, work, &length, 1.0 - at, &mut z);
    for (c, z) in z.iter().enumerate() {
        let (end, start) = (state(1, c), state(0, c));
        let miss = end + -*z;
        for ((_, node), fraction) in nodes.iter_mut().zip(&fractions) {
            node[c] += miss * *fraction;
        }
        for (lane, failed) in failed.iter_mut().enumerate() {
            *failed |= !(miss.0[lane].is_finite()
                && miss.0[lane].abs() < 1e3 * (1.0 + start.0[lane].abs()));
        }
    }
    // What failed must not disturb its neighbours with numbers that are not finite.
    for (_, node) in nodes.iter_mut() {
        for (c, node) in node.iter_mut().enumerate().take(dim) {
            for lane in (0..LANES).filter(|l| failed[*l]) {
                node.0[lane] = state(0, c).0[lane];
            }
        }
    }
}

/// The classic method of order four for one block of eight states, each with a step of its own.
struct RungeKutta4 {
    stage: Vec<f64>,
    slope: Vec<f64>,
    sum: Vec<Lanes>,
}

impl RungeKutta4 {
    fn new(dim: usize) -> Self {
        Self {
            stage: vec![0.0; dim * LANES],
            slope: vec![0.0; dim * LANES],
            sum: vec![Lanes::zero(); dim],
        }
    }

    fn step<F: Model>(
        &mut self,
        flow: &Flow<F>,
        work: &mut F::Work,
        length: &[f64; LANES],
        fraction: f64,
        z: &mut [Lanes],
    ) {
        let h = Lanes(length.map(|l| l * fraction));
        self.sum.copy_from_slice(z);
        for (along, weight) in
            [(0.0, 1.0 / 6.0), (0.5, 1.0 / 3.0), (0.5, 1.0 / 3.0), (1.0, 1.0 / 6.0)]
        {
            for (c, z) in z.iter().enumerate() {
                let slope = Lanes::load(&self.slope[c * LANES..]);
                let stage = if along == 0.0 { *z } else { *z + slope * h * along };
                stage.store(&mut self.stage[c * LANES..]);
            }
            flow.model.field_into(flow.theta, &self.stage, &mut self.slope, work);
            for (c, sum) in self.sum.iter_mut().enumerate() {
                *sum += Lanes::load(&self.slope[c * LANES..]) * h * weight;
            }
        }
        z.copy_from_slice(&self.sum);
    }
}

/// Multiplies the rows of the increments of each component by the inverse Cholesky factor of their
/// correlation.
fn decorrelate(rows: &mut ndarray::ArrayViewMut2<f64>, dim: usize) {
    for (j, (below, diagonal)) in decorrelation().take(rows.nrows() / dim).enumerate() {
        for c in 0..dim {
            let (done, mut rest) = rows.multi_slice_mut((s![..j * dim, ..], s![j * dim.., ..]));
            let mut row = rest.row_mut(c);
            if j > 0 {
                row.scaled_add(-below, &done.row((j - 1) * dim + c));
            }
            row /= diagonal;
        }
    }
}

/// The Cholesky factor of the correlation of successive increments of one component, 1 with
/// themselves and -1/2 with their neighbours: of each row the element below the diagonal and that
/// on it, l_j^2 = 1 - m_{j-1}^2, m_j = -1/2 / l_j.
pub(crate) fn decorrelation() -> impl Iterator<Item = (f64, f64)> {
    let next = |&(_, diagonal): &(f64, f64)| {
        let below = -0.5 / diagonal;
        Some((below, (1.0_f64 - below * below).sqrt()))
    };
    std::iter::successors(Some((0.0, 1.0)), next)
}
