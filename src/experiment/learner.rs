//! The models of Table 1: their names, and what the paper says of them.

use super::profile::Profile;
use crate::basis::Kind;
use crate::model::emlp::SymmetryGroup;
use crate::report::tables::{PaperError, RowKey};
use crate::train::FieldKind;

/// Degree of the spectral basis.
const DEGREE: usize = 6;
/// Degree of fields made of plain vectors, and of those with directions.
const FIELD_DEGREES: (usize, usize) = (10, 6);
/// These degrees at the smallest size of the experiment.
const SMOKE_FIELD_DEGREES: (usize, usize) = (4, 3);

/// What a model learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamics {
    /// A Hamiltonian.
    Hnn,
    /// A vector field.
    NOde,
}

/// A group that a network is equivariant under: about the vertical, or of all space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// Rotations and reflections in vertical planes.
    O2,
    /// Rotations.
    So2,
    /// Symmetries of a rectangle.
    D2,
    /// Symmetries of a hexagon.
    D6,
    /// All rotations and reflections, which turn gravity too: it is one of the network's inputs.
    O3,
}

impl Symmetry {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::O2 => "O(2)",
            Self::So2 => "SO(2)",
            Self::D2 => "D2",
            Self::D6 => "D6",
            Self::O3 => "O(3)",
        }
    }

    /// The group.
    pub(super) fn group(self) -> SymmetryGroup {
        match self {
            Self::O2 => SymmetryGroup::o2(),
            Self::So2 => SymmetryGroup::so2(),
            Self::D2 => SymmetryGroup::dihedral(2),
            Self::D6 => SymmetryGroup::dihedral(6),
            Self::O3 => SymmetryGroup::o3(),
        }
    }
}

/// A model that is trained and compared in Table 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BenchmarkModel {
    /// Hamiltonian linear in the scalars.
    Reference,
    /// Hamiltonian a sum of smooth functions of the scalars.
    Spectral,
    /// Hamiltonian a closed form.
    ClosedForm,
    /// Field a sum of the input vectors, coefficients smooth functions of lengths.
    Lengths,
    /// A field as [`Lengths`](Self::Lengths), with the directions of relative positions among the
    /// vectors.
    Directions,
    /// A perceptron on scalars with swish: its output is the Hamiltonian, or the coefficients of
    /// the input vectors.
    ScalarsMlp(Dynamics),
    /// A perceptron on scalars with ReLU, its output the Hamiltonian.
    ScalarsMlpRelu,
    /// An equivariant network on the vectors of the state.
    Emlp(Symmetry, Dynamics),
    /// A perceptron on the state.
    Mlp(Dynamics),
}

impl BenchmarkModel {
    /// Every model of Table 1, in its order.
    pub const ALL: [Self; 18] = [
        Self::Reference,
        Self::Spectral,
        Self::ClosedForm,
        Self::ScalarsMlp(Dynamics::Hnn),
        Self::ScalarsMlpRelu,
        Self::Emlp(Symmetry::O2, Dynamics::Hnn),
        Self::Emlp(Symmetry::So2, Dynamics::Hnn),
        Self::Emlp(Symmetry::D2, Dynamics::Hnn),
        Self::Emlp(Symmetry::D6, Dynamics::Hnn),
        Self::Mlp(Dynamics::Hnn),
        Self::Lengths,
        Self::Directions,
        Self::ScalarsMlp(Dynamics::NOde),
        Self::Emlp(Symmetry::O2, Dynamics::NOde),
        Self::Emlp(Symmetry::So2, Dynamics::NOde),
        Self::Emlp(Symmetry::D2, Dynamics::NOde),
        Self::Emlp(Symmetry::D6, Dynamics::NOde),
        Self::Mlp(Dynamics::NOde),
    ];

    /// Models that Table 1 has not: those that are told of gravity as those on scalars are, for the
    /// comparison under other gravity.
    pub const BESIDE_TABLE1: [Self; 2] =
        [Self::Emlp(Symmetry::O3, Dynamics::Hnn), Self::Emlp(Symmetry::O3, Dynamics::NOde)];

    /// Whether Table 1 has the model.
    pub fn is_of_table1(self) -> bool {
        Self::ALL.contains(&self)
    }

