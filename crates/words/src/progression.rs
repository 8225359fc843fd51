//! The library of chord progressions, by idiom and mode.

use std::sync::LazyLock;

use resonantgen_music::plan::{ChordQuality, Mode};

/// A chord relative to a tonic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Degree {
    /// Semitones of the root above the tonic, in `0..12`.
    pub(super) root: u8,
    pub(super) quality: ChordQuality,
    /// Whether the numeral was written with a flat.
    pub(super) flat: bool,
}

/// One progression.
#[derive(Clone, Debug)]
pub(super) struct Progression {
    /// Name of the idiom ("club", "soul").
    pub(super) idiom: &'static str,
    pub(super) mode: Mode,
    /// One chord per half bar.
    pub(super) halves: Vec<Degree>,
    /// Whether a chord changes within a bar.
    pub(super) has_half_bars: bool,
    /// Number of bars that only hold the previous chord.
    pub(super) held_bars: usize,
}

/// All progressions of the library.
pub(super) fn library() -> &'static [Progression] {
    static LIBRARY: LazyLock<Vec<Progression>> = LazyLock::new(|| {
        read(include_str!("progressions.txt")).expect("the built-in library is well-formed")
    });
    &LIBRARY
}

fn read(text: &'static str) -> Option<Vec<Progression>> {
    let mut section = None;
    let mut progressions = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            let (idiom, mode) = header.strip_suffix(']')?.split_once(' ')?;
            section = Some((idiom, Mode::ALL.into_iter().find(|known| known.name() == mode)?));
            continue;
        }
        let (idiom, mode) = section?;
        let halves = half_bars(line)?;
        let held_bars = line.split_whitespace().filter(|bar| *bar == "-").count();
        progressions.push(Progression { idiom, mode, halves, has_half_bars: line.contains(','), held_bars });
    }
    Some(progressions)
}

/// Parses a progression such as `i7 - iv7,bVII7 bIIImaj7`: one chord per bar, with a comma between the halves of a bar; '-'
/// repeats the previous bar. `None` if the text is not a progression.
pub(super) fn half_bars(line: &str) -> Option<Vec<Degree>> {
    let mut halves: Vec<Degree> = Vec::new();
    for bar in line.split_whitespace() {
        if bar == "-" {
            let last = *halves.last()?;
            halves.extend([last, last]);
        } else if let Some((first, second)) = bar.split_once(',') {
            halves.extend([numeral(first)?, numeral(second)?]);
        } else {
            let chord = numeral(bar)?;
            halves.extend([chord, chord]);
        }
    }
    (!halves.is_empty()).then_some(halves)
}

/// Whether a text is a progression in the notation of `progressions.txt`.
#[must_use]
pub(super) fn is_progression(line: &str) -> bool {
    half_bars(line).is_some()
}

/// Reads a Roman numeral such as `bVImaj7` or `iio7`: degrees of the parallel major scale, lower case for minor.
fn numeral(text: &str) -> Option<Degree> {
    let (flat, shift, rest) = match text.as_bytes().first()? {
        b'b' => (true, 11, &text[1..]),
        b'#' => (false, 1, &text[1..]),
        _ => (false, 0, text),
    };
    let length = rest.bytes().take_while(|byte| matches!(byte, b'I' | b'V' | b'i' | b'v')).count();
    let (roman, suffix) = rest.split_at(length);
    let degree: u8 = match roman.to_ascii_lowercase().as_str() {
        "i" => 0,
        "ii" => 2,
        "iii" => 4,
        "iv" => 5,
        "v" => 7,
        "vi" => 9,
        "vii" => 11,
        _ => return None,
    };
    let is_upper = roman.starts_with(|letter: char| letter.is_ascii_uppercase());
    use ChordQuality as Q;
    let quality = match (is_upper, suffix) {
        (true, "") => Q::Major,
        (true, "7") => Q::Dominant7,
        (true, "maj7") => Q::Major7,
        (true, "maj9") => Q::Major9,
        (true, "9") => Q::Dominant9,
        (true, "6") => Q::Sixth,
        (true, "add9") => Q::Add9,
        (true, "+") => Q::Augmented,
        (false, "") => Q::Minor,
        (false, "7") => Q::Minor7,
        (false, "9") => Q::Minor9,
        (false, "o") => Q::Diminished,
        (false, "o7") => Q::Diminished7,
        (false, "h") => Q::HalfDiminished7,
        (false, "6") => Q::MinorSixth,
        (false, "add9") => Q::MinorAdd9,
        (false, "M7") => Q::MinorMajor7,
        (_, "5") => Q::Power,
        (_, "sus2") => Q::Sus2,
        (_, "sus4") => Q::Sus4,
        _ => return None,
    };
    Some(Degree { root: (degree + shift) % 12, quality, flat })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_library_is_read() {
        assert!(library().len() > 500);
        let jazz = library().iter().filter(|progression| progression.idiom == "jazz");
        assert!(jazz.filter(|progression| progression.mode == Mode::Major).count() >= 12);
        assert_eq!(numeral("bVImaj7"), Some(Degree { root: 8, quality: ChordQuality::Major7, flat: true }));
        assert_eq!(
            numeral("#ivo7"),
            Some(Degree { root: 6, quality: ChordQuality::Diminished7, flat: false })
        );
        assert_eq!(numeral("x"), None);
        assert_eq!(numeral(""), None);
    }
}
