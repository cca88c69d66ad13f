//! What a search explains: samples of a function, of its slopes, or of both.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use crate::linalg::{LANES, Lanes, Real, ZipInlined, vectorised};
use crate::search::error::SearchError;

/// Fewest samples that a search takes.
const LEAST_SAMPLES: usize = 8;

/// Samples of a function y(x) of m variables.
///
/// Slopes dy/dx_i count as measurements like values; with slopes alone the function is known up to
/// a constant.
#[derive(Clone, Debug)]
pub struct Target {
    names: Vec<String>,
    inputs: Array2<f64>,
    values: Option<Array1<f64>>,
    slopes: Vec<Option<Array1<f64>>>,
    weights: Array1<f64>,
    value_noise: Option<f64>,
    slope_noise: Vec<Option<f64>>,
    whitening: Option<Array2<f64>>,
    every: usize,
}

fn finite(what: &str, x: ArrayView1<f64>) -> Result<(), SearchError> {
    match x.iter().position(|x| !x.is_finite()) {
        Some(sample) => Err(SearchError::NotFinite { what: what.into(), sample, value: x[sample] }),
        None => Ok(()),
    }
}

fn above_zero(what: &str, value: f64) -> Result<(), SearchError> {
    let good = value.is_finite() && value > 0.0;
    if good { Ok(()) } else { Err(SearchError::NotPositive { what: what.into(), value }) }
}

