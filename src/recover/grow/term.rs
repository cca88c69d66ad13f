//! Terms of a law: products of functions of one scalar each.

use crate::expr::{Expr, Function};
use crate::linalg::ZipInlined;
use crate::recover::grow::nodes::Nodes;
use crate::recover::problem::catalogue::Catalogue;

/// A function of a scalar s, some with a number a inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// s^n.
    Power(f64),
    /// log(s).
    Logarithm,
    /// s^a.
    FreePower,
    /// exp(a s).
    Exp,
    /// exp(a s^2).
    Gauss,
    /// cos(a s).
    Cos,
    /// sin(a s).
    Sin,
    /// log(s + a).
    Log,
    /// log(s^2 + a).
    LogOfSquare,
    /// (s + a)^n.
    Shifted(f64),
    /// (s^2 + a)^n.
    Softened(f64),
    /// s^2 - b, of a length whose square is b in all of the data: there is nothing but its slope.
    Vanishing(f64),
}

/// A function that bends by less than this over the range of its scalar is one of its powers.
const BEND: f64 = 0.02;

/// Radians over the range of a scalar: with more, points of chunks fall on any curve.
const TURNS: f64 = 100.0;

/// By so many factors of e an exponential changes over the range of its scalar, at most: with more it
/// is below roundoff of its largest value over most of the range.
const FOLDS: f64 = 72.0;

/// What a function is of, made of a scalar s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Argument {
    /// s itself.
    Scalar,
    /// cos(w s), of an angle s.
    Cosine(f64),
    /// sin(w s).
    Sine(f64),
    /// exp(b s).
    Exponential(f64),
    /// s^n.
    Power(f64),
    /// s + b t, with another scalar t, or, of functions of squares, the root of s^2 + b t^2.
    With {
        /// t.
        scalar: usize,
        /// b.
        factor: f64,
    },
}

impl Argument {
    /// Whether there is a number in it that is to be fitted: the rate of an angle is known.
    fn has_number(self) -> bool {
        matches!(self, Self::With { .. } | Self::Exponential(_))
    }

    /// Whether it is told from the scalar itself over the range of that; not when nothing is left of
    /// it over most of the range.
    fn is_told(self, (low, high): (f64, f64)) -> bool {
        match self {
            Self::Exponential(b) => (BEND..FOLDS).contains(&(b.abs() * (high - low))),
            _ => true,
        }
    }
}

/// A function of one scalar of the catalogue, or of two, or, in a term of one factor, the sum of
/// those of the scalars of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    pub scalar: usize,
    pub argument: Argument,
    pub shape: Shape,
    /// The number inside; of no account where the shape has none.
    pub inside: f64,
}

/// Of scalars the derivatives by them at the nodes.
type Slopes = Vec<(usize, Vec<f64>)>;

/// A function at the nodes: its values, and its derivatives by the scalars that it is of.
type AtNodes = (Vec<f64>, Slopes);

impl Factor {
    /// A function of a scalar itself.
    pub fn new(scalar: usize, shape: Shape, inside: f64) -> Self {
        Self { scalar, argument: Argument::Scalar, shape, inside }
    }

    /// How many numbers inside there are to fit: that of the shape, and that of the argument.
    pub fn numbers(&self) -> usize {
        usize::from(self.shape.has_number()) + usize::from(self.argument.has_number())
    }

    /// The one or two scalars that it is a function of.
    pub fn scalars(&self) -> impl Iterator<Item = usize> {
        let other = match self.argument {
            Argument::With { scalar, .. } => Some(scalar),
            _ => None,
        };
        std::iter::once(self.scalar).chain(other)
    }

    /// A number inside, to be read or changed.
    pub fn number(&mut self, k: usize) -> &mut f64 {
        match &mut self.argument {
            Argument::With { factor: number, .. } | Argument::Exponential(number)
                if k == usize::from(self.shape.has_number()) =>
            {
                number
            }
            _ => &mut self.inside,
        }
    }

