//! Finds sounds of a bundle: by words, and by likeness.

use crate::bundle::{Bundle, Patch};
use crate::generator::condition::Family;
use resonantgen_music::track::Track;
use resonantgen_words::{STYLE_COUNT, Style};

/// From this suitability on, a style's name finds a sound.
const SUITS: f32 = 0.5;

/// The description of a patch, without its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Id within the bundle.
    pub id: String,
    /// Track it plays.
    pub track: Track,
    /// Name for display.
    pub name: String,
    /// Instrument family.
    pub family: Family,
    /// Words that describe it, lower case.
    pub tags: Vec<String>,
    /// How well it suits each style, in `0.0..=1.0` (index as [`Style::ALL`]).
    pub styles: [f32; STYLE_COUNT],
    /// Brightness, in `0.0..=1.0`.
    pub brightness: f32,
    /// Aggression, in `0.0..=1.0`.
    pub aggression: f32,
}

impl From<&Patch> for Sound {
    fn from(patch: &Patch) -> Self {
        Self {
            id: patch.id.clone(),
            track: patch.track,
            name: patch.name.clone(),
            family: patch.family,
            tags: patch.tags.clone(),
            styles: patch.styles,
            brightness: patch.brightness,
            aggression: patch.aggression,
        }
    }
}

/// All sounds of a bundle.
#[must_use]
pub fn catalogue(bundle: &Bundle) -> Vec<Sound> {
    Track::ALL.into_iter().flat_map(|track| bundle.patches(track)).map(Sound::from).collect()
}

/// The sounds of a track that fit all `words`, the best first; without words all of them by name. A word fits if it begins a tag, a
/// word of the name, of the id or of the family, or the name of a style that the sound suits.
#[must_use]
pub fn search<'a>(sounds: &'a [Sound], track: Track, words: &str) -> Vec<&'a Sound> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let fit = |sound: &'a Sound| -> Option<(f32, &'a Sound)> {
        let fits = words.iter().map(|word| fit(sound, word)).collect::<Option<Vec<f32>>>()?;
        Some((fits.iter().sum(), sound))
    };
    let mut found: Vec<_> = sounds.iter().filter(|sound| sound.track == track).filter_map(fit).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    found.into_iter().map(|(_, sound)| sound).collect()
}

/// How well one word fits a sound; `None` if not at all.
fn fit(sound: &Sound, word: &str) -> Option<f32> {
    let texts = sound.tags.iter().map(String::as_str).chain([&sound.name, sound.family.name(), &sound.id]);
    let said = texts
        .flat_map(|text| text.split([' ', '_', '-', '.']))
        .map(str::to_lowercase)
        .filter(|part| part.starts_with(word))
        .map(|part| if part == word { 2.0 } else { 1.0 })
        .reduce(f32::max);
    let suits = Style::ALL
        .into_iter()
        .filter(|style| style.name().starts_with(word) || style.title().to_lowercase().starts_with(word))
        .map(|style| sound.styles[style.index()])
        .filter(|suits| *suits >= SUITS)
        .reduce(f32::max);
    said.or(suits)
}

/// The other sounds of the same track, the most alike first: by family, tags, styles, brightness and aggression. `None` if there is no
/// such sound.
#[must_use]
pub fn like<'a>(sounds: &'a [Sound], id: &str) -> Option<Vec<&'a Sound>> {
    let this = sounds.iter().find(|sound| sound.id == id)?;
    let distance = |other: &Sound| {
        let shared = other.tags.iter().filter(|tag| this.tags.contains(tag)).count();
        let all = other.tags.len() + this.tags.len() - shared;
        let tags = 1.0 - shared as f32 / all.max(1) as f32;
        let styles = this.styles.iter().zip(&other.styles).map(|(a, b)| (a - b).abs()).sum::<f32>()
            / this.styles.len() as f32;
        let sound = (this.brightness - other.brightness).abs() + (this.aggression - other.aggression).abs();
        let family = if this.family == other.family { 0.0 } else { 1.0 };
        family + tags + styles + sound
    };
    let others = sounds.iter().filter(|other| other.track == this.track && other.id != id);
    let mut found: Vec<(f32, &Sound)> = others.map(|other| (distance(other), other)).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    Some(found.into_iter().map(|(_, sound)| sound).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(id: &str, family: &str, tags: &[&str], style: Style) -> Sound {
        let mut styles = [0.0; STYLE_COUNT];
        styles[style.index()] = 1.0;
        Sound {
            id: id.to_owned(),
            track: Track::Bass,
            name: id.replace(['.', '_'], " "),
            family: Family::from_name(family).expect("a family"),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            styles,
            brightness: 0.5,
            aggression: 0.5,
        }
    }

    #[test]
    fn words_find_tags_families_and_styles_and_likeness_goes_by_all() {
        let sounds = [
            sound("bass.upright", "bass_acoustic", &["warm", "woody"], Style::Jazz),
            sound("bass.acid_line", "bass_synth", &["acid", "bright"], Style::Techno),
            sound("bass.rumble", "bass_synth", &["dark", "acid"], Style::Techno),
        ];
        let ids = |words: &str| -> Vec<&str> {
            search(&sounds, Track::Bass, words).into_iter().map(|sound| sound.id.as_str()).collect()
        };
        assert_eq!(ids(""), ["bass.acid_line", "bass.rumble", "bass.upright"]);
        assert_eq!(ids("JAZZ"), ["bass.upright"]);
        assert_eq!(ids("acid dark"), ["bass.rumble"]);
        assert_eq!(ids("wood"), ["bass.upright"]);
        assert_eq!(ids("techno upright"), [""; 0]);
        assert!(search(&sounds, Track::Melody, "").is_empty());
        let near = like(&sounds, "bass.rumble").expect("a sound");
        assert_eq!(near[0].id, "bass.acid_line");
        assert_eq!(near.len(), 2);
        assert!(like(&sounds, "nothing").is_none());
    }
}
