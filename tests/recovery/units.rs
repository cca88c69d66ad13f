//! Data in any units: learned from numbers near one, reported in the table's own units.

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{
    ContextUnit, Shape, Trajectory, Units, aligned_chunks, gaussian_states, split,
};
use scalar_dynamics::expr::{Bindings, Expr};
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::recover::{RecoverSettings, Recovery, recover};
use scalar_dynamics::rewrite::{EqualityOptions, Proof, prove_equal_at};
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::systems::ExpressionSystem;

/// Units of length, time and mass that natural data are brought into.
#[derive(Clone, Copy)]
struct Given {
    length: f64,
    time: f64,
    mass: f64,
}

impl Given {
    fn momentum(self) -> f64 {
        self.mass * self.length / self.time
    }
    fn energy(self) -> f64 {
        self.momentum() * self.length / self.time
    }
    fn chunks(self, chunks: &[Trajectory]) -> Vec<Trajectory> {
        let scaled = |c: &Trajectory| {
            let half = c.states.ncols() / 2;
            let unit = |k: usize| if k < half { self.length } else { self.momentum() };
            let states = Array2::from_shape_fn(c.states.dim(), |(i, k)| c.states[[i, k]] * unit(k));
            Trajectory { id: c.id, times: c.times.iter().map(|t| t * self.time).collect(), states }
        };
        chunks.iter().map(scaled).collect()
    }
}

const PENDULUM: &str = "dot(p1,p1)/3.4 + dot(p2,p2)/1.2 + 0.65*(norm(q1-q0)-1.2)**2 + 1.05*(norm(q2-q1)-0.7)**2 - 1.7*dot(g,q1) - 0.6*dot(g,q2)";

type Sides = (Vec<Trajectory>, Vec<Trajectory>);

fn simulated(law: &str, inputs: &Inputs, mean: &[f64], n: usize) -> Sides {
    let law = inputs.evaluated(&law.parse().unwrap()).unwrap();
    let context: Vec<_> =
        inputs.context.iter().cloned().chain([("q0".to_string(), inputs.origin.clone())]).collect();
    let law = law
        .map_vectors(&mut |v| v.substitute("q0", &scalar_dynamics::expr::Vector::named("pivot")));
    let context: Vec<_> =
        context.into_iter().map(|(n, v)| (if n == "q0" { "pivot".into() } else { n }, v)).collect();
    let system = ExpressionSystem::new(&law, inputs.shape, &context).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let initial = gaussian_states(mean, &vec![0.2; mean.len()], n, &mut rng);
    let states =
        simulate(&system, &RungeKutta::new(8).unwrap(), initial.view(), 0.2, 50, 8).unwrap();
    split(
        aligned_chunks(inputs.shape, states.view(), 0.2, 5, &mut rng).unwrap().trajectories,
        0.2,
        &mut rng,
    )
}

fn law_of(inputs: &Inputs, (train, check): &Sides) -> Recovery {
    recover(inputs, train, check, &RecoverSettings::default(), &mut |_| {}).unwrap()
}

fn kepler(n: usize) -> (Inputs, Sides) {
    let inputs = Inputs::new(Shape { particles: 1, dimension: 3 }, vec![0.0; 3], vec![]).unwrap();
    let data =
        simulated("0.5*dot(p1,p1) - 1/norm(q1)", &inputs, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], n);
    (inputs, data)
}

