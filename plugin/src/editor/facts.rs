//! How a prompt is understood: the facts behind the chips.

use resonantgen_music::plan::{Chord, Key, Meter, Plan};
use resonantgen_music::track::Track;
use resonantgen_session::{Overrides, Request, Session};
use resonantgen_words::{Intent, Slot, Style, TextUnderstanding, understood};

/// Origin of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The prompt says so.
    Prompt,
    /// The user has fixed it.
    Fixed,
    /// The host provides it.
    Host,
    /// The program chose it, or will.
    Chosen,
    /// Locked takes determine it.
    Kept,
}

impl Source {
    /// The origin in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Prompt => "from the prompt",
            Self::Fixed => "fixed by you",
            Self::Host => "from the host",
            Self::Chosen => "left open by the prompt",
            Self::Kept => "set by locked tracks",
        }
    }
}

/// One fact; its value is `None` if it stays open until something is generated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact<T> {
    /// The value.
    pub value: Option<T>,
    /// Its origin.
    pub source: Source,
}

/// What is requested besides the prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraints {
    /// Facts fixed by the user; bars come from their parameter.
    pub overrides: Overrides,
    /// The host's tempo, if it is followed.
    pub host_bpm: Option<f64>,
}

/// How a prompt would be understood; or, if it is still the session's prompt, what the session was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Style.
    pub style: Fact<Style>,
    /// Name of the style, also of a mix of several.
    pub style_name: String,
    /// Tempo.
    pub bpm: Fact<f64>,
    /// Key.
    pub key: Fact<Key>,
    /// Meter.
    pub meter: Fact<Meter>,
    /// Bars.
    pub bars: Fact<u32>,
    /// Chords, one per half bar.
    pub chords: Fact<Vec<Chord>>,
    /// Other facts that were understood.
    pub others: Vec<String>,
    /// Words that were not understood.
    pub unknown: Vec<String>,
    /// Why the prompt cannot be used.
    pub error: Option<String>,
}

impl Facts {
    /// Reads the prompt as a generation would; `text` is consulted if the words leave something open.
    #[must_use]
    pub fn of(
        prompt: &str,
        constraints: &Constraints,
        session: &Session,
        text: Option<&dyn TextUnderstanding>,
    ) -> Self {
        let facts = Overrides {
            bpm: constraints.host_bpm.or(constraints.overrides.bpm),
            ..constraints.overrides.clone()
        };
        let request = Request::generate(prompt).facts(facts);
        match session.prepare(&request, text) {
            Ok((intent, plan)) => {
                let made = session.plan.as_ref().filter(|_| session.prompt == prompt);
                Self::from(&intent, &plan, made, constraints, session)
            }
            Err(error) => Self::broken(error.to_string()),
        }
    }

    fn broken(error: String) -> Self {
        const fn open<T>() -> Fact<T> {
            Fact { value: None, source: Source::Chosen }
        }
        Self {
            style: open(),
            style_name: "style".to_owned(),
            bpm: open(),
            key: open(),
            meter: open(),
            bars: open(),
            chords: open(),
            others: Vec::new(),
            unknown: Vec::new(),
            error: Some(error),
        }
    }

