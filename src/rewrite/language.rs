//! The operator language of the e-graph: numbers, invariants of vectors, n-ary sums and products,
//! powers and elementary functions.
//!
//! Sums and products are n-ary: with binary operators, commutativity and associativity alone fill
//! an e-graph with all subsets of the terms. Children are kept in the order of their classes, so
//! equal multisets meet in one node.

use std::hash::Hash;
use std::mem::Discriminant;
use std::sync::Arc;

use egg::{FlatTerm, Id, Language, RecExpr};

use crate::expr::{Expr, Function, Number, Scalar, Vector};
use crate::rewrite::error::RewriteError;

/// A linear combination of named vectors as part of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Combination(Arc<[(String, Number)]>);

impl Combination {
    fn new(vector: &Vector) -> Result<Self, RewriteError> {
        let number = |c: f64| Number::new(c).ok_or(RewriteError::NotFinite { value: c });
        let terms = vector.terms().iter().map(|(name, c)| Ok((name.clone(), number(*c)?)));
        Ok(Self(terms.collect::<Result<Vec<_>, _>>()?.into()))
    }

    /// The vector; `None` where the sum of its coefficients overflowed.
    pub(crate) fn of(vector: &Vector) -> Option<Self> {
        Self::new(vector).ok()
    }

    /// Names and coefficients, sorted by name.
    pub fn terms(&self) -> &[(String, Number)] {
        &self.0
    }

    /// The same vector in an expression.
    pub fn vector(&self) -> Vector {
        Vector::from_terms(self.0.iter().map(|(name, c)| (name.clone(), c.value())))
    }
}

/// One operator of the language over classes of the e-graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A number.
    Constant(Number),
    /// A number with a name.
    Parameter(String),
    /// An inner product.
    Dot(Combination, Combination),
    /// A Euclidean length.
    Norm(Combination),
    /// A sum of any number of terms.
    Sum(Box<[Id]>),
    /// A product of any number of factors.
    Product(Box<[Id]>),
    /// A power with a literal exponent.
    Power(Number, [Id; 1]),
    /// An elementary function.
    Apply(Function, [Id; 1]),
    /// All expressions that differ from this one by a constant.
    UpToConstant([Id; 1]),
}

impl Language for Node {
    type Discriminant = Discriminant<Node>;

    fn discriminant(&self) -> Self::Discriminant {
        std::mem::discriminant(self)
    }

    fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sum(a), Self::Sum(b)) | (Self::Product(a), Self::Product(b)) => {
                a.len() == b.len()
            }
            (Self::Power(a, _), Self::Power(b, _)) => a == b,
            (Self::Apply(a, _), Self::Apply(b, _)) => a == b,
            (Self::UpToConstant(_), Self::UpToConstant(_)) => true,
            (Self::Constant(_) | Self::Parameter(_) | Self::Dot(..) | Self::Norm(_), _) => {
                self == other
            }
            _ => false,
        }
    }

    fn children(&self) -> &[Id] {
        match self {
            Self::Constant(_) | Self::Parameter(_) | Self::Dot(..) | Self::Norm(_) => &[],
            Self::Sum(children) | Self::Product(children) => children,
            Self::Power(_, child) | Self::Apply(_, child) | Self::UpToConstant(child) => child,
        }
    }

    fn children_mut(&mut self) -> &mut [Id] {
        match self {
            Self::Constant(_) | Self::Parameter(_) | Self::Dot(..) | Self::Norm(_) => &mut [],
            Self::Sum(children) | Self::Product(children) => children,
            Self::Power(_, child) | Self::Apply(_, child) | Self::UpToConstant(child) => child,
        }
    }
}

impl Node {
    /// The expression with this operator over the expressions of its children. The wrapper
    /// [`Node::UpToConstant`] is left out.
    pub(crate) fn expression(&self, mut child: impl FnMut(usize) -> Expr) -> Expr {
        match self {
            Self::Constant(c) => Expr::Constant(c.value()),
            Self::Parameter(name) => Expr::Scalar(Scalar::Parameter(name.clone())),
            Self::Dot(a, b) => Expr::Scalar(Scalar::Dot(a.vector(), b.vector())),
            Self::Norm(a) => Expr::Scalar(Scalar::Norm(a.vector())),
            Self::Sum(children) => Expr::Sum((0..children.len()).map(child).collect()),
            Self::Product(children) => Expr::Product((0..children.len()).map(child).collect()),
            Self::Power(n, _) => Expr::Pow(Box::new(child(0)), n.value()),
            Self::Apply(f, _) => Expr::Apply(*f, Box::new(child(0))),
            Self::UpToConstant(_) => child(0),
        }
    }
}

/// An expression as nodes, operator by operator as it is written; wrapped by [`Node::UpToConstant`]
/// when asked.
///
/// # Errors
/// A constant, exponent or coefficient is NaN or infinite.
pub fn to_nodes(expr: &Expr, up_to_constant: bool) -> Result<RecExpr<Node>, RewriteError> {
    let mut nodes = RecExpr::default();
    let root = add_nodes(expr, &mut nodes)?;
    if up_to_constant {
        nodes.add(Node::UpToConstant([root]));
    }
    Ok(nodes)
}

fn add_nodes(expr: &Expr, nodes: &mut RecExpr<Node>) -> Result<Id, RewriteError> {
    let number = |value: f64| Number::new(value).ok_or(RewriteError::NotFinite { value });
    let node = match expr {
        Expr::Constant(c) => Node::Constant(number(*c)?),
        Expr::Scalar(Scalar::Parameter(name)) => Node::Parameter(name.clone()),
        Expr::Scalar(Scalar::Dot(a, b)) => Node::Dot(Combination::new(a)?, Combination::new(b)?),
        Expr::Scalar(Scalar::Norm(a)) => Node::Norm(Combination::new(a)?),
        Expr::Sum(terms) => Node::Sum(add_all(terms, nodes)?),
        Expr::Product(factors) => Node::Product(add_all(factors, nodes)?),
        Expr::Pow(base, n) => Node::Power(number(*n)?, [add_nodes(base, nodes)?]),
        Expr::Apply(f, x) => Node::Apply(*f, [add_nodes(x, nodes)?]),
    };
    Ok(nodes.add(node))
}

fn add_all(exprs: &[Expr], nodes: &mut RecExpr<Node>) -> Result<Box<[Id]>, RewriteError> {
    exprs.iter().map(|e| add_nodes(e, nodes)).collect()
}

/// The expression that the last of these nodes stands for.
pub fn from_nodes(nodes: &RecExpr<Node>) -> Expr {
    fn build(nodes: &RecExpr<Node>, id: Id) -> Expr {
        let node = &nodes[id];
        node.expression(|i| build(nodes, node.children()[i]))
    }
    build(nodes, nodes.root())
}

/// The expression of one step of an explanation.
pub(crate) fn from_step(step: &FlatTerm<Node>) -> Expr {
    step.node.expression(|i| from_step(&step.children[i]))
}
