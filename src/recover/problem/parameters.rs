//! Whether the runs tell what a law has to do with each of their parameters.

use std::collections::BTreeMap;

use crate::expr::{Expr, Scalar};
use crate::linalg::{Projection, dot};
use crate::recover::problem::checks::Check;
use crate::recover::problem::learner::Learner;

/// A parameter that others leave less than this part of its spread follows from them: tables have
/// seven digits or more.
const FOLLOWS: f64 = 1e-6;

/// With fewer different values of a parameter than this, sums of two to five of its powers, which
/// laws have been seen to end in, go through those of any function.
const DIFFERENT: usize = 6;

/// Parameters of which a law may have one in the place of another.
pub(crate) struct NotTold {
    pub parameters: Vec<String>,
    pub check: Check,
}

/// The parameters that are the same in all runs, or follow from others as a sum or product of powers
/// of these.
pub(crate) fn not_told(learner: &Learner) -> Vec<NotTold> {
    let told = |parameters: Vec<&str>, message: String| NotTold {
        parameters: parameters.into_iter().map(str::to_string).collect(),
        check: Check { name: "parameter", message, constant: None },
    };
    let (all, runs) = values(learner);
    let (mut before, mut found): (Vec<&(String, Vec<f64>)>, Vec<NotTold>) =
        (Vec::new(), Vec::new());
    for own in &all {
        let (name, values) = own;
        if values.iter().all(|x| x == &values[0]) {
            found.push(told(
                vec![name],
                format!("{name} is the same in all runs: how the law depends on it can't be told"),
            ));
            continue;
        }
        let mut different = values.clone();
        different.sort_by(f64::total_cmp);
        different.dedup();
        if different.len() < DIFFERENT {
            let count = different.len();
            found.push(told(
                vec![name],
                format!("{name} has {count} different values in these runs: a sum of as many powers of it goes through those of any function"),
            ));
        }
        let logs = |values: &[f64]| values.iter().map(|x| x.abs().ln()).collect::<Vec<f64>>();
        let plainly = |values: &[f64]| values.to_vec();
        let ways: [&dyn Fn(&[f64]) -> Vec<f64>; 2] = [&plainly, &logs];
        if !before.is_empty() && ways.iter().any(|way| follows(values, &before, way)) {
            let others: Vec<&str> = before.iter().map(|(name, _)| &name[..]).collect();
            let message = format!(
                "in these {runs} runs {name} follows from {}: which of them the law has can't be told; runs in which they differ freely would tell",
                others.join(", ")
            );
            found.push(told([vec![&name[..]], others].concat(), message));
            continue;
        }
        before.push(own);
    }
    found
}

/// Whether values are a linear function of those of others, both seen in some way.
fn follows(
    values: &[f64],
    others: &[&(String, Vec<f64>)],
    way: &dyn Fn(&[f64]) -> Vec<f64>,
) -> bool {
    // Of so few runs they follow whatever they are.
    if values.len() <= others.len() + 1 {
        return true;
    }
    let one = vec![vec![1.0; values.len()]];
    let others: Vec<Vec<f64>> = others.iter().map(|(_, other)| way(other)).collect();
    let left = |columns: &[Vec<f64>]| {
        let projection = Projection::on(way(values), columns)?;
        Some(dot(&projection.residual, &projection.residual))
    };
    let (Some(spread), Some(left)) = (left(&one), left(&[one.clone(), others].concat())) else {
        return false;
    };
    left < FOLLOWS * FOLLOWS * spread
}

/// The parameters with their values, run by run, and the number of runs.
fn values(learner: &Learner) -> (Vec<(String, Vec<f64>)>, usize) {
    let runs: BTreeMap<i64, usize> =
        learner.train().iter().enumerate().map(|(k, chunk)| (chunk.id, k)).collect();
    let d = learner.inputs().shape.dimension;
    let values = |scalar: &Scalar| {
        let Scalar::Parameter(name) = scalar else { return None };
        let component = learner.inputs().slot(name)? * d;
        let value = |k: &usize| learner.train()[*k].states[[0, component]];
        let name = Expr::Scalar(scalar.clone()).to_string();
        Some((name, runs.values().map(value).collect()))
    };
    (learner.scalars().iter().filter_map(values).collect(), runs.len())
}
