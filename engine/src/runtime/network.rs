//! A network that runs once per call.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef};

use super::placement::Placement;
use super::provider::{self, Provider};
use super::{ModelError, Runtime};
use crate::bundle::manifest::{Dimension, ElementType, GraphRecord, TensorSpec};

/// How often a running network looks whether it shall stop.
const CANCEL_POLL: Duration = Duration::from_millis(20);

/// Values of an input tensor, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// 32-bit floats.
    Floats(&'a [f32]),
    /// 64-bit integers.
    Integers(&'a [i64]),
}

/// A loaded network. One owner at a time; runs on the caller's thread.
#[derive(Debug)]
pub struct Network {
    session: Session,
    path: PathBuf,
    output: String,
    provider: Provider,
    runtime: Arc<Runtime>,
    placed: Option<(Arc<Placement>, &'static str)>,
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
    /// When the file is no network, or its tensors differ from the record's.
    pub fn load(runtime: &Arc<Runtime>, folder: &Path, record: &GraphRecord) -> Result<Self, ModelError> {
        Self::on(runtime, folder, record, Provider::Cpu)
    }

    /// Loads the network of `record` from `folder` on the provider that `placement` finds for networks of the kind
    /// `stage`. When that provider fails while the network runs, the CPU takes over.
    ///
    /// # Errors
    /// When the file is no network, or its tensors differ from the record's.
    pub(crate) fn placed(
        runtime: &Arc<Runtime>,
        folder: &Path,
        record: &GraphRecord,
        placement: &Arc<Placement>,
        stage: &'static str,
    ) -> Result<Self, ModelError> {
        let (mut network, _) =
            placement.place(stage, |provider| Self::on(runtime, folder, record, provider))?;
        network.placed = Some((Arc::clone(placement), stage));
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
        let runtime = Arc::clone(runtime);
        Ok(Self { session, path, output: output.name.clone(), provider, runtime, placed: None })
    }

    /// Runs the network on named inputs with their shapes; returns its output, row-major.
    ///
    /// `is_cancelled` is asked from another thread while the network runs.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] soon after `is_cancelled` turned true, else what the runtime says.
    pub fn run<T: PrimitiveTensorElementType + Clone>(
        &mut self,
        inputs: &[(&str, &[usize], Input<'_>)],
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<T>, ModelError> {
        if is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let options = RunOptions::new().map_err(|error| self.failure(&error))?;
        let finished = (Mutex::new(false), Condvar::new());
        let result = std::thread::scope(|scope| {
            scope.spawn(|| watch(&finished, &options, is_cancelled));
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

    /// Opens the network again on the CPU, after its provider failed.
    fn move_to_cpu(&mut self, error: &ort::Error) -> Result<(), ModelError> {
        let reason = error.to_string();
        if let Some((placement, stage)) = &self.placed {
            placement.fall_back(self.provider, stage, &reason);
        }
        self.session = open(&self.runtime, &self.path, Provider::Cpu)
            .map_err(|reason| ModelError::Load { path: self.path.clone(), reason })?;
        self.provider = Provider::Cpu;
        Ok(())
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

/// Terminates the run of `options` when `is_cancelled` turns true before it has finished.
fn watch(finished: &(Mutex<bool>, Condvar), options: &RunOptions, is_cancelled: &(dyn Fn() -> bool + Sync)) {
    let mut done = finished.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*done {
        if is_cancelled() {
            // A run that cannot be stopped ends by itself; there is nothing better to do about an error here.
            let _ = options.terminate();
        }
        done = finished.1.wait_timeout(done, CANCEL_POLL).unwrap_or_else(PoisonError::into_inner).0;
    }
}
