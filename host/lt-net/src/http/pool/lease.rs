//! Which connection an exchange goes over, and when a new one is made.

use std::rc::Rc;

use super::Pool;
use crate::http::{Exchange, Scheme, Url, VersionChoice, h1, h2};

/// Most origins whose connections are kept. A scenario talks to a few; one that crawls must not collect sockets.
pub(super) const ORIGINS_MAX: usize = 32;

/// Most idle connections kept to one origin. As many as a batch of requests uses side by side, so that the next batch finds
/// them again; more come only of requests that each ask for a new connection, and would pile up sockets without end.
pub(super) const IDLE_PER_ORIGIN_MAX: usize = 20;

/// What the pool has for one scheme, host and port.
pub(super) struct Origin {
    pub(super) url: Url,
    pub(super) idle: Vec<h1::Connection>,
    pub(super) shared: Option<Rc<h2::Connection>>,
    /// HTTP/1.1 connections in use or being made.
    pub(super) leased: usize,
    /// A dial is under way that may end in HTTP/2, which others would share.
    pub(super) dialing: bool,
    /// The last dial did not end in HTTP/2, but in HTTP/1.1 or in failure: nobody need wait for another's dial. Without
    /// this, requests to a host that does not answer would fail one after the other instead of all at once.
    pub(super) each_for_itself: bool,
}

/// What an exchange is to be done on.
pub(super) enum Lease<'p> {
    Idle(h1::Connection, Slot<'p>),
    Shared(Rc<h2::Connection>),
    /// A new connection, which others wait for if it may be HTTP/2.
    Dial(Slot<'p>, Option<Dialing<'p>>),
}

impl Pool {
    /// Something to do the exchange on, or nothing if it has to wait.
    pub(super) fn lease(&self, request: &Exchange<'_>, fresh: bool) -> Option<Lease<'_>> {
        let choice = request.version;
        let may_be_http2 = match request.url.scheme() {
            Scheme::Https => choice != VersionChoice::Http1,
            Scheme::Http => choice == VersionChoice::Http2,
        };
        let connections_max = self.route.borrow().connections_per_origin_max;
        self.with_origin(request.url, |origin| {
            if !fresh {
                if may_be_http2 && let Some(shared) = &origin.shared {
                    if shared.is_open() {
                        return Some(Lease::Shared(shared.clone()));
                    }
                    origin.shared = None;
                }
                while choice != VersionChoice::Http2
                    && let Some(mut connection) = origin.idle.pop()
                {
                    if connection.stream.is_quiet() {
                        origin.leased += 1;
                        return Some(Lease::Idle(connection, self.slot(&origin.url)));
                    }
                }
                if may_be_http2 && origin.dialing && !origin.each_for_itself {
                    return None;
                }
            }
            if origin.leased >= connections_max {
                return None;
            }
            origin.leased += 1;
            let announced = may_be_http2 && !fresh && !origin.dialing;
            origin.dialing |= announced;
            let dialing = announced.then(|| Dialing {
                pool: self,
                url: origin.url.clone(),
                shared: false,
            });
            Some(Lease::Dial(self.slot(&origin.url), dialing))
        })
    }

    fn slot(&self, url: &Url) -> Slot<'_> {
        Slot {
            pool: self,
            url: url.clone(),
            generation: self.generation.get(),
        }
    }

    pub(super) fn with_origin<T>(&self, url: &Url, act: impl FnOnce(&mut Origin) -> T) -> T {
        let mut origins = self.origins.borrow_mut();
        let index = origins
            .iter()
            .position(|origin| origin.url.same_origin(url))
            .unwrap_or_else(|| {
                if origins.len() >= ORIGINS_MAX
                    && let Some(unused) = origins
                        .iter()
                        .position(|origin| origin.leased == 0 && !origin.dialing)
                {
                    origins.remove(unused);
                }
                // One at a time: most users know one origin for ever.
                origins.reserve_exact(1);
                origins.push(Origin {
                    url: url.clone(),
                    idle: Vec::new(),
                    shared: None,
                    leased: 0,
                    dialing: false,
                    each_for_itself: false,
                });
                origins.len() - 1
            });
        act(&mut origins[index])
    }
}

/// One HTTP/1.1 connection of an origin in use, given back however its exchange ends.
pub(super) struct Slot<'p> {
    pool: &'p Pool,
    url: Url,
    generation: u32,
}

impl Slot<'_> {
    /// Whether the pool still wants connections of when this one was taken.
    pub(super) fn is_current(&self) -> bool {
        self.generation == self.pool.generation.get()
    }

    /// The exchange ended well: the connection is idle again. If there are too many, those go that their peer has closed, or
    /// else the one that has been idle longest.
    pub(super) fn keep(&self, connection: h1::Connection) {
        self.pool.with_origin(&self.url, |origin| {
            if origin.idle.len() >= IDLE_PER_ORIGIN_MAX {
                origin.idle.retain_mut(|idle| idle.stream.is_quiet());
            }
            if origin.idle.len() >= IDLE_PER_ORIGIN_MAX {
                // New ones are added and taken at the end.
                origin.idle.remove(0);
            }
            origin.idle.reserve_exact(1);
            origin.idle.push(connection);
        });
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.pool.with_origin(&self.url, |origin| {
            origin.leased = origin.leased.saturating_sub(1)
        });
        self.pool.released.notify_waiters();
    }
}

/// The announcement that a dial is under way that others may share the result of. However it ends, they are told.
pub(super) struct Dialing<'p> {
    pool: &'p Pool,
    url: Url,
    shared: bool,
}

impl Dialing<'_> {
    /// The dial ended in a connection for all.
    pub(super) fn ended_in_http2(mut self) {
        self.shared = true;
    }
}

impl Drop for Dialing<'_> {
    fn drop(&mut self) {
        self.pool.with_origin(&self.url, |origin| {
            origin.dialing = false;
            origin.each_for_itself = !self.shared;
        });
        self.pool.released.notify_waiters();
    }
}
