//! Terms of nested functions: of two scalars, of an angle's cosine and sine, of an exponential, of a
//! power of a length.

use crate::recover::grow::offered::{BEYOND, Offered, pairs, product_powers};
use crate::recover::grow::term::{Argument, Factor, Shape, Term};

/// Functions of s + b t and of s^2 + b t^2, s and t of positions; functions of cos(s) and sin(s),
/// alone; and those that vanish nowhere times products of momenta, as kinetic energies in
/// generalised coordinates have them.
pub(super) fn composed(offered: &[Offered]) -> Vec<Term> {
    let of_positions: Vec<&Offered> =
        offered.iter().filter(|o| !o.has_momenta && !o.is_class).collect();
    let mut found: Vec<Term> = Vec::new();
    let momenta: Vec<Factor> = offered.iter().filter(|o| !o.is_class).flat_map(kinetic).collect();
    let alone = offered.iter().filter(|o| is_of_positions(o));
    found.extend(alone.flat_map(|o| steps(o).chain(of_powers(o))).map(|f| Term(vec![f])));
    for angle in &of_positions {
        found.extend(nested(angle).map(|f| Term(vec![f])));
        for denominator in denominators(angle) {
            let cosine = Factor { shape: Shape::Power(1.0), ..denominator };
            for momentum in &momenta {
                found.push(Term(vec![denominator, *momentum]));
                found.push(Term(vec![denominator, cosine, *momentum]));
            }
        }
    }
    // The most, and the last to be left out where there are more than memory allows.
    for (k, s) in of_positions.iter().enumerate() {
        for t in &of_positions[k + 1..] {
            found.extend(of_two(s, t).map(|f| Term(vec![f])));
        }
    }
    found
}

/// (exp(b s) - c)^2, as between the atoms of a molecule (Morse 1929): two exponentials that are hard
/// to find one after the other.
pub(super) fn wells(offered: &[Offered]) -> Vec<Term> {
    let well = |o: &Offered| -> Vec<Factor> { of_exponentials(o, Shape::Shifted(2.0), -1.0) };
    let varying = offered.iter().filter(|o| is_of_positions(o));
    varying.flat_map(well).map(|f| Term(vec![f])).collect()
}

/// 1/(exp(b s) + c), a step (Woods & Saxon 1954), and log(exp(b s) + c), a ramp. A step of the other
/// sign of b is the same function up to a constant.
fn steps(o: &Offered) -> impl Iterator<Item = Factor> {
    let is_rising = |f: &Factor| matches!(f.argument, Argument::Exponential(b) if b > 0.0);
    let steps = of_exponentials(o, Shape::Shifted(-1.0), 1.0).into_iter().filter(is_rising);
    steps.chain(of_exponentials(o, Shape::Log, 1.0))
}

/// Functions of a power of a length other than those of its square that have a shape of their own.
fn of_powers(o: &Offered) -> Vec<Factor> {
    let (low, high) = o.range;
    let mut found = Vec::new();
    if !o.is_length {
        return found;
    }
    let is_finite = |n: &f64| *n > 1.0 || low > 0.0;
    for n in [2.0, 3.0, -1.0, -2.0, 0.5].into_iter().filter(is_finite) {
        let (a, b) = (low.powf(n).min(high.powf(n)), low.powf(n).max(high.powf(n)));
        let width = b - a;
        let mut add = |shape: Shape, inside: f64| {
            let argument = Argument::Power(n);
            found.push(Factor { argument, ..Factor::new(o.scalar, shape, inside) });
        };
        for turns in TURNS {
            add(Shape::Cos, turns / width);
            add(Shape::Sin, turns / width);
        }
        if n == 2.0 {
            continue;
        }
        for rate in [-4.0, -1.0, 1.0, 4.0] {
            add(Shape::Exp, rate / width);
        }
        for shape in [Shape::Log, Shape::Shifted(-1.0), Shape::Shifted(0.5)] {
            BEYOND.iter().step_by(2).for_each(|x| add(shape, x * width - a));
        }
    }
    found
}

fn is_of_positions(o: &Offered) -> bool {
    !o.has_momenta && !o.is_constant
}

/// Functions of exp(b s) with a number that is plus or minus what that is at three places of the range
/// of s.
fn of_exponentials(o: &Offered, shape: Shape, sign: f64) -> Vec<Factor> {
    let (low, width) = (o.range.0, o.range.1 - o.range.0);
    let rates = [0.5, 1.0, 2.0, 4.0, 8.0].into_iter().flat_map(|x| [x / width, -x / width]);
    let factor = |b: f64, place: f64| Factor {
        argument: Argument::Exponential(b),
        ..Factor::new(o.scalar, shape, sign * (b * (low + place * width)).exp())
    };
    rates.flat_map(|b| [0.1, 0.5, 0.9].map(|place| factor(b, place))).collect()
}