    /// Whether another factor is of the same kind but for its numbers.
    fn is_like(&self, other: &Self) -> bool {
        let of_same = match (self.argument, other.argument) {
            (Argument::With { scalar: a, .. }, Argument::With { scalar: b, .. }) => a == b,
            (Argument::Exponential(_), Argument::Exponential(_)) => true,
            (a, b) => a == b,
        };
        of_same && self.scalar == other.scalar && self.shape == other.shape
    }

    /// The range of its argument.
    fn range(&self, nodes: &Nodes) -> (f64, f64) {
        let (low, high) = nodes.range(self.scalar);
        match self.argument {
            Argument::Scalar => (low, high),
            Argument::Cosine(_) | Argument::Sine(_) => (-1.0, 1.0),
            Argument::Exponential(_) | Argument::Power(_) => {
                let ends = (self.argument(low, 0.0).0, self.argument(high, 0.0).0);
                (ends.0.min(ends.1), ends.0.max(ends.1))
            }
            Argument::With { scalar, factor } => {
                let (a, b) = nodes.range(scalar);
                if self.shape.is_of_square() {
                    let most = |a: f64, b: f64| a.abs().max(b.abs());
                    return (0.0, most(low, high).hypot(factor.abs().sqrt() * most(a, b)));
                }
                let (a, b) = (factor * a, factor * b);
                (low + a.min(b), high + a.max(b))
            }
        }
    }

    /// Its argument where its scalars are s and t, and the argument's derivatives by these; of
    /// functions of the squares of two scalars it is the root of their sum.
    fn argument(&self, s: f64, t: f64) -> (f64, f64, f64) {
        match self.argument {
            Argument::Scalar => (s, 1.0, 0.0),
            Argument::Cosine(w) => {
                let (sin, cos) = (w * s).sin_cos();
                (cos, -w * sin, 0.0)
            }
            Argument::Sine(w) => {
                let (sin, cos) = (w * s).sin_cos();
                (sin, w * cos, 0.0)
            }
            Argument::Exponential(b) => {
                let e = (b * s).exp();
                (e, b * e, 0.0)
            }
            Argument::Power(n) => {
                let lower = power(s, n - 1.0);
                (s * lower, n * lower, 0.0)
            }
            Argument::With { factor, .. } if self.shape.is_of_square() => {
                let x = (s * s + factor * t * t).sqrt();
                (x, s / x, factor * t / x)
            }
            Argument::With { factor, .. } => (s + factor * t, 1.0, factor),
        }
    }

    /// Values and derivatives at the nodes, by a scalar of a class where it is of one. None where it
    /// becomes infinite between two values that its argument has at nodes that count: no motion
    /// crosses that, and a pole between two points follows whatever these do.
    fn at_nodes(&self, member: usize, nodes: &Nodes) -> Option<AtNodes> {
        let own = nodes.values(member);
        let other = match self.argument {
            Argument::With { scalar, .. } => Some(scalar),
            _ => None,
        };
        let others = other.map_or(own, |scalar| nodes.values(scalar));
        let room = || Vec::with_capacity(own.len());
        let (mut values, mut by_own, mut by_other) = (room(), room(), Vec::new());
        let mut side = None;
        for (node, (s, t)) in own.iter().zip_inlined(others).enumerate() {
            let (x, by_s, by_t) = self.argument(*s, *t);
            if let Some(below) = self.shape.denominator(self.inside, x)
                && nodes.counts(node)
                && (below == 0.0 || (below < 0.0) != *side.get_or_insert(below < 0.0))
            {
                return None;
            }
            let (value, slope) = self.shape.at(self.inside, x);
            values.push(value);
            by_own.push(slope * by_s);
            if other.is_some() {
                by_other.push(slope * by_t);
            }
        }
        let slopes = std::iter::once((member, by_own));
        Some((values, slopes.chain(other.map(|scalar| (scalar, by_other))).collect()))
    }

