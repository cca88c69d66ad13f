//! Closed forms for the parts of a learned Hamiltonian.

use ndarray::{Array1, Array2, Axis, concatenate};

use crate::expr::{Expr, Scalar};
use crate::linalg::{triangular_factor, with_ridge};
use crate::recover::error::RecoverError;
use crate::recover::form::PartForm;
use crate::recover::learn::eliminate::{eliminate_terms, solve_with};
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::form_on_paths::Rest;
use crate::recover::problem::learner::Learner;
use crate::recover::propose::absorb::absorbed;
use crate::recover::propose::metric::Metric;
use crate::recover::propose::part_search::Searches;
use crate::recover::split::{Part, PartSamples};

/// Terms of a polynomial, at most.
const MOST_POWERS: usize = 6;

/// Highest total degree of polynomials.
const POLYNOMIAL: usize = 4;

/// Evaluations of a first and of a second search.
const EVALUATIONS: [usize; 2] = [400, 4_000];

/// In noise a more complex form may yet have a simpler rival that a first search doesn't come to.
const COVERED: usize = 7;

/// Evaluations when the time is over.
const HURRIED: usize = 40;

/// Singular values of the products' coefficients below this part of the largest are none: the
/// products are one product of two functions.
const RANK_ONE: f64 = 1e-2;

