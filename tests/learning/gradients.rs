//! Every derivative made by hand, against dual numbers over formulas written anew.

use rand::Rng;
use scalar_dynamics::basis::{Basis, Chebyshev, Kind, Term};
use scalar_dynamics::expr::{Expr, Scalar};
use scalar_dynamics::linalg::{Dual, LANES, Lanes, Real};
use scalar_dynamics::model::{ClosedForm, HamiltonianModel, Model, ScalarHamiltonian};
use scalar_dynamics::scalars::{
    Inputs, MomentumForce, MomentumForceKind, ScalarFunction, ScalarSet,
};

use crate::common::{
    Dual2, assert_close, axis, derivatives, eight, inputs, lanes, rng, scalar, uniform,
};

/// Values, gradients, tangents and their gradients of all scalars of `inputs` at eight random
/// states.
fn check_scalars<const D: usize>(inputs: &Inputs, rng: &mut impl Rng) {
    let set = ScalarSet::new(inputs, inputs.catalogue()).unwrap();
    let (n, m) = (set.state_len(), set.len());
    let ((z_rows, z), (w_rows, w)) = (eight(n, 2.0, rng), eight(n, 1.0, rng));
    let ((h_rows, h), (c_rows, c)) = (eight(m, 1.0, rng), eight(m, 1.0, rng));
    let mut frame = set.frame::<D>();
    let nan = Lanes::splat(f64::NAN);
    let (mut s, mut ds, mut gradient, mut curvature) =
        (vec![nan; m], vec![nan; m], vec![nan; n], vec![nan; n]);
    set.values_into(&z, &mut frame, &mut s);
    set.tangents_into(&w, &mut frame, &mut ds);
    set.gradient_into(&h, &mut frame, &mut gradient);
    set.tangent_gradient_into(&h, &c, &mut frame, &mut curvature);
    for lane in 0..LANES {
        for k in 0..n {
            let (mut slope, mut bend) = (0.0, 0.0);
            for i in 0..m {
                let formula = |z: &[Dual2]| scalar(inputs, &set.scalars()[i], z);
                let (value, along_w, along_k, mixed) =
                    derivatives(formula, &z_rows[lane], &w_rows[lane], &axis(n, k));
                slope += h_rows[lane][i] * along_k;
                bend += h_rows[lane][i] * mixed + c_rows[lane][i] * along_k;
                assert_close(s[i].0[lane], value, 3e-15, "scalar");
                assert_close(ds[i].0[lane], along_w, 1e-14, "tangent");
            }
            assert_close(gradient[k].0[lane], slope, 2e-14, "gradient");
            assert_close(curvature[k].0[lane], bend, 1e-13, "gradient of the tangent");
        }
    }
}

#[test]
fn gradient_of_scalars_in_every_dimension() {
    let mut rng = rng(1);
    for particles in 1..=3 {
        for context in 0..=2 {
            check_scalars::<1>(&inputs(particles, 1, context, &mut rng), &mut rng);
            check_scalars::<2>(&inputs(particles, 2, context, &mut rng), &mut rng);
            check_scalars::<3>(&inputs(particles, 3, context, &mut rng), &mut rng);
        }
    }
}

