//! Units of work: one model on the data of one seed; and which of them a run does.

use super::data::Preset;
use super::error::ExperimentError;
use super::learner::BenchmarkModel;
use super::noise::{NoiseId, all_noise};
use super::product::Artefact;
use super::profile::Profile;
use super::unit_id::UnitId;

/// All units of a profile: seed by seed, so that a run that is stopped has whole tables of fewer
/// seeds.
pub fn all_units(profile: Profile, first_seed: u64) -> Vec<UnitId> {
    let of_seed = |seed: u64| {
        let unit = move |learner| UnitId { learner, preset: Preset::ReferenceCode, seed };
        let paper = UnitId { learner: BenchmarkModel::ClosedForm, preset: Preset::Paper, seed };
        let table1 = BenchmarkModel::ALL.into_iter().map(unit).chain([paper]);
        table1.chain(BenchmarkModel::BESIDE_TABLE1.into_iter().map(unit))
    };
    (0..profile.seeds()).map(|k| first_seed.wrapping_add(k)).flat_map(of_seed).collect()
}

/// One of `of` machines that share the units of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Number of the machine, from 1.
    pub number: usize,
    /// Number of machines.
    pub of: usize,
}

impl Shard {
    /// Every `of`-th of some pieces of work.
    fn share<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter()
            .enumerate()
            .filter(|(k, _)| k % self.of == self.number - 1)
            .map(|(_, piece)| piece)
            .collect()
    }
}

impl std::str::FromStr for Shard {
    type Err = ExperimentError;
    /// Reads `i/n` with 1 <= i <= n.
    fn from_str(text: &str) -> Result<Self, ExperimentError> {
        let parts =
            text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let fits = parts.filter(|(number, of): &(usize, usize)| (1..=*of).contains(number));
        let unknown = || ExperimentError::Unknown {
            kind: "shard",
            name: text.into(),
            accepted: "i/n with 1 <= i <= n, such as 2/3".into(),
        };
        fits.map(|(number, of)| Self { number, of }).ok_or_else(unknown)
    }
}

/// What a run trains and makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlan {
    /// Tables and figures.
    pub products: Vec<Artefact>,
    /// Units, in the order in which they are done.
    pub units: Vec<UnitId>,
    /// Fits to noisy data, done after them.
    pub noise: Vec<NoiseId>,
}

impl RunPlan {
    /// The units in the order in which they are done: seed by seed, so that a run that is stopped
    /// has whole tables of fewer seeds; of each seed the laws first, then the other explicit
    /// models, then networks.
    pub fn in_order(&self) -> Vec<UnitId> {
        let seeds: Vec<u64> = self.units.iter().map(|unit| unit.seed).collect();
        let rank = |unit: &UnitId| {
            let seed = seeds.iter().position(|seed| *seed == unit.seed);
            (seed, unit.learner != BenchmarkModel::ClosedForm, !unit.learner.is_explicit())
        };
        let mut units = self.units.clone();
        units.sort_by_key(rank);
        units
    }

    /// The products that are made as soon as the first seed's explicit models are there, which
    /// takes seconds; those that need other models too are made again at the end.
    pub fn early(&self) -> Vec<Artefact> {
        let some = self.units.iter().any(|unit| unit.learner.is_explicit());
        let shown = |product: &Artefact| some && product.is_early();
        self.products.iter().copied().filter(shown).collect()
    }

    /// The products that are made when all models are there: all but those that were made before of
    /// all that they need.
    pub fn late(&self, first_seed: u64) -> Vec<Artefact> {
        let early = self.early();
        let whole = |product: Artefact| {
            let needed = |unit: &&UnitId| product.needs(**unit);
            self.units.iter().filter(needed).all(|unit| unit.is_first(first_seed))
        };
        let left = |product: &Artefact| !(early.contains(product) && whole(*product));
        self.products.iter().copied().filter(left).collect()
    }
}

/// Resolves what is asked for. `only` may name products, models (their units of all seeds) and
/// units.
///
/// - Nothing named: all products and all units.
/// - Only products named: these, with the units that they are made of.
/// - Models or units named: these units, and the products named.
///
/// A shard does its share of these units, and no product.
///
/// # Errors
/// [`ExperimentError::Unknown`] lists the names that exist.
pub fn resolve(
    profile: Profile,
    first_seed: u64,
    only: &[String],
    shard: Option<Shard>,
) -> Result<RunPlan, ExperimentError> {
    let all = all_units(profile, first_seed);
    let (mut products, mut units): (Vec<Artefact>, Vec<UnitId>) = (Vec::new(), Vec::new());
    for name in only {
        if let Ok(product) = name.parse() {
            products.push(product);
            continue;
        }
        let named: Vec<UnitId> =
            all.iter().copied().filter(|unit| [unit.model(), unit.name()].contains(name)).collect();
        if named.is_empty() {
            return Err(unknown(name, &all));
        }
        units.extend(named);
    }
    if only.is_empty() {
        products = Artefact::ALL.to_vec();
    }
    products = Artefact::ALL.into_iter().filter(|product| products.contains(product)).collect();
    let wanted = |unit: &UnitId| match units.is_empty() {
        true => products.iter().any(|product| product.needs(*unit)),
        false => units.contains(unit),
    };
    let chosen: Vec<UnitId> = all.into_iter().filter(wanted).collect();
    let noise = if products.contains(&Artefact::Noise) {
        all_noise(profile, first_seed)
    } else {
        Vec::new()
    };
    Ok(match shard {
        None => RunPlan { products, units: chosen, noise },
        Some(shard) => {
            RunPlan { products: Vec::new(), units: shard.share(chosen), noise: shard.share(noise) }
        }
    })
}

/// The figures that need no trained models, or those of them that `only` names: figures 1 and 2, and
/// figure 3, which is drawn from a table.
///
/// # Errors
/// [`ExperimentError::Unknown`] for a name of anything else.
pub fn redrawn(only: &[String]) -> Result<RunPlan, ExperimentError> {
    const DRAWN: [Artefact; 3] = [Artefact::Figure1, Artefact::Figure2, Artefact::Figure3];
    let named = |name: &String| {
        let other = || ExperimentError::Unknown {
            kind: "figure that is drawn from tables",
            name: name.clone(),
            accepted: DRAWN.map(Artefact::name).join(", "),
        };
        DRAWN.into_iter().find(|product| product.name() == name).ok_or_else(other)
    };
    let chosen = only.iter().map(named).collect::<Result<Vec<Artefact>, _>>()?;
    let is_wanted = |product: &Artefact| chosen.is_empty() || chosen.contains(product);
    let products = DRAWN.into_iter().filter(is_wanted).collect();
    Ok(RunPlan { products, units: Vec::new(), noise: Vec::new() })
}

fn unknown(name: &str, all: &[UnitId]) -> ExperimentError {
    let mut models: Vec<String> = Vec::new();
    for unit in all {
        if !models.contains(&unit.model()) {
            models.push(unit.model());
        }
    }
    let products: Vec<&str> = Artefact::ALL.iter().map(|product| product.name()).collect();
    let units = "and units such as";
    let example = all.first().map_or_else(String::new, |unit| unit.name());
    let accepted =
        format!("{}; models {}; {units} {example}", products.join(", "), models.join(", "));
    ExperimentError::Unknown { kind: "product, model or unit", name: name.into(), accepted }
}
