//! The stored audio of sleeping takes.
//!
//! A sleeping take has an empty audio `Arc` of its own. It is the key to the packed audio, if the project stored it, and to the hash
//! of the audio, so that saving again writes what was read.

use std::sync::Arc;

use super::flac;
use super::record::audio_hash;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take};

/// The stored audio of a take that may be asleep.
pub trait StoredSound {
    /// The awake form of the take, if its audio is stored. Not realtime-safe: it decodes.
    fn unpacked(&self) -> Option<Arc<Take>>;

    /// Whether the take is asleep and its audio is stored.
    fn is_packed(&self) -> bool;

    /// Whether the take is asleep and its audio is not stored, so that it has to be made again.
    fn is_lost(&self) -> bool;

    /// Whether both takes have the same audio bit for bit. The audio of a sleeping take is compared by its hash.
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
