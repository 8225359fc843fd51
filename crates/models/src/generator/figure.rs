//! Biases a composition towards the figures of its genre: the groove of the drums, the roles of bass, chords and melody, fills at
//! the ends of phrases, and a second half that is not a copy of the first.
//!
//! All of this is added to the logits before the rules of harmony mask them. A figure determines where something is played. The
//! notes, their loudness and everything in between are up to the composer.

use std::ops::Range;

use super::TakeRequest;
use super::condition::FIGURE_LENGTH;
use super::random::{Purpose, Random};
use super::tokens::{
    DURATIONS, DV0, Grammar, HIT0, LEVELS, PITCH0, ROLL2, STEP, Token, lowest_pitch, relative_pitch,
};
use resonantgen_music::harmony::{beat_steps, register};
use resonantgen_music::plan::{Chord, Plan};
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass, Note};
use resonantgen_music::track::Track;
use resonantgen_sound::measure::fit;
use resonantgen_words::genre::{Genre, Groove, Length, Mark, Part, Tone, genres};
use resonantgen_words::{Reference, Style};

/// Logit bias that makes a played step certain, and the bias of the played voice over voices that may come before it.
const PLAYED: f32 = 11.0;
const FAVOURED: f32 = 3.0;
/// Logit bias against a voice that is left out, and against one that is always left out.
const LEFT_OUT: f32 = 8.5;
const NEVER: f32 = 16.0;
/// Logit bias between neighbouring velocity levels, for an accent and for a ghost note.
const ACCENT: f32 = 0.8;
const GHOST: f32 = 2.0;
/// Logit bias of the chord tone that a bass plays, and additionally of the exact pitch where that matters.
const TONE: f32 = 5.0;
/// Logit bias of a note length.
const LENGTH: f32 = 4.0;
/// Logit bias against fewer or more simultaneous notes than the role has.
const VOICES: f32 = 9.0;
/// Logit bias against the pitch of four bars before, in a bar that must differ.
const SAME_PITCH: f32 = 2.5;
/// Probability that a step marked "most of the time" is played.
const MOST_TIMES: f32 = 0.75;
/// Least looseness of a drummer who varies bars; the largest share of the bars that change; and in them, the shares of the hits that are
/// left out, of the open steps that get a ghost note or a kick, and of the rests that are left to the composer.
const LOOSE: f32 = 1.2;
const MOST_CHANGED: f32 = 0.8;
const LEFT: f32 = 0.25;
const ADDED: f32 = 0.08;
const ALLOWED: f32 = 0.3;
/// Probability that a hit of a reference between the beats is played.
const HALF_OF_TIMES: f32 = 0.5;
/// Density below which a groove is thinned out, and above which it is filled in.
const SPARSE: f32 = 0.34;
const BUSY: f32 = 0.68;
/// A density at which a pattern is neither thinned out nor filled in.
const DENSE_AS_WRITTEN: f32 = 0.5;
/// Logit bias of a bass for a step with the kick that it follows, where its part leaves a choice.
const WITH_KICK: f32 = 4.0;
/// How much likelier a part is that plays with the kick than one unrelated to it, as a logarithm, and the togetherness of parts that
/// are left to the composer.
const FIT: f32 = 2.0;
const FREE_FIT: f32 = 0.3;
/// Bars per phrase, and per period (a question and its answer).
const PHRASE: u32 = 4;
const PERIOD: u32 = 8;
/// The highest bass root for which an octave above it is available.
const LOW_ROOT: u8 = 42;

/// The bias of one composition towards its figures.
pub(super) struct Figure<'a> {
    track: Track,
    plan: &'a Plan,
    drums: Vec<[Mark; DRUM_CLASS_COUNT]>,
    part: Vec<Mark>,
    length: Length,
    voices: Option<(u32, u32)>,
    /// Whether there is a groove or a role.
    is_set: bool,
    /// Position of its family in [`families`](resonantgen_words::genre::families).
    family: Option<usize>,
    /// Whether the bass's pattern has octaves, so that it starts low.
    has_octaves: bool,
    /// The bass drum that a bass follows, per step.
    kicks: Option<Vec<bool>>,
    /// Bars that must differ from those four bars before.
    differs: Vec<bool>,
    /// Voices that must not be hit.
    silent: [bool; DRUM_CLASS_COUNT],
    /// The class of the step's last hit.
    last: Option<usize>,
}