#[test]
fn gradient_of_a_length_is_finite_at_zero_and_exact_beside_it() {
    let inputs = inputs(1, 3, 0, &mut rng(2));
    let set = ScalarSet::new(&inputs, vec![Scalar::Norm(inputs.position(1))]).unwrap();
    let (mut frame, one) = (set.frame::<3>(), [Lanes::splat(1.0)]);
    let direction = [0.6, 0.0, -0.8];
    // The position less the origin has rounding errors, so tiny distances are reached with the
    // momentum.
    for (distance, name) in
        [(0.0, "q1"), (0.0, "p1"), (1e-8, "p1"), (1e-100, "p1"), (1e-150, "p1"), (1e-200, "p1")]
    {
        let set = if name == "q1" {
            set.clone()
        } else {
            ScalarSet::new(&inputs, vec![Scalar::Norm(inputs.momentum(1))]).unwrap()
        };
        let p = direction.map(|x| distance * x);
        let z: Vec<f64> = inputs.origin.iter().copied().chain(p).collect();
        let w = [0.3, 0.2, 0.1, 0.3, 0.2, 0.1];
        let (mut s, mut ds) = ([Lanes::zero()], [Lanes::zero()]);
        let (mut gradient, mut curvature) = ([Lanes::zero(); 6], [Lanes::zero(); 6]);
        set.values_into(&lanes(&vec![z; LANES]), &mut frame, &mut s);
        set.tangents_into(&lanes(&vec![w.to_vec(); LANES]), &mut frame, &mut ds);
        set.gradient_into(&one, &mut frame, &mut gradient);
        set.tangent_gradient_into(&one, &one, &mut frame, &mut curvature);
        assert!(
            s.iter().chain(&ds).chain(&gradient).chain(&curvature).all(|x| x.0[0].is_finite()),
            "{name} {distance:e}: {curvature:?}"
        );
        if distance == 0.0 {
            assert!(s[0].0[0] == 0.0 && gradient.iter().chain(&curvature).all(|g| g.0[0] == 0.0));
        } else if distance > 1e-160 {
            let along = 0.3 * 0.6 - 0.1 * 0.8;
            for k in 0..3 {
                assert_close(gradient[3 + k].0[0], direction[k], 1e-14, "gradient near zero");
                // Hessian of a length: (1 - u u^T) / r.
                let bend = (w[3 + k] - along * direction[k]) / distance;
                assert_close(
                    curvature[3 + k].0[0],
                    bend + direction[k],
                    1e-14,
                    "curvature near zero",
                );
            }
        }
    }
}

/// T_k(x) for k = 1 .. 6 by its coefficients.
fn chebyshev<T: Real>(k: usize, x: T) -> T {
    let coefficients: &[f64] = [
        &[0.0, 1.0][..],
        &[-1.0, 0.0, 2.0],
        &[0.0, -3.0, 0.0, 4.0],
        &[1.0, 0.0, -8.0, 0.0, 8.0],
        &[0.0, 5.0, 0.0, -20.0, 0.0, 16.0],
        &[-1.0, 0.0, 18.0, 0.0, -48.0, 0.0, 32.0],
    ][k - 1];
    coefficients.iter().rev().fold(T::zero(), |sum, c| sum * x + *c)
}

/// The same continued beyond the range by its Taylor series, where `plain` is the value of x.
pub fn continued<T: Real>(k: usize, x: T, plain: f64) -> T {
    if plain.abs() <= 1.0 {
        return chebyshev(k, x);
    }
    // T_k(1) = 1, T_k'(1) = k^2, T_k''(1) = k^2 (k^2 - 1) / 3, and T_k(-x) = (-1)^k T_k(x).
    let (side, square) = (plain.signum(), (k * k) as f64);
    let excess = x * side + -1.0;
    let even = excess * excess * (square * (square - 1.0) / 6.0) + excess * square + 1.0;
    even * side.powi(k as i32)
}

/// h(s; theta) of a basis from its definition, where `plain` are the values of `s`.
fn sum_of_terms<T: Real>(basis: &Basis, theta: &[T], s: &[T], plain: &[f64]) -> T {
    let (mut h, mut theta) = (T::zero(), theta.iter().copied());
    for term in basis.terms() {
        match term {
            Term::Univariate { scalar, family, degrees } => {
                let x = (s[*scalar] + -family.centre) * (1.0 / family.half_width);
                let plain = (plain[*scalar] - family.centre) / family.half_width;
                for &degree in degrees {
                    h += theta.next().unwrap() * continued(degree, x, plain);
                }
            }
            Term::Product { scalars: (i, j), scale } => {
                h += theta.next().unwrap() * s[*i] * s[*j] * (1.0 / scale)
            }
        }
    }
    h
}

