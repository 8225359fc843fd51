//! Earlier requests, and the takes that answered them.
//!
//! A song that automates regeneration makes the same requests on every pass. The recipe of a take says what it was made for, but
//! getting from a request to a recipe needs the models. With the answers, a project plays its song again without models, with
//! newer ones, and without loading any.

use sha2::{Digest, Sha256};

use super::{Operation, Overrides, Request, Session};
use hex::encode as hex;
use resonantgen_music::plan::Plan;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::canonical::Canonical;
use resonantgen_take::{GenerationSettings, TakeId};
use resonantgen_words::Reference;

/// Maximum number of answers. A song with more requests is partly generated again.
const MOST_ANSWERS: usize = 64;

/// A request and everything in a session that its result depends on, except the models: the SHA-256 of both, in hex. The form of
/// what is hashed is frozen, so that every later version finds a question again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    form: QuestionForm,
    sha256: String,
}

/// The form of what was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuestionForm {
    /// The JSON of record forms 1 to 3.
    Json,
    /// [`Canonical`].
    Canonical,
}

impl Question {
    /// Prefix of a question of the current form.
    const PREFIX: &str = "2:";

    /// Reads a stored question; without a prefix it is from record forms 1 to 3.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (form, sha256) = match text.strip_prefix(Self::PREFIX) {
            Some(sha256) => (QuestionForm::Canonical, sha256),
            None => (QuestionForm::Json, text),
        };
        Self { form, sha256: sha256.to_owned() }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prefix = if self.form == QuestionForm::Canonical { Self::PREFIX } else { "" };
        write!(formatter, "{prefix}{}", self.sha256)
    }
}

/// The takes that were playing after a question was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// The takes that played afterwards (index as [`Track::ALL`]).
    pub takes: [Option<TakeId>; TRACK_COUNT],
}

/// What is hashed.
struct Asked<'a> {
    /// The prompt, or the words of an edit.
    words: &'a str,
    /// The session's prompt before; empty if nothing depends on it.
    prompt_before: &'a str,
    overrides: Option<&'a Overrides>,
    seed: u64,
    settings: GenerationSettings,
    candidates: u32,
    reference: Option<&'a Reference>,
    tracks: Vec<Track>,
    /// Takes that the result depends on.
    takes: [Option<&'a TakeId>; TRACK_COUNT],
    /// The plan of kept takes; `None` if none are kept.
    plan: Option<&'a Plan>,
    /// Words of earlier edits that are kept.
    edits: Vec<(Track, &'a str)>,
    /// Sounds that are held.
    sounds: Vec<(Track, &'a str)>,
}

impl Asked<'_> {
    fn question(&self) -> Question {
        let mut text = Canonical::new("question/2");
        text.text("words", self.words);
        text.text("prompt before", self.prompt_before);
        text.whole("seed", self.seed);
        text.settings(self.settings);
        // Questions without a choice keep their identity.
        text.list("candidates", (self.candidates > 1).then_some(self.candidates));
        if let Some(reference) = self.reference {
            text.reference("asked", reference);
        }
        text.list("track", &self.tracks);
        for (track, id) in Track::ALL.into_iter().zip(self.takes) {
            text.list(&format!("{track} take"), id.map(|id| &id.0));
        }
        if let Some(Overrides { bpm, key, meter, bars, chords, numerals, style }) = self.overrides {
            text.text("facts", "");
            if let Some(bpm) = bpm {
                text.number("fixed bpm", *bpm);
            }
            text.list("fixed key", key);
            text.list("fixed meter", meter);
            text.list("fixed bars", bars);
            text.list("fixed chord", chords.iter().flatten());
            text.list("fixed numeral", numerals.iter().flatten());
            text.list("fixed style", style.map(|style| style.name()));
        }
        if let Some(plan) = self.plan {
            text.text("plan", "");
            text.plan(plan);
        }
        for (track, words) in &self.edits {
            text.text(&format!("{track} edit"), words);
        }
        for (track, sound) in &self.sounds {
            text.text(&format!("{track} sound"), sound);
        }
        Question { form: QuestionForm::Canonical, sha256: text.hash() }
    }

    /// The question as record forms 1 to 3 stored it: the SHA-256 of the JSON that those versions wrote. Frozen.
    fn question_of_json(&self) -> Question {
        let ids = self.takes.map(|id| id.map_or("null".to_owned(), |id| json_text(&id.0)));
        let settings = self.settings;
        let json = format!(
            "{{\"words\":{},\"prompt_before\":{},\"overrides\":{},\"seed\":{},\
             \"settings\":{{\"variation\":{:?},\"adherence\":{:?}}},\"tracks\":{},\"takes\":[{}],\"plan\":{}}}",
            json_text(self.words),
            json_text(self.prompt_before),
            self.overrides.map_or("null".to_owned(), json_overrides),
            self.seed,
            settings.variation,
            settings.adherence,
            json_texts(&self.tracks),
            ids.join(","),
            self.plan.map_or("null".to_owned(), json_plan),
        );
        Question { form: QuestionForm::Json, sha256: hex(Sha256::digest(json.as_bytes())) }
    }
}

fn json_overrides(overrides: &Overrides) -> String {
    let Overrides { bpm, key, meter, bars, chords, numerals, style } = overrides;
    let null = || "null".to_owned();
    format!(
        "{{\"bpm\":{},\"key\":{},\"meter\":{},\"bars\":{},\"chords\":{},\"numerals\":{},\"style\":{}}}",
        bpm.map_or_else(null, |bpm| format!("{bpm:?}")),
        key.map_or_else(null, |key| json_text(&key.to_string())),
        meter.map_or_else(null, |meter| json_text(&meter.to_string())),
        bars.map_or_else(null, |bars| bars.to_string()),
        chords.as_ref().map_or_else(null, |chords| json_texts(chords)),
        numerals.as_ref().map_or_else(null, |numerals| json_texts(numerals)),
        style.map_or_else(null, |style| json_text(style.name())),
    )
}

fn json_plan(plan: &Plan) -> String {
    format!(
        "{{\"bpm\":{:?},\"key\":{},\"meter\":{},\"bars\":{},\"chords\":{},\"swing\":{{\"unit_steps\":{},\"ratio\":{:?}}}}}",
        plan.bpm,
        json_text(&plan.key.to_string()),
        json_text(&plan.meter.to_string()),
        plan.bars,
        json_texts(&plan.chords),
        plan.swing.unit_steps,
        plan.swing.ratio,
    )
}

fn json_texts<T: std::fmt::Display>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(|item| json_text(&item.to_string())).collect();
    format!("[{}]", texts.join(","))
}

