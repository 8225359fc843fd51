//! The picture of a whole song: its sections as coloured blocks, planned energy and measured loudness, and the notes of each
//! track.

use std::sync::Arc;

use anyhow::{Context, Result};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::DRUM_CLASS_COUNT;
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::Track;
use resonantgen_project::{StoredSound as _, markers};
use resonantgen_session::{Placement, Session};
use resonantgen_take::{FULL_SCALE, Take};

use super::canvas::{Align, Canvas, Colour, Rect, Weight};
use super::lane::colour;
use super::{BACKGROUND, BRIGHT, DIM, FAINT, HEIGHT, LANE, LANE_GAP, LANES_LEFT, MARGIN, WIDTH};

const STRIP_TOP: f32 = 130.0;
const STRIP_BOTTOM: f32 = 184.0;
const CURVE_TOP: f32 = 198.0;
const CURVE_BOTTOM: f32 = 330.0;
const LANES_TOP: f32 = 348.0;
/// Levels at the bottom and top of the curve, in dBFS.
const LEVELS_DB: (f32, f32) = (-42.0, -6.0);
/// Width of a step of the loudness curve in pixels.
const CURVE_STEP: f32 = 2.0;
const PLANNED: Colour = [236, 200, 92];
const HEARD: Colour = [120, 190, 236];
/// Height of a lane's waveform in pixels.
const WAVEFORM_HEIGHT: f32 = 38.0;

