//! Limits on requests to a server.

use std::time::Duration;

/// Limits. A request beyond them is refused with a message, without affecting others.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum size of a JSON body, in bytes.
    pub json_bytes: usize,
    /// Maximum size of an uploaded session or audio file, in bytes.
    pub upload_bytes: usize,
    /// Maximum size of all uploads at a time, in bytes; they are kept on disk.
    pub all_uploads_bytes: usize,
    /// Maximum number of sessions.
    pub sessions: usize,
    /// Maximum number of waiting jobs in total.
    pub waiting_jobs: usize,
    /// Maximum number of waiting jobs per session.
    pub waiting_jobs_per_session: usize,
    /// Time limit of a job.
    pub job_time: Duration,
    /// Time limit of a request, from arrival to response; downloads and event streams may take longer.
    pub request_time: Duration,
    /// How long a write to a connection may make no progress.
    pub stall_time: Duration,
    /// How long a client may take to send the head of a request.
    pub head_time: Duration,
    /// Maximum number of connections. To admit a new one, the connection whose client has kept the server waiting longest is
    /// closed.
    pub connections: usize,
    /// How long a client may keep the server waiting in the middle of a request or response when no connections are left.
    pub crowd_time: Duration,
    /// Maximum number of simultaneous event streams and long-polling requests.
    pub watchers: usize,
    /// How long the running job may continue when the server is stopped.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_bytes: 64 << 10,
            upload_bytes: 256 << 20,
            all_uploads_bytes: 1 << 30,
            sessions: 256,
            waiting_jobs: 64,
            waiting_jobs_per_session: 8,
            job_time: Duration::from_secs(300),
            request_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(30),
            head_time: Duration::from_secs(10),
            connections: 256,
            crowd_time: Duration::from_millis(500),
            watchers: 64,
            grace: Duration::from_secs(20),
        }
    }
}
