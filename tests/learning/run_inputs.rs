//! What each run has its own of: a model does with it what one does that has it as a constant.

use ndarray::Array2;
use scalar_dynamics::dataset::Shape;
use scalar_dynamics::expr::{Bindings, Expr};
use scalar_dynamics::linalg::{LANES, Lanes, Total};
use scalar_dynamics::model::{HamiltonianModel, Model, ScalarHamiltonian};
use scalar_dynamics::scalars::{Inputs, InputsError, RunInput};

use crate::common::{assert_close, rng, uniform};

const LAW: &str = "0.7*norm(p1)**2/m + 0.3*k*(norm(q1) - 0.9*l)**2 - 1.1*m*dot(g,q1)";
const NAMES: [&str; 3] = ["m", "k", "l"];
const VALUES: [f64; 3] = [1.3, 0.8, 1.7];
const GRAVITY: [f64; 2] = [0.4, -0.9];

fn law() -> Expr {
    Expr::with_parameters(LAW, &NAMES.map(str::to_string)).unwrap()
}

fn plain() -> Inputs {
    Inputs::new(Shape { particles: 1, dimension: 2 }, vec![0.0; 2], Vec::new()).unwrap()
}

fn of_run() -> Inputs {
    let numbers = NAMES.map(|name| RunInput::Number(name.into()));
    let all = [&[RunInput::Vector("g".into())], &numbers[..]].concat();
    plain().with_run_inputs(all).unwrap()
}

/// The law with the values as numbers, whose first constants are the law's own.
fn with_values() -> (Inputs, Expr) {
    let mut text = LAW.to_string();
    for (name, value) in NAMES.iter().zip(VALUES) {
        text = text.replace(&format!("/{name} "), &format!("/{value} "));
        text = text.replace(&format!("*{name}*"), &format!("*{value}*"));
        text = text.replace(&format!("*{name})"), &format!("*{value})"));
    }
    let context = vec![("g".into(), GRAVITY.to_vec())];
    (Inputs::new(plain().shape, vec![0.0; 2], context).unwrap(), text.parse().unwrap())
}

/// Eight states in component order: with what the run has its own of, and without.
fn states() -> (Vec<f64>, Vec<f64>) {
    let moving = Array2::from_shape_vec((LANES, 4), uniform(4 * LANES, 1.5, &mut rng(7))).unwrap();
    let mut all = Array2::zeros((LANES, 20));
    for (k, row) in moving.rows().into_iter().enumerate() {
        let own = [GRAVITY[0], GRAVITY[1], VALUES[0], 0.0, VALUES[1], 0.0, VALUES[2], 0.0];
        let positions = row.iter().take(2).copied().chain(own);
        let state = positions.chain(row.iter().skip(2).copied()).chain([0.0; 8]);
        all.row_mut(k).iter_mut().zip(state).for_each(|(x, value)| *x = value);
    }
    let flat = |states: &Array2<f64>| -> Vec<f64> { states.t().iter().copied().collect() };
    (flat(&all), flat(&moving))
}

/// Components that move, of a batch in component order.
fn moving(batch: &[f64]) -> Vec<f64> {
    of_run().moving_components().iter().flat_map(|c| batch[c * LANES..][..LANES].to_vec()).collect()
}

#[test]
fn a_law_of_run_inputs_moves_states_as_one_of_constants() {
    let (law, (inputs, other)) = (law(), with_values());
    let own = ScalarHamiltonian::closed_form(&of_run(), &law).unwrap();
    let plain = ScalarHamiltonian::closed_form(&inputs, &other).unwrap();
    let (z, moved) = states();
    let (mut dz, mut field) = (vec![f64::NAN; z.len()], vec![f64::NAN; moved.len()]);
    own.field_into(&law.constants(), &z, &mut dz, &mut own.work());
    plain.field_into(&other.constants(), &moved, &mut field, &mut plain.work());
    let (mut energy, mut expected) = (vec![0.0; LANES], vec![0.0; LANES]);
    own.energy_into(&law.constants(), &z, &mut energy, &mut own.work());
    plain.energy_into(&other.constants(), &moved, &mut expected, &mut plain.work());
    for (a, b) in moving(&dz).iter().zip(&field).chain(energy.iter().zip(&expected)) {
        assert_close(*a, *b, 1e-14, "field and energy");
    }
    // What a run has its own of stays, and so do the zeros that go with it.
    let still = dz.iter().filter(|x| **x == 0.0).count();
    assert_eq!(still, 16 * LANES);
}

