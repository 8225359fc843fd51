//! Verification: a new take is measured before it is offered, and made again if it fails.
//!
//! Retries are counted, never timed, so that the same recipe gives the same take on slow and fast machines. Scores are cheap,
//! so most retries happen there; audio is rendered again at most once.

use super::TakeRequest;
use super::arrange::heard_notes;
use resonantgen_music::harmony::transpose_octaves;
use resonantgen_music::score::{Note, Score};
use resonantgen_music::track::Track;
use resonantgen_sound::measure::{Failure, Measures, Music, fit};

/// Maximum number of scores written for one take.
pub(super) const COMPOSITIONS: u32 = 4;
/// Maximum number of renderings of a take.
pub(super) const RENDERINGS: u32 = 2;
/// Minimum consonance of melody and chords, by [`fit::consonance`].
const LEAST_CONSONANCE: f32 = 0.4;

/// Faults of a score, weighted by severity; 0 is none.
pub(super) fn faults(request: &TakeRequest<'_>, notes: &[Note]) -> f32 {
    let measures = Measures::of_score(&Music::new(request.track, request.plan, notes));
    let other = match request.track {
        Track::Melody => heard_notes(request, Track::Harmony),
        Track::Harmony => heard_notes(request, Track::Melody),
        Track::Drums | Track::Bass => None,
    };
    let clash = other
        .and_then(|other| {
            let (melody, harmony) =
                if request.track == Track::Melody { (notes, other) } else { (other, notes) };
            fit::consonance(request.plan, melody, request.plan, harmony)
        })
        .map_or(0.0, |consonance| (LEAST_CONSONANCE - consonance).max(0.0));
    measures.shortfall() + if clash > 0.0 { 1.0 + clash } else { 0.0 }
}

/// What may fix a rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Transpose the part by octaves: the patch does not sound in this register.
    Octaves(i8),
    /// Use another patch.
    OtherPatch,
}

/// The remedy for the failures of a rendered take; `None` if there are none, if none concern the sound, or if the remedy would
/// contradict the prompt.
pub(super) fn remedy(request: &TakeRequest<'_>, notes: &[Note], failures: &[Failure]) -> Option<Remedy> {
    let (track, wanted) = (request.track, request.intent.track(request.track));
    if wanted.shape.is_some() {
        // A section plays the song's patch in its register, and is silent where it is meant to be.
        return None;
    }
    if failures.iter().any(|failure| matches!(failure, Failure::NotesUnheard(_))) && track != Track::Drums {
        if wanted.octave != 0 {
            return None;
        }
        let mean = notes.iter().map(|note| f32::from(note.pitch)).sum::<f32>() / notes.len().max(1) as f32;
        let (low, high) = resonantgen_music::harmony::register(track)?;
        let middle = f32::from(low + (high - low) / 2);
        return Some(Remedy::Octaves(if mean < middle { 1 } else { -1 }));
    }
    (wanted.instruments.is_empty() && failures.iter().any(Failure::is_of_sound)).then_some(Remedy::OtherPatch)
}

/// The part transposed by octaves.
pub(super) fn moved(score: &Score, octaves: i8) -> Score {
    let mut moved = score.clone();
    transpose_octaves(&mut moved.notes, octaves);
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_take::GenerationSettings;
    use resonantgen_words::Overrides;
    use resonantgen_words::make_plan;
    use resonantgen_words::{Intent, parse};

    fn notes(pitch: u8) -> Vec<Note> {
        vec![Note { step: 0, offset: 0.0, length: 1.0, pitch, velocity: 90 }]
    }

    #[test]
    fn what_is_wrong_with_the_sound_has_a_remedy_unless_it_was_asked_for() {
        let unheard = [Failure::OutOfKey(0.5), Failure::NotesUnheard(0.4)];
        let intent = parse("house").expect("a prompt");
        let plan = make_plan(&intent, &Overrides::default(), 1).expect("a plan");
        let try_with = |intent: &Intent, track: Track, pitch: u8, failures: &[Failure]| {
            let request = TakeRequest {
                track,
                prompt: "house",
                intent,
                plan: &plan,
                seed: 1,
                settings: GenerationSettings::default(),
                context: &[],
                patch: None,
            };
            remedy(&request, &notes(pitch), failures)
        };
        assert_eq!(try_with(&intent, Track::Melody, 62, &unheard), Some(Remedy::Octaves(1)));
        assert_eq!(try_with(&intent, Track::Melody, 90, &unheard), Some(Remedy::Octaves(-1)));
        assert_eq!(try_with(&intent, Track::Drums, 36, &unheard), Some(Remedy::OtherPatch));
        assert_eq!(try_with(&intent, Track::Bass, 36, &[Failure::Seam(4.0)]), Some(Remedy::OtherPatch));
        assert_eq!(try_with(&intent, Track::Bass, 36, &[Failure::OutOfKey(0.5)]), None);
        assert_eq!(try_with(&intent, Track::Bass, 36, &[]), None);
        let mut named = intent.clone();
        named.tracks[Track::Bass.index()].instruments = vec!["acid".to_owned()];
        named.tracks[Track::Melody.index()].octave = -1;
        assert_eq!(try_with(&named, Track::Bass, 36, &[Failure::Seam(4.0)]), None);
        assert_eq!(try_with(&named, Track::Melody, 62, &unheard), None);
        assert_eq!(moved(&Score { notes: notes(55) }, 1).notes[0].pitch, 67);
    }
}