/// Draws a song as PNG.
///
/// # Errors
/// Returns an error if the song has no plan yet, or the encoder fails.
pub fn draw(session: &Session) -> Result<Vec<u8>> {
    let placements = session.placements();
    let first = placements.first().and_then(|placement| session.section(placement.section)?.plan);
    let plan = first.context("the song has no plan to draw")?;
    let total: f64 = placements.iter().map(|placement| seconds_of(session, placement)).sum();
    let mut canvas = Canvas::new(WIDTH, HEIGHT, BACKGROUND);
    let right = WIDTH as f32 - MARGIN;
    draw_title(&mut canvas, session, plan, total, right);
    let area = Rect { left: LANES_LEFT, top: LANES_TOP, right, bottom: HEIGHT as f32 - MARGIN };
    let x = |seconds: f64| area.left + (seconds / total) as f32 * area.width();

    for marker in markers(session) {
        let Some(section) = session.section(marker.section) else { continue };
        let block = Rect {
            left: x(marker.seconds) + 1.5,
            top: STRIP_TOP,
            right: x(marker.seconds + marker.length_seconds) - 1.5,
            bottom: STRIP_BOTTOM,
        };
        canvas.fill(block, 7.0, section.colour, 1.0);
        let name = canvas.shorten(section.name, Weight::SemiBold, 19.0, block.width() - 10.0);
        canvas.text(
            &name,
            (block.left + 9.0, STRIP_TOP + 19.0),
            Align::Left,
            (Weight::SemiBold, 19.0),
            [16, 18, 24],
        );
        let bars = (marker.length_seconds / plan_bar(section.plan)).round();
        let facts = canvas.shorten(&format!("{bars} bars"), Weight::Medium, 14.0, block.width() - 10.0);
        canvas.text(
            &facts,
            (block.left + 9.0, STRIP_TOP + 40.0),
            Align::Left,
            (Weight::Medium, 14.0),
            [28, 30, 38],
        );
    }

    let mut seconds = 0.0;
    let curve = Rect { left: area.left, top: CURVE_TOP, right, bottom: CURVE_BOTTOM };
    canvas.fill(curve, 8.0, LANE, 1.0);
    let label = |canvas: &mut Canvas, text: &str, y: f32, colour: Colour| {
        canvas.text(text, (MARGIN, y), Align::Left, (Weight::Medium, 17.0), colour);
    };
    label(&mut canvas, "energy, planned", CURVE_TOP + 26.0, PLANNED);
    label(&mut canvas, "loudness, heard", CURVE_TOP + 54.0, HEARD);
    let height = (area.height() + LANE_GAP) / Track::ALL.len() as f32 - LANE_GAP;
    let lane_of = |track: Track| {
        let top = area.top + track.index() as f32 * (height + LANE_GAP);
        Rect { top, bottom: top + height, ..area }
    };
    let ranges = Track::ALL.map(|track| pitch_range(session, track));
    for track in Track::ALL {
        let lane = lane_of(track);
        canvas.fill(lane, 8.0, LANE, 1.0);
        canvas.text(
            track.title(),
            (MARGIN, lane.top + 24.0),
            Align::Left,
            (Weight::SemiBold, 24.0),
            colour(track),
        );
        let patch = session.sections().find_map(|section| Some(section.take(track)?.patch.clone()));
        let patch =
            canvas.shorten(&patch.unwrap_or_default(), Weight::Medium, 16.0, LANES_LEFT - MARGIN - 20.0);
        canvas.text(&patch, (MARGIN, lane.top + 50.0), Align::Left, (Weight::Medium, 16.0), DIM);
    }
    for placement in &placements {
        let length = seconds_of(session, placement);
        let Some((section, plan)) =
            session.section(placement.section).and_then(|section| Some((section, section.plan?)))
        else {
            continue;
        };
        let span = (x(seconds), x(seconds + length));
        let takes: Vec<(Track, Arc<Take>)> = Track::ALL
            .into_iter()
            .filter_map(|track| {
                let take = section.take(track)?;
                let awake = if take.is_asleep() { take.unpacked() } else { Some(take.clone()) };
                Some((track, awake?))
            })
            .collect();
        draw_loudness(&mut canvas, &takes, Rect { left: span.0, right: span.1, ..curve });
        let y = curve.bottom - 8.0 - section.energy * (curve.height() - 16.0);
        canvas.fill(Rect { left: span.0, top: y - 1.5, right: span.1, bottom: y + 1.5 }, 0.0, PLANNED, 1.0);
        for (track, take) in &takes {
            let lane = lane_of(*track);
            let roll = Rect {
                left: span.0,
                top: lane.top + 6.0,
                right: span.1,
                bottom: lane.bottom - WAVEFORM_HEIGHT - 4.0,
            };
            draw_notes(&mut canvas, *track, take, plan, ranges[track.index()], roll);
            let wave = Rect { top: lane.bottom - WAVEFORM_HEIGHT, bottom: lane.bottom - 2.0, ..roll };
            draw_wave(&mut canvas, take, colour(*track), wave);
        }
        if placement.pass == 0 {
            for track in Track::ALL {
                let lane = lane_of(track);
                canvas.vertical(span.0, lane.top, lane.bottom, BRIGHT, 0.35);
            }
            canvas.vertical(span.0, curve.top, curve.bottom, BRIGHT, 0.35);
        }
        seconds += length;
    }
    canvas.into_png().context("cannot encode the picture")
}

fn plan_bar(plan: Option<&Plan>) -> f64 {
    plan.map_or(1.0, |plan| plan.seconds() / f64::from(plan.bars))
}

fn seconds_of(session: &Session, placement: &Placement) -> f64 {
    session.section(placement.section).and_then(|section| section.plan).map_or(0.0, Plan::seconds)
}

fn draw_title(canvas: &mut Canvas, session: &Session, plan: &Plan, total: f64, right: f32) {
    let prompt = canvas.shorten(&session.prompt, Weight::SemiBold, 40.0, right - MARGIN);
    canvas.text(&prompt, (MARGIN, 52.0), Align::Left, (Weight::SemiBold, 40.0), BRIGHT);
    let minutes = (total / 60.0).floor();
    let facts = format!(
        "{} bpm   ·   {}   ·   {}   ·   {} bars   ·   {minutes}:{:02.0}   ·   seed {}",
        plan.bpm,
        plan.key,
        plan.meter,
        session.song_bars(),
        (total - 60.0 * minutes).floor(),
        session.seed
    );
    canvas.text(&facts, (MARGIN, 94.0), Align::Left, (Weight::Medium, 20.0), DIM);
}