impl Learner<'_> {
    /// Forms of a part, simple ones first, each with its misfit. Where a short search finds none
    /// that explains it, a `thorough` one follows. Never empty: where no closed form is found the
    /// part is given as it was learned.
    ///
    /// # Errors
    /// Numbers that are not finite, a search that has nothing to go by.
    pub(crate) fn forms(
        &self,
        fitted: &Fitted,
        part: &Part,
        thorough: bool,
        searches: &mut Searches,
    ) -> Result<Vec<PartForm>, RecoverError> {
        if let [scalar] = part.scalars[..]
            && self.is_square(scalar)
        {
            return Ok(vec![self.square(fitted, part, scalar)]);
        }
        let samples = self.samples(fitted, part)?;
        let rest = self.rest(fitted, &part.columns);
        let metric = self
            .noise_model()
            .map(|noise_model| Metric::new(fitted, part, &samples, self.scalars(), noise_model))
            .transpose()?;
        let mut forms: Vec<PartForm> = Vec::new();
        let rounds = if thorough { 2 } else { 1 };
        let as_good = |forms: &[PartForm]| {
            let known = |f: &PartForm| metric.is_none() || f.complexity <= COVERED;
            forms.iter().any(|f| known(f) && self.is_as_good(f.misfit, fitted, part.columns.len()))
        };
        for (round, evaluations) in EVALUATIONS.into_iter().take(rounds).enumerate() {
            let evaluations = if self.late() { HURRIED } else { evaluations };
            let mut candidates = Vec::new();
            if round == 0 {
                candidates.extend(self.polynomial(part, &rest, metric.as_ref())?);
                if part.scalars.len() > 1 {
                    candidates.extend(self.separated(fitted, part, &samples, searches)?);
                }
            }
            // A search over several scalars is dear: what is known may do.
            if part.scalars.len() == 1 || round > 0 {
                let variables: Vec<Expr> =
                    part.scalars.iter().map(|&i| Expr::Scalar(self.scalars()[i].clone())).collect();
                candidates.extend(searches.forms(
                    &variables,
                    &samples,
                    evaluations,
                    metric.as_ref(),
                ));
            }
            for expression in candidates {
                let expression = absorbed(&if metric.is_some() {
                    with_coefficients(&expression)
                } else {
                    expression
                });
                if forms.iter().any(|f| shape(&f.expression) == shape(&expression)) {
                    continue;
                }
                let (expression, misfit) = match &metric {
                    Some(metric) => metric.adjust(&expression),
                    None => self.adjust_part(&expression, &rest)?,
                };
                if misfit.is_finite()
                    && metric.as_ref().is_none_or(|metric| metric.sees(&expression))
                {
                    let complexity = expression.complexity();
                    log::debug!("    {misfit:.2e} {complexity} {expression}");
                    forms.push(PartForm { expression, misfit, complexity });
                }
                // What is as good as all that was learned needs no successor, but noise hides much.
                if metric.is_none() && as_good(&forms) {
                    break;
                }
            }
            if as_good(&forms) || self.late() {
                break;
            }
        }
        if forms.is_empty() {
            let theta: Vec<f64> = part.columns.iter().map(|&k| fitted.theta[k]).collect();
            let basis = fitted.model.function().subset(&part.columns);
            let expression = basis.expression(&theta, fitted.model.scalars().scalars());
            forms.push(PartForm {
                complexity: expression.complexity(),
                misfit: fitted.misfit,
                expression,
            });
        }
        forms.sort_by(|a, b| a.complexity.cmp(&b.complexity).then(a.misfit.total_cmp(&b.misfit)));
        Ok(forms)
    }

    /// The square of a scalar that is in the law as that alone.
    fn square(&self, fitted: &Fitted, part: &Part, scalar: usize) -> PartForm {
        let basis = fitted.model.function();
        let of_column = |&k: &usize| -> f64 {
            let widths =
                basis.functions()[k].iter().map(|(axis, _)| basis.axes()[*axis].half_width);
            fitted.theta[k] / widths.product::<f64>()
        };
        let coefficient = part.columns.iter().map(of_column).sum();
        let square = Expr::pow(Expr::Scalar(self.scalars()[scalar].clone()), 2.0);
        let expression = Expr::product([Expr::Constant(coefficient), square]);
        PartForm { complexity: expression.complexity(), misfit: fitted.misfit, expression }
    }

    /// c f(x) g(y) + u(x) + v(y) where the part is that: the coefficients of its products of
    /// polynomials, as a matrix over the degrees, have rank one; f and g are searched on their own,
    /// then what the product leaves of the slopes by x and by y.
    fn separated(
        &self,
        fitted: &Fitted,
        part: &Part,
        samples: &PartSamples,
        searches: &mut Searches,
    ) -> Result<Vec<Expr>, RecoverError> {
        let basis = fitted.model.function();
        let products: Vec<usize> =
            part.columns.iter().copied().filter(|&k| basis.functions()[k].len() == 2).collect();
        let Some(first) = products.first().map(|&k| &basis.functions()[k]) else {
            return Ok(Vec::new());
        };
        let axes = (first[0].0, first[1].0);
        if part.scalars.len() != 2
            || products
                .iter()
                .any(|&k| (basis.functions()[k][0].0, basis.functions()[k][1].0) != axes)
        {
            return Ok(Vec::new());
        }
        let n = 1 + products
            .iter()
            .flat_map(|&k| &basis.functions()[k])
            .map(|(_, d)| *d)
            .max()
            .unwrap_or(0);
        let mut coefficients = Array2::zeros((n, n));
        for &k in &products {
            coefficients[[basis.functions()[k][0].1, basis.functions()[k][1].1]] = fitted.theta[k];
        }
        let (u, sigma, vt) = crate::linalg::svd(&coefficients)?;
        log::debug!("  separability: {:.2e} {:.2e}", sigma[0], sigma[1]);
        if sigma[1] > RANK_ONE * sigma[0] {
            return Ok(Vec::new());
        }
        // Which of the part's scalars belongs to which factor.
        let column = |axis: usize| {
            part.scalars.iter().position(|&i| i == basis.axes()[axis].scalar).unwrap_or(0)
        };
        let columns = [column(axes.0), column(axes.1)];
        let scalar = |k: usize| Expr::Scalar(self.scalars()[part.scalars[columns[k]]].clone());
        let mut factors = Vec::new();
        for (k, (axis, coefficients)) in
            [(axes.0, u.column(0).to_owned()), (axes.1, vt.row(0).to_owned())]
                .into_iter()
                .enumerate()
        {
            let x = samples.inputs.column(columns[k]).to_owned();
            let slopes = x.mapv(|x| basis.axes()[axis].slope(&coefficients.to_vec(), x));
            let alone = PartSamples::of_one(x, slopes);
            let found = searches.forms(&[scalar(k)], &alone, EVALUATIONS[0], None);
            let Some(form) = found.last() else { return Ok(Vec::new()) };
            let form = simplest_that_fits(&found, &scalar(k), &alone).unwrap_or(form).clone();
            factors.push(form);
        }
        let product =
            Expr::product([Expr::Constant(sigma[0]), factors[0].clone(), factors[1].clone()]);
        log::debug!("  product: {product}");
        let mut sum = vec![product.clone()];
        for k in 0..2 {
            let slopes = partial(&product, &[scalar(0), scalar(1)], k, samples, columns);
            let left = &samples.slopes.column(columns[k]) - &slopes;
            let alone = PartSamples::of_one(samples.inputs.column(columns[k]).to_owned(), left);
            if let Some(form) = searches.forms(&[scalar(k)], &alone, EVALUATIONS[0], None).last() {
                sum.push(form.clone());
            }
        }
        Ok(vec![Expr::sum(sum), product])
    }

    /// The sparsest polynomial that explains the part, if few terms do.
    fn polynomial(
        &self,
        part: &Part,
        rest: &Rest,
        metric: Option<&Metric>,
    ) -> Result<Option<Expr>, RecoverError> {
        let scalars: Vec<Expr> =
            part.scalars.iter().map(|&i| Expr::Scalar(self.scalars()[i].clone())).collect();
        let exponents = exponents(scalars.len(), if scalars.len() == 1 { 6 } else { POLYNOMIAL });
        if exponents.len() > 80 {
            return Ok(None);
        }
        let term = |e: &Vec<usize>| {
            Expr::product(scalars.iter().zip(e).map(|(s, &n)| Expr::pow(s.clone(), n as f64)))
        };
        let terms: Vec<Expr> = exponents.iter().map(term).collect();
        let sum = |kept: &[usize], coefficients: Vec<f64>| {
            Expr::sum(
                kept.iter()
                    .zip(coefficients)
                    .map(|(&k, c)| Expr::product([Expr::Constant(c), terms[k].clone()])),
            )
        };
        if let Some(metric) = metric {
            let (kept, coefficients) = metric.sparsest(&terms)?;
            return Ok((kept.len() <= MOST_POWERS).then(|| sum(&kept, coefficients)));
        }
        let design = self.columns(&terms, &rest.paths)?;
        let augmented = concatenate![Axis(1), design, rest.target.clone().insert_axis(Axis(1))];
        let (rows, n) = (augmented.nrows(), terms.len());
        let factor = with_ridge(&triangular_factor(&[augmented])?)?;
        let squares = factor[[n, n]] * factor[[n, n]];
        let price = (rows.max(2) as f64).ln() * squares / rows.saturating_sub(n).max(1) as f64;
        let ranks: Vec<usize> = exponents.iter().map(|e| e.iter().sum()).collect();
        let y = factor.column(n);
        let kept = eliminate_terms(&factor, &ranks, 3.0 * price, 1e-14 * y.dot(&y))?;
        if kept.len() > if scalars.len() == 1 { 3 } else { MOST_POWERS } {
            return Ok(None);
        }
        let coefficients = solve_with(&factor, &kept)?;
        Ok(Some(sum(&kept, coefficients)))
    }
}

