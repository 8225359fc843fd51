//! Finds sounds of a bundle: by words, and by likeness.

use crate::bundle::{Bundle, Patch};
use crate::generator::match_of;
use resonantgen_music::track::Track;
use resonantgen_words::Style;

/// From this suitability on, a style's name finds a patch.
const SUITS: f32 = 0.5;

/// The patches of a track that fit all `words`, the best first; all of them without words. A word fits if it is, or begins, a tag,
/// a word of the name or the family, or names a style that the patch suits.
#[must_use]
pub fn search<'a>(bundle: &'a Bundle, track: Track, words: &str) -> Vec<&'a Patch> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<(f32, &Patch)> = bundle
        .patches(track)
        .filter_map(|patch| {
            let fits = words.iter().map(|word| fit(patch, word));
            let all = fits.map(|fit| (fit > 0.0).then_some(fit)).collect::<Option<Vec<_>>>()?;
            Some((all.iter().sum(), patch))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    found.into_iter().map(|(_, patch)| patch).collect()
}

/// How well one word fits a patch, 0 if not at all.
fn fit(patch: &Patch, word: &str) -> f32 {
    let exact = match_of(patch, word);
    if exact > 0.0 {
        return 1.0 + exact;
    }
    let suits = Style::ALL
        .into_iter()
        .filter(|style| style.name().starts_with(word) || style.title().to_lowercase().starts_with(word))
        .map(|style| patch.styles[style.index()])
        .fold(0.0, f32::max);
    if suits >= SUITS {
        return suits;
    }
    let texts =
        patch.tags.iter().map(String::as_str).chain([patch.name.as_str(), patch.family.name(), &patch.id]);
    let mut parts = texts.flat_map(|text| text.split([' ', '_', '-', '.']).collect::<Vec<_>>());
    if parts.any(|part| part.to_lowercase().starts_with(word)) { 0.4 } else { 0.0 }
}

/// The other patches of the same track, the most alike first: by family, tags, styles, brightness and aggression. `None` if there is
/// no such patch.
#[must_use]
pub fn like<'a>(bundle: &'a Bundle, id: &str) -> Option<Vec<&'a Patch>> {
    let this = bundle.patch(id)?;
    let distance = |other: &Patch| {
        let shared = other.tags.iter().filter(|tag| this.tags.contains(tag)).count();
        let all = other.tags.len() + this.tags.len() - shared;
        let tags = 1.0 - shared as f32 / all.max(1) as f32;
        let styles = this.styles.iter().zip(&other.styles).map(|(a, b)| (a - b).abs()).sum::<f32>()
            / this.styles.len() as f32;
        let sound = (this.brightness - other.brightness).abs() + (this.aggression - other.aggression).abs();
        let family = if this.family == other.family { 0.0 } else { 1.0 };
        family + tags + styles + sound
    };
    let others = bundle.patches(this.track).filter(|other| other.id != id);
    let mut found: Vec<(f32, &Patch)> = others.map(|other| (distance(other), other)).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    Some(found.into_iter().map(|(_, patch)| patch).collect())
}
