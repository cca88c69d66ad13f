//! Forms that are next to a simpler one: a function that is nearly linear where the data are, a
//! constant that is small beside what it is added to.

use ndarray::Array2;

use crate::expr::{Expr, Function, Scalar};
use crate::recover::error::RecoverError;
use crate::recover::problem::learner::Learner;
use crate::scalars::ScalarSet;

/// A function counts as nearly linear where its best line misses so small a part of its standard
/// deviation.
const NEARLY: f64 = 0.15;

/// A constant is small that is so small a part of the root mean square of what it is added to.
const SMALL: f64 = 0.1;

/// States that are looked at.
const SAMPLES: usize = 256;

impl Learner<'_> {
    /// What a law becomes when one of its functions or powers is put linear (or quadratic) in its
    /// argument, or a small constant left out. Constants of the law itself have no effect and are
    /// not among them.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn limits(&self, law: &Expr) -> Result<Vec<Expr>, RecoverError> {
        let scalars = law.scalars();
        let values = ScalarSet::new(self.inputs(), scalars.clone())?
            .values(self.some_states(SAMPLES).view());
        let samples = Samples { scalars, values };
        let mut all = variants(law, true, &|node, is_term| samples.simpler(node, is_term));
        all.sort_by(Expr::total_cmp);
        all.dedup();
        Ok(all)
    }
}

/// All that comes of an expression when one node is exchanged for what `simpler` has for it; the
/// flag says whether the node is a term of the whole, but for a factor.
fn variants(expr: &Expr, is_term: bool, simpler: &impl Fn(&Expr, bool) -> Vec<Expr>) -> Vec<Expr> {
    let mut all = simpler(expr, is_term);
    let within = |parts: &[Expr], k: usize, by: Expr| {
        parts
            .iter()
            .enumerate()
            .map(|(j, part)| if j == k { by.clone() } else { part.clone() })
            .collect::<Vec<_>>()
    };
    match expr {
        Expr::Sum(terms) => {
            for (k, term) in terms.iter().enumerate() {
                all.extend(
                    variants(term, is_term, simpler)
                        .into_iter()
                        .map(|by| Expr::sum(within(terms, k, by))),
                );
            }
        }
        Expr::Product(factors) => {
            let alone = factors.iter().filter(|f| !matches!(f, Expr::Constant(_))).count() == 1;
            for (k, factor) in factors.iter().enumerate() {
                all.extend(
                    variants(factor, is_term && alone, simpler)
                        .into_iter()
                        .map(|by| Expr::product(within(factors, k, by))),
                );
            }
        }
        Expr::Pow(base, n) => {
            all.extend(variants(base, false, simpler).into_iter().map(|by| Expr::pow(by, *n)))
        }
        Expr::Apply(f, x) => {
            all.extend(variants(x, false, simpler).into_iter().map(|by| Expr::apply(*f, by)))
        }
        Expr::Constant(_) | Expr::Scalar(_) => {}
    }
    all
}

/// Without the constants that have no effect on a term of the whole.
fn varying(term: &Expr) -> Expr {
    match term {
        Expr::Sum(terms) => {
            Expr::sum(terms.iter().filter(|t| !matches!(t, Expr::Constant(_))).cloned())
        }
        Expr::Product(factors) => match &factors[..] {
            [c @ Expr::Constant(_), other] => Expr::product([c.clone(), varying(other)]),
            _ => term.clone(),
        },
        other => other.clone(),
    }
}

/// Values of a law's scalars: samples x scalars.
struct Samples {
    scalars: Vec<Scalar>,
    values: Array2<f64>,
}

impl Samples {
    fn of(&self, expr: &Expr) -> Vec<f64> {
        let own: Vec<Option<usize>> =
            expr.scalars().iter().map(|s| self.scalars.iter().position(|t| t == s)).collect();
        let constants = expr.constants();
        let value = |row: ndarray::ArrayView1<f64>| {
            let scalars: Vec<f64> = own.iter().map(|k| k.map_or(f64::NAN, |k| row[k])).collect();
            expr.evaluate_with(&scalars, &constants)
        };
        self.values.rows().into_iter().map(value).collect()
    }

