//! Throttles: budgets that users share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lt_coordination::{Budget, Throttle, Transition, Turn};
use lt_load::StopFlag;
use lt_metrics::builtin;
use tokio::time::Instant;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::handles_used_up;
use crate::bindings::coordination as wit;
use crate::bindings::coordination::{ErrorCode, HostThrottle, HostTurn};
use crate::interfaces::View;
use crate::interfaces::wait::{Waited, stopping, wait_for};
use crate::pinned::{Pinned, PinnedFuture};
use crate::trace::{traced, traced_async};

/// A throttle that the guest has open.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct ThrottleHandle(Pinned<Rc<OpenThrottle>>);

/// A place in a throttle's queue.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct TurnHandle(Pinned<Rc<QueuedTurn>>);

/// An open throttle and the places that the user holds of it, which it gives back however it ends.
struct OpenThrottle {
    name: String,
    throttle: Arc<dyn Throttle>,
    held: Cell<u32>,
}

impl OpenThrottle {
    /// A turn was taken.
    fn granted(&self, holds_place: bool) {
        if holds_place {
            self.held.set(self.held.get() + 1);
        }
    }

    fn release(&self) {
        if let Some(left) = self.held.get().checked_sub(1) {
            self.held.set(left);
            self.throttle.release();
        }
    }
}

impl Drop for OpenThrottle {
    fn drop(&mut self) {
        for _ in 0..self.held.get() {
            self.throttle.release();
        }
    }
}

struct QueuedTurn {
    throttle: Rc<OpenThrottle>,
    turn: RefCell<Box<dyn Turn>>,
    queued: Instant,
    finished: Cell<bool>,
    stop: Option<Rc<StopFlag>>,
}

impl QueuedTurn {
    async fn wait(&self, timeout: Option<u64>) -> Result<(), ErrorCode> {
        if self.finished.get() {
            return Err(ErrorCode::AlreadyFinished);
        }
        let poll = |cx: &mut std::task::Context<'_>| self.turn.borrow_mut().poll_ready(cx);
        match wait_for(poll, timeout, self.stop.clone()).await {
            Waited::Ready => {
                self.finished.set(true);
                let holds_place = self.turn.borrow_mut().take()?;
                self.throttle.granted(holds_place);
                Ok(())
            }
            Waited::Timeout => Err(ErrorCode::Timeout),
            Waited::Stopping => Err(ErrorCode::Stopping),
        }
    }
}

/// Ready when a turn has come, or the user is asked to end.
struct TurnReady(Pinned<Rc<QueuedTurn>>);

#[wasmtime_wasi::async_trait]
impl Pollable for TurnReady {
    async fn ready(&mut self) {
        let turn = self.0.get().clone();
        PinnedFuture::new(async move {
            let stop = turn.stop.clone();
            if turn.finished.get() {
                return;
            }
            tokio::select! {
                biased;
                () = std::future::poll_fn(|cx| turn.turn.borrow_mut().poll_ready(cx)) => {}
                () = stopping(stop) => {}
            }
        })
        .await;
    }
}

impl View<'_> {
    fn throttle(&self, handle: &Resource<ThrottleHandle>) -> wasmtime::Result<Rc<OpenThrottle>> {
        Ok(self.0.table.get(handle)?.0.get().clone())
    }

    /// Queue for a turn.
    fn queue_turn(
        &self,
        handle: &Resource<ThrottleHandle>,
    ) -> wasmtime::Result<Result<Pinned<Rc<QueuedTurn>>, ErrorCode>> {
        if self.is_stopping() {
            return Ok(Err(ErrorCode::Stopping));
        }
        let throttle = self.throttle(handle)?;
        let turn = match throttle.throttle.queue() {
            Ok(turn) => RefCell::new(turn),
            Err(error) => return Ok(Err(error.into())),
        };
        Ok(Ok(Pinned::new(Rc::new(QueuedTurn {
            turn,
            throttle,
            queued: Instant::now(),
            finished: Cell::new(false),
            stop: self.0.stop_flag(),
        }))))
    }

    async fn finish_turn(
        &mut self,
        turn: Pinned<Rc<QueuedTurn>>,
        timeout: Option<u64>,
    ) -> Result<(), ErrorCode> {
        let waiting = {
            let turn = turn.get().clone();
            PinnedFuture::new(async move { turn.wait(timeout).await })
        };
        let result = waiting.await;
        if result.is_ok() {
            let turn = turn.get();
            self.record_wait(
                builtin::THROTTLE_WAIT,
                ("throttle", &turn.throttle.name),
                turn.queued.elapsed(),
            );
        }
        result
    }

    /// Record how long the user waited for something with this name.
    pub(super) fn record_wait(
        &self,
        metric: lt_metrics::MetricId,
        tag: (&str, &str),
        waited: Duration,
    ) {
        let core = self.0.core();
        let extra = [tag];
        let extra = if core.tells_apart(tag.1) {
            &extra[..]
        } else {
            &[]
        };
        let tags = core.tags_with(self.0.who.role, self.0.group(), extra);
        core.recorder.borrow_mut().record_time(metric, tags, waited);
    }
}

