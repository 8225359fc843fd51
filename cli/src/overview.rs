//! `overview.png`: the piece at a glance. Chords and bars on top, then score and waveform of each track.

mod canvas;
mod lane;
mod song;

use anyhow::{Context, Result};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_session::Session;

use canvas::{Align, Canvas, Colour, Rect, Weight};

/// File name of the picture in a session's folder.
pub const FILE: &str = "overview.png";

const WIDTH: u32 = 1800;
const HEIGHT: u32 = 1080;
const MARGIN: f32 = 36.0;
/// Left edge of the lanes, in pixels; the labels are to the left of it.
const LANES_LEFT: f32 = 300.0;
const LANES_TOP: f32 = 176.0;
const LANE_GAP: f32 = 14.0;

const BACKGROUND: Colour = [14, 16, 22];
const LANE: Colour = [22, 25, 34];
const BRIGHT: Colour = [240, 242, 248];
const DIM: Colour = [150, 157, 176];
const FAINT: Colour = [92, 99, 120];

/// Draws a session as PNG.
///
/// # Errors
/// Returns an error if the session has no plan yet, or the encoder fails.
pub fn draw(session: &Session) -> Result<Vec<u8>> {
    if session.is_song() {
        return song::draw(session);
    }
    let plan = session.plan.as_ref().context("the session has no plan to draw")?;
    let mut canvas = Canvas::new(WIDTH, HEIGHT, BACKGROUND);
    let right = WIDTH as f32 - MARGIN;
    draw_title(&mut canvas, session, plan, right);

    let lanes = Rect { left: LANES_LEFT, top: LANES_TOP, right, bottom: HEIGHT as f32 - MARGIN };
    let height = (lanes.height() + LANE_GAP) / Track::ALL.len() as f32 - LANE_GAP;
    let areas: Vec<(Track, Rect)> = Track::ALL
        .into_iter()
        .map(|track| {
            let top = lanes.top + track.index() as f32 * (height + LANE_GAP);
            (track, Rect { top, bottom: top + height, ..lanes })
        })
        .collect();
    for &(track, area) in &areas {
        let state = session.track(track);
        let take = state.take().map(AsRef::as_ref);
        lane::draw_label(&mut canvas, track, take, state.locked, (MARGIN, area.top + 14.0), 170.0);
        lane::draw(&mut canvas, track, take, plan, area);
    }
    draw_ruler(&mut canvas, plan, lanes);
    for &(_, area) in &areas {
        draw_grid(&mut canvas, plan, area);
    }
    canvas.into_png().context("cannot encode the picture")
}

/// The prompt and the plan's facts.
fn draw_title(canvas: &mut Canvas, session: &Session, plan: &Plan, right: f32) {
    let prompt = canvas.shorten(&session.prompt, Weight::SemiBold, 40.0, right - MARGIN);
    canvas.text(&prompt, (MARGIN, 52.0), Align::Left, (Weight::SemiBold, 40.0), BRIGHT);
    let facts = format!(
        "{} bpm   ·   {}   ·   {}   ·   {} bars   ·   {:.1} s   ·   seed {}",
        plan.bpm,
        plan.key,
        plan.meter,
        plan.bars,
        plan.seconds(),
        session.seed
    );
    canvas.text(&facts, (MARGIN, 94.0), Align::Left, (Weight::Medium, 20.0), DIM);
}

/// Bar numbers, and a block for each run of one chord.
fn draw_ruler(canvas: &mut Canvas, plan: &Plan, lanes: Rect) {
    let steps_per_bar = plan.meter.steps_per_bar();
    for bar in 0..plan.bars {
        let x = time_to_x(plan, f64::from(bar * steps_per_bar), lanes);
        if plan.bars <= 16 || bar % 4 == 0 {
            let at = (x + 3.0, lanes.top - 50.0);
            canvas.text(&(bar + 1).to_string(), at, Align::Left, (Weight::Medium, 14.0), FAINT);
        }
    }
    let half_bar = f64::from(steps_per_bar) / 2.0;
    let mut start = 0;
    while start < plan.chords.len() {
        let same = plan.chords[start..].iter().take_while(|chord| **chord == plan.chords[start]).count();
        // A sustained chord is named again on every bar line.
        let bar_end = start + 2 - start % 2;
        let end = (start + same).min(bar_end);
        let block = Rect {
            left: time_to_x(plan, start as f64 * half_bar, lanes) + 1.5,
            top: lanes.top - 38.0,
            right: time_to_x(plan, end as f64 * half_bar, lanes) - 1.5,
            bottom: lanes.top - 10.0,
        };
        canvas.fill(block, 6.0, [38, 43, 58], 1.0);
        let name = plan.chords[start].to_string();
        if canvas.text_width(&name, Weight::SemiBold, 17.0) < block.width() - 4.0 {
            let at = ((block.left + block.right) / 2.0, lanes.top - 24.0);
            canvas.text(&name, at, Align::Centre, (Weight::SemiBold, 17.0), BRIGHT);
        }
        start = end;
    }
}

/// Bar lines, and fainter beat lines.
fn draw_grid(canvas: &mut Canvas, plan: &Plan, area: Rect) {
    let steps_per_bar = plan.meter.steps_per_bar();
    for step in (4..plan.total_steps()).filter(|step| (*step % steps_per_bar).is_multiple_of(4)) {
        let is_bar = step % steps_per_bar == 0;
        if is_bar || plan.bars <= 16 {
            let alpha = if is_bar { 0.30 } else { 0.07 };
            canvas.vertical(time_to_x(plan, f64::from(step), area), area.top, area.bottom, BRIGHT, alpha);
        }
    }
}

/// Pixel position of a position in steps, swing included.
fn time_to_x(plan: &Plan, step: f64, area: Rect) -> f32 {
    area.left + (plan.seconds_at(step) / plan.seconds()) as f32 * area.width()
}
