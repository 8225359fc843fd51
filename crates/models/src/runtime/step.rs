//! A composer: a network that processes one position per call and keeps keys and values in shared buffers.

use std::path::{Path, PathBuf};

use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::Tensor;

use super::provider::Provider;
use super::{ModelError, Runtime, network};
use crate::bundle::manifest::{CacheShape, GraphRecord};

/// A step network for sequences that advance together.
///
/// Each key and value buffer is bound as the graph's past *and* present, so that a step writes one row instead of copying
/// the buffer (`com.microsoft.GroupQueryAttention`, shared buffer).
#[derive(Debug)]
pub struct StepNetwork {
    session: Session,
    path: PathBuf,
    cache: CacheShape,
    vocabulary: usize,
    condition: usize,
    lanes: Option<Lanes>,
}

/// Buffers of all sequences.
#[derive(Debug)]
struct Lanes {
    count: usize,
    binding: IoBinding,
    token: Tensor<i64>,
    condition: Tensor<f32>,
    position: Tensor<i32>,
    logits: Tensor<f32>,
}

impl StepNetwork {
    /// Loads the network of `record` from `folder`. It always runs on the CPU: a step takes less time than starting its
    /// kernels on a graphics card, and the key and value buffers are shared in the processor's memory.
    ///
    /// # Errors
    /// Returns an error if the file is not a network, or its tensors differ from the record's.
    pub fn load(
        runtime: &Runtime,
        folder: &Path,
        record: &GraphRecord,
        cache: CacheShape,
        vocabulary: usize,
        condition: usize,
    ) -> Result<Self, ModelError> {
        let (session, path) = network::load(runtime, folder, record, Provider::Cpu)?;
        Ok(Self { session, path, cache, vocabulary, condition, lanes: None })
    }

    /// Length of the longest sequence.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.cache.positions
    }

    /// Gives back the memory of the sequences: the next step starts new ones.
    pub fn end_sequences(&mut self) {
        self.lanes = None;
    }

    /// Length of the condition vector.
    #[must_use]
    pub fn condition(&self) -> usize {
        self.condition
    }

    /// Feeds one token per sequence, each at its own position and with its condition (`[sequences, condition]`, row-major), and returns
    /// the logits (`[sequences, vocabulary]`). Positions count from 0; position 0 starts a new sequence. All sequences start anew when
    /// their number changes.
    ///
    /// # Errors
    /// Returns an error if the run fails.
    ///
    /// # Panics
    /// Panics if a position is not below [`Self::positions`], or the lengths do not match.
    pub fn step(
        &mut self,
        tokens: &[i64],
        conditions: &[f32],
        positions: &[usize],
    ) -> Result<&[f32], ModelError> {
        assert!(positions.iter().all(|position| *position < self.cache.positions), "a sequence is full");
        assert_eq!(positions.len(), tokens.len(), "one position per sequence");
        assert_eq!(conditions.len(), tokens.len() * self.condition, "one condition per sequence");
        let path = self.path.clone();
        self.try_step(tokens, conditions, positions)
            .map_err(|error| ModelError::Run { path, reason: error.to_string() })
    }

    fn try_step(&mut self, tokens: &[i64], conditions: &[f32], positions: &[usize]) -> ort::Result<&[f32]> {
        // Old buffers are freed first: with the new ones they would be the peak of a generation.
        self.lanes.take_if(|lanes| lanes.count != tokens.len());
        let lanes = match &mut self.lanes {
            Some(lanes) => lanes,
            none => none.insert(Lanes::new(
                &self.session,
                self.cache,
                tokens.len(),
                self.vocabulary,
                self.condition,
            )?),
        };
        lanes.token.extract_tensor_mut().1.copy_from_slice(tokens);
        lanes.condition.extract_tensor_mut().1.copy_from_slice(conditions);
        for (value, position) in lanes.position.extract_tensor_mut().1.iter_mut().zip(positions) {
            *value = *position as i32;
        }
        // An input's new values are only guaranteed to be seen after it is bound again.
        lanes.binding.bind_input("token", &lanes.token)?;
        lanes.binding.bind_input("condition", &lanes.condition)?;
        lanes.binding.bind_input("position", &lanes.position)?;
        self.session.run_binding(&lanes.binding)?;
        Ok(lanes.logits.extract_tensor().1)
    }
}

impl Lanes {
    fn new(
        session: &Session,
        cache: CacheShape,
        count: usize,
        vocabulary: usize,
        condition: usize,
    ) -> ort::Result<Self> {
        let allocator = Allocator::default();
        let mut binding = session.create_binding()?;
        for layer in 0..cache.layers {
            for kind in ["key", "value"] {
                let shape = [count, cache.heads, cache.positions, cache.head_width];
                let mut buffer = Tensor::<f32>::new(&allocator, shape)?;
                buffer.extract_tensor_mut().1.fill(0.0);
                binding.bind_input(format!("past_{kind}_{layer}"), &buffer)?;
                binding.bind_output(format!("present_{kind}_{layer}"), buffer)?;
            }
        }
        let mut logits = Tensor::<f32>::new(&allocator, [count, 1, vocabulary])?;
        binding.bind_output("logits", &mut logits)?;
        Ok(Self {
            count,
            binding,
            token: Tensor::new(&allocator, [count, 1])?,
            condition: Tensor::new(&allocator, [count, 1, condition])?,
            position: Tensor::new(&allocator, [count])?,
            logits,
        })
    }
}
