//! Polynomials that are orthonormal on some times.

use ndarray::ArrayView1;

/// Polynomials that are orthonormal on the times of a window (Forsythe 1957).
pub(super) struct Orthonormal {
    /// The mean of the times.
    pub middle: f64,
    /// Of each polynomial its values at the times.
    on_rows: Vec<Vec<f64>>,
    /// Of each its value at the middle, and its slope.
    pub value: Vec<f64>,
    pub slope: Vec<f64>,
}

impl Orthonormal {
    pub fn on(times: &[f64], degree: usize) -> Self {
        let n = times.len() as f64;
        let middle = times[0] + times.iter().map(|t| t - times[0]).sum::<f64>() / n;
        let half = 0.5 * (times[times.len() - 1] - times[0]);
        let x: Vec<f64> = times.iter().map(|t| (t - middle) / half).collect();
        let first = 1.0 / n.sqrt();
        let mut made = Self {
            middle,
            on_rows: vec![vec![first; times.len()]],
            value: vec![first],
            slope: vec![0.0],
        };
        for k in 0..degree.min(times.len() - 1) {
            // (x - a) of the last, less what it has of the one before: twice, for roundoff.
            let mut next: Vec<f64> = x.iter().zip(&made.on_rows[k]).map(|(x, p)| x * p).collect();
            let mut at = (0.0, made.value[k]);
            for _ in 0..2 {
                for (j, before) in made.on_rows.iter().enumerate() {
                    let part: f64 = next.iter().zip(before).map(|(a, b)| a * b).sum();
                    next.iter_mut().zip(before).for_each(|(a, b)| *a -= part * b);
                    at = (at.0 - part * made.value[j], at.1 - part * made.slope[j]);
                }
            }
            let norm = next.iter().map(|x| x * x).sum::<f64>().sqrt();
            next.iter_mut().for_each(|x| *x /= norm);
            made.on_rows.push(next);
            made.value.push(at.0 / norm);
            made.slope.push(at.1 / norm);
        }
        // d/dt instead of d/dx; x of the middle is zero, so the slope of x p is its value.
        made.slope.iter_mut().for_each(|x| *x /= half);
        made
    }

    fn coefficients(&self, values: ArrayView1<f64>) -> impl Iterator<Item = f64> {
        // What is constant is taken out first: coordinates may be far from zero.
        let first = values[0];
        let constant = first / self.value[0];
        self.on_rows.iter().enumerate().map(move |(k, p)| {
            let part: f64 = p.iter().zip(values.iter()).map(|(p, x)| p * (x - first)).sum();
            if k == 0 { part + constant } else { part }
        })
    }

    /// The value in the middle and its slope, by the polynomials up to some degree.
    pub fn at_middle(&self, values: ArrayView1<f64>, degree: usize) -> [f64; 2] {
        let coefficients: Vec<f64> = self.coefficients(values).take(degree + 1).collect();
        [&self.value, &self.slope].map(|of| of.iter().zip(&coefficients).map(|(a, b)| a * b).sum())
    }

    /// The squares of what these polynomials beyond some degree have of values, and of what none
    /// has.
    pub fn beyond(&self, values: ArrayView1<f64>, degree: usize) -> (f64, f64) {
        let mean = values.mean().unwrap_or(0.0);
        let mut left: Vec<f64> = values.iter().map(|x| x - mean).collect();
        let mut more = 0.0;
        for (k, p) in self.on_rows.iter().enumerate() {
            let part: f64 = p.iter().zip(&left).map(|(a, b)| a * b).sum();
            left.iter_mut().zip(p).for_each(|(x, p)| *x -= part * p);
            if k > degree {
                more += part * part;
            }
        }
        (more, left.iter().map(|x| x * x).sum())
    }
}
