//! What the host's project stores besides parameters: prompts, fixed facts, the session, the size of the editor.

use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use nice_plug::params::persist::PersistentField;
use resonantgen_words::Overrides;
use serde::{Deserialize, Serialize};

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

/// [`Overrides`] as stored. Styles and chords are stored by name, so one that this version does not know does not affect the
/// other facts.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredFacts {
    bpm: Option<f64>,
    key: Option<String>,
    meter: Option<String>,
    bars: Option<u32>,
    chords: Option<Vec<String>>,
    numerals: Option<Vec<String>>,
    style: Option<String>,
}

impl From<&Overrides> for StoredFacts {
    fn from(facts: &Overrides) -> Self {
        let Overrides { bpm, key, meter, bars, chords, numerals, style } = facts;
        Self {
            bpm: *bpm,
            key: key.map(|key| key.to_string()),
            meter: meter.map(|meter| meter.to_string()),
            bars: *bars,
            chords: chords.as_ref().map(|chords| chords.iter().map(ToString::to_string).collect()),
            numerals: numerals.as_ref().map(|numerals| numerals.iter().map(ToString::to_string).collect()),
            style: style.map(|style| style.name().to_owned()),
        }
    }
}

impl From<StoredFacts> for Overrides {
    fn from(stored: StoredFacts) -> Self {
        fn read<T: FromStr>(text: Option<String>) -> Option<T> {
            text?.parse().ok()
        }
        fn read_all<T: FromStr>(texts: Option<Vec<String>>) -> Option<Vec<T>> {
            texts?.iter().map(|text| text.parse().ok()).collect()
        }
        Self {
            bpm: stored.bpm,
            key: read(stored.key),
            meter: read(stored.meter),
            bars: stored.bars,
            chords: read_all(stored.chords),
            numerals: read_all(stored.numerals),
            style: read(stored.style),
        }
    }
}

/// Facts that the user has fixed: style, tempo, key, meter, chords.
pub struct OverridesField(pub Arc<Control>);

impl<'a> PersistentField<'a, StoredFacts> for OverridesField {
    fn set(&self, facts: StoredFacts) {
        self.0.set_overrides(facts.into());
    }

    fn map<F: Fn(&StoredFacts) -> R, R>(&self, field: F) -> R {
        field(&StoredFacts::from(&self.0.overrides()))
    }
}

/// Decodes bytes stored as base64 in JSON. Anything else is returned as it is and will be reported as damaged.
fn bytes_of(text: String) -> Vec<u8> {
    BASE64.decode(&text).unwrap_or_else(|_| text.into_bytes())
}

/// The session with the audio of its takes, as a versioned blob. The CLAP's state stores it as bytes ([`crate::clap::state`]);
/// in the plain JSON states of older versions it is base64.
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

/// A session that could not be read; it is saved again unchanged.
pub struct DamagedField(pub Arc<Control>);

impl<'a> PersistentField<'a, String> for DamagedField {
    fn set(&self, text: String) {
        let bytes = self.0.host.state.take(Part::Damaged).unwrap_or_else(|| bytes_of(text));
        // If the session of this state could not be read either, that one is newer and is kept.
        self.0.keep_damaged(bytes);
    }

    fn map<F: Fn(&String) -> R, R>(&self, field: F) -> R {
        let left = self.0.host.state.give(Part::Damaged, self.0.damaged());
        field(&left.map_or_else(String::new, |bytes| BASE64.encode(bytes)))
    }
}

/// The prompt of a preset. Loading puts it into the first slot; it is never saved here.
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

#[cfg(test)]
mod tests {
    use resonantgen_words::Style;

    use super::*;

    #[test]
    fn facts_of_earlier_versions_are_read_and_unknown_ones_leave_the_others_alone() {
        let facts = Overrides {
            bpm: Some(97.5),
            key: Some("F# minor".parse().expect("a key")),
            meter: Some("6/8".parse().expect("a meter")),
            bars: None,
            chords: Some(vec!["F#m7".parse().expect("a chord"), "Bm".parse().expect("a chord")]),
            numerals: Some(vec!["iv7".parse().expect("a numeral")]),
            style: Some(Style::HipHop),
        };
        let json = serde_json::to_string(&StoredFacts::from(&facts)).expect("plain data");
        // As written by versions before this record.
        assert_eq!(
            json,
            "{\"bpm\":97.5,\"key\":\"F# minor\",\"meter\":\"6/8\",\"bars\":null,\"chords\":[\"F#m7\",\"Bm\"],\
             \"numerals\":[\"iv7\"],\"style\":\"hiphop\"}"
        );
        let read = |json: &str| Overrides::from(serde_json::from_str::<StoredFacts>(json).expect("facts"));
        assert_eq!(read(&json), facts);
        let newer = json.replace("hiphop", "a style to come").replace("Bm", "B?");
        assert_eq!(read(&newer), Overrides { chords: None, style: None, ..facts });
        assert_eq!(read("{}"), Overrides::default());
    }
}
