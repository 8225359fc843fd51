//! Excerpts: two bars of a loop are performed by themselves, so that a change is heard long before the whole loop has been performed.

use std::sync::Arc;

use resonantgen_music::plan::Plan;
use resonantgen_music::score::{Note, Score, sort_notes};
use resonantgen_sound::audio::matching_gain;
use resonantgen_take::{Recipe, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, Tokens};
use resonantgen_words::Intent;

/// Length of an excerpt in bars.
const BARS: u32 = 2;
/// Length of the fades between an excerpt and what is around it, in audio frames (5 ms).
const FADE_FRAMES: usize = TAKE_SAMPLE_RATE_HZ as usize / 200;

/// Two bars of a loop, of which the part from a half bar on is used. What comes before it is performed too, because it rings on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Number of bars of the loop, and the bar in which the excerpt begins. It goes on in the loop's first bar after the last one.
    bars: u32,
    first_bar: u32,
    /// Number of half bars that are performed and not used.
    lead: u32,
}

impl Excerpt {
    /// The excerpt from a half bar on; `None` if the loop is not longer than an excerpt.
    pub(super) fn from(half_bar: usize, plan: &Plan) -> Option<Self> {
        let (bars, half_bar) = (plan.bars, half_bar as u32 % (2 * plan.bars.max(1)));
        // Swing counts steps from the bar line, so an excerpt begins there.
        let (first_bar, lead) =
            if half_bar.is_multiple_of(2) { (half_bar / 2 + bars - 1, 2) } else { (half_bar / 2, 1) };
        (bars > BARS).then_some(Self { bars, first_bar: first_bar % bars, lead })
    }

    /// The excerpt of a plan.
    pub(super) fn plan(&self, plan: &Plan) -> Plan {
        let half_bars = (2 * self.first_bar as usize..).take(2 * BARS as usize);
        let chords = half_bars.map(|half_bar| plan.chords[half_bar % plan.chords.len()]).collect();
        Plan { bars: BARS, chords, ..plan.clone() }
    }

    /// The notes that sound in the excerpt.
    pub(super) fn score(&self, score: &Score, plan: &Plan) -> Score {
        let (bar, total) = (plan.meter.steps_per_bar(), plan.total_steps());
        let end = (BARS * bar) as f32;
        let cut = |note: &Note| {
            let step = (note.step + total - self.first_bar * bar) % total;
            if step < BARS * bar {
                let room = end - step as f32 - note.offset.max(0.0);
                return Some(Note { step, length: note.length.min(room.max(0.25)), ..*note });
            }
            let left = note.length + note.offset - (total - step) as f32;
            (left > 0.0).then_some(Note { step: 0, offset: 0.0, length: left.min(end), ..*note })
        };
        let mut notes: Vec<Note> = score.notes.iter().filter_map(cut).collect();
        sort_notes(&mut notes);
        Score { notes }
    }

    /// The excerpt of a take, without its sound.
    pub(super) fn take(&self, take: &Take) -> Take {
        let plan = &take.recipe.plan;
        let mut excerpt =
            Take { score: self.score(&take.score, plan), audio: Default::default(), ..take.clone() };
        excerpt.recipe.plan = self.plan(plan);
        excerpt.recipe.intent = without_shapes(&take.recipe.intent);
        excerpt
    }

    /// A take with the used half bars of an excerpt that was performed of it. `score` and `plan` are those of the whole loop over the
    /// excerpt's chords.
    pub(super) fn joined(&self, around: &Take, excerpt: &Take, score: &Score, plan: &Plan) -> Take {
        let mut recipe = Recipe { plan: plan.clone(), ..excerpt.recipe.clone() };
        // What it was made of tells it from the whole loop over these chords.
        recipe.context = vec![around.id.clone(), excerpt.id.clone()];
        Take {
            id: recipe.take_id(),
            recipe,
            patch: excerpt.patch.clone(),
            score: self.joined_scores(&around.score, score, plan),
            tokens: Tokens::default(),
            audio: Arc::new(self.joined_sound(&around.audio, &excerpt.audio, plan)),
            timings: excerpt.timings,
            measures: None,
        }
    }

    /// The score of a loop with the used half bars of another one.
    fn joined_scores(&self, around: &Score, within: &Score, plan: &Plan) -> Score {
        let (bar, total) = (plan.meter.steps_per_bar(), plan.total_steps());
        let is_used = |note: &&Note| {
            let step = (note.step + total - self.first_bar * bar) % total;
            step * 2 >= self.lead * bar && step < BARS * bar
        };
        let kept = around.notes.iter().filter(|note| !is_used(note));
        let mut notes: Vec<Note> = kept.chain(within.notes.iter().filter(is_used)).copied().collect();
        sort_notes(&mut notes);
        Score { notes }
    }

    /// A loop with the used half bars of the performed excerpt, whose level is matched. The fades lie before and at the end of what is
    /// used. `plan` is the loop's.
    fn joined_sound(&self, around: &StemAudio, excerpt: &StemAudio, plan: &Plan) -> StemAudio {
        let frames = around.len();
        let half_bar = plan.seconds() * f64::from(TAKE_SAMPLE_RATE_HZ) / f64::from(2 * plan.bars);
        let at = |half_bars: u32| (f64::from(half_bars) * half_bar).round() as usize;
        let begins = at(2 * self.first_bar);
        let lead = at(self.lead).saturating_sub(FADE_FRAMES);
        let place = |frame: usize| (begins + frame) % frames.max(1);
        let before = (0..excerpt.len().min(frames)).map(|frame| around.power_at(place(frame))).sum();
        let after = (0..excerpt.len()).map(|frame| excerpt.power_at(frame)).sum();
        let gain = matching_gain(before, after);
        let mut joined = around.clone();
        for frame in lead..excerpt.len().min(frames) {
            let edge = (frame - lead).min(excerpt.len() - 1 - frame);
            let share = ((edge as f64 + 0.5) / FADE_FRAMES as f64).min(1.0);
            joined.fade_over(place(frame), (excerpt, frame), gain, share);
        }
        joined
    }
}