impl<'a> Figure<'a> {
    pub(super) fn new(request: &TakeRequest<'a>, candidate: u32) -> Self {
        let TakeRequest { track, plan, intent, .. } = *request;
        let own = intent.track(track);
        let mut random = Random::of_kind(request, Purpose::Figure, candidate);
        let silent =
            std::array::from_fn(|class| own.without.iter().any(|name| name == DrumClass::ALL[class].name()));
        let mut figure = Self {
            track,
            plan,
            drums: Vec::new(),
            part: Vec::new(),
            length: Length::Free,
            voices: None,
            is_set: false,
            family: None,
            has_octaves: false,
            kicks: super::lean::followed_kicks(request),
            differs: vec![false; plan.bars as usize],
            silent,
            last: None,
        };
        // An edit follows its parent take, which already has its figure.
        if super::bias::parent(request).is_some() {
            return figure;
        }
        let known = intent.known_genres();
        let density = own.attributes.density;
        let reference = own.reference.as_ref().filter(|reference| reference.meter == plan.meter);
        figure.is_set = reference.is_some();
        if track == Track::Drums {
            let mut groove_random = Random::of_kind(request, Purpose::Figure, 0);
            let groove = known.iter().find_map(|genre| drawn_groove(genre, plan, &mut groove_random));
            let groove = groove.filter(|_| reference.is_none());
            figure.is_set |= groove.is_some();
            figure.family = groove.and_then(|groove| groove.family);
            let has_feel = intent.feel.is_some();
            figure.drums = match (groove, reference) {
                (_, Some(reference)) => referred_marks(reference, plan, &mut random),
                (Some(groove), None) => {
                    let mut marks = groove_marks(groove, plan, density, has_feel, &mut random);
                    if intent.groove.as_ref().is_some_and(|groove| groove.looseness >= LOOSE) {
                        let bar = plan.meter.steps_per_bar() as usize;
                        loosen(&mut marks, bar, beat_steps(plan.meter) as usize, &mut random);
                    }
                    marks
                }
                (None, None) => vec![[Mark::Free; DRUM_CLASS_COUNT]; plan.total_steps() as usize],
            };
            let fills = known.first().map_or_else(
                || 0.95 * (1.0 - 1.6 * intent.styles[Style::Ambient.index()]).clamp(0.0, 1.0),
                |genre| genre.fills,
            );
            figure.fill(fills, density, &mut random);
            return figure;
        }
        let copies = known.first().map_or(0.1, |genre| genre.copies);
        figure.choose_bars(copies, &mut random);
        let mut part_random = Random::of_kind(request, Purpose::Figure, 0);
        let follows_kick = track == Track::Bass && own.follow_kick;
        let kicks = figure.kicks.as_deref();
        let part = known.iter().find_map(|genre| drawn_part(genre, track, plan, kicks, &mut part_random));
        let referred = reference.and_then(|reference| Some((reference, reference.pattern("", plan.meter)?)));
        if let Some((reference, pattern)) = referred {
            // What falls between the beats is played every other time: a part that follows another is no copy of it.
            let (bar, beat) = (plan.meter.steps_per_bar(), beat_steps(plan.meter));
            let luck: Vec<f32> = (0..2 * bar).map(|_| random.uniform()).collect();
            let loosened = |step: u32| {
                let is_certain =
                    (step % bar).is_multiple_of(beat) || luck[(step % (2 * bar)) as usize] < HALF_OF_TIMES;
                match pattern.at(step) {
                    mark if mark.is_played() && !is_certain => Mark::Free,
                    mark => mark,
                }
            };
            figure.part = (0..plan.total_steps()).map(loosened).collect();
            figure.length = reference.length;
            figure.voices = reference.voices.filter(|_| track == Track::Harmony);
            figure.settle(DENSE_AS_WRITTEN, &mut random);
        } else if let Some(part) = part.filter(|_| !follows_kick) {
            figure.part = (0..plan.total_steps()).map(|step| part.pattern.at(step)).collect();
            figure.has_octaves = figure.part.contains(&Mark::Tone(Tone::Octave));
            figure.length = part.length;
            figure.voices = part.voices;
            figure.is_set = true;
            figure.family = part.family;
            figure.meet_kicks();
            figure.settle(density, &mut random);
        } else {
            figure.part = vec![Mark::Free; plan.total_steps() as usize];
        }
        figure.vary(&mut random);
        figure
    }

    fn bar_steps(&self) -> usize {
        self.plan.meter.steps_per_bar() as usize
    }

    /// Chooses the bars that must differ from those four bars before: the last of each period, and one more in its second half.
    fn choose_bars(&mut self, copies: f32, random: &mut Random) {
        let periods = self.plan.bars.div_ceil(PERIOD);
        for period in 0..periods {
            let is_copy = random.uniform() < copies;
            let other = PHRASE + (3.0 * random.uniform()) as u32;
            for bar in [PERIOD - 1, other] {
                if let Some(differs) = self.differs.get_mut((period * PERIOD + bar) as usize) {
                    *differs = !is_copy;
                }
            }
        }
    }

    /// Has a bass play where it is likely to and the kick does, and leaves it to the composer where only the kick plays.
    fn meet_kicks(&mut self) {
        for (mark, _) in self.part.iter_mut().zip(self.kicks.iter().flatten()).filter(|(_, kick)| **kick) {
            *mark = match *mark {
                Mark::Likely | Mark::Ghost => Mark::Play,
                Mark::Rest => Mark::Free,
                mark => mark,
            };
        }
    }

    /// Whether the kick that a bass follows plays at a step.
    fn has_kick(&self, step: usize) -> bool {
        self.kicks.as_ref().is_some_and(|kicks| kicks[step])
    }

    /// Decides for each "most of the time" step whether it is played, the same in all bars, and thins out or fills in the part.
    fn settle(&mut self, density: f32, random: &mut Random) {
        let bar = self.bar_steps();
        let luck: Vec<f32> = (0..2 * bar).map(|_| random.uniform()).collect();
        for (step, mark) in self.part.iter_mut().enumerate() {
            if matches!(mark, Mark::Likely | Mark::Ghost) {
                let chance = MOST_TIMES + (density - 0.5).clamp(-0.4, 0.25);
                *mark = if luck[step % (2 * bar)] < chance { Mark::Play } else { Mark::Free };
            }
            let is_weak = step % 2 == 1;
            if density < SPARSE && is_weak && *mark == Mark::Play {
                *mark = Mark::Free;
            }
        }
    }

