//! A stateless network: one run per call.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef};

use super::placement::{Placed, Placement, Subject};
use super::provider::{self, Provider};
use super::{ModelError, Runtime};
use crate::bundle::manifest::{Dimension, ElementType, GraphRecord, TensorSpec};
use crate::worker;

/// Interval at which a running network checks for cancellation.
const CANCEL_POLL: Duration = Duration::from_millis(10);

/// Values of an input tensor, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// 32-bit floats.
    Floats(&'a [f32]),
    /// 64-bit integers.
    Integers(&'a [i64]),
}

/// A loaded network. Has one owner at a time and runs on the caller's thread.
#[derive(Debug)]
pub struct Network {
    session: Session,
    path: PathBuf,
    output: String,
    provider: Provider,
    runtime: Arc<Runtime>,
    placed: Option<(Arc<Placement>, Subject)>,
    /// The same network on another provider, until the first run shows which is faster.
    rival: Option<Box<Network>>,
    /// Whether the memory of a run is returned to the system after it.
    returns_memory: bool,
}

/// Opens the network of `record` in `folder` on `provider` and compares its signature with the record's.
pub(super) fn load(
    runtime: &Runtime,
    folder: &Path,
    record: &GraphRecord,
    provider: Provider,
) -> Result<(Session, PathBuf), ModelError> {
    let path = folder.join(&record.file.file);
    let session =
        open(runtime, &path, provider).map_err(|reason| ModelError::Load { path: path.clone(), reason })?;
    compare("input", &record.inputs, session.inputs(), &path)?;
    compare("output", &record.outputs, session.outputs(), &path)?;
    Ok((session, path))
}

fn open(runtime: &Runtime, path: &Path, provider: Provider) -> Result<Session, String> {
    let configure = || -> ort::Result<SessionBuilder> {
        Ok(Session::builder(&runtime.environment)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_optimization_level(GraphOptimizationLevel::All)?)
    };
    let builder = configure().map_err(|error| error.to_string())?;
    let mut builder = provider::register(builder, provider)?;
    builder.commit_from_file(path).map_err(|error| error.to_string())
}

fn compare(kind: &str, expected: &[TensorSpec], found: &[Outlet], path: &Path) -> Result<(), ModelError> {
    let refuse = |reason: String| ModelError::Signature { path: path.to_owned(), reason };
    for tensor in expected {
        let Some(outlet) = found.iter().find(|outlet| outlet.name() == tensor.name) else {
            return Err(refuse(format!("{kind} {tensor} is missing")));
        };
        let element = match outlet.dtype().tensor_type() {
            Some(TensorElementType::Float32) => Some(ElementType::Float32),
            Some(TensorElementType::Int64) => Some(ElementType::Int64),
            Some(TensorElementType::Int32) => Some(ElementType::Int32),
            _ => None,
        };
        let sizes: &[i64] = outlet.dtype().tensor_shape().map_or(&[], |shape| shape);
        let fits = sizes.len() == tensor.shape.len()
            && sizes.iter().zip(&tensor.shape).all(|(size, dimension)| match dimension {
                Dimension::Fixed(expected) => usize::try_from(*size) == Ok(*expected),
                Dimension::Free(_) => *size < 0,
            });
        if element != Some(tensor.element) || !fits {
            return Err(refuse(format!("{kind} {tensor} expected, found {}", outlet.dtype())));
        }
    }
    if found.len() != expected.len() {
        return Err(refuse(format!("{} {kind}s expected, found {}", expected.len(), found.len())));
    }
    Ok(())
}

impl Network {
    /// Loads the network of `record` from `folder`, to run on the CPU. It has one output.
    ///
    /// # Errors
    /// Returns an error if the file is not a network, or its tensors differ from the record's.
    pub fn load(runtime: &Arc<Runtime>, folder: &Path, record: &GraphRecord) -> Result<Self, ModelError> {
        Self::on(runtime, folder, record, Provider::Cpu)
    }

    /// Loads the network of `record` from `folder` on the provider that `placement` chooses for networks of `stage`. If that
    /// provider fails during a run, the CPU takes over.
    ///
    /// # Errors
    /// Returns an error if the file is not a network, or its tensors differ from the record's.
    pub(crate) fn placed(
        runtime: &Arc<Runtime>,
        folder: &Path,
        record: &GraphRecord,
        placement: &Arc<Placement>,
        stage: &'static str,
    ) -> Result<Self, ModelError> {
        let subject = Subject { stage, sha256: record.file.sha256.clone() };
        let placed = placement.place(&subject, |provider| Self::on(runtime, folder, record, provider))?;
        let mut network = match placed {
            Placed::On(_, network) => network,
            Placed::Undecided { cpu, other: (_, mut other) } => {
                other.placed = Some((Arc::clone(placement), subject.clone()));
                Self { rival: Some(Box::new(other)), ..cpu }
            }
        };
        network.placed = Some((Arc::clone(placement), subject));
        Ok(network)
    }

    fn on(
        runtime: &Arc<Runtime>,
        folder: &Path,
        record: &GraphRecord,
        provider: Provider,
    ) -> Result<Self, ModelError> {
        let (session, path) = load(runtime, folder, record, provider)?;
        let [output] = record.outputs.as_slice() else {
            let reason = format!("one output expected, found {}", record.outputs.len());
            return Err(ModelError::Signature { path, reason });
        };
        Ok(Self {
            session,
            path,
            output: output.name.clone(),
            provider,
            runtime: Arc::clone(runtime),
            placed: None,
            rival: None,
            returns_memory: false,
        })
    }

    /// From now on, returns each run's memory to the system instead of keeping it for the next run of that length. For
    /// networks that run once per take, on all of it.
    pub(crate) fn return_memory(&mut self) {
        self.returns_memory = true;
        if let Some(rival) = &mut self.rival {
            rival.return_memory();
        }
    }

    /// Runs the network on named inputs with their shapes; returns its output, row-major.
    ///
    /// `is_cancelled` is called from another thread while the network runs.
    ///
    /// # Errors
    /// Returns [`ModelError::Cancelled`] soon after `is_cancelled` becomes true, otherwise an error if the run fails.
    pub fn run<T: PrimitiveTensorElementType + Clone>(
        &mut self,
        inputs: &[(&str, &[usize], Input<'_>)],
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<T>, ModelError> {
        if let Some(rival) = self.rival.take() {
            return self.compete(*rival, inputs, is_cancelled);
        }
        if is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let options = self.run_options().map_err(|error| self.failure(&error))?;
        let finished = (Mutex::new(false), Condvar::new());
        let result = std::thread::scope(|scope| {
            worker::spawn(scope, || watch(&finished, &options, is_cancelled));
            let result = self.run_watched(inputs, &options);
            *finished.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            finished.1.notify_all();
            result
        });
        match result {
            Ok(values) => Ok(values),
            Err(_) if is_cancelled() => Err(ModelError::Cancelled),
            Err(error) if self.provider != Provider::Cpu => {
                self.move_to_cpu(&error)?;
                self.run(inputs, is_cancelled)
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn run_options(&self) -> ort::Result<RunOptions> {
        let mut options = RunOptions::new()?;
        if self.returns_memory && self.provider == Provider::Cpu {
            options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
        }
        Ok(options)
    }

    /// Reopens the network on the CPU, after its provider failed.
    fn move_to_cpu(&mut self, error: &ort::Error) -> Result<(), ModelError> {
        let reason = error.to_string();
        if let Some((placement, subject)) = &self.placed {
            placement.fall_back(self.provider, subject.stage, &reason);
        }
        self.session = open(&self.runtime, &self.path, Provider::Cpu)
            .map_err(|reason| ModelError::Load { path: self.path.clone(), reason })?;
        self.provider = Provider::Cpu;
        Ok(())
    }

    /// Runs the network here and on `rival`, and keeps the faster one. The first run of each is not timed: it allocates and
    /// compiles kernels. The returned output comes from the kept one, so that it can be reproduced.
    fn compete<T: PrimitiveTensorElementType + Clone>(
        &mut self,
        mut rival: Self,
        inputs: &[(&str, &[usize], Input<'_>)],
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<T>, ModelError> {
        let (placement, subject) = self.placed.clone().expect("a network with a rival was placed");
        let provider = rival.provider;
        let own = self.timed(inputs, is_cancelled);
        let other = own.is_ok().then(|| rival.timed(inputs, is_cancelled));
        if is_cancelled() {
            self.rival = Some(Box::new(rival));
            return Err(ModelError::Cancelled);
        }
        let (own_values, own_seconds) = own?;
        let (values, seconds) = match other {
            Some(Ok((values, seconds))) if rival.provider == provider => (values, Ok(seconds)),
            Some(Err(error)) => (Vec::new(), Err(error.to_string())),
            // It has already fallen back to the CPU and recorded why.
            _ => return Ok(own_values),
        };
        if placement.settle(&subject, provider, own_seconds, seconds) == Provider::Cpu {
            return Ok(own_values);
        }
        *self = Self { placed: self.placed.take(), ..rival };
        Ok(values)
    }

    /// The output of a run, and the duration of a second run in seconds.
    fn timed<T: PrimitiveTensorElementType + Clone>(
        &mut self,
        inputs: &[(&str, &[usize], Input<'_>)],
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<(Vec<T>, f64), ModelError> {
        self.run::<T>(inputs, is_cancelled)?;
        let start = Instant::now();
        let values = self.run(inputs, is_cancelled)?;
        Ok((values, start.elapsed().as_secs_f64()))
    }

    fn run_watched<T: PrimitiveTensorElementType + Clone>(
        &mut self,
        inputs: &[(&str, &[usize], Input<'_>)],
        options: &RunOptions,
    ) -> ort::Result<Vec<T>> {
        let mut values: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for (name, shape, data) in inputs {
            let value: SessionInputValue<'_> = match data {
                Input::Floats(data) => TensorRef::from_array_view((*shape, *data))?.into(),
                Input::Integers(data) => TensorRef::from_array_view((*shape, *data))?.into(),
            };
            values.push((name, value));
        }
        let outputs = self.session.run_with_options(values, options)?;
        let (_, data) = outputs[self.output.as_str()].try_extract_tensor::<T>()?;
        Ok(data.to_vec())
    }

    fn failure(&self, error: &ort::Error) -> ModelError {
        ModelError::Run { path: self.path.clone(), reason: error.to_string() }
    }
}

/// Terminates the run of `options` if `is_cancelled` becomes true before it has finished.
fn watch(finished: &(Mutex<bool>, Condvar), options: &RunOptions, is_cancelled: &(dyn Fn() -> bool + Sync)) {
    let mut done = finished.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*done {
        if is_cancelled() {
            // A run that cannot be terminated ends by itself, so an error here can be ignored.
            let _ = options.terminate();
        }
        done = finished.1.wait_timeout(done, CANCEL_POLL).unwrap_or_else(PoisonError::into_inner).0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::provider::{Library, ProviderChoice};
    use super::super::verdicts::Verdicts;
    use super::*;
    use crate::bundle::Bundle;
    use resonantgen_music::track::Track;

    /// A runtime that claims to have CUDA. The networks of these tests run on the CPU under its name.
    struct Claims;

    impl Library for Claims {
        fn includes(&self, provider: Provider) -> bool {
            provider == Provider::Cuda
        }

        fn start(&self, _: Provider) -> Result<(), String> {
            Ok(())
        }
    }

    const CODEC_FRAMES: usize = 24;

    struct Workshop {
        runtime: Arc<Runtime>,
        bundle: Bundle,
        placement: Arc<Placement>,
    }

    impl Workshop {
        fn new(choice: ProviderChoice) -> Self {
            let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let library = std::env::var_os(super::super::LIBRARY_VARIABLE)
                .map_or_else(|| repository.join(".setup/onnxruntime"), PathBuf::from);
            let version = "1.31.0".to_owned();
            Self {
                runtime: Runtime::open(Some(&library)).expect("`cargo xtask setup` has run"),
                bundle: Bundle::open(&repository.join("tests/golden/bundle_fixture"))
                    .expect("the fixture is whole"),
                placement: Arc::new(Placement::with(Arc::new(Claims), version, choice, Verdicts::default())),
            }
        }

        fn decoder(&self, provider: Provider) -> Network {
            let record = &self.bundle.manifest().track(Track::Bass).decode;
            let network = Network::load(&self.runtime, self.bundle.folder(), record).expect("it loads");
            let subject = Subject { stage: "decode", sha256: record.file.sha256.clone() };
            Network { provider, placed: Some((Arc::clone(&self.placement), subject)), ..network }
        }

        fn cuda(&self) -> super::super::ProviderStatus {
            let statuses = self.placement.statuses();
            statuses.into_iter().find(|status| status.provider == Provider::Cuda).expect("each is there")
        }
    }

    fn decode(
        network: &mut Network,
        feature_frames: usize,
        is_cancelled: bool,
    ) -> Result<Vec<f32>, ModelError> {
        let codes = [3; 4 * CODEC_FRAMES];
        let features = vec![0.25; 336 * feature_frames];
        let levels = vec![-3.0; 2 * 96 * 2 * CODEC_FRAMES];
        network.run(
            &[
                ("codes", &[1, 4, CODEC_FRAMES], Input::Integers(&codes)),
                ("features", &[1, 336, feature_frames], Input::Floats(&features)),
                ("levels", &[1, 2, 96, 2 * CODEC_FRAMES], Input::Floats(&levels)),
            ],
            &|| is_cancelled,
        )
    }

    #[test]
    fn the_first_run_decides_between_two_providers_and_gives_what_any_run_gives() {
        let workshop = Workshop::new(ProviderChoice::Auto);
        let alone = decode(&mut workshop.decoder(Provider::Cpu), 2 * CODEC_FRAMES, false).expect("it runs");
        let mut network = workshop.decoder(Provider::Cpu);
        network.rival = Some(Box::new(workshop.decoder(Provider::Cuda)));
        let cancelled = decode(&mut network, 2 * CODEC_FRAMES, true);
        assert!(matches!(cancelled, Err(ModelError::Cancelled)) && network.rival.is_some());
        for _ in 0..2 {
            assert_eq!(decode(&mut network, 2 * CODEC_FRAMES, false).expect("it runs"), alone);
            assert!(network.rival.is_none());
        }
        let cuda = workshop.cuda();
        assert_eq!(cuda.in_use, network.provider == Provider::Cuda, "{cuda:?}");
        assert!(cuda.reason.contains("decode"), "{cuda:?}");
    }

    #[test]
    fn a_provider_that_fails_in_a_run_hands_over_to_the_cpu() {
        let workshop = Workshop::new(ProviderChoice::Cuda);
        let mut network = workshop.decoder(Provider::Cuda);
        // Too few feature frames: no provider can run this.
        assert!(matches!(decode(&mut network, CODEC_FRAMES, false), Err(ModelError::Run { .. })));
        assert_eq!(network.provider, Provider::Cpu);
        let cuda = workshop.cuda();
        assert!(!cuda.in_use && cuda.reason.starts_with("decode failed on it: "), "{cuda:?}");
        decode(&mut network, 2 * CODEC_FRAMES, false).expect("the CPU has taken over");
    }
}
