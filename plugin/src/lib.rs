//! The ResonantGen instrument: parameters, processing, state and editor around the engine. This crate may know all others, and is the only
//! user of the plugin framework.
//!
//! Threads: the host's audio thread (`audio`), the host's main thread (state, editor), and two per instance that serve both
//! (`control`, whose page follows a prompt to the audio thread).

mod audio;
mod clap;
mod control;
mod editor;
mod params;
mod preset;

use std::num::NonZeroU32;
use std::sync::Arc;

use nice_plug::prelude::*;

use crate::audio::{AUX_OUTPUTS, Processor};
use crate::control::{Control, Threads};
use crate::params::ResonantParams;

/// The plugin.
pub struct ResonantGen {
    params: Arc<ResonantParams>,
    control: Arc<Control>,
    processor: Processor,
    /// `None` if the system could not start a thread.
    _threads: Option<Threads>,
}

impl Default for ResonantGen {
    fn default() -> Self {
        let (control, receivers) = Control::new();
        let params = Arc::new(ResonantParams::new(&control));
        let (processor, triggers) = Processor::new(&params, &control);
        let threads = Threads::start(&control, receivers, triggers)
            .inspect_err(|error| {
                control.notify(format!("Nothing can be generated: cannot start a thread ({error})."));
            })
            .ok();
        Self { params, control, processor, _threads: threads }
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
        aux_output_ports: &[new_nonzero_u32(2); AUX_OUTPUTS],
        names: PortNames {
            layout: Some("Main, four stems, four parts of the drums"),
            // nice-plug 0.4.2 reads the main output's name from `main_input`.
            main_input: Some("Main"),
            main_output: Some("Main"),
            aux_inputs: &[],
            aux_outputs: &["Drums", "Bass", "Harmony", "Melody", "Kick", "Snare", "Hats", "Percussion"],
        },
    }];
    const MIDI_INPUT: MidiConfig = MidiConfig::Basic;
    const MIDI_OUTPUT: MidiConfig = MidiConfig::Basic;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = editor::Editor;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn filter_state(state: &mut PluginState) {
        params::complete(state);
    }

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        editor::create(&self.params, &self.control)
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
    /// Must never change: the VST3 class id is derived from it as well.
    const CLAP_ID: &'static str = "org.resonantgen.resonantgen";
    const CLAP_DESCRIPTION: Option<&'static str> =
        Some("Type a prompt, get drums, bass, harmony and melody in the host's tempo");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Instrument, ClapFeature::Synthesizer, ClapFeature::Drum, ClapFeature::Stereo];
}