/// An intent whose tracks neither begin nor end within the section: a section's shape is one of the whole loop.
fn without_shapes(intent: &Intent) -> Intent {
    let mut intent = intent.clone();
    for track in &mut intent.tracks {
        track.shape = None;
    }
    intent
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_words::{Overrides, make_plan, parse};

    /// A plan of four bars at 120 bpm: a half bar lasts a second.
    fn plan() -> Plan {
        let facts = Overrides { bars: Some(4), bpm: Some(120.0), ..Overrides::default() };
        make_plan(&parse("house, Am F C G").expect("readable"), &facts, 1).expect("a plan")
    }

    fn note(step: u32, length: f32, pitch: u8) -> Note {
        Note { step, offset: 0.0, length, pitch, velocity: 90 }
    }

    /// Start, length and pitch of the notes of an excerpt.
    fn notes(half_bar: usize, notes: &[Note]) -> Vec<(u32, f32, u8)> {
        let plan = plan();
        let excerpt = Excerpt::from(half_bar, &plan).expect("an excerpt");
        let score = excerpt.score(&Score { notes: notes.to_vec() }, &plan);
        score.notes.iter().map(|note| (note.step, note.length, note.pitch)).collect()
    }

    #[test]
    fn an_excerpt_is_two_bars_with_what_rings_into_them() {
        let plan = plan();
        let chords = |half_bar| {
            let excerpt = Excerpt::from(half_bar, &plan).expect("an excerpt");
            let plan = excerpt.plan(&plan);
            (plan.bars, plan.chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(chords(2), (2, "Am Am F F".to_owned()));
        assert_eq!(chords(3), (2, "F F C C".to_owned()));
        assert_eq!(chords(0), (2, "G G Am Am".to_owned()), "the loop's end comes before its start");
        assert_eq!(chords(7), (2, "G G Am Am".to_owned()));
        assert_eq!(chords(15), chords(7), "half bars are counted on");

        let score = [note(0, 4.0, 60), note(12, 40.0, 61), note(20, 2.0, 62), note(50, 20.0, 63)];
        assert_eq!(notes(2, &score), [(0, 4.0, 60), (0, 6.0, 63), (12, 20.0, 61), (20, 2.0, 62)]);
        assert_eq!(notes(3, &score), [(0, 32.0, 61), (4, 2.0, 62)]);
        let short = Plan { bars: 2, chords: plan.chords[..4].to_vec(), ..plan };
        assert_eq!(Excerpt::from(0, &short), None, "the whole loop is as short");
    }

    #[test]
    fn only_the_half_bars_that_are_used_change_and_no_edge_is_heard() {
        let plan = plan();
        let tone = |seconds: usize, hz: f64, level: f64| -> StemAudio {
            let sample = |index: usize| {
                (level * 8e6 * (std::f64::consts::TAU * hz * index as f64 / 48_000.0).sin()) as i32
            };
            let side: Vec<i32> = (0..seconds * 48_000).map(sample).collect();
            StemAudio { left: side.clone(), right: side }
        };
        let (around, made) = (tone(8, 110.0, 0.4), tone(4, 165.0, 0.3));
        for (half_bar, seconds) in [(2, 2..4), (3, 3..6), (0, 0..2), (7, 7..10)] {
            let excerpt = Excerpt::from(half_bar, &plan).expect("an excerpt");
            let joined = excerpt.joined_sound(&around, &made, &plan);
            for second in 0..8 {
                let is_new = seconds.contains(&second) || seconds.contains(&(second + 8));
                // The fade lies in the last 5 ms before what is used.
                let inside = second * 48_000 + 480..(second + 1) * 48_000 - 480;
                let differ = joined.left[inside.clone()] != around.left[inside];
                assert_eq!(differ, is_new, "half bar {half_bar}, second {second}");
            }
            let steepest = |audio: &StemAudio| {
                audio.left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().expect("samples")
            };
            assert!(steepest(&joined) < 2 * steepest(&made), "half bar {half_bar}");
            let second = seconds.start % 8 * 48_000;
            let used = &joined.left[second..second + 24_000];
            let peak = used.iter().map(|sample| sample.abs()).max().expect("samples");
            assert!((f64::from(peak) / 3.2e6 - 1.0).abs() < 0.02, "the level of what is around it: {peak}");
        }
    }

    #[test]
    fn the_notes_of_the_used_half_bars_come_from_the_excerpt() {
        let plan = plan();
        let score = |pitch: u8| Score { notes: (0..8).map(|half| note(8 * half, 4.0, pitch)).collect() };
        let excerpt = Excerpt::from(7, &plan).expect("an excerpt");
        let joined = excerpt.joined_scores(&score(60), &score(70), &plan);
        let pitches: Vec<u8> = joined.notes.iter().map(|note| note.pitch).collect();
        assert_eq!(pitches, [70, 70, 60, 60, 60, 60, 60, 70]);
    }
}