/// Lowest and highest pitch of a track in the whole song.
fn pitch_range(session: &Session, track: Track) -> (u8, u8) {
    let pitches = session
        .sections()
        .filter_map(|section| section.take(track))
        .flat_map(|take| take.score.notes.iter().map(|note| note.pitch).collect::<Vec<_>>());
    pitches.fold((127, 0), |(low, high), pitch| (low.min(pitch), high.max(pitch)))
}

fn draw_notes(
    canvas: &mut Canvas,
    track: Track,
    take: &Take,
    plan: &Plan,
    (low, high): (u8, u8),
    area: Rect,
) {
    let x = |step: f64| area.left + (plan.seconds_at(step) / plan.seconds()) as f32 * area.width();
    for note in &take.score.notes {
        let (row, rows) = if track == Track::Drums {
            (DrumClass::from_key(note.pitch).map_or(0, DrumClass::index), DRUM_CLASS_COUNT)
        } else {
            (usize::from(note.pitch.saturating_sub(low)), usize::from(high.saturating_sub(low)) + 1)
        };
        let row_height = area.height() / rows as f32;
        let start = f64::from(note.step) + f64::from(note.offset);
        let left = x(start.max(0.0));
        let end = x((start + f64::from(note.length)).min(f64::from(plan.total_steps())));
        let right = if track == Track::Drums { left + 1.8 } else { (end - 0.4).max(left + 1.2) };
        let bottom = area.bottom - row as f32 * row_height;
        let rect = Rect { left, top: bottom - row_height.clamp(2.0, 7.0), right, bottom };
        canvas.fill(rect, 0.0, colour(track), 0.35 + 0.65 * f32::from(note.velocity) / 127.0);
    }
}

fn draw_wave(canvas: &mut Canvas, take: &Take, colour: Colour, area: Rect) {
    let middle = (area.top + area.bottom) / 2.0;
    let columns = area.width().floor().max(1.0) as usize;
    let count = take.audio.len();
    for column in 0..columns {
        let range =
            column * count / columns..((column + 1) * count / columns).max(column * count / columns + 1);
        let Some(samples) = take.audio.left.get(range) else { continue };
        let peak = samples.iter().map(|sample| sample.abs()).max().unwrap_or(0) as f32 / FULL_SCALE;
        let half = (peak.sqrt() * area.height() / 2.0).max(0.5);
        let left = area.left + column as f32;
        canvas.fill(
            Rect { left, top: middle - half, right: left + 1.0, bottom: middle + half },
            0.0,
            colour,
            0.55,
        );
    }
    canvas.horizontal(middle, area.left, area.right, FAINT, 0.3);
}

/// Level of the sum of the stems.
fn draw_loudness(canvas: &mut Canvas, takes: &[(Track, Arc<Take>)], area: Rect) {
    let columns = (area.width() / CURVE_STEP).floor().max(1.0) as usize;
    let count = takes.iter().map(|(_, take)| take.audio.len()).max().unwrap_or(0);
    for column in 0..columns {
        let range = column * count / columns..(column + 1) * count / columns;
        let power: f64 = range
            .clone()
            .map(|index| {
                let sum: i64 = takes
                    .iter()
                    .filter_map(|(_, take)| take.audio.left.get(index))
                    .map(|s| i64::from(*s))
                    .sum();
                (sum as f64 / f64::from(FULL_SCALE)).powi(2)
            })
            .sum::<f64>()
            / range.len().max(1) as f64;
        let decibels = 10.0 * (power.max(1e-9) as f32).log10();
        let share = ((decibels - LEVELS_DB.0) / (LEVELS_DB.1 - LEVELS_DB.0)).clamp(0.0, 1.0);
        let left = area.left + column as f32 * CURVE_STEP;
        let top = area.bottom - 4.0 - share * (area.height() - 8.0);
        let bar = Rect { left, top, right: left + CURVE_STEP, bottom: area.bottom - 4.0 };
        canvas.fill(bar, 0.0, HEARD, 0.4);
    }
}