    /// Moves something in the bars that must differ. Chords and bass notes of a bar or more stay as long
    /// as they are: only their pitches differ.
    fn vary(&mut self, random: &mut Random) {
        let bar = self.bar_steps();
        let beat = beat_steps(self.plan.meter) as usize;
        for index in (0..self.differs.len()).filter(|index| self.differs[*index]).collect::<Vec<_>>() {
            let first = index * bar;
            let steps = first..(first + bar).min(self.part.len());
            let is_patterned = self.part[steps.clone()].iter().any(|mark| *mark != Mark::Free);
            if !is_patterned {
                continue;
            }
            let played: Vec<usize> = steps
                .clone()
                .filter(|step| self.part[*step].is_played() && !(*step - first).is_multiple_of(bar))
                .collect();
            if played.is_empty() && self.length == Length::Long {
                continue;
            }
            let free: Vec<usize> = steps
                .clone()
                .filter(|step| matches!(self.part[*step], Mark::Rest | Mark::Free) && *step > first + beat)
                .filter(|step| played.len() > bar / 3 || (*step - first).is_multiple_of(2))
                .collect();
            let pick = |list: &[usize], random: &mut Random| {
                list.get((random.uniform() * list.len() as f32) as usize).copied()
            };
            // Prefer the second half of the bar, where a phrase turns.
            let late: Vec<usize> = played.iter().copied().filter(|step| step - first >= bar / 2).collect();
            if played.len() >= 2
                && let Some(step) = pick(if late.is_empty() { &played } else { &late }, random)
            {
                self.part[step] = Mark::Rest;
            }
            let met: Vec<usize> = free.iter().copied().filter(|step| self.has_kick(*step)).collect();
            if let Some(step) = pick(if met.is_empty() { &free } else { &met }, random) {
                self.part[step] = Mark::Play;
            }
        }
    }

    /// Writes fills at the ends of phrases. After a long fill, the next bar opens with a cymbal.
    fn fill(&mut self, fills: f32, density: f32, random: &mut Random) {
        let bar = self.bar_steps();
        let beat = beat_steps(self.plan.meter) as usize;
        let bars = self.plan.bars;
        if bars < PHRASE || bar < 2 * beat {
            return;
        }
        for index in (0..bars).filter(|index| index % PHRASE == PHRASE - 1) {
            let is_end = index % PERIOD == PERIOD - 1 || index + 1 == bars;
            let chance = if is_end { fills } else { 0.62 * fills };
            let end = (index as usize + 1) * bar;
            if random.uniform() >= chance {
                if is_end {
                    self.turnaround(end - bar..end, random);
                }
                continue;
            }
            let first = end - if is_end { 2 * beat } else { beat };
            let has = |class: DrumClass, drums: &[[Mark; DRUM_CLASS_COUNT]]| {
                drums.iter().any(|marks| marks[class.index()].is_played())
            };
            let kind = (random.uniform() * 4.0) as usize;
            let is_hand = has(DrumClass::Percussion, &self.drums) && !has(DrumClass::Snare, &self.drums);
            let main = if is_hand {
                DrumClass::Percussion
            } else if has(DrumClass::Rim, &self.drums) && !has(DrumClass::Snare, &self.drums) {
                DrumClass::Rim
            } else if has(DrumClass::Clap, &self.drums) && !has(DrumClass::Snare, &self.drums) && kind == 0 {
                DrumClass::Clap
            } else {
                DrumClass::Snare
            };
            for step in first..end {
                let at = step - first;
                let is_eighth = at.is_multiple_of(2);
                let marks = &mut self.drums[step];
                for class in
                    [DrumClass::Snare, DrumClass::Clap, DrumClass::Rim, DrumClass::LowTom, DrumClass::HighTom]
                {
                    if marks[class.index()] != Mark::Never || class == main {
                        marks[class.index()] = Mark::Rest;
                    }
                }
                let played = match kind {
                    // A run.
                    0 => at >= 2 || is_eighth,
                    // Eighths, then sixteenths.
                    1 => is_eighth || at + 4 >= end - first,
                    // Off and around the beat.
                    2 => matches!(at % 8, 2 | 3 | 5 | 6) || at + 1 == end - first,
                    // Into the next bar.
                    _ => at + 3 >= end - first || at == 2,
                };
                let keeps = (density >= SPARSE || is_eighth) && played;
                if keeps {
                    let class = match (kind, end - step) {
                        (1, 5..) if main == DrumClass::Snare => DrumClass::HighTom,
                        (1, _) if main == DrumClass::Snare => DrumClass::LowTom,
                        _ => main,
                    };
                    marks[class.index()] = Mark::Play;
                }
                // The cymbals make room.
                for class in [DrumClass::ClosedHat, DrumClass::OpenHat, DrumClass::Ride] {
                    if marks[class.index()].is_played() && kind != 3 {
                        marks[class.index()] = Mark::Free;
                    }
                }
            }
        }
    }

    /// Marks the end of a period without a fill: the kick leaves the last beat free, and a quiet voice moves.
    fn turnaround(&mut self, bar: Range<usize>, random: &mut Random) {
        const QUIET: [DrumClass; 6] = [
            DrumClass::Percussion,
            DrumClass::Rim,
            DrumClass::OpenHat,
            DrumClass::Shaker,
            DrumClass::ClosedHat,
            DrumClass::Ride,
        ];
        let last_beat = bar.end - beat_steps(self.plan.meter) as usize..bar.end;
        let kick = DrumClass::Kick.index();
        for marks in &mut self.drums[last_beat.clone()] {
            if marks[kick].is_played() {
                marks[kick] = Mark::Rest;
            }
        }
        let plays =
            |class: DrumClass| self.drums[bar.clone()].iter().any(|marks| marks[class.index()].is_played());
        let voice = QUIET.into_iter().find(|class| plays(*class) && !self.silent[class.index()]);
        let voice = voice.unwrap_or(if random.uniform() < 0.5 { DrumClass::Rim } else { DrumClass::OpenHat });
        for step in [last_beat.end - 1, last_beat.end - 2] {
            let mark = &mut self.drums[step][voice.index()];
            *mark = if mark.is_played() { Mark::Rest } else { Mark::Play };
        }
    }

