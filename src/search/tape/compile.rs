//! From forms to tapes.

use crate::expr::Function;
use crate::search::form::Form;
use crate::search::tape::{MAX_INNER, Op, Role, Slot, Step, Tape, Term};
use crate::search::target::Problem;

/// What surrounds a part of a form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Algebra,
    Exponential,
    Periodic,
}

impl Tape {
    /// Compiles a form for a problem; `None` when it has too many constants inside.
    pub fn new(form: &Form, problem: &Problem) -> Option<Self> {
        let directions = problem.directions.clone();
        let mut tape = Self {
            steps: Vec::new(),
            roles: Vec::new(),
            slots: Vec::new(),
            terms: Vec::new(),
            linear: 0,
            directions,
        };
        let terms =
            if let Form::Sum(terms) = form { terms.as_slice() } else { std::slice::from_ref(form) };
        for term in terms {
            tape.outermost(term);
        }
        (tape.roles.len() <= MAX_INNER).then_some(tape)
    }

    fn outermost(&mut self, term: &Form) {
        let (coefficient, rest) = match term {
            Form::Constant => (true, &[][..]),
            Form::Product(factors) if factors.first() == Some(&Form::Constant) => {
                (true, &factors[1..])
            }
            other => (false, std::slice::from_ref(other)),
        };
        let coefficient = coefficient.then(|| {
            self.slots.push(Slot::Linear(self.linear));
            self.linear += 1;
            self.linear - 1
        });
        let register = (!rest.is_empty()).then(|| self.product(rest, Inside::Algebra, None));
        self.terms.push(Term { register, coefficient });
    }

    fn push(&mut self, op: Op) -> usize {
        let of = |r: usize| (self.steps[r].slopes, self.steps[r].constants);
        let either = |a: usize, b: usize| (of(a).0 | of(b).0, of(a).1 | of(b).1);
        let (slopes, constants) = match op {
            Op::Variable(i) => {
                (1 | self.directions.iter().position(|d| *d == i).map_or(0, |a| 2 << a), 1)
            }
            Op::Number(_) => (1, 1),
            Op::AddNumber(r, _) | Op::MulNumber(r, _) | Op::Power(r, _) | Op::Apply(_, r) => of(r),
            Op::Add(a, b) | Op::Mul(a, b) => either(a, b),
            Op::Scale(r, p) | Op::Shift(r, p) | Op::FreePower(r, p) => (of(r).0, of(r).1 | 2 << p),
        };
        self.steps.push(Step { op, slopes, constants });
        self.steps.len() - 1
    }

    fn inner(&mut self, role: Role) -> usize {
        self.slots.push(Slot::Inner(self.roles.len()));
        self.roles.push(role);
        self.roles.len() - 1
    }

    fn compile(&mut self, form: &Form, inside: Inside, first: Option<usize>) -> usize {
        match form {
            Form::Variable(i) => self.push(Op::Variable(*i)),
            Form::Number(c) => self.push(Op::Number(c.value())),
            Form::Constant => self.product(std::slice::from_ref(form), inside, first),
            Form::Product(factors) => self.product(factors, inside, first),
            Form::Sum(terms) => self.sum(terms, inside),
            Form::Power(base, n) => {
                let base = self.compile(base, Inside::Algebra, None);
                self.push(Op::Power(base, *n))
            }
            Form::FreePower(base) => {
                let base = self.compile(base, Inside::Algebra, None);
                let p = self.inner(Role::Exponent);
                self.push(Op::FreePower(base, p))
            }
            Form::Apply(f, x) => {
                let inside = match f {
                    Function::Exp => Inside::Exponential,
                    Function::Sin | Function::Cos | Function::Tan => Inside::Periodic,
                    Function::Log | Function::Abs => Inside::Algebra,
                };
                let x = self.compile(x, inside, None);
                self.push(Op::Apply(*f, x))
            }
        }
    }

    fn product(&mut self, factors: &[Form], inside: Inside, first: Option<usize>) -> usize {
        let mut constants = Vec::new();
        let mut number = None;
        let mut register = None;
        for factor in factors {
            match factor {
                Form::Constant => constants.push(self.inner(match inside {
                    Inside::Exponential => Role::Rate,
                    Inside::Periodic => Role::Frequency,
                    Inside::Algebra => Role::Coefficient(first),
                })),
                Form::Number(c) => number = Some(number.unwrap_or(1.0) * c.value()),
                other => {
                    let factor = self.compile(other, Inside::Algebra, None);
                    register =
                        Some(register.map_or(factor, |known| self.push(Op::Mul(known, factor))));
                }
            }
        }
        let mut register = match (register, number) {
            (Some(r), Some(c)) => self.push(Op::MulNumber(r, c)),
            (Some(r), None) => r,
            (None, number) => self.push(Op::Number(number.unwrap_or(1.0))),
        };
        for p in constants {
            register = self.push(Op::Scale(register, p));
        }
        register
    }

    fn sum(&mut self, terms: &[Form], inside: Inside) -> usize {
        let mut constants = Vec::new();
        let mut number = None;
        let mut register = None;
        for term in terms {
            match term {
                Form::Constant => constants.push(self.inner(match inside {
                    Inside::Periodic => Role::Phase,
                    Inside::Exponential | Inside::Algebra => Role::Offset,
                })),
                Form::Number(c) => number = Some(number.unwrap_or(0.0) + c.value()),
                other => {
                    let term = self.compile(other, inside, register);
                    register = Some(register.map_or(term, |known| self.push(Op::Add(known, term))));
                }
            }
        }
        let mut register = match (register, number) {
            (Some(r), Some(c)) => self.push(Op::AddNumber(r, c)),
            (Some(r), None) => r,
            (None, number) => self.push(Op::Number(number.unwrap_or(0.0))),
        };
        for p in constants {
            register = self.push(Op::Shift(register, p));
        }
        register
    }
}