fn pendulum(n: usize) -> (Inputs, Sides) {
    let shape = Shape { particles: 2, dimension: 3 };
    let inputs =
        Inputs::new(shape, vec![0.1, -0.2, 0.3], vec![("g".into(), vec![0.0, 0.6, -0.8])]).unwrap();
    let data = simulated(
        PENDULUM,
        &inputs,
        &[0.1, 0.7, -1.1, 0.1, 1.7, -2.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        n,
    );
    (inputs, data)
}

/// Every constant of `given` is that of `natural` times its unit, and `truth`, both within their
/// standard errors.
#[track_caller]
fn assert_constants(natural: &Recovery, given: &Recovery, expected: &[(&str, f64, f64)]) {
    for &(name, truth, unit) in expected {
        let find = |law: &Recovery| {
            law.reading.constants.iter().find(|c| c.name == name).cloned().unwrap()
        };
        let (a, b) = (find(natural), find(given));
        let (error, scaled) = (b.standard_error.unwrap(), a.standard_error.unwrap() * unit);
        println!(
            "{name}: {:e} +- {error:.1e}, natural {:e} +- {scaled:.1e}, truth {truth:e}",
            b.value,
            a.value * unit
        );
        assert!(
            (b.value - a.value * unit).abs() < 4.0 * (error + scaled),
            "{name}: {} {}",
            b.value,
            a.value * unit
        );
        assert!(
            (b.value - truth).abs() < 5.0 * error,
            "{name}: {} +- {error} against {truth}",
            b.value
        );
        assert!(error < 1e-8 * truth.abs(), "{name}: {error}");
        let ratio = error / scaled;
        assert!(
            (0.2..5.0).contains(&ratio),
            "{name}: standard errors in both units differ, {ratio}"
        );
    }
}

#[test]
fn regress_earth_and_sun_in_si_units_are_recovered() {
    // IAU 2012 and 2015: the astronomical unit, the sun's GM; the earth's mass is about that.
    let (au, gm, mass): (f64, f64, f64) = (1.495978707e11, 1.3271244e20, 5.9722e24);
    let (inputs, data) = kepler(250);
    let natural = law_of(&inputs, &data);
    let seconds = (au * au * au / gm).sqrt();
    for (unit_of_time, gm) in [(1.0, gm), (86400.0, gm * 86400.0 * 86400.0)] {
        let given = Given { length: au, time: seconds / unit_of_time, mass };
        let law = law_of(&inputs, &(given.chunks(&data.0), given.chunks(&data.1)));
        println!("H = {} (exact {})", law.best(), law.exact());
        assert!(law.exact() && natural.exact());
        let energy = given.energy() * given.length;
        assert_constants(&natural, &law, &[("m1", mass, given.mass), ("c1", -gm * mass, energy)]);
        assert_eq!(law.expression.constants().len(), 2);
        let truth: Expr =
            format!("dot(p1,p1)/(2*{mass:e}) - {:e}/norm(q1)", gm * mass).parse().unwrap();
        let options = EqualityOptions {
            up_to_constant: true,
            relative_tolerance: 1e-6,
            ..EqualityOptions::default()
        };
        let compared = |truth: &Expr| {
            let truth = inputs.evaluated(truth).unwrap();
            prove_equal_at(
                &inputs.evaluated(law.best()).unwrap(),
                &truth,
                |name| law.units.of_vector(name),
                &options,
            )
        };
        assert!(matches!(compared(&truth), Proof::Equal { .. }), "{:?}", compared(&truth));
        let heavier: Expr =
            format!("dot(p1,p1)/(2.001*{mass:e}) - {:e}/norm(q1)", gm * mass).parse().unwrap();
        assert!(matches!(compared(&heavier), Proof::Different { .. }), "{:?}", compared(&heavier));
    }
}

/// Two bodies that both move, masses 1 and 1 / `ratio`, on orbits of many shapes; their barycentre
/// starts within `place` of the origin, with velocities of about `drift`.
fn two_bodies(ratio: f64, place: f64, drift: f64) -> (Inputs, Sides) {
    let shape = Shape { particles: 2, dimension: 3 };
    let inputs = Inputs::new(shape, vec![0.0; 3], vec![]).unwrap();
    let law = format!("dot(p1,p1)/2 + {ratio:e}*dot(p2,p2)/2 - {:e}/norm(q2-q1)", 1.0 / ratio);
    let system = ExpressionSystem::new(&law.parse().unwrap(), shape, &[]).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let deviation = [[place; 3], [drift; 3], [0.2; 3], [0.2; 3]].concat();
    let mut initial = gaussian_states(
        &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        &deviation,
        625,
        &mut rng,
    );
    for mut row in initial.rows_mut() {
        let share = 1.0 / (1.0 + ratio);
        for k in 0..3 {
            let [centre, velocity, apart, relative] = [0, 3, 6, 9].map(|block| row[block + k]);
            row[k] = centre - share * apart;
            row[k + 3] = centre + (1.0 - share) * apart;
            row[k + 6] = velocity - share * relative;
            row[k + 9] = (velocity + (1.0 - share) * relative) / ratio;
        }
    }
    let states =
        simulate(&system, &RungeKutta::new(8).unwrap(), initial.view(), 0.2, 50, 8).unwrap();
    let chunks = aligned_chunks(shape, states.view(), 0.2, 5, &mut rng).unwrap().trajectories;
    (inputs, split(chunks, 0.2, &mut rng))
}

/// The law of two bodies from data in metres, kilograms and units of time of so many seconds.
fn law_of_two_bodies(masses: [f64; 2], (place, drift): (f64, f64), day: f64) -> Recovery {
    let (inputs, data) = two_bodies(masses[0] / masses[1], place, drift);
    let (au, g): (f64, f64) = (1.495978707e11, 6.6743e-11 * day * day);
    let given =
        Given { length: au, time: (au * au * au / (g * masses[0])).sqrt(), mass: masses[0] };
    let law = law_of(&inputs, &(given.chunks(&data.0), given.chunks(&data.1)));
    println!("H = {} (exact {})", law.best(), law.exact());
    law
}

/// The masses and -G m1 m2, each a part in 1e8 right, are all of the law.
#[track_caller]
fn assert_two_bodies(masses: [f64; 2], day: f64) {
    let law = law_of_two_bodies(masses, (0.3, 0.1), day);
    assert!(law.exact() && law.reading.unread.is_empty() && law.expression.constants().len() == 3);
    let g = 6.6743e-11 * day * day;
    for (name, truth) in [("m1", masses[0]), ("m2", masses[1]), ("c1", -g * masses[0] * masses[1])]
    {
        let found = law.reading.constants.iter().find(|c| c.name == name).unwrap();
        let error = found.standard_error.unwrap();
        assert!(
            (found.value - truth).abs() < 5.0 * error && error < 1e-8 * truth.abs(),
            "{name}: {found:?} against {truth:e}"
        );
    }
    let form = "norm(q2-q1)";
    assert!(law.best().to_string().contains(form), "{} without {form}", law.best());
}

const SUN: f64 = 1.989e30;
const EARTH: f64 = 5.972e24;

#[test]
fn regress_sun_and_earth_that_both_move_are_recovered() {
    assert_two_bodies([SUN, EARTH], 1.0);
}

#[test]
fn regress_masses_a_thousand_to_one_are_recovered() {
    assert_two_bodies([SUN, 1e-3 * SUN], 86400.0);
}

/// Seen from the centre of mass momenta are opposite and distances in proportion: then
/// `norm(p1)**2` and `-dot(p1,p2)` are one to the data, and so are a force by `norm(q2-q1)` and two
/// by `norm(q1)` and `norm(q2)`. Whatever is chosen moves both as they move.
#[test]
fn regress_two_bodies_seen_from_their_centre_of_mass_are_explained() {
    for (light, day) in [(EARTH, 1.0), (EARTH, 86400.0), (1e-3 * SUN, 1.0)] {
        let law = law_of_two_bodies([SUN, light], (0.0, 0.0), day);
        assert!(law.exact() && law.expression.constants().len() <= 4, "{}", law.best());
    }
}

/// A body so light that what it does to the other is lost in the rounding of that one's positions:
/// the law of what is seen.
#[test]
fn regress_motion_below_rounding_is_left_out() {
    let (inputs, data) = two_bodies(1e18, 0.3, 0.0);
    let law = law_of(&inputs, &data);
    println!("H = {} (exact {})", law.best(), law.exact());
    assert!(law.exact() && !law.best().to_string().contains("p1"), "{:?}", law.verdict);
    let mass = law.reading.constants.iter().find(|c| c.name == "m2").unwrap().value;
    assert!((mass * 1e18 - 1.0).abs() < 1e-8, "{mass}");
}

#[test]
fn regress_small_pendulum_in_si_units_is_recovered() {
    let (inputs, data) = pendulum(300);
    let natural = law_of(&inputs, &data);
    // Of microscopic size, so that every scale is far from one.
    let given = Given { length: 3.7e-7, time: 2.9e-9, mass: 4.1e-20 };
    let acceleration = given.length / given.time / given.time;
    let scaled = |v: &[f64], unit: f64| v.iter().map(|x| x * unit).collect::<Vec<f64>>();
    let context = vec![("g".into(), scaled(&inputs.context[0].1, acceleration))];
    let of_data = Inputs::new(inputs.shape, scaled(&inputs.origin, given.length), context).unwrap();
    let law = law_of(&of_data, &(given.chunks(&data.0), given.chunks(&data.1)));
    println!("H = {} (exact {})", law.best(), law.exact());
    assert!(law.exact() && natural.exact() && law.reading.unread.is_empty());
    let (mass, stiffness, length) =
        (given.mass, given.mass / given.time / given.time, given.length);
    let expected = [
        ("m1", 1.7 * mass, mass),
        ("m2", 0.6 * mass, mass),
        ("k1", 1.3 * stiffness, stiffness),
        ("l1", 1.2 * length, length),
        ("k2", 2.1 * stiffness, stiffness),
        ("l2", 0.7 * length, length),
        ("g1", 1.0, 1.0),
        ("g2", 1.0, 1.0),
    ];
    assert_constants(&natural, &law, &expected);
    // Simple numbers are those of the user's units: g is simple in any, masses and lengths are not.
    let snapped =
        |name: &str| law.reading.constants.iter().find(|c| c.name == name).unwrap().snapped;
    assert_eq!((snapped("g1"), snapped("m1"), snapped("l1")), (Some(1.0), None, None));
}

#[test]
fn units_are_powers_of_two_that_round_nothing() {
    let (inputs, data) = pendulum(20);
    assert!(Units::of(&inputs, &data.0).are_own());
    let given = Given { length: 3.7e11, time: 2.9e5, mass: 4.1e20 };
    let chunks = given.chunks(&data.0);
    let units = Units::of(&inputs, &chunks);
    assert!(!units.are_own() && units.context == [ContextUnit { name: "g".into(), unit: 1.0 }]);
    for unit in [units.length, units.time, units.momentum] {
        assert_eq!(unit.log2().fract(), 0.0);
    }
    for chunk in &chunks {
        let natural = units.chunk(chunk);
        let sizes = natural.states.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        assert!((0.1..100.0).contains(&sizes), "{sizes}");
        let back: Vec<f64> = units.of_state(12).collect();
        assert_eq!(&natural.states * &ndarray::Array1::from(back), chunk.states);
    }
}

#[test]
fn a_law_in_other_units_has_the_same_energy_and_keeps_its_form() {
    let (inputs, data) = pendulum(20);
    let given = Given { length: 3.7e11, time: 2.9e5, mass: 4.1e20 };
    let chunks = given.chunks(&data.0);
    let g = |unit: f64| vec![("g".to_string(), vec![0.0, 0.6 * unit, -0.8 * unit])];
    let of_data = Inputs::new(inputs.shape, inputs.origin.clone(), g(1e3)).unwrap();
    let units = Units::of(&of_data, &chunks);
    assert!(units.context[0].unit > 500.0);
    for (law, constants) in [
        ("0.3*dot(p1,p1) + 0.7*(norm(q1-q0) - 1.2)**2 - 1.7*dot(g,q1)", 4),
        ("2.0*log(norm(q2-q1)) + 3*log(norm(q1) + 0.5)", 3),
        ("0.3*(2.0 - 1.5*norm(q1))**2 + 0.1*exp(-1.3*norm(q2-q1))", 5),
        ("sqrt(norm(p1)**2 + 2.25) - 0.8*(norm(q1)**2 + 0.3)**-0.5", 4),
        ("norm(p1)**2 + norm(q1)**2*cos(norm(q2))", 3),
        ("abs(norm(q1) - 2.0)*norm(q2)**1.5 + exp(log(norm(q1))*dot(q1,p1))", 5),
    ] {
        let natural: Expr = law.parse().unwrap();
        let found = units.hamiltonian(&natural);
        let value = |scale: bool, shift: f64| {
            let mut at = Bindings::new();
            for (k, name) in ["q0", "q1", "q2", "p1", "g"].into_iter().enumerate() {
                let unit = if scale { units.of_vector(name) } else { 1.0 };
                let x = 0.3 + 0.4 * k as f64 + shift;
                at.bind(name, vec![x * unit, (x * x - 0.5) * unit, 0.2 * unit]);
            }
            if scale {
                found.evaluate(&at).unwrap() / units.energy()
            } else {
                natural.evaluate(&at).unwrap()
            }
        };
        // Up to a constant.
        let difference = |scale| value(scale, 0.3) - value(scale, 0.0);
        assert!(
            (difference(true) - difference(false)).abs() < 1e-12 * (1.0 + difference(false).abs()),
            "{law}: {found}"
        );
        assert!(found.constants().len() <= constants, "{found}");
    }
}