/// Cosines and sines of angles whose rates are one and two in the table, their products, and their
/// products with powers.
pub(super) fn angles(offered: &[Offered]) -> Vec<Term> {
    let turns = |o: &Offered| -> Vec<Factor> {
        if o.has_momenta || o.is_class {
            return Vec::new();
        }
        let of = |argument| Factor { argument, ..Factor::new(o.scalar, Shape::Power(1.0), 0.0) };
        let rates = [o.unit, 2.0 * o.unit].into_iter();
        rates.flat_map(|w| [of(Argument::Cosine(w)), of(Argument::Sine(w))]).collect()
    };
    let mut found: Vec<Term> = offered.iter().flat_map(turns).map(|f| Term(vec![f])).collect();
    found.extend(pairs(offered, turns, turns));
    found.extend(pairs(offered, turns, product_powers));
    found.extend(pairs(offered, product_powers, turns));
    found
}

/// Products of momenta that kinetic energies are sums of.
fn kinetic(o: &Offered) -> Option<Factor> {
    let power = if o.is_length { 2.0 } else { 1.0 };
    o.is_quadratic_in_momenta.then(|| Factor::new(o.scalar, Shape::Power(power), 0.0))
}

/// Radians over the range of a scalar, and parts of its square.
const TURNS: [f64; 6] = [1.3, 2.5, 4.0, 6.0, 9.0, 14.0];
const PARTS: [f64; 5] = [0.01, 0.05, 0.2, 0.7, 2.0];

fn of_two(s: &Offered, t: &Offered) -> impl Iterator<Item = Factor> {
    let width = |o: &Offered| o.range.1 - o.range.0;
    let most = |o: &Offered| o.range.0.abs().max(o.range.1.abs());
    let (scalar, other) = (s.scalar, t.scalar);
    let with = move |factor: f64, shape: Shape, inside: f64| Factor {
        scalar,
        argument: Argument::With { scalar: other, factor },
        shape,
        inside,
    };
    // Plain numbers in the table, and what makes the two alike.
    let plain = t.unit / s.unit;
    let alike = width(s) / width(t);
    let rates = [plain, 2.0 * plain, 0.5 * plain, alike];
    let signed = rates.into_iter().flat_map(|b| [b, -b]);
    let unit = s.unit;
    let turns = TURNS.map(|x| x / width(s));
    let linear = signed.flat_map(move |b| {
        let waves = [unit, 2.0 * unit].into_iter().chain(turns);
        let waves = waves.flat_map(move |a| [(Shape::Cos, a), (Shape::Sin, a)]);
        let exponentials = [-4.0, -1.0, 1.0, 4.0].map(|x| (Shape::Exp, x * unit.abs()));
        waves.chain(exponentials).map(move |(shape, a)| with(b, shape, a))
    });
    let alike = (most(s) / most(t)).powi(2);
    let square = most(s).powi(2);
    let of_squares = [0.2 * alike, alike, 5.0 * alike].into_iter().flat_map(move |b| {
        let softened = [-0.5, 0.5, -1.0, -1.5].map(Shape::Softened);
        let shapes = softened.into_iter().chain([Shape::LogOfSquare]);
        let soft = shapes.flat_map(move |shape| PARTS.map(|x| (shape, x * square)));
        let gauss = [-0.5, -2.0, -8.0].map(|x| (Shape::Gauss, x / square));
        soft.chain(gauss).map(move |(shape, a)| with(b, shape, a))
    });
    linear.chain(of_squares)
}

/// Functions of the cosine and the sine of an angle, whose rate is a plain number in the table.
fn nested(o: &Offered) -> impl Iterator<Item = Factor> {
    let w = o.unit;
    let scalar = o.scalar;
    [Argument::Cosine(w), Argument::Sine(w)].into_iter().flat_map(move |argument| {
        let of = move |shape: Shape, inside: f64| Factor { scalar, argument, shape, inside };
        let exponentials = [-2.0, -0.7, 0.7, 2.0].map(|a| of(Shape::Exp, a));
        let shapes = [Shape::Log, Shape::Shifted(0.5), Shape::Shifted(-0.5), Shape::Shifted(-2.0)];
        let beyond = shapes.into_iter().flat_map(move |shape| BEYOND.map(|x| of(shape, 1.0 + x)));
        let waves =
            [0.7, 1.5, 3.0].into_iter().flat_map(move |a| [of(Shape::Cos, a), of(Shape::Sin, a)]);
        exponentials.into_iter().chain(beyond).chain(waves).chain(denominators_of(argument, scalar))
    })
}

/// 1/(cos(s) + a) and 1/(cos(s)^2 - a).
fn denominators(o: &Offered) -> impl Iterator<Item = Factor> {
    denominators_of(Argument::Cosine(o.unit), o.scalar)
}

fn denominators_of(argument: Argument, scalar: usize) -> impl Iterator<Item = Factor> {
    let of = move |shape: Shape, inside: f64| Factor { scalar, argument, shape, inside };
    let shifted = BEYOND
        .into_iter()
        .flat_map(move |x| [1.0 + x, -1.0 - x].map(|a| of(Shape::Shifted(-1.0), a)));
    shifted.chain(BEYOND.into_iter().map(move |x| of(Shape::Softened(-1.0), -1.0 - x)))
}
