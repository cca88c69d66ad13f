//! Scalars and their symplectic gradients at the nodes of paths: what the column of any term is made
//! of in one pass.

use std::ops::Range;

use ndarray::Array2;

use crate::expr::Scalar;
use crate::linalg::Projection;
use crate::linalg::{Lanes, Real, ZipInlined};
use crate::recover::learn::form_on_paths::columns_in;
use crate::recover::paths::{ChunkNodes, Paths, decorrelation};
use crate::recover::problem::catalogue::Catalogue;
use crate::scalars::{Inputs, ScalarSet};

/// The nodes of some paths, and what every scalar is there.
#[derive(Clone)]
pub(crate) struct Nodes {
    dim: usize,
    /// The components of a state that motion changes: rows are of these.
    components: Vec<usize>,
    /// Nodes in an interval.
    each: usize,
    intervals: usize,
    /// Of each chunk its intervals.
    chunks: Vec<Range<usize>>,
    /// Of each row, component by component, its factor.
    factors: Vec<f64>,
    /// Below and on the diagonal of the factor that makes increments uncorrelated.
    correlation: Vec<(f64, f64)>,
    /// The observed increments, less those of a known kinetic energy, weighted and made
    /// uncorrelated.
    pub target: Vec<f64>,
    /// What other columns than those that are asked for explain, orthonormal: it is taken out of
    /// all columns and of the target.
    others: Projection,
    scalars: Vec<AtNodes>,
    /// Of every scalar itself, and of every class after them its scalars.
    members: Vec<Vec<usize>>,
}

/// A scalar at the nodes.
#[derive(Clone)]
struct AtNodes {
    values: Vec<f64>,
    range: (f64, f64),
    /// Of each component that it moves: weight times that component of the symplectic gradient.
    moves: Vec<(usize, Vec<f64>)>,
}

impl Nodes {
    /// Of all scalars of a set, and classes of them.
    pub fn new(inputs: &Inputs, set: &ScalarSet, catalogue: &Catalogue, paths: &Paths) -> Self {
        let chunks = paths.chunks();
        let dim = set.state_len();
        let components = inputs.moving_components();
        let intervals: usize = chunks.iter().map(|c| c.intervals).sum();
        let each = chunks.iter().map(|c| c.weights.len()).sum::<usize>() / intervals.max(1);
        let mut first = 0;
        let range = |c: &ChunkNodes| {
            first += c.intervals;
            first - c.intervals..first
        };
        let ranges: Vec<Range<usize>> = chunks.iter().map(range).collect();
        let longest = ranges.iter().map(Range::len).max().unwrap_or(0);
        let by_component = |of: fn(&ChunkNodes) -> &[f64]| -> Vec<f64> {
            let component =
                |c: usize| chunks.iter().flat_map(move |n| of(n).iter().skip(c).step_by(dim));
            components.iter().flat_map(|c| component(*c)).copied().collect()
        };
        let mut nodes = Self {
            dim,
            components: components.clone(),
            each,
            intervals,
            chunks: ranges,
            factors: by_component(|n| &n.factors),
            correlation: decorrelation().take(longest).collect(),
            target: by_component(|n| &n.increments),
            others: Projection::default(),
            members: (0..catalogue.len()).map(|k| catalogue.members(k).to_vec()).collect(),
            scalars: match inputs.shape.dimension {
                1 => at_nodes::<1>(inputs, set, &chunks),
                2 => at_nodes::<2>(inputs, set, &chunks),
                _ => at_nodes::<3>(inputs, set, &chunks),
            },
        };
        // Rows are numbered as the components that move.
        for (component, _) in nodes.scalars.iter_mut().flat_map(|scalar| &mut scalar.moves) {
            *component = components.partition_point(|c| c < component);
        }
        let mut target = std::mem::take(&mut nodes.target);
        nodes.take_out_velocities(&inputs.masses, &chunks, &mut target);
        nodes.finish(&mut target);
        nodes.target = target;
        nodes
    }

    /// Takes the increments of positions that known masses make out of all, which are in rows
    /// component by component.
    fn take_out_velocities(&self, masses: &[f64], chunks: &[ChunkNodes], rows: &mut [f64]) {
        let each = self.components.len() / 2 / masses.len().max(1);
        let components = masses.iter().flat_map(|m| vec![m; each]);
        for (k, mass) in components.enumerate() {
            let rows = &mut rows[k * self.intervals..][..self.intervals];
            for (chunk, range) in chunks.iter().zip(&self.chunks) {
                let nodes = chunk.weights.iter().zip(chunk.states.chunks_exact(self.dim));
                let moved: Vec<f64> =
                    nodes.map(|(weight, z)| weight * z[self.dim / 2 + k] / mass).collect();
                let intervals = rows[range.clone()].iter_mut().zip(moved.chunks(self.each.max(1)));
                intervals.for_each(|(row, moved)| *row -= moved.iter().sum::<f64>());
            }
        }
    }

    /// With the share of some columns, in blocks of rows as [`Paths::design`] has them, taken out of
    /// all that is asked for.
    pub fn without(mut self, blocks: &[Array2<f64>]) -> Self {
        for column in columns_in(blocks) {
            let of = |c: &usize| column.iter().skip(*c).step_by(self.dim);
            let by_component: Vec<f64> = self.components.iter().flat_map(of).copied().collect();
            self.others.push(&by_component);
        }
        self.others.reject(&mut self.target);
        self
    }

