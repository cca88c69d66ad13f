//! A whole run: data, models, tables, figures.

use std::path::PathBuf;

use super::data::{self, Data, Preset};
use super::models::{self, Learner, Unit};
use super::store::{Store, make_folder};
use super::summary::Summary;
use super::timings::{Stopwatch, Timings};
use super::{Error, Product, Profile, figures, tables};
use crate::dataset::write_table;

/// What to do and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size.
    pub profile: Profile,
    /// Tables and figures to make; all of them if none is named.
    pub only: Vec<Product>,
    /// Folder whose subfolder of the profile's name takes data and tables.
    pub data: PathBuf,
    /// Folder whose subfolder of the profile's name takes figures.
    pub figures: PathBuf,
    /// The first seed.
    pub seed: u64,
}

/// Someone who watches a run.
pub trait Watch {
    /// Piece `number` (from 1) of `of` begins.
    fn piece(&mut self, number: usize, of: usize, name: &str);
    /// What goes on within the piece.
    fn detail(&mut self, text: &str);
}

/// Nobody watches.
impl Watch for () {
    fn piece(&mut self, _: usize, _: usize, _: &str) {}
    fn detail(&mut self, _: &str) {}
}

/// A model of one seed.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which model.
    pub learner: Learner,
    /// System that it learned.
    pub preset: Preset,
    /// Seed of its data.
    pub seed: u64,
    /// The trained model and its test.
    pub unit: Unit,
}

/// What tables and figures are made of.
#[derive(Clone, Debug)]
pub struct Results {
    /// Size.
    pub profile: Profile,
    /// The first seed.
    pub seed: u64,
    /// The first seed's data, if any were needed.
    pub data: Option<Data>,
    /// Models by seed, in the order of [`Learner::ALL`]; then, of each seed, the closed form of the preset [`Preset::Paper`].
    pub models: Vec<Done>,
}

impl Results {
    /// The models of the preset that Table 1 is about.
    pub fn of_table1(&self) -> impl Iterator<Item = &Done> {
        self.models.iter().filter(|done| done.preset == Preset::ReferenceCode)
    }
}

/// Makes the tables and figures that are asked for. Work that an earlier run finished is taken from disk.
///
/// # Errors
/// [`Error`]; what was finished before stays on disk.
pub fn reproduce(options: &Options, watch: &mut dyn Watch) -> Result<Summary, Error> {
    let wanted = |product: Product| options.only.is_empty() || options.only.contains(&product);
    let products: Vec<Product> = Product::ALL.into_iter().filter(|product| wanted(*product)).collect();
    let mut run = Run::new(options, &products, watch)?;
    let mut clock = Stopwatch::start();
    let results = run.results()?;
    for &product in &products {
        run.make(product, &results)?;
    }
    clock.lap("total");
    run.timings.add("total of the last run", "", options.seed, clock.laps()[0].1);
    run.timings.save(&data::provenance(options.profile, options.seed))?;
    Ok(Summary::new(results, &products, &run.timings, [run.data, run.figures]))
}

struct Run<'a> {
    options: &'a Options,
    watch: &'a mut dyn Watch,
    products: &'a [Product],
    data: PathBuf,
    figures: PathBuf,
    store: Store,
    timings: Timings,
    piece: usize,
    pieces: usize,
}

impl<'a> Run<'a> {
    fn new(options: &'a Options, products: &'a [Product], watch: &'a mut dyn Watch) -> Result<Self, Error> {
        let folder = |base: &PathBuf| base.join(options.profile.name());
        let (data, figures) = (folder(&options.data), folder(&options.figures));
        for folder in [data.join("trajectories"), data.join("results"), figures.clone()] {
            make_folder(&folder)?;
        }
        let store = Store::new(data.join("checkpoints"))?;
        let timings = Timings::new(data.join("results/timings.parquet"));
        let mut run = Self { options, watch, products, data, figures, store, timings, piece: 0, pieces: 0 };
        let of_seed = 1 + run.learners().len() + 2 * usize::from(run.wants_both_presets());
        run.pieces = if run.needs_data() { options.profile.seeds() as usize * of_seed } else { 0 } + products.len();
        Ok(run)
    }

