//! A whole run: data, models, tables, figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::data::{self, Data, Preset};
use super::error::ExperimentError;
use super::files::make_folder;
use super::noise::{self, NoiseId, NoisyUnit};
use super::product::Artefact;
use super::profile::Profile;
use super::results::{Done, Results};
use super::stopwatch::Stopwatch;
use super::store::{Finished, Store};
use super::summary::{Summary, law_text};
use super::timings::Timings;
use super::unit_id::UnitId;
use super::units::{RunPlan, Shard, redrawn, resolve};
use super::{figure3, figures, models, tables, transfer_results};
use crate::dataset::{FolderLock, write_table};
use crate::progress::Progress;
use crate::report::tables::read_error_quantiles;
use crate::train::Saving;

/// What to do and where.
#[derive(Clone, Debug)]
pub struct ReproduceOptions {
    /// Size of the experiment.
    pub profile: Profile,
    /// Names of tables, figures, models and units, see [`resolve`]; all of them if none is named.
    pub only: Vec<String>,
    /// The share of the units that this machine does; then no tables and figures are made.
    pub shard: Option<Shard>,
    /// Whether to train nothing, and to draw figures 1 and 2, and figure 3 from the
    /// `error_quantiles.parquet` that is there; `shard` is of no account then.
    pub redraw: bool,
    /// Folder whose subfolder of the profile's name takes data and tables.
    pub data: PathBuf,
    /// Folder whose subfolder of the profile's name takes figures.
    pub figures: PathBuf,
    /// The first seed.
    pub seed: u64,
    /// Once this is true, set by another thread or a signal, the run saves where it is and ends
    /// with [`ExperimentError::Stopped`].
    pub stop: Arc<AtomicBool>,
}

