//! All forms of growing complexity, in normal form.
//!
//! Nested functions of one kind (an exponential in an exponential, a wave in a wave, a logarithm in
//! a logarithm) are left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::expr::Function;
use crate::search::form::{Form, combination, monic};
use crate::search::normal::{Normaliser, cost_of_power};
use crate::search::options::Operators;

/// Terms by size, as far as they were asked for.
pub(crate) struct Grammar<'a> {
    operators: &'a Operators,
    normaliser: &'a Normaliser,
    variables: usize,
    /// Most terms of a size: with several variables there would be too many.
    most: usize,
    /// Powers, functions and variables by size.
    factors: BTreeMap<usize, Vec<Form>>,
    /// Factors and their products by size.
    terms: BTreeMap<usize, Vec<Form>>,
    /// Monic sums of two parts or more, by size.
    sums: BTreeMap<usize, Vec<Form>>,
    seen: BTreeSet<Form>,
    built: usize,
}

/// The kind of a function, for nesting.
fn kind(f: Function) -> u8 {
    match f {
        Function::Exp => 0,
        Function::Log => 1,
        Function::Sin | Function::Cos | Function::Tan => 2,
        Function::Abs => 3,
    }
}

fn holds(form: &Form, function: Function) -> bool {
    let own = matches!(form, Form::Apply(f, _) if kind(*f) == kind(function));
    own || form.children().iter().any(|c| holds(c, function))
}

impl<'a> Grammar<'a> {
    /// No more than `most` terms of a size, nor forms of a complexity, are given; the first to be
    /// built come first.
    pub fn new(
        operators: &'a Operators,
        normaliser: &'a Normaliser,
        variables: usize,
        most: usize,
    ) -> Self {
        Self {
            operators,
            normaliser,
            variables,
            most,
            factors: BTreeMap::new(),
            terms: BTreeMap::new(),
            sums: BTreeMap::new(),
            seen: BTreeSet::new(),
            built: 0,
        }
    }

    /// Terms of a size.
    pub fn terms(&mut self, size: usize) -> &[Form] {
        while self.built < size {
            self.built += 1;
            self.build(self.built);
        }
        self.terms.get(&size).map_or(&[], Vec::as_slice)
    }

    fn known(table: &BTreeMap<usize, Vec<Form>>, size: usize) -> &[Form] {
        table.get(&size).map_or(&[], Vec::as_slice)
    }

    /// Pairs of terms, the first not after the second, whose sizes add up to `total`.
    fn pairs(&self, total: usize) -> impl Iterator<Item = (&Form, &Form)> {
        let half = (1..=total / 2).map(move |a| (a, total - a));
        half.flat_map(move |(a, b)| {
            let (first, second) = (Self::known(&self.terms, a), Self::known(&self.terms, b));
            first.iter().enumerate().flat_map(move |(i, x)| {
                second[if a == b { i + 1 } else { 0 }..].iter().map(move |y| (x, y))
            })
        })
    }

    fn build(&mut self, size: usize) {
        let mut factors: Vec<Form> = Vec::new();
        if size == 1 {
            factors.extend((0..self.variables).map(Form::Variable));
        }
        self.powers(size, &mut factors);
        self.functions(size, &mut factors);
        let factors = self.accept(size, factors);
        let products = self.products(size, &factors);
        let products = self.accept(size, products);
        self.terms.insert(size, factors.iter().cloned().chain(products).collect());
        self.factors.insert(size, factors);
        let mut sums: Vec<Form> = Vec::new();
        if size > 2 {
            sums.extend(
                Self::known(&self.terms, size - 2)
                    .iter()
                    .map(|t| monic(std::slice::from_ref(t), true)),
            );
        }
        for (less, constant) in [(3, false), (5, true)] {
            if size > less {
                let pairs = self.pairs(size - less).take(self.most);
                sums.extend(pairs.map(|(a, b)| monic(&[a.clone(), b.clone()], constant)));
            }
        }
        sums.truncate(self.most);
        self.sums.insert(size, sums);
    }

