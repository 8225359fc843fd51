//! Keys: a tonic and a mode.

/// The seven modes; harmonic minor counts as [`Mode::Minor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Ionian.
    Major,
    /// Aeolian.
    Minor,
    /// Minor with a raised sixth.
    Dorian,
    /// Minor with a lowered second.
    Phrygian,
    /// Major with a raised fourth.
    Lydian,
    /// Major with a lowered seventh.
    Mixolydian,
    /// Minor with lowered second and fifth.
    Locrian,
}

impl Mode {
    /// All modes, in the order of the composers' condition vector.
    pub const ALL: [Self; 7] = [
        Self::Major,
        Self::Minor,
        Self::Dorian,
        Self::Phrygian,
        Self::Lydian,
        Self::Mixolydian,
        Self::Locrian,
    ];

    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Dorian => "dorian",
            Self::Phrygian => "phrygian",
            Self::Lydian => "lydian",
            Self::Mixolydian => "mixolydian",
            Self::Locrian => "locrian",
        }
    }

    /// Semitones of the seven degrees above the tonic.
    #[must_use]
    pub const fn degrees(self) -> [u8; 7] {
        match self {
            Self::Major => [0, 2, 4, 5, 7, 9, 11],
            Self::Minor => [0, 2, 3, 5, 7, 8, 10],
            Self::Dorian => [0, 2, 3, 5, 7, 9, 10],
            Self::Phrygian => [0, 1, 3, 5, 7, 8, 10],
            Self::Lydian => [0, 2, 4, 6, 7, 9, 11],
            Self::Mixolydian => [0, 2, 4, 5, 7, 9, 10],
            Self::Locrian => [0, 1, 3, 5, 6, 8, 10],
        }
    }
}

/// A tonic and a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Pitch class of the tonic, in `0..12`; 0 is C.
    pub tonic: u8,
    /// Mode.
    pub mode: Mode,
}

/// The text is not a key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is no key: write a note and a mode, like 'A minor', 'F# dorian' or 'Eb major'")]
pub struct ParseKeyError(pub String);

impl Key {
    /// Whether note names in this key use flats.
    #[must_use]
    pub const fn uses_flats(self) -> bool {
        let relative_major = match self.mode {
            Mode::Major => self.tonic,
            Mode::Minor => (self.tonic + 3) % 12,
            Mode::Dorian => (self.tonic + 10) % 12,
            Mode::Phrygian => (self.tonic + 8) % 12,
            Mode::Lydian => (self.tonic + 7) % 12,
            Mode::Mixolydian => (self.tonic + 5) % 12,
            Mode::Locrian => (self.tonic + 1) % 12,
        };
        matches!(relative_major, 1 | 3 | 5 | 8 | 10)
    }

    /// Whether a pitch class or MIDI pitch belongs to the scale.
    #[must_use]
    pub fn contains(self, pitch: u8) -> bool {
        self.mode.degrees().contains(&((pitch + 120 - self.tonic) % 12))
    }
}

/// Name of a pitch class.
#[must_use]
pub(super) fn pitch_class_name(pitch_class: u8, flats: bool) -> &'static str {
    const SHARPS: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    const FLATS: [&str; 12] = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];
    let names = if flats { FLATS } else { SHARPS };
    names[usize::from(pitch_class % 12)]
}

/// Parses a note name at the start of `text`; returns its pitch class and the rest.
pub(super) fn parse_pitch_class(text: &str) -> Option<(u8, &str)> {
    let letter = text.chars().next()?;
    let natural: i32 = match letter.to_ascii_uppercase() {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    let rest = &text[1..];
    let (shift, rest) = if let Some(rest) = rest.strip_prefix(['#', '♯']) {
        (1, rest)
    } else if let Some(rest) = rest.strip_prefix(['b', '♭']) {
        (-1, rest)
    } else {
        (0, rest)
    };
    Some(((natural + shift).rem_euclid(12) as u8, rest))
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", pitch_class_name(self.tonic, self.uses_flats()), self.mode.name())
    }
}

impl std::str::FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseKeyError(text.to_owned());
        let (tonic, rest) = parse_pitch_class(text.trim()).ok_or_else(wrong)?;
        let word = rest.trim().to_lowercase();
        let mode = match word.as_str() {
            "" if rest.is_empty() => Mode::Major,
            "maj" | "major" | "ionian" => Mode::Major,
            "m" | "min" | "minor" | "aeolian" | "harmonic minor" => Mode::Minor,
            _ => Mode::ALL.into_iter().find(|mode| mode.name() == word).ok_or_else(wrong)?,
        };
        Ok(Self { tonic, mode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_round_trip(tonic in 0_u8..12, mode in 0_usize..7) {
            let key = Key { tonic, mode: Mode::ALL[mode] };
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            if let Ok(key) = text.parse::<Key>() {
                prop_assert_eq!(key.to_string().parse(), Ok(key));
            }
        }
    }
}
