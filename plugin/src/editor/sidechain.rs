//! The dialog that records the sidechain: how many bars, whether anything arrives, and how far it is.

use egui::{Button, Context, Id, Modal, ProgressBar, RichText, Ui, vec2};
use resonantgen_music::track::Track;

use super::{App, theme};
use crate::audio::record::{Purpose, Recording};
use crate::control::job::Target;
use crate::control::sidechain::BARS;

/// Levels are shown down to this, in dB of full scale.
const FLOOR_DB: f32 = 60.0;
/// How much a shown level falls from drawing to drawing.
const FALL: f32 = 0.93;

/// An open dialog.
#[derive(Clone, Debug)]
pub struct RecordDialog {
    /// The track to record to.
    pub track: Track,
    /// Number of bars.
    pub bars: u32,
    /// Whether it is only a model for a new take.
    pub is_reference: bool,
    /// What arrives, as it is shown: 0 is silence, 1 is full scale.
    pub level: f32,
    /// Whether a recording was started here.
    pub has_begun: bool,
}

impl RecordDialog {
    /// A dialog for a track, with the length of the playing loop if that can be recorded.
    #[must_use]
    pub fn new(track: Track, loop_bars: Option<u32>) -> Self {
        let bars = loop_bars.filter(|bars| BARS.contains(bars)).unwrap_or(4);
        Self { track, bars, is_reference: false, level: 0.0, has_begun: false }
    }
}

impl App {
    /// Draws the dialog over everything, while it is open.
    pub(super) fn record_dialog(&mut self, context: &Context) {
        let Some(mut dialog) = self.recording.take() else { return };
        let sidechain = &self.control.host.sidechain;
        let state = sidechain.recording();
        if state == Recording::None && dialog.has_begun {
            // It is recorded, or a notice says why not.
            return;
        }
        let peak_db = 20.0 * sidechain.take_peak().max(1e-6).log10();
        dialog.level = (1.0 + peak_db / FLOOR_DB).clamp(0.0, 1.0).max(dialog.level * FALL);
        let mut done = false;
        let modal = Modal::new(Id::unique("record the sidechain")).show(context, |ui| {
            ui.set_width(420.0);
            let title = format!("Record the sidechain as the {}", dialog.track);
            ui.label(RichText::new(title).font(theme::strong(15.0)));
            let dim = theme::palette(ui).dim;
            let words = "Send a track to ResonantGen's sidechain input in your host, and play. Recording begins on a bar line.";
            ui.label(RichText::new(words).font(theme::plain(12.5)).color(dim));
            ui.add_space(4.0);
            ui.add_enabled_ui(state == Recording::None, |ui| {
                ui.horizontal(|ui| {
                    ui.label("Bars");
                    for bars in BARS {
                        ui.selectable_value(&mut dialog.bars, bars, bars.to_string());
                    }
                });
                ui.radio_value(&mut dialog.is_reference, false, "Keep the bars as a locked take");
                ui.radio_value(&mut dialog.is_reference, true, "Follow their groove and register in a new take");
            });
            ui.add_space(4.0);
            self.recording_state(ui, state, &dialog);
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                let record = Button::new("Record").min_size(vec2(120.0, 24.0));
                if ui.add_enabled(state == Recording::None, record).clicked() {
                    let purpose = if dialog.is_reference {
                        Purpose::Reference(self.trigger(Target::One(dialog.track)))
                    } else {
                        Purpose::Take
                    };
                    match self.control.start_recording(dialog.track, dialog.bars, purpose) {
                        Ok(()) => {
                            dialog.has_begun = true;
                            self.follows_session = true;
                        }
                        Err(error) => self.control.notify(error.to_string()),
                    }
                }
                done |= ui.button("Cancel").clicked();
            });
        });
        if done || modal.should_close() {
            self.control.host.sidechain.cancel();
        } else {
            self.recording = Some(dialog);
            context.request_repaint_after(std::time::Duration::from_millis(50));
        }
    }

    /// Draws what is being recorded.
    fn recording_state(&self, ui: &mut Ui, state: Recording, dialog: &RecordDialog) {
        let is_connected = self.control.host.sidechain.is_connected();
        let (share, text) = match state {
            Recording::None if !is_connected => (0.0, "nothing is connected to the sidechain".to_owned()),
            Recording::None => (0.0, "ready".to_owned()),
            Recording::Waiting if !is_connected => {
                (0.0, "waiting; nothing is connected to the sidechain".to_owned())
            }
            Recording::Waiting => (dialog.level, "waits for the first bar: play in the host".to_owned()),
            Recording::Running(share) => {
                let bar = (share * dialog.bars as f32) as u32 + 1;
                (share, format!("recording bar {} of {}", bar.min(dialog.bars), dialog.bars))
            }
        };
        ui.add(ProgressBar::new(share).text(text).desired_width(ui.available_width()));
        if let Recording::Running(_) = state {
            let level = if dialog.level > 0.0 { "level" } else { "silent so far" };
            ui.add(ProgressBar::new(dialog.level).text(level).desired_width(ui.available_width()));
        }
    }
}
