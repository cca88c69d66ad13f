//! The terms that a law may be a sum of, rung by rung.

use crate::recover::grow::composed::{angles, composed, wells};
use crate::recover::grow::offered::{
    BEYOND, Offered, factor, on_surfaces, pairs, powers, product_powers,
};
use crate::recover::grow::term::{Factor, Shape, Term};

/// What is offered, from the plain to the odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rung {
    /// Small powers of a scalar, and logarithms of lengths.
    Plain,
    /// Higher powers too.
    Powers,
    /// Small powers, and functions of one scalar with a number inside.
    Alone,
    /// Powers, and products of two of them.
    Products,
    /// Powers, cosines and sines of angles, and products of two of these: nothing has a number
    /// inside that is to be fitted.
    Angles,
    /// Functions of one scalar, alone or times a power of it.
    Functions,
    /// Functions of one scalar, and those of positions times a power of another scalar.
    Mixed,
    /// Functions of one scalar, of two, of angles' cosines and sines, of exponentials and powers.
    Composed,
    /// All of these, and products of two functions: with momenta in one of them these follow
    /// anything, so they come last.
    Any,
}

/// All rungs, from below.
pub(crate) const RUNGS: [Rung; 9] = [
    Rung::Plain,
    Rung::Powers,
    Rung::Alone,
    Rung::Products,
    Rung::Angles,
    Rung::Functions,
    Rung::Mixed,
    Rung::Composed,
    Rung::Any,
];

impl Rung {
    /// Whether it has products of functions of two scalars.
    pub fn has_products(self) -> bool {
        matches!(self, Self::Products | Self::Angles | Self::Mixed | Self::Any)
    }

    /// Whether its terms have numbers inside.
    pub fn has_numbers(self) -> bool {
        !matches!(self, Self::Plain | Self::Powers | Self::Products | Self::Angles)
    }

    /// What its terms are.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "small powers",
            Self::Powers => "powers",
            Self::Alone => "functions of one scalar",
            Self::Products => "products of powers",
            Self::Angles => "products of powers and cosines of angles",
            Self::Functions => "functions times powers",
            Self::Mixed => "functions times powers of another scalar",
            Self::Composed => "nested functions",
            Self::Any => "products of functions",
        }
    }

    /// Its terms.
    pub fn terms(self, all: &[Offered]) -> Vec<Term> {
        let told = |o: &&Offered| !o.is_beside && !o.is_held;
        let offered = &all.iter().filter(told).copied().collect::<Vec<_>>()[..];
        let mut found = plain(offered);
        found.extend(on_surfaces(all));
        if matches!(self, Self::Powers | Self::Products | Self::Any) {
            found.extend(high(offered));
        }
        if self.has_numbers() {
            found.extend(alone(offered));
            found.extend(wells(offered));
        }
        if self.has_products() {
            found.extend(pairs(offered, product_powers, product_powers));
        }
        if self == Self::Angles {
            found.extend(angles(offered));
        }
        if matches!(self, Self::Functions | Self::Any) {
            found.extend(times_own_power(offered));
        }
        if matches!(self, Self::Mixed | Self::Any) {
            let of_positions =
                |o: &Offered| if o.has_momenta { Vec::new() } else { functions(o, 2) };
            found.extend(pairs(offered, of_positions, product_powers));
            found.extend(pairs(offered, product_powers, of_positions));
        }
        if self == Self::Composed {
            found.extend(composed(offered));
        }
        if self == Self::Any {
            found.extend(pairs(offered, |o| functions(o, 3), |o| functions(o, 3)));
        }
        found
    }
}

/// Exponents of lengths and of what may change its sign.
const PLAIN_OF_LENGTHS: [f64; 7] = [1.0, 2.0, -1.0, -2.0, 3.0, 4.0, -3.0];
/// Of a length that is a component too: without the component's own.
const PLAIN_BESIDE_COMPONENTS: [f64; 5] = [2.0, -1.0, -2.0, 4.0, -3.0];
const PLAIN_OF_COMPONENTS: [f64; 4] = [1.0, 2.0, 3.0, 4.0];
const OF_LENGTHS: [f64; 7] = [-4.0, -5.0, 5.0, -6.0, 6.0, -8.0, -12.0];
const OF_COMPONENTS: [f64; 2] = [5.0, 6.0];
/// Of momenta: energies are polynomials in them, or functions of their squares.
const PLAIN_OF_MOMENTA: [f64; 3] = [2.0, 4.0, 1.0];
/// Of what is the same in all of the data any function will do: kinetic energies, and the potential of
/// orbits.
const PLAINEST_OF_MOMENTA: [f64; 1] = [2.0];
const PLAINEST_OF_LENGTHS: [f64; 1] = [-1.0];

