//! What a text resembles: the interface between the prompt reader and a sentence model, and how its answer is used.

use super::lexicon::{Entry, Shift, entry};
use super::reader::{Description, Reading};
use super::understood::{MOST_STYLES, NAMED_STYLE};
use super::{STYLE_COUNT, Style};
use resonantgen_music::plan::Mode;
use resonantgen_music::track::Track;

/// Minimum similarity (cosine) of the nearest phrase; text that is not language stays below it.
const LEAST: f32 = 0.34;
/// Minimum similarity of the other phrases that are used.
const LEAST_BESIDE: f32 = 0.28;
/// Maximum number of phrases that are used.
const MOST_HEARD: usize = 4;
/// Sharpness of the weighting by similarity.
const SHARPNESS: f32 = 14.0;
/// Weight of the sentence if moods and instruments also suggest a style.
const SHARE_BESIDE_HINTS: f32 = 0.6;
/// Share of a phrase's mood that is applied.
const MOOD_SHARE: f32 = 0.8;
/// Weight among the phrases from which a mood is named.
const NAMED_MOOD: f32 = 0.45;

/// Understands texts whose words are not in the lexicon.
pub trait TextUnderstanding: Send + Sync {
    /// What `text` resembles; `None` if it resembles no known phrase. Deterministic.
    fn sense(&self, text: &str) -> Option<Sense>;
}

/// What a text resembles.
#[derive(Clone, Debug, PartialEq)]
pub struct Sense {
    /// Weights of styles, summing to 1, or all 0.
    pub styles: [f32; STYLE_COUNT],
    /// Shifts of energy, density, brightness, aggression and complexity.
    pub shift: [f32; 5],
    /// Moods, by the names the composers know.
    pub moods: Vec<String>,
    /// Mode that the mood suggests.
    pub mode: Option<Mode>,
    /// Slow to fast, in `-1.0..=1.0`.
    pub pace: f32,
    /// Instruments, as words of patch names and tags.
    pub instruments: Vec<(Track, String)>,
    /// Similarity (cosine) of the nearest phrase.
    pub similarity: f32,
}

/// Phrases of known meaning.
#[derive(Clone, Debug)]
pub struct Anchors(Vec<Entry>);

impl Anchors {
    /// Parses lines of `phrase = effects` in the lexicon's language; `None` if a line is malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| entry(line.split_once(" = ")?.1)).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Number of anchors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no anchors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sense of a text from its similarity to each anchor, in their order.
    #[must_use]
    pub fn sense(&self, similarities: &[f32]) -> Option<Sense> {
        let mut near: Vec<(f32, &Entry)> = similarities
            .iter()
            .copied()
            .zip(&self.0)
            .filter(|(similarity, _)| *similarity >= LEAST_BESIDE)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.truncate(MOST_HEARD);
        let best = near.first().map(|(similarity, _)| *similarity).filter(|best| *best >= LEAST)?;
        let weights: Vec<f32> =
            near.iter().map(|(similarity, _)| (SHARPNESS * (similarity - best)).exp()).collect();
        let total: f32 = weights.iter().sum();
        let mut sense = Sense {
            styles: [0.0; STYLE_COUNT],
            shift: [0.0; 5],
            moods: Vec::new(),
            mode: near[0].1.mode,
            pace: 0.0,
            instruments: near[0].1.fixed.clone(),
            similarity: best,
        };
        let mut moods: Vec<(&str, f32)> = Vec::new();
        for ((_, entry), weight) in near.iter().zip(&weights) {
            let weight = weight / total;
            for (style, share) in &entry.styles {
                sense.styles[style.index()] += weight * share;
            }
            for (sum, part) in sense.shift.iter_mut().zip(entry.shift.unwrap_or_default()) {
                *sum += weight * part;
            }
            sense.pace += weight * entry.pace;
            for mood in &entry.moods {
                match moods.iter_mut().find(|(known, _)| known == mood) {
                    Some((_, sum)) => *sum += weight,
                    None => moods.push((mood, weight)),
                }
            }
        }
        let sum: f32 = sense.styles.iter().sum();
        if sum > 0.0 {
            sense.styles = sense.styles.map(|weight| weight / sum);
        }
        sense.moods = moods
            .into_iter()
            .filter(|(_, weight)| *weight >= NAMED_MOOD)
            .map(|(mood, _)| mood.to_owned())
            .collect();
        Some(sense)
    }
}