fn json_text(text: &str) -> String {
    let mut json = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            letter if letter < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => json.push(letter),
        }
    }
    json.push('"');
    json
}

impl Session {
    /// The question that `request` stands for in the current session.
    #[must_use]
    pub fn question(&self, request: &Request) -> Question {
        self.asked(request).question()
    }

    fn asked<'a>(&'a self, request: &'a Request) -> Asked<'a> {
        let id = |track: Track| self.track(track).take().map(|take| &take.id);
        let tracks: Vec<Track> = self.targets(request).collect();
        let is_edit = request.operation == Operation::Edit;
        let held = |track: &Track| Some((*track, self.track(*track).held_sound.as_deref()?));
        let sounds = tracks.iter().filter_map(held).collect();
        let takes = Track::ALL.map(|track| id(track).filter(|_| is_edit || !tracks.contains(&track)));
        // A generation does not depend on the previous prompt and plan unless takes are kept. With kept drums, a new prompt
        // brings new harmony.
        let is_new = !is_edit && takes.iter().all(Option::is_none);
        Asked {
            words: &request.words,
            prompt_before: if is_new { "" } else { &self.prompt },
            overrides: (!is_edit).then_some(&request.facts),
            seed: self.seed_of(request),
            settings: request.settings,
            candidates: request.candidates,
            reference: request.reference.as_ref(),
            tracks,
            takes,
            plan: self.plan.as_ref().filter(|_| !is_new),
            edits: self.kept_edits(request),
            sounds,
        }
    }

    /// Records that the currently playing takes answer `question`, which was computed before they were made. Replaces an older
    /// answer.
    pub fn note_answer(&mut self, question: Question) {
        let takes = Track::ALL.map(|track| self.track(track).take().map(|take| take.id.clone()));
        self.answers.retain(|answer| answer.question != question);
        self.answers.push_back(Answer { question, takes });
        self.forget_answers();
    }

    /// Plays the takes that answered `request` before, if the histories still have them; returns whether they do. The takes may be
    /// asleep. This can be undone, and leaves the session as the first answer did.
    pub fn answer_again(&mut self, request: &Request) -> bool {
        let asked = self.asked(request);
        let (question, seed) = (asked.question(), asked.seed);
        let found = self.answers.iter().position(|answer| answer.question == question).or_else(|| {
            // The answer may come from a project of an older version.
            let old = asked.question_of_json();
            self.answers.iter().position(|answer| answer.question == old)
        });
        let Some(index) = found else { return false };
        let answer = &self.answers[index];
        let known = |track: Track| {
            let Some(id) = &answer.takes[track.index()] else { return Some(None) };
            // Another section may have asked the same.
            self.states(track).find_map(|state| Some(Some(state.history[state.position(id)?].clone())))
        };
        let Some(takes) = Track::ALL.into_iter().map(known).collect::<Option<Vec<_>>>() else { return false };
        let made = self.targets(request).find_map(|track| takes[track.index()].as_ref());
        let Some(recipe) = made.map(|take| take.recipe.clone()) else { return false };
        self.answers[index].question = question;
        self.remember();
        for (track, take) in Track::ALL.into_iter().zip(takes) {
            let state = self.track_mut(track);
            match take {
                Some(take) if state.take().is_none_or(|playing| playing.id != take.id) => state.add(take),
                Some(_) => {}
                None => state.play(None),
            }
        }
        if request.operation == Operation::Generate {
            self.prompt.clone_from(&request.words);
            self.intent = Some(recipe.intent);
            self.seed = seed;
        }
        self.plan = Some(recipe.plan);
        true
    }

