//! Biases a composition: towards the parent take of an edit, and towards what the words say about its rhythm.
//!
//! The bias is added to the logits before the harmony rules mask them, so the composer still writes the line note by note.
//! An edit first decides which of the parent's onsets stay or go and where new ones come; strong beats go last.

use super::TakeRequest;
use super::random::{Purpose, Random};
use super::tokens::{DV0, Grammar, HIT0, LEVELS, PITCH0, ROLL2, STEP, Token, encode};
use resonantgen_music::harmony::beat_steps;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::Track;
use resonantgen_take::Take;
use resonantgen_words::Feel;

/// Logit bias of the parent's next token at full closeness: enough to keep nearly all of the line, so that what an edit does
/// not name stays; the composer overrides it only where the line has become almost impossible.
const PARENT: f32 = 7.5;
/// Logit bias of an onset that has to go or come.
const DECIDED: f32 = 9.0;
/// Share of a change of density that becomes a change of the number of onsets.
const DENSITY_SHARE: f32 = 1.1;
/// Changes of density below this do not affect the onsets: many moods change it a little.
const THINNING: f32 = 0.06;
/// Changes of force below this are ignored.
const NOTICEABLE: f32 = 0.03;
/// Logit bias between neighbouring velocity levels for a full change of force.
const FORCE: f32 = 5.0;
/// Logit bias for following the kick, and for leaving a gap where it has one.
const KICK: f32 = 4.0;
/// Logit bias for the backbeat of another feel.
const BACKBEAT: f32 = 6.0;

/// The parent among a request's takes: the track's own take, if the intent asks to stay close to it.
pub(super) fn parent<'a>(request: &TakeRequest<'a>) -> Option<&'a Take> {
    let is_wanted = request.intent.track(request.track).closeness > 0.0;
    let own = request.context.iter().find(|take| take.recipe.track == request.track);
    own.filter(|_| is_wanted).map(AsRef::as_ref)
}

/// Difference of a request's dials from its parent's: energy, density, brightness, aggression, complexity.
pub(super) fn change(request: &TakeRequest<'_>) -> [f32; 5] {
    let Some(parent) = parent(request) else { return [0.0; 5] };
    let before = parent.recipe.intent.track(request.track).attributes.to_array();
    let now = request.intent.track(request.track).attributes.to_array();
    std::array::from_fn(|dial| now[dial] - before[dial])
}

/// What an edit does to a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Fate {
    /// Keep the parent's onsets.
    #[default]
    Stay,
    /// Remove the parent's onsets.
    Go,
    /// Add one onset to the parent's.
    Come,
}

/// The bias of each step of one composition.
#[derive(Debug)]
pub(super) struct Bias {
    track: Track,
    /// The parent's tokens per step, without the step's end; empty without a parent.
    parent: Vec<Vec<Token>>,
    fates: Vec<Fate>,
    closeness: f32,
    /// Change of force: negative is softer, positive is harder.
    force: f32,
    thins: bool,
    /// Steps of the kick, for a bass that follows it.
    kicks: Option<Vec<bool>>,
    /// Bias of the backbeat per step.
    backbeat: Vec<f32>,
    /// Tokens of this step so far.
    said: Vec<Token>,
}

