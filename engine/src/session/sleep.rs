//! Takes whose sound is not at hand: a project keeps all takes of the histories, but the sound of few.
//!
//! A take that is asleep has empty audio of its own. By it, its packed sound (if the project kept it) and the hash of its
//! sound are found, so that saving again writes what was read.

use std::sync::Arc;

use super::Session;
use super::flac;
use super::record::audio_hash;
use resonantgen_music::track::Track;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take};

impl Session {
    /// Takes of the histories that are asleep, with their tracks.
    #[must_use]
    pub fn asleep(&self) -> Vec<(Track, Arc<Take>)> {
        let of = |track| self.track(track).history.iter().map(move |take| (track, take.clone()));
        Track::ALL.into_iter().flat_map(of).filter(|(_, take)| take.is_asleep()).collect()
    }

    /// Puts a take that was asleep in its own place, awake: [`StoredSound::unpacked`], or what
    /// [`Engine::make_again`](resonantgen_models::generator::Engine::make_again) made. Nothing happens when there is no such take.
    pub fn wake(&mut self, awake: &Arc<Take>) {
        for state in &mut self.tracks {
            for take in state.history.iter_mut().filter(|take| take.is_asleep() && take.id == awake.id) {
                *take = awake.clone();
            }
        }
    }

    /// The takes that a take heard while it was made, as far as the histories have them.
    #[must_use]
    pub fn heard_by(&self, take: &Take) -> Vec<Arc<Take>> {
        let all = self.tracks.iter().flat_map(|state| &state.history);
        all.filter(|other| take.recipe.context.contains(&other.id)).cloned().collect()
    }

    /// Whether the histories have all that is needed to make a take again, apart from the models.
    pub(super) fn can_be_made_again(&self, take: &Take) -> bool {
        take.recipe.imported.is_none() && self.heard_by(take).len() == take.recipe.context.len()
    }
}

/// What a session knows of the sound of its takes.
pub trait StoredSound: Sized {
    /// The take awake, if its sound was kept with the session. Not realtime-safe: it decodes.
    #[must_use]
    fn unpacked(&self) -> Option<Arc<Self>>;

    /// Whether the sound of a take that is asleep was kept with the session.
    #[must_use]
    fn is_packed(&self) -> bool;

    /// Whether the sound is the other's to the bit; that of a take that is asleep is known by its hash.
    #[must_use]
    fn sounds_as(&self, other: &Self) -> bool;
}

impl StoredSound for Take {
    fn unpacked(&self) -> Option<Arc<Self>> {
        let packed = flac::known(&self.audio)?;
        let audio = flac::decode(&packed, self.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ))?;
        let is_same = audio_hash(&audio) == audio_hash(&self.audio);
        flac::note(&audio, packed);
        is_same.then(|| Arc::new(Self { audio, ..self.clone() }))
    }

    fn is_packed(&self) -> bool {
        self.is_asleep() && flac::known(&self.audio).is_some()
    }

    fn sounds_as(&self, other: &Self) -> bool {
        audio_hash(&self.audio) == audio_hash(&other.audio)
    }
}