impl Target {
    /// Samples `inputs` (n x m) of variables with these names; measurements are added by the other
    /// functions.
    ///
    /// # Errors
    /// Names that are not m different names (letters, digits, `_`), numbers that aren't finite.
    pub fn new<S: Into<String>>(
        names: impl IntoIterator<Item = S>,
        inputs: ArrayView2<f64>,
    ) -> Result<Self, SearchError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let columns = inputs.ncols();
        let is_name = |name: &String| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let bad = |found: String| Err(SearchError::Names { found, columns });
        if names.len() != columns {
            return bad(format!("{} names", names.len()));
        }
        if let Some((i, name)) =
            names.iter().enumerate().find(|(i, name)| !is_name(name) || names[..*i].contains(*name))
        {
            return bad(format!("name {i} is `{name}`"));
        }
        for (name, column) in names.iter().zip(inputs.columns()) {
            finite(name, column)?;
        }
        let n = inputs.nrows();
        Ok(Self {
            slopes: vec![None; columns],
            slope_noise: vec![None; columns],
            names,
            inputs: inputs.to_owned(),
            values: None,
            weights: Array1::ones(n),
            value_noise: None,
            whitening: None,
            every: 5,
        })
    }

    fn checked(&self, what: &str, x: ArrayView1<f64>) -> Result<Array1<f64>, SearchError> {
        if x.len() != self.samples() {
            return Err(SearchError::Length {
                what: what.into(),
                found: x.len(),
                expected: self.samples(),
            });
        }
        finite(what, x)?;
        Ok(x.to_owned())
    }

    /// Adds the values y.
    ///
    /// # Errors
    /// Another length than the samples, numbers that aren't finite.
    pub fn with_values(mut self, y: ArrayView1<f64>) -> Result<Self, SearchError> {
        self.values = Some(self.checked("values", y)?);
        Ok(self)
    }

    /// Adds the slopes dy/dx_i with respect to a variable, counted from 0.
    ///
    /// # Errors
    /// No such variable, another length than the samples, numbers that aren't finite.
    pub fn with_slopes(
        mut self,
        variable: usize,
        slopes: ArrayView1<f64>,
    ) -> Result<Self, SearchError> {
        self.exists(variable)?;
        self.slopes[variable] = Some(self.checked("slopes", slopes)?);
        Ok(self)
    }

    fn exists(&self, variable: usize) -> Result<(), SearchError> {
        let variables = self.names.len();
        if variable < variables {
            Ok(())
        } else {
            Err(SearchError::Variable { variable, variables })
        }
    }

    /// The standard deviation of the errors of the values (at weight 1). Unknown it is estimated.
    ///
    /// # Errors
    /// Not a finite number above zero.
    pub fn with_noise(mut self, deviation: f64) -> Result<Self, SearchError> {
        above_zero("the noise of the values", deviation)?;
        self.value_noise = Some(deviation);
        Ok(self)
    }

    /// The standard deviation of the errors of the slopes with respect to a variable.
    ///
    /// # Errors
    /// No such variable, not a finite number above zero.
    pub fn with_slope_noise(
        mut self,
        variable: usize,
        deviation: f64,
    ) -> Result<Self, SearchError> {
        self.exists(variable)?;
        above_zero("the noise of slopes", deviation)?;
        self.slope_noise[variable] = Some(deviation);
        Ok(self)
    }

    /// Weights of the samples: an error counts as many times as its weight; the noise is divided by
    /// it.
    ///
    /// # Errors
    /// Another length than the samples, weights that are not finite and above zero.
    pub fn with_weights(mut self, weights: ArrayView1<f64>) -> Result<Self, SearchError> {
        self.weights = self.checked("weights", weights)?;
        self.weights.iter().try_for_each(|w| above_zero("a weight", *w))?;
        Ok(self)
    }

    /// For slopes whose errors are correlated: M (any number of rows) such that M e are independent
    /// errors of unit deviation, for errors e of the slopes by the first variable that has them,
    /// then of those by the next. Noise and weights have no effect then, and no sample is held out.
    ///
    /// # Errors
    /// Values among the measurements, another number of columns than there are slopes, numbers that
    /// aren't finite.
    pub fn with_whitening(mut self, matrix: Array2<f64>) -> Result<Self, SearchError> {
        let slopes = self.slopes.iter().flatten().count() * self.samples();
        let (what, expected) = (
            "columns of the whitening (values allow none)",
            if self.has_values() { 0 } else { slopes },
        );
        if matrix.ncols() != expected {
            return Err(SearchError::Length { what: what.into(), found: matrix.ncols(), expected });
        }
        matrix.rows().into_iter().try_for_each(|row| finite("a row of the whitening", row))?;
        self.whitening = Some(matrix);
        Ok(self)
    }

    /// Whether every fit takes all samples: their errors are not those of single ones.
    pub(crate) fn is_whole(&self) -> bool {
        self.whitening.is_some()
    }

    /// Holds every k-th sample out of the fit, for judging; 5 at first, no sample with 0.
    pub fn held_out_every(mut self, k: usize) -> Self {
        self.every = k;
        self
    }

    /// Names of the variables.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of samples n.
    pub fn samples(&self) -> usize {
        self.inputs.nrows()
    }

    /// The samples (n x m).
    pub fn inputs(&self) -> ArrayView2<'_, f64> {
        self.inputs.view()
    }

    /// Whether values are among the measurements, so that the additive constant counts.
    pub fn has_values(&self) -> bool {
        self.values.is_some()
    }

    /// Whether the noise of every measurement is known.
    pub(crate) fn knows_noise(&self) -> bool {
        let slopes = || self.slopes.iter().zip(&self.slope_noise).filter(|(s, _)| s.is_some());
        let known = (self.values.is_none() || self.value_noise.is_some())
            && slopes().all(|(_, noise)| noise.is_some());
        known || self.whitening.is_some()
    }

    /// The values when they are the only measurements.
    pub(crate) fn values_alone(&self) -> Option<&Array1<f64>> {
        self.values.as_ref().filter(|_| self.slopes.iter().all(Option::is_none))
    }

    /// The values divided by a factor as a function of other variables; errors count as they did.
    /// `None` where a number overflows.
    pub(crate) fn divided(&self, inputs: Array2<f64>, divisor: &Array1<f64>) -> Option<Self> {
        let names = (0..inputs.ncols()).map(|i| format!("u{i}"));
        let mut target = Self::new(names, inputs.view()).ok()?;
        target = target.with_values((self.values.as_ref()? / divisor).view()).ok()?;
        let typical = divisor.iter().map(|d| d.abs().ln()).sum::<f64>() / divisor.len() as f64;
        let typical = typical.exp();
        let relative = divisor.mapv(|d| (d / typical).powi(2));
        target = target.with_weights((&self.weights * &relative).view()).ok()?;
        target.value_noise = self.value_noise.map(|noise| noise / typical);
        target.every = self.every;
        Some(target)
    }

    pub(crate) fn check(&self) -> Result<(), SearchError> {
        let slopes = self.slopes.iter().filter(|s| s.is_some()).count();
        let kept = self.indices(false).len();
        if (self.values.is_none() && slopes == 0) || kept < LEAST_SAMPLES {
            return Err(SearchError::Empty {
                samples: self.samples(),
                values: self.values.is_some(),
                slopes,
                least: LEAST_SAMPLES,
            });
        }
        Ok(())
    }

    /// Samples of the fit, or those held out.
    pub(crate) fn indices(&self, held_out: bool) -> Vec<usize> {
        let is_held_out =
            |i: usize| self.every > 1 && !self.is_whole() && i % self.every == self.every - 1;
        (0..self.samples()).filter(|&i| is_held_out(i) == held_out).collect()
    }

    /// A middle sample: the one closest to the median of every variable, in units of its spread.
    pub(crate) fn middle(&self) -> Vec<f64> {
        let mut distance = vec![0.0; self.samples()];
        for column in self.inputs.columns() {
            let mut sorted = column.to_vec();
            sorted.sort_by(f64::total_cmp);
            let at = |q: f64| sorted[((sorted.len() - 1) as f64 * q) as usize];
            let (median, spread) = (at(0.5), (at(0.9) - at(0.1)).max(f64::MIN_POSITIVE));
            distance
                .iter_mut()
                .zip(column)
                .for_each(|(d, x)| *d += ((x - median) / spread).powi(2));
        }
        let best =
            (0..distance.len()).min_by(|&a, &b| distance[a].total_cmp(&distance[b])).unwrap_or(0);
        self.inputs.row(best).to_vec()
    }

    /// The standard deviation that a measurement's errors are divided by: its noise, or its own
    /// scale.
    fn unit(known: Option<f64>, x: &Array1<f64>, centred: bool) -> f64 {
        let mean = if centred { x.mean().unwrap_or(0.0) } else { 0.0 };
        let scale =
            (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len().max(1) as f64).sqrt();
        known.unwrap_or(if scale > 0.0 { scale } else { 1.0 })
    }

    /// The measurements at some samples.
    pub(crate) fn problem(&self, indices: &[usize]) -> Problem {
        let column = |x: ArrayView1<f64>, factor: &dyn Fn(usize) -> f64| -> Vec<Lanes> {
            let blocks = indices.len().div_ceil(LANES);
            let lane = |k: usize| match indices.get(k) {
                Some(&i) => x[i] * factor(i),
                // Lanes beyond the last sample repeat it with weight zero.
                None => indices.last().map_or(0.0, |&i| x[i]) * factor(usize::MAX),
            };
            (0..blocks)
                .map(|block| Lanes(std::array::from_fn(|l| lane(block * LANES + l))))
                .collect()
        };
        let inputs = self.inputs.columns().into_iter().map(|x| column(x, &|_| 1.0)).collect();
        let mut problem = Problem {
            inputs,
            directions: Vec::new(),
            has_values: self.values.is_some(),
            data: Vec::new(),
            weights: Vec::new(),
            whitening: None,
            rows: 0,
            total: 0.0,
            positive: self
                .inputs
                .columns()
                .into_iter()
                .map(|x| x.iter().all(|x| *x > 0.0))
                .collect(),
        };
        if let Some(y) = &self.values {
            problem.measure(
                y,
                Self::unit(self.value_noise, y, true),
                &self.weights,
                indices.len(),
                &column,
                true,
            );
        }
        for (i, slopes) in self.slopes.iter().enumerate() {
            if let Some(slopes) = slopes {
                problem.directions.push(i);
                let unit = Self::unit(self.slope_noise[i], slopes, false);
                let (unit, weights) = if self.is_whole() {
                    (1.0, &Array1::ones(slopes.len()))
                } else {
                    (unit, &self.weights)
                };
                problem.measure(slopes, unit, weights, indices.len(), &column, false);
            }
        }
        if let Some(matrix) = self.whitening.as_ref().filter(|_| !indices.is_empty()) {
            problem.whiten(matrix, self.samples(), &column);
        }
        problem
    }
}

