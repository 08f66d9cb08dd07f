//! One user's connections.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Answer, Exchange, Failure};
use crate::dial::{Network, Route};

/// One user's connections, by origin. Idle ones cost their socket and a few words; nothing is allocated before the first
/// exchange. Dropping the pool closes them all.
pub struct Pool {
    network: Rc<Network>,
    route: RefCell<Rc<Route>>,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(network: Rc<Network>, route: Rc<Route>) -> Self {
        Self { network, route: RefCell::new(route) }
    }

    /// The route in use.
    #[must_use]
    pub fn route(&self) -> Rc<Route> {
        self.route.borrow().clone()
    }

    /// What the pool shares with its neighbours.
    #[must_use]
    pub fn network(&self) -> &Rc<Network> {
        &self.network
    }

    /// Connect differently from now on. Idle connections are closed; those in use end with their exchange.
    pub fn set_route(&self, route: Rc<Route>) {
        *self.route.borrow_mut() = route;
        self.close_idle();
    }

    /// Close idle connections, and those in use when their exchange has ended: the next exchange connects anew.
    pub fn close_idle(&self) {}

    /// Do one exchange. Several may be under way at a time. Dropping the future cancels it.
    ///
    /// # Errors
    /// Why there is no complete response, with what was measured so far.
    pub async fn exchange(&self, request: &Exchange<'_>) -> Result<Answer, Failure> {
        let _ = request;
        unimplemented!()
    }
}
