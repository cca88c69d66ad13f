//! Targets with fewer variables: factors that are powers divided out, and a product of powers as
//! one variable.
//!
//! A quadratic in the logarithms of the variables, fitted to the logarithm of the values, tells
//! what to try: a variable without a quadratic part is a factor, and a matrix of second derivatives
//! of rank one belongs to a function of one product of powers. What it tells is a guess; the search
//! of the reduced target and the fit of what it finds to the whole decide.

use ndarray::{Array1, Array2};

use crate::linalg::{inverse_spd, svd};
use crate::search::candidate::Job;
use crate::search::form::Form;
use crate::search::front::Front;
use crate::search::target::Target;

/// A target with fewer variables.
pub(crate) struct Reduction {
    pub target: Target,
    /// Exponents of the variables in the factor that was divided out.
    factor: Vec<f64>,
    /// The variables of the reduced target.
    variables: Vec<Form>,
}

/// Exponents further from a multiple of 1/2 are not rounded.
const ROUNDED: f64 = 0.15;

/// Fitted quadratic in the logarithms: gradient and second derivatives with their standard errors.
struct Quadratic {
    gradient: Vec<f64>,
    gradient_errors: Vec<f64>,
    second: Array2<f64>,
    second_errors: Array2<f64>,
}

/// The power product with these exponents as a form.
fn monomial(exponents: &[f64]) -> Form {
    let powers = exponents.iter().enumerate().filter(|(_, n)| **n != 0.0);
    Form::product_of(powers.map(|(i, n)| Form::Variable(i).power(*n)).collect())
}

fn half(x: f64) -> Option<f64> {
    let rounded = (2.0 * x).round() / 2.0;
    ((rounded - x).abs() < ROUNDED).then_some(rounded)
}

/// Targets to be searched in the place of one with values of one sign over variables above zero.
pub(crate) fn reductions(target: &Target) -> Vec<Reduction> {
    let Some(quadratic) = Quadratic::fit(target) else { return vec![] };
    let (one, fewer) = (quadratic.power_product(), quadratic.factors());
    let reduced = [one, fewer].into_iter().flatten();
    reduced.filter_map(|(factor, variables)| Reduction::new(target, factor, variables)).collect()
}

impl Quadratic {
    fn fit(target: &Target) -> Option<Self> {
        let (x, y) = (target.inputs(), target.values_alone()?);
        let m = x.ncols();
        let columns = 1 + m + m * (m + 1) / 2;
        let sign = y.iter().all(|y| *y > 0.0) || y.iter().all(|y| *y < 0.0);
        if m < 2 || !sign || x.iter().any(|x| *x <= 0.0) || y.len() < 3 * columns {
            return None;
        }
        let logs = x.mapv(f64::ln);
        let means = logs.mean_axis(ndarray::Axis(0))?;
        let z = logs - means;
        let pairs: Vec<(usize, usize)> = (0..m).flat_map(|i| (i..m).map(move |j| (i, j))).collect();
        let design = Array2::from_shape_fn((y.len(), columns), |(row, k)| match k {
            0 => 1.0,
            k if k <= m => z[[row, k - 1]],
            k => {
                let (i, j) = pairs[k - m - 1];
                z[[row, i]] * z[[row, j]] * if i == j { 0.5 } else { 1.0 }
            }
        });
        let g = y.mapv(|y| y.abs().ln());
        let scale: Array1<f64> = design.columns().into_iter().map(|c| c.dot(&c).sqrt()).collect();
        let gram = Array2::from_shape_fn((columns, columns), |(i, j)| {
            design.column(i).dot(&design.column(j)) / (scale[i] * scale[j])
        });
        let inverse = inverse_spd(&gram).ok()?;
        let right = design.t().dot(&g) / &scale;
        let solution = inverse.dot(&right) / &scale;
        let misfit =
            (&g - &design.dot(&solution)).mapv(|r| r * r).sum() / (y.len() - columns) as f64;
        let error = |k: usize| (misfit * inverse[[k, k]].max(0.0)).sqrt() / scale[k];
        let mut second = Array2::zeros((m, m));
        let mut second_errors = second.clone();
        for (k, (i, j)) in pairs.into_iter().enumerate() {
            for (i, j) in [(i, j), (j, i)] {
                second[[i, j]] = solution[m + 1 + k];
                second_errors[[i, j]] = error(m + 1 + k);
            }
        }
        Some(Self {
            gradient: (1..=m).map(|k| solution[k]).collect(),
            gradient_errors: (1..=m).map(error).collect(),
            second,
            second_errors,
        })
    }

