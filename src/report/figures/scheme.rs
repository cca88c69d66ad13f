//! Figure 2: how the two kinds of model make a trajectory from scalars, and how they are trained.

use std::path::Path;

use plotters::backend::DrawingBackend;
use plotters::style::RGBColor;

use super::canvas::{Canvas, Rect, WIDTH};
use super::colour::{GREY, INK, PALETTE, tint};
use super::error::FigureError;
use super::font::Face;
use super::output::{Drawing, save};
use super::text::{Align, TextLook};

/// Writes figure 2: the schemes of the N-ODE and of the HNN on scalars.
///
/// # Errors
/// A file that cannot be written.
pub fn figure2(stem: &Path) -> Result<(), FigureError> {
    save(&Scheme, stem)
}

/// A box of the scheme: heading, formula, remark; empty lines are left out.
type Step = [&'static str; 3];

const INPUT: Step = ["input", "$z$ = ($q$, $p$), $g$", "state, gravity"];
const SCALARS: Step = ["scalars", "⟨$v$_{$i$}, $v$_{$j$}⟩, |$v$_{$i$}|", "O($d$)-invariant"];
const LOSS: Step = ["loss", "Σ |$ẑ$ − $z$|^{2}", "against data"];
const TRAJECTORY: Step = ["trajectory", "$ẑ$($t$_{1}), $ẑ$($t$_{2}), …", "rolled out"];

const SOLVER: Step = ["ODE solver", "Runge–Kutta", "fixed step"];

const NEURAL_ODE: [Step; 7] = [
    INPUT,
    SCALARS,
    ["coefficients", "$f$_{$k$}(scalars; $θ$)", "learned"],
    ["field", "d$z$/d$t$ = Σ $f$_{$k$} $v$_{$k$}", "O($d$)-equivariant"],
    SOLVER,
    TRAJECTORY,
    LOSS,
];

const HAMILTONIAN: [Step; 7] = [
    INPUT,
    SCALARS,
    ["Hamiltonian", "$H$($z$) = Σ $θ$_{$k$} $φ$_{$k$}", "$φ$: scalar basis"],
    ["flow", "d$z$/d$t$ = $J$ ∇$H$($z$)", "conserves $H$"],
    SOLVER,
    TRAJECTORY,
    LOSS,
];

const MARGIN: f64 = 8.0;
const BOX: (f64, f64) = (96.0, 66.0);
const LEARNED: usize = 2;

struct Scheme;

impl Drawing for Scheme {
    fn size(&self) -> (f64, f64) {
        (WIDTH, 330.0)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
        row(
            canvas,
            "(a) N-ODE: the field is a sum of vectors with learned scalar coefficients",
            &NEURAL_ODE,
            14.0,
            PALETTE[0],
        )?;
        row(
            canvas,
            "(b) HNN: the field is the flow of a learned Hamiltonian of scalars",
            &HAMILTONIAN,
            180.0,
            PALETTE[2],
        )
    }
}

/// A row of boxes with arrows between them, and the arrow of training back from the last to the one
/// that learns.
fn row<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    title: &str,
    steps: &[Step],
    top: f64,
    colour: RGBColor,
) -> Result<(), FigureError> {
    let pitch = (WIDTH - 2.0 * MARGIN - BOX.0) / (steps.len() - 1) as f64;
    let place = |i: usize| {
        let x0 = MARGIN + i as f64 * pitch;
        Rect { x0, y0: top + 22.0, x1: x0 + BOX.0, y1: top + 22.0 + BOX.1 }
    };
    canvas.text(title, (MARGIN, top + 8.0), TextLook::new(13.0, Align::Left).face(Face::Bold))?;
    for (i, step) in steps.iter().enumerate() {
        let ends = i == 0 || i + 1 == steps.len();
        let fill = if i == LEARNED {
            tint(colour, 0.30)
        } else {
            tint(if ends { GREY } else { colour }, 0.10)
        };
        labelled_box(canvas, place(i), step, fill, if ends { GREY } else { colour })?;
        if i + 1 < steps.len() {
            let y = top + 22.0 + 0.5 * BOX.1;
            canvas.arrow(&[(place(i).x1 + 1.0, y), (place(i + 1).x0 - 1.0, y)], INK, 1.3, &[])?;
        }
    }
    let (from, to) = (place(steps.len() - 1), place(LEARNED));
    let (x_from, x_to, low) = (0.5 * (from.x0 + from.x1), 0.5 * (to.x0 + to.x1), from.y1 + 26.0);
    let back = [(x_from, from.y1 + 1.0), (x_from, low), (x_to, low), (x_to, to.y1 + 1.0)];
    canvas.arrow(&back, PALETTE[1], 1.4, &[5.0, 3.0])?;
    let label =
        "training: ∂loss/∂$θ$ by a hand-derived adjoint through the integrator; L-BFGS updates $θ$";
    let look = TextLook::new(12.0, Align::Centre).colour(PALETTE[1]);
    canvas.text(label, (0.5 * (x_from + x_to), low + 16.0), look)
}

fn labelled_box<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    r: Rect,
    step: &Step,
    fill: RGBColor,
    edge: RGBColor,
) -> Result<(), FigureError> {
    let outline = rounded(r, 6.0);
    canvas.fill(&outline, fill, 1.0)?;
    let closed: Vec<_> = outline.iter().chain(&outline[..2]).copied().collect();
    canvas.line(&closed, edge, 1.2)?;
    let lines: Vec<_> = step.iter().enumerate().filter(|(_, text)| !text.is_empty()).collect();
    let first = 0.5 * (r.y0 + r.y1) - 9.0 * (lines.len() - 1) as f64 + 4.0;
    for (row, &(kind, text)) in lines.iter().enumerate() {
        let look = match kind {
            0 => TextLook::new(11.5, Align::Centre).face(Face::Bold),
            1 => TextLook::new(11.0, Align::Centre),
            _ => TextLook::new(10.5, Align::Centre).colour(GREY),
        };
        canvas.text(text, (0.5 * (r.x0 + r.x1), first + 18.0 * row as f64), look)?;
    }
    Ok(())
}

/// Outline of a rectangle with round corners.
fn rounded(r: Rect, radius: f64) -> Vec<(f64, f64)> {
    let centres = [
        (r.x1 - radius, r.y0 + radius),
        (r.x1 - radius, r.y1 - radius),
        (r.x0 + radius, r.y1 - radius),
        (r.x0 + radius, r.y0 + radius),
    ];
    let arc = |(quarter, (x, y)): (usize, (f64, f64))| {
        (0..=6).map(move |k| {
            let angle = std::f64::consts::FRAC_PI_2 * (quarter as f64 - 1.0 + f64::from(k) / 6.0);
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
    };
    centres.into_iter().enumerate().flat_map(arc).collect()
}
