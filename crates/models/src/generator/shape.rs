//! Shapes a track's written notes to its section of a song: entries and exits, fills into the next section, builds, silence
//! before a drop, landings, and endings.
//!
//! Loop corpora do not contain these figures, so they are written by rule, as arrangers do (Snoman, "Dance Music Manual",
//! chapters on arrangement; Sebesky, "The Contemporary Arranger"). The composer writes the rest of the section.

use std::ops::Range;

use super::TakeRequest;
use super::random::{Purpose, Random};
use resonantgen_music::harmony::{beat_steps, end_overlaps, register};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DrumClass, Note, sort_notes};
use resonantgen_music::track::Track;
use resonantgen_sound::audio::matching_gain;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};
use resonantgen_words::Shape;

/// Number of new hits in the last bar, compared with the bar before, that make it a fill.
const FILL_HITS: usize = 3;
/// Velocities at the start and end of a fill, and of a rising roll.
const FILL_VELOCITY: (f32, f32) = (72.0, 116.0);
const ROLL_VELOCITY: (f32, f32) = (44.0, 120.0);
/// Fractions of a rising section at which its roll changes to eighths, sixteenths and thirty-seconds, and at which the kick drops
/// out.
const ROLL_EIGHTHS: f32 = 0.5;
const ROLL_SIXTEENTHS: f32 = 0.75;
const ROLL_THIRTY_SECONDS: f32 = 0.9;
const KICK_RESTS: f32 = 0.875;
/// Velocities of the cymbal and kick at a landing and at an ending.
const LANDING_VELOCITY: u8 = 114;
const ENDING_VELOCITY: u8 = 100;
/// Length of the fades inside spliced bars, in audio frames (5 ms).
const SPLICE_FRAMES: usize = TAKE_SAMPLE_RATE_HZ as usize / 200;
/// Largest leap without a cost, in semitones, and the cost of each semitone above it; the cost of repeating the old notes; the
/// cost of each note more or fewer.
const SMALL_LEAP: f32 = 7.0;
const LEAP_COST: f32 = 0.05;
const SAME_COST: f32 = 2.0;
const CROWD_COST: f32 = 0.04;

/// The requested shape.
pub(super) fn shape<'a>(request: &TakeRequest<'a>) -> Option<&'a Shape> {
    request.intent.track(request.track).shape.as_ref()
}

/// Bars of silence rendered after a section that does not loop, and the minimum in audio frames (3 s).
const SILENT_BARS: u32 = 2;
const SILENT_FRAMES: usize = 3 * TAKE_SAMPLE_RATE_HZ as usize;
/// Audio frames of the fade at the cut (3 ms).
const CUT_FADE: usize = TAKE_SAMPLE_RATE_HZ as usize * 3 / 1_000;

/// Whether the track starts or ends within the section, so that its end must not ring into its beginning.
fn is_no_loop(request: &TakeRequest<'_>) -> bool {
    shape(request).is_some_and(|shape| {
        shape.ends || shape.rises || shape.enters_bar > 0 || shape.leaves_bar.is_some() || shape.gap_steps > 0
    })
}

/// Number of audio frames to render: the plan's length, or more if the end must not be heard at the beginning.
pub(super) fn rendered_frames(request: &TakeRequest<'_>) -> usize {
    let frames = request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
    if !is_no_loop(request) {
        return frames;
    }
    let bar = frames / request.plan.bars as usize;
    frames + SILENT_FRAMES.max(SILENT_BARS as usize * bar)
}

/// Cuts rendered audio to the plan's length.
pub(super) fn cut(request: &TakeRequest<'_>, mut audio: StemAudio) -> StemAudio {
    if !is_no_loop(request) {
        return audio;
    }
    let frames = request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
    for side in [&mut audio.left, &mut audio.right] {
        side.truncate(frames);
        for (index, sample) in side.iter_mut().rev().take(CUT_FADE).enumerate() {
            *sample = (f64::from(*sample) * (index as f64 + 0.5) / CUT_FADE as f64).round() as i32;
        }
    }
    audio
}

