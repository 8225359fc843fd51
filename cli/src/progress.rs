//! Progress on stderr: one line for each track and stage.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use resonantgen_models::generator::{Observer, Stage};
use resonantgen_models::worker::give_memory_back;
use resonantgen_music::track::Track;

/// Steps of a progress bar.
const RESOLUTION: u64 = 1000;

/// Shows progress, and cancels the work after Ctrl-C. Where stderr is not a terminal, finished stages are plain lines.
pub struct Progress {
    bars: MultiProgress,
    lines: Mutex<HashMap<(Track, Stage), Line>>,
}

struct Line {
    bar: ProgressBar,
    since: Instant,
    finished: bool,
}

impl Progress {
    /// Progress bars on stderr.
    pub fn new() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15));
        Self { bars, lines: Mutex::default() }
    }

    fn start(&self, track: Track, stage: Stage) -> Line {
        let style =
            ProgressStyle::with_template("{prefix:>8} {msg:<8} {bar:36.cyan/238} {percent:>3}% {elapsed:>4}")
                .expect("the template is a constant")
                .progress_chars("━╸─");
        let bar = ProgressBar::new(RESOLUTION)
            .with_style(style)
            .with_prefix(track.name())
            .with_message(stage.name());
        let bar = self.bars.add(bar);
        bar.enable_steady_tick(Duration::from_millis(200));
        Line { bar, since: Instant::now(), finished: false }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // An unfinished line (the work failed or was cancelled) must not keep ticking.
        if let Ok(lines) = self.lines.get_mut() {
            for line in lines.values().filter(|line| !line.finished) {
                line.bar.abandon();
            }
        }
    }
}

impl Observer for Progress {
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let Ok(mut lines) = self.lines.lock() else { return };
        let line = lines.entry((track, stage)).or_insert_with(|| self.start(track, stage));
        line.bar.set_position((f64::from(fraction.clamp(0.0, 1.0)) * RESOLUTION as f64) as u64);
        if fraction >= 1.0 && !line.finished {
            line.finished = true;
            let seconds = line.since.elapsed().as_secs_f64();
            let done = ProgressStyle::with_template("{prefix:>8} {msg}").expect("the template is a constant");
            line.bar.set_style(done);
            line.bar.finish_with_message(format!("{:<8} {seconds:.2} s", stage.name()));
            if self.bars.is_hidden() {
                eprintln!("{:>8} {:<8} {seconds:.2} s", track.name(), stage.name());
            }
        }
    }

    fn section(&self, name: &str, index: usize, count: usize) {
        let Ok(mut lines) = self.lines.lock() else { return };
        for (_, line) in lines.drain() {
            line.bar.finish_and_clear();
        }
        // What the last section left behind would add up over a song.
        give_memory_back();
        let text = format!("{name} ({} of {count})", index + 1);
        if self.bars.is_hidden() {
            eprintln!("{text}");
        } else {
            // If the terminal is gone, nothing can be reported.
            let _ = self.bars.println(text);
        }
    }

    fn is_cancelled(&self) -> bool {
        crate::interrupt::requested()
    }
}

/// Shows nothing, but cancels the work after Ctrl-C.
pub struct Cancellable;

impl Observer for Cancellable {
    fn is_cancelled(&self) -> bool {
        crate::interrupt::requested()
    }
}
