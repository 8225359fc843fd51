//! The preset format, and its conversion to a state of the framework. Also part of `xtask`, which makes files for VST3 hosts from
//! it.

use serde::{Deserialize, Serialize};

/// A prompt with settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Display name, unique among the factory presets.
    pub name: String,
    /// Style under which it is listed.
    #[serde(default)]
    pub style: String,
    /// The prompt.
    pub prompt: String,
    /// Length in bars; 0 leaves it to the prompt.
    #[serde(default)]
    pub bars: i32,
    /// How far results may stray from the most likely, in `0.0..=1.0`.
    #[serde(default = "half")]
    pub variation: f32,
    /// How strictly the prompt is followed, in `0.0..=1.0`.
    #[serde(default = "half")]
    pub adherence: f32,
}

fn half() -> f32 {
    0.5
}

impl Preset {
    /// The preset as a plugin state that contains nothing else, in the framework's format: the length of a JSON document (u64,
    /// little-endian), then the document. Facts fixed in the editor are released.
    #[must_use]
    pub fn to_state(&self) -> Vec<u8> {
        let prompt = serde_json::to_string(&self.prompt).expect("a text is JSON");
        let document = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "params": {
                "prompt_slot": { "i32": 1 },
                "bars": { "i32": self.bars },
                "variation": { "f32": self.variation },
                "adherence": { "f32": self.adherence },
            },
            "fields": { "preset_prompt": prompt, "overrides": "{}" },
        });
        let document = document.to_string();
        let mut state = (document.len() as u64).to_le_bytes().to_vec();
        state.extend(document.into_bytes());
        state
    }
}
