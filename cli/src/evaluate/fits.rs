//! Whether a new part fits what it heard. Each part is compared with the part it heard, and with those of other pieces of its
//! style and meter.

use resonantgen_music::track::Track;
use resonantgen_sound::measure::fit;

use super::pieces::Piece;
use super::{Figure, Target};

/// Kick and bass, harmony and melody: matched compared with shuffled pairs.
pub fn figures(pieces: &[Piece]) -> Vec<Figure> {
    let kick_of =
        |piece: &Piece| Some(fit::kick_row(&piece.take(Track::Drums)?.score.notes, piece.plan.total_steps()));
    let kick_bass = |own: &Piece, other: &Piece| {
        let kick = kick_of(other)?;
        // An identical kick is not a different context: four to the floor is four to the floor.
        let is_other = !std::ptr::eq(own, other);
        if is_other && fit::togetherness(&kick, &kick_of(own)?).is_none_or(|alike| alike > 0.999) {
            return None;
        }
        let bass = fit::onset_row(&own.take(Track::Bass)?.score.notes, own.plan.total_steps());
        fit::togetherness(&kick, &bass)
    };
    let harmony_melody = |own: &Piece, other: &Piece| {
        let (melody, harmony) = (own.take(Track::Melody)?, other.take(Track::Harmony)?);
        fit::consonance(&own.plan, &melody.score.notes, &other.plan, &harmony.score.notes)
    };
    vec![
        figure("kick and bass: fit with the kick that was heard, AUC", pieces, &kick_bass),
        figure("harmony and melody: fit with the chords that were heard, AUC", pieces, &harmony_melody),
    ]
}

type Fit<'a> = &'a dyn Fn(&Piece, &Piece) -> Option<f32>;

/// For each piece, the share of other pieces' parts that fit less well than the one it heard (ties count half), averaged. This
/// is the area under the ROC curve, taken piece by piece because styles differ in how closely parts stay together.
fn figure(name: &str, pieces: &[Piece], fit_of: Fit<'_>) -> Figure {
    let areas: Vec<f32> = pieces
        .iter()
        .enumerate()
        .filter_map(|(index, own)| {
            let matched = fit_of(own, own)?;
            let shuffled: Vec<f32> = pieces
                .iter()
                .enumerate()
                .filter(|(other, piece)| {
                    *other != index && piece.style == own.style && piece.plan.meter == own.plan.meter
                })
                .filter_map(|(_, other)| fit_of(own, other))
                .collect();
            fit::auc(&[matched], &shuffled)
        })
        .collect();
    Figure::mean(name, &areas, Some(Target::AtLeast(0.75)))
}
