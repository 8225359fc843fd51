//! The server: REST over HTTP/1.1, jobs with progress as server-sent events, and a page to try it.
//!
//! Threads: a small async runtime for connections, its blocking pool for disk access and audio files, and one thread for
//! generating (`jobs`). See `docs/scaling.md` for multiple servers, and `guard` for access control.

mod app;
mod crowd;
mod extract;
mod generator;
mod guard;
mod id;
mod jobs;
mod journal;
mod limits;
mod media;
mod metrics;
mod openapi;
mod page;
mod problem;
mod routes;
mod sessions;
mod stall;
mod upload;

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};

pub use app::openapi_json;
pub use generator::{Generator, Performance};
pub use guard::{Token, WeakToken};
pub use limits::Limits;

use app::App;
use crowd::{Crowd, Guest};
use guard::Guard;
use stall::Stalling;

/// Name of the file that locks a data folder for one server.
const LOCK: &str = "lock";
/// Maximum number of header fields in a request.
const HEADER_FIELDS: usize = 64;
/// Maximum size of a request's head in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// How long open responses may continue after all jobs have ended.
const FAREWELL: Duration = Duration::from_secs(3);
/// Threads for connections.
const CONNECTION_THREADS: usize = 2;
/// Threads for disk access and audio files.
const BLOCKING_THREADS: usize = 16;
/// Pause until another connection must make room for one that waits.
const ROOM_PAUSE: Duration = Duration::from_millis(50);
/// Pause after the system refused a connection (too many open files).
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// Configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; with port 0 the system chooses a port.
    pub addr: SocketAddr,
    /// Folder for sessions and the journal; one server per folder.
    pub data: PathBuf,
    /// Secret that requests must present; required unless `addr` is a loopback address.
    pub token: Option<Token>,
    /// Names of this server behind a proxy, besides loopback names.
    pub hosts: Vec<String>,
    /// Limits on requests.
    pub limits: Limits,
}

/// Why a server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Other machines could reach the server, and no token is set.
    #[error(
        "other machines can reach {0}, so a token is needed: choose at least 16 characters and pass them as --token or \
        RESONANTGEN_TOKEN, or listen on 127.0.0.1"
    )]
    TokenNeeded(SocketAddr),
    /// The address cannot be bound.
    #[error("cannot listen on {addr}: {source}; choose another --addr")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The folder cannot be used.
    #[error("cannot use the data folder {}: {source}", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another server uses the folder; two would overwrite each other's sessions.
    #[error("another server uses the data folder {}: choose another --data", .0.display())]
    InUse(PathBuf),
    /// The system lacks a resource, such as threads.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A server that listens but does not respond yet.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    /// Held for the server's lifetime.
    _lock: File,
}

/// Stops a server from another thread.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// Lets the running job end, keeps the waiting ones for the next start, then makes [`Server::run`] return.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Binds the address and locks the data folder.
    ///
    /// # Errors
    /// Returns an error if a token is required and missing, or if the address or the folder cannot be used.
    pub fn bind(config: Config, generator: Arc<dyn Generator>) -> Result<Self, ServeError> {
        let Config { addr, data, token, hosts, limits } = config;
        if token.is_none() && !addr.ip().is_loopback() {
            return Err(ServeError::TokenNeeded(addr));
        }
        let lock = take_folder(&data)?;
        let listening = |source| ServeError::Listen { addr, source };
        let listener = TcpListener::bind(addr).map_err(listening)?;
        listener.set_nonblocking(true).map_err(listening)?;
        let addr = listener.local_addr().map_err(listening)?;
        let guard = Guard::new(token, hosts, addr.ip().is_loopback());
        let app = App::open(&data, generator, guard, limits)
            .map_err(|source| ServeError::Data { path: data.clone(), source })?;
        Ok(Self { listener, addr, app: Arc::new(app), stop: watch::Sender::new(false), _lock: lock })
    }

    /// The address the server listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A handle that stops the server.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Serves requests until the server is stopped.
    ///
    /// # Errors
    /// Returns an error if the system has no threads left.
    pub fn run(self) -> Result<(), ServeError> {
        self.app.jobs.start()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(CONNECTION_THREADS)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("serve")
            .enable_all()
            .build()?;
        let result = runtime.block_on(self.answer());
        // Requests that still access the disk are not waited for.
        runtime.shutdown_background();
        result
    }

    async fn answer(self) -> Result<(), ServeError> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let router = TowerToHyperService::new(app::router(&self.app));
        let slots = Arc::new(Semaphore::new(self.app.limits.connections));
        let crowd = Arc::new(Crowd::default());
        let connections = GracefulShutdown::new();
        let mut stopped = self.stop.subscribe();
        let ended = async {
            // The sender outlives this future.
            let _ = stopped.wait_for(|stop| *stop).await;
            let app = Arc::clone(&self.app);
            app.closing.send_replace(true);
            let _ = tokio::task::spawn_blocking(move || app.jobs.close()).await;
        };
        let serve = async {
            loop {
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(_) => {
                        tokio::time::sleep(REFUSED_PAUSE).await;
                        continue;
                    }
                };
                let slot = loop {
                    if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
                        break slot;
                    }
                    crowd.make_room(self.app.limits.crowd_time);
                    let free = Arc::clone(&slots).acquire_owned();
                    match tokio::time::timeout(ROOM_PAUSE, free).await {
                        Ok(Ok(slot)) => break slot,
                        Ok(Err(_)) => return,
                        Err(_) => {}
                    }
                };
                // Send small responses at once.
                let _ = stream.set_nodelay(true);
                let guest = Guest::new(&crowd);
                let io = TokioIo::new(Stalling::new(stream, self.app.limits.stall_time, guest.clone()));
                let (answering, router) = (guest.clone(), router.clone());
                let answer = service_fn(move |request| answering.clone().answer(router.clone(), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(self.app.limits.head_time)
                    .max_headers(HEADER_FIELDS)
                    .max_buf_size(HEAD_BYTES)
                    .serve_connection(io, answer);
                let connection = connections.watch(connection);
                tokio::spawn(async move {
                    tokio::select! {
                        // A broken connection is the client's concern.
                        _ = connection => {}
                        () = guest.closed() => {}
                    }
                    guest.leave();
                    drop(slot);
                });
            }
        };
        tokio::select! {
            () = ended => {}
            () = serve => {}
        }
        self.app.farewell.send_replace(true);
        let _ = tokio::time::timeout(FAREWELL, connections.shutdown()).await;
        Ok(())
    }
}

/// Creates the data folder and locks it for this process.
fn take_folder(data: &Path) -> Result<File, ServeError> {
    let failed = |source| ServeError::Data { path: data.to_owned(), source };
    std::fs::create_dir_all(data).map_err(failed)?;
    let file =
        File::options().create(true).truncate(false).write(true).open(data.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(ServeError::InUse(data.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
