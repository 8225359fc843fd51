//! Which connections are open, so that those that ask for nothing keep nobody out.
//!
//! A client that opens connections and sends no request, or leaves them open behind one, costs the others their places (the
//! attack "Slowloris" of 2009). So when all places are taken, the connection that has waited for a request for the longest
//! time makes room.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Notify;

/// The open connections.
#[derive(Debug, Default)]
pub struct Crowd(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    /// Counts what happens, in place of a clock.
    now: u64,
    /// Connections that wait for a request, by when they began to.
    idle: BTreeMap<u64, Arc<Notify>>,
}

impl Crowd {
    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connection that has waited for a request for the longest time, if one waits.
    pub(super) fn make_room(&self) {
        if let Some((_, longest)) = self.places().idle.pop_first() {
            longest.notify_one();
        }
    }

    fn wait(&self, close: &Arc<Notify>) -> u64 {
        let mut places = self.places();
        places.now += 1;
        let since = places.now;
        places.idle.insert(since, Arc::clone(close));
        since
    }
}

/// One connection.
#[derive(Clone)]
pub struct Guest {
    crowd: Arc<Crowd>,
    close: Arc<Notify>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    requests: usize,
    /// Since when it waits for a request.
    idle: Option<u64>,
}

impl Guest {
    /// A connection that waits for its first request.
    pub(super) fn new(crowd: &Arc<Crowd>) -> Self {
        let close = Arc::new(Notify::new());
        let idle = Some(crowd.wait(&close));
        let state = Arc::new(Mutex::new(State { requests: 0, idle }));
        Self { crowd: Arc::clone(crowd), close, state }
    }

    /// Ends when the connection shall make room.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }

    /// The connection is no more.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // So that the end of an answer that nobody takes does not bring it back.
        state.requests += 1;
        if let Some(since) = state.idle.take() {
            self.crowd.places().idle.remove(&since);
        }
    }

    fn begin(&self) -> Visit {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        if let Some(since) = state.idle.take() {
            self.crowd.places().idle.remove(&since);
        }
        drop(state);
        Visit(self.clone())
    }

    /// Answers a request; until the last byte of the answer is given away, the connection is safe.
    ///
    /// # Errors
    /// None.
    pub(super) async fn answer(
        self,
        router: TowerToHyperService<Router>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let visit = self.begin();
        let response = router.call(request).await?;
        Ok(response.map(|body| Body::new(Held { body, _visit: visit })))
    }
}

/// A request that is being answered.
struct Visit(Guest);

impl Drop for Visit {
    fn drop(&mut self) {
        let guest = &self.0;
        let mut state = guest.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests -= 1;
        if state.requests == 0 {
            state.idle = Some(guest.crowd.wait(&guest.close));
        }
    }
}

/// The body of an answer, which keeps its connection busy.
struct Held {
    body: Body,
    _visit: Visit,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