    fn simpler(&self, node: &Expr, is_term: bool) -> Vec<Expr> {
        match node {
            Expr::Apply(f, x) => {
                let square = Expr::pow((**x).clone(), 2.0);
                let even =
                    (*f == Function::Cos).then(|| self.linear(node, &square, is_term)).flatten();
                self.linear(node, x, is_term).into_iter().chain(even).collect()
            }
            Expr::Pow(base, _) if !matches!(**base, Expr::Scalar(_)) => {
                self.linear(node, base, is_term).into_iter().collect()
            }
            Expr::Sum(terms) if !is_term => {
                let (constants, rest): (Vec<Expr>, Vec<Expr>) =
                    terms.iter().cloned().partition(|t| matches!(t, Expr::Constant(_)));
                let rest = Expr::sum(rest);
                let values = self.of(&rest);
                let square = values.iter().map(|x| x * x).sum::<f64>() / values.len().max(1) as f64;
                let small =
                    |c: &Expr| c.as_constant().is_some_and(|c| c * c < SMALL * SMALL * square);
                if constants.iter().any(small) { vec![rest] } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    /// The line in `argument` that a node is next to, if it is.
    fn linear(&self, node: &Expr, argument: &Expr, is_term: bool) -> Option<Expr> {
        let (x, y) = (self.of(argument), self.of(node));
        let mean = |z: &[f64]| z.iter().sum::<f64>() / z.len().max(1) as f64;
        let (middle, level) = (mean(&x), mean(&y));
        let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| {
            a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>()
        };
        let (xx, xy, yy) = (
            product(&x, middle, &x, middle),
            product(&x, middle, &y, level),
            product(&y, level, &y, level),
        );
        let slope = xy / xx;
        let left = yy - slope * xy;
        if left.is_nan() || left > NEARLY * NEARLY * yy || slope == 0.0 {
            return None;
        }
        // Of a term only what varies counts.
        let line = Expr::product([
            Expr::Constant(slope),
            if is_term { varying(argument) } else { argument.clone() },
        ]);
        Some(if is_term { line } else { Expr::sum([line, Expr::Constant(level - slope * middle)]) })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{Samples, variants};
    use crate::expr::Expr;

    /// What becomes of a law of the distance when that is between 1 and 2.
    fn limits(law: &str) -> Vec<String> {
        let law: Expr = law.parse().unwrap();
        let samples = Samples {
            scalars: law.scalars(),
            values: Array2::from_shape_fn((50, 1), |(i, _)| 1.0 + f64::from(i as u32) / 50.0),
        };
        let short = |c: &f64| format!("{c:.1e}").parse().unwrap();
        let rounded = |e: &Expr| {
            e.with_constants(&e.constants().iter().map(short).collect::<Vec<f64>>()).to_string()
        };
        variants(&law, true, &|node, is_term| samples.simpler(node, is_term))
            .iter()
            .map(rounded)
            .collect()
    }

    #[test]
    fn what_is_nearly_linear_is_put_so() {
        assert_eq!(limits("100*tan(0.005*norm(q1)**2)"), ["0.5*norm(q1)**2"]);
        assert_eq!(limits("-90*sqrt(-5*(norm(q1)**2 - 40000))"), ["0.5*norm(q1)**2"]);
        assert_eq!(limits("200*exp(-0.002*norm(q1))"), ["-0.4*norm(q1)"]);
        assert!(limits("0.001*(1/norm(q1) + 500)**2").contains(&"1/norm(q1)".to_string()));
        assert!(
            limits("1/(norm(q1) - 0.004)**2").contains(&"norm(q1)**(-2)".to_string())
                || limits("1/(norm(q1) - 0.004)**2").contains(&"1/norm(q1)**2".to_string())
        );
        assert!(limits("-500*cos(0.04*norm(q1))").contains(&"0.4*norm(q1)**2".to_string()));
    }

    #[test]
    fn what_is_not_stays() {
        assert_eq!(limits("2*exp(-3*norm(q1)) + 0.5*norm(q1)**2"), [""; 0]);
        assert_eq!(limits("(norm(q1) - 1.5)**2"), [""; 0]);
        assert_eq!(limits("0.5*norm(q1)**2 + 0.001"), [""; 0]);
    }
}
