//! Chords and their symbols.

use super::key::{parse_pitch_class, pitch_class_name};

/// A chord's quality: the intervals above its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is its own usual symbol; see `suffix` and `intervals`")]
pub enum ChordQuality {
    Major,
    Minor,
    Diminished,
    Augmented,
    Sus2,
    Sus4,
    Major7,
    Minor7,
    Dominant7,
    HalfDiminished7,
    Diminished7,
    Minor9,
    Major9,
    Dominant9,
    Sixth,
    MinorSixth,
    Power,
    Add9,
    MinorAdd9,
    MinorMajor7,
}

impl ChordQuality {
    /// All qualities.
    pub const ALL: [Self; 20] = [
        Self::Major,
        Self::Minor,
        Self::Diminished,
        Self::Augmented,
        Self::Sus2,
        Self::Sus4,
        Self::Major7,
        Self::Minor7,
        Self::Dominant7,
        Self::HalfDiminished7,
        Self::Diminished7,
        Self::Minor9,
        Self::Major9,
        Self::Dominant9,
        Self::Sixth,
        Self::MinorSixth,
        Self::Power,
        Self::Add9,
        Self::MinorAdd9,
        Self::MinorMajor7,
    ];

    /// The suffix after the root in a chord symbol.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Major => "",
            Self::Minor => "m",
            Self::Diminished => "dim",
            Self::Augmented => "aug",
            Self::Sus2 => "sus2",
            Self::Sus4 => "sus4",
            Self::Major7 => "maj7",
            Self::Minor7 => "m7",
            Self::Dominant7 => "7",
            Self::HalfDiminished7 => "m7b5",
            Self::Diminished7 => "dim7",
            Self::Minor9 => "m9",
            Self::Major9 => "maj9",
            Self::Dominant9 => "9",
            Self::Sixth => "6",
            Self::MinorSixth => "m6",
            Self::Power => "5",
            Self::Add9 => "add9",
            Self::MinorAdd9 => "madd9",
            Self::MinorMajor7 => "mMaj7",
        }
    }

    /// Parses the suffix of a chord symbol ("maj7", "-7", "ø", "13"). Tensions that no composer knows are read as the nearest
    /// known chord: "7alt" as a seventh, "13" as a ninth.
    #[must_use]
    pub fn from_suffix(written: &str) -> Option<Self> {
        let suffix = match written {
            "maj" | "M" | "major" => "",
            "min" | "-" | "mi" | "minor" => "m",
            "M7" | "Δ" | "Δ7" | "ma7" | "major7" | "j7" => "maj7",
            "M9" | "Δ9" | "maj11" | "maj13" | "M13" | "maj7#11" | "ma9" => "maj9",
            "min7" | "-7" | "mi7" => "m7",
            "min9" | "-9" | "m11" | "min11" | "m13" => "m9",
            "min6" | "-6" => "m6",
            "dom7" | "7alt" | "alt" | "7b9" | "7#9" | "7b5" | "7#5" | "7#11" | "7b13" | "+7" | "aug7" => "7",
            "11" | "13" | "9#11" | "9b5" => "9",
            "7sus4" | "7sus" | "9sus4" | "9sus" | "13sus4" | "4" | "sus" => "sus4",
            "69" | "6/9" | "maj6" | "M6" => "6",
            "2" | "add2" => "add9",
            "madd2" | "minadd9" => "madd9",
            "ø" | "ø7" | "h" | "h7" | "m7-5" | "min7b5" | "-7b5" | "mø7" | "mø" => "m7b5",
            "°" | "o" | "m°" | "mo" | "mb5" => "dim",
            "°7" | "o7" | "m°7" | "mo7" => "dim7",
            "+" | "#5" => "aug",
            "mM7" | "mmaj7" | "mΔ" | "mΔ7" | "minmaj7" | "-maj7" => "mMaj7",
            other => other,
        };
        Self::ALL.into_iter().find(|quality| quality.suffix() == suffix)
    }

    /// Semitones above the root, root first.
    #[must_use]
    pub const fn intervals(self) -> &'static [u8] {
        match self {
            Self::Major => &[0, 4, 7],
            Self::Minor => &[0, 3, 7],
            Self::Diminished => &[0, 3, 6],
            Self::Augmented => &[0, 4, 8],
            Self::Sus2 => &[0, 2, 7],
            Self::Sus4 => &[0, 5, 7],
            Self::Major7 => &[0, 4, 7, 11],
            Self::Minor7 => &[0, 3, 7, 10],
            Self::Dominant7 => &[0, 4, 7, 10],
            Self::HalfDiminished7 => &[0, 3, 6, 10],
            Self::Diminished7 => &[0, 3, 6, 9],
            Self::Minor9 => &[0, 3, 7, 10, 2],
            Self::Major9 => &[0, 4, 7, 11, 2],
            Self::Dominant9 => &[0, 4, 7, 10, 2],
            Self::Sixth => &[0, 4, 7, 9],
            Self::MinorSixth => &[0, 3, 7, 9],
            Self::Power => &[0, 7],
            Self::Add9 => &[0, 4, 7, 2],
            Self::MinorAdd9 => &[0, 3, 7, 2],
            Self::MinorMajor7 => &[0, 3, 7, 11],
        }
    }
}

