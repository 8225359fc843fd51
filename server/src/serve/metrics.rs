//! Counters for Prometheus (OpenMetrics text format 1.0).

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::wire::JobState;

/// Media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A counter for each value of one label.
type Counters = Family<[(&'static str, &'static str); 1], Counter>;

/// Counters.
#[derive(Debug)]
pub struct Metrics {
    responses: Counters,
    refused: Counters,
    jobs: Counters,
    job_seconds: Counter<f64, AtomicU64>,
}

impl Default for Metrics {
    /// All counters at zero, so that each is listed from the start.
    fn default() -> Self {
        let counters = |label: &'static str, values: &[&'static str]| {
            let counters = Counters::default();
            for value in values {
                drop(counters.get_or_create(&[(label, value)]));
            }
            counters
        };
        Self {
            responses: counters("class", &CLASSES),
            refused: counters("reason", &["origin", "token"]),
            jobs: counters("state", &["done", "failed", "cancelled", "interrupted"]),
            job_seconds: Counter::default(),
        }
    }
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
        self.responses.get_or_create(&[("class", CLASSES[class])]).inc();
    }

    /// Counts a request refused because of its origin.
    pub fn origin_refused(&self) {
        self.refused.get_or_create(&[("reason", "origin")]).inc();
    }

    /// Counts a request with no token or a wrong one.
    pub fn token_refused(&self) {
        self.refused.get_or_create(&[("reason", "token")]).inc();
    }

    /// Counts a job that ended after running for `time`.
    pub fn ended(&self, state: JobState, time: Duration) {
        let state = match state {
            JobState::Done => "done",
            JobState::Cancelled => "cancelled",
            JobState::Interrupted => "interrupted",
            JobState::Failed | JobState::Queued | JobState::Running => "failed",
        };
        self.jobs.get_or_create(&[("state", state)]).inc();
        self.job_seconds.inc_by(time.as_secs_f64());
    }

    /// All metrics in the text format of [`MEDIA_TYPE`].
    #[must_use]
    pub fn text(&self, gauges: Gauges) -> String {
        let mut registry = Registry::with_prefix("resonantgen");
        registry.register("http_responses", "Responses by status class", self.responses.clone());
        registry.register("http_refused", "Requests refused by access control", self.refused.clone());
        registry.register("jobs", "Jobs that ended", self.jobs.clone());
        registry.register("job_seconds", "Seconds spent on jobs", self.job_seconds.clone());
        let mut gauge = |name: &str, help: &str, value: usize| {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        };
        gauge("jobs_waiting", "Waiting jobs", gauges.waiting);
        gauge("jobs_running", "Running jobs", gauges.running);
        gauge("sessions", "Stored sessions", gauges.sessions);
        gauge("watchers", "Event streams and long-polling requests", gauges.watchers);
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes all text");
        text
    }
}
