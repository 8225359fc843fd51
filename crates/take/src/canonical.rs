//! The canonical text from which ids are hashed. Only this module writes it.
//!
//! Every value has a name and a format defined here, so that changing a type never changes a stored hash. Absent and neutral
//! values are not written, so that fields added later do not affect old hashes.

use sha2::{Digest, Sha256};

use hex::encode as hex;
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
use resonantgen_words::{Attributes, Intent, Reference, Shape, Style};

use super::{Finish, GenerationSettings, Recipe};

/// A text to be hashed, in a named format.
#[derive(Clone, Debug)]
pub struct Canonical(String);

impl Canonical {
    /// An empty text. `form` names the hashed value and the version of its format.
    #[must_use]
    pub fn new(form: &str) -> Self {
        Self(format!("{form}\n"))
    }

    /// Adds text of any content.
    pub fn text(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("{name}:{}:{text}\n", text.len()));
    }

    /// Adds a whole number.
    pub fn whole(&mut self, name: &str, number: u64) {
        self.0.push_str(&format!("{name}={number}\n"));
    }

    /// Adds a number, written as its bits.
    pub fn number(&mut self, name: &str, number: f64) {
        self.0.push_str(&format!("{name}=x{:016x}\n", number.to_bits()));
    }

    /// Adds a list of texts; an empty one is not written.
    pub fn list<T: std::fmt::Display>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        for item in items {
            self.text(name, &item.to_string());
        }
    }

    /// Adds a plan.
    pub fn plan(&mut self, plan: &Plan) {
        self.number("bpm", plan.bpm);
        self.text("key", &plan.key.to_string());
        self.text("meter", &plan.meter.to_string());
        self.whole("bars", u64::from(plan.bars));
        self.list("chord", &plan.chords);
        if plan.swing.ratio != 0.5 {
            self.whole("swing unit", u64::from(plan.swing.unit_steps));
            self.number("swing", plan.swing.ratio);
        }
    }

    /// Adds the generator's settings.
    pub fn settings(&mut self, settings: GenerationSettings) {
        self.number("variation", f64::from(settings.variation));
        self.number("adherence", f64::from(settings.adherence));
    }

    /// Adds the meaning of a prompt, without the sentences about it.
    pub fn intent(&mut self, intent: &Intent) {
        for style in Style::ALL {
            let weight = intent.styles[style.index()];
            if weight != 0.0 {
                self.number(&format!("style {}", style.name()), f64::from(weight));
            }
        }
        for (style, weight) in &intent.other_styles {
            self.number(&format!("style {style}"), f64::from(*weight));
        }
        for (genre, weight) in &intent.genres {
            self.number(&format!("genre {genre}"), f64::from(*weight));
        }
        self.attributes("", intent.attributes);
        self.list("mood", &intent.moods);
        let numbers = [
            ("wanted bpm", intent.bpm),
            ("usual bpm", intent.usual_bpm),
            ("wanted swing", intent.swing),
            ("lowest bpm", intent.bpm_range.map(|(lowest, _)| lowest)),
            ("highest bpm", intent.bpm_range.map(|(_, highest)| highest)),
            ("wanted seconds", intent.seconds),
            ("pace", Some(f64::from(intent.pace)).filter(|pace| *pace != 0.0)),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                self.number(name, number);
            }
        }
        self.list("wanted key", intent.key);
        self.list("mode", intent.mode.map(|mode| mode.name()));
        self.list("wanted meter", intent.meter);
        self.list("wanted bars", intent.bars);
        self.list("wanted chord", intent.chords.iter().flatten());
        self.list("numeral", &intent.numerals);
        self.list("feel", intent.feel.map(|feel| feel.name()));
        if let Some(groove) = &intent.groove {
            self.number(&format!("groove {}", groove.template), f64::from(groove.looseness));
        }
        for track in Track::ALL {
            let wanted = intent.track(track);
            self.attributes(track.name(), wanted.attributes);
            self.list(&format!("{track} mood"), &wanted.moods);
            for (sound, strength) in &wanted.sound {
                self.number(&format!("{track} sound {sound}"), f64::from(*strength));
            }
            self.list(&format!("{track} instrument"), &wanted.instruments);
            self.list(&format!("{track} without"), &wanted.without);
            self.list(&format!("{track} absent"), wanted.absent.then_some("yes"));
            self.list(&format!("{track} octave"), Some(wanted.octave).filter(|octave| *octave != 0));
            self.list(&format!("{track} follows the kick"), wanted.follow_kick.then_some("yes"));
            if wanted.closeness != 0.0 {
                self.number(&format!("{track} closeness"), f64::from(wanted.closeness));
            }
            if let Some(reference) = &wanted.reference {
                self.reference(track.name(), reference);
            }
            if let Some(shape) = &wanted.shape {
                self.shape(track, shape);
            }
        }
    }

    /// Adds a part that another one follows.
    pub fn reference(&mut self, name: &str, reference: &Reference) {
        let name = format!("{name} reference");
        self.list(&format!("{name} meter"), Some(reference.meter));
        for (voice, signs) in &reference.patterns {
            self.list(&format!("{name} {voice}"), Some(signs));
        }
        let pairs = reference.register.map(|(low, high)| (u32::from(low), u32::from(high)));
        for (low, high) in pairs.into_iter().chain(reference.voices) {
            self.list(&format!("{name} range"), [low, high]);
        }
        self.list(&format!("{name} length"), Some(reference.length.name()));
    }

    fn shape(&mut self, track: Track, shape: &Shape) {
        self.list(&format!("{track} enters"), Some(shape.enters_bar).filter(|bar| *bar != 0));
        self.list(&format!("{track} leaves"), shape.leaves_bar);
        let flags = [
            ("fill", shape.fill),
            ("rises", shape.rises),
            ("lands", shape.lands),
            ("ends", shape.ends),
            ("keeps sound", shape.keeps_sound),
        ];
        for (name, flag) in flags {
            self.list(&format!("{track} {name}"), flag.then_some("yes"));
        }
        self.list(&format!("{track} gap"), Some(shape.gap_steps).filter(|steps| *steps != 0));
        if shape.level_db != 0.0 {
            self.number(&format!("{track} level"), f64::from(shape.level_db));
        }
        self.list(&format!("{track} patch"), &shape.patch);
        if let Some(bars) = &shape.new_bars {
            self.whole(&format!("{track} new bars"), bars.len() as u64);
            self.list(&format!("{track} new bar"), bars);
        }
    }

    fn attributes(&mut self, of: &str, attributes: Attributes) {
        let Attributes { energy, density, brightness, aggression, complexity } = attributes;
        let values = [
            ("energy", energy),
            ("density", density),
            ("brightness", brightness),
            ("aggression", aggression),
            ("complexity", complexity),
        ];
        for (name, value) in values.into_iter().filter(|(_, value)| *value != 0.5) {
            self.number(&format!("{of} {name}"), f64::from(value));
        }
    }

    /// Adds a recipe.
    pub(crate) fn recipe(&mut self, recipe: &Recipe) {
        self.text("track", recipe.track.name());
        self.text("prompt", &recipe.prompt);
        self.intent(&recipe.intent);
        self.plan(&recipe.plan);
        self.whole("seed", recipe.seed);
        self.settings(recipe.settings);
        self.list(
            "finish",
            Some(recipe.settings.finish.name()).filter(|_| recipe.settings.finish != Finish::Levelled),
        );
        self.text("bundle", &recipe.bundle_id);
        self.list("heard", recipe.context.iter().map(|id| &id.0));
        if let Some(source) = &recipe.imported {
            self.text("file", &source.name);
            self.text("file sha256", &source.sha256);
            self.number("start", source.start_seconds);
            self.number("file bpm", source.bpm);
            self.whole("file bars", u64::from(source.bars));
        }
        if let Some(patch) = &recipe.held_patch {
            self.text("held patch", patch);
        }
        if let Some(notes) = &recipe.taken_over {
            self.text("notes of", &notes.from.0);
            self.text("patch", &notes.patch);
            let NoteDials { density, complexity, fills } = notes.dials;
            for (dial, position) in [("density", density), ("complexity", complexity), ("fills", fills)] {
                if position != 0 {
                    self.number(dial, f64::from(position));
                }
            }
        }
    }

    /// The SHA-256 of the text.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The SHA-256 of the text, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(self.sha256())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_and_absent_values_change_no_hash() {
        let hash = |intent: &Intent| {
            let mut text = Canonical::new("test/1");
            text.intent(intent);
            text.hash()
        };
        let plain = Intent::default();
        let told = Intent {
            notes: vec!["fast was taken, slow left out".to_owned()],
            unknown: vec!["xyzzy".to_owned()],
            ..plain.clone()
        };
        assert_eq!(hash(&plain), hash(&told));
        assert_ne!(hash(&plain), hash(&Intent { pace: 0.1, ..plain.clone() }));
        assert_ne!(hash(&plain), hash(&plain.clone().in_style(Style::Jazz)));
        // Frozen: a change here would make every stored answer unreachable.
        let jazz = plain.in_style(Style::Jazz);
        let groove = jazz.groove.clone();
        let jazz = Intent { bpm: Some(96.0), moods: vec!["warm".to_owned()], groove: None, ..jazz };
        let mut text = Canonical::new("test/1");
        text.intent(&jazz);
        assert_eq!(
            text.0,
            "test/1\nstyle jazz=x3ff0000000000000\ngenre jazz=x3ff0000000000000\nmood:4:warm\nwanted bpm=x4058000000000000\n"
        );
        assert_ne!(hash(&jazz), hash(&Intent { groove, ..jazz.clone() }));
    }

    #[test]
    fn lists_cannot_be_mistaken_for_other_lists() {
        let hash = |items: &[&str]| {
            let mut text = Canonical::new("test/1");
            text.list("mood", items);
            text.hash()
        };
        assert_ne!(hash(&["a\nmood:1:b"]), hash(&["a", "b"]));
    }
}
