//! Messages between users, and what became of what they sent to each other through the target.

use std::rc::Rc;
use std::task::Context;

use bytes::Bytes;
use lt_coordination::Recipient;
use lt_load::StopFlag;
use tokio::time::Instant;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::bindings::coordination as wit;
use crate::bindings::coordination::{ErrorCode, Host};
use crate::ctx::Mailbox;
use crate::delivery;
use crate::interfaces::View;
use crate::interfaces::timing::{from_guest, nanos, to_guest};
use crate::interfaces::wait::{Waited, stopping, wait_for};
use crate::pinned::{Pinned, PinnedFuture};
use crate::trace::{traced, traced_async};

/// Ready when there is a message, or the user is asked to end.
struct MailReady(Pinned<Mail>);

struct Mail {
    mailbox: Option<Mailbox>,
    stop: Option<Rc<StopFlag>>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for MailReady {
    async fn ready(&mut self) {
        let Mail { mailbox, stop } = self.0.get();
        let (mailbox, stop) = (mailbox.clone(), stop.clone());
        PinnedFuture::new(async move {
            let Some(mailbox) = mailbox else {
                return stopping(stop).await;
            };
            tokio::select! {
                biased;
                () = std::future::poll_fn(|cx| mailbox.borrow_mut().poll_ready(cx)) => {}
                () = stopping(stop) => {}
            }
        })
        .await;
    }
}

fn message(message: lt_coordination::Message) -> wit::Message {
    wit::Message {
        sender: message.sender,
        content: message.content.to_vec(),
        arrived: to_guest(message.arrived),
    }
}

/// Wait for the next message.
async fn next_message(
    mailbox: Mailbox,
    timeout: Option<u64>,
    stop: Option<Rc<StopFlag>>,
) -> Result<wit::Message, ErrorCode> {
    let poll = |cx: &mut Context<'_>| mailbox.borrow_mut().poll_ready(cx);
    match wait_for(poll, timeout, stop).await {
        Waited::Ready => {
            let next = mailbox.borrow_mut().try_receive();
            next.map(message).ok_or(ErrorCode::Timeout)
        }
        Waited::Timeout => Err(ErrorCode::Timeout),
        Waited::Stopping => Err(ErrorCode::Stopping),
    }
}

impl Host for View<'_> {
    async fn send(
        &mut self,
        to: wit::Recipient,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<u32, ErrorCode>> {
        traced_async!(self, "coordination.send", (to, content), {
            let to = match to {
                wit::Recipient::User(id) => Recipient::User(id),
                wit::Recipient::AnyOfRole(role) => Recipient::AnyOfRole(role),
                wit::Recipient::AllOfRole(role) => Recipient::AllOfRole(role),
            };
            let coordination = self.0.core().run.common.coordination.clone();
            let answer = coordination.send(self.0.who.id.0, to, Bytes::from(content));
            let sent = answer.await.map_err(ErrorCode::from);
            Ok(sent.map_err(|error| match error {
                // In a run that winds down others are gone before this user: that is no failure of it.
                ErrorCode::NoRecipient if self.is_stopping() => ErrorCode::Stopping,
                error => error,
            }))
        })
    }

    async fn receive(
        &mut self,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<wit::Message, ErrorCode>> {
        traced_async!(self, "coordination.receive", (timeout), {
            let waiting = {
                let Some(mailbox) = self.0.mailbox() else {
                    let text = "only users have mailboxes: init and terminate have none";
                    return Ok(Err(ErrorCode::Other(text.to_owned())));
                };
                PinnedFuture::new(next_message(mailbox, timeout, self.0.stop_flag()))
            };
            Ok(waiting.await)
        })
    }

    fn try_receive(&mut self) -> wasmtime::Result<Option<wit::Message>> {
        traced!(self, "coordination.try-receive", (), {
            let next = self
                .0
                .mailbox()
                .and_then(|mailbox| mailbox.borrow_mut().try_receive());
            Ok(next.map(message))
        })
    }

    fn subscribe(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "coordination.subscribe", (), {
            let mail = Mail {
                mailbox: self.0.mailbox(),
                stop: self.0.stop_flag(),
            };
            let ready = self.0.table.push(MailReady(Pinned::new(mail)))?;
            subscribe(&mut self.0.table, ready)
        })
    }

    fn mark_sent(
        &mut self,
        id: String,
        recipients: u32,
        at: Option<u64>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced!(self, "coordination.mark-sent", (id, recipients, at), {
            let at = at.map_or_else(Instant::now, from_guest);
            let core = self.0.core();
            let coordination = &core.run.common.coordination;
            let early = match coordination.mark_sent(&id, recipients, core.run.index, at) {
                Ok(early) => early,
                Err(error) => return Ok(Err(error.into())),
            };
            delivery::sent(core, self.0.tags(), recipients, &early);
            Ok(Ok(()))
        })
    }

    fn mark_received(
        &mut self,
        id: String,
        at: Option<u64>,
    ) -> wasmtime::Result<Result<Option<u64>, ErrorCode>> {
        traced!(self, "coordination.mark-received", (id, at), {
            let at = at.map_or_else(Instant::now, from_guest);
            let core = self.0.core();
            let time = delivery::received(core, self.0.who, self.0.tags(), &id, at);
            Ok(time.map(|time| time.map(nanos)).map_err(ErrorCode::from))
        })
    }
}