    fn learners(&self) -> &'static [Learner] {
        if self.products.iter().any(|product| product.needs_models()) {
            &Learner::ALL
        } else if self.wants_both_presets() {
            &[Learner::ClosedForm]
        } else {
            &[]
        }
    }

    fn wants_both_presets(&self) -> bool {
        self.products.contains(&Product::Recovered)
    }

    fn needs_data(&self) -> bool {
        !self.learners().is_empty() || self.products.contains(&Product::Trajectories)
    }

    fn begin(&mut self, name: &str) {
        self.piece += 1;
        self.watch.piece(self.piece, self.pieces, name);
    }

    /// Data and models of all seeds.
    fn results(&mut self) -> Result<Results, Error> {
        let Options { profile, seed, .. } = *self.options;
        let mut results = Results { profile, seed, data: None, models: Vec::new() };
        if !self.needs_data() {
            return Ok(results);
        }
        for seed in (0..profile.seeds()).map(|k| seed.wrapping_add(k)) {
            let data = self.generate(Preset::ReferenceCode, seed)?;
            for &learner in self.learners() {
                results.models.push(self.unit(learner, &data)?);
            }
            results.data.get_or_insert(data);
            if self.wants_both_presets() {
                let data = self.generate(Preset::Paper, seed)?;
                results.models.push(self.unit(Learner::ClosedForm, &data)?);
            }
        }
        Ok(results)
    }

    fn generate(&mut self, preset: Preset, seed: u64) -> Result<Data, Error> {
        self.begin(&format!("data, {}, seed {seed}", preset.name()));
        let mut clock = Stopwatch::start();
        let data = data::generate(preset, self.options.profile, seed)?;
        clock.lap("data");
        self.timings.add("data", preset.name(), seed, clock.laps()[0].1);
        Ok(data)
    }

    /// A model from disk or, if it is not there, trained.
    fn unit(&mut self, learner: Learner, data: &Data) -> Result<Done, Error> {
        let Data { preset, seed, .. } = *data;
        let name = match preset {
            Preset::ReferenceCode => learner.name().to_string(),
            Preset::Paper => format!("{}-{}", learner.name(), preset.name()),
        };
        self.begin(&format!("{}, {}, seed {seed}", learner.label(), preset.name()));
        let key = models::key(data, learner);
        let mut clock = Stopwatch::start();
        let (watch, clock_in) = (&mut *self.watch, &mut clock);
        let (unit, made) = self.store.finished(&format!("{name}-seed{seed}"), &key, |checkpoints| {
            models::unit(learner, data, (checkpoints, &key), &mut |text| watch.detail(text), clock_in)
        })?;
        if made {
            for (phase, seconds) in clock.laps() {
                self.timings.add(phase, &name, seed, *seconds);
            }
            self.timings.save(&data::provenance(self.options.profile, self.options.seed))?;
        }
        Ok(Done { learner, preset, seed, unit })
    }

    fn make(&mut self, product: Product, results: &Results) -> Result<(), Error> {
        self.begin(product.name());
        let mut clock = Stopwatch::start();
        let stem = if product.is_figure() { self.figures.join(product.name()) } else { self.data.join("results") };
        match product {
            Product::Trajectories => self.write_trajectories(results)?,
            Product::Training => tables::training(results, &stem)?,
            Product::RolloutErrors => tables::rollout_errors(results, &stem)?,
            Product::ErrorQuantiles => tables::error_quantiles(results, &stem)?,
            Product::Table1 => tables::table1(results, &stem)?,
            Product::Recovered => tables::recovered(results, &stem)?,
            Product::Figure1 => figures::figure1(results.seed, &stem)?,
            Product::Figure2 => figures::figure2(&stem)?,
            Product::Figure3 => figures::figure3(results, &stem)?,
            Product::PhaseSpace => figures::phase_space(results, &stem)?,
            Product::TrainingHistory => figures::training_history(results, &stem)?,
        }
        clock.lap("tables and figures");
        self.timings.add("tables and figures", product.name(), self.options.seed, clock.laps()[0].1);
        Ok(())
    }

    fn write_trajectories(&self, results: &Results) -> Result<(), Error> {
        let Some(data) = &results.data else { return Ok(()) };
        for (name, table) in [("train", &data.train), ("validation", &data.validation), ("test", &data.test)] {
            write_table(&self.data.join(format!("trajectories/{name}.parquet")), table)?;
        }
        Ok(())
    }
}
