//! Tracks open connections, so that slow clients cannot lock others out.
//!
//! A client that opens connections without sending a request, sends one byte at a time, or does not read the response, takes up
//! places (the attacks "Slowloris" of 2009 and "R-U-Dead-Yet" of 2010, and slow reading). When all places are taken, one of the
//! connections that the server is waiting for is closed: the one that has been idle without a request for longest, or else the
//! one that has sent or read too little for longest.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Notify;

/// Bytes that a client must send or read to count as making progress.
const STEP_BYTES: usize = 16 << 10;

/// The open connections.
#[derive(Debug, Default)]
pub struct Crowd(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    /// A counter of events, used instead of a clock.
    now: u64,
    /// Connections waiting for a request, by when the wait began.
    idle: BTreeMap<u64, Arc<Notify>>,
    /// Connections within a request whose client the server is waiting for, by when the wait began.
    slow: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

impl Crowd {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connection that has waited longest for a request. If there is none, closes the one whose client the server has
    /// waited for longest, if that is at least `patience`.
    pub(super) fn make_room(&self, patience: Duration) {
        let mut places = self.places();
        if let Some((_, longest)) = places.idle.pop_first() {
            longest.notify_one();
        } else if let Some(longest) = places.slow.first_entry()
            && longest.get().0.elapsed() >= patience
        {
            longest.remove().1.notify_one();
        }
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Guest {
    crowd: Arc<Crowd>,
    close: Arc<Notify>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Number of requests being answered.
    requests: usize,
    /// Whether the server is waiting for the rest of a request.
    awaits_body: bool,
    /// Whether the client must read something before more can be sent.
    awaits_taking: bool,
    /// Bytes transferred since the server first waited for the client.
    moved: usize,
    place: Option<Place>,
    gone: bool,
}

/// The list in which a connection waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Idle(u64),
    Slow(u64),
}

impl Guest {
    /// A connection that is waiting for its first request.
    pub(super) fn new(crowd: &Arc<Crowd>) -> Self {
        let guest = Self { crowd: Arc::clone(crowd), close: Arc::default(), state: Arc::default() };
        guest.change(|_| {});
        guest
    }

    /// Ends when the connection must make room.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }

    /// The connection was closed.
    pub(super) fn leave(&self) {
        self.change(|state| state.gone = true);
    }

    /// The client must read something before more can be sent.
    pub(super) fn awaits_taking(&self) {
        self.change(|state| state.awaits_taking = true);
    }

    /// The client has read everything so far.
    pub(super) fn has_taken(&self) {
        self.change(|state| state.awaits_taking = false);
    }

    /// The client has sent or read some bytes.
    pub(super) fn moves(&self, bytes: usize) {
        self.change(|state| state.moved += bytes);
    }

    /// Changes the state, and updates the connection's place accordingly.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let is_slow = state.awaits_body || state.awaits_taking;
        let stays = match state.place {
            _ if state.gone => false,
            Some(Place::Slow(_)) => is_slow && state.moved < STEP_BYTES,
            Some(Place::Idle(_)) => !is_slow && state.requests == 0,
            None => !is_slow && state.requests > 0,
        };
        if stays {
            return;
        }
        let mut places = self.crowd.places();
        match state.place.take() {
            Some(Place::Idle(since)) => drop(places.idle.remove(&since)),
            Some(Place::Slow(since)) => drop(places.slow.remove(&since)),
            None => {}
        }
        if state.gone || (!is_slow && state.requests > 0) {
            return;
        }
        places.now += 1;
        let since = places.now;
        if is_slow {
            state.moved = 0;
            places.slow.insert(since, (Instant::now(), Arc::clone(&self.close)));
            state.place = Some(Place::Slow(since));
        } else {
            places.idle.insert(since, Arc::clone(&self.close));
            state.place = Some(Place::Idle(since));
        }
    }

    /// Answers a request. The connection does not count as idle until the last byte of the response has been handed over.
    ///
    /// # Errors
    /// Never returns an error.
    pub(super) async fn answer(
        self,
        router: TowerToHyperService<Router>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response, Infallible> {
        self.change(|state| state.requests += 1);
        let visit = Visit(self.clone());
        let request = request.map(|body| Body::new(Awaited { body, guest: self }));
        let response = router.call(request).await?;
        Ok(response.map(|body| Body::new(Held { body, _visit: visit })))
    }
}

/// A request that is being answered.
struct Visit(Guest);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.change(|state| state.requests -= 1);
    }
}

/// A request body that records when the server is waiting for its client.
struct Awaited {
    body: Incoming,
    guest: Guest,
}

impl HttpBody for Awaited {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => self.guest.change(|state| state.awaits_body = true),
            Poll::Ready(Some(Ok(frame))) => self.guest.moves(frame.data_ref().map_or(0, Bytes::len)),
            Poll::Ready(_) => self.guest.change(|state| state.awaits_body = false),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.guest.change(|state| state.awaits_body = false);
    }
}

/// A response body, which keeps its connection busy.
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

#[cfg(test)]
mod tests {
    use super::*;

    impl Guest {
        fn is_closed(&self) -> bool {
            let mut closed = std::pin::pin!(self.closed());
            closed.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
        }
    }

    use std::future::Future as _;

    #[test]
    fn who_is_waited_for_longest_makes_room() {
        let crowd = Arc::new(Crowd::default());
        let guests: [Guest; 4] = std::array::from_fn(|_| Guest::new(&crowd));
        let [busy, sending, taking, _idle] = &guests;
        for guest in [busy, sending, taking] {
            guest.change(|state| state.requests += 1);
        }
        taking.awaits_taking();
        sending.change(|state| state.awaits_body = true);
        // Too little to count as progress.
        taking.moves(STEP_BYTES - 1);
        crowd.make_room(Duration::ZERO);
        assert_eq!(guests.each_ref().map(Guest::is_closed), [false, false, false, true]);
        // No client is cut off before it has been slow for long enough.
        crowd.make_room(Duration::from_secs(3_600));
        assert!(!guests.iter().any(Guest::is_closed));
        // A client that makes progress ranks behind one that does not.
        taking.moves(1);
        crowd.make_room(Duration::ZERO);
        assert_eq!(guests.each_ref().map(Guest::is_closed), [false, true, false, false]);
        crowd.make_room(Duration::ZERO);
        assert_eq!(guests.each_ref().map(Guest::is_closed), [false, false, true, false]);
        for _ in 0..3 {
            crowd.make_room(Duration::ZERO);
        }
        assert!(!busy.is_closed());
        busy.change(|state| state.requests -= 1);
        crowd.make_room(Duration::ZERO);
        assert!(busy.is_closed());
        guests.iter().for_each(Guest::leave);
        let places = crowd.places();
        assert!(places.idle.is_empty() && places.slow.is_empty());
    }
}
