//! Every figure, from synthetic data like the real ones.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use scalar_dynamics::report::figures::{
    Curve, ErrorCurves, ErrorPanel, ErrorSeconds, FigureError, ForceCurve, Interval, ModelPoints,
    Panel, PanelFigure, ParetoFront, ParetoPoint, PendulumScene, PhaseSpace, Prediction,
    ReferenceLine, SecondsPanel, Style, TrainedPoint, TrainingGroup, TrainingRun, ValidationPoint,
    error_seconds, figure1, figure2, figure3, force_curves, panel_figure, pareto, phase_space,
    training_history,
};

/// dz/dt of a springy double pendulum with unit masses and lengths, k = (1, 2), g = -z, pivot at
/// the origin.
fn field(z: &[f64; 12]) -> [f64; 12] {
    let mut dz = [0.0; 12];
    let norm = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (a, b) = ([0, 1, 2].map(|i| z[i]), [0, 1, 2].map(|i| z[3 + i] - z[i]));
    let (pull1, pull2) = (1.0 - 1.0 / norm(a), 2.0 * (1.0 - 1.0 / norm(b)));
    for (i, (a, b)) in a.into_iter().zip(b).enumerate() {
        let weight = if i == 2 { 1.0 } else { 0.0 };
        (dz[i], dz[3 + i]) = (z[6 + i], z[9 + i]);
        dz[6 + i] = -pull1 * a + pull2 * b - weight;
        dz[9 + i] = -pull2 * b - weight;
    }
    dz
}