/// Completes a reading with what the whole text resembles, for everything its words leave open. The words always win.
pub(super) fn complete(reading: &mut Reading, prompt: &str, text: &dyn TextUnderstanding) {
    let names_style = reading.styles.iter().any(|weight| *weight > 0.0);
    let strange: Vec<&str> = reading
        .unknown
        .iter()
        .map(String::as_str)
        .filter(|word| word.chars().filter(|letter| letter.is_alphabetic()).count() > 2)
        .collect();
    if names_style {
        // The style is settled; unknown words can only colour the mood.
        let Some(sense) = (!strange.is_empty()).then(|| text.sense(&strange.join(" "))).flatten() else {
            return;
        };
        if sense.similarity >= LEAST_BESIDE_STYLE && reading.piece.shifts.is_empty() {
            colour(reading, &sense);
            reading.unknown.clear();
        }
        return;
    }
    let hints: f32 = reading.hints.iter().sum();
    if strange.is_empty() && hints > 0.0 {
        return;
    }
    let Some(sense) = text.sense(prompt) else { return };
    let sum: f32 = sense.styles.iter().sum();
    if sum > 0.0 {
        let share = if hints > 0.0 { SHARE_BESIDE_HINTS } else { 1.0 };
        for (hint, weight) in reading.hints.iter_mut().zip(sense.styles) {
            *hint = if hints > 0.0 { *hint / hints * (1.0 - share) } else { 0.0 } + share * weight;
        }
        let mut guessed: Vec<Style> =
            Style::ALL.into_iter().filter(|style| sense.styles[style.index()] >= NAMED_STYLE).collect();
        guessed.sort_by(|a, b| sense.styles[b.index()].total_cmp(&sense.styles[a.index()]));
        let titles: Vec<&str> = guessed.iter().take(MOST_STYLES).map(|style| style.title()).collect();
        reading.notes.push(format!("guessed from the sentence: {}", titles.join(" / ")));
    }
    if reading.piece.shifts.is_empty() {
        colour(reading, &sense);
    }
    if reading.pace == 0.0 {
        reading.pace = sense.pace.clamp(-1.0, 1.0);
    }
    for (track, tag) in &sense.instruments {
        let description: &mut Description = &mut reading.tracks[track.index()];
        if description.instruments.is_empty() {
            description.usual.push(tag.clone());
        }
    }
    reading.unknown.clear();
}

/// Completes the reading of an edit with the mood that it resembles, if no word names one.
pub(super) fn complete_edit(reading: &mut Reading, edit: &str, text: &dyn TextUnderstanding) {
    let says_something = std::iter::once(&reading.piece).chain(&reading.tracks).any(|description| {
        !description.shifts.is_empty() || description.octave != 0 || !description.instruments.is_empty()
    });
    if says_something || reading.unknown.is_empty() {
        return;
    }
    if let Some(sense) = text.sense(edit) {
        colour(reading, &sense);
        reading.piece.words.extend(sense.moods);
        reading.unknown.clear();
    }
}

/// Minimum similarity for unknown words next to a named style to colour its mood.
const LEAST_BESIDE_STYLE: f32 = 0.4;

fn colour(reading: &mut Reading, sense: &Sense) {
    let shift: Shift = sense.shift.map(|part| part * MOOD_SHARE);
    if shift.iter().any(|part| part.abs() > 0.01) {
        reading.piece.shifts.push(shift);
    }
    for mood in &sense.moods {
        if !reading.moods.contains(mood) {
            reading.moods.push(mood.clone());
        }
    }
    reading.mode = reading.mode.or(sense.mode);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Style, is_understood_with, parse, parse_with};

    /// A model in which every text resembles one phrase.
    struct Like(&'static str);

    impl TextUnderstanding for Like {
        fn sense(&self, _: &str) -> Option<Sense> {
            Anchors::parse(self.0)?.sense(&[0.8])
        }
    }

    #[test]
    fn the_sentence_speaks_where_words_are_silent() {
        let dirigibles = Like("dirigibles = cinematic*1 ~epic drums:orchestral");
        let intent = parse_with("dirigibles over the mountains", Some(&dirigibles)).expect("readable");
        assert_eq!(intent.summary(), "epic cinematic, orchestral drums");
        assert!(intent.unknown.is_empty() && intent.attributes.energy > 0.6);
        assert!(
            is_understood_with("dirigibles", Some(&dirigibles)) && !is_understood_with("dirigibles", None)
        );
    }

    #[test]
    fn words_win_over_the_sentence() {
        let dragons = Like("dragons = cinematic*1 ~epic mode=minor pace-1");
        let prompt = "calm fast jazz in C major with piano, dragons";
        let intent = parse_with(prompt, Some(&dragons)).expect("readable");
        assert_eq!(intent.main_style(), Style::Jazz);
        let alone = parse(prompt).expect("readable");
        assert_eq!((intent.attributes, intent.pace, intent.key), (alone.attributes, alone.pace, alone.key));
        assert_eq!(intent.tracks, alone.tracks);
    }

    #[test]
    fn nothing_near_is_nothing_said() {
        let anchors = Anchors::parse("a = jazz*1\n# no line\nb = ~dark").expect("well-formed");
        assert_eq!((anchors.len(), anchors.sense(&[0.1, 0.2])), (2, None));
        assert!(Anchors::parse("a jazz*1").is_none() && Anchors::parse("a = polka*1").is_none());
    }
}