/// Whether each step keeps the parent's notes; `None` if all steps are new.
pub(super) fn kept_steps(request: &TakeRequest<'_>, parent: Option<&Take>) -> Option<Vec<bool>> {
    let new_bars = shape(request)?.new_bars.as_ref()?;
    let plan = request.plan;
    parent.filter(|parent| parent.recipe.plan.meter == plan.meter && parent.recipe.plan.bars == plan.bars)?;
    let bar = plan.meter.steps_per_bar();
    Some((0..plan.total_steps()).map(|step| !new_bars.contains(&(step / bar))).collect())
}

/// Restores the parent's notes in the kept steps, and ends new notes before the next kept bar.
fn restore(notes: &mut Vec<Note>, parent: &Take, kept: &[bool]) {
    let is_kept = |step: u32| kept.get(step as usize).copied().unwrap_or(false);
    notes.retain(|note| !is_kept(note.step));
    for note in notes.iter_mut() {
        let room =
            (note.step..).take_while(|step| (*step as usize) < kept.len() && !is_kept(*step)).count() as f32;
        note.length = note.length.min((room - note.offset.max(0.0)).max(0.25));
    }
    notes.extend(parent.score.notes.iter().filter(|note| is_kept(note.step)));
    sort_notes(notes);
}

/// Applies the requested shape to the written notes.
pub(super) fn shaped(request: &TakeRequest<'_>, parent: Option<&Take>, notes: &mut Vec<Note>) {
    let Some(shape) = shape(request) else { return };
    let kept = kept_steps(request, parent);
    if let (Some(parent), Some(kept)) = (parent, &kept) {
        restore(notes, parent, kept);
        end_overlaps(request.track, notes, request.plan.total_steps());
        if shape.keeps_sound {
            // Notes that ring into the new bars may have been cut there; otherwise kept bars are unchanged.
            return;
        }
    }
    let plan = request.plan;
    if request.track == Track::Drums {
        if shape.rises {
            roll(plan, notes);
        } else if shape.fill {
            fill(request, notes);
        }
        if shape.lands {
            land(notes);
        }
    }
    let bar = plan.meter.steps_per_bar();
    let total = plan.total_steps();
    // Tracks that have left come back for the last chord.
    let mut ending = Vec::new();
    if shape.ends {
        end(request.track, plan, notes);
        ending = notes.extract_if(.., |note| note.step + bar >= total).collect();
    }
    let last = shape.leaves_bar.map_or(total, |leaves| leaves * bar);
    keep_within(notes, shape.enters_bar * bar..last.min(total.saturating_sub(shape.gap_steps)));
    notes.extend(ending);
    sort_notes(notes);
}

/// Drops notes that start outside the given steps, and shortens those that would ring past the end.
fn keep_within(notes: &mut Vec<Note>, steps: Range<u32>) {
    notes.retain(|note| steps.contains(&note.step));
    for note in notes {
        let start = note.step as f32 + note.offset;
        note.length = note.length.min((steps.end as f32 - start).max(0.25));
    }
}

fn hit(step: u32, class: DrumClass, velocity: f32) -> Note {
    let velocity = velocity.round().clamp(1.0, 127.0) as u8;
    Note { step, offset: 0.0, length: 1.0, pitch: class.key(), velocity }
}

fn is_any(note: &Note, classes: &[DrumClass]) -> bool {
    DrumClass::from_key(note.pitch).is_some_and(|class| classes.contains(&class))
}

/// The voices used for fills and rolls.
const SNARES: [DrumClass; 4] = [DrumClass::Snare, DrumClass::Clap, DrumClass::Rim, DrumClass::Percussion];
const TOMS: [DrumClass; 2] = [DrumClass::LowTom, DrumClass::HighTom];

/// The voice of fills and rolls: the snare, which every kit has, unless the backbeat is played only on a rim or by hand.
fn main_voice(notes: &[Note]) -> DrumClass {
    let count = |class: DrumClass| notes.iter().filter(|note| note.pitch == class.key()).count();
    if count(DrumClass::Snare) + count(DrumClass::Clap) > 0 {
        return DrumClass::Snare;
    }
    let others = [DrumClass::Rim, DrumClass::Percussion];
    let best = others.into_iter().max_by_key(|class| count(*class)).filter(|class| count(*class) > 0);
    best.unwrap_or(DrumClass::Snare)
}