fn bases(m: usize, rng: &mut impl Rng) -> Vec<Basis> {
    let ranges: Vec<(f64, f64)> =
        (0..m).map(|_| (rng.random_range(-2.0..-0.5), rng.random_range(0.5..2.0))).collect();
    let kinds = [
        Kind::Reference,
        Kind::Spectral { degree: 6 },
        Kind::Polynomial,
        Kind::SpectralPolynomial { degree: 5 },
    ];
    let mut bases = kinds.map(|kind| Basis::of_kind(kind, &ranges)).to_vec();
    let whole = &bases[3];
    let kept: Vec<usize> = (0..whole.parameters()).filter(|_| rng.random_bool(0.4)).collect();
    bases.push(whole.subset(&kept));
    bases
}

#[test]
fn gradient_of_every_basis_inside_and_outside_the_range() {
    let (mut rng, m) = (rng(3), 3);
    for basis in bases(m, &mut rng) {
        let n = basis.parameters();
        let theta = uniform(n, 1.0, &mut rng);
        // Twice as wide as the ranges.
        let ((s_rows, s), (ds_rows, ds)) = (eight(m, 4.0, &mut rng), eight(m, 1.0, &mut rng));
        let nan = Lanes::splat(f64::NAN);
        let (mut slope, mut gradient, mut curvature) = (vec![nan; m], vec![nan; m], vec![nan; m]);
        let mut theta_bar = vec![Lanes::splat(1.0); n];
        let value = basis.value(&theta, &s, &mut []);
        basis.gradient_into(&theta, &s, &mut slope, &mut []);
        basis.tangent_gradient_into(
            &theta,
            &s,
            &ds,
            &mut gradient,
            &mut curvature,
            &mut theta_bar,
            &mut [],
        );
        for lane in 0..LANES {
            let x = [theta.clone(), s_rows[lane].clone()].concat();
            let w = [vec![0.0; n], ds_rows[lane].clone()].concat();
            for k in 0..n + m {
                let formula = |x: &[Dual2]| sum_of_terms(&basis, &x[..n], &x[n..], &s_rows[lane]);
                let (h, _, along, mixed) = derivatives(formula, &x, &w, &axis(n + m, k));
                assert_close(value.0[lane], h, 5e-14, "value");
                if k < n {
                    assert_close(theta_bar[k].0[lane], 1.0 + mixed, 5e-14, "derivative by theta");
                } else {
                    assert_close(slope[k - n].0[lane], along, 5e-14, "slope");
                    assert_close(
                        gradient[k - n].0[lane],
                        along,
                        5e-14,
                        "slope beside the curvature",
                    );
                    assert_close(curvature[k - n].0[lane], mixed, 5e-14, "curvature");
                }
            }
        }
    }
}

/// Value, slope and curvature of one basis function at s.
fn jet(family: &Chebyshev, degree: usize, s: f64) -> [f64; 3] {
    let mut jet = [f64::NAN; 3];
    family.visit(&[degree], Lanes::splat(s), |_, t, d, dd| jet = [t.0[0], d.0[0], dd.0[0]]);
    jet
}

#[test]
fn gradient_and_curvature_are_continuous_at_the_edge_of_the_range() {
    let family = Chebyshev::on(-0.7, 2.3, 6);
    for degree in 1..=6 {
        for edge in [-0.7, 2.3] {
            let [below, above] = [-1e-9, 1e-9].map(|e| jet(&family, degree, edge + e));
            for (a, b) in below.into_iter().zip(above) {
                // The third derivative of T_6 at the edge is 1344 times 1.5^-3.
                assert_close(a, b, 1e-7, "across the edge");
            }
        }
    }
    // Quadratics are the same polynomial everywhere.
    for s in [-30.0, -0.8, 0.4, 2.31, 50.0] {
        let x = (s - 0.8) / 1.5;
        let exact = [2.0 * x * x - 1.0, 4.0 * x / 1.5, 4.0 / 2.25];
        for (a, b) in jet(&family, 2, s).into_iter().zip(exact) {
            assert_close(a, b, 1e-14, "quadratic");
        }
    }
}

