//! Roman numerals as typed ("i VI III VII", "ii-V-I", "bVII", "iiø7 V7alt"), and their chords in a key.

use super::chord::{Chord, ChordQuality};
use super::key::{Key, Mode};

/// A chord by its degree. Its text is a numeral ("bVII", "iiø7", "5" for a bare degree).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Numeral {
    /// Degree of the scale, in `1..=7`.
    degree: u8,
    /// Semitones added by an accidental: -1, 0 or 1.
    accidental: i8,
    /// Quality; `None` uses the scale's (a bare "2-5-1").
    quality: Option<ChordQuality>,
}

/// The text is not a Roman numeral.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is no Roman numeral: write a degree and a quality, like i, VI, bVII, iiø7, V7 or IVmaj7")]
pub struct ParseNumeralError(pub String);

const ROMAN: [&str; 7] = ["i", "ii", "iii", "iv", "v", "vi", "vii"];

impl Numeral {
    /// The scale's own chord on a degree in `1..=7`; `None` for other degrees.
    #[must_use]
    pub fn of_degree(degree: u8) -> Option<Self> {
        (1..=7).contains(&degree).then_some(Self { degree, accidental: 0, quality: None })
    }

    fn is_minor_triad(self) -> bool {
        self.quality.is_some_and(|quality| {
            quality.intervals().contains(&3) && !matches!(quality, ChordQuality::Major)
        })
    }
}

/// Whether numerals assume a minor scale: their tonic is minor, or otherwise their third and sixth degrees are major.
fn think_minor(numerals: &[Numeral]) -> Option<bool> {
    let plain = |degree: u8| {
        numerals
            .iter()
            .filter(move |numeral| {
                numeral.degree == degree && numeral.accidental == 0 && numeral.quality.is_some()
            })
            .map(|numeral| numeral.is_minor_triad())
    };
    plain(1).next().or_else(|| plain(6).chain(plain(3)).next().map(|is_minor| !is_minor))
}

/// The mode that numerals suggest if no key is stated.
#[must_use]
pub fn mode_of_numerals(numerals: &[Numeral]) -> Mode {
    if think_minor(numerals).unwrap_or(false) { Mode::Minor } else { Mode::Major }
}

/// The chords of numerals in a key.
///
/// Plain degrees are those of the key's scale, so VI in A minor is F major, as is bVI; flats lower the degrees of the
/// major scale, and sharps raise those of the key's scale. A diminished vii or vi in a minor key is on the raised degree.
/// Numerals that assume the relative major ("vi IV I V" in A minor) are read there.
#[must_use]
pub fn chords_of_numerals(numerals: &[Numeral], key: Key) -> Vec<Chord> {
    let is_minor_key = key.mode.degrees()[2] == 3;
    let (tonic, mode) = match (is_minor_key, think_minor(numerals)) {
        (true, Some(false)) if numerals.iter().any(|numeral| numeral.degree == 6) => {
            ((key.tonic + 3) % 12, Mode::Major)
        }
        (true, Some(false)) => (key.tonic, Mode::Major),
        (false, Some(true)) => (key.tonic, Mode::Minor),
        _ => (key.tonic, key.mode),
    };
    numerals
        .iter()
        .map(|numeral| {
            let (semitones, quality) = resolve(*numeral, mode);
            let uses_flats = key.uses_flats() || (numeral.accidental < 0 && key.tonic != 9 && key.tonic != 4);
            Chord::new(tonic + semitones, quality, uses_flats)
        })
        .collect()
}

fn resolve(numeral: Numeral, mode: Mode) -> (u8, ChordQuality) {
    use ChordQuality as Q;
    let index = usize::from(numeral.degree - 1);
    let scale = mode.degrees();
    let is_minor = scale[2] == 3;
    let quality = numeral.quality.unwrap_or_else(|| diatonic(index, mode));
    let is_diminished = matches!(quality, Q::Diminished | Q::Diminished7 | Q::HalfDiminished7);
    let semitones = match numeral.accidental {
        0 if is_minor && is_diminished && numeral.quality.is_some() && numeral.degree >= 6 => {
            Mode::Major.degrees()[index]
        }
        0 => scale[index],
        1 => scale[index] + 1,
        _ => Mode::Major.degrees()[index] + 11,
    };
    (semitones % 12, quality)
}

/// A scale's triad on a degree (from 0); the fifth of a minor key is a dominant, and its second half-diminished.
fn diatonic(index: usize, mode: Mode) -> ChordQuality {
    use ChordQuality as Q;
    let scale = mode.degrees();
    let above = |steps: usize| (scale[(index + steps) % 7] + 12 - scale[index]) % 12;
    match (above(2), above(4)) {
        _ if mode == Mode::Minor && index == 4 => Q::Dominant7,
        (3, 6) if index == 1 => Q::HalfDiminished7,
        (3, 6) => Q::Diminished,
        (3, _) => Q::Minor,
        _ => Q::Major,
    }
}

