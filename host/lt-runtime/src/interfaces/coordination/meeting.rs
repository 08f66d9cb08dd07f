//! Meetings: places where users form groups.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use lt_coordination::{Group, Meeting, MeetingPlan, MeetingSize, Seat, UserRef};
use lt_load::StopFlag;
use lt_metrics::builtin;
use tokio::time::Instant;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::handles_used_up;
use crate::bindings::coordination as wit;
use crate::bindings::coordination::{ErrorCode, HostMeeting, HostSeat};
use crate::interfaces::View;
use crate::interfaces::wait::{Waited, stopping, wait_for};
use crate::pinned::{Pinned, PinnedFuture};
use crate::trace::{traced, traced_async};

/// A meeting that the guest has open.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct MeetingHandle(Pinned<Rc<OpenMeeting>>);

/// A place in a meeting.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct SeatHandle(Pinned<Rc<TakenSeat>>);

struct OpenMeeting {
    name: String,
    meeting: Arc<dyn Meeting>,
}

struct TakenSeat {
    meeting: Rc<OpenMeeting>,
    seat: RefCell<Option<Box<dyn Seat>>>,
    taken: Instant,
    finished: Cell<bool>,
    stop: Option<Rc<StopFlag>>,
}

impl TakenSeat {
    fn poll(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        match &mut *self.seat.borrow_mut() {
            Some(seat) => seat.poll_ready(cx),
            None => std::task::Poll::Ready(()),
        }
    }

    async fn wait(&self, timeout: Option<u64>) -> Result<Group, ErrorCode> {
        if self.finished.get() {
            return Err(ErrorCode::AlreadyFinished);
        }
        let waited = wait_for(|cx| self.poll(cx), timeout, self.stop.clone()).await;
        let mut place = self.seat.borrow_mut();
        let Some(seat) = &mut *place else {
            return Err(ErrorCode::AlreadyFinished);
        };
        if waited == Waited::Ready || (waited == Waited::Timeout && seat.give_up()) {
            self.finished.set(true);
            return Ok(seat.take()?);
        }
        // Nobody waits any more: the others must not count on this user.
        self.finished.set(true);
        *place = None;
        Err(match waited {
            Waited::Stopping => ErrorCode::Stopping,
            Waited::Timeout | Waited::Ready => ErrorCode::Timeout,
        })
    }
}

/// Ready when a group is complete, or the user is asked to end.
struct SeatReady(Pinned<Rc<TakenSeat>>);

#[wasmtime_wasi::async_trait]
impl Pollable for SeatReady {
    async fn ready(&mut self) {
        let seat = self.0.get().clone();
        PinnedFuture::new(async move {
            let stop = seat.stop.clone();
            tokio::select! {
                biased;
                () = std::future::poll_fn(|cx| seat.poll(cx)) => {}
                () = stopping(stop) => {}
            }
        })
        .await;
    }
}

impl View<'_> {
    fn take_seat(
        &self,
        handle: &Resource<MeetingHandle>,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Pinned<Rc<TakenSeat>>, ErrorCode>> {
        if self.is_stopping() {
            return Ok(Err(ErrorCode::Stopping));
        }
        let meeting = self.0.table.get(handle)?.0.get().clone();
        let seat = match meeting.meeting.queue(&self.as_seen(), Bytes::from(data)) {
            Ok(seat) => seat,
            Err(error) => return Ok(Err(error.into())),
        };
        Ok(Ok(Pinned::new(Rc::new(TakenSeat {
            meeting,
            seat: RefCell::new(Some(seat)),
            taken: Instant::now(),
            finished: Cell::new(false),
            stop: self.0.stop_flag(),
        }))))
    }

    /// This user, as others see it.
    fn as_seen(&self) -> UserRef {
        self.0.core().user_ref(self.0.who)
    }

    async fn finish_seat(
        &mut self,
        seat: Pinned<Rc<TakenSeat>>,
        timeout: Option<u64>,
    ) -> Result<wit::Group, ErrorCode> {
        let waiting = {
            let seat = seat.get().clone();
            PinnedFuture::new(async move { seat.wait(timeout).await })
        };
        let group = waiting.await?;
        let seat = seat.get();
        self.record_wait(
            builtin::MEETING_WAIT,
            ("meeting", &seat.meeting.name),
            seat.taken.elapsed(),
        );
        Ok(wit::Group {
            number: group.number,
            position: group.position,
            members: group
                .members
                .iter()
                .map(|member| wit::Member {
                    user: member.user.id,
                    role: member.user.role.to_string(),
                    data: member.data.to_vec(),
                })
                .collect(),
        })
    }
}

