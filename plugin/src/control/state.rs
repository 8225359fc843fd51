//! What the host's project keeps besides parameters: prompts, session, editor size.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use nice_plug::params::persist::PersistentField;
use resonantgen_words::Overrides;

use super::Control;
use crate::clap::state::Part;

/// The prompts as typed, one per slot.
pub struct PromptsField(pub Arc<Control>);

impl<'a> PersistentField<'a, Vec<String>> for PromptsField {
    fn set(&self, prompts: Vec<String>) {
        self.0.prompts.restore(prompts);
    }

    fn map<F: Fn(&Vec<String>) -> R, R>(&self, field: F) -> R {
        field(&self.0.prompts.all())
    }
}

/// Facts that the user has fixed: style, tempo, key, meter, chords.
pub struct OverridesField(pub Arc<Control>);

impl<'a> PersistentField<'a, Overrides> for OverridesField {
    fn set(&self, overrides: Overrides) {
        self.0.set_overrides(overrides);
    }

    fn map<F: Fn(&Overrides) -> R, R>(&self, field: F) -> R {
        field(&self.0.overrides())
    }
}

/// Bytes that were kept as base64 in JSON. What is no base64 is left as it is, to be kept as damaged.
fn bytes_of(text: String) -> Vec<u8> {
    BASE64.decode(&text).unwrap_or_else(|_| text.into_bytes())
}

/// The session with the audio of its takes: a versioned blob. The CLAP's state has it as bytes
/// ([`crate::clap::state`]); only where the state is nothing but JSON, as it was in older versions, it is base64.
pub struct SessionField(pub Arc<Control>);

impl<'a> PersistentField<'a, String> for SessionField {
    fn set(&self, text: String) {
        let bytes = self.0.host.state.take(Part::Session).unwrap_or_else(|| bytes_of(text));
        self.0.restore_session(bytes);
    }

    fn map<F: Fn(&String) -> R, R>(&self, field: F) -> R {
        let left = self.0.host.state.give(Part::Session, self.0.session_blob());
        field(&left.map_or_else(String::new, |bytes| BASE64.encode(bytes)))
    }
}

/// A session that could not be read is saved again as it came.
pub struct DamagedField(pub Arc<Control>);

impl<'a> PersistentField<'a, String> for DamagedField {
    fn set(&self, text: String) {
        let bytes = self.0.host.state.take(Part::Damaged).unwrap_or_else(|| bytes_of(text));
        // A blob that could not be read in this very load is newer than the one kept from before.
        self.0.keep_damaged(bytes);
    }

    fn map<F: Fn(&String) -> R, R>(&self, field: F) -> R {
        let left = self.0.host.state.give(Part::Damaged, self.0.damaged());
        field(&left.map_or_else(String::new, |bytes| BASE64.encode(bytes)))
    }
}

/// The prompt of a preset that is loaded: it goes into the first slot, and is saved there.
pub struct PresetField(pub Arc<Control>);

impl<'a> PersistentField<'a, String> for PresetField {
    fn set(&self, prompt: String) {
        if !prompt.is_empty() {
            self.0.prompts.set(0, prompt);
            self.0.repaint.request_repaint();
        }
    }

    fn map<F: Fn(&String) -> R, R>(&self, field: F) -> R {
        field(&String::new())
    }
}

/// Width and height of the editor in logical pixels.
pub struct EditorSizeField(pub Arc<Control>);

impl<'a> PersistentField<'a, [u32; 2]> for EditorSizeField {
    fn set(&self, size: [u32; 2]) {
        self.0.editor_size.store(size);
    }

    fn map<F: Fn(&[u32; 2]) -> R, R>(&self, field: F) -> R {
        field(&self.0.editor_size.load())
    }
}