/// Measurements in units of their noise (or scale), in lanes: values first, then the slopes of one
/// variable after the other.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// Samples of each variable.
    pub inputs: Vec<Vec<Lanes>>,
    /// Variables with slopes.
    pub directions: Vec<usize>,
    pub has_values: bool,
    /// Measurements times weights, whitened.
    pub data: Vec<Lanes>,
    /// Weights, zero in lanes beyond the last sample.
    pub weights: Vec<Lanes>,
    /// Rows that make the data of weighted measurements, where their errors are correlated.
    pub whitening: Option<Vec<Vec<Lanes>>>,
    /// Number of measurements.
    pub rows: usize,
    /// Sum of squares of the data, values centred.
    pub total: f64,
    /// Variables that are above zero.
    pub positive: Vec<bool>,
}

/// The sum of products.
#[inline(always)]
pub(crate) fn dot(a: &[Lanes], b: &[Lanes]) -> f64 {
    let mut sum = Lanes::zero();
    for (a, b) in a.iter().zip_inlined(b) {
        sum += *a * *b;
    }
    sum.sum()
}

/// The product of whitening rows with weighted measurements.
#[inline(never)]
pub(crate) fn whiten_into(rows: &[Vec<Lanes>], measured: &[Lanes], out: &mut [Lanes]) {
    vectorised(
        #[inline(always)]
        || {
            for (out, rows) in out.iter_mut().zip_inlined(rows.chunks(LANES)) {
                for (lane, row) in rows.iter().enumerate() {
                    out.0[lane] = dot(row, measured);
                }
            }
        },
    );
}

