//! One-dimensional parts of a law: forces along distances, learned and in closed form.

use crate::expr::{Expr, Scalar, Vector};
use crate::linalg::{Lanes, Real};
use crate::recover::law::Recovery;
use crate::scalars::{ScalarFunction, ScalarSet};

/// The force along one distance r = |v|: minus the derivative of the Hamiltonian with respect to r,
/// all other scalars fixed.
#[derive(Clone, Debug, PartialEq)]
pub struct RadialForce {
    /// The vector v.
    pub vector: Vector,
    /// Distances: the range of the data and a quarter of its width more on either side, where
    /// positive.
    pub distance: Vec<f64>,
    /// Force of the learned Hamiltonian.
    pub learned: Vec<f64>,
    /// Force of the closed form.
    pub closed_form: Vec<f64>,
    /// Range of the data.
    pub range: (f64, f64),
}

/// The slope of a part of the Hamiltonian that is a function of one scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct PartCurve {
    /// The scalar.
    pub scalar: Scalar,
    /// The part's closed form.
    pub form: Expr,
    /// Values of the scalar over the range of the data.
    pub x: Vec<f64>,
    /// Slope of what was learned.
    pub learned: Vec<f64>,
    /// Slope of the closed form.
    pub closed_form: Vec<f64>,
}

const POINTS: usize = 120;

impl Recovery {
    /// The force along each distance of positions that the closed form depends on.
    pub fn radial_forces(&self, states: ndarray::ArrayView2<f64>) -> Vec<RadialForce> {
        let set = self.learned.model.scalars();
        let (ranges, middle) = (
            set.ranges(states),
            set.values(states).mean_axis(ndarray::Axis(0)).unwrap_or_default().to_vec(),
        );
        let form = self.best();
        let scalars = form.scalars();
        let distances = scalars.iter().filter_map(|s| match s {
            Scalar::Norm(v) if v.terms().iter().all(|(name, _)| name.starts_with('q')) => Some(v),
            _ => None,
        });
        let known = |v: &Vector| set.scalars().iter().position(|s| *s == Scalar::Norm(v.clone()));
        let force = |(v, (low, high)): (&Vector, (f64, f64))| {
            let margin = 0.25 * (high - low);
            let first = (low - margin).max(0.5 * low);
            let distance: Vec<f64> = (0..POINTS)
                .map(|i| first + (high + margin - first) * i as f64 / (POINTS - 1) as f64)
                .collect();
            let slope = |h: &dyn Fn(f64) -> f64, r: f64| {
                -(h(r * (1.0 + STEP)) - h(r * (1.0 - STEP))) / (2.0 * STEP * r)
            };
            RadialForce {
                vector: v.clone(),
                learned: distance
                    .iter()
                    .map(|&r| slope(&|r| self.learned_along(set, &middle, v, r), r))
                    .collect(),
                closed_form: distance
                    .iter()
                    .map(|&r| slope(&|r| closed_along(form, &scalars, v, r), r))
                    .collect(),
                distance,
                range: (low, high),
            }
        };
        distances.filter_map(|v| Some((v, ranges[known(v)?]))).map(force).collect()
    }

    /// Slopes of the parts that are functions of one scalar: learned, and of the first of their
    /// forms.
    pub fn part_curves(&self, states: ndarray::ArrayView2<f64>) -> Vec<PartCurve> {
        let set = self.learned.model.scalars();
        let (ranges, values) = (set.ranges(states), set.values(states));
        let function = self.learned.model.function();
        let curve = |part: &super::RecoveredPart| {
            let ([scalar], Some(form)) = (&part.scalars[..], part.forms.first()) else {
                return None;
            };
            let index = set.scalars().iter().position(|s| s == scalar)?;
            let (low, high) = ranges[index];
            let x: Vec<f64> =
                (0..POINTS).map(|i| low + (high - low) * i as f64 / (POINTS - 1) as f64).collect();
            let mut work = vec![Lanes::zero(); function.work_len()];
            let mut slope = |x: f64| {
                let s: Vec<Lanes> = (0..set.len())
                    .map(|k| Lanes::splat(if k == index { x } else { values[[0, k]] }))
                    .collect();
                let mut gradient = vec![Lanes::zero(); set.len()];
                function.gradient_into(&self.learned.fit.theta, &s, &mut gradient, &mut work);
                gradient[index].0[0]
            };
            let learned = x.iter().map(|&x| slope(x)).collect();
            let constants = form.expression.constants();
            let closed = |x: f64| form.expression.evaluate_with(&[x], &constants);
            let step = STEP * (high - low);
            let closed_form =
                x.iter().map(|&x| (closed(x + step) - closed(x - step)) / (2.0 * step)).collect();
            Some(PartCurve {
                scalar: scalar.clone(),
                form: form.expression.clone(),
                x,
                learned,
                closed_form,
            })
        };
        self.parts.iter().filter_map(curve).collect()
    }

    fn learned_along(&self, set: &ScalarSet, middle: &[f64], v: &Vector, r: f64) -> f64 {
        let s: Vec<Lanes> = set
            .scalars()
            .iter()
            .zip(middle)
            .map(|(s, m)| Lanes::splat(at_distance(s, v, r).unwrap_or(*m)))
            .collect();
        let function = self.learned.model.function();
        let mut work = vec![Lanes::zero(); function.work_len()];
        function.value(&self.learned.fit.theta, &s, &mut work).0[0]
    }
}

/// Relative step of the differences that make slopes of values.
const STEP: f64 = 1e-5;

fn closed_along(form: &Expr, scalars: &[Scalar], v: &Vector, r: f64) -> f64 {
    let values: Vec<f64> = scalars.iter().map(|s| at_distance(s, v, r).unwrap_or(1.0)).collect();
    form.evaluate_with(&values, &form.constants())
}

/// The value of a scalar when |v| = r, if that alone decides it.
fn at_distance(s: &Scalar, v: &Vector, r: f64) -> Option<f64> {
    match s {
        Scalar::Norm(w) if w == v => Some(r),
        Scalar::Dot(a, b) if a == v && b == v => Some(r * r),
        _ => None,
    }
}
