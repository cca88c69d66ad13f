//! How much is done.

use std::str::FromStr;

use super::error::ExperimentError;

/// Size of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A few chunks and rollouts: shows that everything works, says nothing about accuracy.
    Smoke,
    /// The data of the paper, one seed.
    Quick,
    /// The data of the paper, three seeds.
    Paper,
}

impl Profile {
    /// Every size, smallest first.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Quick, Self::Paper];

    /// Name in commands, folders and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
            Self::Paper => "paper",
        }
    }

    /// Chunks to train on; as many again to validate with.
    pub fn chunks(self) -> usize {
        match self {
            Self::Smoke => 40,
            Self::Quick | Self::Paper => 500,
        }
    }

    /// Test trajectories.
    pub fn tests(self) -> usize {
        match self {
            Self::Smoke => 12,
            Self::Quick | Self::Paper => 500,
        }
    }

    /// Levels of noise, in percent of each column's standard deviation.
    pub fn noise_levels(self) -> &'static [u32] {
        match self {
            Self::Smoke => &[3],
            Self::Quick | Self::Paper => &[1, 3, 10],
        }
    }

    /// Draws of the noise at each level.
    pub fn noise_seeds(self) -> u64 {
        match self {
            Self::Smoke | Self::Quick => 1,
            Self::Paper => 9,
        }
    }

    /// Seeds, each with its own data.
    pub fn seeds(self) -> u64 {
        match self {
            Self::Smoke | Self::Quick => 1,
            Self::Paper => 3,
        }
    }
}

impl FromStr for Profile {
    type Err = ExperimentError;
    fn from_str(name: &str) -> Result<Self, ExperimentError> {
        named("profile", name, &Self::ALL, Self::name)
    }
}

/// The one of `all` that has this name.
///
/// # Errors
/// [`ExperimentError::Unknown`].
pub(super) fn named<T: Copy>(
    kind: &'static str,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<T, ExperimentError> {
    let accepted = || all.iter().map(|item| name_of(*item)).collect::<Vec<_>>().join(", ");
    let found = all.iter().copied().find(|item| name_of(*item) == name);
    found.ok_or_else(|| ExperimentError::Unknown { kind, name: name.into(), accepted: accepted() })
}
