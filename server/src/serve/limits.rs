//! How much one server lets itself be asked for.

use std::time::Duration;

/// Limits; what goes beyond them is refused with a message, and nothing else suffers.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a JSON body.
    pub json_bytes: usize,
    /// Bytes of an uploaded session.
    pub upload_bytes: usize,
    /// Sessions that are kept.
    pub sessions: usize,
    /// Jobs that wait, in all.
    pub waiting_jobs: usize,
    /// Jobs that wait for one session.
    pub waiting_jobs_per_session: usize,
    /// How long a job may run.
    pub job_time: Duration,
    /// How long a request may take to arrive and be answered; downloads and events may go on.
    pub request_time: Duration,
    /// How long a connection may make no progress while it is written to.
    pub stall_time: Duration,
    /// How long a client may take to send the head of a request.
    pub head_time: Duration,
    /// Connections at a time; for a new one, the one that has asked for nothing for the longest time is closed.
    pub connections: usize,
    /// Event streams and waiting requests at a time.
    pub watchers: usize,
    /// How long the running job may go on when the server shall end.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_bytes: 64 << 10,
            upload_bytes: 256 << 20,
            sessions: 256,
            waiting_jobs: 64,
            waiting_jobs_per_session: 8,
            job_time: Duration::from_secs(300),
            request_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(30),
            head_time: Duration::from_secs(10),
            connections: 256,
            watchers: 64,
            grace: Duration::from_secs(20),
        }
    }
}
