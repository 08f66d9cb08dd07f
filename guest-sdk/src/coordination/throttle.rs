//! Budgets that users share.

use super::{Error, Result, limit};
use crate::bindings::lt::scenario::coordination as host;
use crate::runtime::Pollable;
use crate::timing::{Duration, nanos};

/// What a throttle allows.
///
/// ```
/// use lt_sdk::coordination::Budget;
/// use lt_sdk::timing::Duration;
///
/// let budget = Budget::rate(100, Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// This many in each interval, evenly spaced, never in bursts.
    Rate {
        /// How many; not zero.
        count: u64,
        /// In how long; not zero.
        interval: Duration,
    },
    /// One each time this has passed; zero is unlimited.
    Interarrival(Duration),
    /// At most this many at a time; not zero.
    Parallelism(u32),
    /// No limit.
    Unlimited,
}

impl Budget {
    /// This many in each interval.
    ///
    /// ```
    /// # use lt_sdk::timing::Duration;
    /// let per_minute = lt_sdk::coordination::Budget::rate(30, Duration::from_secs(60));
    /// ```
    #[must_use]
    pub const fn rate(count: u64, interval: Duration) -> Self {
        Self::Rate { count, interval }
    }
}

impl From<Budget> for host::Budget {
    fn from(budget: Budget) -> Self {
        match budget {
            Budget::Rate { count, interval } => Self::Rate(host::Rate {
                count,
                interval: nanos(interval),
            }),
            Budget::Interarrival(time) => Self::Interarrival(nanos(time)),
            Budget::Parallelism(places) => Self::Parallelism(places),
            Budget::Unlimited => Self::Unlimited,
        }
    }
}

/// How a throttle changes from its present rate to another.
///
/// ```
/// use lt_sdk::coordination::Transition;
/// use lt_sdk::timing::Duration;
///
/// let ways = [Transition::Over(Duration::from_secs(60)), Transition::Steps(6, Duration::from_secs(10))];
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// In this many equal steps, each lasting this long.
    Steps(u32, Duration),
    /// Evenly over this time, in steps of 100 ms.
    Over(Duration),
}

impl From<Transition> for host::Transition {
    fn from(transition: Transition) -> Self {
        match transition {
            Transition::Steps(steps, each) => Self::Steps((steps, nanos(each))),
            Transition::Over(time) => Self::Over(nanos(time)),
        }
    }
}

/// One budget for all users of the run that open it by the same name.
///
/// The first to open it sets the budget; whoever follows must name the same, also if it was changed since.
///
/// ```no_run
/// use lt_sdk::coordination::Throttle;
/// use lt_sdk::prelude::*;
///
/// # fn iterate() -> Result<()> {
/// let logins = Throttle::rate("logins", 100, Duration::from_secs(1))?;
/// logins.wait()?;
/// // log in
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Throttle(host::Throttle);