    /// Records the chosen token.
    pub(super) fn feed(&mut self, token: Token) {
        if token == STEP {
            self.last = None;
        } else if self.track == Track::Drums && (HIT0..ROLL2).contains(&token) {
            self.last = Some(usize::from((token - HIT0) / LEVELS));
        }
    }

    /// Adds the bias at `step` to the logits; `grammar` must have been fed every token so far, and `notes` are those written so
    /// far.
    pub(super) fn apply(&self, grammar: &Grammar, step: u32, notes: &[Note], logits: &mut [f32]) {
        if self.track == Track::Drums {
            self.apply_drums(step as usize, logits);
        } else {
            self.apply_part(grammar, step, notes, logits);
        }
    }

    /// Writes what a composer that is conditioned on figures is told of `step`:
    ///
    /// | indices | meaning |
    /// |---|---|
    /// | 0..32 | family, one-hot |
    /// | 32..44 | drums: the mark of each class; 32..40 in parts: of this and the next seven steps |
    /// | 40..45 | parts: the tone asked for: root, third, fifth, seventh, octave |
    /// | 45, 46 | parts: short, long |
    /// | 47 | parts: steps until the next note / 16, at most 1 |
    /// | 48, 49 | parts: fewest, most notes at once / 6 |
    /// | 50 | parts: the bar differs from that four before |
    /// | 51 | there is a groove or a role; otherwise all are 0 |
    ///
    /// Twin of `figure_features` in `training/resonant/conditions.py`.
    pub(super) fn condition(&self, step: u32, row: &mut [f32; FIGURE_LENGTH]) {
        row.fill(0.0);
        if !self.is_set {
            return;
        }
        row[51] = 1.0;
        if let Some(family) = self.family {
            row[family] = 1.0;
        }
        let at = step as usize;
        if self.track == Track::Drums {
            for (value, mark) in row[32..44].iter_mut().zip(self.drums[at]) {
                *value = shown(mark);
            }
            return;
        }
        let total = self.part.len();
        for (ahead, value) in row[32..40].iter_mut().enumerate() {
            *value = shown(self.part[(at + ahead) % total]);
        }
        if let Mark::Tone(tone) = self.part[at] {
            let tones = [Tone::Root, Tone::Third, Tone::Fifth, Tone::Seventh, Tone::Octave];
            let index = tones.iter().position(|known| *known == tone);
            row[40 + index.expect("all tones are listed")] = 1.0;
        }
        row[45] = f32::from(u8::from(self.length == Length::Short));
        row[46] = f32::from(u8::from(self.length == Length::Long));
        row[47] = self.gap(at).map_or(0.0, |gap| (gap as f32 / 16.0).min(1.0));
        if let Some((fewest, most)) = self.voices {
            row[48] = fewest as f32 / 6.0;
            row[49] = most as f32 / 6.0;
        }
        let bar = at / self.bar_steps();
        row[50] = f32::from(u8::from(self.differs[bar]));
    }

    /// Steps from `step` to the next note of the part.
    fn gap(&self, step: usize) -> Option<usize> {
        let total = self.part.len();
        (1..=total).find(|ahead| self.part[(step + ahead) % total].is_played())
    }

    fn apply_drums(&self, step: usize, logits: &mut [f32]) {
        let hits = |class: usize| {
            let first = usize::from(HIT0) + class * usize::from(LEVELS);
            first..first + usize::from(LEVELS)
        };
        for class in (0..DRUM_CLASS_COUNT).filter(|class| self.silent[*class]) {
            logits[hits(class)].iter_mut().for_each(|logit| *logit -= NEVER);
        }
        let Some(marks) = self.drums.get(step) else { return };
        let is_open = |class: usize| self.last.is_none_or(|last| class > last);
        let is_played =
            |class: usize| (marks[class].is_played() || marks[class] == Mark::Ghost) && !self.silent[class];
        let next = (0..DRUM_CLASS_COUNT).find(|class| is_open(*class) && is_played(*class));
        for class in (0..DRUM_CLASS_COUNT).filter(|class| is_open(*class)) {
            let change = match marks[class] {
                Mark::Rest => -LEFT_OUT,
                Mark::Never => -NEVER,
                _ if next == Some(class) => FAVOURED,
                _ => 0.0,
            };
            let is_skipped = next.is_some_and(|next| class > next);
            for (level, logit) in logits[hits(class)].iter_mut().enumerate() {
                *logit += change - if is_skipped { PLAYED } else { 0.0 };
                *logit += match marks[class] {
                    Mark::Accent => ACCENT * (level as f32 - 1.5),
                    Mark::Ghost => -GHOST * (level as f32 - 0.5).max(0.0),
                    _ => 0.0,
                };
            }
        }
        if next.is_some() {
            logits[usize::from(STEP)] -= PLAYED;
        }
    }