    /// Number of rows: increments of all components.
    pub fn rows(&self) -> usize {
        self.components.len() * self.intervals
    }

    /// The range of a scalar, or of all those of a class.
    pub fn range(&self, scalar: usize) -> (f64, f64) {
        let ranges = self.members[scalar].iter().map(|&k| self.scalars[k].range);
        ranges.fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Whether a node lies in rows that count.
    pub fn counts(&self, node: usize) -> bool {
        let interval = node / self.each;
        self.factors.iter().skip(interval).step_by(self.intervals).any(|factor| *factor != 0.0)
    }

    /// The scalars of a class; of a scalar itself.
    pub fn members(&self, scalar: usize) -> &[usize] {
        &self.members[scalar]
    }

    /// The values of a scalar.
    pub fn values(&self, scalar: usize) -> &[f64] {
        &self.scalars[scalar].values
    }

    /// The rows of the increments of positions; those of momenta follow.
    pub fn positions(&self) -> Range<usize> {
        0..self.rows() / 2
    }

    /// Writes the increments that a function of some scalars makes, weighted and made uncorrelated:
    /// `slopes` are its derivatives by each of the scalars at the nodes. Says whether they are
    /// finite.
    pub fn column(&self, slopes: &[(usize, Vec<f64>)], column: &mut Vec<f64>) -> bool {
        column.clear();
        column.resize(self.rows(), 0.0);
        for (scalar, slope) in slopes {
            for (component, moves) in &self.scalars[*scalar].moves {
                let rows = &mut column[component * self.intervals..][..self.intervals];
                let nodes =
                    slope.chunks_exact(self.each).zip_inlined(moves.chunks_exact(self.each));
                for (row, (slope, moves)) in rows.iter_mut().zip_inlined(nodes) {
                    let mut sum = 0.0;
                    for (s, m) in slope.iter().zip_inlined(moves) {
                        sum += s * m;
                    }
                    *row += sum;
                }
            }
        }
        self.finish(column);
        self.others.reject(column);
        column.iter().all(|x| x.is_finite())
    }

    fn finish(&self, column: &mut [f64]) {
        for rows in column.chunks_exact_mut(self.intervals.max(1)) {
            for chunk in &self.chunks {
                let mut last = 0.0;
                let correlated = rows[chunk.clone()].iter_mut().zip_inlined(&self.correlation);
                for (x, (below, diagonal)) in correlated {
                    *x = (*x - below * last) / diagonal;
                    last = *x;
                }
            }
        }
        for (x, f) in column.iter_mut().zip_inlined(&self.factors) {
            // A row that counts for nothing may be anything.
            *x = if *f == 0.0 { 0.0 } else { *x * f };
        }
    }
}

fn at_nodes<const D: usize>(
    inputs: &Inputs,
    set: &ScalarSet,
    chunks: &[ChunkNodes],
) -> Vec<AtNodes> {
    let dim = set.state_len();
    let moved = |scalar: &Scalar| -> Vec<usize> {
        // dq_i/dt is the derivative by p_i, dp_i/dt minus that by q_i.
        let names = scalar.vectors().flat_map(|v| v.terms());
        let moving = names.filter(|(name, _)| inputs.moves(name));
        let slots = moving.filter_map(|(name, _)| inputs.slot(name));
        let mut components: Vec<usize> =
            slots.flat_map(|slot| slot * D..slot * D + D).map(|c| (c + dim / 2) % dim).collect();
        components.sort_unstable();
        components.dedup();
        components
    };
    let mut found: Vec<AtNodes> = set
        .scalars()
        .iter()
        .map(|s| AtNodes {
            values: Vec::new(),
            range: (f64::INFINITY, f64::NEG_INFINITY),
            moves: moved(s).into_iter().map(|c| (c, Vec::new())).collect(),
        })
        .collect();
    let mut frame = set.frame::<D>();
    let (mut values, mut gradient) = (vec![Lanes::zero(); set.len()], vec![Lanes::zero(); dim]);
    let mut one = vec![Lanes::zero(); set.len()];
    for chunk in chunks {
        for (weight, z) in chunk.weights.iter().zip(chunk.states.chunks_exact(dim)) {
            let z: Vec<Lanes> = z.iter().map(|x| Lanes::splat(*x)).collect();
            set.values_into(&z, &mut frame, &mut values);
            for (k, at) in found.iter_mut().enumerate() {
                let value = values[k].0[0];
                at.values.push(value);
                at.range = (at.range.0.min(value), at.range.1.max(value));
                one[k] = Lanes::splat(1.0);
                set.gradient_into(&one, &mut frame, &mut gradient);
                one[k] = Lanes::zero();
                for (c, moves) in &mut at.moves {
                    let field = if *c < dim / 2 {
                        gradient[*c + dim / 2].0[0]
                    } else {
                        -gradient[*c - dim / 2].0[0]
                    };
                    moves.push(weight * field);
                }
            }
        }
    }
    found
}
