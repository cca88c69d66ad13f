//! From a learned Hamiltonian in a basis to a sparse sum of powers of scalars.

use ndarray::{Array1, Array2, Axis, concatenate, s};

use crate::basis::{Basis, Term};
use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::linalg::{self, Choice, eliminate, select, triangular_factor, triangular_inverse};
use crate::loss::RolloutLoss;
use crate::model::ScalarHamiltonian;
use crate::scalars::ScalarFunction;
use crate::train::Learned;

/// A sum of terms, with what leaving out the others costs.
#[derive(Clone, Debug)]
pub struct Law {
    /// Sum of coefficient times powers of scalars.
    pub expression: Expr,
    /// Sum of squared residuals above that of the full basis, on the quadratic model of the loss.
    pub increase: f64,
}

/// Laws of growing number of terms, and which of them the data demand.
#[derive(Clone, Debug)]
pub struct Laws {
    /// The laws, fewest terms first, each the best found of its size.
    pub laws: Vec<Law>,
    /// Index of the chosen one.
    pub chosen: usize,
}

/// What an extra term must earn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Increase of the sum of squares that one term fewer is worth.
    pub price: f64,
    /// Increase of the sum of squares that is of no account in all.
    pub floor: f64,
}

/// A term of the final form: an expression without its coefficient.
struct Monomial {
    expression: Expr,
    degree: usize,
    /// Its column as a combination of the basis's columns.
    column: Vec<(usize, f64)>,
}

impl Laws {
    /// Eliminates first the functions of the basis, then, in powers of the scalars that are left, the powers.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn find(learned: &Learned, chunks: &[Trajectory], threshold: Threshold) -> linalg::Result<Self> {
        // With all degrees: a power of a scalar has parts in each.
        let (basis, places) = learned.model.function().filled();
        let n = basis.parameters();
        let mut theta = vec![0.0; n];
        places.iter().zip(&learned.fit.theta).for_each(|(&k, c)| theta[k] = *c);
        let model = ScalarHamiltonian::new(learned.model.scalars().clone(), basis);
        let basis = model.function();
        let loss = RolloutLoss::new(&model, chunks, &learned.settings.weights, learned.settings.rollout.clone());
        let factor = triangular_factor(&loss.jacobian(&theta))?;
        // |J c - y|^2 with y = J theta - r, for the residuals r at theta.
        let y = factor.slice(s![.., ..n]).dot(&Array1::from(theta)) - factor.column(n);
        let augmented = with_column(&factor.slice(s![.., ..n]).to_owned(), &y);
        let degrees = basis.degrees();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&k| degrees[k]);
        let functions = eliminate(&augmented, &order)?;
        let kept = select(&functions, threshold.price, threshold.floor).map_or(vec![], |c| c.kept.clone());

        let monomials = monomials(&model, &kept)?;
        let columns: Vec<Array1<f64>> = monomials
            .iter()
            .map(|m| m.column.iter().fold(Array1::zeros(factor.nrows()), |sum, (k, c)| sum + &factor.column(*k) * *c))
            .collect();
        let design = Array2::from_shape_fn((factor.nrows(), columns.len()), |(i, k)| columns[k][i]);
        let mut order: Vec<usize> = (0..monomials.len()).collect();
        order.sort_by_key(|&k| monomials[k].degree);
        let mut choices = eliminate(&with_column(&design, &y), &order)?;
        let kept = select(&choices, threshold.price, threshold.floor).map_or(0, |c| c.kept.len());
        choices.reverse();
        let chosen = choices.iter().position(|c| c.kept.len() == kept).unwrap_or(0);
        let law = |c: &Choice| Law { expression: sum(&monomials, c), increase: c.increase };
        Ok(Self { laws: choices.iter().map(law).collect(), chosen })
    }
}

fn sum(monomials: &[Monomial], choice: &Choice) -> Expr {
    let term = |(&k, &c): (&usize, &f64)| Expr::product([Expr::Constant(c), monomials[k].expression.clone()]);
    Expr::sum(choice.kept.iter().zip(&choice.coefficients).map(term))
}

fn with_column(a: &Array2<f64>, y: &Array1<f64>) -> Array2<f64> {
    concatenate![Axis(1), a.view(), y.view().insert_axis(Axis(1))]
}

/// The powers of each scalar up to the highest degree kept, and the kept products.
fn monomials(model: &ScalarHamiltonian<Basis>, kept: &[usize]) -> linalg::Result<Vec<Monomial>> {
    let scalars = model.scalars().scalars();
    let mut found = Vec::new();
    let mut first = 0;
    for term in model.function().terms() {
        let here: Vec<usize> = (0..term.parameters()).filter(|k| kept.contains(&(first + k))).collect();
        match term {
            _ if here.is_empty() => {}
            Term::Univariate { scalar, family, degrees } => {
                let highest = here.iter().map(|&k| degrees[k]).max().unwrap_or(0);
                // T_k = sum_m a_km s^m; the inverse gives s^m = sum_k b_mk T_k.
                let mut a = Array2::zeros((highest + 1, highest + 1));
                a[[0, 0]] = 1.0;
                for k in 1..=highest {
                    let mut unit = vec![0.0; highest];
                    unit[k - 1] = 1.0;
                    a.column_mut(k).assign(&Array1::from(family.monomials(&unit)));
                }
                let b = triangular_inverse(&a)?;
                for m in 1..=highest {
                    let column = (1..=m).filter_map(|k| Some((first + degrees.iter().position(|d| *d == k)?, b[[k, m]]))).collect();
                    let expression = Expr::pow(Expr::Scalar(scalars[*scalar].clone()), m as f64);
                    found.push(Monomial { expression, degree: m, column });
                }
            }
            Term::Product { scalars: (i, j), scale } => found.push(Monomial {
                expression: Expr::product([Expr::Scalar(scalars[*i].clone()), Expr::Scalar(scalars[*j].clone())]),
                degree: 2,
                column: vec![(first, *scale)],
            }),
        }
        first += term.parameters();
    }
    Ok(found)
}