impl Bias {
    pub(super) fn new(request: &TakeRequest<'_>) -> Self {
        let TakeRequest { track, plan, intent, .. } = *request;
        let own = intent.track(track);
        let [energy, density, _, aggression, _] = change(request);
        let parent = parent(request).filter(|take| take.recipe.plan.meter == plan.meter);
        let steps = parent.map_or_else(Vec::new, |take| parent_steps(take, plan, track));
        let mut random = Random::new(request.seed, track, Purpose::Edit, 0);
        let mut fates = if steps.is_empty() { Vec::new() } else { fates(&steps, plan, density, &mut random) };
        let kicks = (own.follow_kick && track != Track::Drums)
            .then(|| request.context.iter().find(|take| take.recipe.track == Track::Drums))
            .flatten()
            .map(|drums| kicks(&drums.score.notes, plan));
        for (step, has_kick) in kicks.iter().flatten().enumerate() {
            if let Some(fate) = fates.get_mut(step) {
                *fate = match (has_kick, steps[step].is_empty()) {
                    (true, true) => Fate::Come,
                    (false, false) => Fate::Go,
                    _ => Fate::Stay,
                };
            }
        }
        Self {
            track,
            closeness: if steps.is_empty() { 0.0 } else { own.closeness },
            parent: steps,
            fates,
            force: 0.6 * energy + 0.5 * aggression,
            thins: density < -THINNING,
            kicks,
            backbeat: if track == Track::Drums { backbeat(plan, intent.feel) } else { Vec::new() },
            said: Vec::new(),
        }
    }

    /// The parent's tokens of a step, without the step's end.
    pub(super) fn parent_tokens(&self, step: u32) -> &[Token] {
        self.parent.get(step as usize).map_or(&[], Vec::as_slice)
    }

    /// Records the chosen token.
    pub(super) fn feed(&mut self, token: Token) {
        if token == STEP {
            self.said.clear();
        } else {
            self.said.push(token);
        }
    }

    /// Adds the bias at `step` to the logits; `grammar` must have been fed every token so far.
    pub(super) fn apply(&self, grammar: &Grammar, step: u32, logits: &mut [f32]) {
        let step = step as usize;
        let end = usize::from(STEP);
        if let Some(tokens) = self.parent.get(step) {
            match self.fates[step] {
                Fate::Go => logits[end] += DECIDED,
                Fate::Come
                    if self.events(&self.said) == self.events(tokens) && grammar.open_pitches() == 0 =>
                {
                    logits[end] -= DECIDED;
                }
                _ => self.towards_parent(grammar, tokens, logits),
            }
        }
        if self.force.abs() > NOTICEABLE {
            let first = usize::from(if self.track == Track::Drums { HIT0 } else { DV0 });
            let last = if self.track == Track::Drums { usize::from(ROLL2) } else { logits.len() };
            for (index, logit) in logits[first..last].iter_mut().enumerate() {
                let level = (index % usize::from(LEVELS)) as f32 - 1.5;
                *logit += FORCE * self.force * level;
            }
        }
        if let Some(kicks) = &self.kicks
            && self.said.is_empty()
        {
            logits[end] += if kicks[step] { -KICK } else { KICK };
        }
        if let Some(lean) = self.backbeat.get(step).filter(|lean| **lean != 0.0) {
            for class in [DrumClass::Snare, DrumClass::Clap] {
                let first = usize::from(HIT0) + class.index() * usize::from(LEVELS);
                for logit in &mut logits[first..first + usize::from(LEVELS)] {
                    *logit += lean;
                }
            }
        }
    }

    /// Number of hits or groups among tokens.
    fn events(&self, tokens: &[Token]) -> usize {
        let counts = |token: &&Token| match self.track {
            Track::Drums => (HIT0..ROLL2).contains(*token),
            _ => **token >= DV0,
        };
        tokens.iter().filter(counts).count()
    }