/// Writes a fill into the last bar, unless there already is one.
fn fill(request: &TakeRequest<'_>, notes: &mut Vec<Note>) {
    let plan = request.plan;
    let bar = plan.meter.steps_per_bar();
    let beat = beat_steps(plan.meter);
    let total = plan.total_steps();
    if notes.is_empty() || bar < 2 * beat {
        return;
    }
    let hits = |first: u32| -> Vec<(u32, u8)> {
        let inside = notes.iter().filter(|note| (first..first + bar).contains(&note.step));
        let led = inside.filter(|note| is_any(note, &SNARES) || is_any(note, &TOMS));
        led.map(|note| (note.step - first, note.pitch)).collect()
    };
    if total >= 2 * bar {
        let (last, before) = (hits(total - bar), hits(total - 2 * bar));
        let new = last.iter().filter(|hit| !before.contains(hit)).count();
        if new >= FILL_HITS {
            return;
        }
    }
    let mut random = Random::of_kind(request, Purpose::Figure, 1 << 8);
    let kind = (random.uniform() * 4.0) as u32;
    let main = main_voice(notes);
    let has_toms = main == DrumClass::Snare;
    let first = total - if kind == 3 { beat } else { 2 * beat };
    notes.retain(|note| {
        note.step < first
            || !(is_any(note, &SNARES) || is_any(note, &TOMS) || is_any(note, &[DrumClass::OpenHat]))
    });
    for step in first..total {
        let (at, left) = (step - first, total - step);
        let is_played = match kind {
            // A run of sixteenths that starts with an eighth.
            0 => at >= 2 || at == 0,
            // Eighths, then sixteenths.
            1 => at.is_multiple_of(2) || left <= beat,
            // Off and around the beat.
            2 => matches!(at % 8, 0 | 2 | 3 | 5 | 6) || left == 1,
            _ => true,
        };
        if !is_played {
            continue;
        }
        let share = at as f32 / (total - first) as f32;
        let velocity = FILL_VELOCITY.0 + share * (FILL_VELOCITY.1 - FILL_VELOCITY.0);
        let class = match kind {
            1 | 2 if has_toms && left <= beat => DrumClass::LowTom,
            1 if has_toms && left <= beat + beat / 2 => DrumClass::HighTom,
            _ => main,
        };
        notes.push(hit(step, class, velocity));
    }
}

/// Writes a roll that becomes denser and louder.
fn roll(plan: &Plan, notes: &mut Vec<Note>) {
    let total = plan.total_steps();
    let voice = main_voice(notes);
    let rests_from = (KICK_RESTS * total as f32) as u32;
    notes.retain(|note| {
        let rests = note.step >= rests_from && is_any(note, &[DrumClass::Kick]);
        !(rests || is_any(note, &SNARES) || is_any(note, &TOMS))
    });
    for step in 0..total {
        let share = step as f32 / total as f32;
        let every = match share {
            share if share < ROLL_EIGHTHS => 4,
            share if share < ROLL_SIXTEENTHS => 2,
            _ => 1,
        };
        if !step.is_multiple_of(every) {
            continue;
        }
        let accent = if step.is_multiple_of(4) { 6.0 } else { 0.0 };
        let velocity = ROLL_VELOCITY.0 + share * (ROLL_VELOCITY.1 - ROLL_VELOCITY.0) + accent;
        if share < ROLL_THIRTY_SECONDS {
            notes.push(hit(step, voice, velocity));
        } else {
            let half = hit(step, voice, velocity);
            notes.push(Note { length: 0.5, ..half });
            notes.push(Note { length: 0.5, offset: 0.5, ..half });
        }
    }
}