#[test]
fn gradient_of_a_law_of_run_inputs_is_that_of_one_of_constants() {
    let (law, (inputs, other)) = (law(), with_values());
    let own = ScalarHamiltonian::closed_form(&of_run(), &law).unwrap();
    let plain = ScalarHamiltonian::closed_form(&inputs, &other).unwrap();
    let (z, moved) = states();
    let lambda = uniform(20 * LANES, 1.0, &mut rng(8));
    let (constants, others) = (law.constants(), other.constants());
    let (mut z_bar, mut moved_bar) = (vec![f64::NAN; z.len()], vec![f64::NAN; moved.len()]);
    let mut theta_bar = vec![Lanes([0.0; LANES]); constants.len()];
    let mut others_bar = vec![Lanes([0.0; LANES]); others.len()];
    own.vjp_into(&constants, &z, &lambda, &mut z_bar, &mut theta_bar, &mut own.work());
    let along = moving(&lambda);
    plain.vjp_into(&others, &moved, &along, &mut moved_bar, &mut others_bar, &mut plain.work());
    for (a, b) in moving(&z_bar).iter().zip(&moved_bar) {
        assert_close(*a, *b, 1e-13, "by the state");
    }
    // The law's own constants are found by their values among those of the other.
    for (constant, bar) in constants.iter().zip(&theta_bar) {
        let place = others.iter().position(|other| other == constant).unwrap();
        assert_close(bar.total(), others_bar[place].total(), 1e-13, "by a constant");
    }
}

#[test]
fn a_law_of_parameters_is_text_that_python_and_rust_read() {
    let law = law();
    assert_eq!(law.parameters(), ["k", "l", "m"]);
    let text = law.to_string();
    assert_eq!(Expr::with_parameters(&text, &law.parameters()).unwrap().to_string(), text);
    let latex = law.to_latex();
    assert!(latex.contains("{m}") && !latex.contains(r"\mathbf{m}"), "{latex}");
    assert!(
        law.to_rust("h")
            .starts_with("fn h(g: &[f64], p1: &[f64], q1: &[f64], k: f64, l: f64, m: f64)")
    );
    let mut point = Bindings::new();
    point.bind("q1", [3.0, 4.0]).bind("p1", [1.0, 2.0]).bind("g", [0.0, 1.0]);
    point.bind("m", [2.0]).bind("k", [0.5]).bind("l", [1.0]);
    let value = 0.7 * 5.0 / 2.0 + 0.3 * 0.5 * 4.1 * 4.1 - 1.1 * 2.0 * 4.0;
    assert_close(law.evaluate(&point).unwrap(), value, 1e-14, "value");
    // Without being told so, a name is that of a vector.
    assert!("m*norm(q1)".parse::<Expr>().is_err());
}

#[test]
fn bad_input_names_of_run_inputs_are_their_own() {
    for (name, other) in [("q1", "m"), ("norm", "m"), ("m", "m"), ("2m", "l")] {
        let all = [name, other].map(|name| RunInput::Number(name.into()));
        let error = plain().with_run_inputs(all.to_vec()).unwrap_err();
        assert!(matches!(error, InputsError::Name(_)), "{name}: {error}");
    }
    let unknown = Expr::with_parameters("m*norm(q1)", &["m".to_string()]).unwrap();
    let error = ScalarHamiltonian::closed_form(&plain(), &unknown).unwrap_err().to_string();
    assert!(error.contains("`m`"), "{error}");
}
