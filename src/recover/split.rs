//! The parts of a learned Hamiltonian: functions of few scalars whose sum it is, with samples of
//! their slopes.

use ndarray::{Array1, Array2, s};

use crate::expr::Expr;
use crate::linalg::{self, LANES, Lanes, Whitening};
use crate::recover::learn::fitted::Fitted;
use crate::recover::problem::learner::Learner;
use crate::train::states;

/// A function of some scalars that is a summand of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Indices of its scalars, ascending.
    pub scalars: Vec<usize>,
    /// Indices of its functions in the basis.
    pub columns: Vec<usize>,
}

/// Slopes of a part at some states of the data.
#[derive(Clone, Debug)]
pub struct PartSamples {
    /// Values of its scalars (samples x scalars).
    pub inputs: Array2<f64>,
    /// Derivatives by each of them.
    pub slopes: Array2<f64>,
    /// Their standard errors.
    pub errors: Array2<f64>,
    /// Derivatives of each function of the part: a row for each sample and, within it, each scalar.
    pub design: Array2<f64>,
}

impl PartSamples {
    /// Exact slopes of a function of one variable.
    pub(crate) fn of_one(inputs: Array1<f64>, slopes: Array1<f64>) -> Self {
        let column = |x: Array1<f64>| x.insert_axis(ndarray::Axis(1));
        let size = (slopes.dot(&slopes) / slopes.len().max(1) as f64).sqrt();
        let errors = Array2::from_elem((inputs.len(), 1), 1e-4 * size);
        Self {
            inputs: column(inputs),
            slopes: column(slopes),
            errors,
            design: Array2::zeros((0, 0)),
        }
    }

    /// Derivative of a form at the sample in a row by the variable in a column, by central
    /// differences; `places` are the columns of the form's scalars.
    pub(crate) fn partial(
        &self,
        form: &Expr,
        constants: &[f64],
        places: &[usize],
        (row, by): (usize, usize),
    ) -> f64 {
        let at = |shift: f64| {
            let values: Vec<f64> = places
                .iter()
                .map(|&p| self.inputs[[row, p]] + if p == by { shift } else { 0.0 })
                .collect();
            form.evaluate_with(&values, constants)
        };
        let step = 1e-5 * self.inputs[[row, by]].abs().max(1e-3);
        (at(step) - at(-step)) / (2.0 * step)
    }
}

/// Singular values below this part of the largest belong to directions that the data don't
/// determine.
const DETERMINED: f64 = 1e-6;

/// Samples of each part.
const SAMPLES: usize = 200;