    fn towards_parent(&self, grammar: &Grammar, tokens: &[Token], logits: &mut [f32]) {
        let lean = PARENT * self.closeness;
        // A thinned part does not gain notes elsewhere.
        let closing = if self.thins && tokens.is_empty() { DECIDED } else { lean };
        let end = usize::from(STEP);
        if self.track == Track::Drums {
            let class = |token: Token| (token - HIT0) / LEVELS;
            let last = self.said.iter().rev().find(|token| (HIT0..ROLL2).contains(*token));
            let rest = tokens.iter().enumerate().filter(|(_, token)| {
                (HIT0..ROLL2).contains(*token) && last.is_none_or(|last| class(**token) > class(*last))
            });
            let mut is_over = true;
            for (_, token) in rest {
                is_over = false;
                let first = usize::from(HIT0 + class(*token) * LEVELS);
                for logit in &mut logits[first..first + usize::from(LEVELS)] {
                    *logit += 0.7 * lean;
                }
                logits[usize::from(*token)] += 0.3 * lean;
            }
            // A roll comes directly after its hit.
            let roll = self.said.last().and_then(|said| {
                let at = tokens.iter().position(|token| token == said)?;
                tokens.get(at + 1).filter(|next| **next >= ROLL2)
            });
            match roll {
                Some(roll) => logits[usize::from(*roll)] += lean,
                None if is_over => logits[end] += closing,
                None => {}
            }
            return;
        }
        let is_pitch = |token: &Token| (PITCH0..DV0).contains(token);
        let said = |token: Token| grammar.used_pitches() & (1 << (token - PITCH0)) != 0;
        let open = grammar.open_pitches();
        if open == 0 {
            match tokens.iter().find(|token| is_pitch(token) && !said(**token)) {
                Some(token) => {
                    logits[usize::from(*token)] += lean;
                    logits[end] -= 0.5 * lean;
                }
                None => logits[end] += closing,
            }
            return;
        }
        // The parent's group that matches the open one: the first with one of its pitches, otherwise the first.
        let mut groups = tokens.split_inclusive(|token| *token >= DV0);
        let has_open = |group: &&[Token]| {
            group.iter().any(|token| is_pitch(token) && open & (1 << (token - PITCH0)) != 0)
        };
        let Some(group) = groups.clone().find(has_open).or_else(|| groups.next()) else { return };
        let Some((last, pitches)) = group.split_last() else { return };
        match pitches.iter().find(|token| !said(**token) && grammar.allows(**token)) {
            Some(token) => logits[usize::from(*token)] += lean,
            None => {
                let first = usize::from(DV0 + (last - DV0) / LEVELS * LEVELS);
                for logit in &mut logits[first..first + usize::from(LEVELS)] {
                    *logit += 0.7 * lean;
                }
                logits[usize::from(*last)] += 0.3 * lean;
            }
        }
    }
}

/// The tokens of a parent for each step of `plan`; a parent of another length is repeated or cut.
fn parent_steps(take: &Take, plan: &Plan, track: Track) -> Vec<Vec<Token>> {
    let from = &take.recipe.plan;
    let octaves = 12 * i32::from(take.recipe.intent.track(track).octave);
    let notes: Vec<Note> = super::groove::composed(take)
        .iter()
        .map(|note| {
            let pitch = if track == Track::Drums { 0 } else { octaves };
            Note { pitch: (i32::from(note.pitch) - pitch).clamp(0, 127) as u8, ..*note }
        })
        .collect();
    if notes.is_empty() {
        return Vec::new();
    }
    let tokens = encode(track, &notes, from.key.tonic, 0, from.total_steps());
    let steps: Vec<Vec<Token>> = tokens[1..]
        .split(|token| *token == STEP)
        .map(<[Token]>::to_vec)
        .take(from.total_steps() as usize)
        .collect();
    steps.iter().cycle().take(plan.total_steps() as usize).cloned().collect()
}

/// Metrical weight of a step: 1 for the bar's start, less for beats, eighths and sixteenths.
fn metrical(plan: &Plan, step: usize) -> f32 {
    let in_bar = step as u32 % plan.meter.steps_per_bar();
    let beat = beat_steps(plan.meter);
    if in_bar == 0 {
        1.0
    } else if in_bar.is_multiple_of(beat) {
        0.75
    } else if in_bar.is_multiple_of(2) {
        0.4
    } else {
        0.15
    }
}