/// Adds a cymbal and a kick on the first beat.
fn land(notes: &mut Vec<Note>) {
    let opening = [DrumClass::Crash, DrumClass::Kick];
    notes.retain(|note| !(note.step == 0 && note.offset < 0.25 && is_any(note, &opening)));
    notes.extend(opening.map(|class| hit(0, class, f32::from(LANDING_VELOCITY))));
}

/// Replaces the last bar with one held chord and a single stroke of the drums.
fn end(track: Track, plan: &Plan, notes: &mut Vec<Note>) {
    let bar = plan.meter.steps_per_bar();
    let Some(first) = plan.total_steps().checked_sub(bar) else { return };
    let (before, last): (Vec<Note>, Vec<Note>) = notes.iter().partition(|note| note.step < first);
    let Some(model) = before.last().or(last.last()).copied() else { return };
    notes.clear();
    notes.extend(before.iter().map(|note| {
        let room = (first - note.step) as f32 - note.offset;
        Note { length: note.length.min(room.max(0.25)), ..*note }
    }));
    if track == Track::Drums {
        let stroke = [DrumClass::Kick, DrumClass::Crash];
        notes.extend(stroke.map(|class| hit(first, class, f32::from(ENDING_VELOCITY))));
        return;
    }
    let chord = *plan.chord_at(first);
    let (low, high) = register(track).unwrap_or((0, 127));
    let nearest = |class: u8, to: u8| {
        (low..=high).filter(|pitch| pitch % 12 == class).min_by_key(|pitch| pitch.abs_diff(to))
    };
    let recent: Vec<u8> = before.iter().rev().take(8).map(|note| note.pitch).collect();
    let middle = match recent.len() {
        0 => model.pitch,
        count => (recent.iter().map(|pitch| u32::from(*pitch)).sum::<u32>() / count as u32) as u8,
    };
    let pitches: Vec<u8> = match track {
        Track::Harmony => chord.pitch_classes().take(4).filter_map(|class| nearest(class, middle)).collect(),
        Track::Bass => nearest(chord.bass_note(), model.pitch).into_iter().collect(),
        _ => nearest(chord.root, model.pitch).into_iter().collect(),
    };
    notes.extend(pitches.into_iter().map(|pitch| Note {
        step: first,
        offset: 0.0,
        length: bar as f32,
        pitch,
        velocity: model.velocity,
    }));
}

/// The cost of how new bars join those around them; 0 is best.
pub(super) fn join_cost(request: &TakeRequest<'_>, parent: &Take, notes: &[Note]) -> f32 {
    let Some(kept) = kept_steps(request, Some(parent)) else { return 0.0 };
    let is_new = |note: &&Note| !kept.get(note.step as usize).copied().unwrap_or(true);
    let new: Vec<&Note> = notes.iter().filter(is_new).collect();
    let old: Vec<&Note> = parent.score.notes.iter().filter(is_new).collect();
    let place = |note: &&Note| (note.step, note.pitch);
    let same = new.iter().map(place).eq(old.iter().map(place));
    if same {
        return SAME_COST;
    }
    // A returning section is performed as a whole, so there is no seam.
    if !shape(request).is_some_and(|shape| shape.keeps_sound) {
        return 0.0;
    }
    let mut cost = CROWD_COST * new.len().abs_diff(old.len()) as f32;
    if request.track == Track::Bass || request.track == Track::Melody {
        for pair in notes.windows(2).filter(|pair| is_new(&&pair[0]) != is_new(&&pair[1])) {
            let leap = f32::from(pair[0].pitch.abs_diff(pair[1].pitch));
            cost += LEAP_COST * (leap - SMALL_LEAP).max(0.0);
        }
    }
    cost
}

