//! A decoder with a prompt: one position per call, with shared key and value buffers, and constant keys and values of the
//! prompt.

use std::path::{Path, PathBuf};

use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::{Tensor, TensorRef};

use super::provider::Provider;
use super::{ModelError, Runtime, network};
use crate::bundle::manifest::{CacheShape, GraphRecord};

/// A prompt network and a decoder for a fixed number of sequences that advance together: the first is conditioned on the
/// prompt, the others are not.
#[derive(Debug)]
pub struct PromptedNetwork {
    text: Session,
    text_path: PathBuf,
    step: Session,
    step_path: PathBuf,
    cache: CacheShape,
    codebooks: usize,
    vocabulary: usize,
    state: Option<State>,
}

/// Buffers of one prompt.
#[derive(Debug)]
struct State {
    binding: IoBinding,
    codes: Tensor<i64>,
    position: Tensor<i32>,
    logits: Tensor<f32>,
}

impl PromptedNetwork {
    /// Loads both networks from `folder`, for the CPU.
    ///
    /// # Errors
    /// Returns an error if a file is not a network, or its tensors differ from the record's.
    pub fn load(
        runtime: &Runtime,
        folder: &Path,
        (text, step): (&GraphRecord, &GraphRecord),
        cache: CacheShape,
        (codebooks, vocabulary): (usize, usize),
    ) -> Result<Self, ModelError> {
        let (text, text_path) = network::load(runtime, folder, text, Provider::Cpu)?;
        let (step, step_path) = network::load(runtime, folder, step, Provider::Cpu)?;
        Ok(Self { text, text_path, step, step_path, cache, codebooks, vocabulary, state: None })
    }

    /// Reads a prompt's tokens for `sequences` sequences. The next position is 0.
    ///
    /// # Errors
    /// Returns an error if the run fails.
    pub fn prompt(&mut self, tokens: &[i64], sequences: usize) -> Result<(), ModelError> {
        self.state = None;
        let path = self.text_path.clone();
        let state = self
            .try_prompt(tokens, sequences)
            .map_err(|error| ModelError::Run { path, reason: error.to_string() })?;
        self.state = Some(state);
        Ok(())
    }

    fn try_prompt(&mut self, tokens: &[i64], sequences: usize) -> ort::Result<State> {
        let allocator = Allocator::default();
        let mut binding = self.step.create_binding()?;
        let heard = self
            .text
            .run(ort::inputs!["tokens" => TensorRef::from_array_view(([1, tokens.len()], tokens))?])?;
        let CacheShape { layers, heads, positions, head_width } = self.cache;
        for layer in 0..layers {
            for kind in ["key", "value"] {
                let name = format!("cross_{kind}_{layer}");
                let (shape, values) = heard[name.as_str()].try_extract_tensor::<f32>()?;
                let sizes: Vec<usize> = std::iter::once(sequences)
                    .chain(shape.iter().skip(1).map(|size| usize::try_from(*size).unwrap_or(0)))
                    .collect();
                let mut buffer = Tensor::<f32>::new(&allocator, sizes)?;
                let all = buffer.extract_tensor_mut().1;
                all.fill(0.0);
                all[..values.len()].copy_from_slice(values);
                binding.bind_input(name, &buffer)?;

                let mut buffer = Tensor::<f32>::new(&allocator, [sequences, heads, positions, head_width])?;
                buffer.extract_tensor_mut().1.fill(0.0);
                binding.bind_input(format!("past_{kind}_{layer}"), &buffer)?;
                binding.bind_output(format!("present_{kind}_{layer}"), buffer)?;
            }
        }
        let mut logits = Tensor::<f32>::new(&allocator, [sequences, self.codebooks, self.vocabulary])?;
        binding.bind_output("logits", &mut logits)?;
        Ok(State {
            binding,
            codes: Tensor::new(&allocator, [sequences, self.codebooks])?,
            position: Tensor::new(&allocator, [sequences])?,
            logits,
        })
    }

    /// Feeds the same codes, one per codebook, to every sequence at `position`; returns the logits
    /// (`[sequences, codebooks, vocabulary]`). Positions count from 0.
    ///
    /// # Errors
    /// Returns an error if the run fails.
    ///
    /// # Panics
    /// Panics if there was no prompt, `position` is too large, or the number of codes is wrong.
    pub fn step(&mut self, codes: &[i64], position: usize) -> Result<&[f32], ModelError> {
        assert!(position < self.cache.positions, "the sequence is full");
        assert_eq!(codes.len(), self.codebooks, "one code per codebook");
        let state = self.state.as_mut().expect("a prompt comes first");
        let failure =
            |error: ort::Error| ModelError::Run { path: self.step_path.clone(), reason: error.to_string() };
        for lane in state.codes.extract_tensor_mut().1.chunks_mut(self.codebooks) {
            lane.copy_from_slice(codes);
        }
        state.position.extract_tensor_mut().1.fill(position as i32);
        // An input's new values are only guaranteed to be seen after it is bound again.
        state.binding.bind_input("codes", &state.codes).map_err(failure)?;
        state.binding.bind_input("position", &state.position).map_err(failure)?;
        self.step.run_binding(&state.binding).map_err(failure)?;
        Ok(state.logits.extract_tensor().1)
    }
}
