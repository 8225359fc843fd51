//! Whether edits change what they name and leave the rest alone.

use anyhow::Result;
use resonantgen_models::generator::Engine;
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::Track;
use resonantgen_session::{Request, Session};
use resonantgen_sound::measure::{Measures, fit};
use resonantgen_take::Take;
use serde::Serialize;

use super::pieces::measures_of;
use super::{Figure, Target};
use crate::interrupt;
use crate::progress::Cancellable;

const MORE_AGGRESSIVE: &str = "more aggressive";
const LESS_BUSY: &str = "less busy";
const DARKER: &str = "darker";
/// Number of tracks edited in each piece, in rotation.
const TRACKS_PER_PIECE: usize = 2;

/// One edit of one take, compared with its parent.
#[derive(Debug, Serialize)]
pub struct Edit {
    prompt: String,
    track: Track,
    edit: &'static str,
    /// Energy, brightness and density as natural logarithms of the ratios to the parent.
    energy: f32,
    brightness: f32,
    density: f32,
    /// Onset likeness to the parent, of the edited take and of a fresh one.
    likeness: Option<f32>,
    fresh_likeness: Option<f32>,
}

/// Edits two tracks of a session in three ways each.
///
/// # Errors
/// Returns the errors of [`Session::apply`], and an error if the user cancelled.
pub fn measure(engine: &Engine, session: &Session, prompt: &str, number: usize) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for turn in 0..TRACKS_PER_PIECE {
        let track = Track::ALL[(number + 2 * turn + number / 4) % Track::ALL.len()];
        let Some(parent) = session.track(track).take() else { continue };
        let parent = parent.clone();
        let fresh = regenerated(engine, session, track, "", 1_000 + number as u64)?;
        let fresh_likeness = fresh.as_deref().and_then(|fresh| likeness(&parent, fresh));
        for (index, edit) in [MORE_AGGRESSIVE, LESS_BUSY, DARKER].into_iter().enumerate() {
            let seed = 2_000 + (number * 3 + index) as u64;
            let Some(take) = regenerated(engine, session, track, edit, seed)? else { continue };
            let (before, after) = (measures_of(&parent), measures_of(&take));
            edits.push(Edit {
                prompt: prompt.to_owned(),
                track,
                edit,
                energy: energy(&take) - energy(&parent),
                brightness: brightness(&after) - brightness(&before),
                density: (density(&take) / density(&parent)).ln(),
                likeness: likeness(&parent, &take),
                fresh_likeness,
            });
        }
    }
    Ok(edits)
}

fn regenerated(
    engine: &Engine,
    session: &Session,
    track: Track,
    edit: &str,
    seed: u64,
) -> Result<Option<std::sync::Arc<Take>>> {
    let mut session = session.clone();
    let result = session.apply(engine, &Request::edit(track, edit).seed(seed), &Cancellable);
    interrupt::check()?;
    result?;
    Ok(session.track(track).take().cloned())
}

/// Natural logarithm of the mean square of both channels.
fn energy(take: &Take) -> f32 {
    let square = |samples: &[i32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let mean =
        (square(&take.audio.left) + square(&take.audio.right)) / (2.0 * take.audio.len().max(1) as f64);
    mean.max(1.0).ln() as f32
}

fn brightness(measures: &Measures) -> f32 {
    measures.centroid_hz.unwrap_or(1.0).max(1.0).ln()
}

/// Notes per bar; each note of a chord counts.
fn density(take: &Take) -> f32 {
    take.score.notes.len().max(1) as f32 / take.recipe.plan.bars as f32
}

/// How well the onsets of two takes agree. For drums, voice by voice, since hats on every step would make all beats
/// alike.
fn likeness(a: &Take, b: &Take) -> Option<f32> {
    let row = |take: &Take| -> Vec<bool> {
        let steps = take.recipe.plan.total_steps();
        let notes = &take.score.notes;
        match take.recipe.track {
            Track::Drums => {
                DrumClass::ALL.into_iter().flat_map(|voice| fit::voice_row(notes, voice, steps)).collect()
            }
            Track::Bass | Track::Harmony | Track::Melody => fit::onset_row(notes, steps),
        }
    };
    fit::togetherness(&row(a), &row(b))
}

/// How often edits had the named effect.
pub fn figures(edits: &[Edit]) -> Vec<Figure> {
    let share = |name: &str, edit: &str, least: f32, moved: &dyn Fn(&Edit) -> bool| {
        let cases: Vec<bool> = edits.iter().filter(|case| case.edit == edit).map(moved).collect();
        Figure::share(name, &cases, Some(Target::AtLeast(least)))
    };
    let alike: Vec<bool> =
        edits.iter().filter_map(|edit| Some(edit.likeness? > edit.fresh_likeness?)).collect();
    let mut figures = vec![
        share(
            "\"more aggressive\" raises energy, brightness and density together",
            MORE_AGGRESSIVE,
            0.85,
            &|edit| edit.energy + edit.brightness + edit.density > 0.02,
        ),
        share("\"less busy\" lowers density", LESS_BUSY, 0.9, &|edit| edit.density < 0.0),
        share("\"darker\" lowers brightness", DARKER, 0.85, &|edit| edit.brightness < 0.0),
        Figure::share(
            "edited takes more like their parent than a fresh take",
            &alike,
            Some(Target::AtLeast(0.8)),
        ),
    ];
    for track in Track::ALL {
        for edit in [MORE_AGGRESSIVE, LESS_BUSY, DARKER] {
            let cases: Vec<bool> = edits
                .iter()
                .filter(|case| case.edit == edit && case.track == track)
                .map(|case| match edit {
                    MORE_AGGRESSIVE => case.energy + case.brightness + case.density > 0.02,
                    LESS_BUSY => case.density < 0.0,
                    _ => case.brightness < 0.0,
                })
                .collect();
            figures.push(Figure::share(format!("{track}: \"{edit}\""), &cases, None));
        }
    }
    let own: Vec<f32> = edits.iter().filter_map(|edit| edit.likeness).collect();
    let fresh: Vec<f32> = edits.iter().filter_map(|edit| edit.fresh_likeness).collect();
    figures.push(Figure::mean("onset likeness of an edited take to its parent", &own, None));
    figures.push(Figure::mean("onset likeness of a fresh take", &fresh, None));
    figures
}