/// What is left of a form without its constants; fractional exponents stay.
fn shape(form: &Expr) -> Expr {
    match form {
        Expr::Constant(_) => Expr::Constant(1.0),
        _ => form.map_children(shape),
    }
}

/// With a coefficient to every term: a search that knows the noise takes one within its error of
/// one for none, but that is for snapping to say.
fn with_coefficients(form: &Expr) -> Expr {
    let term = |term: &Expr| match term {
        Expr::Constant(_) => term.clone(),
        Expr::Product(factors) if matches!(factors.first(), Some(Expr::Constant(_))) => {
            term.clone()
        }
        Expr::Product(factors) => Expr::Product([&[Expr::Constant(1.0)], &factors[..]].concat()),
        other => Expr::Product(vec![Expr::Constant(1.0), other.clone()]),
    };
    match form {
        Expr::Sum(terms) => Expr::Sum(terms.iter().map(term).collect()),
        other => term(other),
    }
}

/// The first form whose slopes agree with the samples.
fn simplest_that_fits<'a>(
    forms: &'a [Expr],
    variable: &Expr,
    samples: &PartSamples,
) -> Option<&'a Expr> {
    let size = samples.slopes.column(0).dot(&samples.slopes.column(0));
    forms.iter().find(|form| {
        let slopes = partial(form, std::slice::from_ref(variable), 0, samples, [0, 0]);
        let left = &samples.slopes.column(0) - &slopes;
        left.dot(&left) < 1e-8 * size
    })
}

/// Derivative of a form by one of its variables at the samples; `columns` says where the variables
/// stand there.
fn partial(
    form: &Expr,
    variables: &[Expr],
    by: usize,
    samples: &PartSamples,
    columns: [usize; 2],
) -> Array1<f64> {
    let column = |s: &Scalar| {
        columns[variables.iter().position(|v| *v == Expr::Scalar(s.clone())).unwrap_or(0)]
    };
    let places: Vec<usize> = form.scalars().iter().map(column).collect();
    let constants = form.constants();
    (0..samples.inputs.nrows())
        .map(|row| samples.partial(form, &constants, &places, (row, columns[by])))
        .collect()
}

/// All exponents of `m` factors with a total from 1 to `degree`.
fn exponents(m: usize, degree: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..m {
        all = all
            .iter()
            .flat_map(|e| (0..=degree).map(move |n| e.iter().copied().chain([n]).collect()))
            .collect();
    }
    all.retain(|e: &Vec<usize>| (1..=degree).contains(&e.iter().sum()));
    all.sort_by_key(|e| e.iter().sum::<usize>());
    all
}