/// Makes the tables and figures that are asked for. Work that an earlier run finished is taken from
/// disk. `progress` is told of every piece of work, of what goes on within it, and of the law once
/// it is read off.
///
/// # Errors
/// [`ExperimentError`]; what was finished before stays on disk, and the same call goes on from
/// there.
pub fn reproduce(
    options: &ReproduceOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, ExperimentError> {
    let work = match options.redraw {
        true => redrawn(&options.only)?,
        false => resolve(options.profile, options.seed, &options.only, options.shard)?,
    };
    let mut run = Run::new(options, &work, progress)?;
    let mut clock = Stopwatch::start();
    let results = run.results()?;
    for product in work.late(options.seed) {
        run.make(product, &results)?;
    }
    clock.lap("total");
    run.timings.add("total of the last run", "", options.seed, clock.laps()[0].1);
    // Drawn again is not done again.
    if !options.redraw {
        run.timings.save(&data::provenance(options.profile, options.seed))?;
    }
    Ok(Summary::new(results, &work.products, &run.timings, [run.data, run.figures]))
}

struct Run<'a> {
    options: &'a ReproduceOptions,
    progress: &'a mut dyn FnMut(Progress),
    work: &'a RunPlan,
    data: PathBuf,
    figures: PathBuf,
    store: Store,
    timings: Timings,
    piece: usize,
    pieces: usize,
    _locks: Vec<FolderLock>,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a ReproduceOptions,
        work: &'a RunPlan,
        progress: &'a mut dyn FnMut(Progress),
    ) -> Result<Self, ExperimentError> {
        let folder = |base: &PathBuf| base.join(options.profile.name());
        let (data, figures) = (folder(&options.data), folder(&options.figures));
        // Shards may share a folder: each unit has a lock of its own.
        let lock = if options.shard.is_some() { FolderLock::share } else { FolderLock::take };
        let mut locks = vec![lock(&data)?];
        if options.data != options.figures {
            locks.push(lock(&figures)?);
        }
        for folder in ["trajectories", "results"] {
            make_folder(&data.join(folder))?;
        }
        let store = Store::new(data.join("checkpoints"))?;
        let timings = Timings::new(data.join("results/timings.parquet"));
        let pieces = work.units.len()
            + work.noise.len()
            + work.early().len()
            + work.late(options.seed).len();
        Ok(Self {
            options,
            progress,
            work,
            data,
            figures,
            store,
            timings,
            piece: 0,
            pieces,
            _locks: locks,
        })
    }

    /// # Errors
    /// [`ExperimentError::Stopped`].
    fn go_on(&self) -> Result<(), ExperimentError> {
        if self.options.stop.load(Ordering::Relaxed) {
            Err(ExperimentError::Stopped)
        } else {
            Ok(())
        }
    }

    fn begin(&mut self, name: &str) {
        self.piece += 1;
        let (number, of, name) = (self.piece, self.pieces, name.to_owned());
        (self.progress)(Progress::Piece { number, of, name });
    }

    /// Data and models of all seeds. Explicit models come first, and what can be made of them:
    /// they take seconds, networks take minutes.
    fn results(&mut self) -> Result<Results, ExperimentError> {
        let ReproduceOptions { profile, seed, .. } = *self.options;
        let mut results =
            Results { profile, seed, data: None, models: Vec::new(), noise: Vec::new() };
        if !self.work.units.is_empty()
            || !self.work.noise.is_empty()
            || self.work.products.contains(&Artefact::Trajectories)
        {
            results.data = Some(self.generate(Preset::ReferenceCode, seed)?);
        }
        let (first, others): (Vec<UnitId>, Vec<UnitId>) =
            self.work.in_order().into_iter().partition(|unit| unit.is_first(seed));
        self.units(&first, &mut results)?;
        for product in self.work.early() {
            self.make(product, &results)?;
        }
        self.units(&others, &mut results)?;
        if let Some(data) = &results.data {
            results.noise = self
                .work
                .noise
                .iter()
                .map(|&id| Ok((id, self.noisy_unit(id, data)?)))
                .collect::<Result<_, ExperimentError>>()?;
        }
        Ok(results)
    }

    /// Does units and puts them where they belong among the results.
    fn units(&mut self, units: &[UnitId], results: &mut Results) -> Result<(), ExperimentError> {
        let mut others: Vec<Data> = Vec::new();
        for &unit in units {
            let fits = |data: &&Data| (data.preset, data.seed) == (unit.preset, unit.seed);
            if results.data.iter().chain(&others).find(fits).is_none() {
                others.retain(|data| data.seed == unit.seed);
                others.push(self.generate(unit.preset, unit.seed)?);
            }
            if let Some(data) = results.data.iter().chain(&others).find(fits) {
                let done = self.unit(unit, data)?;
                if let (Some(text), true) = (law_text(&done), unit.seed == self.options.seed) {
                    (self.progress)(Progress::Found { text });
                }
                results.models.push(done);
            }
        }
        let place = |done: &Done| {
            let Done { learner, preset, seed, .. } = *done;
            self.work.units.iter().position(|unit| *unit == UnitId { learner, preset, seed })
        };
        results.models.sort_by_key(place);
        Ok(())
    }

    fn generate(&mut self, preset: Preset, seed: u64) -> Result<Data, ExperimentError> {
        (self.progress)(Progress::stage(format!("data, {}, seed {seed}", preset.name())));
        let mut clock = Stopwatch::start();
        let data = data::generate(preset, self.options.profile, seed)?;
        clock.lap("data");
        self.timings.add("data", preset.name(), seed, clock.laps()[0].1);
        Ok(data)
    }

    /// A model from disk or, if it is not there, trained.
    fn unit(&mut self, unit: UnitId, data: &Data) -> Result<Done, ExperimentError> {
        self.go_on()?;
        self.begin(&unit.name());
        let profile = self.options.profile;
        let key = models::key(data, profile, unit.learner);
        let (progress, stop) = (&mut *self.progress, &*self.options.stop);
        let Finished { piece, seconds, made } =
            self.store.finished(&unit.name(), &key, |checkpoints, clock| {
                let saving = Saving { path: checkpoints, key: &key, stop: Some(stop) };
                models::unit(unit.learner, profile, data, saving, progress, clock)
            })?;
        for (phase, seconds) in &seconds {
            self.timings.add(phase, &unit.model(), unit.seed, *seconds);
        }
        if made {
            self.timings.save(&data::provenance(self.options.profile, self.options.seed))?;
        }
        Ok(Done {
            learner: unit.learner,
            preset: unit.preset,
            seed: unit.seed,
            unit: piece,
            seconds,
        })
    }

    /// A fit to noisy data, likewise.
    fn noisy_unit(&mut self, id: NoiseId, data: &Data) -> Result<NoisyUnit, ExperimentError> {
        self.go_on()?;
        self.begin(&id.name());
        let progress = &mut *self.progress;
        let Finished { piece, seconds, .. } =
            self.store.finished(&id.name(), &id.key(data), |_, clock| {
                noise::unit(id, data, progress, clock)
            })?;
        for (phase, seconds) in &seconds {
            self.timings.add(
                phase,
                &format!("{}-{}", id.model.name(), id.percent),
                id.seed,
                *seconds,
            );
        }
        Ok(piece)
    }

    fn make(&mut self, product: Artefact, results: &Results) -> Result<(), ExperimentError> {
        self.go_on()?;
        self.begin(product.name());
        let mut clock = Stopwatch::start();
        let stem = if product.is_figure() {
            self.figures.join(product.name())
        } else {
            self.data.join("results")
        };
        match product {
            Artefact::Trajectories => self.write_trajectories(results)?,
            Artefact::Training => tables::training(results, &stem)?,
            Artefact::Trainings => tables::trainings(results, &stem)?,
            Artefact::RolloutErrors => tables::rollout_errors(results, &stem)?,
            Artefact::ErrorQuantiles => tables::error_quantiles(results, &stem)?,
            Artefact::Table1 => tables::table1(results, &stem)?,
            Artefact::Recovered => tables::recovered(results, &stem)?,
            Artefact::Noise => {
                tables::noise(results, &stem)?;
                figures::noise(results, &self.figures.join(product.name()))?;
            }
            Artefact::Transfer => {
                transfer_results::transfer_table(results, &stem)?;
                transfer_results::transfer_figure(results, &self.figures.join(product.name()))?;
            }
            Artefact::Figure1 => figures::figure1(results.seed, &stem)?,
            Artefact::Figure2 => figures::figure2(&stem)?,
            Artefact::Figure3 => {
                let table = self.data.join("results").join(tables::ERROR_QUANTILES);
                let rows = match self.options.redraw {
                    true => read_error_quantiles(&table)?,
                    false => tables::error_quantile_rows(results),
                };
                figure3::figure3(&rows, results.profile, &stem)?;
            }
            Artefact::PhaseSpace => figures::phase_space(results, &stem)?,
            Artefact::TrainingHistory => figures::training_history(results, &stem)?,
            Artefact::ErrorSeconds => figures::error_seconds(results, &stem)?,
        }
        clock.lap("tables and figures");
        self.timings.add(
            "tables and figures",
            product.name(),
            self.options.seed,
            clock.laps()[0].1,
        );
        Ok(())
    }

    fn write_trajectories(&self, results: &Results) -> Result<(), ExperimentError> {
        let Some(data) = &results.data else { return Ok(()) };
        for (name, table) in
            [("train", &data.train), ("validation", &data.validation), ("test", &data.test)]
        {
            write_table(&self.data.join(format!("trajectories/{name}.parquet")), table)?;
        }
        Ok(())
    }
}
