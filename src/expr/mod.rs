//! Closed-form expressions over scalars of vectors.

/// A linear combination of named vectors with constant coefficients, such as `q2 - q1`; sorted by name, no zero coefficient.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Vec<(String, f64)>);

/// An O(d)-invariant scalar of named vectors.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Inner product, arguments in order.
    Dot(Vector, Vector),
    /// Euclidean length.
    Norm(Vector),
}

/// An elementary function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Magnitude.
    Abs,
}

/// A scalar-valued expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number; in a fit, a free parameter.
    Constant(f64),
    /// An invariant of the input vectors.
    Scalar(Scalar),
    /// Sum of terms.
    Sum(Vec<Expr>),
    /// Product of factors; a quotient is a factor to the power -1.
    Product(Vec<Expr>),
    /// Power with a literal exponent; a square root has 0.5.
    Pow(Box<Expr>, f64),
    /// An elementary function.
    Apply(Function, Box<Expr>),
}

/// A vector-valued expression: the sum of coefficient times vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorExpr(pub Vec<(Expr, Vector)>);