/// Samples of one array in lanes, times a factor of the sample's index (`usize::MAX` beyond the
/// last).
type Column<'a> = dyn Fn(ArrayView1<f64>, &dyn Fn(usize) -> f64) -> Vec<Lanes> + 'a;

impl Problem {
    fn measure(
        &mut self,
        x: &Array1<f64>,
        unit: f64,
        weights: &Array1<f64>,
        n: usize,
        column: &Column,
        centred: bool,
    ) {
        let weight = |i: usize| weights.get(i).map_or(0.0, |w| w.sqrt() / unit);
        let data = column(x.view(), &weight);
        let w = column(Array1::ones(x.len()).view(), &weight);
        let sum = |f: &dyn Fn(Lanes, Lanes) -> Lanes| {
            data.iter().zip(&w).fold(0.0, |sum, (d, w)| sum + f(*d, *w).sum())
        };
        let (squares, mixed, norm) = (sum(&|d, _| d * d), sum(&|d, w| d * w), sum(&|_, w| w * w));
        self.total +=
            if centred && norm > 0.0 { (squares - mixed * mixed / norm).max(0.0) } else { squares };
        self.rows += n;
        self.data.extend(data);
        self.weights.extend(w);
    }

    /// Takes the measurements for such that are not independent.
    fn whiten(&mut self, matrix: &Array2<f64>, samples: usize, column: &Column) {
        let of_row = |row: ArrayView1<f64>| -> Vec<Lanes> {
            let directions = 0..row.len() / samples.max(1);
            let part = |d: usize| {
                column(row.slice(s![d * samples..(d + 1) * samples]), &|i| {
                    if i == usize::MAX { 0.0 } else { 1.0 }
                })
            };
            directions.flat_map(part).collect()
        };
        let rows: Vec<Vec<Lanes>> = matrix.rows().into_iter().map(of_row).collect();
        let mut data = vec![Lanes::zero(); rows.len().div_ceil(LANES)];
        whiten_into(&rows, &self.data, &mut data);
        self.total = data.iter().map(|d| (*d * *d).sum()).sum();
        (self.data, self.rows, self.whitening) = (data, rows.len(), Some(rows));
    }

    /// Blocks of lanes for one measurement.
    pub fn blocks(&self) -> usize {
        self.inputs.first().map_or(0, Vec::len)
    }

    /// Sum of squares per measurement below which only roundoff is left.
    pub fn roundoff(&self) -> f64 {
        const RELATIVE: f64 = 1e-11;
        RELATIVE * RELATIVE * self.data.iter().fold(0.0, |sum, d| sum + (*d * *d).sum())
            / self.rows.max(1) as f64
    }

    /// The weighted column of a constant: it has values but no slopes.
    pub fn ones(&self) -> Vec<Lanes> {
        let values = if self.has_values { self.blocks() } else { 0 };
        self.weights
            .iter()
            .enumerate()
            .map(|(i, w)| if i < values { *w } else { Lanes::splat(0.0) })
            .collect()
    }
}