impl std::str::FromStr for Numeral {
    type Err = ParseNumeralError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text.trim()).ok_or_else(|| ParseNumeralError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Numeral> {
    if let [digit @ b'1'..=b'7'] = text.as_bytes() {
        return Numeral::of_degree(digit - b'0');
    }
    let (accidental, rest) = match text.chars().next()? {
        'b' | '♭' => (-1, &text[text.chars().next()?.len_utf8()..]),
        '#' | '♯' => (1, &text[text.chars().next()?.len_utf8()..]),
        _ => (0, text),
    };
    let length = rest.bytes().take_while(|byte| matches!(byte, b'I' | b'V' | b'i' | b'v')).count();
    let (roman, suffix) = rest.split_at(length);
    let is_upper = roman.bytes().all(|letter| letter.is_ascii_uppercase());
    if roman.is_empty() || (!is_upper && roman.bytes().any(|letter| letter.is_ascii_uppercase())) {
        return None;
    }
    let degree = ROMAN.iter().position(|known| *known == roman.to_ascii_lowercase())? as u8 + 1;
    // The quality is written as in a chord symbol; lower case means a minor triad.
    let quality = if is_upper {
        ChordQuality::from_suffix(suffix)?
    } else {
        match suffix {
            "" | "m" | "min" | "-" => ChordQuality::Minor,
            "sus2" | "sus4" | "sus" | "5" | "h" | "h7" => ChordQuality::from_suffix(suffix)?,
            _ => ["m", ""].into_iter().find_map(|prefix| {
                ChordQuality::from_suffix(&format!("{prefix}{suffix}"))
                    .filter(|quality| quality.intervals().contains(&3))
            })?,
        }
    };
    Some(Numeral { degree, accidental, quality: Some(quality) })
}

impl std::fmt::Display for Numeral {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let accidental = ["b", "", "#"][(self.accidental + 1) as usize];
        let roman = ROMAN[usize::from(self.degree - 1)];
        let Some(quality) = self.quality else {
            return write!(formatter, "{}", self.degree);
        };
        use ChordQuality as Q;
        let (is_minor, suffix) = match quality {
            Q::Diminished => (true, "°"),
            Q::Diminished7 => (true, "°7"),
            Q::HalfDiminished7 => (true, "ø7"),
            Q::MinorMajor7 => (true, "Maj7"),
            Q::Minor | Q::Minor7 | Q::Minor9 | Q::MinorSixth | Q::MinorAdd9 => {
                (true, quality.suffix().trim_start_matches('m'))
            }
            other => (false, other.suffix()),
        };
        let roman = if is_minor { roman.to_owned() } else { roman.to_uppercase() };
        write!(formatter, "{accidental}{roman}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_key(numerals: &str, key: &str) -> String {
        let numerals: Vec<Numeral> =
            numerals.split(' ').map(|numeral| numeral.parse().expect("a numeral")).collect();
        let chords = chords_of_numerals(&numerals, key.parse().expect("a key"));
        chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numerals_mean_what_musicians_mean() {
        for (numerals, key, chords) in [
            ("i VI III VII", "A minor", "Am F C G"),
            ("i bVI bIII bVII", "A minor", "Am F C G"),
            ("I V vi IV", "C major", "C G Am F"),
            ("vi IV I V", "A minor", "Am F C G"),
            ("ii V I", "Eb major", "Fm Bb Eb"),
            ("iiø7 V7alt i", "C minor", "Dm7b5 G7 Cm"),
            ("2 5 1", "D minor", "Em7b5 A7 Dm"),
            ("2 5 1", "C major", "Dm G C"),
            ("I bVII IV", "A mixolydian", "A G D"),
            ("I VII IV", "A mixolydian", "A G D"),
            ("i bII", "E phrygian", "Em F"),
            ("i iv V7 vii°7", "A minor", "Am Dm E7 G#dim7"),
            ("#iv° V", "C major", "F#dim G"),
            ("Imaj7 vi7 ii9 V13", "F major", "Fmaj7 Dm7 Gm9 C9"),
            ("IV iv I", "G major", "C Cm G"),
            ("I5 bVII5 Vsus4", "D major", "D5 C5 Asus4"),
            ("III+ viio iM7 IΔ", "C minor", "Ebaug Bdim CmMaj7 Cmaj7"),
        ] {
            assert_eq!(in_key(numerals, key), chords, "{numerals} in {key}");
        }
    }

    #[test]
    fn other_words_are_no_numerals() {
        for text in ["", "b", "x", "vx", "Iv", "ivory", "villain", "8", "0", "bb", "i'm", "#", "vii°°"] {
            assert!(text.parse::<Numeral>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_round_trip_and_never_panic(text in "[b#♭]?[iIvV]{1,4}[a-zA-Z0-9°øΔ+]{0,4}") {
            if let Ok(numeral) = text.parse::<Numeral>() {
                prop_assert_eq!(numeral.to_string().parse(), Ok(numeral));
                for mode in Mode::ALL {
                    let chords = chords_of_numerals(&[numeral], Key { tonic: 4, mode });
                    prop_assert!(chords[0].root < 12);
                }
            }
        }
    }
}