/// States at steps of `dt` by the classical Runge-Kutta method, ten steps between them.
fn orbit(rows: usize, dt: f64) -> Array2<f64> {
    let mut z = [0.9, -0.5, -1.1, 1.9, 0.4, -1.9, -0.4, 0.5, 0.1, 0.2, 0.6, -0.3];
    let h = dt / 10.0;
    let mut states = Array2::zeros((rows, 12));
    for row in 0..rows {
        states.row_mut(row).iter_mut().zip(z).for_each(|(s, x)| *s = x);
        for _ in 0..10 {
            let shifted = |k: &[f64; 12], s: f64| std::array::from_fn(|i| z[i] + s * k[i]);
            let k1 = field(&z);
            let k2 = field(&shifted(&k1, 0.5 * h));
            let k3 = field(&shifted(&k2, 0.5 * h));
            let k4 = field(&shifted(&k3, h));
            z = std::array::from_fn(|i| {
                z[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
            });
        }
    }
    states
}

fn scene() -> PendulumScene {
    let states = orbit(260, 0.05);
    let particle =
        |at: usize| states.rows().into_iter().map(|z| [z[at], z[at + 1], z[at + 2]]).collect();
    PendulumScene { pivot: [0.0; 3], gravity: [0.0, 0.0, -1.0], orbits: [particle(0), particle(3)] }
}

/// An error that grows with time and wiggles, with a band; it is exactly zero at the start.
fn error_curve(i: usize, label: &str, level: f64, growth: f64) -> Curve {
    let t: Vec<f64> = (0..150).map(|k| 0.2 * f64::from(k)).collect();
    let wiggle = |t: f64| 1.0 + 0.4 * (1.7 * t + i as f64).sin() * (0.3 * t).cos();
    let y: Vec<f64> = t.iter().map(|&t| level * t.powf(growth) * wiggle(t)).collect();
    let band = |s: f64| y.iter().map(|y| y * s).collect();
    Curve::new(label, Style::Series(i), t.clone(), y.clone()).with_band(band(0.45), band(2.3))
}

fn error_curves(models: usize) -> ErrorCurves {
    let names = [
        "HNN, spectral scalars",
        "HNN, reference scalars",
        "HNN, closed form",
        "N-ODE, spectral scalars",
        "N-ODE, reference scalars",
        "HNN, MLP on scalars",
        "N-ODE, MLP on scalars",
        "HNN, EMLP O(3)",
        "HNN, MLP",
        "N-ODE, MLP",
    ];
    let levels = [2e-8, 2e-9, 1e-10, 4e-6, 3e-7, 1e-4, 4e-4, 6e-4, 1e-3, 6e-3];
    let curves = |shift: f64| {
        let curve =
            |i: usize| error_curve(i, names[i], levels[i] * shift, 0.5 + 0.1 * (i % 4) as f64);
        (0..models).map(curve).collect::<Vec<_>>()
    };
    let references =
        vec![ReferenceLine { label: "Yao et al. (2021), Scalars HNN".into(), value: 5.0e-3 }];
    let panel = |title: &str, curves, references| ErrorPanel {
        title: title.into(),
        curves,
        references,
        range: None,
    };
    let panels = vec![
        panel("angular momentum", curves(1e-3), vec![]),
        panel("state", curves(1.0), references),
    ];
    ErrorCurves { panels, columns: 2, ..ErrorCurves::default() }
}

/// Six panels of the curves of as many models, in the looks that the experiment gives them.
fn many_error_curves() -> ErrorCurves {
    let mut data = error_curves(10);
    let looks = (0..10).map(|i| Style::Model { colour: i % 8, dashes: i / 8, marker: i % 7 });
    for panel in &mut data.panels {
        panel.curves.iter_mut().zip(looks.clone()).for_each(|(curve, look)| curve.style = look);
    }
    data.panels = data.panels.iter().cycle().take(6).cloned().collect();
    data.panels[5].range = Some(Interval { low: 1e-5, high: 1.0 });
    data
}

fn seconds() -> ErrorSeconds {
    let model = |i: usize| {
        let points = (0..3)
            .map(|k| TrainedPoint {
                seconds: 3.0 + 20.0 * (i + k) as f64,
                error: 10f64.powi(-(i as i32)) * (1.0 + 0.2 * k as f64),
            })
            .collect();
        let (label, style) = (format!("model {i}"), Style::Spots { colour: i, marker: i });
        ModelPoints { label, style, points }
    };
    let panel = |title: &str| SecondsPanel {
        title: title.to_string(),
        models: (0..9).map(model).collect(),
        references: vec![ReferenceLine { label: "paper".into(), value: 5e-3 }],
    };
    ErrorSeconds { panels: vec![panel("HNN"), panel("N-ODE")] }
}

fn phase() -> PhaseSpace {
    let truth = orbit(150, 0.2);
    let mut prediction = truth.clone();
    prediction.indexed_iter_mut().for_each(|((row, column), x)| {
        *x += 2e-4 * row as f64 * (0.2 * row as f64 + column as f64).sin()
    });
    PhaseSpace {
        particles: 2,
        dimension: 3,
        truth,
        predictions: vec![Prediction { label: "prediction".into(), states: prediction }],
    }
}

fn runs() -> Vec<TrainingGroup> {
    let run = |(i, label): (usize, &str)| {
        let cost: Vec<f64> = (1..60 + 20 * i).map(|k| 4000.0 * k as f64).collect();
        let decay = |scale: f64, rate: f64| {
            let value = move |c: &f64| {
                scale * (-c / rate).exp() * (1.0 + 0.5 * (c / 9000.0).sin()) + scale * 1e-9
            };
            cost.iter().map(value).collect::<Vec<_>>()
        };
        let (loss, gradient_norm) =
            (decay(1.0, 15e3 * (1.0 + i as f64)), decay(8.0, 28e3 * (1.0 + i as f64)));
        let validation = (cost.iter().zip(decay(2.0, 18e3)).step_by(10))
            .map(|(&cost, loss)| ValidationPoint { cost, loss })
            .collect();
        TrainingRun {
            label: label.to_string(),
            style: Style::Series(i),
            cost,
            loss,
            gradient_norm,
            validation,
        }
    };
    let group = |title: &str, labels: [&str; 2]| TrainingGroup {
        title: title.into(),
        runs: labels.into_iter().enumerate().map(|(i, label)| run((2 * i, label))).collect(),
    };
    vec![group("HNN", ["reference", "spectral"]), group("N-ODE", ["polynomial", "spectral, N-ODE"])]
}

fn front() -> ParetoFront {
    let rows = [
        ("0.981*dot(g,q1)", 4.0, 0.7),
        ("0.5*dot(p1,p1)-dot(g,q1)", 9.0, 0.31),
        ("0.5*dot(p1,p1)+0.5*dot(p2,p2)-dot(g,q1+q2)", 15.0, 9e-2),
        ("0.5*dot(p1,p1)+0.5*dot(p2,p2)-dot(g,q1+q2)+0.42*dot(q1,q1)", 19.0, 4e-2),
        ("0.5*dot(p1,p1)+0.5*dot(p2,p2)-dot(g,q1+q2)+0.5*(norm(q1)-1)**2", 24.0, 6e-3),
        (
            "0.5*dot(p1,p1)+0.5*dot(p2,p2)-dot(g,q1+q2)+0.5*(norm(q1)-1)**2+0.3*norm(q2-q1)",
            29.0,
            2e-3,
        ),
        (
            "0.5*dot(p1,p1) + 0.5*dot(p2,p2) - dot(g,q1+q2) + 0.5*(norm(q1) - 1)**2 + (norm(q2-q1) - 1)**2 + 1e-9*norm(q2-q1)**4",
            33.0,
            3.1e-9,
        ),
        (
            "0.5*dot(p1,p1)+0.5*dot(p2,p2)-dot(g,q1+q2)+0.5*(norm(q1)-1)**2+(norm(q2-q1)-1)**2+1e-9*norm(q1)**4-3e-10*norm(q2-q1)**5",
            39.0,
            3.0e-9,
        ),
    ];
    let candidates = rows.map(|(text, complexity, error)| ParetoPoint {
        expression: text.into(),
        complexity,
        error,
    });
    ParetoFront { candidates: candidates.into(), chosen: Some(6) }
}

fn parts() -> Vec<ForceCurve> {
    let part = |title: &str, name: &str, k: f64, low: f64| {
        let x: Vec<f64> = (0..200).map(|i| 0.02 * f64::from(i) + 0.01).collect();
        let law = |r: &f64| 0.5 * k * (r - 1.0).powi(2);
        let stray =
            |r: &f64| law(r) + 0.25 * (r - low).min(0.0).powi(2) + 0.2 * (r - 2.6).max(0.0).powi(3);
        ForceCurve {
            title: title.into(),
            x_label: format!("distance $r$ = |{name}| (model units)"),
            y_label: "$V$($r$) (model units)".into(),
            learned: x.iter().map(stray).collect(),
            closed_form: x.iter().map(law).collect(),
            x,
            data_range: Interval { low, high: 2.7 },
        }
    };
    vec![
        part("(a) first spring", "$q$_{1} − $q$_{0}", 1.0, 0.4),
        part("(b) second spring", "$q$_{2} − $q$_{1}", 2.0, 0.6),
    ]
}

fn noise_panel() -> PanelFigure {
    let noise = vec![1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
    let curve = |i: usize, label: &str, factor: f64| {
        let y: Vec<f64> = noise.iter().map(|s| factor * s + 1e-6).collect();
        let band = |s: f64| y.iter().map(|y| y * s).collect();
        Curve::new(label, Style::Series(i), noise.clone(), y.clone())
            .with_band(band(0.6), band(1.7))
    };
    let panel = Panel {
        title: "robustness to noise".into(),
        x_label: "noise (standard deviation, share of the coordinate’s spread)".into(),
        y_label: "state relative error".into(),
        log_x: true,
        log_y: true,
        curves: vec![
            curve(0, "HNN, spectral", 0.1),
            curve(1, "N-ODE, spectral", 0.4),
            curve(2, "HNN, closed form", 0.02),
        ],
        references: vec![ReferenceLine { label: "EMLP with 3 % noise".into(), value: 7.5e-3 }],
        ..Panel::default()
    };
    PanelFigure { panels: vec![panel], columns: 1, row_height: 360.0 }
}

/// A folder of this test alone.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Bytes of both files, after checking that they are what they should be; `FIGURES_OUT` names a
/// folder for copies to look at.
fn read(stem: &Path, labels: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let svg = fs::read(stem.with_extension("svg")).expect("the SVG file");
    let png = fs::read(stem.with_extension("png")).expect("the PNG file");
    if let Some(out) = std::env::var_os("FIGURES_OUT").map(PathBuf::from) {
        fs::create_dir_all(&out).expect("the folder to look at");
        fs::write(out.join(stem.with_extension("svg").file_name().unwrap()), &svg).expect("a copy");
        fs::write(out.join(stem.with_extension("png").file_name().unwrap()), &png).expect("a copy");
    }
    let text = String::from_utf8(svg.clone()).expect("UTF-8");
    assert!(
        text.starts_with("<svg ") && text.trim_end().ends_with("</svg>"),
        "{}: not an SVG document",
        stem.display()
    );
    assert_eq!(text.matches("<text").count(), text.matches("</text>").count());
    assert!(
        !text.contains("NaN") && !text.contains("inf"),
        "{}: a coordinate is not finite",
        stem.display()
    );
    for label in labels {
        assert!(text.contains(label), "{}: the label {label:?} is missing", stem.display());
    }
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let high = u32::from_be_bytes(png[20..24].try_into().unwrap());
    let most = 150_000.max(200 * high as usize);
    assert!((5_000..most).contains(&png.len()), "{}: PNG of {} bytes", stem.display(), png.len());
    assert!(svg.len() < most + 100_000, "{}: SVG of {} bytes", stem.display(), svg.len());
    let width = u32::from_be_bytes(png[16..20].try_into().unwrap());
    assert_eq!(width, 1200);
    (svg, png)
}

/// Makes a figure twice and checks that the bytes agree.
fn check(name: &str, labels: &[&str], make: impl Fn(&Path) -> Result<(), FigureError>) {
    let folder = folder();
    let stem = folder.path().join(name);
    make(&stem).expect("the figure");
    let first = read(&stem, labels);
    make(&stem).expect("the figure again");
    assert!(first == read(&stem, labels), "{name}: a second run gives other bytes");
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        2,
        "{name}: other files are left behind"
    );
}

#[test]
fn figure1_shows_the_pendulum() {
    check("figure1", &["k", "l", "m", "g", "circle"], |stem| figure1(&scene(), stem));
}

#[test]
fn figure2_shows_both_schemes() {
    check("figure2", &["N-ODE", "HNN", "scalars", "integrator", "L-BFGS", "loss"], figure2);
}

#[test]
fn figure3_is_legible_with_one_to_ten_curves() {
    check("figure3", &["angular momentum", "HNN, MLP", "Yao et al.", "10⁻⁸"], |stem| {
        figure3(&error_curves(10), stem)
    });
    check("figure3_one", &["HNN, spectral scalars"], |stem| figure3(&error_curves(1), stem));
    check("figure3_many", &["(f) state", "HNN, MLP"], |stem| figure3(&many_error_curves(), stem));
    check("error_seconds", &["seconds of training", "model 8"], |stem| {
        error_seconds(&seconds(), stem)
    });
    check("figure3_four", &["N-ODE, spectral scalars"], |stem| figure3(&error_curves(4), stem));
}

#[test]
fn panels_are_reused_for_noise() {
    check("noise", &["robustness", "HNN, spectral"], |stem| panel_figure(&noise_panel(), stem));
}

#[test]
fn phase_space_lays_the_prediction_over_the_truth() {
    check("phase_space", &["truth", "prediction", "momentum"], |stem| phase_space(&phase(), stem));
}

#[test]
fn training_history_shows_loss_and_gradient() {
    check("training", &["reference", "polynomial", "field evaluations"], |stem| {
        training_history(&runs(), "field evaluations", stem)
    });
}

#[test]
fn recovery_figures_show_front_and_laws() {
    // The chosen form is told in full, on two lines; a word that is longer than a line is not.
    check("pareto", &["complexity", "expression", "1e-9*norm(q2-q1)**4", "…"], |stem| {
        pareto(&front(), stem)
    });
    check("forces", &["learned", "closed form", "first spring"], |stem| {
        force_curves(&parts(), stem)
    });
}

/// A PNG file's width and its pixels: red, green, blue.
fn pixels(path: &Path) -> (usize, Vec<[u8; 3]>) {
    let mut decoder = png::Decoder::new(fs::File::open(path).expect("the PNG file"));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("its header");
    let mut bytes = vec![0; reader.output_buffer_size()];
    let width = reader.next_frame(&mut bytes).expect("its pixels").width as usize;
    (width, bytes.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect())
}

/// Titles and labels of any length, of words or without a blank, leave a white margin at the
/// picture's edges, and between the titles of neighbours.
#[test]
fn regress_long_titles_stay_in_the_picture() {
    let folder = folder();
    let term = "1.234e-5*(norm(q2 - q1) - 0.9876)**2/dot(g,q1+q2)";
    for length in [20, 40, 90, 5000] {
        let law: String =
            format!("{term} + ").repeat(1 + length / 50).chars().take(length).collect();
        for title in
            [law.clone(), law.replace(' ', ""), "W".repeat(length), "$q$_{1}".repeat(length)]
        {
            for panels in 1..=3 {
                let part = ForceCurve {
                    title: title.clone(),
                    x_label: title.clone(),
                    y_label: title.clone(),
                    ..parts().remove(0)
                };
                let stem = folder.path().join(format!("{length}"));
                force_curves(&vec![part; panels], &stem).expect("the figure");
                let (width, pixels) = pixels(&stem.with_extension("png"));
                assert_eq!(width, 1200);
                // Lanczos' ripples around letters that end near by are faint.
                let is_blank = |pixel: &[u8; 3]| pixel.iter().all(|&c| c > 235);
                let rows = pixels.chunks_exact(width);
                let edges = rows.clone().flat_map(|row| [&row[..3], &row[width - 3..]]);
                let told = format!("{panels} panels, title of {length}: {title:.60}");
                assert!(edges.flatten().all(is_blank), "{told}");
                let columns = panels;
                for border in (1..columns).map(|k| k * width / columns) {
                    let mut between = rows.clone().map(|row| &row[border - 1..=border + 1]);
                    // The legend is below: it may be anywhere.
                    let high = 1.5 * (if columns == 3 { 250.0 } else { 300.0 });
                    assert!(between.by_ref().take(high as usize).flatten().all(is_blank), "{told}");
                }
            }
        }
    }
}

#[test]
fn bad_input_points_are_skipped() {
    let folder = folder();
    let bad =
        [f64::NAN, 0.0, -1.0, f64::INFINITY, 1e-3, 1e-300, 1e300, f64::NEG_INFINITY, 2e-3, 4e-3];
    let t: Vec<f64> = (0..10).map(f64::from).collect();
    let curve = Curve::new("bad", Style::Series(0), t, bad.to_vec())
        .with_band(vec![-1.0; 10], bad.to_vec());
    let panels = [vec![curve], vec![]].map(|curves| ErrorPanel { curves, ..ErrorPanel::default() });
    let data = ErrorCurves { panels: panels.into(), columns: 2, ..ErrorCurves::default() };
    let stem = folder.path().join("bad");
    figure3(&data, &stem).expect("a figure of the good points");
    let svg = fs::read_to_string(stem.with_extension("svg")).expect("the SVG file");
    assert!(!svg.contains("NaN") && svg.contains("no data"));
    let mut scene = scene();
    scene.orbits[0][7] = [f64::NAN, 0.0, 0.0];
    scene.gravity = [0.0; 3];
    figure1(&scene, &stem).expect("a figure without that point");
    for value in [0.0, -5.0, 1e300, 1e-300] {
        let flat = Curve::new("flat", Style::Truth, vec![value; 3], vec![value; 3]);
        let panel = Panel { curves: vec![flat], ..Panel::default() };
        panel_figure(&PanelFigure { panels: vec![panel], columns: 0, row_height: 300.0 }, &stem)
            .expect("a flat curve");
    }
}

#[test]
fn bad_input_is_a_typed_error_and_leaves_no_file() {
    let folder = folder();
    let stem = folder.path().join("none");
    assert!(matches!(figure3(&ErrorCurves::default(), &stem), Err(FigureError::Empty(_))));
    assert!(matches!(training_history(&[], "iterations", &stem), Err(FigureError::Empty(_))));
    assert!(matches!(force_curves(&[], &stem), Err(FigureError::Empty(_))));
    assert!(matches!(pareto(&ParetoFront::default(), &stem), Err(FigureError::Empty(_))));
    let empty = PendulumScene { orbits: [vec![], vec![]], ..scene() };
    assert!(matches!(figure1(&empty, &stem), Err(FigureError::Empty(_))));
    let narrow = PhaseSpace { truth: Array2::zeros((4, 5)), ..phase() };
    assert!(matches!(phase_space(&narrow, &stem), Err(FigureError::Length { .. })));
    let mut uneven = error_curves(1);
    uneven.panels[1].curves[0].upper.pop();
    let message = figure3(&uneven, &stem).expect_err("unequal arrays").to_string();
    assert!(message.contains("upper") && message.contains("149"), "{message}");
    let nowhere = folder.path().join("no/such/folder/figure2");
    assert!(matches!(figure2(&nowhere), Err(FigureError::File(_))));
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}