/// Which of the parent's onsets go, or where new ones come, for a change of density.
fn fates(steps: &[Vec<Token>], plan: &Plan, density: f32, random: &mut Random) -> Vec<Fate> {
    let mut fates = vec![Fate::Stay; steps.len()];
    if density.abs() < THINNING {
        return fates;
    }
    let onsets = steps.iter().filter(|tokens| !tokens.is_empty()).count();
    let count = (DENSITY_SHARE * density.abs() * onsets as f32).ceil() as usize;
    // Use the same figure in each bar to preserve the groove: randomness is drawn per step of the bar.
    let bar = plan.meter.steps_per_bar() as usize;
    let luck: Vec<f32> = (0..bar).map(|_| 0.3 * random.uniform()).collect();
    let mut order: Vec<(f32, usize)> = steps
        .iter()
        .enumerate()
        .filter(|(_, tokens)| density > 0.0 || !tokens.is_empty())
        .map(|(step, tokens)| {
            let crowd = if density > 0.0 && !tokens.is_empty() { 2.0 } else { 0.0 };
            let weight = metrical(plan, step);
            // Off-beats go first, and eighths come first.
            let rank = if density > 0.0 { (weight - 0.4).abs() } else { weight };
            (rank + crowd + luck[step % bar], step)
        })
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let fate = if density > 0.0 { Fate::Come } else { Fate::Go };
    // Something always remains.
    let most = if density > 0.0 { count } else { count.min(onsets.saturating_sub(1)) };
    for (_, step) in order.into_iter().take(most) {
        fates[step] = fate;
    }
    fates
}

fn kicks(drums: &[Note], plan: &Plan) -> Vec<bool> {
    let mut kicks = vec![false; plan.total_steps() as usize];
    for note in drums.iter().filter(|note| DrumClass::from_key(note.pitch) == Some(DrumClass::Kick)) {
        if let Some(step) = kicks.get_mut(note.step as usize) {
            *step = true;
        }
    }
    kicks
}