    fn apply_part(&self, grammar: &Grammar, step: u32, notes: &[Note], logits: &mut [f32]) {
        let mark = self.part.get(step as usize).copied().unwrap_or(Mark::Free);
        let (open, used) = (grammar.open_pitches(), grammar.used_pitches());
        let pitches = usize::from(PITCH0)..usize::from(DV0);
        if open != 0 {
            self.voices_and_length(step as usize, open.count_ones(), logits);
            return;
        }
        if used != 0 {
            if self.voices.is_some_and(|(_, most)| used.count_ones() >= most) {
                logits[pitches].iter_mut().for_each(|logit| *logit -= VOICES);
            }
            return;
        }
        let end = usize::from(STEP);
        match mark {
            Mark::Accent | Mark::Play | Mark::Tone(_) => logits[end] -= PLAYED,
            Mark::Rest => logits[end] += LEFT_OUT,
            Mark::Never => logits[end] += NEVER,
            Mark::Ghost | Mark::Likely | Mark::Free if self.has_kick(step as usize) => {
                logits[end] -= WITH_KICK
            }
            Mark::Ghost | Mark::Likely | Mark::Free => {}
        }
        if let Mark::Tone(tone) = mark {
            self.tone(tone, step, notes, &mut logits[pitches.clone()]);
        }
        self.differ(step, notes, logits);
    }

    fn voices_and_length(&self, step: usize, count: u32, logits: &mut [f32]) {
        let pitches = usize::from(PITCH0)..usize::from(DV0);
        if let Some((fewest, most)) = self.voices {
            if count < fewest {
                logits[usize::from(DV0)..].iter_mut().for_each(|logit| *logit -= VOICES);
            }
            if count >= most {
                logits[pitches].iter_mut().for_each(|logit| *logit -= VOICES);
            }
        }
        let Some(gap) = self.gap(step).map(|gap| gap as f32) else { return };
        let is_patterned = self.part[step].is_played();
        for (class, length) in DURATIONS.into_iter().enumerate() {
            let change = match self.length {
                Length::Short if length > 2.0 => -LENGTH,
                Length::Long if (length - gap).abs() < 0.1 => LENGTH,
                Length::Long if length < 0.6 * gap => -0.5 * LENGTH,
                _ if is_patterned && length > gap + 0.1 => -LENGTH,
                _ => 0.0,
            };
            let first = usize::from(DV0) + class * usize::from(LEVELS);
            logits[first..first + usize::from(LEVELS)].iter_mut().for_each(|logit| *logit += change);
        }
    }

    /// Favours a chord tone; `pitches` are the logits of the pitch tokens.
    fn tone(&self, tone: Tone, step: u32, notes: &[Note], pitches: &mut [f32]) {
        let chord = self.plan.chord_at(step);
        let tonic = self.plan.key.tonic;
        let lowest = if self.track == Track::Bass { chord.bass_note() } else { chord.root };
        let class = match tone {
            Tone::Root | Tone::Octave => lowest,
            _ => (chord.root + interval(chord, tone)) % 12,
        };
        let (low, high) = register(self.track).unwrap_or((0, 127));
        let root_below = notes
            .iter()
            .rev()
            .find(|note| note.pitch % 12 == lowest && note.pitch <= LOW_ROOT)
            .map(|note| note.pitch)
            .or_else(|| (low..=LOW_ROOT).find(|pitch| pitch % 12 == lowest));
        for (relative, logit) in pitches.iter_mut().enumerate() {
            let pitch = relative as i32 + lowest_pitch(tonic);
            let is_tone = pitch.rem_euclid(12) == i32::from(class);
            if is_tone {
                *logit += TONE;
            }
            let wanted = match (tone, root_below) {
                (Tone::Octave, Some(root)) if root + 12 <= high => Some(root + 12),
                (Tone::Root, Some(root)) if self.has_octaves => Some(root),
                _ => None,
            };
            if is_tone && wanted.is_some_and(|wanted| i32::from(wanted) == pitch) {
                *logit += TONE;
            }
        }
    }

    /// In a bar that must differ, favours onsets other than those of four bars before where the pattern leaves a choice, and
    /// other pitches.
    fn differ(&self, step: u32, notes: &[Note], logits: &mut [f32]) {
        let bar = self.plan.meter.steps_per_bar();
        let Some(past) = step.checked_sub(PHRASE * bar).filter(|_| self.differs[(step / bar) as usize])
        else {
            return;
        };
        let mut had = notes.iter().filter(|note| note.step == past).peekable();
        let is_free = self.part[step as usize] == Mark::Free;
        if is_free && had.peek().is_some() && !step.is_multiple_of(bar) {
            // About every other onset moves.
            if !(step / 2 + step).is_multiple_of(3) {
                logits[usize::from(STEP)] += 0.5 * LEFT_OUT;
            }
        } else if is_free && had.peek().is_none() && step.is_multiple_of(2) {
            logits[usize::from(STEP)] -= 1.0;
        }
        if self.track != Track::Melody {
            return;
        }
        for note in had {
            let relative = relative_pitch(note.pitch, self.plan.key.tonic);
            logits[usize::from(PITCH0) + usize::from(relative)] -= SAME_PITCH;
        }
    }
}

/// A mark as a composer is told of it.
const fn shown(mark: Mark) -> f32 {
    match mark {
        Mark::Accent => 1.0,
        Mark::Play | Mark::Tone(_) => 0.8,
        Mark::Ghost => 0.4,
        Mark::Likely | Mark::Free => 0.0,
        Mark::Rest => -0.7,
        Mark::Never => -1.0,
    }
}

