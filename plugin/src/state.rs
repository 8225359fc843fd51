//! What the host's project keeps besides parameters: prompts, session, editor size.

use std::sync::{Arc, PoisonError};

use nice_plug::params::persist::PersistentField;
use resonantgen_words::Overrides;

use crate::shared::Shared;

/// The prompts as typed, one per slot.
pub struct PromptsField(pub Arc<Shared>);

impl<'a> PersistentField<'a, Vec<String>> for PromptsField {
    fn set(&self, prompts: Vec<String>) {
        self.0.prompts.restore(prompts);
    }

    fn map<F: Fn(&Vec<String>) -> R, R>(&self, field: F) -> R {
        field(&self.0.prompts.all())
    }
}

/// Facts that the user has fixed: style, tempo, key, meter, chords.
pub struct OverridesField(pub Arc<Shared>);

impl<'a> PersistentField<'a, Overrides> for OverridesField {
    fn set(&self, overrides: Overrides) {
        self.0.set_overrides(overrides);
    }

    fn map<F: Fn(&Overrides) -> R, R>(&self, field: F) -> R {
        field(&self.0.overrides())
    }
}

/// The session with the audio of its takes: a versioned blob, in base64 because the state is JSON.
pub struct SessionField(pub Arc<Shared>);

impl<'a> PersistentField<'a, String> for SessionField {
    fn set(&self, blob: String) {
        self.0.restore_session(blob);
    }

    fn map<F: Fn(&String) -> R, R>(&self, field: F) -> R {
        field(&self.0.session_blob())
    }
}

/// A session that could not be read is saved again as it came.
pub struct DamagedField(pub Arc<Shared>);

impl<'a> PersistentField<'a, String> for DamagedField {
    fn set(&self, blob: String) {
        // A blob that could not be read in this very load is newer than the one kept from before.
        let mut kept = self.0.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            *kept = blob;
        }
    }

    fn map<F: Fn(&String) -> R, R>(&self, field: F) -> R {
        field(&self.0.damaged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The prompt of a preset that is loaded: it goes into the first slot, and is saved there.
pub struct PresetField(pub Arc<Shared>);

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
pub struct EditorSizeField(pub Arc<Shared>);

impl<'a> PersistentField<'a, [u32; 2]> for EditorSizeField {
    fn set(&self, size: [u32; 2]) {
        self.0.editor_size.store(size);
    }

    fn map<F: Fn(&[u32; 2]) -> R, R>(&self, field: F) -> R {
        field(&self.0.editor_size.load())
    }
}