/// Bias of snare and clap for a feel, per step, in meters of four quarters.
fn backbeat(plan: &Plan, feel: Option<Feel>) -> Vec<f32> {
    let Some(feel) = feel.filter(|_| plan.meter.steps_per_bar() == 16) else { return Vec::new() };
    let lean = |step: u32| match (feel, step % 16) {
        (Feel::HalfTime, 8) => BACKBEAT,
        (Feel::HalfTime, 4 | 12) => -BACKBEAT,
        (Feel::DoubleTime, at) if at % 4 == 2 => BACKBEAT,
        (Feel::DoubleTime, 4 | 12) => -BACKBEAT,
        _ => 0.0,
    };
    (0..plan.total_steps()).map(lean).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::{BOS, Decoder, vocabulary};
    use super::*;
    use resonantgen_take::{GenerationSettings, Recipe, StemAudio, Tokens};
    use resonantgen_words::Overrides;
    use resonantgen_words::make_plan;
    use resonantgen_words::{edit, parse};
    use std::sync::Arc;

    fn note(step: u32, pitch: u8) -> Note {
        Note { step, offset: 0.0, length: 2.0, pitch, velocity: 95 }
    }

    fn take(track: Track, notes: Vec<Note>) -> Arc<Take> {
        let intent = parse("techno in A minor, 4 bars").expect("readable");
        let plan = make_plan(&intent, &Overrides::default(), 1).expect("a plan");
        let recipe = Recipe {
            track,
            prompt: String::new(),
            intent,
            plan,
            seed: 1,
            settings: GenerationSettings::default(),
            bundle_id: String::new(),
            context: Vec::new(),
            imported: Default::default(),
            held_patch: None,
            taken_over: None,
        };
        Arc::new(Take {
            id: recipe.take_id(),
            recipe,
            patch: String::new(),
            score: resonantgen_music::score::Score { notes },
            tokens: Tokens::default(),
            audio: Arc::new(StemAudio::default()),
            timings: Default::default(),
            measures: Default::default(),
        })
    }

    /// Samples from uniform logits after an edit.
    fn edited(track: Track, text: &str, context: &[Arc<Take>]) -> Vec<Note> {
        let parent = context.iter().find(|take| take.recipe.track == track).expect("a parent");
        let intent = edit(&parent.recipe.intent, track, text).expect("readable");
        let request = TakeRequest {
            track,
            prompt: "",
            intent: &intent,
            plan: &parent.recipe.plan,
            seed: 5,
            settings: GenerationSettings::default(),
            context,
            patch: None,
        };
        let mut bias = Bias::new(&request);
        let mut grammar = Grammar::new(track);
        grammar.feed(BOS);
        let mut decoder = Decoder::new(track, request.plan.key.tonic, 0);
        let mut notes = Vec::new();
        while decoder.step() < request.plan.total_steps() {
            let mut logits = vec![0.0_f32; vocabulary(track)];
            bias.apply(&grammar, decoder.step(), &mut logits);
            let best = (0..logits.len() as Token)
                .filter(|token| grammar.allows(*token))
                .max_by(|a, b| logits[usize::from(*a)].total_cmp(&logits[usize::from(*b)]).then(b.cmp(a)))
                .expect("a token");
            bias.feed(best);
            grammar.feed(best);
            decoder.push(best, &mut notes);
        }
        notes
    }

    fn onsets(notes: &[Note]) -> Vec<u32> {
        let mut steps: Vec<u32> = notes.iter().map(|note| note.step).collect();
        steps.dedup();
        steps
    }

    fn bass() -> Arc<Take> {
        take(Track::Bass, (0..64).filter(|step| step % 8 < 5).map(|step| note(step, 33)).collect())
    }

    #[test]
    fn an_edit_stays_close_and_moves_what_it_names() {
        let parent = bass();
        let before = onsets(&parent.score.notes);
        let same = edited(Track::Bass, "like before but warmer", std::slice::from_ref(&parent));
        assert_eq!(onsets(&same), before);
        assert!(same.iter().all(|note| note.pitch == 33));
        let less = onsets(&edited(Track::Bass, "less busy", std::slice::from_ref(&parent)));
        assert!(
            less.len() * 10 < before.len() * 9 && less.iter().all(|step| before.contains(step)),
            "{less:?}"
        );
        // Bar starts stay.
        assert!([0, 16, 32, 48].iter().all(|step| less.contains(step)));
        let more = onsets(&edited(Track::Bass, "busier", std::slice::from_ref(&parent)));
        assert!(more.len() > before.len() && before.iter().all(|step| more.contains(step)), "{more:?}");
        let loudness = |notes: &[Note]| {
            notes.iter().map(|note| f64::from(note.velocity)).sum::<f64>() / notes.len() as f64
        };
        let hard = edited(Track::Bass, "more aggressive", std::slice::from_ref(&parent));
        assert!(loudness(&hard) > loudness(&parent.score.notes) + 10.0);
    }

    #[test]
    fn a_bass_follows_the_kick() {
        let kicks = [0, 3, 10, 16, 22, 32, 40, 48, 51, 62];
        let drums = take(Track::Drums, kicks.iter().map(|step| note(*step, 36)).collect());
        let context = [drums, bass()];
        assert_eq!(onsets(&edited(Track::Bass, "follow the kick", &context)), kicks);
    }

    #[test]
    fn half_time_moves_the_backbeat() {
        let hits = (0..4)
            .flat_map(|bar| [(0, 36), (4, 38), (8, 36), (12, 38)].map(|(at, key)| note(bar * 16 + at, key)));
        let drums = take(Track::Drums, hits.collect());
        let notes = edited(Track::Drums, "half-time", std::slice::from_ref(&drums));
        let snares: Vec<u32> =
            notes.iter().filter(|note| note.pitch == 38).map(|note| note.step % 16).collect();
        assert_eq!(snares, [8; 4]);
    }
}