    /// Drops the oldest answers beyond the maximum, and answers whose takes are gone.
    pub(super) fn forget_answers(&mut self) {
        let mut answers = std::mem::take(&mut self.answers);
        answers.retain(|answer| {
            let has = |(track, id): (Track, &Option<TakeId>)| {
                id.as_ref().is_none_or(|id| self.states(track).any(|state| state.position(id).is_some()))
            };
            Track::ALL.into_iter().zip(&answer.takes).all(has)
        });
        answers.drain(..answers.len().saturating_sub(MOST_ANSWERS));
        self.answers = answers;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{apply, generated, ids, pass, regeneration, request};

    #[test]
    fn a_question_of_an_older_version_is_found() {
        // From the record of form 3 in tests/golden/session_v3, whose first question this was.
        let old = "6ba634cc86c0b406238c2267c72f7a84ae28a75ec66d132480ff640bf1b7820a";
        let facts = Overrides { bars: Some(2), bpm: Some(240.0), ..Overrides::default() };
        let request =
            Request::generate("dark techno with \"driving\" acid bass and swing 58%").facts(facts).seed(7);
        let mut session = Session::default();
        apply(&mut session, &request).expect("a piece");
        let played = ids(&session);
        let takes = Track::ALL.map(|track| session.track(track).take().map(|take| take.id.clone()));
        let answer = Answer { question: Question::from_text(old), takes };
        apply(&mut session, &crate::fake::request("jazz", 1)).expect("a piece");
        let mut session = session.with_past([], [], [answer]);
        assert!(session.answer_again(&request));
        assert_eq!(ids(&session), played);
        // It is now stored in the current form.
        assert_eq!(session.answers[0].question, session.question(&request));
        assert!(session.answers[0].question.to_string().starts_with("2:"));
    }

    #[test]
    fn the_json_of_a_plan_is_what_older_versions_hashed() {
        let plan = Plan {
            bpm: 97.5,
            key: "F# minor".parse().expect("a key"),
            meter: "5/4".parse().expect("a meter"),
            bars: 1,
            chords: vec!["F#m7".parse().expect("a chord"), "Bm".parse().expect("a chord")],
            swing: resonantgen_music::plan::Swing { unit_steps: 2, ratio: 0.6 },
        };
        assert_eq!(
            json_plan(&plan),
            "{\"bpm\":97.5,\"key\":\"F# minor\",\"meter\":\"5/4\",\"bars\":1,\"chords\":[\"F#m7\",\"Bm\"],\
             \"swing\":{\"unit_steps\":2,\"ratio\":0.6}}"
        );
        assert_eq!(json_text("a\"b\\\n\u{1}é"), "\"a\\\"b\\\\\\n\\u0001é\"");
    }

    #[test]
    fn another_question_has_no_answer() {
        let mut session = generated("jazz", 1);
        pass(&mut session);
        let before = ids(&session);
        let bars = request("techno", 7).facts(Overrides::default());
        for other in [request("techno", 8), request("techno, fast", 7), bars] {
            assert!(!session.answer_again(&other));
        }
        // The melody plays already, so regenerating it from there is another question.
        assert!(!session.answer_again(&regeneration(23)));
        session.track_mut(Track::Bass).locked = true;
        assert!(!session.answer_again(&request("techno", 7)));
        assert_eq!(ids(&session), before);
    }

    #[test]
    fn answers_go_with_their_takes() {
        let mut session = generated("jazz", 1);
        pass(&mut session);
        for seed in 100..140 {
            apply(&mut session, &request("house", seed)).expect("a piece");
        }
        assert!(!session.answer_again(&request("techno", 7)));
        let question = session.question(&regeneration(1));
        session.note_answer(question);
        assert_eq!(session.answers.len(), 1);
        for seed in 0..2 * MOST_ANSWERS as u64 {
            let question = session.question(&regeneration(seed));
            session.note_answer(question);
        }
        assert_eq!(session.answers.len(), MOST_ANSWERS);
    }
}
