//! The intent split into pieces that a user interface can show one by one and let the user correct.

use super::genre::Genre;
use super::{Intent, Style};
use resonantgen_music::track::Track;

/// Subject of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// Style.
    Style,
    /// Tempo or pace.
    Tempo,
    /// Key, or only its mode.
    Key,
    /// Time signature.
    Meter,
    /// Length.
    Bars,
    /// Chord progression.
    Chords,
    /// How far off-beats are delayed.
    Swing,
    /// Mood of the whole piece.
    Mood,
    /// Instrument of a track.
    Instrument(Track),
    /// Other descriptions of a track: adjectives, register.
    Track(Track),
    /// A silent track.
    Absent(Track),
    /// Words that were not understood.
    Unknown,
}

/// One piece of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understood {
    /// Its subject.
    pub slot: Slot,
    /// Its content, in a few words for display ("A minor", "driving bass").
    pub text: String,
}

/// Weight from which a style is worth naming.
pub(super) const NAMED_STYLE: f32 = 0.2;
/// Weight from which a genre beside another is worth naming.
const NAMED_GENRE: f32 = 0.45;
/// Most styles that are named.
pub(super) const MOST_STYLES: usize = 3;

/// The pieces of an intent, in the usual order: style, mood, tempo, key, meter, length, chords, swing, then track by
/// track, and last the words that were not understood. What the prompt left open does not appear.
#[must_use]
pub fn understood(intent: &Intent) -> Vec<Understood> {
    let mut pieces = Vec::new();
    let mut add = |slot, text: String| pieces.push(Understood { slot, text });
    if let Some(style) = style_name(intent) {
        add(Slot::Style, style);
    }
    for mood in &intent.moods {
        add(Slot::Mood, mood.clone());
    }
    match intent.bpm {
        Some(bpm) => add(Slot::Tempo, format!("{bpm} bpm")),
        None if intent.bpm_range.is_some() => {
            let (low, high) = intent.bpm_range.unwrap_or_default();
            add(Slot::Tempo, format!("{low} to {high} bpm"));
        }
        None if intent.pace <= -0.05 => add(Slot::Tempo, "slow".to_owned()),
        None if intent.pace >= 0.05 => add(Slot::Tempo, "fast".to_owned()),
        None => {}
    }
    match (intent.key, intent.mode) {
        (Some(key), _) => add(Slot::Key, key.to_string()),
        (None, Some(mode)) => add(Slot::Key, mode.name().to_owned()),
        (None, None) => {}
    }
    if let Some(meter) = intent.meter {
        add(Slot::Meter, meter.to_string());
    }
    if let Some(bars) = intent.bars {
        add(Slot::Bars, if bars == 1 { "1 bar".to_owned() } else { format!("{bars} bars") });
    } else if let Some(seconds) = intent.seconds {
        add(Slot::Bars, format!("{seconds:.0} s"));
    }
    if let Some(chords) = &intent.chords {
        add(Slot::Chords, chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    } else if !intent.numerals.is_empty() {
        let numerals: Vec<String> = intent.numerals.iter().map(ToString::to_string).collect();
        add(Slot::Chords, numerals.join(" "));
    }
    if let Some(ratio) = intent.swing {
        let text =
            if ratio > 0.505 { format!("swing {:.0} %", 100.0 * ratio) } else { "straight".to_owned() };
        add(Slot::Swing, text);
    }
    if let Some(feel) = intent.feel {
        add(Slot::Track(Track::Drums), format!("{} drums", feel.name()));
    }
    for track in Track::ALL {
        let description = intent.track(track);
        if description.absent {
            add(Slot::Absent(track), format!("no {track}"));
            continue;
        }
        if !description.moods.is_empty() {
            add(Slot::Track(track), format!("{} {track}", description.moods.join(" ")));
        }
        if description.octave != 0 {
            let plural = if description.octave.abs() > 1 { "s" } else { "" };
            add(Slot::Track(track), format!("{track} {:+} octave{plural}", description.octave));
        }
        if !description.instruments.is_empty() {
            add(Slot::Instrument(track), format!("{} {track}", description.instruments.join(" ")));
        }
        for tag in description.without.iter().filter(|_| track == Track::Drums) {
            add(Slot::Track(track), format!("no {tag}"));
        }
    }
    for word in &intent.unknown {
        add(Slot::Unknown, word.clone());
    }
    pieces
}

/// The styles of an intent for display ("techno / house"), strongest first; `None` if all weights are equal.
#[must_use]
pub fn style_name(intent: &Intent) -> Option<String> {
    // "Orchestral score" names a genre and its parent: the one that says more is shown.
    let known = intent.known_genres();
    let says_more = |genre: &&&Genre| {
        let is_parent =
            known.iter().any(|other| other.parents.iter().any(|(parent, _)| *parent == genre.name));
        !is_parent && (genre.name == known[0].name || intent.genre_weight(&genre.name) >= NAMED_GENRE)
    };
    let titles: Vec<&str> =
        known.iter().filter(says_more).take(MOST_STYLES).map(|genre| genre.title.as_str()).collect();
    if !titles.is_empty() {
        return Some(titles.join(" / "));
    }
    let mut named: Vec<Style> =
        Style::ALL.into_iter().filter(|style| intent.styles[style.index()] >= NAMED_STYLE).collect();
    named.sort_by(|a, b| intent.styles[b.index()].total_cmp(&intent.styles[a.index()]));
    let titles: Vec<&str> = named.iter().take(MOST_STYLES).map(|style| style.title()).collect();
    (!titles.is_empty()).then(|| titles.join(" / "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn each_fact_is_its_own_piece() {
        let prompt = "dark techno, 130 bpm, A minor, 7/8, 4 bars, swing, no melody, driving 303 bass an octave lower, xyzzy";
        let pieces = understood(&parse(prompt).expect("readable"));
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        let expected = "techno|dark|130 bpm|A minor|7/8|4 bars|swing 62 %|driving bass|bass -1 octave|acid bass|no melody|xyzzy";
        assert_eq!(texts.join("|"), expected);
        let slots: Vec<Slot> = pieces.iter().map(|piece| piece.slot).collect();
        assert!(
            slots.contains(&Slot::Absent(Track::Melody)) && slots.contains(&Slot::Instrument(Track::Bass))
        );
        assert_eq!(slots.last(), Some(&Slot::Unknown));
    }

    #[test]
    fn what_was_left_open_does_not_appear() {
        assert!(understood(&Intent::default()).is_empty());
        let pieces = understood(&parse("house").expect("readable"));
        assert_eq!(pieces, [Understood { slot: Slot::Style, text: "house".to_owned() }]);
    }
}