/// Semitones of a tone above the chord's root.
fn interval(chord: &Chord, tone: Tone) -> u8 {
    let intervals = chord.quality.intervals();
    let first_of = |wanted: &[u8], otherwise: u8| {
        intervals.iter().copied().find(|interval| wanted.contains(interval)).unwrap_or(otherwise)
    };
    match tone {
        Tone::Root | Tone::Octave => 0,
        Tone::Third => first_of(&[3, 4], 7),
        Tone::Fifth => first_of(&[7, 6, 8], 7),
        Tone::Seventh => first_of(&[10, 11, 9], 10),
    }
}

/// Draws one of the names whose meter is the plan's.
fn drawn<'t, T>(
    names: &[String],
    random: &mut Random,
    look_up: impl Fn(&str) -> Option<&'t T>,
    fits: impl Fn(&T) -> bool,
) -> Option<&'t T> {
    let fitting: Vec<&T> =
        names.iter().filter_map(|name| look_up(name)).filter(|found| fits(found)).collect();
    let luck = random.uniform();
    fitting.get((luck * fitting.len() as f32) as usize).copied()
}

/// The marks of each step of drums that follow a reference: kick and backbeat are the reference's on the beats, and about every
/// other time between them, but for the last bar of a phrase; its other voices are left to the composer, and voices that it does not have rest.
fn referred_marks(reference: &Reference, plan: &Plan, random: &mut Random) -> Vec<[Mark; DRUM_CLASS_COUNT]> {
    let bar = plan.meter.steps_per_bar() as usize;
    let beat = beat_steps(plan.meter) as usize;
    let mut marks = vec![[Mark::Rest; DRUM_CLASS_COUNT]; plan.total_steps() as usize];
    for class in DrumClass::ALL {
        let Some(pattern) = reference.pattern(class.name(), plan.meter) else { continue };
        let is_frame = matches!(class, DrumClass::Kick | DrumClass::Snare | DrumClass::Clap | DrumClass::Rim);
        let luck: Vec<f32> = (0..2 * bar).map(|_| random.uniform()).collect();
        for (step, all) in marks.iter_mut().enumerate() {
            let is_last_bar = (step / bar) as u32 % PHRASE == PHRASE - 1;
            let is_lucky = luck[step % (2 * bar)] < HALF_OF_TIMES && !is_last_bar;
            let is_on_beat = (step % bar).is_multiple_of(beat);
            all[class.index()] = match pattern.at(step as u32) {
                _ if !is_frame => Mark::Free,
                mark if mark.is_played() && (is_on_beat || is_lucky) => mark,
                Mark::Likely if is_lucky => Mark::Play,
                Mark::Rest => Mark::Rest,
                _ => Mark::Free,
            };
        }
    }
    marks
}

fn drawn_groove(genre: &Genre, plan: &Plan, random: &mut Random) -> Option<&'static Groove> {
    drawn(&genre.grooves, random, |name| genres().groove(name), |groove| groove.meter == plan.meter)
}

/// The part that a track plays. Of a bass that follows a kick, parts are the likelier the better they fit it.
fn drawn_part(
    genre: &Genre,
    track: Track,
    plan: &Plan,
    kicks: Option<&[bool]>,
    random: &mut Random,
) -> Option<&'static Part> {
    let look_up = |name: &str| genres().part(track, name);
    let Some(kicks) = kicks else {
        return drawn(genre.roles(track), random, look_up, |part| part.meter == plan.meter);
    };
    let parts = genre.roles(track).iter().filter_map(|name| look_up(name));
    let weighed: Vec<(&Part, f32)> = parts
        .filter(|part| part.meter == plan.meter)
        .map(|part| {
            let onsets: Vec<bool> =
                (0..plan.total_steps()).map(|step| part.pattern.at(step).is_played()).collect();
            let togetherness = fit::togetherness(kicks, &onsets).unwrap_or(FREE_FIT);
            (part, (FIT * togetherness).exp())
        })
        .collect();
    let mut luck = random.uniform() * weighed.iter().map(|(_, weight)| weight).sum::<f32>();
    let chosen = weighed.iter().find(|(_, weight)| {
        luck -= weight;
        luck < 0.0
    });
    chosen.or(weighed.last()).map(|(part, _)| *part)
}

/// The marks of each step. For each "most of the time" mark it is decided whether it is played, the same in all bars.
fn groove_marks(
    groove: &Groove,
    plan: &Plan,
    density: f32,
    has_feel: bool,
    random: &mut Random,
) -> Vec<[Mark; DRUM_CLASS_COUNT]> {
    let bar = plan.meter.steps_per_bar() as usize;
    let rest = if groove.only { Mark::Rest } else { Mark::Free };
    let mut marks = vec![[rest; DRUM_CLASS_COUNT]; plan.total_steps() as usize];
    for (class, pattern) in &groove.voices {
        let is_backbeat = matches!(class, DrumClass::Snare | DrumClass::Clap);
        let is_frame = is_backbeat || *class == DrumClass::Kick;
        let luck: Vec<f32> = (0..2 * bar).map(|_| random.uniform()).collect();
        for (step, all) in marks.iter_mut().enumerate() {
            let mut mark = pattern.at(step as u32);
            if matches!(mark, Mark::Likely | Mark::Ghost) {
                let is_played = luck[step % (2 * bar)] < MOST_TIMES + (density - 0.5).clamp(-0.4, 0.25);
                mark = match (is_played, mark) {
                    (true, Mark::Likely) => Mark::Play,
                    (true, other) => other,
                    (false, _) if density < SPARSE => Mark::Rest,
                    (false, _) => Mark::Free,
                };
            }
            if density < SPARSE && !is_frame && step % 2 == 1 && mark.is_played() {
                mark = Mark::Rest;
            }
            if density > BUSY && !is_frame && mark == Mark::Rest && !groove.only {
                mark = Mark::Free;
            }
            if has_feel && is_backbeat {
                mark = Mark::Free;
            }
            all[class.index()] = mark;
        }
    }
    marks
}