impl HostMeeting for View<'_> {
    async fn open(
        &mut self,
        name: String,
        plan: wit::MeetingPlan,
    ) -> wasmtime::Result<Result<Resource<MeetingHandle>, ErrorCode>> {
        traced_async!(self, "coordination.meeting.open", (name, plan), {
            let plan = MeetingPlan {
                size: match plan.size {
                    wit::Size::Exactly(count) => MeetingSize::Exactly(count),
                    wit::Size::Between((least, most)) => MeetingSize::Between(least, most),
                    wit::Size::All => MeetingSize::All,
                },
                roles: plan.roles,
            };
            let coordination = self.0.core().run.common.coordination.clone();
            let meeting = match coordination.open_meeting(&name, plan).await {
                Ok(meeting) => Rc::new(OpenMeeting { name, meeting }),
                Err(error) => return Ok(Err(error.into())),
            };
            Ok(self
                .0
                .table
                .push(MeetingHandle(Pinned::new(meeting)))
                .map_err(|_| handles_used_up()))
        })
    }

    async fn join(
        &mut self,
        handle: Resource<MeetingHandle>,
        data: Vec<u8>,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<wit::Group, ErrorCode>> {
        traced_async!(
            self,
            "coordination.meeting.join",
            (handle, data, timeout),
            {
                match self.take_seat(&handle, data)? {
                    Ok(seat) => Ok(self.finish_seat(seat, timeout).await),
                    Err(error) => Ok(Err(error)),
                }
            }
        )
    }

    fn queue(
        &mut self,
        handle: Resource<MeetingHandle>,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<SeatHandle>, ErrorCode>> {
        traced!(self, "coordination.meeting.queue", (handle, data), {
            let seat = match self.take_seat(&handle, data)? {
                Ok(seat) => seat,
                Err(error) => return Ok(Err(error)),
            };
            Ok(self
                .0
                .table
                .push(SeatHandle(seat))
                .map_err(|_| handles_used_up()))
        })
    }

    fn reset(&mut self, handle: Resource<MeetingHandle>) -> wasmtime::Result<()> {
        traced!(self, "coordination.meeting.reset", (handle), {
            self.0.table.get(&handle)?.0.get().meeting.reset();
            Ok(())
        })
    }

    fn drop(&mut self, handle: Resource<MeetingHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(handle)?;
        Ok(())
    }
}

impl HostSeat for View<'_> {
    fn subscribe(
        &mut self,
        handle: Resource<SeatHandle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "coordination.seat.subscribe", (handle), {
            let seat = self.0.table.get(&handle)?.0.get().clone();
            let ready = self.0.table.push(SeatReady(Pinned::new(seat)))?;
            subscribe(&mut self.0.table, ready)
        })
    }

    async fn finish(
        &mut self,
        handle: Resource<SeatHandle>,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<wit::Group, ErrorCode>> {
        traced_async!(self, "coordination.seat.finish", (handle, timeout), {
            let seat = Pinned::new(self.0.table.get(&handle)?.0.get().clone());
            Ok(self.finish_seat(seat, timeout).await)
        })
    }

    fn drop(&mut self, handle: Resource<SeatHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(handle)?;
        Ok(())
    }
}