fn plain(offered: &[Offered]) -> Vec<Term> {
    let logarithm =
        |o: &Offered| (o.range.0 > 0.0 && !o.has_momenta).then(|| factor(o, Shape::Logarithm, 0.0));
    let plain = |o: &Offered| {
        let exponents: &[f64] = match (o.is_length, o.has_momenta) {
            (true, true) if o.is_constant => &PLAINEST_OF_MOMENTA,
            (true, false) if o.is_constant => &PLAINEST_OF_LENGTHS,
            (true, true) => &PLAIN_OF_MOMENTA,
            (true, false) if o.is_component => &PLAIN_BESIDE_COMPONENTS,
            (true, false) => &PLAIN_OF_LENGTHS,
            _ => &PLAIN_OF_COMPONENTS,
        };
        powers(o, exponents).into_iter().chain(logarithm(o).filter(|_| !o.is_constant))
    };
    offered.iter().flat_map(plain).map(|f| Term(vec![f])).collect()
}

fn high(offered: &[Offered]) -> Vec<Term> {
    let high = |o: &Offered| powers(o, if o.is_length { &OF_LENGTHS[..] } else { &OF_COMPONENTS });
    offered
        .iter()
        .filter(|o| !o.has_momenta && !o.is_constant)
        .flat_map(high)
        .map(|f| Term(vec![f]))
        .collect()
}

fn alone(offered: &[Offered]) -> Vec<Term> {
    let varying = offered.iter().filter(|o| !o.is_constant);
    varying.flat_map(|o| functions(o, 1)).map(|f| Term(vec![f])).collect()
}

fn times_own_power(offered: &[Offered]) -> Vec<Term> {
    let times = |o: &Offered| -> Vec<Term> {
        let own = powers(o, &[-1.0, 1.0, -2.0]);
        let each = |f: Factor| own.iter().map(move |power| Term(vec![*power, f]));
        functions(o, 1).into_iter().flat_map(each).collect()
    };
    offered.iter().filter(|o| !o.is_class).flat_map(times).collect()
}

/// Functions with a number inside: of a grid that is the coarser the higher `coarseness`.
fn functions(o: &Offered, coarseness: usize) -> Vec<Factor> {
    let (low, high) = o.range;
    let width = high - low;
    let most = low.abs().max(high.abs());
    let mut found = Vec::new();
    // Numbers that are plain in the table come first, then a grid over what the range can tell.
    let mut add = |shape: Shape, plain: &[f64], grid: &[f64]| {
        let grid = grid.iter().step_by(coarseness).copied();
        found.extend(plain.iter().copied().chain(grid).map(|a| factor(o, shape, a)));
    };
    let unit = o.unit;
    let per_width = |x: &[f64]| x.iter().map(|x| x / width).collect::<Vec<_>>();
    let turns = per_width(&[0.8, 1.3, 2.0, 3.0, 4.5, 6.5, 9.0, 12.0, 18.0, 26.0]);
    for shape in [Shape::Cos, Shape::Sin] {
        add(shape, &[unit, 2.0 * unit], &turns);
    }
    let rates = per_width(&[-0.5, 0.5, -1.0, 1.0, -2.0, 2.0, -4.0, 4.0, -8.0, 8.0]);
    add(Shape::Exp, &[], &rates);
    if coarseness < 3 {
        let square = most * most;
        let of_square = |x: &[f64]| x.iter().map(|x| x * square).collect::<Vec<_>>();
        let softening = of_square(&[0.01, 0.03, 0.1, 0.3, 1.0, 3.0]);
        for n in [-0.5, 0.5, -1.0, -1.5] {
            add(Shape::Softened(n), &[], &softening);
        }
        // As of a bond that can't be stretched further (Warner 1972).
        let stretched = of_square(&[-1.05, -1.3, -2.0, -4.0]);
        add(Shape::LogOfSquare, &[], &[softening, stretched].concat());
        let inverse: Vec<f64> = [-0.5, -1.0, -2.0, -4.0, -8.0].iter().map(|x| x / square).collect();
        add(Shape::Gauss, &[], &inverse);
        let beyond: Vec<f64> = BEYOND.iter().map(|x| x * width - low).collect();
        for shape in [Shape::Log, Shape::Shifted(-1.0), Shape::Shifted(-2.0), Shape::Shifted(0.5)] {
            add(shape, &[], &beyond);
        }
        // Logarithms of what the scalar stays below.
        let above: Vec<f64> = BEYOND.iter().step_by(2).map(|x| -high - x * width).collect();
        add(Shape::Log, &[], &above);
        if low > 0.0 {
            add(Shape::FreePower, &[], &[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]);
        }
    }
    found
}