#[test]
fn value_of_monomials_is_that_of_the_polynomials() {
    let mut rng = rng(4);
    for degree in 0..=6 {
        let (family, theta) = (Chebyshev::on(-0.7, 2.3, degree), uniform(degree, 1.0, &mut rng));
        let monomials = family.monomials(&theta);
        assert_eq!(monomials.len(), degree + 1);
        for s in uniform(20, 1.5, &mut rng).into_iter().map(|s| s + 0.8) {
            let basis = Basis::new(
                1,
                vec![Term::Univariate {
                    scalar: 0,
                    family: family.clone(),
                    degrees: (1..=degree).collect(),
                }],
            );
            let value = basis.value(&theta, &[Lanes::splat(s)], &mut []).0[0];
            let power = monomials.iter().rev().fold(0.0, |sum, c| sum * s + c);
            assert_close(power, value, 3e-14, "monomials");
        }
    }
}

/// Energy, field and vector-Jacobian product of a batch of sixteen states, against `energy` over
/// dual numbers.
fn check_model<F: ScalarFunction>(
    model: &ScalarHamiltonian<F>,
    theta: &[f64],
    energy: impl Fn(&[Dual2], &[Dual2]) -> Dual2,
    rng: &mut impl Rng,
) {
    let (n, p, batch) = (model.dim(), model.parameters(), 2 * LANES);
    let (z, lambda) = (uniform(n * batch, 1.5, rng), uniform(n * batch, 1.0, rng));
    let (mut h, mut dz, mut z_bar) =
        (vec![f64::NAN; batch], vec![f64::NAN; n * batch], vec![f64::NAN; n * batch]);
    let mut theta_bar = vec![Lanes::splat(1.0); p];
    let mut work = model.work();
    model.energy_into(theta, &z, &mut h, &mut work);
    model.field_into(theta, &z, &mut dz, &mut work);
    model.vjp_into(theta, &z, &lambda, &mut z_bar, &mut theta_bar, &mut work);
    let mut expected = vec![[1.0; LANES]; p];
    for b in 0..batch {
        let row = |x: &[f64]| (0..n).map(|c| x[c * batch + b]).collect::<Vec<f64>>();
        let (lambda, dz, z_bar) = (row(&lambda), row(&dz), row(&z_bar));
        let x = [theta.to_vec(), row(&z)].concat();
        // lambda . J grad H is the derivative of H along -J lambda = (-lambda_p, lambda_q).
        let half = n / 2;
        let w: Vec<f64> = std::iter::repeat_n(0.0, p)
            .chain(lambda[half..].iter().map(|l| -l))
            .chain(lambda[..half].iter().copied())
            .collect();
        #[allow(clippy::needless_range_loop)] // k is parameter and component alike
        for k in 0..p + n {
            let (value, _, along, mixed) =
                derivatives(|x| energy(&x[..p], &x[p..]), &x, &w, &axis(p + n, k));
            if k < p {
                expected[k][b % LANES] += mixed;
                continue;
            }
            let c = k - p;
            assert_close(h[b], value, 1e-13, "energy");
            let field = if c < half { -dz[half + c] } else { dz[c - half] };
            assert_close(field, along, 1e-13, "field");
            assert_close(z_bar[c], mixed, 1e-12, "derivative by the state");
        }
    }
    for (bar, expected) in theta_bar.iter().zip(expected) {
        (0..LANES).for_each(|l| assert_close(bar.0[l], expected[l], 1e-12, "derivative by theta"));
    }
}

