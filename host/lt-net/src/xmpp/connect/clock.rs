//! The time of each step, readable also when a deadline drops a step midway.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::xmpp::XmppError;

thread_local! {
    /// Names of steps: each session keeps the times of its steps under them.
    static NAMES: RefCell<Vec<Rc<str>>> = const { RefCell::new(Vec::new()) };
}

/// A name that all share: there are some twenty.
pub(crate) fn name_of(name: &'static str) -> Rc<str> {
    NAMES.with_borrow_mut(|names| {
        if let Some(known) = names.iter().find(|known| ***known == *name) {
            return known.clone();
        }
        let new: Rc<str> = name.into();
        names.push(new.clone());
        new
    })
}

/// What steps took, in order.
pub(super) type Times = Vec<(Rc<str>, Duration)>;

/// What steps took so far. Shared by reference by whoever does them.
#[derive(Debug)]
pub(super) struct Clock {
    /// Time for each.
    step_timeout: Duration,
    steps: RefCell<Times>,
    /// The step under way: its name, when it began, and what it took before that.
    running: RefCell<Option<(Rc<str>, Instant, Duration)>>,
    failed: RefCell<Option<Rc<str>>>,
}

impl Clock {
    pub(super) fn new(step_timeout: Duration) -> Self {
        Self {
            step_timeout,
            steps: RefCell::default(),
            running: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    /// Time for each step.
    pub(super) fn step_timeout(&self) -> Duration {
        self.step_timeout
    }

    /// Do a step.
    ///
    /// # Errors
    /// Its own, and `StepTimeout`.
    pub(super) async fn step<T>(
        &self,
        name: &Rc<str>,
        work: impl Future<Output = Result<T, XmppError>>,
    ) -> Result<T, XmppError> {
        let mut spent = Duration::ZERO;
        let result = self.part(name, &mut spent, work).await;
        if result.is_ok() {
            self.record(name, spent);
        }
        result
    }

    /// Do a part of a step whose earlier parts took `spent`, and add what it took. A whole step is to be recorded; one that fails is.
    ///
    /// # Errors
    /// Those of the work, and `StepTimeout`.
    pub(super) async fn part<T>(
        &self,
        name: &Rc<str>,
        spent: &mut Duration,
        work: impl Future<Output = Result<T, XmppError>>,
    ) -> Result<T, XmppError> {
        let begun = Instant::now();
        *self.running.borrow_mut() = Some((name.clone(), begun, *spent));
        let deadline = begun + self.step_timeout.saturating_sub(*spent);
        let result = timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| Err(XmppError::StepTimeout(name.to_string())));
        *spent += begun.elapsed();
        if result.is_err() {
            self.stop();
        } else {
            self.running.take();
        }
        result
    }

    /// A step begins that has a deadline of its own.
    pub(super) fn enter(&self, name: &Rc<str>) {
        *self.running.borrow_mut() = Some((name.clone(), Instant::now(), Duration::ZERO));
    }

    /// It ended; whoever did it records it.
    pub(super) fn leave(&self) {
        self.running.take();
    }

    /// All time is over: which step had none left, if one was under way.
    ///
    /// Time for a step and for all of connecting are often the same, and the latter began earlier: without its name nobody would know where the time
    /// went.
    pub(super) fn out_of_time(&self) -> XmppError {
        match &*self.running.borrow() {
            Some((name, ..)) => XmppError::StepTimeout(name.to_string()),
            None => XmppError::Timeout,
        }
    }

    /// A step was done.
    pub(super) fn record(&self, name: &Rc<str>, took: Duration) {
        self.steps.borrow_mut().push((name.clone(), took));
    }

    /// A step failed.
    pub(super) fn record_failed(&self, name: &Rc<str>, took: Duration) {
        self.record(name, took);
        *self.failed.borrow_mut() = Some(name.clone());
    }

    /// Nothing more is done: the step that is under way, if there is one, failed.
    pub(super) fn stop(&self) {
        if let Some((name, begun, before)) = self.running.take() {
            self.record_failed(&name, before + begun.elapsed());
        }
    }

    /// What steps took, and the one that failed.
    pub(super) fn read(&self) -> (Times, Option<Rc<str>>) {
        let mut steps = self.steps.borrow().clone();
        steps.shrink_to_fit();
        (steps, self.failed.borrow().clone())
    }
}