    /// The function of an expression of its scalar, over the scalars of the catalogue.
    fn expression(&self, s: Expr, catalogue: &Catalogue) -> Expr {
        let turned = |function, w: f64, s: Expr| {
            Expr::apply(function, Expr::product([Expr::Constant(w), s]))
        };
        let power = |x: Expr| Expr::pow(x, if self.shape.is_of_square() { 2.0 } else { 1.0 });
        let argument = match self.argument {
            Argument::Scalar => power(s),
            Argument::Cosine(w) => power(turned(Function::Cos, w, s)),
            Argument::Sine(w) => power(turned(Function::Sin, w, s)),
            Argument::Exponential(b) => power(turned(Function::Exp, b, s)),
            Argument::Power(n) => power(Expr::pow(s, n)),
            Argument::With { scalar, factor } => {
                let other = catalogue.one_of(scalar, power);
                Expr::sum([power(s), Expr::product([Expr::Constant(factor), other])])
            }
        };
        self.shape.expression(self.inside, argument)
    }
}

fn power(x: f64, n: f64) -> f64 {
    match n {
        1.0 => x,
        2.0 => x * x,
        0.0 => 1.0,
        _ if n.fract() == 0.0 && n.abs() < 64.0 => x.powi(n as i32),
        _ => x.powf(n),
    }
}

/// A product of functions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term(pub Vec<Factor>);

impl Shape {
    /// Whether there is a number inside.
    pub fn has_number(self) -> bool {
        !matches!(self, Self::Power(_) | Self::Logarithm | Self::Vanishing(_))
    }

    /// Whether a function with this number is told from a plainer one where the scalar has these
    /// values: with a number near zero, or one very large, it is a power of the scalar, and constants
    /// would grow that cancel each other.
    fn is_told(self, a: f64, (low, high): (f64, f64)) -> bool {
        let (width, most) = (high - low, low.abs().max(high.abs()));
        let least = if low * high > 0.0 { low.abs().min(high.abs()) } else { 0.0 };
        match self {
            Self::Exp => a.abs() * width > BEND,
            Self::Cos | Self::Sin => (BEND..TURNS).contains(&(a.abs() * width)),
            Self::Gauss => a.abs() * most * most > BEND,
            Self::Log | Self::Shifted(_) => {
                // From the range to where the sum vanishes, on either side of it.
                BEND * (a + low).max(-(a + high)) < width && a.abs() > BEND * least
            }
            Self::LogOfSquare | Self::Softened(_) => {
                BEND * a.abs() < most * most && a.abs() > BEND * least * least
            }
            Self::Power(_) | Self::Logarithm | Self::FreePower | Self::Vanishing(_) => true,
        }
    }

    /// What an inverse function has below the line, or a logarithm is of, if it may vanish.
    fn denominator(self, a: f64, x: f64) -> Option<f64> {
        match self {
            Self::Shifted(n) if n < 0.0 => Some(x + a),
            Self::Softened(n) if n < 0.0 => Some(x * x + a),
            Self::Log => Some(x + a),
            Self::LogOfSquare => Some(x * x + a),
            _ => None,
        }
    }

    /// Value and derivative.
    fn at(self, a: f64, s: f64) -> (f64, f64) {
        // One power serves both.
        let with_slope = |x: f64, n: f64| {
            let lower = power(x, n - 1.0);
            (x * lower, n * lower)
        };
        match self {
            Self::Power(n) => with_slope(s, n),
            Self::Logarithm => (s.ln(), 1.0 / s),
            Self::FreePower => {
                let lower = s.powf(a - 1.0);
                (s * lower, a * lower)
            }
            Self::Exp => {
                let e = (a * s).exp();
                (e, a * e)
            }
            Self::Gauss => {
                let e = (a * s * s).exp();
                (e, 2.0 * a * s * e)
            }
            Self::Cos => {
                let (sin, cos) = (a * s).sin_cos();
                (cos, -a * sin)
            }
            Self::Sin => {
                let (sin, cos) = (a * s).sin_cos();
                (sin, a * cos)
            }
            Self::Log => ((s + a).ln(), 1.0 / (s + a)),
            Self::LogOfSquare => ((s * s + a).ln(), 2.0 * s / (s * s + a)),
            Self::Shifted(n) => with_slope(s + a, n),
            Self::Softened(n) => {
                let (value, slope) = with_slope(s * s + a, n);
                (value, 2.0 * s * slope)
            }
            Self::Vanishing(b) => (s * s - b, 2.0 * s),
        }
    }