/// Changes some bars, as a drummer who seldom plays a bar twice the same way; some drummers do so more than others. The first bar stays,
/// and so do the snare, clap and rim of the groove, and kicks on the beat.
fn loosen(marks: &mut [[Mark; DRUM_CLASS_COUNT]], bar: usize, beat: usize, random: &mut Random) {
    let changed = MOST_CHANGED * random.uniform();
    for bar in marks.chunks_mut(bar).skip(1) {
        if random.uniform() >= changed {
            continue;
        }
        for (step, all) in bar.iter_mut().enumerate() {
            for (class, mark) in DrumClass::ALL.into_iter().zip(all) {
                let luck = random.uniform();
                let is_frame = match class {
                    DrumClass::Kick => step.is_multiple_of(beat),
                    DrumClass::Snare | DrumClass::Clap | DrumClass::Rim => *mark != Mark::Ghost,
                    _ => false,
                };
                *mark = match (*mark, class) {
                    (Mark::Play | Mark::Ghost, _) if !is_frame && luck < LEFT => Mark::Rest,
                    (Mark::Rest | Mark::Free, DrumClass::Snare) if luck < ADDED => Mark::Ghost,
                    (Mark::Rest | Mark::Free, DrumClass::Kick) if luck < ADDED => Mark::Play,
                    (Mark::Rest, class) if class != DrumClass::Crash && luck < ALLOWED => Mark::Free,
                    (mark, _) => mark,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::super::rules::Rules;
    use super::super::tokens::{BOS, Decoder, vocabulary};
    use super::*;
    use resonantgen_take::GenerationSettings;
    use resonantgen_words::genre::families;
    use resonantgen_words::{Intent, Overrides, make_plan, parse};

    /// The score of a composer without preferences for a prompt.
    fn written(prompt: &str, track: Track) -> (Plan, Vec<Note>) {
        let intent: Intent = parse(prompt).expect("readable");
        let plan = make_plan(&intent, &Overrides::default(), 3).expect("a plan");
        let request = TakeRequest {
            track,
            prompt,
            intent: &intent,
            plan: &plan,
            seed: 3,
            settings: GenerationSettings::default(),
            context: &[],
            patch: None,
        };
        let mut figure = Figure::new(&request, 0);
        let rules = Rules::new(&plan, &intent.styles, track);
        let mut grammar = Grammar::new(track);
        grammar.feed(BOS);
        let mut decoder = Decoder::new(track, plan.key.tonic, 0);
        let mut notes = Vec::new();
        while decoder.step() < plan.total_steps() {
            let mut logits = vec![0.0_f32; vocabulary(track)];
            // A composer without preferences prefers silence.
            logits[usize::from(STEP)] = 1.0;
            let step = decoder.step();
            figure.apply(&grammar, step, &notes, &mut logits);
            rules.mask(&grammar, step, &mut logits);
            let best = (0..logits.len() as Token)
                .filter(|token| grammar.allows(*token))
                .max_by(|a, b| logits[usize::from(*a)].total_cmp(&logits[usize::from(*b)]).then(b.cmp(a)))
                .expect("a token");
            figure.feed(best);
            grammar.feed(best);
            decoder.push(best, &mut notes);
        }
        (plan.clone(), notes)
    }

    fn marks(signs: &str) -> impl Iterator<Item = Mark> + '_ {
        signs.chars().map(|sign| match sign {
            'X' => Mark::Accent,
            'x' => Mark::Play,
            'g' => Mark::Ghost,
            '?' => Mark::Free,
            '.' => Mark::Rest,
            '-' => Mark::Never,
            '1' => Mark::Tone(Tone::Root),
            '3' => Mark::Tone(Tone::Third),
            '5' => Mark::Tone(Tone::Fifth),
            '7' => Mark::Tone(Tone::Seventh),
            '8' => Mark::Tone(Tone::Octave),
            other => panic!("{other} is no sign of the goldens"),
        })
    }

    #[test]
    fn what_composers_are_told_agrees_with_the_goldens() {
        for file in golden::files() {
            let plan = file.piece.plan();
            for case in &file.figures {
                let written = &case.figure;
                let known = families(case.track);
                let family = written.family.as_ref().map(|name| known.iter().position(|known| known == name));
                let total = plan.total_steps() as usize;
                let mut drums = vec![[Mark::Free; DRUM_CLASS_COUNT]; total];
                for (class, name) in DrumClass::ALL.into_iter().zip(crate::bundle::patch::CLASS_NAMES) {
                    let found = written.marks.get(name).into_iter().flat_map(|signs| marks(signs));
                    for (step, mark) in drums.iter_mut().zip(found) {
                        step[class.index()] = mark;
                    }
                }
                let figure = Figure {
                    track: case.track,
                    plan: &plan,
                    drums,
                    part: written.marks.get("").map_or_else(Vec::new, |signs| marks(signs).collect()),
                    length: match written.length.as_str() {
                        "short" => Length::Short,
                        "long" => Length::Long,
                        _ => Length::Free,
                    },
                    voices: written.voices,
                    is_set: true,
                    family: family.map(|family| family.expect("a known family")),
                    has_octaves: false,
                    kicks: None,
                    differs: written.differs.clone(),
                    silent: [false; DRUM_CLASS_COUNT],
                    last: None,
                };
                let mut row = [0.0; FIGURE_LENGTH];
                for expected in &case.rows {
                    figure.condition(expected.step, &mut row);
                    for (index, (ours, theirs)) in row.iter().zip(&expected.values).enumerate() {
                        assert!(
                            (ours - theirs).abs() < 1e-5,
                            "{} {} step {} value {index}: {ours} instead of {theirs}",
                            file.name,
                            case.track,
                            expected.step
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_told_where_nothing_leans() {
        let intent: Intent = parse("techno").expect("readable");
        let plan = make_plan(&intent, &Overrides::default(), 3).expect("a plan");
        let request = TakeRequest {
            track: Track::Melody,
            prompt: "techno",
            intent: &intent,
            plan: &plan,
            seed: 3,
            settings: GenerationSettings::default(),
            context: &[],
            patch: None,
        };
        let mut row = [1.0; FIGURE_LENGTH];
        Figure::new(&request, 0).condition(0, &mut row);
        assert_eq!(row, [0.0; FIGURE_LENGTH]);
    }

    fn steps(notes: &[Note], key: u8, bar: u32) -> Vec<u32> {
        notes
            .iter()
            .filter(|note| note.pitch == key && note.step / 16 == bar)
            .map(|note| note.step % 16)
            .collect()
    }

    #[test]
    fn the_groove_of_a_genre_is_played() {
        let (_, notes) = written("reggaeton", Track::Drums);
        assert_eq!(steps(&notes, 38, 0), [3, 6, 11, 14]);
        assert_eq!(steps(&notes, 36, 1), [0, 4, 8, 12]);
        let (_, notes) = written("house", Track::Drums);
        assert_eq!(steps(&notes, 36, 4), [0, 4, 8, 12]);
        assert_eq!(steps(&notes, 39, 4), [4, 12]);
        // "No hi hats" silences them; the others stay.
        let (_, notes) = written("house, no hi hats", Track::Drums);
        assert!(notes.iter().all(|note| note.pitch != 42 && note.pitch != 46));
        assert_eq!(steps(&notes, 36, 4), [0, 4, 8, 12]);
    }

    #[test]
    fn roles_choose_rhythm_and_tones() {
        let (plan, notes) = written("polka", Track::Bass);
        let second: Vec<(u32, u8)> = notes
            .iter()
            .filter(|note| note.step / 16 == 1)
            .map(|note| (note.step % 16, (note.pitch + 12 - plan.chord_at(note.step).root) % 12))
            .collect();
        assert_eq!(second, [(0, 0), (4, 7), (8, 0), (12, 7)]);
        let (_, notes) = written("disco", Track::Bass);
        let leaps = notes.windows(2).filter(|pair| pair[0].pitch.abs_diff(pair[1].pitch) == 12).count();
        assert!(leaps * 2 > notes.len(), "{leaps} of {}", notes.len());
        let (_, notes) = written("reggae", Track::Harmony);
        assert!(notes.iter().filter(|note| note.step / 16 == 1).all(|note| note.step % 4 == 2));
    }

    #[test]
    fn loose_drummers_vary_bars_and_keep_what_the_groove_is_known_by() {
        let bars = |prompt: &str| {
            let (plan, notes) = written(prompt, Track::Drums);
            (0..plan.bars).map(|bar| (steps(&notes, 36, bar), steps(&notes, 42, bar))).collect::<Vec<_>>()
        };
        let different =
            |bars: &[(Vec<u32>, Vec<u32>)]| bars[..7].iter().filter(|bar| **bar != bars[0]).count();
        let (usual, loose) = (bars("boom bap"), bars("loose boom bap"));
        assert_eq!(usual[0], loose[0]);
        assert!(different(&loose) > different(&usual), "{usual:?} {loose:?}");
        let (plan, notes) = written("loose reggaeton", Track::Drums);
        // Bars that do not end a phrase.
        for bar in (0..plan.bars).filter(|bar| bar % 4 != 3) {
            let snares = steps(&notes, 38, bar);
            assert!([3, 6, 11, 14].iter().all(|step| snares.contains(step)), "bar {bar}: {snares:?}");
        }
    }

    #[test]
    fn chords_of_a_bar_stay_as_long_as_they_are() {
        let (plan, notes) = written("ambient techno", Track::Harmony);
        let late: Vec<u32> = notes.iter().map(|note| note.step % plan.meter.steps_per_bar()).collect();
        assert!(!late.is_empty() && late.iter().all(|step| *step == 0), "{late:?}");
    }

    #[test]
    fn phrases_end_with_fills_and_second_halves_are_no_copies() {
        let (plan, drums) = written("rock", Track::Drums);
        let bar = |notes: &[Note], index: u32| -> Vec<(u32, u8)> {
            let inside = notes.iter().filter(|note| note.step / 16 == index);
            inside.map(|note| (note.step % 16, note.pitch)).collect()
        };
        assert_eq!(plan.bars, 8);
        assert_ne!(bar(&drums, 7), bar(&drums, 6));
        let (_, bass) = written("polka", Track::Bass);
        let half = |first: u32| {
            (first..first + 4)
                .map(|index| bar(&bass, index).iter().map(|(step, _)| *step).collect())
                .collect::<Vec<Vec<u32>>>()
        };
        assert_ne!(half(0), half(4));
    }
}