    /// A factor and one product of powers as the only variable.
    fn power_product(&self) -> Option<(Vec<f64>, Vec<Form>)> {
        let (vectors, ..) = svd(&self.second).ok()?;
        let direction = vectors.column(0);
        let k = (0..direction.len())
            .max_by(|&a, &b| direction[a].abs().total_cmp(&direction[b].abs()))?;
        if self.second[[k, k]].abs() < 3.0 * self.second_errors[[k, k]] {
            return None;
        }
        let exponents: Vec<f64> =
            direction.iter().map(|v| half(v / direction[k])).collect::<Option<_>>()?;
        let left =
            self.gradient.iter().zip(&exponents).map(|(p, a)| half(p - self.gradient[k] * a));
        let factor = left.collect::<Option<Vec<f64>>>()?;
        Some((factor, vec![monomial(&exponents)]))
    }

    /// A factor of the variables that nothing else depends on; the others stay.
    fn factors(&self) -> Option<(Vec<f64>, Vec<Form>)> {
        let m = self.gradient.len();
        let largest = self.second.iter().fold(0.0, |most: f64, q| most.max(q.abs()));
        let is_factor = |i: usize| {
            let flat = (0..m).all(|j| {
                self.second[[i, j]].abs() < (4.0 * self.second_errors[[i, j]]).max(0.05 * largest)
            });
            flat && self.gradient_errors[i] < 0.1
                && half(self.gradient[i]).is_some_and(|n| n != 0.0)
        };
        let factor: Vec<f64> = (0..m)
            .map(|i| if is_factor(i) { half(self.gradient[i]).unwrap_or(0.0) } else { 0.0 })
            .collect();
        let rest: Vec<Form> = (0..m).filter(|&i| factor[i] == 0.0).map(Form::Variable).collect();
        (!rest.is_empty() && rest.len() < m).then_some((factor, rest))
    }
}

impl Reduction {
    fn new(target: &Target, factor: Vec<f64>, variables: Vec<Form>) -> Option<Self> {
        let x = target.inputs();
        let rows: Vec<Vec<f64>> = x.rows().into_iter().map(|r| r.to_vec()).collect();
        let inputs = Array2::from_shape_fn((rows.len(), variables.len()), |(i, j)| {
            variables[j].evaluate(&[], &rows[i])
        });
        let divisor: Array1<f64> = rows
            .iter()
            .map(|row| row.iter().zip(&factor).map(|(x, n)| x.powf(*n)).product())
            .collect();
        let target = target.divided(inputs, &divisor)?;
        Some(Self { target, factor, variables })
    }

    /// Forms found for the reduced target as forms of the whole, with their constants.
    pub fn lifted(&self, front: &Front) -> Vec<(Form, Vec<f64>)> {
        let lift = |form: &Form| self.lift(form);
        front.entries.iter().map(|found| (lift(&found.form), found.constants.clone())).collect()
    }

    fn lift(&self, form: &Form) -> Form {
        let terms =
            if let Form::Sum(terms) = form { terms.as_slice() } else { std::slice::from_ref(form) };
        // The factor goes to every term: coefficients stay outside.
        let term = |t: &Form| {
            let mut factors = match self.substituted(t) {
                Form::Product(factors) => factors,
                other => vec![other],
            };
            if self.factor.iter().any(|n| *n != 0.0) {
                factors.push(monomial(&self.factor));
            }
            Form::product_of(factors)
        };
        Form::sum_of(terms.iter().map(term).collect())
    }

    fn substituted(&self, form: &Form) -> Form {
        match form {
            Form::Variable(i) => self.variables.get(*i).cloned().unwrap_or_else(|| form.clone()),
            other => other.map_children(&mut |c| self.substituted(c)),
        }
    }
}

/// Jobs for forms with values of their constants, and for their normal forms.
pub(crate) fn jobs(
    forms: Vec<(Form, Vec<f64>)>,
    normal: impl Fn(&Form) -> Form,
    inner: impl Fn(&Form, &[f64]) -> Vec<Option<f64>>,
) -> Vec<Job> {
    let both = forms.into_iter().flat_map(|(form, constants)| {
        let hints = inner(&form, &constants);
        let other = Job { form: normal(&form), hints: Vec::new() };
        [Job { form, hints }, other]
    });
    both.collect()
}