/// The parent's audio with new bars spliced in. Samples outside the new bars are unchanged. The equal-power fades lie inside the
/// new bars, which are matched in level by comparing the remaining bars of both. `None` if the two differ in length.
pub(super) fn spliced(
    plan: &Plan,
    new_bars: &[u32],
    parent: &StemAudio,
    made: &StemAudio,
) -> Option<StemAudio> {
    let frames = parent.len();
    if frames == 0 || frames != made.len() {
        return None;
    }
    let bar = plan.meter.steps_per_bar();
    let frame = |step: u32| {
        let seconds = f64::from(step) * plan.step_seconds();
        ((seconds * f64::from(TAKE_SAMPLE_RATE_HZ)).round() as usize).min(frames)
    };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for index in (0..plan.bars).filter(|index| new_bars.contains(index)) {
        let (start, end) = (frame(index * bar), frame((index + 1) * bar));
        match ranges.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    let is_outside = |index: &usize| ranges.iter().all(|range| !range.contains(index));
    let power = |audio: &StemAudio| -> f64 {
        (0..frames).filter(is_outside).map(|frame| audio.power_at(frame)).sum()
    };
    let gain = matching_gain(power(parent), power(made));
    let mut result = parent.clone();
    for range in ranges {
        let fade = SPLICE_FRAMES.min(range.len() / 2);
        for index in range.clone() {
            let edge = (index - range.start).min(range.end - 1 - index);
            let share = if edge >= fade { 1.0 } else { (edge as f64 + 0.5) / fade as f64 };
            result.fade_over(index, (made, index), gain, share);
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_take::GenerationSettings;
    use resonantgen_words::{Intent, Overrides, make_plan, parse};

    fn with_shape(track: Track, shape: Shape, bars: u32) -> (Intent, Plan) {
        let mut intent = parse("house in A minor, Am F C G").expect("readable");
        let plan =
            make_plan(&intent, &Overrides { bars: Some(bars), ..Overrides::default() }, 1).expect("a plan");
        intent.tracks[track.index()].shape = Some(shape);
        (intent, plan)
    }

    fn made(track: Track, shape: Shape, bars: u32, mut notes: Vec<Note>) -> Vec<Note> {
        let (intent, plan) = with_shape(track, shape, bars);
        let request = TakeRequest {
            track,
            prompt: "house",
            intent: &intent,
            plan: &plan,
            seed: 1,
            settings: GenerationSettings::default(),
            context: &[],
            patch: None,
        };
        shaped(&request, None, &mut notes);
        notes
    }

    fn beat(bars: u32) -> Vec<Note> {
        let kicks = (0..bars * 4).map(|beat| hit(4 * beat, DrumClass::Kick, 100.0));
        let snares = (0..bars * 2).map(|half| hit(8 * half + 4, DrumClass::Snare, 90.0));
        let mut notes: Vec<Note> = kicks.chain(snares).collect();
        sort_notes(&mut notes);
        notes
    }

    fn bar_of(notes: &[Note], bar: u32) -> Vec<(u32, u8)> {
        let inside = notes.iter().filter(|note| note.step / 16 == bar);
        inside.map(|note| (note.step % 16, note.pitch)).collect()
    }

    #[test]
    fn a_section_leads_into_the_next() {
        let notes = made(Track::Drums, Shape { fill: true, ..Shape::default() }, 4, beat(4));
        assert_eq!(bar_of(&notes, 2), bar_of(&beat(4), 2));
        let (last, before) = (bar_of(&notes, 3), bar_of(&notes, 2));
        assert!(last.len() >= before.len() + 2, "{last:?}");
        let again = made(Track::Drums, Shape { fill: true, ..Shape::default() }, 4, notes.clone());
        assert_eq!(again, notes, "one fill is enough");
    }

    #[test]
    fn a_build_gets_denser_and_louder_and_stops_before_the_drop() {
        let shape = Shape { rises: true, gap_steps: 4, ..Shape::default() };
        let notes = made(Track::Drums, shape, 8, beat(8));
        let snares = |bars: Range<u32>| -> Vec<&Note> {
            notes.iter().filter(|note| note.pitch == 38 && bars.contains(&(note.step / 16))).collect()
        };
        let counts = [0..1, 4..5, 6..7, 7..8].map(|bars| snares(bars).len());
        assert_eq!(counts[..3], [4, 8, 16]);
        assert!(counts[3] > 16, "{counts:?}");
        let loudest = |bars| snares(bars).iter().map(|note| note.velocity).max().expect("hits");
        assert!(loudest(0..1) + 50 < loudest(7..8));
        assert!(
            notes
                .iter()
                .all(|note| note.step < 124 && note.step as f32 + note.offset + note.length <= 124.01)
        );
        assert!(
            snares(7..8).iter().any(|_| true) && notes.iter().all(|note| note.step < 112 || note.pitch != 36)
        );
    }

    #[test]
    fn a_drop_lands_and_a_song_ends_on_its_chord() {
        let notes = made(Track::Drums, Shape { lands: true, ..Shape::default() }, 4, beat(4));
        assert_eq!(
            notes.iter().filter(|note| note.step == 0).map(|note| note.pitch).collect::<Vec<_>>(),
            [36, 49]
        );
        let shape = Shape { ends: true, ..Shape::default() };
        let drums = made(Track::Drums, shape.clone(), 4, beat(4));
        assert_eq!(bar_of(&drums, 3), [(0, 36), (0, 49)]);
        let chords: Vec<Note> = (0..16)
            .flat_map(|beat| {
                [57, 60, 64].map(|pitch| Note {
                    step: 4 * beat,
                    offset: 0.0,
                    length: 6.0,
                    pitch,
                    velocity: 80,
                })
            })
            .collect();
        let harmony = made(Track::Harmony, shape.clone(), 4, chords);
        let last: Vec<&Note> = harmony.iter().filter(|note| note.step >= 48).collect();
        assert!(last.len() >= 3 && last.iter().all(|note| note.step == 48 && note.length == 16.0));
        assert!(
            harmony.iter().filter(|note| note.step < 48).all(|note| note.step as f32 + note.length <= 48.0)
        );
        let bass: Vec<Note> =
            (0..64).map(|step| Note { step, offset: 0.0, length: 1.0, pitch: 33, velocity: 90 }).collect();
        let bass = made(Track::Bass, shape, 4, bass);
        assert_eq!(bass.last().map(|note| (note.step, note.length)), Some((48, 16.0)));
    }

    #[test]
    fn tracks_come_in_and_go() {
        let shape = Shape { enters_bar: 2, leaves_bar: Some(3), ..Shape::default() };
        let notes = made(Track::Drums, shape, 4, beat(4));
        assert!(!notes.is_empty() && notes.iter().all(|note| note.step / 16 == 2));
    }

    #[test]
    fn spliced_bars_leave_all_other_samples_alone_and_have_no_edge() {
        let (_, plan) = with_shape(Track::Bass, Shape::default(), 4);
        let frames = plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
        let tone = |hz: f64, level: f64| -> StemAudio {
            let sample = |index: usize| {
                (level * 8e6 * (std::f64::consts::TAU * hz * index as f64 / 48_000.0).sin()) as i32
            };
            let side: Vec<i32> = (0..frames).map(sample).collect();
            StemAudio { left: side.clone(), right: side }
        };
        let (parent, made) = (tone(110.0, 0.4), tone(165.0, 0.3));
        let result = spliced(&plan, &[1, 2], &parent, &made).expect("the same length");
        let frame = |bar: f64| (bar * plan.seconds() / 4.0 * 48_000.0).round() as usize;
        assert_eq!(result.left[..frame(1.0)], parent.left[..frame(1.0)]);
        assert_eq!(result.left[frame(3.0)..], parent.left[frame(3.0)..]);
        assert_ne!(result.left[frame(1.5)..frame(2.5)], parent.left[frame(1.5)..frame(2.5)]);
        let steepest = result.left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().expect("samples");
        let usual = made.left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().expect("samples");
        assert!(steepest < 3 * usual, "{steepest} against {usual}");
        // The new bars have the level of the rest.
        let peak = |samples: &[i32]| samples.iter().map(|sample| sample.abs()).max().expect("samples");
        let (new, old) = (peak(&result.left[frame(1.5)..frame(2.5)]), peak(&parent.left));
        assert!((f64::from(new) / f64::from(old) - 1.0).abs() < 0.02, "{new} {old}");
        assert!(spliced(&plan, &[1], &parent, &StemAudio::default()).is_none());
    }
}