impl HostThrottle for View<'_> {
    async fn open(
        &mut self,
        name: String,
        budget: wit::Budget,
    ) -> wasmtime::Result<Result<Resource<ThrottleHandle>, ErrorCode>> {
        traced_async!(self, "coordination.throttle.open", (name, budget), {
            let coordination = self.0.core().run.common.coordination.clone();
            let throttle = match coordination.open_throttle(&name, plain(budget)).await {
                Ok(throttle) => throttle,
                Err(error) => return Ok(Err(error.into())),
            };
            let open = Rc::new(OpenThrottle {
                name,
                throttle,
                held: Cell::new(0),
            });
            Ok(self
                .0
                .table
                .push(ThrottleHandle(Pinned::new(open)))
                .map_err(|_| handles_used_up()))
        })
    }

    async fn wait(
        &mut self,
        handle: Resource<ThrottleHandle>,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced_async!(self, "coordination.throttle.wait", (handle, timeout), {
            match self.queue_turn(&handle)? {
                Ok(turn) => Ok(self.finish_turn(turn, timeout).await),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    async fn try_(
        &mut self,
        handle: Resource<ThrottleHandle>,
    ) -> wasmtime::Result<Result<bool, ErrorCode>> {
        traced_async!(self, "coordination.throttle.try", (handle), {
            if self.is_stopping() {
                return Ok(Err(ErrorCode::Stopping));
            }
            let answer = self.throttle(&handle)?.throttle.try_turn();
            let granted = match answer.await {
                Ok(granted) => granted,
                Err(error) => return Ok(Err(error.into())),
            };
            if let Some(holds_place) = granted {
                self.throttle(&handle)?.granted(holds_place);
            }
            Ok(Ok(granted.is_some()))
        })
    }

    fn queue(
        &mut self,
        handle: Resource<ThrottleHandle>,
    ) -> wasmtime::Result<Result<Resource<TurnHandle>, ErrorCode>> {
        traced!(self, "coordination.throttle.queue", (handle), {
            let turn = match self.queue_turn(&handle)? {
                Ok(turn) => turn,
                Err(error) => return Ok(Err(error)),
            };
            Ok(self
                .0
                .table
                .push(TurnHandle(turn))
                .map_err(|_| handles_used_up()))
        })
    }

    fn release(&mut self, handle: Resource<ThrottleHandle>) -> wasmtime::Result<()> {
        traced!(self, "coordination.throttle.release", (handle), {
            self.throttle(&handle)?.release();
            Ok(())
        })
    }

    fn change(
        &mut self,
        handle: Resource<ThrottleHandle>,
        budget: wit::Budget,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced!(self, "coordination.throttle.change", (handle, budget), {
            let changed = self.throttle(&handle)?.throttle.change(plain(budget));
            Ok(changed.map_err(ErrorCode::from))
        })
    }

    fn change_gradually(
        &mut self,
        handle: Resource<ThrottleHandle>,
        budget: wit::Budget,
        transition: wit::Transition,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced!(
            self,
            "coordination.throttle.change-gradually",
            (handle, budget, transition),
            {
                let transition = match transition {
                    wit::Transition::Steps((count, length)) => {
                        Transition::Steps(count, Duration::from_nanos(length))
                    }
                    wit::Transition::Over(length) => Transition::Over(Duration::from_nanos(length)),
                };
                let open = self.throttle(&handle)?;
                let changed = open.throttle.change_gradually(plain(budget), transition);
                Ok(changed.map_err(ErrorCode::from))
            }
        )
    }

    fn pause(&mut self, handle: Resource<ThrottleHandle>) -> wasmtime::Result<()> {
        traced!(self, "coordination.throttle.pause", (handle), {
            self.throttle(&handle)?.throttle.pause();
            Ok(())
        })
    }

    fn resume(&mut self, handle: Resource<ThrottleHandle>) -> wasmtime::Result<()> {
        traced!(self, "coordination.throttle.resume", (handle), {
            self.throttle(&handle)?.throttle.resume();
            Ok(())
        })
    }

    fn unlock(&mut self, handle: Resource<ThrottleHandle>) -> wasmtime::Result<()> {
        traced!(self, "coordination.throttle.unlock", (handle), {
            self.throttle(&handle)?.throttle.unlock();
            Ok(())
        })
    }

    fn drop(&mut self, handle: Resource<ThrottleHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(handle)?;
        Ok(())
    }
}

impl HostTurn for View<'_> {
    fn subscribe(
        &mut self,
        handle: Resource<TurnHandle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "coordination.turn.subscribe", (handle), {
            let turn = self.0.table.get(&handle)?.0.get().clone();
            let ready = self.0.table.push(TurnReady(Pinned::new(turn)))?;
            subscribe(&mut self.0.table, ready)
        })
    }

    async fn finish(
        &mut self,
        handle: Resource<TurnHandle>,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced_async!(self, "coordination.turn.finish", (handle, timeout), {
            let turn = Pinned::new(self.0.table.get(&handle)?.0.get().clone());
            Ok(self.finish_turn(turn, timeout).await)
        })
    }

    fn drop(&mut self, handle: Resource<TurnHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(handle)?;
        Ok(())
    }
}

/// The contract's budget as ours.
fn plain(budget: wit::Budget) -> Budget {
    match budget {
        wit::Budget::Rate(rate) => Budget::Rate {
            count: rate.count,
            interval: Duration::from_nanos(rate.interval),
        },
        wit::Budget::Interarrival(time) => Budget::Interarrival(Duration::from_nanos(time)),
        wit::Budget::Parallelism(count) => Budget::Parallelism(count),
        wit::Budget::Unlimited => Budget::Unlimited,
    }
}
