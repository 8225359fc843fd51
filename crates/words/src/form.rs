//! The form of a song: its sections, their order and lengths, and the rules for each kind of section.
//!
//! The kinds of sections and their rules are data (`form/sections.toml`), and so are the forms of genres (`genre/genres.toml`).
//!
//! ```
//! use resonantgen_words::form::{Form, SectionKind};
//!
//! let form: Form = "intro 8, verse 16, chorus 8, verse 16, chorus 16, outro 8".parse()?;
//! assert_eq!((form.parts().len(), form.bars()), (6, 72));
//! assert_eq!(form.parts()[1].kind, SectionKind::Verse);
//! # Ok::<(), resonantgen_words::form::FormError>(())
//! ```

mod read;
mod rules;
mod scale;

pub use rules::{ChordRule, Level, SectionRules, rules_of};
pub use scale::{Length, ParseLengthError};

use resonantgen_music::plan::BARS_RANGE;

/// Maximum number of different sections in a song.
pub const MOST_SECTIONS: usize = 16;
/// Maximum number of entries in a song's order.
pub const MOST_PARTS: usize = 64;
/// Maximum number of repeats of one entry.
pub const MOST_REPEATS: u32 = 16;
/// Maximum length of a song, in bars.
pub const MOST_BARS: u32 = 1024;

/// The role of a section in its song.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum SectionKind {
    Intro,
    Verse,
    Build,
    Chorus,
    Drop,
    Break,
    Bridge,
    Solo,
    Head,
    Outro,
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
}

impl SectionKind {
    /// All kinds.
    pub const ALL: [Self; 18] = [
        Self::Intro,
        Self::Verse,
        Self::Build,
        Self::Chorus,
        Self::Drop,
        Self::Break,
        Self::Bridge,
        Self::Solo,
        Self::Head,
        Self::Outro,
        Self::A,
        Self::B,
        Self::C,
        Self::D,
        Self::E,
        Self::F,
        Self::G,
        Self::H,
    ];

    /// Lower-case name, used in records and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intro => "intro",
            Self::Verse => "verse",
            Self::Build => "build",
            Self::Chorus => "chorus",
            Self::Drop => "drop",
            Self::Break => "break",
            Self::Bridge => "bridge",
            Self::Solo => "solo",
            Self::Head => "head",
            Self::Outro => "outro",
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::D => "d",
            Self::E => "e",
            Self::F => "f",
            Self::G => "g",
            Self::H => "h",
        }
    }

    /// Capitalised name, for display.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Intro => "Intro",
            Self::Verse => "Verse",
            Self::Build => "Build",
            Self::Chorus => "Chorus",
            Self::Drop => "Drop",
            Self::Break => "Break",
            Self::Bridge => "Bridge",
            Self::Solo => "Solo",
            Self::Head => "Head",
            Self::Outro => "Outro",
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::E => "E",
            Self::F => "F",
            Self::G => "G",
            Self::H => "H",
        }
    }

    /// The kind with that [name](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Default colour on a song's strip: red, green, blue. Kinds with the same purpose share a colour.
    #[must_use]
    pub const fn colour(self) -> [u8; 3] {
        match self {
            Self::Intro => [91, 124, 153],
            Self::Verse | Self::A => [88, 160, 142],
            Self::Build | Self::G => [214, 158, 72],
            Self::Chorus | Self::Drop | Self::D => [222, 96, 92],
            Self::Head | Self::B => [196, 112, 160],
            Self::Break | Self::C => [104, 116, 190],
            Self::Bridge | Self::E => [150, 118, 196],
            Self::Solo | Self::F => [228, 190, 92],
            Self::Outro | Self::H => [122, 128, 142],
        }
    }

    /// Priority for being the main section, the one that a loop becomes. The lowest is preferred.
    #[must_use]
    pub const fn rank_as_main(self) -> u32 {
        match self {
            Self::Drop => 0,
            Self::Chorus => 1,
            Self::Head => 2,
            Self::A => 3,
            Self::Verse => 4,
            Self::B | Self::C | Self::D | Self::E | Self::F | Self::G | Self::H => 5,
            Self::Solo | Self::Bridge => 6,
            Self::Break | Self::Build => 7,
            Self::Intro | Self::Outro => 8,
        }
    }
}

impl std::fmt::Display for SectionKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text is not a kind of section.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a section: {known}", known = known_sections())]
pub struct ParseKindError(pub String);

impl std::str::FromStr for SectionKind {
    type Err = ParseKindError;

    /// Parses a name in any of the known languages ("hook", "Strophe", "estribillo"). Case and hyphens are ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.trim().to_lowercase().replace(['-', '_'], " ");
        rules::kind_of(&plain).ok_or_else(|| ParseKindError(text.trim().to_owned()))
    }
}

fn known_sections() -> &'static str {
    "use intro, verse, build, chorus (or hook), drop, break, bridge, solo, head, outro, or A to H"
}

