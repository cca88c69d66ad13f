//! Figures, as SVG and PNG.
//!
//! Each figure is a plain struct of numbers and labels and a function `figure(data, stem)` that
//! writes `stem.svg` and `stem.png`: one drawing serves both. Labels may use `$q$` for a slanted
//! variable and `_{..}`, `^{..}` for indices. Colours are those of M. Okabe and K. Ito, "Color
//! universal design" (2008), which people with any colour vision can tell apart; dashes and markers
//! differ as well. The same data give the same bytes.

mod axis;
mod bitmap;
mod canvas;
mod colour;
mod curve;
mod curves;
mod error;
mod font;
mod legend;
mod output;
mod panel;
mod pareto;
mod pendulum;
mod scheme;
mod style;
mod text;

pub use curve::{Curve, Interval, Panel, ReferenceLine};
pub use curves::{
    ErrorCurves, ErrorPanel, ErrorSeconds, ForceCurve, ModelPoints, NoiseCurves, PhaseSpace,
    Prediction, SecondsPanel, TrainedPoint, TrainingGroup, TrainingRun, ValidationPoint,
    error_seconds, figure3, force_curves, noise, phase_space, training_history,
};
pub use error::FigureError;
pub use panel::{PanelFigure, panel_figure};
pub use pareto::{ParetoFront, ParetoPoint, pareto};
pub use pendulum::{PendulumScene, figure1};
pub use scheme::figure2;
pub use style::Style;
