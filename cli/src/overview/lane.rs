//! One track's lane: its score above, its waveform below.

use resonantgen_music::plan::Plan;
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::Track;
use resonantgen_take::{FULL_SCALE, StemAudio, Take};

use super::canvas::{Align, Canvas, Colour, Rect, Weight};
use super::{DIM, FAINT, LANE, time_to_x};

/// Height of the waveform in pixels.
const WAVEFORM_HEIGHT: f32 = 64.0;

/// Colour of a track, the same as in the plugin's editor.
pub const fn colour(track: Track) -> Colour {
    match track {
        Track::Drums => [242, 165, 58],
        Track::Bass => [91, 184, 240],
        Track::Harmony => [212, 134, 200],
        Track::Melody => [63, 207, 160],
    }
}

/// Draws a lane; `area` is the part to the right of the labels.
pub fn draw(canvas: &mut Canvas, track: Track, take: Option<&Take>, plan: &Plan, area: Rect) {
    canvas.fill(area, 8.0, LANE, 1.0);
    let split = area.bottom - WAVEFORM_HEIGHT;
    let roll = Rect { top: area.top + 8.0, bottom: split - 8.0, ..area };
    let wave = Rect { top: split, bottom: area.bottom - 6.0, ..area };
    let Some(take) = take else {
        let middle = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
        canvas.text("no take", middle, Align::Centre, (Weight::Medium, 17.0), FAINT);
        return;
    };
    if track == Track::Drums {
        draw_hits(canvas, take, plan, roll);
    } else {
        draw_notes(canvas, track, take, plan, roll);
    }
    draw_waveform(canvas, &take.audio, colour(track), wave);
}

/// Drum hits: one row for each voice that plays, the kick at the bottom.
fn draw_hits(canvas: &mut Canvas, take: &Take, plan: &Plan, area: Rect) {
    let classes: Vec<DrumClass> = DrumClass::ALL
        .into_iter()
        .filter(|class| take.score.notes.iter().any(|note| note.pitch == class.key()))
        .collect();
    if classes.is_empty() {
        return;
    }
    let row_height = (area.height() / classes.len() as f32).min(22.0);
    let centre = |row: usize| area.bottom - (row as f32 + 0.5) * row_height;
    for (row, class) in classes.iter().enumerate() {
        canvas.horizontal(centre(row), area.left, area.right, FAINT, 0.35);
        let size = row_height.clamp(9.0, 13.0);
        canvas.text(
            class.name(),
            (area.left - 12.0, centre(row)),
            Align::Right,
            (Weight::Medium, size),
            FAINT,
        );
        let half = (row_height / 2.0 - 1.0).clamp(2.0, 7.0);
        for note in take.score.notes.iter().filter(|note| note.pitch == class.key()) {
            let x = time_to_x(plan, f64::from(note.step) + f64::from(note.offset), area);
            let strength = f32::from(note.velocity) / 127.0;
            let hit = Rect { left: x, top: centre(row) - half, right: x + 5.0, bottom: centre(row) + half };
            canvas.fill(hit, 2.0, colour(Track::Drums), 0.3 + 0.7 * strength);
        }
    }
}