    fn from(
        intent: &Intent,
        next: &Plan,
        made: Option<&Plan>,
        constraints: &Constraints,
        session: &Session,
    ) -> Self {
        let fixed = &constraints.overrides;
        let is_kept = Track::ALL.into_iter().any(|track| {
            let state = session.track(track);
            state.locked && state.take().is_some()
        });
        let source = |is_fixed: bool, is_said: bool| match (is_kept, is_fixed, is_said) {
            (true, ..) => Source::Kept,
            (_, true, _) => Source::Fixed,
            (_, _, true) => Source::Prompt,
            _ => Source::Chosen,
        };
        // Random choices are known only after generating.
        let shown = |source: Source| match source {
            Source::Chosen => made,
            _ => Some(next),
        };
        let bpm_source = match source(fixed.bpm.is_some(), intent.bpm.is_some()) {
            Source::Kept => Source::Kept,
            _ if constraints.host_bpm.is_some() => Source::Host,
            other => other,
        };
        let key_source = source(fixed.key.is_some(), intent.key.is_some());
        let chords_source = source(fixed.chords.is_some(), intent.chords.is_some());
        let pieces = understood(intent);
        let texts = |wanted: fn(Slot) -> bool| -> Vec<String> {
            pieces.iter().filter(|piece| wanted(piece.slot)).map(|piece| piece.text.clone()).collect()
        };
        let style_name = texts(|slot| slot == Slot::Style).join(" / ");
        let is_styled = !style_name.is_empty();
        Self {
            style: Fact {
                value: is_styled.then(|| intent.main_style()),
                source: match (fixed.style.is_some(), is_styled) {
                    (true, _) => Source::Fixed,
                    (_, true) => Source::Prompt,
                    _ => Source::Chosen,
                },
            },
            style_name: if is_styled { style_name } else { "any style".to_owned() },
            bpm: Fact { value: shown(bpm_source).map(|plan| plan.bpm), source: bpm_source },
            key: Fact { value: shown(key_source).map(|plan| plan.key), source: key_source },
            meter: Fact {
                value: Some(next.meter),
                source: source(fixed.meter.is_some(), intent.meter.is_some()),
            },
            bars: Fact {
                value: Some(next.bars),
                source: source(fixed.bars.is_some(), intent.bars.is_some()),
            },
            chords: Fact {
                value: shown(chords_source).map(|plan| plan.chords.clone()),
                source: chords_source,
            },
            others: texts(|slot| {
                matches!(
                    slot,
                    Slot::Swing | Slot::Mood | Slot::Instrument(_) | Slot::Track(_) | Slot::Absent(_)
                )
            }),
            unknown: intent.unknown.clone(),
            error: None,
        }
    }
}

/// A short form of the chords: runs of one chord are named once.
#[must_use]
pub fn chord_line(chords: &[Chord]) -> String {
    let mut names: Vec<String> = Vec::new();
    for chord in chords {
        let name = chord.to_string();
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    // A repeating progression is named once.
    for length in 1..names.len() {
        if names.len().is_multiple_of(length) && names.chunks(length).all(|part| *part == names[..length]) {
            names.truncate(length);
            break;
        }
    }
    names.join(" ")
}

/// Parses chord symbols separated by blanks, commas or bars ("Am | F | C G").
///
/// # Errors
/// Returns a message that names the first word that is not a chord.
pub fn read_chords(text: &str) -> Result<Vec<Chord>, String> {
    text.split([' ', ',', '|', '-', '–'])
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(|error: resonantgen_music::plan::ParseChordError| error.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraints() -> Constraints {
        Constraints { overrides: Overrides::default(), host_bpm: None }
    }

    #[test]
    fn sources_are_told_apart() {
        let session = Session::default();
        let facts = Facts::of("dark techno in A minor", &constraints(), &session, None);
        assert_eq!((facts.style.value, facts.style.source), (Some(Style::Techno), Source::Prompt));
        assert_eq!(facts.key.value.map(|key| key.to_string()).as_deref(), Some("A minor"));
        assert_eq!((facts.bpm.value, facts.bpm.source), (None, Source::Chosen));
        assert_eq!(facts.others, ["dark"]);

        let mut asked = constraints();
        asked.host_bpm = Some(126.0);
        asked.overrides.style = Some(Style::Jazz);
        asked.overrides.bpm = Some(90.0);
        let facts = Facts::of("dark techno in A minor", &asked, &session, None);
        assert_eq!((facts.bpm.value, facts.bpm.source), (Some(126.0), Source::Host));
        assert_eq!((facts.style.value, facts.style.source), (Some(Style::Jazz), Source::Fixed));
    }

    #[test]
    fn a_prompt_that_cannot_be_read_is_said() {
        assert!(Facts::of("", &constraints(), &Session::default(), None).error.is_some());
    }

    #[test]
    fn chords_are_read_and_written_shortly() {
        let chords = read_chords("Am | F, C G7").expect("chords");
        assert_eq!(chord_line(&chords), "Am F C G7");
        let twice: Vec<Chord> = [chords.clone(), chords].concat();
        assert_eq!(chord_line(&twice), "Am F C G7");
        assert!(read_chords("Am Hx").expect_err("no chord").contains("Hx"));
    }
}