    /// Keeps what is a term of this size in normal form and new.
    fn accept(&mut self, size: usize, forms: Vec<Form>) -> Vec<Form> {
        let mut kept = Vec::new();
        for form in forms {
            let linear = self.normaliser.linear(&form);
            let [term] = &linear.terms[..] else { continue };
            if linear.constant || term.complexity() != size || !self.seen.insert(term.clone()) {
                continue;
            }
            kept.push(term.clone());
            if kept.len() >= self.most {
                break;
            }
        }
        kept
    }

    /// Bases of a size: variables and sums.
    fn bases(&self, size: usize) -> Vec<Form> {
        let variables = (0..if size == 1 { self.variables } else { 0 }).map(Form::Variable);
        variables.chain(Self::known(&self.sums, size).iter().cloned()).collect()
    }

    fn powers(&self, size: usize, factors: &mut Vec<Form>) {
        for &n in &self.operators.exponents {
            let cost = cost_of_power(n);
            if size > cost {
                factors.extend(self.bases(size - cost).into_iter().map(|base| base.power(n)));
            }
        }
        if self.operators.free_exponents && size > 2 {
            factors.extend(
                self.bases(size - 2).into_iter().map(|base| Form::FreePower(Box::new(base))),
            );
        }
    }

    fn functions(&self, size: usize, factors: &mut Vec<Form>) {
        for &f in &self.operators.functions {
            let mut add = |arg: Form| {
                if !holds(&arg, f) {
                    factors.push(Form::apply(f, arg));
                }
            };
            if matches!(f, Function::Log | Function::Abs) {
                self.bases(size.saturating_sub(1)).into_iter().for_each(add);
                continue;
            }
            let wave = f != Function::Exp;
            for (less, constant) in [(3, false), (5, true)] {
                if size > less && (!constant || wave) {
                    Self::known(&self.terms, size - less)
                        .iter()
                        .for_each(|t| add(combination(std::slice::from_ref(t), constant)));
                }
            }
            for (less, constant) in [(6, false), (8, true)] {
                if size > less && (!constant || wave) {
                    self.pairs(size - less)
                        .take(self.most)
                        .for_each(|(a, b)| add(combination(&[a.clone(), b.clone()], constant)));
                }
            }
        }
    }

    /// Products of a smaller term and a factor or sum.
    fn products(&self, size: usize, _: &[Form]) -> Vec<Form> {
        let mut products = Vec::new();
        for a in 1..size.saturating_sub(1) {
            let b = size - 1 - a;
            for term in Self::known(&self.terms, a) {
                let factors =
                    Self::known(&self.factors, b).iter().chain(Self::known(&self.sums, b));
                products.extend(
                    factors.map(|factor| Form::Product(vec![term.clone(), factor.clone()])),
                );
                if products.len() > 4 * self.most {
                    return products;
                }
            }
        }
        products
    }

    /// Forms of a complexity: sums of up to three terms with free coefficients, with and (where it
    /// counts) without a constant.
    pub fn forms(&mut self, complexity: usize, constants: bool) -> Vec<Form> {
        let mut forms = Vec::new();
        self.terms(complexity.saturating_sub(2));
        for constant in [false, true] {
            let Some(size) = complexity.checked_sub(if constant { 2 } else { 0 }) else { continue };
            if constant && !constants {
                continue;
            }
            if size > 2 {
                forms.extend(
                    Self::known(&self.terms, size - 2)
                        .iter()
                        .map(|t| combination(std::slice::from_ref(t), constant)),
                );
            }
            if size > 5 {
                forms.extend(
                    self.pairs(size - 5)
                        .take(self.most)
                        .map(|(a, b)| combination(&[a.clone(), b.clone()], constant)),
                );
            }
            if size > 8 {
                self.triples(size - 8, constant, &mut forms);
            }
        }
        forms.truncate(self.most);
        forms
    }

    fn triples(&self, total: usize, constant: bool, forms: &mut Vec<Form>) {
        for first in 1..=total / 3 {
            for (i, x) in Self::known(&self.terms, first).iter().enumerate() {
                let later = |t: &Form, size: usize| {
                    size > first
                        || Self::known(&self.terms, first).iter().skip(i + 1).any(|s| s == t)
                };
                if forms.len() > self.most {
                    return;
                }
                for (y, z) in self.pairs(total - first) {
                    if later(y, y.complexity()) && later(z, z.complexity()) {
                        forms.push(combination(&[x.clone(), y.clone(), z.clone()], constant));
                    }
                }
            }
        }
    }
}
