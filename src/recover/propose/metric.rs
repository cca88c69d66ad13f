//! Forms of one part in noise: how much less likely each makes the chunks, to second order, all
//! other parts free.

use ndarray::{Array1, Array2, Axis, concatenate, s};

use crate::expr::{Expr, Scalar};
use crate::linalg::{self, Whitening, least_squares, triangular_factor, with_ridge};
use crate::recover::learn::eliminate::{eliminate_terms, solve_with};
use crate::recover::learn::fitted::Fitted;
use crate::recover::problem::noise_model::NoiseModel;
use crate::recover::split::{Part, PartSamples};

/// The information that the chunks have on a part's functions: chi squared grows by |R (theta -
/// learned)|^2.
///
/// A form is one of these functions as far as its slopes at the samples are the functions', so that
/// theta is a linear map of its slopes.
pub(crate) struct Metric<'a> {
    /// R times the map from slopes to theta.
    slopes: Array2<f64>,
    /// R times what was learned.
    learned: Array1<f64>,
    /// The map from slopes to the nearest that the part's functions have, weighted.
    nearest: Array2<f64>,
    /// The weight of each slope.
    weights: Array1<f64>,
    samples: &'a PartSamples,
    variables: Vec<Scalar>,
    noise_model: &'a NoiseModel,
}

/// Directions of a part's functions below this relative singular value have no slope.
const FLAT: f64 = 1e-6;

/// No slope is known better than this part of the worst.
const SURE: f64 = 1e-3;

/// A step that lowers chi squared by less than this part is the last.
const LEAST: f64 = 1e-6;

/// What functions don't follow of a term that is no more than a spike to them, relative to its
/// slopes.
const SPIKE: f64 = 0.5;

/// What a term of a polynomial must lower chi squared by.
const PRICE: f64 = 12.0;

impl<'a> Metric<'a> {
    /// From a fit in noise, whose factor is in units of it.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn new(
        fitted: &Fitted,
        part: &Part,
        samples: &'a PartSamples,
        scalars: &[Scalar],
        noise_model: &'a NoiseModel,
    ) -> linalg::Result<Self> {
        let n = fitted.theta.len();
        let others: Vec<usize> =
            (0..n).filter(|k| part.columns.binary_search(k).is_err()).collect();
        let order: Vec<usize> =
            others.iter().copied().chain(part.columns.iter().copied()).chain([n]).collect();
        let factor = triangular_factor(&[fitted.factor.select(Axis(1), &order)])?;
        let information = factor.slice(s![others.len()..n, others.len()..n]);
        // The pseudo-inverse of the slopes of all functions; where the data say little of slopes,
        // beyond most of them, these count little.
        let (m, floor) =
            (samples.errors.ncols(), samples.errors.iter().fold(0.0, |a: f64, e| a.max(*e)) * SURE);
        let weights = Array1::from_shape_fn(samples.design.nrows(), |i| {
            1.0 / samples.errors[[i / m, i % m]].max(floor)
        });
        let rows = weights.insert_axis(Axis(1));
        let design = &samples.design * &rows;
        let whitening = Whitening::new(&triangular_factor(std::slice::from_ref(&design))?, FLAT)?;
        let w = whitening.matrix();
        let map = w.dot(&(design.dot(w) * &rows).t());
        let variables = part.scalars.iter().map(|&i| scalars[i].clone()).collect();
        let learned = factor.slice(s![others.len()..n, n]).to_owned();
        let nearest = design.dot(&map);
        Ok(Self {
            slopes: information.dot(&map),
            learned,
            nearest,
            weights: rows.remove_axis(Axis(1)),
            samples,
            variables,
            noise_model,
        })
    }

    /// The errors of slopes, by one variable after the other, that this takes for independent and
    /// of unit deviation.
    pub fn whitening(&self) -> Array2<f64> {
        let m = self.variables.len();
        let order: Vec<usize> = (0..m).flat_map(|k| (k..self.slopes.ncols()).step_by(m)).collect();
        self.slopes.select(Axis(1), &order)
    }

    /// A form with the constants that fit best, and the misfit of the whole with it.
    pub fn adjust(&self, form: &Expr) -> (Expr, f64) {
        let residual =
            |constants: &[f64]| self.slopes.dot(&self.slopes_of(form, constants)) - &self.learned;
        let (constants, rest) = least_squares(form.constants(), &residual, LEAST, &|| false);
        let misfit = self.noise_model.misfit(self.noise_model.chi_squared + rest.dot(&rest));
        (form.with_constants(&constants), misfit)
    }

    /// Whether the part's functions can follow each term of a form. What only a spike does they
    /// don't see, and the data hardly.
    pub fn sees(&self, form: &Expr) -> bool {
        let terms =
            if let Expr::Sum(terms) = form { &terms[..] } else { std::slice::from_ref(form) };
        terms.iter().filter(|term| !matches!(term, Expr::Constant(_))).all(|term| {
            let slopes = self.slopes_of(term, &term.constants());
            let weighted = &slopes * &self.weights;
            let missed = &weighted - &self.nearest.dot(&slopes);
            missed.dot(&missed) <= SPIKE * SPIKE * weighted.dot(&weighted)
        })
    }

    /// Those of some terms that the data demand, with their coefficients.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn sparsest(&self, terms: &[Expr]) -> linalg::Result<(Vec<usize>, Vec<f64>)> {
        let mut design = Array2::zeros((self.learned.len(), terms.len()));
        for (mut column, term) in design.columns_mut().into_iter().zip(terms) {
            column.assign(&self.slopes.dot(&self.slopes_of(term, &term.constants())));
        }
        let augmented = concatenate![Axis(1), design, self.learned.clone().insert_axis(Axis(1))];
        let ranks: Vec<usize> = terms.iter().map(Expr::complexity).collect();
        let factor = with_ridge(&triangular_factor(&[augmented])?)?;
        let kept = eliminate_terms(&factor, &ranks, PRICE, 0.0)?;
        let coefficients = solve_with(&factor, &kept)?;
        Ok((kept, coefficients))
    }

    /// Derivatives by each variable at the samples, by central differences.
    fn slopes_of(&self, form: &Expr, constants: &[f64]) -> Array1<f64> {
        let scalars = form.scalars();
        let m = self.variables.len();
        let places: Vec<usize> = scalars
            .iter()
            .map(|s| self.variables.iter().position(|v| v == s).unwrap_or(0))
            .collect();
        let slope = |at: usize| self.samples.partial(form, constants, &places, (at / m, at % m));
        (0..self.samples.inputs.nrows() * m).map(slope).collect()
    }
}
