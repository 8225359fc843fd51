//! The sound of takes that are asleep.
//!
//! A take that is asleep has empty audio of its own. By it, its packed sound (if the project kept it) and the hash of its
//! sound are found, so that saving again writes what was read.

use std::sync::Arc;

use super::flac;
use super::record::audio_hash;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take};

/// What is known of the sound of a take that may be asleep.
pub trait StoredSound {
    /// The take awake, if its sound was kept with the session. Not realtime-safe: it decodes.
    fn unpacked(&self) -> Option<Arc<Take>>;

    /// Whether the take is asleep and its sound was kept with the session.
    fn is_packed(&self) -> bool;

    /// Whether the take is asleep and nothing kept its sound: it has to be made again.
    fn is_lost(&self) -> bool;

    /// Whether the sound is the other's to the bit; that of a take that is asleep is known by its hash.
    fn sounds_as(&self, other: &Take) -> bool;
}

impl StoredSound for Take {
    fn unpacked(&self) -> Option<Arc<Take>> {
        let packed = flac::known(&self.audio)?;
        let audio = flac::decode(&packed.bytes, self.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ))?;
        let is_same = audio_hash(&audio) == audio_hash(&self.audio);
        flac::note(&audio, packed);
        is_same.then(|| Arc::new(Take { audio, ..self.clone() }))
    }

    fn is_packed(&self) -> bool {
        self.is_asleep() && flac::known(&self.audio).is_some()
    }

    fn is_lost(&self) -> bool {
        self.is_asleep() && flac::known(&self.audio).is_none()
    }

    fn sounds_as(&self, other: &Take) -> bool {
        audio_hash(&self.audio) == audio_hash(&other.audio)
    }
}
