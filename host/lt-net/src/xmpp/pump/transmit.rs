//! What a pump sends.

use std::task::{Context, Poll};

use super::{Observer, Pump, State, count};

impl Pump {
    /// Write until there is nothing more or the kernel takes nothing more.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, observer: &impl Observer) {
        if matches!(self.state, State::Lingering { .. } | State::Done) {
            return;
        }
        while self.broken.is_none() {
            if self.is_unflushed {
                match self.channel.poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.is_unflushed = false,
                    Poll::Ready(Err(error)) => {
                        self.broken = Some(Box::new(error));
                        break;
                    }
                    Poll::Pending => {}
                }
            }
            if self.channel.queued() > 0 {
                break;
            }
            self.count_batch(observer);
            self.send_step();
            let session = &self.session;
            let mut outbox = session.outbox.borrow_mut();
            let batch = outbox.give(&mut self.channel, &mut session.sm.borrow_mut());
            let Some(batch) = batch else {
                break;
            };
            for _ in 0..batch.forgotten {
                observer.error("resend-overflow");
            }
            self.batch = Some(Box::new(batch));
            self.is_unflushed = true;
        }
    }

    /// What a step sends and found no room.
    fn send_step(&mut self) {
        let mut slot = self.session.running.borrow_mut();
        slot.take_if(|running| {
            running.is_over() || running.send(&mut self.session.outbox.borrow_mut())
        });
    }

    /// All that was given to the channel is with the kernel.
    fn count_batch(&mut self, observer: &impl Observer) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        let stanzas = batch.counts.iter().map(|count| u64::from(*count)).sum();
        if stanzas > 0 {
            count(&self.session.sent, stanzas);
            observer.sent(batch.counts);
        }
        if self.session.outbox.borrow_mut().written(&batch) {
            self.session.ends.wake_user();
        }
    }
}
