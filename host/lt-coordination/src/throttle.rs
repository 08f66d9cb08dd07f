//! The clock and the wakers around a [`Line`].
//!
//! One timer serves the whole line. It does not hang on the first waiter's being polled, since a guest may hold a turn and
//! look elsewhere: when it fires, it advances the line itself and wakes exactly those who were granted. It lives in the
//! runtime of the first waiter, whose turn is dropped before its runtime ends; then the next waiter's runtime takes over.
//!
//! No lock is held while a timer is made, polled or dropped and while somebody is woken: each of these may call back.

use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::api::{Answer, Budget, CoordinationError, Throttle, Transition, Turn};
use crate::line::{Grant, Line, Ticket};
use crate::pace::nanoseconds;
use crate::{lock, remember};

/// What is remembered of one who waits.
#[derive(Debug, Default)]
struct Waiter {
    /// Where its task runs. `None` if it queued outside a runtime and was not polled yet.
    runtime: Option<Handle>,
    waker: Option<Waker>,
}

type Timer = std::pin::Pin<Box<Sleep>>;

#[derive(Debug)]
struct State {
    line: Line<Waiter>,
    alarm: Option<Alarm>,
    /// Counts alarms, so that one that was replaced is known.
    alarms: u64,
}

/// A timer that is set, or about to be.
#[derive(Debug)]
struct Alarm {
    number: u64,
    at_ns: u64,
    runtime: tokio::runtime::Id,
    /// Only kept: it fires into [`Bell`].
    timer: Option<Timer>,
}

/// An alarm that is to be set once the lock is free.
struct Order {
    number: u64,
    at: Instant,
    runtime: Handle,
}

#[derive(Debug)]
struct Shared {
    /// The budget it was opened with first: whoever opens it again must name the same.
    original: Budget,
    origin: Instant,
    state: Mutex<State>,
}

/// A throttle of this process. Clones are the same throttle.
#[derive(Clone, Debug)]
pub(crate) struct LocalThrottle {
    shared: Arc<Shared>,
}

impl LocalThrottle {
    /// A throttle whose first turn is free now.
    ///
    /// # Errors
    /// `InvalidValue`.
    pub(crate) fn new(budget: Budget) -> Result<Self, CoordinationError> {
        let state = State {
            line: Line::new(budget, 0)?,
            alarm: None,
            alarms: 0,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                original: budget,
                origin: Instant::now(),
                state: Mutex::new(state),
            }),
        })
    }

    /// The budget it was opened with first.
    pub(crate) fn original(&self) -> Budget {
        self.shared.original
    }
}

impl Shared {
    /// Do something to the line, advanced to now; then advance it again, see to its timer and wake who was granted.
    fn with<R>(self: &Arc<Self>, act: impl FnOnce(&mut Line<Waiter>, u64) -> R) -> R {
        let mut granted = Vec::new();
        let (result, order, spent) = {
            let mut state = lock(&self.state);
            let now_ns = nanoseconds(Instant::now().saturating_duration_since(self.origin));
            state.line.advance(now_ns, &mut granted);
            let result = act(&mut state.line, now_ns);
            state.line.advance(now_ns, &mut granted);
            let (order, spent) = state.see_to_alarm(self.origin);
            (result, order, spent)
        };
        drop(spent);
        for waiter in granted {
            if let Some(waker) = waiter.waker {
                waker.wake();
            }
        }
        if let Some(order) = order {
            self.set(order);
        }
        result
    }

    /// Set an alarm in its runtime: at once if that is this one, else by a task there. A runtime that has ended drops the
    /// task, but then its waiters are gone too, and whoever is first now has another alarm.
    fn set(self: &Arc<Self>, order: Order) {
        if Handle::try_current().is_ok_and(|here| here.id() == order.runtime.id()) {
            self.start_timer(&order);
            return;
        }
        let throttle = Arc::downgrade(self);
        let runtime = order.runtime.clone();
        runtime.spawn(async move {
            if let Some(throttle) = throttle.upgrade() {
                throttle.start_timer(&order);
            }
        });
    }

    /// Make the timer and let it know whom to call. It may call at once. The caller is inside its runtime.
    fn start_timer(self: &Arc<Self>, order: &Order) {
        let mut timer = Box::pin(sleep_until(order.at));
        let bell = Waker::from(Arc::new(Bell {
            throttle: Arc::downgrade(self),
            number: order.number,
        }));
        let mut context = Context::from_waker(&bell);
        // The budget of whichever task is here has nothing to do with the line's timer.
        let polled = pin!(unconstrained(std::future::poll_fn(|context| {
            timer.as_mut().poll(context)
        })))
        .poll(&mut context);
        if polled.is_ready() {
            self.ring(order.number);
            return;
        }
        let unneeded = match &mut lock(&self.state).alarm {
            Some(alarm) if alarm.number == order.number => alarm.timer.replace(timer),
            Some(_) | None => Some(timer),
        };
        drop(unneeded);
    }

    /// This alarm went off.
    fn ring(self: &Arc<Self>, number: u64) {
        let spent = {
            let mut state = lock(&self.state);
            if state.alarm.as_ref().is_none_or(|it| it.number != number) {
                return;
            }
            state.alarm.take()
        };
        drop(spent);
        self.with(|_, _| ());
    }
}