    /// Whether it is a function of the square of its argument.
    pub fn is_of_square(self) -> bool {
        matches!(self, Self::Gauss | Self::LogOfSquare | Self::Softened(_) | Self::Vanishing(_))
    }

    /// The function of an argument, or of its square where it is one of that.
    fn expression(self, a: f64, s: Expr) -> Expr {
        let times = |x: Expr| Expr::product([Expr::Constant(a), x]);
        let plus = |x: Expr| Expr::sum([x, Expr::Constant(a)]);
        match self {
            Self::Power(n) => Expr::pow(s, n),
            Self::Logarithm => Expr::apply(Function::Log, s),
            Self::FreePower => Expr::pow(s, a),
            Self::Exp | Self::Gauss => Expr::apply(Function::Exp, times(s)),
            Self::Cos => Expr::apply(Function::Cos, times(s)),
            Self::Sin => Expr::apply(Function::Sin, times(s)),
            Self::Log | Self::LogOfSquare => Expr::apply(Function::Log, plus(s)),
            Self::Shifted(n) | Self::Softened(n) => Expr::pow(plus(s), n),
            Self::Vanishing(b) => Expr::sum([s, Expr::Constant(-b)]),
        }
    }
}

impl Term {
    /// The term as an expression.
    pub fn expression(&self, catalogue: &Catalogue) -> Expr {
        let factor = |f: &Factor| catalogue.sum_of(f.scalar, |s| f.expression(s, catalogue));
        Expr::product(self.0.iter().map(factor))
    }

    /// Symbols that it takes to write the term down: of a class those of one scalar, and its name.
    pub fn symbols(&self, catalogue: &Catalogue) -> usize {
        let one = |f: &Factor| catalogue.one_of(f.scalar, |s| f.expression(s, catalogue));
        let names = self.0.iter().filter(|f| catalogue.is_class(f.scalar)).count();
        Expr::product(self.0.iter().map(one)).complexity() + names
    }

    /// How many numbers inside there are to fit.
    pub fn numbers(&self) -> usize {
        self.0.iter().map(Factor::numbers).sum()
    }

    /// Of each number inside its factor and its place there.
    pub fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let places = |(f, factor): (usize, &Factor)| (0..factor.numbers()).map(move |k| (f, k));
        self.0.iter().enumerate().flat_map(places)
    }

    /// Whether another term is of the same kind but for its numbers.
    pub fn is_like(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.is_like(b))
    }

    /// Writes the increments that the term makes; says whether they are finite, without a pole, and
    /// told from those of a plainer term.
    pub fn column(&self, nodes: &Nodes, column: &mut Vec<f64>) -> bool {
        let is_told = |f: &Factor| {
            f.argument.is_told(nodes.range(f.scalar)) && f.shape.is_told(f.inside, f.range(nodes))
        };
        self.0.iter().all(is_told)
            && self.slopes(nodes).is_some_and(|slopes| nodes.column(&slopes, column))
    }

    /// Its derivatives at the nodes by each of its scalars, unless it has a pole there.
    fn slopes(&self, nodes: &Nodes) -> Option<Slopes> {
        if let [f] = self.0[..] {
            let members = nodes.members(f.scalar).iter();
            let all: Option<Vec<AtNodes>> = members.map(|k| f.at_nodes(*k, nodes)).collect();
            return Some(all?.into_iter().flat_map(|(_, slopes)| slopes).collect());
        }
        let factors: Vec<AtNodes> =
            self.0.iter().map(|f| f.at_nodes(f.scalar, nodes)).collect::<Option<_>>()?;
        let mut all = Slopes::new();
        for (k, (_, slopes)) in factors.iter().enumerate() {
            for (scalar, slope) in slopes {
                let mut slope = slope.clone();
                for (_, (values, _)) in factors.iter().enumerate().filter(|(other, _)| *other != k)
                {
                    slope.iter_mut().zip(values).for_each(|(s, v)| *s *= v);
                }
                all.push((*scalar, slope));
            }
        }
        Some(all)
    }
}
