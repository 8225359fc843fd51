//! The evaluation set of prompts (`tests/prompts`): reads it, and scores what the engine understands.

use std::collections::BTreeMap;

use resonantgen_music::plan::{ChordQuality, Key, Mode, Plan};
use resonantgen_music::track::Track;
use resonantgen_words::Overrides;
use resonantgen_words::make_plan;
use resonantgen_words::{Feel, Intent, Style};

/// Minimum distance of a moved dial from neutral.
const MOVED: f32 = 0.03;

/// One prompt and what a producer means by it.
pub struct Case {
    pub prompt: String,
    facts: Vec<String>,
}

/// Number of correct and of all answers of one kind.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub right: u32,
    pub all: u32,
}

impl Tally {
    pub fn share(self) -> f64 {
        f64::from(self.right) / f64::from(self.all.max(1))
    }
}

/// The results for a set of prompts.
#[derive(Default)]
pub struct Scores {
    pub slots: BTreeMap<&'static str, Tally>,
    /// Prompts with errors, and the errors.
    pub failures: Vec<String>,
}

impl Scores {
    pub fn total(&self) -> Tally {
        self.slots.values().fold(Tally::default(), |sum, tally| Tally {
            right: sum.right + tally.right,
            all: sum.all + tally.all,
        })
    }
}

/// The cases of a file of `tests/prompts`.
pub fn read(name: &str) -> Vec<Case> {
    let path = super::repository().join("tests/prompts").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let (prompt, facts) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("no '=>' in: {line}"));
            Case { prompt: prompt.to_owned(), facts: facts.split_whitespace().map(str::to_owned).collect() }
        })
        .collect()
}

/// Scores `understand` on `cases`.
pub fn score(cases: &[Case], understand: impl Fn(&str) -> Intent) -> Scores {
    let mut scores = Scores::default();
    for case in cases {
        let intent = understand(&case.prompt);
        let plan = make_plan(&intent, &Overrides::default(), 1).unwrap();
        let mut wrong = Vec::new();
        for (slot, fact, is_right) in case.check(&intent, &plan) {
            let tally = scores.slots.entry(slot).or_default();
            tally.all += 1;
            tally.right += u32::from(is_right);
            if !is_right {
                wrong.push(fact);
            }
        }
        if !wrong.is_empty() {
            let unknown = intent.unknown.join(" ");
            let line = format!("{}: {} in {} ?{unknown}", case.prompt, wrong.join(" "), intent.summary());
            scores.failures.push(line);
        }
    }
    scores
}