impl Throttle {
    /// Open a throttle with any budget.
    ///
    /// # Errors
    /// If the name or the budget is unfit, if it was opened with another budget, or if the run has too many throttles.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// use lt_sdk::coordination::{Budget, Throttle};
    ///
    /// let logins = Throttle::open("logins", Budget::Unlimited)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(name: &str, budget: Budget) -> Result<Self> {
        Ok(Self(host::Throttle::open(name, budget.into())?))
    }

    /// Open a throttle that lets this many through in each interval, evenly spaced.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let logins = lt_sdk::coordination::Throttle::rate("logins", 100, Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rate(name: &str, count: u64, interval: Duration) -> Result<Self> {
        Self::open(name, Budget::rate(count, interval))
    }

    /// Open a throttle that lets one through each time this has passed.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let logins = lt_sdk::coordination::Throttle::interarrival("logins", Duration::from_millis(50))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn interarrival(name: &str, time: Duration) -> Result<Self> {
        Self::open(name, Budget::Interarrival(time))
    }

    /// Open a throttle that lets at most this many do something at a time.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn main() -> Result<()> {
    /// let uploads = lt_sdk::coordination::Throttle::parallelism("uploads", 10)?;
    /// uploads.run(|| http::post("http://127.0.0.1:8080/upload").body(vec![0; 1 << 20]).send())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn parallelism(name: &str, places: u32) -> Result<Self> {
        Self::open(name, Budget::Parallelism(places))
    }

    /// Wait for this user's turn. Under parallelism it then holds a place until [`release`](Self::release), or until the throttle
    /// is dropped; [`permit`](Self::permit) and [`run`](Self::run) give it back by themselves.
    ///
    /// # Errors
    /// If the user is asked to end meanwhile, or too many wait.
    ///
    /// ```no_run
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// logins.wait()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> Result<()> {
        Ok(self.0.wait(None)?)
    }

    /// Wait for this user's turn, at most this long.
    ///
    /// # Errors
    /// If the time is over or the user is asked to end, or too many wait.
    ///
    /// ```no_run
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// logins.wait_timeout(Duration::from_secs(10))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Result<()> {
        Ok(self.0.wait(limit(timeout))?)
    }

    /// Like [`wait`](Self::wait), for `async` code. Dropping it gives the place in the queue up.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait).
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # async fn iterate(logins: &lt_sdk::coordination::Throttle) -> Result<()> {
    /// select! {
    ///     turn = logins.wait_async() => turn?,
    ///     () = timing::sleep_async(Duration::from_secs(1)) => return Ok(()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_async(&self) -> Result<()> {
        self.queue()?.await
    }

    /// Take a turn if one is free now and nobody waits for it.
    ///
    /// # Errors
    /// If the user is asked to end.
    ///
    /// ```no_run
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// if !logins.try_turn()? {
    ///     return Ok(()); // others are busy with it
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_turn(&self) -> Result<bool> {
        Ok(self.0.try_()?)
    }

    /// Queue for a turn without waiting.
    ///
    /// # Errors
    /// If the user is asked to end, or too many wait.
    ///
    /// ```no_run
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// let turn = logins.queue()?;
    /// // something else
    /// turn.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue(&self) -> Result<Turn> {
        Ok(Turn(self.0.queue()?))
    }

    /// Wait for this user's turn; the place is given back when the permit is dropped.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait).
    ///
    /// ```no_run
    /// # fn iterate(uploads: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// let _place = uploads.permit()?;
    /// // upload
    /// # Ok(())
    /// # }
    /// ```
    pub fn permit(&self) -> Result<Permit<'_>> {
        self.wait()?;
        Ok(Permit(self))
    }

    /// The same, waiting at most this long.
    ///
    /// # Errors
    /// Those of [`wait_timeout`](Self::wait_timeout).
    ///
    /// ```no_run
    /// # fn iterate(uploads: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// let _place = uploads.permit_timeout(lt_sdk::timing::Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn permit_timeout(&self, timeout: Duration) -> Result<Permit<'_>> {
        self.wait_timeout(timeout)?;
        Ok(Permit(self))
    }

    /// Like [`permit`](Self::permit), for `async` code.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait).
    ///
    /// ```no_run
    /// # async fn iterate(uploads: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// let _place = uploads.permit_async().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn permit_async(&self) -> Result<Permit<'_>> {
        self.wait_async().await?;
        Ok(Permit(self))
    }

    /// Wait for this user's turn, do something that can fail, and give the place back.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait), and those of what is done.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> Result<()> {
    /// let page = logins.run(|| http::get("http://127.0.0.1:8080/login").send())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<T, E: Into<crate::Error>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> crate::Result<T> {
        let _place = self.permit()?;
        work().map_err(Into::into)
    }

    /// Give a place back. Only parallelism has places; otherwise, or if this user holds none, it does nothing.
    ///
    /// ```no_run
    /// # fn iterate(uploads: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// uploads.wait()?;
    /// // upload
    /// uploads.release();
    /// # Ok(())
    /// # }
    /// ```
    pub fn release(&self) {
        self.0.release();
    }

    /// Change the budget now. Whoever waits, waits for the new one; a gradual change under way ends.
    ///
    /// # Errors
    /// If the budget is unfit.
    ///
    /// ```no_run
    /// # use lt_sdk::{coordination::Budget, timing::Duration};
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// logins.change(Budget::rate(200, Duration::from_secs(1)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn change(&self, budget: Budget) -> Result<()> {
        Ok(self.0.change(budget.into())?)
    }

    /// Change the rate gradually, from the present one. Both must be rates or interarrivals.
    ///
    /// # Errors
    /// If the budget is unfit, or a gradual change is under way.
    ///
    /// ```no_run
    /// # use lt_sdk::{coordination::{Budget, Transition}, timing::Duration};
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
    /// let faster = Budget::rate(200, Duration::from_secs(1));
    /// logins.change_gradually(faster, Transition::Over(Duration::from_secs(60)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn change_gradually(&self, budget: Budget, transition: Transition) -> Result<()> {
        Ok(self.0.change_gradually(budget.into(), transition.into())?)
    }

    /// Let nobody through until [`resume`](Self::resume) or [`unlock`](Self::unlock).
    ///
    /// ```no_run
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) {
    /// logins.pause();
    /// # }
    /// ```
    pub fn pause(&self) {
        self.0.pause();
    }

    /// Go on with the budget there was.
    ///
    /// ```no_run
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) {
    /// logins.resume();
    /// # }
    /// ```
    pub fn resume(&self) {
        self.0.resume();
    }

    /// Let everybody through at once, from now on.
    ///
    /// ```no_run
    /// # fn iterate(logins: &lt_sdk::coordination::Throttle) {
    /// logins.unlock();
    /// # }
    /// ```
    pub fn unlock(&self) {
        self.0.unlock();
    }
}

