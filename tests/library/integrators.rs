//! Integrators and the springy pendulum: order, reversal, symplecticity, energy, agreement with an
//! independent ODE library.

use ndarray::{Array2, Array3, ArrayView2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::field::{Hamiltonian, SeparableHamiltonian, VectorField};
use scalar_dynamics::integrate::{
    GaussLegendre, IntegrateError, Method, RungeKutta, Splitting, refine, simulate,
};
use scalar_dynamics::linalg::{Dual, Real};
use scalar_dynamics::systems::{self, Parameters, SpringyPendulum};

/// Runs `$check(name, method, $args...)` on every symplectic method.
macro_rules! each_symplectic {
    ($check:ident $(, $arg:expr)*) => {
        for order in [2, 4, 6, 8] {
            $check(&format!("splitting {order}"), &Splitting::new(order).unwrap() $(, $arg)*);
        }
        for order in [6, 8] {
            $check(&format!("nystrom {order}"), &Splitting::nystrom(order).unwrap() $(, $arg)*);
        }
        for order in [2, 4, 6] {
            $check(&format!("gauss-legendre {order}"), &GaussLegendre::new(order).unwrap() $(, $arg)*);
        }
    };
}

/// Runs `$check(name, method, $args...)` on every method.
macro_rules! each_method {
    ($check:ident $(, $arg:expr)*) => {
        each_symplectic!($check $(, $arg)*);
        for order in [4, 8] {
            $check(&format!("runge-kutta {order}"), &RungeKutta::new(order).unwrap() $(, $arg)*);
        }
    };
}

/// A pendulum without two equal parameters.
fn lopsided() -> SpringyPendulum {
    SpringyPendulum::new(Parameters {
        masses: [1.3, 0.7],
        stiffness: [2.1, 1.4],
        lengths: [0.9, 1.2],
        pivot: [0.3, -0.2, 0.5],
        gravity: [0.1, -0.2, -0.9],
    })
    .unwrap()
}

/// Initial states as the paper draws them, but uniform and of spread `spread`.
fn states(n: usize, spread: f64, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mean = [0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    Array2::from_shape_fn((n, 12), |(_, k)| mean[k] + rng.random_range(-spread..spread))
}

/// States after `steps` steps.
fn last<M: Method<SpringyPendulum>>(
    system: &SpringyPendulum,
    method: &M,
    z: ArrayView2<f64>,
    t: f64,
    steps: usize,
) -> Array2<f64> {
    simulate(system, method, z, t, 2, steps).unwrap().slice(s![.., 1, ..]).to_owned()
}

fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    assert!(a.iter().chain(b).all(|x| x.is_finite()));
    (a - b).iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

fn advance<M: Method<SpringyPendulum>, T: Real>(
    system: &SpringyPendulum,
    method: &M,
    h: f64,
    steps: usize,
    z: &mut [T],
) {
    let mut work = vec![T::splat(f64::NAN); method.work_len(12)];
    method.advance(system, h, steps, z, &mut work).unwrap();
}

#[test]
fn gradient_of_the_pendulum_is_that_of_its_energy() {
    for system in [SpringyPendulum::paper(), SpringyPendulum::reference_code(), lopsided()] {
        for z in states(50, 1.0, 1).rows() {
            let z = z.to_vec();
            let (mut gradient, mut velocity, mut force) = ([0.0; 12], [0.0; 6], [0.0; 6]);
            system.gradient_into(&z, &mut gradient);
            system.velocity_into(&z[6..], &mut velocity);
            system.force_into(&z[..6], &mut force);
            for k in 0..12 {
                let moved: Vec<_> =
                    (0..12).map(|i| Dual::new(z[i], f64::from(u8::from(i == k)))).collect();
                let exact = system.energy(&moved).eps;
                assert!(
                    (gradient[k] - exact).abs() < 1e-13,
                    "component {k}: {} against {exact}",
                    gradient[k]
                );
                let part = if k < 6 { -force[k] } else { velocity[k - 6] };
                assert_eq!(part, gradient[k]);
            }
        }
    }
}

#[test]
fn energy_of_the_pendulum_is_that_of_the_formula() {
    let mut z = [0.0; 12];
    (z[0], z[5], z[6], z[10]) = (3.0, -4.0, 2.0, 3.0);
    // Springs of lengths 3 and 5, stretched by 2 and 4; gravity -(-1)(0) - (-1)(-4).
    assert!((SpringyPendulum::paper().energy(&z) - (2.0 + 4.5 + 2.0 + 8.0 - 4.0)).abs() < 1e-14);
    assert!(
        (SpringyPendulum::reference_code().energy(&z) - (2.0 + 4.5 + 2.0 + 16.0 - 4.0)).abs()
            < 1e-14
    );
}

#[test]
fn angular_momentum_about_gravity_is_conserved_by_the_flow() {
    let system = lopsided();
    for z in states(20, 1.0, 2).rows() {
        let mut flow = [0.0; 12];
        system.field_into(&z.to_vec(), &mut flow);
        let moved: Vec<_> = z.iter().zip(flow).map(|(&z, dz)| Dual::new(z, dz)).collect();
        let momentum = system.angular_momentum(&moved);
        assert!(momentum.eps.abs() < 1e-13 && momentum.re.abs() > 1e-3, "{momentum:?}");
    }
    let mut z = [0.0; 12];
    (z[0], z[7]) = (2.0, 3.0);
    assert_eq!(SpringyPendulum::paper().angular_momentum(&z), -6.0);
}

#[test]
fn springs_of_zero_length_pull_nowhere() {
    let mut gradient = [f64::NAN; 12];
    SpringyPendulum::paper().gradient_into(&[0.0; 12], &mut gradient);
    assert_eq!(
        gradient.map(f64::abs),
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    );
    let mut force = [Dual::new(f64::NAN, f64::NAN); 6];
    SpringyPendulum::paper().force_into(&[Dual::new(0.0, 0.0); 6], &mut force);
    assert!(force.iter().all(|f| f.re.is_finite() && f.eps.is_finite()));
}

#[test]
fn order_of_each_method_is_the_one_it_claims() {
    let (system, z) = (lopsided(), states(8, 0.1, 3));
    let exact = last(&system, &RungeKutta::new(8).unwrap(), z.view(), 2.0, 200);
    fn check<M: Method<SpringyPendulum>>(
        name: &str,
        method: &M,
        system: &SpringyPendulum,
        z: &Array2<f64>,
        exact: &Array2<f64>,
    ) {
        // Steps short enough for the asymptotic range, long enough that the errors stand far above
        // roundoff.
        let steps = match method.order() {
            2 => [64, 128],
            4 => [24, 48],
            6 => [12, 24],
            _ => [6, 12],
        };
        let [coarse, fine] =
            steps.map(|n| distance(&last(system, method, z.view(), 2.0, n), exact));
        let slope = (coarse / fine).log2();
        println!("{name}: errors {coarse:.1e}, {fine:.1e}, order {slope:.2}");
        assert!(fine > 2e-13, "{name}: error {fine:e} is roundoff");
        assert!((slope - method.order() as f64).abs() < 0.2, "{name}: order {slope}");
    }
    each_method!(check, &system, &z, &exact);
}

#[test]
fn reversal_returns_to_the_start() {
    fn check<M: Method<SpringyPendulum>>(name: &str, method: &M) {
        let start = states(1, 0.4, 4).into_raw_vec_and_offset().0;
        let mut z = start.clone();
        advance(&lopsided(), method, 0.05, 400, &mut z);
        advance(&lopsided(), method, -0.05, 400, &mut z);
        let error = z.iter().zip(&start).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
        println!("{name}: {error:.1e}");
        assert!(error < 7e-14, "{name}: {error:e}");
    }
    each_symplectic!(check);
}

/// Largest entry of M^T J M - J, M the Jacobian of five steps of 0.2.
fn symplecticity<M: Method<SpringyPendulum>>(method: &M) -> f64 {
    let z = states(1, 0.4, 5);
    let columns: Vec<Vec<f64>> = (0..12)
        .map(|k| {
            let mut z: Vec<_> =
                (0..12).map(|i| Dual::new(z[[0, i]], f64::from(u8::from(i == k)))).collect();
            advance(&lopsided(), method, 0.2, 5, &mut z);
            z.iter().map(|z| z.eps).collect()
        })
        .collect();
    let form =
        |a: &[f64], b: &[f64]| (0..6).map(|i| a[i] * b[i + 6] - a[i + 6] * b[i]).sum::<f64>();
    let mut worst = 0.0f64;
    for i in 0..12 {
        for j in 0..12 {
            let exact = f64::from(i8::from(j == i + 6) - i8::from(i == j + 6));
            worst = worst.max((form(&columns[i], &columns[j]) - exact).abs());
        }
    }
    worst
}

#[test]
fn symplecticity_of_the_symplectic_methods_alone() {
    fn check<M: Method<SpringyPendulum>>(name: &str, method: &M) {
        let error = symplecticity(method);
        println!("{name}: {error:.1e}");
        assert!(error < 9e-15, "{name}: {error:e}");
    }
    each_symplectic!(check);
    assert!(symplecticity(&RungeKutta::new(4).unwrap()) > 1e-6);
}

/// Over a million steps: largest relative energy error, and drift (mean of the last tenth less that
/// of the first).
fn energy_error<M: Method<SpringyPendulum>>(method: &M, h: f64) -> (f64, f64) {
    let (system, points) = (SpringyPendulum::reference_code(), 1001);
    let path =
        simulate(&system, method, states(8, 0.2, 6).view(), 1000.0 * h, points, 1000).unwrap();
    let (mut worst, mut drift) = (0.0f64, 0.0f64);
    for trajectory in path.outer_iter() {
        let energy: Vec<f64> =
            trajectory.rows().into_iter().map(|z| system.energy(z.as_slice().unwrap())).collect();
        let error: Vec<f64> = energy.iter().map(|e| e / energy[0] - 1.0).collect();
        assert!(error.iter().all(|e| e.is_finite()));
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        worst = error.iter().fold(worst, |m, e| m.max(e.abs()));
        drift = drift.max((mean(&error[points - 100..]) - mean(&error[..100])).abs());
    }
    (worst, drift)
}

/// Checks energy error and drift over a million steps against bounds ten times what was measured.
fn check_energy<M: Method<SpringyPendulum>>(
    name: &str,
    method: &M,
    h: f64,
    bound: f64,
    drift_bound: f64,
) {
    let (worst, drift) = energy_error(method, h);
    println!("{name} {}, h = {h}: error {worst:.1e}, drift {drift:.1e}", method.order());
    assert!(
        worst < bound && drift < drift_bound,
        "{name} {}: energy error {worst:e}, drift {drift:e}",
        method.order()
    );
}

#[test]
fn energy_stays_over_a_million_steps_of_splitting() {
    for (order, h, bound, drift) in [
        (2, 0.05, 3e-4, 7e-5),
        (4, 0.1, 8e-7, 3e-8),
        (6, 0.1, 1.4e-8, 2e-10),
        (8, 0.1, 2e-10, 8e-12),
    ] {
        check_energy("splitting", &Splitting::new(order).unwrap(), h, bound, drift);
    }
    for (order, h, bound, drift) in [(6, 0.1, 2e-11, 4e-12), (8, 0.1, 2e-11, 7e-12)] {
        check_energy("nystrom", &Splitting::nystrom(order).unwrap(), h, bound, drift);
    }
}

#[test]
fn energy_stays_over_a_million_steps_of_gauss_legendre() {
    for (order, h, bound, drift) in
        [(2, 0.02, 3e-4, 1.5e-4), (4, 0.02, 1.5e-8, 3e-9), (6, 0.02, 2e-12, 1e-12)]
    {
        check_energy("gauss-legendre", &GaussLegendre::new(order).unwrap(), h, bound, drift);
    }
}

#[test]
fn energy_drifts_with_runge_kutta() {
    let (_, drift) = energy_error(&RungeKutta::new(4).unwrap(), 0.05);
    assert!(drift > 1e-3, "{drift:e}");
}

#[test]
fn agreement_with_an_independent_library() {
    type State = ode_solvers::SVector<f64, 12>;
    struct Flow(SpringyPendulum);
    impl ode_solvers::System<f64, State> for Flow {
        fn system(&self, _: f64, z: &State, dz: &mut State) {
            self.0.field_into(z.as_slice(), dz.as_mut_slice());
        }
    }
    let (system, z) = (lopsided(), states(4, 0.3, 7));
    let exact = Array2::from_shape_vec(
        (4, 12),
        z.rows()
            .into_iter()
            .flat_map(|z| {
                let start = State::from_iterator(z.iter().copied());
                // Steps of its own, without interpolation; the numbers between are the library's
                // defaults.
                let (safety, beta, least, most, longest, first) = (0.9, 0.0, 0.333, 6.0, 5.0, 0.0);
                let sparse = ode_solvers::OutputType::Sparse;
                let mut solver = ode_solvers::Dop853::from_param(
                    Flow(system),
                    0.0,
                    5.0,
                    5.0,
                    start,
                    1e-13,
                    1e-13,
                    safety,
                    beta,
                    least,
                    most,
                    longest,
                    first,
                    100_000,
                    1000,
                    sparse,
                );
                solver.integrate().unwrap();
                solver.y_out().last().unwrap().as_slice().to_vec()
            })
            .collect(),
    )
    .unwrap();
    fn check<M: Method<SpringyPendulum>>(
        name: &str,
        method: &M,
        system: &SpringyPendulum,
        z: &Array2<f64>,
        exact: &Array2<f64>,
    ) {
        let (steps, bound) = match method.order() {
            2 => (50_000, 8e-8),
            4 => (5_000, 2.5e-12),
            _ => (500, 2.5e-12),
        };
        let error = distance(&last(system, method, z.view(), 5.0, steps), exact);
        println!("{name}: {error:.1e}");
        assert!(error < bound, "{name}: {error:e}");
    }
    each_method!(check, &system, &z, &exact);
}

fn bits(states: &Array3<f64>) -> Vec<u64> {
    states.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn determinism_whatever_the_threads_and_the_neighbours() {
    let (system, z) = (SpringyPendulum::paper(), states(29, 0.3, 8));
    fn check<M: Method<SpringyPendulum>>(
        name: &str,
        method: &M,
        system: &SpringyPendulum,
        z: &Array2<f64>,
    ) {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| simulate(system, method, z.view(), 0.2, 11, 3).unwrap())
        };
        let (one, four) = (run(1), run(4));
        assert_eq!(one.slice(s![.., 0, ..]), *z);
        assert_eq!(bits(&one), bits(&four), "{name}");
    }
    each_method!(check, &system, &z);
    // The iteration of an implicit method goes on until all eight have settled; an explicit method
    // does not see its neighbours.
    let method = Splitting::nystrom(8).unwrap();
    let all = simulate(&system, &method, z.view(), 0.2, 11, 3).unwrap();
    let alone = simulate(&system, &method, z.slice(s![17..18, ..]), 0.2, 11, 3).unwrap();
    assert_eq!(all.slice(s![17..18, .., ..]), alone);
}

#[test]
fn regress_evaluations_of_a_step() {
    let forces: Vec<_> = [2, 4, 6, 8].map(|order| Splitting::new(order).unwrap().forces()).into();
    assert_eq!(forces, [2, 6, 10, 17]);
    assert_eq!([6, 8].map(|order| Splitting::nystrom(order).unwrap().forces()), [14, 18]);
    let system = SpringyPendulum::paper();
    let mut evaluations = 0;
    let mut field = |z: &[f64], dz: &mut [f64]| {
        evaluations += 1;
        system.field_into(z, dz);
    };
    let mut z = states(1, 0.2, 9).into_raw_vec_and_offset().0;
    let method = RungeKutta::new(8).unwrap();
    method.step(&mut field, 0.1, &mut z, &mut vec![0.0; method.work_len(12)]);
    let method = GaussLegendre::new(4).unwrap();
    method.step(&mut field, 0.1, &mut z, &mut vec![0.0; method.work_len(12)]).unwrap();
    assert_eq!(evaluations, 12 + 23);
}

#[test]
fn refinement_shows_the_error_that_it_promises() {
    let (system, z, method) =
        (SpringyPendulum::reference_code(), states(16, 0.2, 10), Splitting::nystrom(8).unwrap());
    let refined = refine(&system, &method, z.view(), 0.2, 151, 1e-9).unwrap();
    let shown = last(&system, &method, z.view(), 30.0, 150 * refined.substeps);
    let independent = last(&system, &RungeKutta::new(8).unwrap(), z.view(), 30.0, 150 * 8);
    let error = distance(&shown, &independent);
    println!("{refined:?}, against Runge-Kutta {error:.1e}");
    assert!(refined.error <= 1e-9 && error <= refined.error * 1.1 + 1e-12);
    if refined.substeps > 1 {
        let coarse = refined.substeps - 1;
        let [a, b] = [coarse, 2 * coarse].map(|k| last(&system, &method, z.view(), 30.0, 150 * k));
        let distances =
            (&a - &b).rows().into_iter().map(|row| row.dot(&row).sqrt()).fold(0.0, f64::max);
        assert!(distances > 1e-9, "{coarse} steps would do");
    }
    let hopeless = refine(&system, &method, z.view(), 0.2, 151, 1e-18);
    assert!(matches!(hopeless, Err(IntegrateError::Tolerance { .. })), "{hopeless:?}");
}

#[test]
fn bad_input_to_the_pendulum_is_named() {
    let good = *SpringyPendulum::paper().parameters();
    let bad = [
        (Parameters { masses: [1.0, -2.0], ..good }, "m2 = -2"),
        (Parameters { masses: [0.0, 1.0], ..good }, "m1 = 0"),
        (Parameters { stiffness: [f64::INFINITY, 1.0], ..good }, "k1 = inf"),
        (Parameters { lengths: [1.0, -0.1], ..good }, "l2 = -0.1"),
        (Parameters { pivot: [0.0, f64::NAN, 0.0], ..good }, "q0_y = NaN"),
        (Parameters { gravity: [0.0, 0.0, f64::NEG_INFINITY], ..good }, "g_z = -inf"),
    ];
    for (parameters, named) in bad {
        let message = SpringyPendulum::new(parameters).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
    assert!(
        SpringyPendulum::new(Parameters { lengths: [0.0; 2], gravity: [0.0; 3], ..good }).is_ok()
    );
    assert_eq!(SpringyPendulum::preset("paper"), Ok(SpringyPendulum::paper()));
    assert_eq!(
        SpringyPendulum::preset("reference-code").unwrap().parameters().stiffness,
        [1.0, 2.0]
    );
    let error = SpringyPendulum::preset("papr").unwrap_err();
    assert!(
        matches!(error, systems::SystemError::Preset { .. })
            && error.to_string().contains("paper, reference-code"),
        "{error}"
    );
}

#[test]
fn bad_input_to_the_integrators_is_named() {
    let (system, method) = (SpringyPendulum::paper(), Splitting::new(2).unwrap());
    assert!(Splitting::new(3).unwrap_err().to_string().contains("2, 4, 6, 8"));
    assert!(Splitting::nystrom(2).unwrap_err().to_string().contains("6, 8"));
    assert!(GaussLegendre::new(8).unwrap_err().to_string().contains("2, 4, 6"));
    assert!(RungeKutta::new(0).unwrap_err().to_string().contains("4, 8"));
    let z = states(9, 0.1, 11);
    let run = |z: ArrayView2<f64>, interval, points, substeps| {
        simulate(&system, &method, z, interval, points, substeps).unwrap_err()
    };
    assert_eq!(
        run(z.slice(s![.., ..10]), 0.1, 2, 1),
        IntegrateError::Dimension { found: 10, expected: 12 }
    );
    assert!(run(z.view(), 0.1, 0, 1).to_string().starts_with("points = 0"));
    assert!(run(z.view(), 0.1, 2, 0).to_string().starts_with("substeps = 0"));
    assert!(run(z.view(), f64::NAN, 2, 1).to_string().starts_with("interval = NaN"));
    let mut broken = z.clone();
    broken[[8, 3]] = f64::NAN;
    assert!(
        run(broken.view(), 0.1, 2, 1).to_string().starts_with("initial state 8, component 3 = NaN")
    );
    let implicit = simulate(&system, &GaussLegendre::new(4).unwrap(), z.view(), 100.0, 2, 1);
    assert!(matches!(implicit, Err(IntegrateError::NotConverged { .. })), "{implicit:?}");
    assert_eq!(
        simulate(&system, &method, z.slice(s![..0, ..]), 0.1, 3, 1).unwrap().dim(),
        (0, 3, 12)
    );
}