/// A chord. Its text is a symbol ("F#m7", "C/E").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    /// Pitch class of the root, in `0..12`.
    pub root: u8,
    /// Quality.
    pub quality: ChordQuality,
    /// Whether the root's name uses flats. Spelling only.
    pub flats: bool,
    /// Pitch class of a bass note other than the root, in `0..12`.
    pub bass: Option<u8>,
}

/// The text is not a chord symbol.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is no chord symbol: write a root and a quality, like C, Am, F#m7, Bbmaj7, Gsus4 or C/E")]
pub struct ParseChordError(pub String);

impl Chord {
    /// A chord whose root is spelled with a flat if `uses_flats` is set and the root is a black key.
    #[must_use]
    pub const fn new(root: u8, quality: ChordQuality, uses_flats: bool) -> Self {
        let root = root % 12;
        Self { root, quality, flats: uses_flats && matches!(root, 1 | 3 | 6 | 8 | 10), bass: None }
    }

    /// The chord over a bass note of this pitch class; over its root, it is the chord itself.
    ///
    /// ```
    /// use resonantgen_music::plan::Chord;
    ///
    /// let chord: Chord = "D".parse()?;
    /// assert_eq!(chord.over(6).to_string(), "D/F#");
    /// assert_eq!(chord.over(2), chord);
    /// # Ok::<(), resonantgen_music::plan::ParseChordError>(())
    /// ```
    #[must_use]
    pub const fn over(mut self, bass: u8) -> Self {
        let bass = bass % 12;
        self.bass = if bass == self.root { None } else { Some(bass) };
        self
    }

    /// Pitch class that a bass plays under the chord: the root, unless the chord names another note.
    #[must_use]
    pub const fn bass_note(&self) -> u8 {
        match self.bass {
            Some(bass) => bass,
            None => self.root,
        }
    }

    /// Pitch classes of the chord, root first. A bass note of its own is not among them.
    pub fn pitch_classes(&self) -> impl Iterator<Item = u8> {
        let root = self.root;
        self.quality.intervals().iter().map(move |interval| (root + interval) % 12)
    }
}

impl std::fmt::Display for Chord {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", pitch_class_name(self.root, self.flats), self.quality.suffix())?;
        match self.bass {
            Some(bass) => write!(formatter, "/{}", bass_name(self, bass)),
            None => Ok(()),
        }
    }
}

/// The name of a bass note, on the letter of its interval above the root: the third of D is F#, that of Cm is Eb.
fn bass_name(chord: &Chord, bass: u8) -> &'static str {
    const LETTERS: &str = "CDEFGAB";
    let letter = |name: &str| name.chars().next().and_then(|letter| LETTERS.find(letter));
    let steps = match (bass + 12 - chord.root) % 12 {
        1 | 2 => 1,
        3 | 4 => 2,
        5 => 3,
        6 | 7 => 4,
        8 | 9 => 5,
        _ => 6,
    };
    let expected =
        letter(pitch_class_name(chord.root, chord.flats)).map(|root| (root + steps) % LETTERS.len());
    let [usual, other] = [chord.flats, !chord.flats].map(|flats| pitch_class_name(bass, flats));
    if letter(usual) != expected && letter(other) == expected { other } else { usual }
}

impl std::str::FromStr for Chord {
    type Err = ParseChordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseChordError(text.to_owned());
        let trimmed = text.trim();
        if let Some((chord, bass)) = trimmed.rsplit_once('/').filter(|(_, bass)| *bass != "9") {
            let chord: Self = chord.parse().map_err(|_| wrong())?;
            let (bass, rest) = parse_pitch_class(bass.trim()).ok_or_else(wrong)?;
            return if rest.is_empty() && chord.bass.is_none() { Ok(chord.over(bass)) } else { Err(wrong()) };
        }
        let (root, rest) = parse_pitch_class(trimmed).ok_or_else(wrong)?;
        let quality = ChordQuality::from_suffix(rest).ok_or_else(wrong)?;
        let flats = trimmed.chars().nth(1).is_some_and(|accidental| accidental == 'b' || accidental == '♭');
        Ok(Self::new(root, quality, flats))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn symbols_round_trip(root in 0_u8..12, quality in 0_usize..20, flats in any::<bool>(), bass in 0_u8..12) {
            let chord = Chord::new(root, ChordQuality::ALL[quality], flats).over(bass);
            prop_assert_eq!(chord.to_string().parse(), Ok(chord));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            if let Ok(chord) = text.parse::<Chord>() {
                prop_assert_eq!(chord.to_string().parse(), Ok(chord));
            }
        }
    }
}