/// One entry of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormPart {
    /// Kind of section.
    pub kind: SectionKind,
    /// Name: as typed ("Hook"), or else the kind's title.
    pub name: String,
    /// Length of one pass in bars.
    pub bars: u32,
    /// Number of times it is played in a row, at least 1.
    pub repeats: u32,
}

/// The order and lengths of a song's sections. Never empty, and within the limits of this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    parts: Vec<FormPart>,
}

/// Why a form cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FormError {
    /// It contains no sections.
    #[error(
        "the form is empty: write sections with their bars, like \"intro 8, verse 16, chorus 8, outro 8\""
    )]
    Empty,
    /// A word is not the name of a section.
    #[error("'{word}' is not a section: {}", known_sections())]
    UnknownWord {
        /// The word.
        word: String,
    },
    /// A length does not belong to any section.
    #[error("\"{text}\" gives {bars} bars, but names no section: write like \"verse {bars}\"")]
    NoSection {
        /// The part of the form.
        text: String,
        /// The length.
        bars: u32,
    },
    /// A length is out of range.
    #[error("{name} has {bars} bars: a section has {least} to {most}", least = BARS_RANGE.start(), most = BARS_RANGE.end())]
    Bars {
        /// Name of the section.
        name: String,
        /// The length that was typed.
        bars: u64,
    },
    /// A number of repeats is out of range.
    #[error("{name} cannot be played {repeats} times: use 1 to {MOST_REPEATS}")]
    Repeats {
        /// Name of the section.
        name: String,
        /// The number that was typed.
        repeats: u64,
    },
    /// There are too many entries.
    #[error(
        "the form has {count} sections: a song has at most {MOST_PARTS} in its order, {MOST_SECTIONS} of them different"
    )]
    TooManyParts {
        /// Number of sections.
        count: usize,
    },
    /// The song is too long.
    #[error("the form has {bars} bars: a song has at most {MOST_BARS}")]
    TooLong {
        /// Length of the form in bars.
        bars: u64,
    },
    /// An intro is not the first section.
    #[error(
        "{name} comes after other sections, but an intro opens the song: put it first, or call it a break"
    )]
    IntroNotFirst {
        /// Name of the section.
        name: String,
    },
    /// An outro is not the last section.
    #[error(
        "{name} comes before other sections, but an outro ends the song: put it last, or call it a break"
    )]
    OutroNotLast {
        /// Name of the section.
        name: String,
    },
}

impl Form {
    /// Creates a form from its parts.
    ///
    /// # Errors
    /// Returns an error if there are no parts or too many, if a part or the song is too long, or if an intro is not first or an
    /// outro not last.
    pub fn new(parts: Vec<FormPart>) -> Result<Self, FormError> {
        if parts.is_empty() {
            return Err(FormError::Empty);
        }
        if parts.len() > MOST_PARTS {
            return Err(FormError::TooManyParts { count: parts.len() });
        }
        for part in &parts {
            if !BARS_RANGE.contains(&part.bars) {
                return Err(FormError::Bars { name: part.name.clone(), bars: part.bars.into() });
            }
            if !(1..=MOST_REPEATS).contains(&part.repeats) {
                return Err(FormError::Repeats { name: part.name.clone(), repeats: part.repeats.into() });
            }
        }
        let bars: u64 = parts.iter().map(|part| u64::from(part.bars) * u64::from(part.repeats)).sum();
        if bars > u64::from(MOST_BARS) {
            return Err(FormError::TooLong { bars });
        }
        if let Some(part) = parts.iter().skip(1).find(|part| part.kind == SectionKind::Intro) {
            return Err(FormError::IntroNotFirst { name: part.name.clone() });
        }
        if let Some(part) = parts.iter().rev().skip(1).find(|part| part.kind == SectionKind::Outro) {
            return Err(FormError::OutroNotLast { name: part.name.clone() });
        }
        Ok(Self { parts })
    }

    /// The parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[FormPart] {
        &self.parts
    }

    /// Length in bars, including repeats.
    #[must_use]
    pub fn bars(&self) -> u32 {
        self.parts.iter().map(|part| part.bars * part.repeats).sum()
    }

    /// Index of the part that an existing loop becomes: the first drop, or else the first chorus, head or A, and so on.
    #[must_use]
    pub fn main_part(&self) -> usize {
        let rank = |index: &usize| (self.parts[*index].kind.rank_as_main(), *index);
        (0..self.parts.len()).min_by_key(rank).unwrap_or_default()
    }
}

impl std::str::FromStr for Form {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read::form(text)
    }
}

impl std::fmt::Display for Form {
    /// Formats the form as it can be typed: "Intro 8, Verse 16 x2".
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(formatter, "{comma}{} {}", part.name, part.bars)?;
            if part.repeats > 1 {
                write!(formatter, " x{}", part.repeats)?;
            }
        }
        Ok(())
    }
}
