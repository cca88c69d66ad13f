//! Figure 3, drawn from the rows of `error_quantiles.parquet`, with the models at hand or without.

use std::path::Path;

use super::error::ExperimentError;
use super::figures::{COLUMNS, PAPER, PAPER_LABEL, style};
use super::learner::BenchmarkModel;
use super::profile::Profile;
use crate::report::figures::{
    self as draw, Curve, ErrorCurves, ErrorPanel, Interval, ReferenceLine,
};
use crate::report::tables::{ErrorQuantileRow, Quantity};

/// Which quantiles of a row the edges of bands are: 5 and 95%, and where there are many curves the
/// quartiles.
const BANDS: [[usize; 2]; 2] = [[0, 4], [1, 3]];
/// More curves than these are many.
const FEW: usize = 4;
/// Range of the errors of networks.
const NETWORKS: Interval = Interval { low: 1e-5, high: 1.0 };

/// A row of panels.
struct PanelRow {
    title: &'static str,
    quantity: Quantity,
    shown: fn(BenchmarkModel) -> bool,
    is_compared: bool,
    range: Option<Interval>,
}

/// Figure 3: relative errors against time, HNNs on the left and N-ODEs on the right: of angular
/// momentum for all models, of the state for the models on scalars, and of the state for all models
/// in the range of networks. Curves are geometric means over the test trajectories, bands hold 90%
/// of these or, where there are many curves, the middle half; means and edges are geometric means
/// over seeds.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn figure3(
    rows: &[ErrorQuantileRow],
    profile: Profile,
    stem: &Path,
) -> Result<(), ExperimentError> {
    let models = of_models(rows, profile);
    if models.is_empty() {
        return Err(draw::FigureError::Empty(stem.display().to_string()).into());
    }
    let all = |_| true;
    let row = |title, quantity, shown, is_compared, range| PanelRow {
        title,
        quantity,
        shown,
        is_compared,
        range,
    };
    let mut panel_rows = vec![
        row("angular momentum", Quantity::AngularMomentum, all, false, None),
        row("state, Scalars", Quantity::State, BenchmarkModel::on_scalars, true, None),
    ];
    if models.iter().any(|(model, _)| !model.is_explicit()) {
        panel_rows.push(row("state, all", Quantity::State, all, true, Some(NETWORKS)));
    }
    let panels = panel_rows.iter().flat_map(|row| panels(row, &models)).collect();
    let curves = ErrorCurves { panels, columns: COLUMNS.len(), ..ErrorCurves::default() };
    Ok(draw::figure3(&curves, stem)?)
}

/// The rows of each model that has any, in the order of Table 1.
fn of_models(
    rows: &[ErrorQuantileRow],
    profile: Profile,
) -> Vec<(BenchmarkModel, Vec<&ErrorQuantileRow>)> {
    let of = |model: BenchmarkModel| {
        let key = model.key(profile);
        (model, rows.iter().filter(|row| row.key == key).collect::<Vec<_>>())
    };
    BenchmarkModel::ALL.into_iter().map(of).filter(|(_, rows)| !rows.is_empty()).collect()
}

/// The panels of a row, one for each kind of dynamics.
fn panels(row: &PanelRow, models: &[(BenchmarkModel, Vec<&ErrorQuantileRow>)]) -> Vec<ErrorPanel> {
    let panel = |((dynamics, column), value)| {
        let shown: Vec<_> = models
            .iter()
            .filter(|(model, _)| model.dynamics() == dynamics && (row.shown)(*model))
            .collect();
        let band = BANDS[usize::from(shown.len() > FEW)];
        let line = row.is_compared.then(|| ReferenceLine { label: PAPER_LABEL.into(), value });
        let curve = |(model, rows): &&(BenchmarkModel, Vec<&ErrorQuantileRow>)| {
            let rows: Vec<_> =
                rows.iter().copied().filter(|r| r.quantity == row.quantity).collect();
            curve(*model, &rows, band)
        };
        ErrorPanel {
            title: format!("{}, {column}", row.title),
            curves: shown.iter().map(curve).collect(),
            references: line.into_iter().collect(),
            range: row.range,
        }
    };
    COLUMNS.into_iter().zip(PAPER).map(panel).collect()
}

/// Errors of a model against time, with the quantiles that edge its band; each a geometric mean
/// over seeds.
fn curve(model: BenchmarkModel, rows: &[&ErrorQuantileRow], [low, high]: [usize; 2]) -> Curve {
    let mut times: Vec<f64> = rows.iter().map(|row| row.t).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let mean = |value: &dyn Fn(&ErrorQuantileRow) -> f64| -> Vec<f64> {
        let at = |t: &f64| {
            let logs: Vec<f64> =
                rows.iter().filter(|row| row.t == *t).map(|row| value(row).ln()).collect();
            (logs.iter().sum::<f64>() / logs.len() as f64).exp()
        };
        times.iter().map(at).collect()
    };
    let centre = mean(&|row| row.geometric_mean);
    let (lower, upper) = (mean(&|row| row.quantiles[low]), mean(&|row| row.quantiles[high]));
    Curve::new(model.label(), style(model), times, centre).with_band(lower, upper)
}