impl Learner<'_> {
    /// Splits what was learned: scalars that have no function in common are apart.
    pub fn parts(&self, fitted: &Fitted) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for group in &fitted.groups {
            let touches = |p: &Part| p.scalars.iter().any(|s| group.scalars.contains(s));
            let (touched, mut apart): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(touches);
            let mut joined =
                Part { scalars: group.scalars.clone(), columns: group.columns.clone() };
            for part in touched {
                joined.scalars.extend(part.scalars);
                joined.columns.extend(part.columns);
            }
            joined.scalars.sort_unstable();
            joined.scalars.dedup();
            joined.columns.sort_unstable();
            apart.push(joined);
            parts = apart;
        }
        parts.sort_by(|a, b| a.scalars.cmp(&b.scalars));
        parts
    }

    /// Slopes of a part over the states of the training chunks, as evenly spread as they allow.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn samples(&self, fitted: &Fitted, part: &Part) -> linalg::Result<PartSamples> {
        let states = states(self.train());
        let values = fitted.model.scalars().values(states.view());
        let rows =
            spread(&values.select(ndarray::Axis(1), &part.scalars), self.noise_model().is_some());
        let n = fitted.theta.len();
        // Directions that the data don't determine at all (shares that one part may take from
        // another) are no errors of the slopes.
        let r = fitted.factor.slice(s![..n, ..n]);
        let scale: Array1<f64> = r
            .columns()
            .into_iter()
            .map(|c| 1.0 / c.dot(&c).sqrt().max(f64::MIN_POSITIVE))
            .collect();
        let whitening = Whitening::new(&(&r * &scale), DETERMINED)?;
        let inverse = whitening.matrix() * &scale.insert_axis(ndarray::Axis(1));
        let sigma =
            fitted.factor[[n, n]].abs() / (fitted.rows.saturating_sub(n).max(1) as f64).sqrt();
        let sigma = sigma.max(self.resolution());
        let spread = inverse.select(ndarray::Axis(0), &part.columns);
        let m = part.scalars.len();
        let mut samples = PartSamples {
            inputs: Array2::from_shape_fn((rows.len(), m), |(i, k)| {
                values[[rows[i], part.scalars[k]]]
            }),
            slopes: Array2::zeros((rows.len(), m)),
            errors: Array2::zeros((rows.len(), m)),
            design: Array2::zeros((rows.len() * m, part.columns.len())),
        };
        let function = fitted.model.function();
        let mut work =
            vec![Lanes([0.0; LANES]); crate::scalars::ScalarFunction::work_len(function)];
        for (block, rows) in rows.chunks(LANES).enumerate() {
            let s: Vec<Lanes> = (0..values.ncols())
                .map(|i| {
                    Lanes(std::array::from_fn(|lane| values[[rows[lane.min(rows.len() - 1)], i]]))
                })
                .collect();
            let mut gradients: Vec<Array2<f64>> =
                vec![Array2::zeros((m, part.columns.len())); rows.len()];
            function.slopes(&s, &mut work, |k, i, slope| {
                if let (Ok(column), Ok(scalar)) =
                    (part.columns.binary_search(&k), part.scalars.binary_search(&i))
                {
                    for (lane, gradient) in gradients.iter_mut().enumerate() {
                        gradient[[scalar, column]] += slope.0[lane];
                    }
                }
            });
            for (lane, gradient) in gradients.iter().enumerate() {
                let row = block * LANES + lane;
                let deviation = gradient.dot(&spread);
                samples.design.slice_mut(s![row * m..(row + 1) * m, ..]).assign(gradient);
                for k in 0..m {
                    samples.slopes[[row, k]] = part
                        .columns
                        .iter()
                        .zip(gradient.row(k))
                        .map(|(&column, g)| fitted.theta[column] * g)
                        .sum();
                    samples.errors[[row, k]] =
                        sigma * deviation.row(k).dot(&deviation.row(k)).sqrt();
                }
            }
        }
        Ok(samples)
    }
}

/// Rows that cover the range of one column evenly, half by value and half by rank, or all
/// `by_rank`, as often as there are data; of more columns every so many-th.
fn spread(values: &Array2<f64>, by_rank: bool) -> Vec<usize> {
    let n = values.nrows();
    let mut order: Vec<usize> = (0..n).collect();
    if values.ncols() != 1 {
        let stride = (n as f64 / (2 * SAMPLES) as f64).max(1.0);
        return (0..(n as f64 / stride) as usize).map(|i| (i as f64 * stride) as usize).collect();
    }
    order.sort_by(|&a, &b| values[[a, 0]].total_cmp(&values[[b, 0]]));
    let at = |i: usize| values[[order[i], 0]];
    let (low, high) = (at(0), at(n - 1));
    let (ranks, levels) = if by_rank { (SAMPLES, 0) } else { (SAMPLES / 2, SAMPLES / 2) };
    let mut chosen: Vec<usize> = (0..ranks).map(|i| i * (n - 1) / (ranks - 1)).collect();
    chosen.extend((0..levels).map(|i| {
        let wanted = low + (high - low) * i as f64 / (levels - 1) as f64;
        order.partition_point(|&row| values[[row, 0]] < wanted).min(n - 1)
    }));
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().map(|i| order[i]).collect()
}
