//! The normal form of families of functions: every coefficient free, what constants absorb left
//! out.
//!
//! A form becomes a sum of terms, each with a free coefficient, and perhaps a constant. A term is a
//! product of powers of variables, functions and sums; inside a product, power, root or logarithm a
//! sum is monic (its first term has no coefficient), for its scale is absorbed outside; an
//! exponential has no constant in its argument, for that is a factor outside. So forms that differ
//! only by how constants are spread meet.

use crate::expr::{Function, Number};
use crate::search::form::{Form, combination, exponent_complexity, monic};

/// A sum of terms with free coefficients, and whether there is a constant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Linear {
    pub terms: Vec<Form>,
    pub constant: bool,
}

/// What is known about the variables.
#[derive(Clone, Debug)]
pub(crate) struct Normaliser {
    /// Variables that are above zero on all samples.
    pub positive: Vec<bool>,
}

/// An exponent of a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Exponent {
    Known(f64),
    Free,
}

type Factors = Vec<(Form, Exponent)>;

impl Normaliser {
    /// The form in normal form, its outermost sum with or without a constant as it stands.
    pub fn normal(&self, form: &Form) -> Form {
        let linear = self.linear(form);
        combination(&linear.terms, linear.constant)
    }

    /// The terms of a form.
    pub fn linear(&self, form: &Form) -> Linear {
        match form {
            Form::Constant | Form::Number(_) => Linear { terms: vec![], constant: true },
            Form::Variable(_) => Linear { terms: vec![form.clone()], constant: false },
            Form::Sum(children) => collect(children.iter().map(|c| self.linear(c))),
            Form::Product(_)
            | Form::Power(..)
            | Form::FreePower(_)
            | Form::Apply(Function::Abs, _) => {
                let factors = self.factors(form);
                if let [(base, Exponent::Known(1.0))] = &factors[..]
                    && let Form::Sum(_) = base
                {
                    return self.linear(base);
                }
                term_of(factors)
            }
            Form::Apply(f, x) => self.function(*f, x),
        }
    }

    fn function(&self, f: Function, x: &Form) -> Linear {
        let multiple = is_multiple(x);
        let x = self.linear(x);
        if x.terms.is_empty() {
            return Linear { terms: vec![], constant: true };
        }
        match f {
            Function::Exp => term_of(self.exponential(x)),
            Function::Log => {
                // The scale of the argument is a constant outside.
                let mut log = self.logarithm(x);
                log.constant |= multiple;
                log
            }
            // A phase makes one of the other.
            Function::Sin if x.constant => {
                single(Form::apply(Function::Cos, combination(&x.terms, true)))
            }
            Function::Sin | Function::Cos | Function::Tan => {
                single(Form::apply(f, combination(&x.terms, x.constant)))
            }
            Function::Abs => single(Form::apply(f, monic(&x.terms, x.constant))),
        }
    }

    /// An exponential as factors: logarithms in its argument become powers.
    fn exponential(&self, x: Linear) -> Factors {
        let (logs, terms): (Vec<Form>, Vec<Form>) =
            x.terms.into_iter().partition(|t| matches!(t, Form::Apply(Function::Log, _)));
        let powers = logs.into_iter().filter_map(|t| match t {
            Form::Apply(_, base) => Some((*base, Exponent::Free)),
            _ => None,
        });
        let mut factors: Factors = powers.collect();
        if !terms.is_empty() {
            factors.push((
                Form::apply(Function::Exp, combination(&terms, false)),
                Exponent::Known(1.0),
            ));
        }
        factors
    }

    fn logarithm(&self, x: Linear) -> Linear {
        if let ([term], false) = (&x.terms[..], x.constant) {
            let parts = self.factors(term).into_iter().map(|(base, _)| match base {
                Form::Apply(Function::Exp, arg) => self.linear(&arg),
                base => single(Form::apply(Function::Log, base)),
            });
            return collect(parts);
        }
        single(Form::apply(Function::Log, monic(&x.terms, x.constant)))
    }

    /// A form as a product of powers, constant factors left out.
    fn factors(&self, form: &Form) -> Factors {
        match form {
            Form::Constant | Form::Number(_) => vec![],
            Form::Product(children) => {
                self.merge(children.iter().flat_map(|c| self.factors(c)).collect())
            }
            Form::Power(base, n) => self.power(base, Exponent::Known(n.value())),
            Form::FreePower(base) => self.power(base, Exponent::Free),
            Form::Variable(_) => vec![(form.clone(), Exponent::Known(1.0))],
            Form::Apply(Function::Abs, x) => self.magnitude(x),
            Form::Sum(_) | Form::Apply(..) => {
                let linear = self.linear(form);
                self.factors_of(linear)
            }
        }
    }

    fn factors_of(&self, linear: Linear) -> Factors {
        match (&linear.terms[..], linear.constant) {
            ([], _) => vec![],
            ([Form::Product(factors)], false) => factors.iter().map(as_power).collect(),
            ([term], false) => vec![as_power(term)],
            _ => vec![(monic(&linear.terms, linear.constant), Exponent::Known(1.0))],
        }
    }