impl Case {
    /// Slot, fact and whether it was found, for all stated facts; then facts that were found but not stated.
    fn check(&self, intent: &Intent, plan: &Plan) -> Vec<(&'static str, String, bool)> {
        let mut checked: Vec<(&'static str, String, bool)> = self
            .facts
            .iter()
            .map(|fact| one(fact, intent, plan))
            .map(|(slot, fact, is_right)| (slot, fact.to_owned(), is_right))
            .collect();
        let has = |prefix: &str| self.facts.iter().any(|fact| fact.starts_with(prefix));
        let invented = [
            ("tempo", "bpm=", intent.bpm.is_some()),
            ("key", "key=", intent.key.is_some()),
            ("meter", "meter=", intent.meter.is_some_and(|meter| meter.to_string() != "4/4")),
            ("bars", "bars=", intent.bars.is_some()),
            ("chords", "chords=", intent.chords.is_some()),
            ("chords", "roots=", !intent.numerals.is_empty()),
            ("feel", "feel=", intent.feel.is_some()),
        ];
        for (slot, prefix, is_found) in invented {
            if is_found && !has(prefix) {
                checked.push((slot, format!("no {prefix}"), false));
            }
        }
        for track in Track::ALL {
            if intent.track(track).absent && !has(&format!("-{track}")) {
                checked.push(("absent", format!("+{track}"), false));
            }
        }
        checked
    }
}

fn one<'a>(fact: &'a str, intent: &Intent, plan: &Plan) -> (&'static str, &'a str, bool) {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let stated = fact.strip_prefix("bpm");
    if let Some(most) = stated.and_then(|rest| rest.strip_prefix('<')) {
        return ("tempo", fact, plan.bpm < number(most));
    }
    if let Some(least) = stated.and_then(|rest| rest.strip_prefix('>')) {
        return ("tempo", fact, plan.bpm > number(least));
    }
    if let Some((low, high)) = stated.and_then(|rest| rest.strip_prefix('=')?.split_once("..")) {
        return ("tempo", fact, (number(low)..=number(high)).contains(&plan.bpm));
    }
    if let Some(bars) = fact.strip_prefix("bars~") {
        return ("bars", fact, plan.bars == bars.parse::<u32>().unwrap());
    }
    if let Some((track, word)) = fact.split_once('!') {
        let unwanted = &intent.track(track.parse().unwrap()).without;
        return ("without", fact, unwanted.iter().any(|tag| *tag == word.replace('_', " ")));
    }
    if let Some(word) = fact.strip_prefix("said=") {
        return ("said", fact, intent.notices().iter().any(|notice| notice.contains(word)));
    }
    if let Some(name) = fact.strip_prefix("genre=") {
        return ("genre", fact, intent.main_genre().is_some_and(|genre| genre.name == name));
    }
    if let Some(name) = fact.strip_prefix('-') {
        return ("absent", fact, intent.track(name.parse().unwrap()).absent);
    }
    if let Some((track, rest)) = fact.split_once(':') {
        let description = intent.track(track.parse().unwrap());
        let is_right = match rest.strip_prefix("oct") {
            Some(octaves) => description.octave == octaves.parse::<i8>().unwrap(),
            None => is_moved(description.attributes.to_array(), rest),
        };
        return ("of a track", fact, is_right);
    }
    let Some((name, value)) = fact.split_once('=') else {
        return ("mood", fact, is_moved(intent.attributes.to_array(), fact));
    };
    let any = |is_it: &dyn Fn(&str) -> bool| value.split('/').any(is_it);
    let key = |text: &str| text.replace('_', " ").parse::<Key>().unwrap();
    match name {
        "style" => {
            let main = intent.main_style();
            (
                "style",
                fact,
                intent.styles[main.index()] > 0.2 && any(&|name| main == name.parse::<Style>().unwrap()),
            )
        }
        "bpm" => ("tempo", fact, intent.bpm == Some(value.parse().unwrap())),
        "pace" => ("tempo", fact, if value == "slow" { intent.pace < 0.0 } else { intent.pace > 0.0 }),
        "key" => ("key", fact, any(&|name| intent.key == Some(key(name)))),
        "mode" => {
            let is_minor = |mode: Mode| mode.degrees()[2] == 3;
            let mode = intent.key.map(|key| key.mode).or(intent.mode);
            ("key", fact, mode.is_some_and(|mode| is_minor(mode) == (value == "minor")))
        }
        "meter" => (
            "meter",
            fact,
            intent.meter == Some(value.parse().unwrap()) || (value == "4/4" && intent.meter.is_none()),
        ),
        "bars" => ("bars", fact, intent.bars == Some(value.parse().unwrap())),
        "swing" => {
            let is_swung = intent.swing.map(|ratio| ratio > 0.505);
            ("swing", fact, is_swung == Some(value == "yes"))
        }
        "feel" => {
            let feel = if value == "half" { Feel::HalfTime } else { Feel::DoubleTime };
            ("feel", fact, intent.feel == Some(feel))
        }
        "chords" => {
            let expected = value.split(',').map(|chord| chord.parse().unwrap()).collect::<Vec<_>>();
            ("chords", fact, intent.chords.as_ref() == Some(&expected))
        }
        "roots" => {
            ("chords", fact, !intent.numerals.is_empty() && roots(plan, value.split(',').count()) == value)
        }
        track => {
            let instruments = &intent.track(track.parse().unwrap()).instruments;
            let plain = |text: &str| text.replace('_', " ");
            ("instrument", fact, any(&|word| instruments.iter().any(|tag| tag.contains(&plain(word)))))
        }
    }
}

/// Whether the dial that `fact` names ("b-") has moved that way.
fn is_moved(dials: [f32; 5], fact: &str) -> bool {
    let dial = dials["edbac".find(&fact[..1]).unwrap()] - 0.5;
    if fact.ends_with('-') { dial < -MOVED } else { dial > MOVED }
}

/// The plan's first `count` chord changes, as semitones above the tonic.
fn roots(plan: &Plan, count: usize) -> String {
    let mut chords = plan.chords.clone();
    chords.dedup();
    let kind = |quality: ChordQuality| {
        let intervals = quality.intervals();
        match (intervals.contains(&3), intervals.contains(&6)) {
            (true, true) => "d",
            (true, false) => "m",
            (false, _) => "M",
        }
    };
    chords
        .iter()
        .take(count)
        .map(|chord| format!("{}{}", (chord.root + 12 - plan.key.tonic) % 12, kind(chord.quality)))
        .collect::<Vec<_>>()
        .join(",")
}
