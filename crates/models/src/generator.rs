//! The generator's facade: from an intent and a plan to a take.
//!
//! A take is made in three stages: *compose* writes a score (one ONNX step graph per track), *perform* turns score and
//! patch into codec tokens, *decode* renders score and tokens to audio.

mod again;
mod arrange;
mod bias;
mod cache;
mod choice;
mod colour;
mod compose;
pub mod condition;
mod critic;
mod draft;
mod figure;
mod gap;
#[cfg(test)]
mod golden;
mod groove;
mod groups;
mod lean;
mod level;
mod random;
mod render;
pub mod rules;
pub mod sampling;
mod shape;
pub mod tokens;
mod turns;
mod verify;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use self::arrange::Arrangement;
pub use self::cache::ComposeCost;
use self::cache::{IdleThread, ModelCache, loaded, lock};
use self::draft::Written;
pub(crate) use self::groove::composed;
use self::render::{Decoding, Material};
use crate::bundle::manifest::{GraphRecord, TrackRecord};
use crate::bundle::{Bundle, BundleError, Patch, PatchExcitation};
use crate::runtime::{
    ModelError, Network, Placement, ProviderChoice, ProviderStatus, Runtime, RuntimeError, StepNetwork,
    UnknownProvider,
};
use crate::text::{OpenTextError, TextModel};
use crate::worker;
use resonantgen_music::plan::{BARS_RANGE, BPM_RANGE};
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_sound::codec::filter::SpectralFilter;
use resonantgen_sound::codec::timeline::Timeline;
use resonantgen_sound::measure::Measures;
use resonantgen_take::maker::{BundleFacts, Candidate, Made, Maker, PerformanceRequest};
pub use resonantgen_take::maker::{GenerateError, Observer, Silent, Stage, TakeRequest};
use resonantgen_take::{FULL_SCALE, Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, Tokens};
use resonantgen_words::{Sense, TextUnderstanding};

/// Where an [`Engine`] finds its files, and how much of the machine it may use.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Folder of the model bundle.
    pub bundle_dir: PathBuf,
    /// ONNX Runtime library; `None` searches in the environment variable `RESONANTGEN_RUNTIME`, next to the executable or
    /// plugin, and in `.setup/onnxruntime/`.
    pub runtime_library: Option<PathBuf>,
    /// Number of inference threads, at least 1. The result does not depend on it.
    pub threads: usize,
    /// Where networks run. [`ProviderChoice::Auto`] leaves it to the environment variable `RESONANTGEN_PROVIDER`, or otherwise
    /// to a measurement.
    pub provider: ProviderChoice,
    /// Unload networks that were not used for this long; the next take loads them again. `None` keeps them until the engine is
    /// dropped.
    pub unload_after: Option<Duration>,
}

/// Maximum useful number of inference threads: the networks are small, and a host needs the other cores.
const MOST_THREADS: usize = 4;
/// Default time after which unused networks are unloaded.
const UNLOAD_AFTER: Duration = Duration::from_secs(15 * 60);

impl EngineOptions {
    /// The defaults for the bundle in `bundle_dir`: as many threads as cores, up to four; automatic choice of the provider;
    /// networks are unloaded after a quarter of an hour without use.
    #[must_use]
    pub fn new(bundle_dir: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            bundle_dir: bundle_dir.into(),
            runtime_library: None,
            threads: cores.min(MOST_THREADS),
            provider: ProviderChoice::Auto,
            unload_after: Some(UNLOAD_AFTER),
        }
    }

    /// The defaults, overridden by the environment: `RESONANTGEN_THREADS` (1 or more) and `RESONANTGEN_UNLOAD_MINUTES` (0 keeps
    /// networks loaded). `RESONANTGEN_PROVIDER` is read by [`Engine::open`].
    ///
    /// # Errors
    /// Returns an error if a variable is not such a number.
    pub fn with_environment(bundle_dir: impl Into<PathBuf>) -> Result<Self, EnvironmentError> {
        let mut options = Self::new(bundle_dir);
        if let Some(threads) = number("RESONANTGEN_THREADS", 1)? {
            options.threads = threads as usize;
        }
        if let Some(minutes) = number("RESONANTGEN_UNLOAD_MINUTES", 0)? {
            options.unload_after = (minutes > 0).then(|| Duration::from_secs(60 * u64::from(minutes)));
        }
        Ok(options)
    }
}