    fn power(&self, base: &Form, n: Exponent) -> Factors {
        let base = self.factors(base);
        if n == Exponent::Known(0.0) {
            return vec![];
        }
        if n == Exponent::Free && base.len() > 1 {
            let base = product(base);
            return vec![(base, Exponent::Free)];
        }
        let raise = |(base, m): (Form, Exponent)| match (m, n) {
            // A multiple of an argument is the argument.
            _ if matches!(base, Form::Apply(Function::Exp, _)) => (base, Exponent::Known(1.0)),
            (Exponent::Known(m), Exponent::Known(n))
                if m % 2.0 == 0.0 && n.fract() != 0.0 && !self.is_positive(&base) =>
            {
                let base =
                    if (m * n) % 2.0 == 0.0 { base } else { Form::apply(Function::Abs, base) };
                (base, Exponent::Known(m * n))
            }
            (Exponent::Known(m), Exponent::Known(n)) => (base, Exponent::Known(m * n)),
            _ => (base, Exponent::Free),
        };
        self.merge(base.into_iter().map(raise).collect())
    }

    /// Factors of the magnitude of a form.
    fn magnitude(&self, x: &Form) -> Factors {
        let factor = |(base, n): (Form, Exponent)| match n {
            Exponent::Known(n)
                if n % 2.0 != 0.0 && n.fract() == 0.0 && !self.is_positive(&base) =>
            {
                (Form::apply(Function::Abs, base), Exponent::Known(n))
            }
            n => (base, n),
        };
        self.merge(self.factors(x).into_iter().map(factor).collect())
    }

    fn is_positive(&self, base: &Form) -> bool {
        match base {
            Form::Variable(i) => self.positive.get(*i).copied().unwrap_or(false),
            Form::Apply(f, _) => matches!(f, Function::Exp | Function::Abs),
            _ => false,
        }
    }

    /// Powers of one base become one; exponentials become one.
    fn merge(&self, factors: Factors) -> Factors {
        let mut merged: Factors = Vec::new();
        let mut exponents = Linear::default();
        for (base, n) in factors {
            match base {
                Form::Apply(Function::Exp, arg) => {
                    let arg = self.linear(&arg);
                    exponents = collect([exponents, arg]);
                }
                // The family of a base with constants times another of the same look is larger than
                // a power, unless both come from one power.
                base => match merged.iter_mut().find(|(known, _)| *known == base) {
                    Some((_, m)) => {
                        *m = match (*m, n) {
                            (Exponent::Known(a), Exponent::Known(b)) => Exponent::Known(a + b),
                            _ => Exponent::Free,
                        }
                    }
                    None => merged.push((base, n)),
                },
            }
        }
        merged.retain(|(_, n)| *n != Exponent::Known(0.0));
        // An even power of a magnitude is that of what is inside.
        for (base, n) in &mut merged {
            if let (Form::Apply(Function::Abs, x), Exponent::Known(m)) = (&*base, *n)
                && m % 2.0 == 0.0
            {
                *base = (**x).clone();
            }
        }
        if !exponents.terms.is_empty() {
            merged.push((
                Form::apply(Function::Exp, combination(&exponents.terms, false)),
                Exponent::Known(1.0),
            ));
        }
        merged
    }
}

/// Whether all multiples of a form are the same family.
fn is_multiple(form: &Form) -> bool {
    match form {
        Form::Constant | Form::Number(_) => true,
        Form::Product(factors) => factors.iter().any(is_multiple),
        Form::Sum(terms) => terms.iter().all(is_multiple),
        _ => false,
    }
}

/// A factor of a term in normal form as base and exponent.
fn as_power(factor: &Form) -> (Form, Exponent) {
    match factor {
        Form::Power(base, n) => ((**base).clone(), Exponent::Known(n.value())),
        Form::FreePower(base) => ((**base).clone(), Exponent::Free),
        other => (other.clone(), Exponent::Known(1.0)),
    }
}

fn single(term: Form) -> Linear {
    Linear { terms: vec![term], constant: false }
}

fn product(factors: Factors) -> Form {
    let factor = |(base, n): (Form, Exponent)| match n {
        Exponent::Known(n) => base.power(n),
        Exponent::Free => Form::FreePower(Box::new(base)),
    };
    let mut factors: Vec<Form> = factors.into_iter().map(factor).collect();
    factors.sort();
    Form::product_of(factors)
}

/// The term that is this product; a constant without factors.
fn term_of(factors: Factors) -> Linear {
    if factors.is_empty() {
        Linear { terms: vec![], constant: true }
    } else {
        single(product(factors))
    }
}

/// The sum of sums: terms without constants inside are there once, for their coefficients add.
pub(crate) fn collect(parts: impl IntoIterator<Item = Linear>) -> Linear {
    let mut sum = Linear::default();
    for part in parts {
        sum.constant |= part.constant;
        sum.terms.extend(part.terms);
    }
    sum.terms.sort_by_cached_key(|t| (t.complexity(), t.clone()));
    sum.terms.dedup_by(|b, a| a == b && a.constants() == 0);
    sum
}

/// What a known exponent adds to the complexity.
pub(crate) fn cost_of_power(n: f64) -> usize {
    Number::new(n).map_or(2, exponent_complexity)
}
