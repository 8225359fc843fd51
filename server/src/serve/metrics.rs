//! Counters for Prometheus (text exposition format 0.0.4).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

use crate::wire::JobState;

/// Counters.
#[derive(Debug, Default)]
pub struct Metrics {
    answers: [AtomicU64; 5],
    refused_origins: AtomicU64,
    refused_tokens: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    interrupted: AtomicU64,
    busy_microseconds: AtomicU64,
}

/// Values measured at the time of the request.
#[derive(Clone, Copy, Debug)]
pub struct Gauges {
    /// Waiting jobs.
    pub waiting: usize,
    /// Running jobs: 0 or 1.
    pub running: usize,
    /// Stored sessions.
    pub sessions: usize,
    /// Event streams and long-polling requests.
    pub watchers: usize,
}

impl Metrics {
    /// Counts a response.
    pub fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.answers[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request refused because of its origin.
    pub fn origin_refused(&self) {
        self.refused_origins.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request with no token or a wrong one.
    pub fn token_refused(&self) {
        self.refused_tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a job that ended after running for `time`.
    pub fn ended(&self, state: JobState, time: Duration) {
        let counter = match state {
            JobState::Done => &self.done,
            JobState::Cancelled => &self.cancelled,
            JobState::Interrupted => &self.interrupted,
            JobState::Failed | JobState::Queued | JobState::Running => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.busy_microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// All metrics in the text exposition format.
    #[must_use]
    pub fn text(&self, gauges: Gauges) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, f64)]| {
            let _ = writeln!(text, "# HELP resonantgen_{name} {help}\n# TYPE resonantgen_{name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "resonantgen_{name}{labels} {value}");
            }
        };
        let classes =
            ["{class=\"1xx\"}", "{class=\"2xx\"}", "{class=\"3xx\"}", "{class=\"4xx\"}", "{class=\"5xx\"}"];
        let answers: Vec<_> =
            classes.into_iter().zip(&self.answers).map(|(label, it)| (label, count(it))).collect();
        family("http_responses_total", "counter", "Responses by status class.", &answers);
        let refused = [
            ("{reason=\"origin\"}", count(&self.refused_origins)),
            ("{reason=\"token\"}", count(&self.refused_tokens)),
        ];
        family("http_refused_total", "counter", "Requests refused by access control.", &refused);
        let ended = [
            ("{state=\"done\"}", count(&self.done)),
            ("{state=\"failed\"}", count(&self.failed)),
            ("{state=\"cancelled\"}", count(&self.cancelled)),
            ("{state=\"interrupted\"}", count(&self.interrupted)),
        ];
        family("jobs_total", "counter", "Jobs that ended.", &ended);
        let busy = [("", count(&self.busy_microseconds) / 1e6)];
        family("job_seconds_total", "counter", "Seconds spent on jobs.", &busy);
        family("jobs_waiting", "gauge", "Waiting jobs.", &[("", gauges.waiting as f64)]);
        family("jobs_running", "gauge", "Running jobs.", &[("", gauges.running as f64)]);
        family("sessions", "gauge", "Stored sessions.", &[("", gauges.sessions as f64)]);
        family(
            "watchers",
            "gauge",
            "Event streams and long-polling requests.",
            &[("", gauges.watchers as f64)],
        );
        text
    }
}
