//! Chooses the patch of a take.

use super::random::{Purpose, Random};
use super::{TakeRequest, bias};
use crate::bundle::{Bundle, Patch};

/// What a word of the prompt that names the instrument is worth, against at most [`STYLE_SCORE`] for the right style.
const INSTRUMENT_SCORE: f32 = 7.0;
/// What a word of the genre is worth; of several one is enough.
const USUAL_SCORE: f32 = 2.5;
/// Against an instrument that shall not play.
const UNWANTED_SCORE: f32 = -20.0;
/// Worth of a word that is a part of a longer tag: an electric piano is hardly a piano.
const PART_OF_TAG: f32 = 0.3;
/// Above what mood, attributes and usual luck add: a jazz kit plays jazz.
const STYLE_SCORE: f32 = 2.0;
const MOOD_SCORE: f32 = 0.3;
const ATTRIBUTE_SCORE: f32 = 0.5;
/// Above genre, style, mood and luck together, and below an instrument's name.
const PARENT_SCORE: f32 = 6.5;
/// Scale of the random part at full variation; with a hundred patches the luckiest draws five times this.
const RANDOM_SCORE: f32 = 0.4;

/// The patch for `request`: named instruments win, then what suits style and attributes, with a seeded choice among the best.
/// One patch may be excluded. `None` only if the bundle has no (other) patch for the track.
pub(super) fn choose_patch<'a>(
    bundle: &'a Bundle,
    request: &TakeRequest<'_>,
    without: Option<&str>,
) -> Option<&'a Patch> {
    let mut random = Random::of_kind(request, Purpose::Patch, 0);
    let variation = request.settings.variation.clamp(0.0, 1.0);
    bundle
        .patches(request.track)
        .map(|patch| {
            (
                fitness(patch, request)
                    + likeness(patch, request)
                    + RANDOM_SCORE * variation * random.gumbel(),
                patch,
            )
        })
        .filter(|(_, patch)| without != Some(patch.id.as_str()))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, patch)| patch)
}

fn fitness(patch: &Patch, request: &TakeRequest<'_>) -> f32 {
    let intent = request.intent;
    let own = intent.track(request.track);
    let named: f32 = own.instruments.iter().map(|word| match_of(patch, word)).sum();
    let moods = intent.moods.iter().chain(&own.moods).filter(|word| match_of(patch, word) > 0.0).count();
    let style: f32 = intent.styles.iter().zip(&patch.styles).map(|(wish, fit)| wish * fit).sum();
    let distance = (own.attributes.brightness - patch.brightness).abs()
        + (own.attributes.aggression - patch.aggression).abs();
    let genre = intent.main_genre().map_or(0.0, |genre| {
        let words = genre.instruments[request.track.index()].iter();
        words.map(|word| match_of(patch, word)).fold(0.0, f32::max)
    });
    let unwanted: f32 = own.without.iter().map(|word| match_of(patch, word).ceil()).sum();
    INSTRUMENT_SCORE * named
        + USUAL_SCORE * genre
        + UNWANTED_SCORE * unwanted
        + STYLE_SCORE * style
        + MOOD_SCORE * (moods as f32).min(2.0)
        - ATTRIBUTE_SCORE * distance
}

/// An edit keeps the instrument, unless it names another.
fn likeness(patch: &Patch, request: &TakeRequest<'_>) -> f32 {
    match bias::parent(request) {
        Some(parent) if parent.patch == patch.id => {
            PARENT_SCORE * request.intent.track(request.track).closeness
        }
        _ => 0.0,
    }
}

/// How well `wish` describes the patch: 1 if it is a tag, its family or a part of its name, less if only some words match.
fn match_of(patch: &Patch, wish: &str) -> f32 {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], " ");
    let wish = plain(wish);
    let family = plain(patch.family.name());
    let name = plain(&patch.name);
    let texts: Vec<String> = patch.tags.iter().map(|tag| plain(tag)).chain([family, name]).collect();
    let has = |phrase: &str| {
        !phrase.is_empty() && texts.iter().any(|text| format!(" {text} ").contains(&format!(" {phrase} ")))
    };
    // The name of a patch is words for people: one of them is the whole tag.
    let (name, tags) = (&texts[texts.len() - 1], &texts[..texts.len() - 1]);
    if tags.contains(&wish) || format!(" {name} ").contains(&format!(" {wish} ")) && !has("electric piano") {
        return 1.0;
    }
    let words: Vec<&str> = wish.split_whitespace().collect();
    if has(&wish) {
        return if words.len() > 1 { 1.0 } else { PART_OF_TAG };
    }
    if words.len() < 2 {
        return 0.0;
    }
    let found = words.iter().filter(|word| has(word)).count();
    0.8 * found as f32 / words.len() as f32
}