#[test]
fn gradient_of_basis_models() {
    let mut rng = rng(5);
    for (particles, dimension) in [(1, 1), (3, 1), (1, 2), (2, 2), (1, 3), (2, 3)] {
        let inputs = inputs(particles, dimension, 1, &mut rng);
        let set = ScalarSet::new(&inputs, inputs.catalogue()).unwrap();
        let ranges = vec![(-0.5, 1.5); set.len()];
        for kind in [Kind::Spectral { degree: 4 }, Kind::Polynomial] {
            let model = ScalarHamiltonian::new(set.clone(), Basis::of_kind(kind, &ranges));
            let theta = uniform(model.parameters(), 0.1, &mut rng);
            let energy = |theta: &[Dual2], z: &[Dual2]| {
                let s: Vec<Dual2> = set.scalars().iter().map(|s| scalar(&inputs, s, z)).collect();
                let plain: Vec<f64> = s.iter().map(|s| s.re.re).collect();
                sum_of_terms(model.function(), theta, &s, &plain)
            };
            check_model(&model, &theta, energy, &mut rng);
        }
    }
}

#[test]
fn gradient_of_closed_forms() {
    let mut rng = rng(6);
    let inputs = inputs(2, 3, 1, &mut rng);
    for text in [
        "0.5*dot(p1,p1)/1.3 + 0.7*dot(p2,p2) + 1.1*(norm(q1-q0) - 0.9)**2 + 0.8*(norm(q2-q1) - 1.2)**2 - 1.3*dot(g,q1-q0) - 0.7*dot(g,q2-q0)",
        "sqrt(1 + dot(p1,p1) + dot(p2,p2)) - 1.5/norm(q2-q1) + 0.3*exp(-0.4*dot(q1,q1))*cos(0.7*dot(q1,q2))",
        "0.2*sin(norm(q1))*log(2 + norm(p2)**2) + 0.1*tan(0.3*sin(dot(q1,p2))) + abs(dot(p1,q2))**3*0.05",
    ] {
        let expr: Expr = text.parse().unwrap();
        let (form, scalars) = ClosedForm::new(&expr);
        let set = ScalarSet::new(&inputs, scalars).unwrap();
        let model = ScalarHamiltonian::new(set, form);
        let energy = |theta: &[Dual2], z: &[Dual2]| {
            let s: Vec<Dual2> = expr.scalars().iter().map(|s| scalar(&inputs, s, z)).collect();
            expr.evaluate_with(&s, theta)
        };
        check_model(&model, &expr.constants(), energy, &mut rng);
    }
}

#[test]
fn gradient_of_dual_numbers_themselves() {
    // d2/dx2 of x^3 is 6 x.
    let (value, first, _, second) = derivatives(|x| x[0] * x[0] * x[0], &[2.0], &[1.0], &[1.0]);
    assert_eq!((value, first, second), (8.0, 12.0, 12.0));
    assert_eq!(Dual::new(3.0, 1.0).powf(2.0), Dual::new(9.0, 6.0));
}

