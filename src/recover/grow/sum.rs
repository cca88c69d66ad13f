//! A sum of terms fitted to the increments: coefficients by projection, numbers inside by
//! Gauss-Newton steps with the coefficients eliminated.

use crate::expr::Expr;
use crate::linalg::{Projection, dot};
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::term::Term;
use crate::recover::problem::catalogue::Catalogue;

/// A step that lowers the sum of squares by less than this part is the last.
const LEAST: f64 = 1e-4;

/// Relative step of the central differences by a number inside, the cube root of machine epsilon.
const DIFFERENCE: f64 = 6e-6;

/// A sum of terms with what it leaves of the data.
#[derive(Clone, Debug)]
pub(crate) struct Sum {
    pub terms: Vec<Term>,
    columns: Vec<Vec<f64>>,
    pub projection: Projection,
}

impl Sum {
    /// Of no terms.
    pub fn empty(target: &[f64]) -> Self {
        let projection = Projection::of(target.to_vec());
        Self { terms: Vec::new(), columns: Vec::new(), projection }
    }

    /// Of some terms; none where one depends on the others or isn't finite.
    pub fn of(terms: Vec<Term>, nodes: &Nodes, target: &[f64]) -> Option<Self> {
        let mut columns = Vec::new();
        for term in &terms {
            let mut column = Vec::new();
            if !term.column(nodes, &mut column) {
                return None;
            }
            columns.push(column);
        }
        let projection = Projection::on(target.to_vec(), &columns)?;
        Some(Self { terms, columns, projection })
    }

    /// With one more term, whose numbers inside are fitted in so many Gauss-Newton steps at most,
    /// all others staying as they are.
    pub fn with(&self, mut term: Term, steps: usize, nodes: &Nodes) -> Option<Self> {
        let places: Vec<(usize, usize)> = term.places().collect();
        let mut column = Vec::new();
        let mut projection = self.projection.clone();
        if !term.column(nodes, &mut column) || !projection.push(&column) {
            return None;
        }
        for _ in 0..if places.is_empty() { 0 } else { steps } {
            let coefficient = projection.last_coefficient();
            let numbers = places.iter().map(|&place| (&term, place, coefficient));
            // Beside a number that it can't have it stays as it is.
            let Some(step) = step(numbers, &projection, nodes) else { break };
            let before = projection.squares();
            let mut factor = 1.0;
            let better = loop {
                let mut next = term.clone();
                for (&(f, k), step) in places.iter().zip(&step) {
                    *next.0[f].number(k) += factor * step;
                }
                let mut tried = self.projection.clone();
                if next.column(nodes, &mut column)
                    && tried.push(&column)
                    && tried.squares() < before
                {
                    break Some((next, tried));
                }
                if factor < 0.1 {
                    break None;
                }
                factor *= 0.25;
            };
            let Some((next, tried)) = better else { break };
            let done = tried.squares() > (1.0 - LEAST) * before;
            (term, projection) = (next, tried);
            if done {
                break;
            }
        }
        term.column(nodes, &mut column);
        let mut next = self.clone();
        next.projection = projection;
        next.terms.push(term);
        next.columns.push(column);
        Some(next)
    }

    /// Without a term.
    pub fn without(&self, k: usize, target: &[f64]) -> Option<Self> {
        let (mut terms, mut columns) = (self.terms.clone(), self.columns.clone());
        terms.remove(k);
        columns.remove(k);
        let projection = Projection::on(target.to_vec(), &columns)?;
        Some(Self { terms, columns, projection })
    }

    /// Sum of squared residuals.
    pub fn squares(&self) -> f64 {
        self.projection.squares()
    }

    /// The sum as an expression.
    pub fn expression(&self, catalogue: &Catalogue) -> Expr {
        if self.terms.is_empty() {
            return Expr::Sum(Vec::new());
        }
        let coefficients = self.projection.coefficients();
        let term =
            |(c, t): (&f64, &Term)| Expr::product([Expr::Constant(*c), t.expression(catalogue)]);
        Expr::sum(coefficients.iter().zip(&self.terms).map(term))
    }

    /// Whether another sum is of terms of the same kinds.
    pub fn is_like(&self, other: &Self) -> bool {
        self.terms.len() == other.terms.len()
            && self.terms.iter().all(|t| {
                let like = |terms: &[Term]| terms.iter().filter(|o| o.is_like(t)).count();
                like(&self.terms) == like(&other.terms)
            })
    }

    /// Lowers the residual by changing the numbers inside, in so many Gauss-Newton steps at most
    /// (variable projection, Kaufman 1975).
    pub fn polish(&mut self, steps: usize, nodes: &Nodes, target: &[f64]) {
        let of_term = |(t, term)| Term::places(term).map(move |place| (t, place));
        let places: Vec<(usize, (usize, usize))> =
            self.terms.iter().enumerate().flat_map(of_term).collect();
        if places.is_empty() {
            return;
        }
        for _ in 0..steps {
            let before = self.squares();
            if before == 0.0 {
                return;
            }
            let coefficients = self.projection.coefficients();
            let numbers = places.iter().map(|&(t, place)| (&self.terms[t], place, coefficients[t]));
            let Some(step) = step(numbers, &self.projection, nodes) else { return };
            let mut factor = 1.0;
            let better = loop {
                let mut terms = self.terms.clone();
                for (&(t, (f, k)), step) in places.iter().zip(&step) {
                    *terms[t].0[f].number(k) += factor * step;
                }
                match Self::of(terms, nodes, target).filter(|next| next.squares() < before) {
                    Some(next) => break Some(next),
                    None if factor < 0.01 => break None,
                    None => factor *= 0.25,
                }
            };
            let Some(better) = better else { return };
            let done = better.squares() > (1.0 - LEAST) * before;
            *self = better;
            if done {
                return;
            }
        }
    }
}

/// The Gauss-Newton step of some numbers inside: of each the term, its place there, and the term's
/// coefficient. The coefficients of the projection's columns are eliminated; a number that the data
/// don't determine stays.
fn step<'a>(
    numbers: impl Iterator<Item = (&'a Term, (usize, usize), f64)>,
    projection: &Projection,
    nodes: &Nodes,
) -> Option<Vec<f64>> {
    let columns = numbers.map(|(term, place, coefficient)| slope(term, place, coefficient, nodes));
    let mut columns: Vec<Vec<f64>> = columns.collect::<Option<_>>()?;
    let mut kept = Vec::new();
    let mut rest = Projection::of(projection.residual.clone());
    for (k, column) in columns.iter_mut().enumerate() {
        projection.reject(column);
        if dot(column, column) > 0.0 && rest.push(column) {
            kept.push(k);
        }
    }
    let mut step = vec![0.0; columns.len()];
    kept.iter().zip(rest.coefficients()).for_each(|(k, x)| step[*k] = x);
    (!kept.is_empty()).then_some(step)
}

/// The derivative by a number inside of a term's column times its coefficient.
fn slope(term: &Term, (f, k): (usize, usize), coefficient: f64, nodes: &Nodes) -> Option<Vec<f64>> {
    let h = DIFFERENCE * term.0[f].clone().number(k).abs().max(1e-3);
    let at = |sign: f64| {
        let mut term = term.clone();
        *term.0[f].number(k) += sign * h;
        let mut column = Vec::new();
        term.column(nodes, &mut column).then_some(column)
    };
    let (mut up, down) = (at(1.0)?, at(-1.0)?);
    up.iter_mut().zip(&down).for_each(|(u, d)| *u = coefficient * (*u - d) / (2.0 * h));
    Some(up)
}
