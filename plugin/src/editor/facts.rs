//! How a prompt is understood: the facts behind the chips.

use resonantgen_music::plan::{Chord, Key, Meter, Plan};
use resonantgen_music::track::Track;
use resonantgen_session::{Overrides, Request, Session};
use resonantgen_words::{Intent, Slot, Style, TextUnderstanding, understood};

use super::ruler::bars_in_words;
use super::view::Trimmed;

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
    /// What plays, where that differs: the value holds for the next generation.
    pub plays: Option<T>,
}

impl<T: PartialEq> Fact<T> {
    fn new(value: Option<T>, source: Source) -> Self {
        Self { value, source, plays: None }
    }

    fn beside(mut self, plays: Option<T>) -> Self {
        self.plays = plays.filter(|plays| self.value.as_ref().is_some_and(|value| value != plays));
        self
    }
}

/// A part of the prompt that is overridden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overruled {
    /// The request in the prompt, like "7/8".
    pub asked: String,
    /// Why it cannot be met and how it could be, in a sentence.
    pub why: String,
}

impl Overruled {
    fn of<T: PartialEq>(
        asked: Option<T>,
        taken: &T,
        source: Source,
        text: impl Fn(&T) -> String,
    ) -> Option<Self> {
        let asked = text(&asked.filter(|asked| asked != taken)?);
        let taken = text(taken);
        let why = match source {
            Source::Kept => format!("{asked}: locked tracks keep {taken}. Unlock them to have it"),
            Source::Host => {
                format!("{asked}: new takes follow the host's {taken}. Click the tempo to change that")
            }
            Source::Fixed => format!("{asked}: you have fixed {taken}. Double-click its chip to let it go"),
            Source::Prompt | Source::Chosen => return None,
        };
        Some(Self { asked, why })
    }
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
    /// Requests of the prompt that are overridden.
    pub overruled: Vec<Overruled>,
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
        fn open<T: PartialEq>() -> Fact<T> {
            Fact::new(None, Source::Chosen)
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
            overruled: Vec::new(),
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
        let meter_source = source(fixed.meter.is_some(), intent.meter.is_some());
        let bars_source = source(fixed.bars.is_some(), intent.bars.is_some());
        let style_source = match (fixed.style.is_some(), is_styled) {
            (true, _) => Source::Fixed,
            (_, true) => Source::Prompt,
            _ => Source::Chosen,
        };
        let plays = session.plan.as_ref();
        let bpm_text = |bpm: &f64| format!("{} bpm", Trimmed(*bpm));
        let overruled = [
            Overruled::of(intent.bpm, &next.bpm, bpm_source, bpm_text),
            Overruled::of(intent.key, &next.key, key_source, Key::to_string),
            Overruled::of(intent.meter, &next.meter, meter_source, Meter::to_string),
            Overruled::of(intent.bars, &next.bars, bars_source, |bars| bars_in_words(*bars)),
            intent
                .chords
                .as_ref()
                .filter(|chords| chords.iter().any(|chord| !next.chords.contains(chord)))
                .and_then(|chords| {
                    Overruled::of(Some(chords.clone()), &next.chords, chords_source, |chords| {
                        chord_line(chords)
                    })
                }),
        ];
        Self {
            style: Fact::new(is_styled.then(|| intent.main_style()), style_source),
            style_name: if is_styled { style_name } else { "any style".to_owned() },
            bpm: Fact::new(shown(bpm_source).map(|plan| plan.bpm), bpm_source)
                .beside(plays.map(|plan| plan.bpm)),
            key: Fact::new(shown(key_source).map(|plan| plan.key), key_source)
                .beside(plays.map(|plan| plan.key)),
            meter: Fact::new(Some(next.meter), meter_source).beside(plays.map(|plan| plan.meter)),
            bars: Fact::new(Some(next.bars), bars_source).beside(plays.map(|plan| plan.bars)),
            chords: Fact::new(shown(chords_source).map(|plan| plan.chords.clone()), chords_source)
                .beside(plays.map(|plan| plan.chords.clone())),
            others: texts(|slot| {
                matches!(
                    slot,
                    Slot::Swing | Slot::Mood | Slot::Instrument(_) | Slot::Track(_) | Slot::Absent(_)
                )
            }),
            unknown: intent.unknown.clone(),
            overruled: overruled.into_iter().flatten().collect(),
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
    fn what_overrules_the_prompt_and_what_is_not_made_yet_is_said() {
        let mut session = crate::editor::tests::fixture();
        let facts = Facts::of("70 bpm reggae in C minor", &constraints(), &session, None);
        assert_eq!(
            facts.key.plays.map(|key| key.to_string()).as_deref(),
            Some("A minor"),
            "it is not made yet"
        );
        assert_eq!(facts.overruled, []);
        let same = Facts::of(&session.prompt.clone(), &constraints(), &session, None);
        assert_eq!((same.key.plays, same.bpm.plays), (None, None), "it is what plays");

        let host = Constraints { host_bpm: Some(120.0), ..constraints() };
        let facts = Facts::of("70 bpm reggae", &host, &session, None);
        assert_eq!(facts.overruled.len(), 1);
        assert!(facts.overruled[0].why.contains("70 bpm: new takes follow the host's 120 bpm"));

        session.track_mut(Track::Harmony).locked = true;
        let facts = Facts::of("7/8, 200 bpm, reggae", &constraints(), &session, None);
        let asked: Vec<&str> = facts.overruled.iter().map(|fact| fact.asked.as_str()).collect();
        assert_eq!(asked, ["200 bpm", "7/8"]);
        assert!(facts.overruled[1].why.contains("locked tracks keep 4/4"), "{:?}", facts.overruled);
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
