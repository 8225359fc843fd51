//! Whether generating disturbs a host's audio: a simulated callback of 64 samples at 48 kHz, alone and beside four
//! generating instances.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use resonantgen_models::generator::{Engine, GenerateError, Observer};
use resonantgen_models::worker::{become_audio, give_way};
use resonantgen_session::{Request, Session, SessionError};
use serde::Serialize;

use super::figures::percentile;

/// 64 samples at 48 kHz.
const PERIOD: Duration = Duration::from_nanos(1_333_333);
/// Number of generating instances.
const INSTANCES: u64 = 4;

/// Delay from the moment a callback was due to the end of its work, in microseconds.
#[derive(Debug, Serialize)]
pub struct Lateness {
    pub callbacks: usize,
    pub median: f64,
    pub p99: f64,
    pub p999: f64,
    pub longest: f64,
    /// Callbacks that had not ended when the next was due.
    pub missed: usize,
}

/// Delays of the callback, alone and beside generating instances.
#[derive(Debug, Serialize)]
pub struct Neighbourhood {
    /// Whether the system granted the callback a realtime priority, as hosts' audio threads have.
    pub realtime: bool,
    pub idle: Lateness,
    pub generating: Lateness,
    /// Sessions generated during the measurement.
    pub sessions: usize,
}

struct Until<'a>(&'a AtomicBool);

impl Observer for Until<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire) || crate::interrupt::requested()
    }
}

/// Measures `seconds` of callbacks alone, then `seconds` beside generating instances.
///
/// # Errors
/// Returns an error if a generation fails.
pub fn measure(engine: &Engine, request: &Request, seconds: f64) -> Result<Neighbourhood> {
    let span = Duration::from_secs_f64(seconds);
    let (idle, realtime) = callbacks(span);
    let done = AtomicBool::new(false);
    let (generating, sessions) = std::thread::scope(|scope| -> Result<_> {
        let workers: Vec<_> = (0..INSTANCES)
            .map(|instance| {
                let done = &done;
                scope.spawn(move || generate_until(done, engine, request, instance))
            })
            .collect();
        let generating = callbacks(span).0;
        done.store(true, Ordering::Release);
        let mut sessions = 0;
        for worker in workers {
            sessions += worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok((generating, sessions))
    })?;
    crate::interrupt::check()?;
    Ok(Neighbourhood { realtime, idle, generating, sessions })
}

fn generate_until(done: &AtomicBool, engine: &Engine, request: &Request, instance: u64) -> Result<usize> {
    give_way()?;
    let mut count = 0;
    while !Until(done).is_cancelled() {
        let request = request.clone().seed(INSTANCES * count as u64 + instance);
        match Session::default().apply(engine, &request, &Until(done)) {
            Ok(()) => count += 1,
            Err(SessionError::Generate(GenerateError::Cancelled)) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}

/// Runs callbacks for `span` on a thread of its own.
fn callbacks(span: Duration) -> (Lateness, bool) {
    let thread = std::thread::spawn(move || {
        let realtime = become_audio();
        let stems = vec![[0.25f32; 64]; 8];
        let mut mix = [0.0f32; 64];
        let mut late = Vec::with_capacity((span.as_nanos() / PERIOD.as_nanos()) as usize + 1);
        let start = Instant::now();
        let mut due = Duration::ZERO;
        while due < span && !crate::interrupt::requested() {
            if let Some(rest) = (start + due).checked_duration_since(Instant::now()) {
                std::thread::sleep(rest);
            }
            mix.fill(0.0);
            for stem in &stems {
                for (sum, sample) in mix.iter_mut().zip(stem) {
                    *sum += 0.5 * sample;
                }
            }
            std::hint::black_box(&mix);
            late.push(start.elapsed().saturating_sub(due).as_secs_f64() * 1e6);
            due += PERIOD;
        }
        (late, realtime)
    });
    let (mut late, realtime) = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let missed = late.iter().filter(|late| **late > PERIOD.as_secs_f64() * 1e6).count();
    late.sort_by(f64::total_cmp);
    let lateness = Lateness {
        callbacks: late.len(),
        median: percentile(&late, 0.5),
        p99: percentile(&late, 0.99),
        p999: percentile(&late, 0.999),
        longest: percentile(&late, 1.0),
        missed,
    };
    (lateness, realtime)
}
