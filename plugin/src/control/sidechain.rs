//! Recordings of the sidechain: bars of the host's own tracks become a take, which is locked, so that new takes are made around it.

use std::sync::atomic::Ordering;

use resonantgen_import::{Recording, SILENCE, import_recording};
use resonantgen_music::plan::{BPM_RANGE, Meter};
use resonantgen_music::track::Track;
use resonantgen_session::Request;
use resonantgen_take::Take;

use super::Control;
use super::job::{Job, Trigger};
use super::status::Progress;
use crate::audio::record::{Outcome, Purpose, Recorded, Tape};

/// Numbers of bars that can be recorded.
pub const BARS: [u32; 6] = [1, 2, 4, 8, 16, 32];
/// Room for a tempo that is this much slower when the recording begins.
const SLOWER: f64 = 1.25;

/// Why nothing can be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// There is no host.
    #[error("There is no sidechain without a host: import an audio file instead.")]
    NoHost,
    /// The host does not run the plugin, or has no tempo.
    #[error("The host is not running ResonantGen: switch the track on, and play.")]
    NotRunning,
    /// A recording is under way.
    #[error("A recording is under way.")]
    Busy,
    /// The track is locked.
    #[error("The {0} track is locked. Unlock it to record there.")]
    Locked(Track),
    /// The whole song plays.
    #[error("Switch song mode off to record: a recording is for the section that is open.")]
    SongMode,
    /// The host's tempo is not one of takes.
    #[error("Sound can be recorded between {} and {} bpm.", BPM_RANGE.start(), BPM_RANGE.end())]
    Tempo,
}

impl Control {
    /// Begins to record bars of the sidechain as a track's take, once the host reaches the next multiple of so many bars. The bars are
    /// those of the playing takes or, without any, of the host. Not for the audio thread.
    ///
    /// # Errors
    /// As [`RecordError`] says.
    pub fn start_recording(&self, track: Track, bars: u32, purpose: Purpose) -> Result<(), RecordError> {
        if !self.host.has_sidechain() {
            return Err(RecordError::NoHost);
        }
        if self.audio.locked()[track.index()] {
            return Err(RecordError::Locked(track));
        }
        let host = self.host.sidechain.host().ok_or(RecordError::NotRunning)?;
        if !self.audio.song_quarter.load(Ordering::Relaxed).is_nan() {
            return Err(RecordError::SongMode);
        }
        if !BPM_RANGE.contains(&host.bpm) {
            return Err(RecordError::Tempo);
        }
        let meter = self.recorded_meter();
        let quarters = f64::from(bars * meter.steps_per_bar()) / 4.0;
        let frames = (quarters * SLOWER * 60.0 / host.bpm * host.rate_hz).ceil() as usize;
        let shift = self.audio.shift.load(Ordering::Relaxed);
        let tape = Tape { shift, ..Tape::new(track, bars, quarters, purpose, frames) };
        if self.host.tapes.lock().start(tape) { Ok(()) } else { Err(RecordError::Busy) }
    }

    /// Requests a take that follows the groove and register of another one.
    ///
    /// # Errors
    /// If the other one has no notes.
    pub fn make_like(&self, track: Track, take: &Take, trigger: &Trigger) -> Result<(), String> {
        let reference = take.reference().ok_or("There are no notes to follow.")?;
        let request = Request::edit(track, "").like(reference).seed(trigger.seed).settings(trigger.settings);
        self.request(Job::Song { locked: trigger.locked, request: Box::new(request) });
        Ok(())
    }

    /// The meter in which bars are recorded.
    fn recorded_meter(&self) -> Meter {
        let of_host = || {
            let (numerator, denominator) = self.host.sidechain.host()?.time_signature?;
            Meter::new(numerator, denominator).ok()
        };
        let plan = self.snapshot().session.plan.as_ref().map(|plan| plan.meter);
        plan.or_else(of_host).unwrap_or(Meter::COMMON)
    }

    /// Does what the audio thread asks for, and what follows from a recording that has ended. For the publisher.
    pub fn tend_recording(&self) {
        if let Some((track, bars)) = self.audio.take_recording()
            && let Err(error) = self.start_recording(track, bars, Purpose::Take)
        {
            self.notify(error.to_string());
        }
        self.finish_recording();
    }

    /// Makes a take of a recording that has ended, or says why there is none.
    fn finish_recording(&self) {
        let Some(Recorded { tape, outcome }) = self.host.tapes.lock().take() else { return };
        self.repaint.request_repaint();
        let why = match outcome {
            Outcome::Complete => None,
            Outcome::Cancelled => return,
            Outcome::Stopped => Some("the host stopped"),
            Outcome::Jumped => Some("the host jumped elsewhere"),
            Outcome::OtherTempo => Some("the tempo changed"),
        };
        if let Some(why) = why {
            self.notify(format!("Nothing was recorded, because {why}. Record again while it plays through."));
            return;
        }
        let Tape { track, bars, left, right, bpm, rate_hz, purpose, .. } = tape;
        let peak = left.iter().chain(&right).fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        if peak < SILENCE {
            let text = "Nothing was recorded: the sidechain was silent. Send a track to ResonantGen's sidechain input in your host, \
                        and record again.";
            self.notify(text.to_owned());
            return;
        }
        let meter = self.recorded_meter();
        let recording = Recording { left, right, rate_hz: rate_hz.round() as u32, bpm, bars, meter };
        self.change(self.audio.locked(), move |session, cancellation| -> Result<(), String> {
            let control = cancellation.control;
            control.progress[track.index()].store(Progress::Importing);
            control.repaint.request_repaint();
            let options = session.import_options(track);
            let imported =
                import_recording(&recording, &options, cancellation).map_err(|error| error.to_string())?;
            if let Purpose::Reference(trigger) = purpose {
                return control.make_like(track, &imported.take, &trigger);
            }
            let findings = imported.findings.clone();
            session.add_import(imported).map_err(|error| error.to_string())?;
            let remarks = findings.remarks.iter().map(|remark| format!(" Note: {remark}."));
            let text = format!("Recorded {bars} bars as the {track}, and locked them.");
            control.notify(remarks.fold(text, |text, remark| text + &remark));
            Ok(())
        });
    }
}
