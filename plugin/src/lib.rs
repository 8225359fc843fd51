//! The ResonantGen instrument: parameters, processing, state and editor around the engine. Wiring only.
//!
//! Threads: the host's audio thread (`audio`), the host's main thread (state, editor) and one
//! `worker` per instance, which makes takes. They meet in `shared`; takes travel to the audio thread by the
//! engine's playback ring.

mod audio;
mod clap;
mod editor;
mod export;
mod host;
mod inference;
mod job;
mod location;
mod outlet;
mod params;
mod preset;
mod prompts;
mod remote;
mod shared;
mod state;
mod worker;

use std::num::NonZeroU32;
use std::sync::Arc;

use nice_plug::prelude::*;
use resonantgen_music::track::TRACK_COUNT;

use crate::audio::Processor;
use crate::params::ResonantParams;
use crate::shared::Shared;
use crate::worker::Worker;

/// The plugin.
pub struct ResonantGen {
    params: Arc<ResonantParams>,
    shared: Arc<Shared>,
    processor: Processor,
    /// `None` when the system had no thread for it.
    _worker: Option<Worker>,
}

impl Default for ResonantGen {
    fn default() -> Self {
        let shared = Shared::new();
        let params = Arc::new(ResonantParams::new(&shared));
        let (processor, asked) = Processor::new(&params, &shared);
        let worker = Worker::start(&shared, asked)
            .inspect_err(|error| {
                shared.set_message(Some(format!("Nothing can be generated: no thread to do it ({error}).")));
            })
            .ok();
        Self { params, shared, processor, _worker: worker }
    }
}

impl Plugin for ResonantGen {
    const NAME: &'static str = "ResonantGen";
    const VENDOR: &'static str = "ResonantGen";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: None,
        main_output_channels: NonZeroU32::new(2),
        aux_input_ports: &[],
        aux_output_ports: &[new_nonzero_u32(2); TRACK_COUNT],
        names: PortNames {
            layout: Some("Main and four stems"),
            // nice-plug 0.4.2 reads the main output's name from `main_input`.
            main_input: Some("Main"),
            main_output: Some("Main"),
            aux_inputs: &[],
            aux_outputs: &["Drums", "Bass", "Harmony", "Melody"],
        },
    }];
    const MIDI_INPUT: MidiConfig = MidiConfig::Basic;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = editor::Editor;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        editor::create(&self.params, &self.shared)
    }

    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        _context: &mut impl ActivateContext<Self>,
    ) -> bool {
        self.processor.activate(config.sample_rate);
        true
    }

    fn reset(&mut self) {
        self.processor.reset();
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        self.processor.process(buffer, aux, context)
    }
}

impl ClapPlugin for ResonantGen {
    /// Frozen: the VST3's class id is derived from it as well.
    const CLAP_ID: &'static str = "org.resonantgen.resonantgen";
    const CLAP_DESCRIPTION: Option<&'static str> =
        Some("Type a prompt, get drums, bass, harmony and melody in the host's tempo");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Instrument, ClapFeature::Synthesizer, ClapFeature::Drum, ClapFeature::Stereo];
}
