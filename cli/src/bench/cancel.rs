//! How long a generation continues after it was cancelled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use resonantgen_models::generator::{Engine, GenerateError, Observer};
use resonantgen_session::{Request, Session, SessionError};
use serde::Serialize;

use super::figures::percentile;

/// Seconds from cancellation to the end of the work.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// Number of cancelled generations, spread evenly over the duration of one.
    pub stopped: usize,
    pub median: f64,
    pub p95: f64,
    pub longest: f64,
}

struct Flag<'a>(&'a AtomicBool);

impl Observer for Flag<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Cancels `count` generations, each at a different moment of the `seconds` that one takes.
///
/// # Errors
/// Returns an error if a generation fails for a reason other than the cancellation.
pub fn measure(engine: &Engine, request: &Request, seconds: f64, count: u32) -> Result<Latency> {
    let mut latencies = Vec::new();
    for number in 0..count {
        crate::interrupt::check()?;
        let flag = AtomicBool::new(false);
        let moment = Duration::from_secs_f64(seconds * (f64::from(number) + 0.5) / f64::from(count));
        let (asked, result, ended) = std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                let result = Session::default().apply(engine, request, &Flag(&flag));
                (result, Instant::now())
            });
            std::thread::sleep(moment);
            let asked = Instant::now();
            flag.store(true, Ordering::Release);
            let (result, ended) = work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (asked, result, ended)
        });
        match result {
            // The generation ended before it was cancelled.
            Ok(()) => {}
            Err(SessionError::Generate(GenerateError::Cancelled)) => {
                latencies.push(ended.saturating_duration_since(asked).as_secs_f64());
            }
            Err(error) => return Err(error.into()),
        }
    }
    latencies.sort_by(f64::total_cmp);
    Ok(Latency {
        stopped: latencies.len(),
        median: percentile(&latencies, 0.5),
        p95: percentile(&latencies, 0.95),
        longest: percentile(&latencies, 1.0),
    })
}
