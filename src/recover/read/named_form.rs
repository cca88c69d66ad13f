//! A Hamiltonian in the names of its constants, those that agree under one name.

/// A law in the names of its constants, such as `norm(p1)**2/(2*m1) - m1*dot(g,q1)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The Hamiltonian, up to an additive constant: an [expression](crate::expr::Expr) once the
    /// names have their values.
    pub expression: String,
    /// The names in it, with their values.
    pub constants: Vec<(String, f64)>,
}

/// A term of a Hamiltonian in the names of its constants, these in braces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamedTerm {
    /// With the constants that only this term has.
    pub own: String,
    /// With the constants of other terms instead, if what is repeated here, by number, is one
    /// constant with these.
    pub common: Option<(usize, String)>,
}

impl NamedTerm {
    pub fn new(own: String) -> Self {
        Self { own, common: None }
    }
}

/// The sum of all terms. `is_one` tells whether a repeated constant, by number, is one with the
/// others of its name; `value` gives a name's first among its equals and its value.
pub(crate) fn merged(
    terms: &[NamedTerm],
    is_one: impl Fn(usize) -> bool,
    value: impl Fn(&str) -> Option<(String, f64)>,
) -> Merged {
    let (mut expression, mut constants) = (String::new(), Vec::<(String, f64)>::new());
    for term in terms {
        let template = term
            .common
            .as_ref()
            .filter(|(i, _)| is_one(*i))
            .map_or(&term.own, |(_, common)| common);
        let (sign, template) =
            template.strip_prefix('-').map_or(("+", template.as_str()), |rest| ("-", rest));
        expression += &match (expression.is_empty(), sign) {
            (true, "+") => String::new(),
            (true, _) => sign.into(),
            _ => format!(" {sign} "),
        };
        for (k, piece) in template.split(['{', '}']).enumerate() {
            // Every other piece stands in braces.
            let Some((name, value)) = value(piece).filter(|_| k % 2 == 1) else {
                expression += piece;
                continue;
            };
            expression += &name;
            if constants.iter().all(|(known, _)| *known != name) {
                constants.push((name, value));
            }
        }
    }
    Merged { expression, constants }
}
