//! Separates drum takes for the outputs Kick, Snare, Hats and Percussion, one at a time, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use resonantgen_music::score::DrumClass;
use resonantgen_playback::{Clip, DrumVoices};
use resonantgen_sound::resample::resample_loop;
use resonantgen_sound::split::{Hit, split};
use resonantgen_take::{FULL_SCALE, TAKE_SAMPLE_RATE_HZ, Take};

/// The take being separated, if any. Dropping it cancels the work.
#[derive(Debug, Default)]
pub struct DrumSplit {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    clip: Arc<Clip>,
    cancelled: Arc<AtomicBool>,
    /// `None` only while it is being joined.
    thread: Option<JoinHandle<Option<DrumVoices>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic has already been reported.
            let _ = thread.join();
        }
    }
}

impl DrumSplit {
    /// Starts separating a take, unless another is in progress. `clip` is the take's audio at the host's rate.
    pub fn start(&mut self, take: &Arc<Take>, clip: &Arc<Clip>) {
        if self.running.is_some() {
            return;
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        let (take, length, flag) = (Arc::clone(take), clip.len(), Arc::clone(&cancelled));
        let work = move || voices(&take, length, &|| flag.load(Ordering::Relaxed));
        // If no thread can be started, the next turn tries again.
        let thread = std::thread::Builder::new().name("resonantgen drums".to_owned()).spawn(work).ok();
        self.running =
            thread.map(|thread| Running { clip: Arc::clone(clip), cancelled, thread: Some(thread) });
    }

    /// Whether there is something to [`take`](Self::take).
    #[must_use]
    pub fn is_done(&self) -> bool {
        let thread = self.running.as_ref().and_then(|running| running.thread.as_ref());
        thread.is_some_and(JoinHandle::is_finished)
    }

    /// The finished voices, and the clip that they belong to.
    pub fn take(&mut self) -> Option<(Arc<Clip>, DrumVoices)> {
        if !self.is_done() {
            return None;
        }
        let mut running = self.running.take()?;
        let voices = running.thread.take()?.join().ok().flatten()?;
        Some((Arc::clone(&running.clip), voices))
    }
}

/// Kick, snare and hats of a take, `length` audio frames long; `None` if cancelled.
fn voices(take: &Take, length: usize, is_cancelled: &dyn Fn() -> bool) -> Option<DrumVoices> {
    let audio = &take.audio;
    let plan = &take.recipe.plan;
    let hits: Vec<Hit> = take
        .score
        .notes
        .iter()
        .map(|note| {
            let seconds = plan.seconds_at(f64::from(note.step) + f64::from(note.offset));
            let sample = (seconds * f64::from(TAKE_SAMPLE_RATE_HZ)).round() as i64;
            Hit {
                at: sample.rem_euclid((audio.len() as i64).max(1)) as usize,
                class: DrumClass::from_key(note.pitch).unwrap_or(DrumClass::Percussion),
                velocity: note.velocity.clamp(1, 127),
            }
        })
        .collect();
    let float =
        |samples: &[i32]| -> Vec<f32> { samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect() };
    let mut voices = split([&float(&audio.left), &float(&audio.right)], &hits, is_cancelled)?;
    for channel in voices.iter_mut().flatten() {
        if is_cancelled() {
            return None;
        }
        if channel.len() != length {
            *channel = resample_loop(channel, length);
        }
    }
    Some(voices)
}