/// An environment variable has an invalid value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {found:?}: use a whole number from {least} on, or leave it out")]
pub struct EnvironmentError {
    variable: &'static str,
    found: String,
    least: u16,
}

/// The number in a variable; `None` if it is not set.
fn number(variable: &'static str, least: u16) -> Result<Option<u16>, EnvironmentError> {
    let Some(found) = std::env::var_os(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
    let found = found.to_string_lossy().into_owned();
    match found.trim().parse() {
        Ok(number) if number >= least => Ok(Some(number)),
        _ => Err(EnvironmentError { variable, found, least }),
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self::new(PathBuf::new())
    }
}

/// Why the engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenEngineError {
    /// The model bundle is missing or damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The runtime library is missing or unusable.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The environment variable `RESONANTGEN_PROVIDER` does not name a provider.
    #[error("RESONANTGEN_PROVIDER: {0}")]
    Provider(#[from] UnknownProvider),
}

/// Why a network failed, as the reason why a take could not be made.
fn failed(track: Track, source: ModelError) -> GenerateError {
    match source {
        ModelError::Cancelled => GenerateError::Cancelled,
        source => GenerateError::Model { track, source: source.into() },
    }
}

/// The recipe of a request, with the models of the given bundle.
fn recipe(request: &TakeRequest<'_>, bundle_id: &str) -> Recipe {
    let parent = bias::parent(request).map(|take| &take.id);
    let is_heard = |take: &&Arc<Take>| take.recipe.track != request.track || Some(&take.id) == parent;
    let mut context: Vec<_> = request.context.iter().filter(is_heard).collect();
    context.sort_by_key(|take| take.recipe.track);
    Recipe {
        track: request.track,
        prompt: request.prompt.to_owned(),
        intent: request.intent.clone(),
        plan: request.plan.clone(),
        seed: request.seed,
        settings: request.settings,
        bundle_id: bundle_id.to_owned(),
        context: context.into_iter().map(|take| take.id.clone()).collect(),
        imported: None,
        held_patch: request.patch.map(ToOwned::to_owned),
        taken_over: None,
    }
}

/// The generators of one bundle. Share it by [`Arc`]; networks are loaded when they are first needed.
#[derive(Debug)]
pub struct Engine {
    bundle: Bundle,
    runtime: Arc<Runtime>,
    placement: Arc<Placement>,
    threads: usize,
    cache: Arc<ModelCache>,
    /// Returns memory after work, and unloads idle networks.
    _idle_thread: IdleThread,
    text: OnceLock<Result<TextModel, OpenTextError>>,
}

impl Engine {
    /// Checks the bundle's manifest and hashes, and opens the runtime. No network is loaded yet.
    ///
    /// ```no_run
    /// use resonantgen_models::generator::{Engine, EngineOptions};
    ///
    /// let engine = Engine::open(&EngineOptions { threads: 2, ..EngineOptions::new("models/resonant") })?;
    /// println!("{}", engine.bundle().licence());
    /// # Ok::<(), resonantgen_models::generator::OpenEngineError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the bundle or the runtime is missing, damaged or of another version; the message says what to do.
    pub fn open(options: &EngineOptions) -> Result<Self, OpenEngineError> {
        let bundle = Bundle::open(&options.bundle_dir)?;
        let runtime = Runtime::open(options.runtime_library.as_deref())?;
        let placement = Arc::new(Placement::new(Arc::clone(&runtime), options.provider.or_environment()?));
        let cache = Arc::new(ModelCache::default());
        let idle_thread = IdleThread::start(&cache, options.unload_after);
        Ok(Self {
            bundle,
            runtime,
            placement,
            threads: options.threads.max(1),
            cache,
            _idle_thread: idle_thread,
            text: OnceLock::new(),
        })
    }

    /// The bundle in use.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The bundle's sentence model, opened with the first call.
    ///
    /// # Errors
    /// Returns an error if the model is missing or damaged. Prompts are then understood by their words alone.
    pub fn text(&self) -> Result<&TextModel, &OpenTextError> {
        let open = || TextModel::open(&TextModel::folder_of(self.bundle.folder()), Arc::clone(&self.runtime));
        self.text.get_or_init(open).as_ref()
    }

    /// The runtime in use.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Which providers are in use, and why others are not. Networks are placed when they are loaded, so the answer for a stage is
    /// final only after its first run. May take a second if a provider has to be started.
    #[must_use]
    pub fn providers(&self) -> Vec<ProviderStatus> {
        self.placement.statuses()
    }

    /// Loads all networks that are not loaded yet, so that the next take does not have to.
    ///
    /// # Errors
    /// Returns an error if a network cannot be loaded.
    pub fn load_networks(&self) -> Result<(), ModelError> {
        let _in_use = self.cache.hold();
        for track in Track::ALL {
            let (record, networks) = (self.bundle.manifest().track(track), &self.cache.tracks[track.index()]);
            networks.composing(|| self.load_composer(track), |_| Ok(()))?;
            loaded(&mut lock(&networks.perform), || self.load(&record.perform, Stage::Perform))?;
            loaded(&mut lock(&networks.decode), || self.load(&record.decode, Stage::Decode))?;
        }
        Ok(())
    }

    /// Unloads all networks that are not running; the next take loads those it needs.
    pub fn unload_networks(&self) {
        self.cache.unload();
    }

    /// What a track's composers have written since the engine was opened.
    #[must_use]
    pub fn composed(&self, track: Track) -> ComposeCost {
        self.cache.tracks[track.index()].composed()
    }

    /// Number of networks in memory; several composers of one track count once. Waits for those that are running.
    #[must_use]
    pub fn networks_loaded(&self) -> usize {
        self.cache.count()
    }

    /// Makes one take. The same request gives the same take, to the bit, on the same machine.
    ///
    /// # Errors
    /// Returns [`GenerateError::Cancelled`] soon after the observer cancels; other errors name the model and the cause.
    pub fn generate_take(
        &self,
        request: &TakeRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        let draft = self.draft(request, 1, observer)?;
        self.sounded(request, draft, observer).map(|made| Arc::unwrap_or_clone(made.take))
    }

    /// Sketches what [`Engine::generate_take`] would write for the request: patch and score, without audio ([`Take::is_asleep`]).
    /// Costs a fraction of a take. If the finished take would fail a measurement, it may be moved by octaves or get another
    /// patch, which a sketch does not predict.
    ///
    /// # Errors
    /// Returns the same errors as [`Engine::generate_take`].
    pub fn sketch(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        let track = request.track;
        check(request).map_err(|reason| GenerateError::Request { track, reason })?;
        let _in_use = self.cache.hold();
        let written = self.written(request, observer).map_err(|source| failed(track, source))?;
        Ok(written.sketch)
    }

    /// Performs what was written for a request, verified.
    fn performed(
        &self,
        request: &TakeRequest<'_>,
        written: Written,
        observer: &dyn Observer,
    ) -> Result<Take, ModelError> {
        let track = request.track;
        let record = self.bundle.manifest().track(track);
        let Written { sketch, tries, .. } = written;
        let mut timings = sketch.timings;
        let patch = self.bundle.patches(track).find(|patch| patch.id == sketch.patch);
        let Some(patch) = patch.filter(|_| !sketch.score.notes.is_empty()) else {
            return Ok(self.silent(request, &sketch.patch, timings, observer));
        };
        let (mut patch, mut score) = (patch, sketch.score);
        let mut best: Option<(f32, Take)> = None;
        for rendering in 1..=verify::RENDERINGS {
            let (tokens, audio) = self.render(request, record, patch, &score, &mut timings, observer)?;
            let audio = self.spliced(request, patch, audio);
            let measuring = Instant::now();
            let mut measures = Measures::new(track, request.plan, &score.notes, &audio);
            timings.decode += measuring.elapsed().as_secs_f64();
            measures.candidates = tries + rendering - 1;
            let (shortfall, failures) = (measures.shortfall(), measures.failures());
            if best.as_ref().is_none_or(|(least, _)| shortfall < *least) {
                let sound = (tokens, audio, measures);
                best = Some((shortfall, self.finished(request, &patch.id, score.clone(), sound, timings)));
            }
            match verify::remedy(request, &score.notes, &failures) {
                None => break,
                Some(verify::Remedy::Octaves(octaves)) => score = verify::moved(&score, octaves),
                Some(verify::Remedy::OtherPatch) => {
                    match choice::choose_patch(&self.bundle, request, Some(&patch.id)) {
                        Some(other) => patch = other,
                        None => break,
                    }
                }
            }
        }
        let (_, take) = best.expect("at least one was rendered");
        offer(&take, observer);
        Ok(take)
    }

    /// Splices new bars into the parent's audio, if the request keeps it.
    fn spliced(&self, request: &TakeRequest<'_>, patch: &Patch, audio: StemAudio) -> StemAudio {
        let new_bars = shape::shape(request)
            .filter(|shape| shape.keeps_sound)
            .and_then(|shape| shape.new_bars.as_deref());
        let parent = bias::parent(request).filter(|parent| parent.patch == patch.id);
        let splice = new_bars
            .zip(parent)
            .and_then(|(new_bars, parent)| shape::spliced(request.plan, new_bars, &parent.audio, &audio));
        splice.unwrap_or(audio)
    }

    /// Performs and decodes a score.
    fn render(
        &self,
        request: &TakeRequest<'_>,
        record: &TrackRecord,
        patch: &Patch,
        score: &Score,
        timings: &mut StageSeconds,
        observer: &dyn Observer,
    ) -> Result<(Tokens, StemAudio), ModelError> {
        let track = request.track;
        let start = Instant::now();
        observer.progress(track, Stage::Perform, 0.0);
        if let PatchExcitation::Kit(kit) = &patch.excitation {
            // Stems made from parameters have no codes.
            observer.progress(track, Stage::Perform, 1.0);
            observer.progress(track, Stage::Decode, 0.0);
            let arrangement = Arrangement::new(request, &score.notes, kit.room > 0.0);
            let sound = (render::tilt(bias::change(request)), &arrangement);
            let kit = (kit.as_ref(), self.bundle.hits());
            let audio = render::play_kit(request, score, kit, sound, self.threads, observer)?;
            let audio = shape::cut(request, audio);
            timings.decode += start.elapsed().as_secs_f64();
            observer.progress(track, Stage::Decode, 1.0);
            return Ok((Tokens::default(), audio));
        }
        if let PatchExcitation::Notes(instrument) = &patch.excitation {
            observer.progress(track, Stage::Perform, 1.0);
            observer.progress(track, Stage::Decode, 0.0);
            let arrangement = Arrangement::new(request, &score.notes, false);
            let sound = (render::tilt(bias::change(request)), &arrangement);
            let instrument = (instrument.as_ref(), self.bundle.hits());
            let audio = render::play_notes(request, score, instrument, sound, self.threads, observer)?;
            timings.decode += start.elapsed().as_secs_f64();
            observer.progress(track, Stage::Decode, 1.0);
            return Ok((Tokens::default(), audio));
        }
        let is_cancelled = || observer.is_cancelled();
        let material = Material::new(request, score, shape::rendered_frames(request));
        let attributes = &request.intent.track(track).attributes;
        let perform = || {
            let mut slot = lock(&self.cache.tracks[track.index()].perform);
            let network = loaded(&mut slot, || self.load(&record.perform, Stage::Perform))?;
            let codes = render::perform(network, &material, patch, attributes, &is_cancelled)?;
            observer.progress(track, Stage::Perform, 1.0);
            Ok(codes)
        };
        let (codes, streams) = if self.threads < 2 {
            (perform()?, material.streams(request, patch, &is_cancelled)?)
        } else {
            std::thread::scope(|scope| {
                let streams = worker::spawn(scope, || material.streams(request, patch, &is_cancelled));
                let codes = perform()?;
                // Propagate a panic in the excitation: it is a bug here, not an error of the model.
                let streams = streams.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Ok((codes, streams))
            })?
        };
        let performed = Instant::now();
        timings.perform += (performed - start).as_secs_f64();

        observer.progress(track, Stage::Decode, 0.0);
        let networks = &self.cache.tracks[track.index()];
        let mut slot = lock(&networks.decode);
        let network = loaded(&mut slot, || self.load(&record.decode, Stage::Decode))?;
        let decoding = Decoding {
            track,
            material: &material,
            filter: networks.filter.get_or_init(|| SpectralFilter::new(record.transform)),
            streams: &streams,
            codes: &codes,
            codebooks: record.codebooks,
            patch,
            tilt: render::tilt(bias::change(request)),
            arrangement: &Arrangement::new(request, &score.notes, false),
        };
        let audio = shape::cut(request, decoding.decode(network, self.threads, observer)?);
        timings.decode += performed.elapsed().as_secs_f64();
        let timeline = Timeline::new(request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
        let kept = timeline.loop_codec_frames();
        Ok((render::loop_tokens(&codes, record.codebooks, &material.timeline, kept), audio))
    }

    fn load_composer(&self, track: Track) -> Result<StepNetwork, ModelError> {
        let record = self.bundle.manifest().track(track);
        self.placement.keep_on_cpu(Stage::Compose.name());
        StepNetwork::load(
            &self.runtime,
            self.bundle.folder(),
            &record.compose,
            record.cache,
            tokens::vocabulary(track),
            record.condition,
        )
    }

    fn load(&self, record: &GraphRecord, stage: Stage) -> Result<Network, ModelError> {
        let folder = self.bundle.folder();
        let mut network = Network::placed(&self.runtime, folder, record, &self.placement, stage.name())?;
        if stage == Stage::Perform {
            network.return_memory();
        }
        Ok(network)
    }

    /// A silent take.
    fn silent(
        &self,
        request: &TakeRequest<'_>,
        patch: &str,
        timings: StageSeconds,
        observer: &dyn Observer,
    ) -> Take {
        let samples = request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
        let audio = StemAudio { left: vec![0; samples], right: vec![0; samples] };
        let measures = Measures::new(request.track, request.plan, &[], &audio);
        let sound = (Tokens::default(), audio, measures);
        let take = self.finished(request, patch, Score::default(), sound, timings);
        offer(&take, observer);
        take
    }

    /// Assembles a take.
    fn finished(
        &self,
        request: &TakeRequest<'_>,
        patch: &str,
        score: Score,
        (tokens, audio, measures): (Tokens, StemAudio, Measures),
        timings: StageSeconds,
    ) -> Take {
        let recipe = recipe(request, self.bundle.id());
        Take {
            id: recipe.take_id(),
            recipe,
            patch: patch.to_owned(),
            score,
            tokens,
            audio: Arc::new(audio),
            timings,
            measures: Some(measures),
        }
    }
}

impl Maker for Engine {
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        self.generate_take(request, observer)
    }

    fn make_in_turn(
        &self,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        Self::make_in_turn(self, requests, candidates, observer)
    }

    fn make_groups(
        &self,
        groups: &[Vec<TakeRequest<'_>>],
        begin: &(dyn Fn(usize) + Sync),
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<Made>>, GenerateError> {
        Self::make_groups(self, groups, begin, observer)
    }

    fn finish(
        &self,
        candidate: &Candidate,
        context: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        Self::finish(self, candidate, context, observer)
    }

    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        Self::perform(self, request, observer)
    }

    fn bundle(&self) -> BundleFacts {
        BundleFacts { id: self.bundle.id().to_owned(), licence: self.bundle.licence().to_owned() }
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        Some(self)
    }
}

impl TextUnderstanding for Engine {
    fn sense(&self, text: &str) -> Option<Sense> {
        self.text().ok()?.sense(text)
    }
}

/// Passes a take's audio to the observer in parts, and reports completion.
fn offer(take: &Take, observer: &dyn Observer) {
    const PART: usize = 4 * TAKE_SAMPLE_RATE_HZ as usize;
    let track = take.recipe.track;
    let floats =
        |samples: &[i32]| samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect::<Vec<_>>();
    let parts = take.audio.left.chunks(PART).zip(take.audio.right.chunks(PART));
    for (index, (left, right)) in parts.enumerate() {
        observer.audio(track, index * PART, &floats(left), &floats(right));
    }
    for stage in Stage::ALL {
        observer.progress(track, stage, 1.0);
    }
}
/// Validates a request; the error says what is wrong.
fn check(request: &TakeRequest<'_>) -> Result<(), String> {
    let plan = request.plan;
    if !BPM_RANGE.contains(&plan.bpm) {
        return Err(format!("{} bpm, allowed is {} to {}", plan.bpm, BPM_RANGE.start(), BPM_RANGE.end()));
    }
    if !BARS_RANGE.contains(&plan.bars) {
        return Err(format!("{} bars, allowed is {} to {}", plan.bars, BARS_RANGE.start(), BARS_RANGE.end()));
    }
    if plan.chords.len() != 2 * plan.bars as usize {
        return Err(format!("{} chords, {} half bars need one each", plan.chords.len(), 2 * plan.bars));
    }
    if let Some((what, value)) = request.settings.out_of_range() {
        return Err(format!("{what} is {value}, allowed is 0 to 1"));
    }
    Ok(())
}