/// A turn that was taken; dropping it gives the place back.
///
/// ```no_run
/// # fn iterate(uploads: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
/// let place: lt_sdk::coordination::Permit<'_> = uploads.permit()?;
/// drop(place);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct Permit<'a>(&'a Throttle);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// A place in a throttle's queue. Dropping it gives the place up. In `async` code it can be awaited.
///
/// ```no_run
/// # fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
/// let turn = logins.queue()?;
/// if turn.is_ready() {
///     turn.finish()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it gives the place up"]
pub struct Turn(host::Turn);

impl Turn {
    /// Whether the turn has come, or can never come.
    ///
    /// ```no_run
    /// # fn look(turn: &lt_sdk::coordination::Turn) -> bool {
    /// turn.is_ready()
    /// # }
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.subscribe().is_ready()
    }

    /// Something to wait on, together with others.
    ///
    /// ```no_run
    /// # async fn wait(turn: &lt_sdk::coordination::Turn) {
    /// lt_sdk::runtime::Wait::on(turn.subscribe()).await;
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Pollable {
        Pollable::from_host(self.0.subscribe())
    }

    /// Wait for the turn.
    ///
    /// # Errors
    /// If the user is asked to end meanwhile.
    ///
    /// ```no_run
    /// # fn wait(turn: lt_sdk::coordination::Turn) -> lt_sdk::Result<()> {
    /// turn.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish(self) -> Result<()> {
        Ok(self.0.finish(None)?)
    }

    /// Wait for the turn, at most this long; it keeps its place in the queue if the time is over.
    ///
    /// # Errors
    /// If the time is over, or the user is asked to end.
    ///
    /// ```no_run
    /// # fn wait(turn: &lt_sdk::coordination::Turn) -> lt_sdk::Result<()> {
    /// turn.finish_timeout(lt_sdk::timing::Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish_timeout(&self, timeout: Duration) -> Result<(), Error> {
        Ok(self.0.finish(limit(timeout))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_and_transitions_reach_the_contract() {
        assert!(matches!(
            Budget::rate(5, Duration::from_millis(2)).into(),
            host::Budget::Rate(host::Rate {
                count: 5,
                interval: 2_000_000
            })
        ));
        assert!(matches!(
            Budget::Interarrival(Duration::ZERO).into(),
            host::Budget::Interarrival(0)
        ));
        assert!(matches!(
            Transition::Steps(3, Duration::from_nanos(7)).into(),
            host::Transition::Steps((3, 7))
        ));
    }
}