#[test]
fn gradient_of_a_field_with_forces_on_momenta() {
    let mut rng = rng(8);
    let plain = inputs(2, 2, 1, &mut rng);
    let force =
        |kind, coefficients: [f64; 2]| MomentumForce { kind, coefficients: coefficients.to_vec() };
    let forces = vec![
        force(MomentumForceKind::Friction, [0.3, 1.7]),
        force(MomentumForceKind::Turning, [0.8, -0.4]),
        force(MomentumForceKind::Drag, [0.5, 0.9]),
    ];
    let damped = plain.clone().with_momentum_forces(forces);
    let expr: Expr =
        "0.4*dot(p1,p1) + norm(p2)**4 + 0.7*norm(q2-q1)**3 + dot(q1,p2)".parse().unwrap();
    let [plain, damped] =
        [&plain, &damped].map(|inputs| ScalarHamiltonian::closed_form(inputs, &expr).unwrap());
    let (dim, theta) = (plain.dim(), expr.constants());
    let (z, lambda) = (uniform(dim * LANES, 1.0, &mut rng), uniform(dim * LANES, 1.0, &mut rng));
    let field = |model: &ScalarHamiltonian<ClosedForm>, z: &[f64]| {
        let mut dz = vec![0.0; z.len()];
        model.field_into(&theta, z, &mut dz, &mut model.work());
        dz
    };
    let pulled = |model: &ScalarHamiltonian<ClosedForm>| {
        let (mut z_bar, mut bars) = (vec![0.0; z.len()], vec![Lanes::zero(); theta.len()]);
        model.vjp_into(&theta, &z, &lambda, &mut z_bar, &mut bars, &mut model.work());
        (z_bar, bars)
    };
    // Of two particles in the plane: friction, turning and drag, written out.
    let beside = |z: &[f64]| {
        let mut force = vec![0.0; 8];
        for (i, (friction, turning, drag)) in [(0.3, 0.8, 0.5), (1.7, -0.4, 0.9)].iter().enumerate()
        {
            let (x, y) = (z[4 + 2 * i], z[5 + 2 * i]);
            let against = friction + drag * x.hypot(y);
            force[4 + 2 * i] = -against * x - turning * y;
            force[5 + 2 * i] = -against * y + turning * x;
        }
        force
    };
    let (without, with) = (field(&plain, &z), field(&damped, &z));
    let ((bar_without, theta_without), (bar_with, theta_with)) = (pulled(&plain), pulled(&damped));
    for k in 0..dim * LANES {
        let (component, lane) = (k / LANES, k % LANES);
        let state: Vec<f64> = (0..dim).map(|c| z[c * LANES + lane]).collect();
        let more = |state: &[f64]| beside(state)[component];
        assert_close(with[k], without[k] + more(&state), 1e-14, "force");
        // Of all components of the field by this one of the state, by central differences.
        let at = |h: f64| {
            let mut state = state.clone();
            state[component] += h;
            let force = beside(&state);
            (0..dim).map(|c| lambda[c * LANES + lane] * force[c]).sum::<f64>()
        };
        let pulled = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert_close(bar_with[k], bar_without[k] + pulled, 1e-9, "pulled back");
    }
    for (a, b) in theta_with.iter().zip(&theta_without) {
        (0..LANES).for_each(|l| assert_close(a.0[l], b.0[l], 0.0, "derivative by theta"));
    }
}

#[test]
fn gradient_of_a_field_with_known_masses_is_that_with_the_kinetic_energy_written_out() {
    let mut rng = rng(9);
    let bare = inputs(2, 2, 1, &mut rng);
    let potential = "0.7*norm(q2-q1)**3 + 1.3*dot(q1,q2)";
    let written = format!("{potential} + norm(p1)**2/1.6 + norm(p2)**2/5");
    let model = |inputs: &Inputs, law: &str| {
        let expr: Expr = law.parse().unwrap();
        (ScalarHamiltonian::closed_form(inputs, &expr).unwrap(), expr.constants())
    };
    let (beside, theta) = model(&bare.clone().with_masses(vec![0.8, 2.5]), potential);
    let (whole, all) = model(&bare, &written);
    let size = beside.dim() * LANES;
    let (z, lambda) = (uniform(size, 1.0, &mut rng), uniform(size, 1.0, &mut rng));
    let of = |(model, theta): (&ScalarHamiltonian<ClosedForm>, &[f64])| {
        let mut work = model.work();
        let (mut dz, mut z_bar, mut energy) = (vec![0.0; size], vec![0.0; size], vec![0.0; LANES]);
        let mut bars = vec![Lanes::zero(); theta.len()];
        model.field_into(theta, &z, &mut dz, &mut work);
        model.vjp_into(theta, &z, &lambda, &mut z_bar, &mut bars, &mut work);
        model.energy_into(theta, &z, &mut energy, &mut work);
        [dz, z_bar, energy].concat()
    };
    for (a, b) in of((&beside, &theta)).iter().zip(of((&whole, &all))) {
        assert_close(*a, b, 1e-13, "field, pulled back, energy");
    }
    // Too few of them are told.
    let short = bare.with_masses(vec![0.8]);
    let error = ScalarHamiltonian::closed_form(&short, &potential.parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("[0.8]"), "{error}");
}