impl State {
    /// What alarm to set now, and which one is not needed any more.
    fn see_to_alarm(&mut self, origin: Instant) -> (Option<Order>, Option<Alarm>) {
        let wanted = self.line.alarm_ns().and_then(|at_ns| {
            let first = self.line.waiting().find_map(|it| it.runtime.as_ref());
            first.map(|runtime| (at_ns, runtime.clone()))
        });
        let Some((at_ns, runtime)) = wanted else {
            return (None, self.alarm.take());
        };
        if let Some(alarm) = &self.alarm
            && alarm.at_ns == at_ns
            && alarm.runtime == runtime.id()
        {
            return (None, None);
        }
        // Times beyond what a clock can tell never come.
        let Some(at) = origin.checked_add(Duration::from_nanos(at_ns)) else {
            return (None, self.alarm.take());
        };
        self.alarms += 1;
        let number = self.alarms;
        let spent = self.alarm.replace(Alarm {
            number,
            at_ns,
            runtime: runtime.id(),
            timer: None,
        });
        let order = Order {
            number,
            at,
            runtime,
        };
        (Some(order), spent)
    }
}

/// Whom the timer calls. Weak, since the throttle owns the timer.
struct Bell {
    throttle: Weak<Shared>,
    number: u64,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(throttle) = self.throttle.upgrade() {
            throttle.ring(self.number);
        }
    }
}

impl Throttle for LocalThrottle {
    fn queue(&self) -> Result<Box<dyn Turn>, CoordinationError> {
        let ticket = self.shared.with(|line, now_ns| {
            line.queue(now_ns, || Waiter {
                runtime: Handle::try_current().ok(),
                waker: None,
            })
        })?;
        Ok(Box::new(LocalTurn {
            throttle: Arc::clone(&self.shared),
            phase: match ticket {
                Ticket::Granted(grant) => Phase::Granted(grant),
                Ticket::Waiting(number) => Phase::Waiting(number),
            },
        }))
    }

    fn try_turn(&self) -> Answer<Option<bool>> {
        let granted = self.shared.with(|line, now_ns| line.try_now(now_ns));
        let holds_place = granted.map(|grant| grant.holds_place);
        Box::pin(std::future::ready(Ok(holds_place)))
    }

    fn release(&self) {
        self.shared.with(|line, _| line.release());
    }

    fn change(&self, budget: Budget) -> Result<(), CoordinationError> {
        self.shared.with(|line, now_ns| line.change(budget, now_ns))
    }

    fn change_gradually(
        &self,
        budget: Budget,
        transition: Transition,
    ) -> Result<(), CoordinationError> {
        self.shared
            .with(|line, now_ns| line.change_gradually(budget, transition, now_ns))
    }

    fn pause(&self) {
        self.shared.with(Line::pause);
    }

    fn resume(&self) {
        self.shared.with(Line::resume);
    }

    fn unlock(&self) {
        self.shared.with(Line::unlock);
    }

    fn budget(&self) -> Option<Budget> {
        self.shared.with(|line, _| line.budget())
    }
}

/// One's place in the line; [`Line`] has the table.
struct LocalTurn {
    throttle: Arc<Shared>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting(u64),
    Granted(Grant),
    Taken,
}

impl LocalTurn {
    /// See whether the turn has come; if not, remember whom to wake.
    fn look(&mut self, waker: Option<&Waker>) {
        let Phase::Waiting(number) = self.phase else {
            return;
        };
        let (adopt, _outdated) = {
            let mut state = lock(&self.throttle.state);
            if let Some(grant) = state.line.collect(number) {
                self.phase = Phase::Granted(grant);
                return;
            }
            let Some((waiter, waker)) = state.line.waiter(number).zip(waker) else {
                return;
            };
            (waiter.runtime.is_none(), remember(&mut waiter.waker, waker))
        };
        if adopt {
            // It was queued outside a runtime, so nobody may have set the alarm.
            self.throttle.with(|line, _| {
                if let Some(waiter) = line.waiter(number) {
                    waiter.runtime = Handle::try_current().ok();
                }
            });
        }
    }
}

impl Turn for LocalTurn {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.look(Some(cx.waker()));
        match self.phase {
            Phase::Waiting(_) => Poll::Pending,
            Phase::Granted(_) | Phase::Taken => Poll::Ready(()),
        }
    }

    fn take(&mut self) -> Result<bool, CoordinationError> {
        self.look(None);
        match self.phase {
            Phase::Granted(grant) => {
                self.phase = Phase::Taken;
                Ok(grant.holds_place)
            }
            Phase::Taken => Err(CoordinationError::AlreadyFinished),
            Phase::Waiting(_) => Err(CoordinationError::Other(
                "the turn has not come yet".to_owned(),
            )),
        }
    }
}

impl Drop for LocalTurn {
    fn drop(&mut self) {
        match self.phase {
            Phase::Waiting(number) => drop(self.throttle.with(|line, _| line.leave(number))),
            Phase::Granted(grant) if grant.holds_place => {
                self.throttle.with(|line, _| line.give_back(grant));
            }
            Phase::Granted(_) | Phase::Taken => {}
        }
    }
}