/// Notes of a tonal track, higher pitches further up.
fn draw_notes(canvas: &mut Canvas, track: Track, take: &Take, plan: &Plan, area: Rect) {
    let notes = &take.score.notes;
    let (Some(lowest), Some(highest)) =
        (notes.iter().map(|note| note.pitch).min(), notes.iter().map(|note| note.pitch).max())
    else {
        return;
    };
    let spare = (14.0 - f32::from(highest - lowest)).max(2.0) / 2.0;
    let (from, to) = (f32::from(lowest) - spare, f32::from(highest) + spare);
    let row_height = area.height() / (to - from);
    let centre = |pitch: u8| area.bottom - (f32::from(pitch) - from) * row_height;
    for pitch in lowest..=highest {
        if (pitch + 12 - plan.key.tonic).is_multiple_of(12) {
            canvas.horizontal(centre(pitch), area.left, area.right, FAINT, 0.6);
        }
    }
    for pitch in if lowest == highest { vec![lowest] } else { vec![lowest, highest] } {
        let at = (area.left - 12.0, centre(pitch));
        canvas.text(&pitch_name(pitch), at, Align::Right, (Weight::Medium, 12.0), FAINT);
    }
    let half = (row_height / 2.0).clamp(2.0, 5.0);
    for note in notes {
        let start = f64::from(note.step) + f64::from(note.offset);
        let left = time_to_x(plan, start, area);
        let right = time_to_x(plan, start + f64::from(note.length), area).max(left + 4.0);
        let strength = 0.35 + 0.65 * f32::from(note.velocity) / 127.0;
        let mut bar = |left: f32, right: f32| {
            let (top, bottom) = (centre(note.pitch) - half, centre(note.pitch) + half);
            canvas.fill(Rect { left, top, right: right - 1.0, bottom }, 2.5, colour(track), strength);
        };
        bar(left, right.min(area.right));
        // A note that reaches past the loop's end continues at its start.
        if right > area.right + 2.0 {
            bar(area.left, area.left + right - area.right);
        }
    }
}

/// The waveform: extremes per pixel column, with the RMS level brighter on top.
fn draw_waveform(canvas: &mut Canvas, audio: &StemAudio, colour: Colour, area: Rect) {
    let middle = (area.top + area.bottom) / 2.0;
    canvas.horizontal(middle, area.left, area.right, colour, 0.25);
    let peak = audio.left.iter().chain(&audio.right).map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    if peak == 0 {
        return;
    }
    // A quiet stem is magnified, but never so much that its noise floor looks like music.
    let gain = area.height() / 2.0 / (peak as f32 / FULL_SCALE).max(0.05) / FULL_SCALE;
    let columns = area.width() as usize;
    for column in 0..columns {
        let range = column * audio.len() / columns..(column + 1) * audio.len() / columns;
        let (mut low, mut high, mut power, mut count) = (i32::MAX, i32::MIN, 0.0_f64, 0.0_f64);
        for sample in range {
            let value = (audio.left[sample] + audio.right[sample]) / 2;
            low = low.min(value);
            high = high.max(value);
            power += f64::from(value).powi(2);
            count += 1.0;
        }
        if low > high {
            continue;
        }
        let x = area.left + column as f32 + 0.5;
        canvas.vertical(x, middle - high as f32 * gain - 0.5, middle - low as f32 * gain + 0.5, colour, 0.55);
        let loud = (power / count).sqrt() as f32 * gain;
        canvas.vertical(x, middle - loud, middle + loud, colour, 0.75);
    }
}

/// A note's name, with middle C as C4.
fn pitch_name(pitch: u8) -> String {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    format!("{}{}", NAMES[usize::from(pitch % 12)], i32::from(pitch / 12) - 1)
}

/// Draws a lane's label to its left.
pub fn draw_label(
    canvas: &mut Canvas,
    track: Track,
    take: Option<&Take>,
    locked: bool,
    at: (f32, f32),
    width: f32,
) {
    canvas.fill(
        Rect { left: at.0, top: at.1, right: at.0 + 5.0, bottom: at.1 + 44.0 },
        2.5,
        colour(track),
        1.0,
    );
    canvas.text(
        track.title(),
        (at.0 + 18.0, at.1 + 11.0),
        Align::Left,
        (Weight::SemiBold, 25.0),
        [240, 242, 248],
    );
    let Some(take) = take else { return };
    let patch = canvas.shorten(&take.patch, Weight::Medium, 15.0, width - 18.0);
    canvas.text(&patch, (at.0 + 18.0, at.1 + 36.0), Align::Left, (Weight::Medium, 15.0), DIM);
    let count = take.score.notes.len();
    let word = if track == Track::Drums { "hits" } else { "notes" };
    let detail = format!("{count} {word}{}", if locked { " · locked" } else { "" });
    canvas.text(&detail, (at.0 + 18.0, at.1 + 58.0), Align::Left, (Weight::Medium, 13.0), FAINT);
}