    /// Name of its files and in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "scalars-hnn-reference",
            Self::Spectral => "scalars-hnn-spectral",
            Self::ClosedForm => "scalars-hnn-closed-form",
            Self::Lengths => "scalars-node-lengths",
            Self::Directions => "scalars-node-directions",
            Self::ScalarsMlp(Dynamics::Hnn) => "scalars-hnn-mlp",
            Self::ScalarsMlp(Dynamics::NOde) => "scalars-node-mlp",
            Self::ScalarsMlpRelu => "scalars-hnn-mlp-relu",
            Self::Emlp(Symmetry::O2, Dynamics::Hnn) => "emlp-o2-hnn",
            Self::Emlp(Symmetry::So2, Dynamics::Hnn) => "emlp-so2-hnn",
            Self::Emlp(Symmetry::D2, Dynamics::Hnn) => "emlp-d2-hnn",
            Self::Emlp(Symmetry::D6, Dynamics::Hnn) => "emlp-d6-hnn",
            Self::Emlp(Symmetry::O2, Dynamics::NOde) => "emlp-o2-node",
            Self::Emlp(Symmetry::So2, Dynamics::NOde) => "emlp-so2-node",
            Self::Emlp(Symmetry::D2, Dynamics::NOde) => "emlp-d2-node",
            Self::Emlp(Symmetry::D6, Dynamics::NOde) => "emlp-d6-node",
            Self::Emlp(Symmetry::O3, Dynamics::Hnn) => "emlp-o3-hnn",
            Self::Emlp(Symmetry::O3, Dynamics::NOde) => "emlp-o3-node",
            Self::Mlp(Dynamics::Hnn) => "mlp-hnn",
            Self::Mlp(Dynamics::NOde) => "mlp-node",
        }
    }

    /// Number of its code: whoever changes how this model is made, trained or tested raises it, and
    /// work saved before is done again.
    pub(super) fn revision(self) -> u32 {
        match self {
            Self::Reference | Self::Spectral => 2,
            Self::ClosedForm => 2,
            Self::Lengths | Self::Directions => 1,
            Self::ScalarsMlp(_) | Self::Emlp(..) | Self::Mlp(_) => 2,
            Self::ScalarsMlpRelu => 3,
        }
    }

    /// What the model learns.
    pub fn dynamics(self) -> Dynamics {
        match self {
            Self::Reference | Self::Spectral | Self::ClosedForm | Self::ScalarsMlpRelu => {
                Dynamics::Hnn
            }
            Self::Lengths | Self::Directions => Dynamics::NOde,
            Self::ScalarsMlp(dynamics) | Self::Emlp(_, dynamics) | Self::Mlp(dynamics) => dynamics,
        }
    }

    /// Whether the model is an explicit function, no network.
    pub fn is_explicit(self) -> bool {
        matches!(
            self,
            Self::Reference | Self::Spectral | Self::ClosedForm | Self::Lengths | Self::Directions
        )
    }

    /// Whether the model is a function of invariant scalars.
    pub fn on_scalars(self) -> bool {
        self.is_explicit() || matches!(self, Self::ScalarsMlp(_) | Self::ScalarsMlpRelu)
    }

    /// The basis, of a Hamiltonian that is linear in its parameters.
    pub(super) fn basis(self) -> Option<Kind> {
        match self {
            Self::Reference => Some(Kind::Reference),
            Self::Spectral | Self::ClosedForm => Some(Kind::Spectral { degree: DEGREE }),
            _ => None,
        }
    }

    /// The kind of field, of one that is linear in its parameters.
    pub(super) fn field(self, profile: Profile) -> Option<FieldKind> {
        let (vectors, directions) =
            if profile == Profile::Smoke { SMOKE_FIELD_DEGREES } else { FIELD_DEGREES };
        match self {
            Self::Lengths => Some(FieldKind::Vectors { degree: vectors }),
            Self::Directions => Some(FieldKind::Directions { degree: directions }),
            _ => None,
        }
    }

    /// Name in tables.
    pub fn key(self, profile: Profile) -> RowKey {
        let (model, group) = match self {
            Self::Emlp(symmetry, _) => ("EMLP", symmetry.name()),
            Self::Mlp(_) => ("MLP", "none"),
            _ => ("Scalars", "O(3)"),
        };
        let basis = match self {
            Self::ScalarsMlp(_) => "MLP, swish".into(),
            Self::ScalarsMlpRelu => "MLP, ReLU".into(),
            Self::Emlp(..) => "tensors, gated".into(),
            Self::Mlp(_) => "MLP, swish".into(),
            Self::ClosedForm => "closed form".into(),
            Self::Reference | Self::Spectral => self.basis().map_or_else(String::new, Kind::name),
            Self::Lengths | Self::Directions => {
                self.field(profile).map_or_else(String::new, FieldKind::name)
            }
        };
        let dynamics = match self.dynamics() {
            Dynamics::Hnn => "HNN",
            Dynamics::NOde => "N-ODE",
        };
        RowKey { model: model.into(), dynamics: dynamics.into(), group: group.into(), basis }
    }

    /// Name in legends, where the dynamics are told otherwise.
    pub fn label(self) -> String {
        match self {
            Self::Reference => "Scalars, linear".into(),
            Self::Spectral => "Scalars, spectral".into(),
            Self::ClosedForm => "closed form".into(),
            Self::Lengths => "Scalars, lengths".into(),
            Self::Directions => "Scalars, directions".into(),
            Self::ScalarsMlp(_) => "Scalars, MLP".into(),
            Self::ScalarsMlpRelu => "Scalars, MLP (ReLU)".into(),
            Self::Emlp(symmetry, _) => format!("EMLP, {}", symmetry.name()),
            Self::Mlp(_) => "MLP".into(),
        }
    }

    /// The error that Yao et al. (2021, Table 1) give for this model, or an early README of their
    /// code; none for models that they don't have.
    pub fn paper(self) -> Option<PaperError> {
        let (value, deviation) = match self {
            Self::ScalarsMlp(Dynamics::Hnn) | Self::ScalarsMlpRelu => (0.005, Some(0.002)),
            Self::ScalarsMlp(Dynamics::NOde) => (0.009, Some(0.001)),
            Self::Emlp(Symmetry::O2, Dynamics::Hnn) => (0.012, Some(0.002)),
            Self::Emlp(Symmetry::So2, Dynamics::Hnn) => (0.015, Some(0.003)),
            Self::Emlp(Symmetry::D6, Dynamics::Hnn) => (0.013, Some(0.002)),
            Self::Mlp(Dynamics::Hnn) => (0.028, None),
            _ => return None,
        };
        Some(PaperError { value, deviation })
    }
}
